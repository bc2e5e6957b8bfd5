package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	deletionPatience = 3 * time.Minute
	deletionRate     = 100 // requests a second of each shop
)

// brief is a release of one step, for shops that release at the same time: istiod is busy then, and proxies are later.
var brief = plan{steps: "[50]", interval: "3s", threshold: 1, delay: "3s", deadline: 120}

// farewell is the phase of a release in which its Canary is deleted.
type farewell struct {
	phase   string
	how     version
	keep    string           // scaleDownDelay
	reached func(r *release) // waits for a moment of the phase that is not its last
	serves  string           // version that serves in the end
	moved   bool             // traffic had moved: the way back gives it to stable
}

func (f farewell) String() string { return f.phase }

// A Canary that is deleted in the foreground, as Argo CD does by default, loses no request in any phase: the garbage
// collector takes nothing away that routes lead to, the release is taken back first, and then the Canary goes. One whose
// release is over leaves what was promoted.
func TestForegroundDeletionInEachPhase(t *testing.T) {
	weighed := func(weight int) func(r *release) {
		return func(r *release) { r.awaitWeight(releaseLimit, weight) }
	}
	entered := func(phase string) func(r *release) {
		return func(r *release) { r.awaitPhase(releaseLimit, phase) }
	}
	together(t, []farewell{
		{phase: "Initializing", reached: weighed(0), serves: "v1"},
		{phase: "Progressing", reached: weighed(50), serves: "v1", moved: true},
		{phase: "Promoting", reached: weighed(100), serves: "v1", moved: true},
		{phase: "Finalizing", reached: entered("Finalizing"), keep: "60s", serves: "v1", moved: true},
		{phase: "RollingBack", reached: entered("RollingBack"), how: version{env: map[string]string{"FAIL_RATE": "0.3"}},
			serves: "v1", moved: true},
		{phase: "Succeeded", reached: entered("Succeeded"), serves: "v2"},
	}, deleteInTheForeground)
}

func deleteInTheForeground(t *testing.T, f farewell) {
	s := open(t, "foreground-"+strings.ToLower(f.phase))
	s.patience = deletionPatience
	before := s.routing()
	traffic := s.send(deletionRate)
	s.deploy("v2", f.how)
	p := brief
	p.keep = f.keep
	r := s.start("v1", "v2", p)
	f.reached(r)
	if f.phase == "Succeeded" {
		mustHaveSucceeded(t, r, before)
	}
	if err := bench.removeBy(s.namespace, "Canary", r.name, metav1.DeletePropagationForeground); err != nil {
		t.Fatal(err)
	}
	took := r.await(t, deletionPatience, "the Canary gone", func() bool { return r.latest("Canary", r.name) == nil })
	t.Logf("gone %.1f s after its deletion", took.Seconds())
	mustHaveBeenDeleted(t, r, f.phase)
	before.mustEqual(t, r.routing(), "v1", f.serves)
	mustCleanUpLast(t, r)
	for _, version := range []string{"v1", "v2"} {
		expected := 0
		if version == f.serves {
			expected = 2
		}
		if got := r.replicas(version); got != expected {
			t.Errorf("checkout-%s has %d replicas instead of %d", version, got, expected)
		}
	}
	if back := slices.Contains(r.phases(), "RollingBack"); back != (f.serves == "v1") {
		t.Errorf("phases: %v", r.phases())
	}
	if f.moved {
		mustNeverRiseAgain(t, r)
	}
	r.await(t, readyLimit, "an answer of "+f.serves+" through the gateway", func() bool { return s.ask("/") == f.serves })
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, deletionRate)
}

// mustHaveBeenDeleted asserts that the deletion came in this phase, and in the foreground.
func mustHaveBeenDeleted(t *testing.T, r *release, phase string) {
	t.Helper()
	for _, revision := range r.of("Canary", r.name, r.since) {
		if revision.object.GetDeletionTimestamp() == nil {
			continue
		}
		if got := text(revision.object, "status", "phase"); got != phase {
			t.Errorf("the Canary was deleted in phase %s instead of %s", got, phase)
		}
		if finalizers := revision.object.GetFinalizers(); !slices.Contains(finalizers, metav1.FinalizerDeleteDependents) {
			t.Errorf("the Canary was not deleted in the foreground: its finalizers were %v", finalizers)
		}
		return
	}
	t.Error("the Canary never had a deletionTimestamp")
}

// mustCleanUpLast asserts that what the release made went after the routes were as their owner wrote them.
func mustCleanUpLast(t *testing.T, r *release) {
	t.Helper()
	states := r.weights()
	gone := 0
	for _, revision := range r.all(r.since) {
		if !revision.gone || revision.kind != "DestinationRule" && revision.kind != "Service" {
			continue
		}
		gone++
		table := ""
		for _, state := range states {
			if state.version < revision.version {
				table = state.table
			}
		}
		if table != "-" {
			t.Errorf("%s %s went while the route was %q", revision.kind, revision.object.GetName(), table)
		}
	}
	const made = 3 // two Services and a rule
	if gone != made {
		t.Errorf("%d objects of the release have gone instead of %d", gone, made)
	}
}
