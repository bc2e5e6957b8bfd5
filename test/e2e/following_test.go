package e2e

import (
	"strings"
	"testing"
	"time"
)

// steadyRate, in requests a second, is enough to count proxies' shares by, and for a machine that has other things to do.
const steadyRate = 200

// withoutIstiod stops istiod, so that proxies keep the configuration that they have, until the returned function is called or
// the test ends.
func withoutIstiod(t *testing.T) (back func()) {
	t.Helper()
	bench.part(t, "stop", "istiod")
	away := true
	back = func() {
		if away {
			away = false
			bench.part(t, "start", "istiod")
		}
	}
	t.Cleanup(back)
	return back
}

// awaitMismatch waits until the release says that proxies do not follow its routes.
func (r *release) awaitMismatch(t *testing.T) {
	t.Helper()
	r.await(t, 60*time.Second+lateness, "condition TrafficFollows False", func() bool {
		status, reason, _ := condition(r.canary(), "TrafficFollows")
		return status == "False" && reason == "RoutingMismatch"
	})
	now := r.canary()
	_, _, message := condition(now, "TrafficFollows")
	t.Log(message)
	if said := text(now, "status", "message"); !strings.Contains(message, "requests") || said != message {
		t.Errorf("the message does not say what was counted: %q", said)
	}
	r.awaitEvent(10*time.Second, "Warning RoutingMismatch", "requests")
}

// While istiod is away a step does not pass, whatever its checks say: the proxy has the weight of before. When it is back the
// release goes on.
func TestStepsWaitForProxiesThatDoNotFollow(t *testing.T) {
	s := open(t, "lagging")
	s.patience = 3 * time.Minute
	before := s.routing()
	traffic := s.send(steadyRate)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{deadline: 180})
	r.awaitWeight(releaseLimit, 20)
	back := withoutIstiod(t)
	r.awaitMismatch(t)
	held := number(r.canary(), "status", "canaryWeight")
	time.Sleep(20 * time.Second)
	if got := number(r.canary(), "status", "canaryWeight"); got != held || r.phase() != "Progressing" {
		t.Errorf("the release went on to %d %% in phase %s from %d %% that no proxy had", got, r.phase(), held)
	}
	if got := number(r.canary(), "status", "failedChecks"); got != 0 {
		t.Errorf("%d failed checks were counted", got)
	}
	back()
	mustHaveSucceeded(t, r, before)
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
}

// A rollback writes its routes at once; the candidate's pods stay for as long as the proxy sends them requests.
func TestPodsThatStillGetRequestsAreNotTakenAway(t *testing.T) {
	s := open(t, "stuck")
	s.patience = 3 * time.Minute
	before := s.routing()
	traffic := s.send(steadyRate)
	s.deploy("v2", version{env: map[string]string{"FAIL_RATE": "0.2"}})
	r := s.start("v1", "v2", plan{steps: "[50]", interval: "15s", threshold: 1, deadline: 180})
	r.awaitWeight(releaseLimit, 50)
	s.await(t, readyLimit, "an answer of v2 through the gateway", func() bool { return s.ask("/") == "v2" })
	back := withoutIstiod(t)
	r.awaitPhase(releaseLimit, "RollingBack")
	r.awaitMismatch(t)
	time.Sleep(20 * time.Second)
	if got := r.replicas("v2"); got != 2 {
		t.Errorf("checkout-v2 has %d replicas while it gets half of the requests", got)
	}
	if got := r.selector(); got != "" {
		t.Errorf("the Service selects %s alone while the proxy sends to both versions", got)
	}
	back()
	mustHaveFailed(t, r, before, "AnalysisFailed")
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
}
