package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Endpoints have 3 s to follow a selector before anything is said of it.
const saidLimit = 15 * time.Second

// Old manifests that are applied again after a promotion send all traffic to a version without pods: that is said, with
// who applied them, until the selector is mended; and with the guard it is put back.
func TestOldManifestsAppliedAgain(t *testing.T) {
	s := open(t, "reapplied")
	traffic := s.send(provingRate / 4)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{steps: "[50]", interval: "2s"})
	r.awaitPhase(releaseLimit, "Succeeded")
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	apply := func(version, manager string) {
		t.Helper()
		bench.patch(t, s.namespace, "Service", service, types.MergePatchType,
			fmt.Sprintf(`{"spec": {"selector": {"version": %q}}}`, version), manager)
	}
	awaitPromoted := func(status, reason string) {
		t.Helper()
		r.await(t, saidLimit, "condition Promoted "+status+" with reason "+reason, func() bool {
			gotStatus, gotReason, _ := condition(r.canary(), "Promoted")
			return gotStatus == status && gotReason == reason
		})
	}

	apply("v1", "old-pipeline")
	awaitPromoted("False", "Undone")
	for _, part := range []string{"version=v1", `field manager "old-pipeline"`, "set version: v2"} {
		if message := r.message(); !strings.Contains(message, part) {
			t.Errorf("the message lacks %q: %s", part, message)
		}
	}
	r.awaitEvent(5*time.Second, "Warning Undone", `field manager "old-pipeline"`)
	if r.phase() != "Succeeded" {
		t.Errorf("the phase is %s", r.phase())
	}

	apply("v2", "mended")
	awaitPromoted("True", "Promoted")
	r.awaitEvent(5*time.Second, "Normal Restored", "checkout-v2 serves all traffic")

	bench.patch(t, s.namespace, "Canary", r.name, types.MergePatchType, `{"spec": {"guardAfterPromotion": true}}`, testManager)
	apply("v1", "old-pipeline")
	took := r.await(t, saidLimit, "the selector put back", func() bool { return r.selector() == "v2" })
	t.Logf("put back after %.1f s", took.Seconds())
	r.awaitEvent(5*time.Second, "Warning Repaired", `field manager "old-pipeline"`)
	awaitPromoted("True", "Promoted")
	r.await(t, readyLimit, "an answer of v2 through the gateway", func() bool { return s.ask("/") == "v2" })
}
