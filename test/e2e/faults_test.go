package e2e

import (
	"fmt"
	"testing"
	"time"
)

// Without Prometheus a release holds and says so; when it is back, it goes on to its end.
func TestPrometheusAway(t *testing.T) {
	s := open(t, "blind")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{})
	r.awaitWeight(releaseLimit, 20)
	bench.part(t, "stop", "prometheus")
	back := false
	defer func() {
		if !back {
			bench.part(t, "start", "prometheus")
		}
	}()
	stopped := time.Now()
	r.await(t, 20*time.Second, "condition MetricsAvailable False", func() bool {
		status, _, message := condition(r.canary(), "MetricsAvailable")
		return status == "False" && message != ""
	})
	_, reason, message := condition(r.canary(), "MetricsAvailable")
	t.Logf("MetricsAvailable is False after %.1f s: %s: %s", time.Since(stopped).Seconds(), reason, message)
	held := number(r.canary(), "status", "canaryWeight")
	const intervals = 2
	judged := number(r.canary(), "status", "checksInStep")
	r.await(t, 20*time.Second, fmt.Sprintf("%d more intervals", intervals), func() bool {
		return number(r.canary(), "status", "checksInStep") >= judged+intervals
	})
	if got := number(r.canary(), "status", "canaryWeight"); got != held {
		t.Errorf("the weight went from %d to %d without metrics", held, got)
	}
	if got := number(r.canary(), "status", "failedChecks"); got != 0 {
		t.Errorf("%d failed checks were counted without metrics", got)
	}
	bench.part(t, "start", "prometheus")
	back = true
	mustHaveSucceeded(t, r, before)
	if status, _, message := condition(r.canary(), "MetricsAvailable"); status != "True" {
		t.Errorf("MetricsAvailable is %s at the end: %s", status, message)
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}

// The operator may die at any moment: its successor, another container of the same pod, takes its Lease at once and goes on
// from what status says, and no client notices.
func TestOperatorKilledInEachPhase(t *testing.T) {
	s := open(t, "killed")
	s.promptly = successionLimit
	traffic := s.send(provingRate)
	stable := "v1"
	for i, phase := range []string{"Pending", "Initializing", "Progressing", "Promoting", "Finalizing", "RollingBack"} {
		target := fmt.Sprintf("v%d", i+2)
		bad := phase == "RollingBack"
		how := version{env: map[string]string{"START_DELAY": "2s"}}
		if bad {
			how.env["FAIL_RATE"] = "0.2"
		}
		before := s.routing()
		restarts, _ := operatorRestarts(t)
		s.deploy(target, how)
		r := s.start(stable, target, plan{steps: "[50]", interval: "2s", threshold: 1})
		r.awaitPhase(releaseLimit, phase)
		died := time.Now()
		terms := leaseTransitions(t)
		killOperator(t)
		awaitOperator(t, s.history, restarts+1)
		returned := time.Since(died)
		s.await(t, successionLimit, "the Lease taken over", func() bool { return leaseTransitions(t) > terms })
		leads := time.Since(died)
		if bad {
			mustHaveFailed(t, r, before, "AnalysisFailed")
		} else {
			mustHaveSucceeded(t, r, before)
			mustLead(t, r)
			stable = target
		}
		t.Logf("killed in %-12s back after %4.1f s, leads after %.1f s, %s after %.1f s", phase+",", returned.Seconds(),
			leads.Seconds(), r.phase(), time.Since(r.began).Seconds())
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}
