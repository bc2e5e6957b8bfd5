package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// mustHaveFailed asserts how a release that was taken back leaves the cluster.
func mustHaveFailed(t *testing.T, r *release, before routing, reason string) {
	t.Helper()
	r.awaitPhase(or(r.patience, releaseLimit), "Failed")
	r.mustBeRestored(before, r.stable)
	status, got, message := condition(r.canary(), "Promoted")
	if status != "False" || got != reason || message == "" {
		t.Errorf("condition Promoted of %s is %s (%s: %s), expected False (%s)", r.name, status, got, message, reason)
	}
	if got := r.selector(); got != r.stable {
		t.Errorf("the Service selects %q instead of %s", got, r.stable)
	}
	if got := r.replicas(r.target); got != 0 {
		t.Errorf("%s is left with %d replicas", r.target, got)
	}
	if got := r.replicas(r.stable); got != 2 {
		t.Errorf("%s has %d replicas instead of 2", r.stable, got)
	}
	mustNeverRiseAgain(t, r)
}

// mustNeverRiseAgain asserts that the candidate's weight only falls once the rollback has begun (invariant S7), and that
// stable gets all of the traffic at once. After a promotion the routes name the candidate with all of it first: it had
// that already, by the Service's selector.
func mustNeverRiseAgain(t *testing.T, r *release) {
	t.Helper()
	var began time.Time
	var since int64
	for _, revision := range r.of("Canary", r.name, r.since) {
		if text(revision.object, "status", "phase") == "RollingBack" {
			began, since = revision.at, revision.version
			break
		}
	}
	most := -1
	for _, w := range r.weights() {
		if w.version <= since {
			most = max(most, w.candidate)
		}
	}
	if most < 0 {
		return // Nothing had been routed yet.
	}
	promoted := most == 100
	var returned time.Time
	for _, w := range r.weights() {
		if w.version <= since || w.candidate < 0 || r.edits.has(w.version) {
			continue
		}
		if w.candidate > most {
			t.Errorf("the rollback raised %s from %d to %d %%", r.target, most, w.candidate)
		}
		most = w.candidate
		if w.candidate == 0 && returned.IsZero() {
			returned = w.at
		}
	}
	switch took := returned.Sub(began); {
	case returned.IsZero():
		t.Errorf("the rollback did not give stable all traffic")
	case took > or(r.promptly, time.Second) && !promoted && r.patience == 0:
		t.Errorf("stable had all traffic only %s after the verdict", took)
	default:
		t.Logf("stable had all traffic %d ms after the verdict", took.Milliseconds())
	}
}

// A version that fails one request in five is taken back, and nobody notices but those who got its answers.
func TestErrorsTakeTheReleaseBack(t *testing.T) {
	s := open(t, "errors")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2", version{env: map[string]string{"FAIL_RATE": "0.2"}})
	r := s.start("v1", "v2", plan{})
	r.awaitPhase(releaseLimit, "RollingBack")
	mustHaveFailed(t, r, before, "AnalysisFailed")
	r.awaitEvent(5*time.Second, "Warning CheckFailed", "request-success-rate")
	_, _, message := condition(r.canary(), "Promoted")
	if !strings.Contains(message, "99 %") || !strings.Contains(message, "2 of 2 failed checks") {
		t.Errorf("the reason does not say what was measured against what: %q", message)
	}
	seen := traffic.stop()
	t.Logf("taken back after %.1f s: %s", time.Since(r.began).Seconds(), message)
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
	mustFollowWeights(t, r, seen)
	s.mustAgree(seen, "v2")
	// The candidate failed on purpose: that is what the rollback is about.
	if seen.Versions["v2"].Deliberate == 0 {
		t.Error("the candidate did not fail a single request")
	}
}

// A version whose p99 is 800 ms is taken back at an objective of 500 ms.
func TestLatencyTakesTheReleaseBack(t *testing.T) {
	s := open(t, "latency")
	before := s.routing()
	rate := provingRate
	traffic := startLoad(t, rate, aim{url: bench.gateway + "/", host: s.host, workers: 1024})
	s.deploy("v2", version{env: map[string]string{"LATENCY_MS": "150", "LATENCY_P99_MS": "800"}})
	r := s.start("v1", "v2", plan{metrics: bothMetrics})
	mustHaveFailed(t, r, before, "AnalysisFailed")
	_, _, message := condition(r.canary(), "Promoted")
	if !strings.Contains(message, "500 ms") || !strings.Contains(message, "p99") {
		t.Errorf("the reason does not say what was measured against what: %q", message)
	}
	seen := traffic.stop()
	for _, check := range items(r.canary(), "status", "checks") {
		if check["name"] != "request-duration" {
			continue
		}
		// A machine that is short of time makes answers slower than the service is: the clients' own p99 counts too.
		most := 1.5 * max(800, seen.Versions["v2"].P99Ms)
		if value, _ := check["value"].(float64); check["verdict"] != "Fail" || value < 600 || value > most {
			t.Errorf("the check of a p99 of 800 ms (the clients': %.0f ms): %v", seen.Versions["v2"].P99Ms, check)
		}
	}
	t.Logf("taken back after %.1f s: %s", time.Since(r.began).Seconds(), message)
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, rate)
}

// After the promotion stable's pods stay for a while: until then the way back starts no pod.
func TestRollbackAfterThePromotion(t *testing.T) {
	s := open(t, "regret")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{steps: "[50]", interval: "2s", keep: "60s"})
	r.awaitPhase(releaseLimit, "Finalizing")
	// Clean-up is over, and the release only waits for stable's time to end.
	r.await(t, releaseLimit, "the routes as their owner wrote them", func() bool {
		states := r.weights()
		return r.selector() == "v2" && states[len(states)-1].table == "-"
	})
	output := run(t, "kubectl-weir", "rollback", r.name, "-n", s.namespace, "--reason", "customers complain")
	t.Log(strings.TrimSpace(output))
	mustHaveFailed(t, r, before, "RollbackRequested")
	if _, _, message := condition(r.canary(), "Promoted"); !strings.Contains(message, "customers complain") {
		t.Errorf("the reason that a person gave is lost: %q", message)
	}
	for _, revision := range r.of("Deployment", "checkout-v1", r.since) {
		if number(revision.object, "spec", "replicas") != 2 {
			t.Errorf("stable was scaled to %d", number(revision.object, "spec", "replicas"))
		}
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}

// A Canary that is deleted in the middle takes its release back first, then it goes.
func TestDeletionInTheMiddle(t *testing.T) {
	s := open(t, "deleted")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{})
	r.awaitWeight(releaseLimit, 20)
	r.await(t, 5*time.Second+lateness, "an answer of the candidate", func() bool { return s.ask("/") == "v2" })
	if err := bench.remove(s.namespace, "Canary", r.name); err != nil {
		t.Fatal(err)
	}
	took := r.await(t, 30*time.Second, "the Canary gone", func() bool { return r.latest("Canary", r.name) == nil })
	before.mustEqual(t, r.routing(), "v1", "v1")
	if got := r.replicas("v2"); got != 0 {
		t.Errorf("the candidate is left with %d replicas", got)
	}
	if phases := r.phases(); !slices.Contains(phases, "RollingBack") {
		t.Errorf("phases: %v", phases)
	}
	mustNeverRiseAgain(t, r)
	seen := traffic.stop()
	t.Logf("gone %.1f s after its deletion", took.Seconds())
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}
