package e2e

import (
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
