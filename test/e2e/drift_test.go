package e2e

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Weights that somebody changes by hand are put back at once, and the Event names who it was.
func TestWeightsChangedByHand(t *testing.T) {
	s := open(t, "drift")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{})
	r.awaitWeight(releaseLimit, 20)
	bench.patch(t, s.namespace, "VirtualService", service, types.JSONPatchType, `[
		{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 5},
		{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 95}]`, "late-night-edit")
	changed := r.awaitWeight(5*time.Second, 95)
	var repaired time.Time
	r.await(t, 5*time.Second, "the weights put back", func() bool {
		for _, w := range r.weights() {
			if w.at.After(changed) && w.candidate == 20 {
				repaired = w.at
				return true
			}
		}
		return false
	})
	took := repaired.Sub(changed)
	t.Logf("put back after %d ms", took.Milliseconds())
	if took > time.Second {
		t.Errorf("the weights were put back only after %s", took)
	}
	r.awaitEvent(10*time.Second, "Warning Drifted", `"late-night-edit"`)
	mustHaveSucceeded(t, r, before)
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}

// A candidate that becomes another version in the middle is taken back as the version that it was.
func TestVersionLabelChangedInTheMiddle(t *testing.T) {
	s := open(t, "relabelled")
	before := s.routing()
	traffic := s.send(provingRate / 4)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{})
	r.awaitWeight(releaseLimit, 20)
	edit := func(patch string) error {
		_, err := bench.in(s.namespace, "Canary").Patch(t.Context(), r.name, types.MergePatchType, []byte(patch), patchOptions)
		return err
	}
	for patch, says := range map[string]string{
		`{"spec": {"service": {"versionLabel": "instance"}}}`:               `cannot change from "version" to "instance"`,
		`{"spec": {"service": {"mode": "Dedicated"}}}`:                      `cannot change from "Placeholder" to "Dedicated"`,
		`{"spec": {"routing": {"istio": {"destinationRule": "checkout"}}}}`: "spec.routing.istio cannot change while the release runs",
	} {
		if err := edit(patch); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the API server said %v", patch, err)
		}
	}
	bench.patch(t, s.namespace, "Deployment", "checkout-v2", types.JSONPatchType,
		`[{"op": "replace", "path": "/spec/template/metadata/labels/version", "value": "v3"}]`, "helm")
	r.awaitPhase(releaseLimit, "Failed")
	if message := r.message(); !strings.Contains(message, "checkout-v2 has version=v3 now, and this release knows it by version=v2") {
		t.Errorf("the message is %q", message)
	}
	before.mustEqual(t, r.routing(), "v1", "v1")
	mustNeverRiseAgain(t, r)
	if err := edit(`{"spec": {"service": {"versionLabel": "instance"}}}`); err != nil {
		t.Errorf("after its end: %v", err)
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate/4)
}
