package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A candidate that never gets ready is given up at the deadline, with the reason, and no traffic has moved.
func TestCandidateThatNeverGetsReady(t *testing.T) {
	for name, c := range map[string]struct {
		how    version
		reason []string // any of these
	}{
		"image": {version{image: "no-such-app"}, []string{"ImagePullBackOff", "ErrImagePull"}},
		"crash": {version{env: map[string]string{"READY": "false", "EXIT_AFTER": "50ms"}}, []string{"CrashLoopBackOff"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, "unready-"+name)
			before := s.routing()
			traffic := s.send(provingRate)
			s.deploy("v2", c.how)
			r := s.start("v1", "v2", plan{deadline: 8})
			mustHaveFailed(t, r, before, "ProgressDeadlineExceeded")
			took := time.Since(r.began)
			_, _, message := condition(r.canary(), "Promoted")
			named := false
			for _, reason := range c.reason {
				named = named || strings.Contains(message, reason)
			}
			if !named {
				t.Errorf("the message does not name the pods' trouble: %q", message)
			}
			if took < 8*time.Second+lateness || took > 14*time.Second+lateness {
				t.Errorf("given up after %s instead of %s", took, 8*time.Second+lateness)
			}
			// The routing was never touched.
			for _, kind := range []string{"VirtualService", "Service"} {
				if revisions := r.of(kind, service, r.since); len(revisions) > 0 {
					t.Errorf("%s checkout was written %d times", kind, len(revisions))
				}
			}
			seen := traffic.stop()
			t.Logf("given up after %.1f s: %s", took.Seconds(), message)
			t.Log(seen)
			seen.mustBeUnharmed(t)
			if moved := seen.Versions["v2"].Requests; moved > 0 {
				t.Errorf("%d requests went to the candidate", moved)
			}
		})
	}
}

// tell changes how the pods of a version behave while they run.
func (s *shop) tell(version, setting string) {
	s.t.Helper()
	for _, pod := range bench.list(s.t, s.namespace, "Pod", "version="+version) {
		response, err := http.Post("http://"+text(&pod, "status", "podIP")+":8080/_ctl?"+setting, "", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = response.Body.Close()
	}
}

// unreadySince is when the last ready endpoint of a version's own Service has gone; zero if there is one now.
func (s *shop) unreadySince(version string) time.Time {
	var since time.Time
	for _, revision := range s.all(0) {
		o := revision.object
		if revision.kind != "EndpointSlice" || o.GetLabels()["kubernetes.io/service-name"] != service+"-"+version {
			continue
		}
		ready := 0
		for _, endpoint := range items(o, "endpoints") {
			if conditions, _ := endpoint["conditions"].(map[string]any); conditions["ready"] == true {
				ready++
			}
		}
		switch {
		case ready > 0:
			since = time.Time{}
		case since.IsZero():
			since = revision.at
		}
	}
	return since
}

// A candidate whose pods stop being ready has no traffic within a second, gets it again when they recover, and is taken
// back when they do not.
func TestCandidateThatStopsBeingReady(t *testing.T) {
	s := open(t, "unready")
	before := s.routing()
	s.deploy("v2")
	r := s.start("v1", "v2", plan{interval: "4s", analysis: "breakerSeconds: 6"})
	r.awaitWeight(releaseLimit, 20)
	for _, recovers := range []bool{true, false} {
		s.tell("v2", "ready=false")
		var unready, without time.Time
		r.await(t, 15*time.Second, "the candidate without endpoints and without traffic", func() bool {
			states := r.weights()
			last := states[len(states)-1]
			unready, without = r.unreadySince("v2"), last.at
			return !unready.IsZero() && last.candidate == 0
		})
		took := without.Sub(unready)
		t.Logf("weight 0 %d ms after the last endpoint had gone", took.Milliseconds())
		if took > time.Second {
			t.Errorf("the candidate kept its traffic for %s without an endpoint", took)
		}
		if !recovers {
			continue
		}
		s.tell("v2", "ready=true")
		r.await(t, 10*time.Second+lateness, "traffic to the candidate again", func() bool {
			states := r.weights()
			return states[len(states)-1].candidate == 20
		})
	}
	r.awaitPhase(20*time.Second, "Failed")
	r.mustBeRestored(before, "v1")
	if status, reason, message := condition(r.canary(), "Promoted"); status != "False" || reason != "CandidateUnavailable" {
		t.Errorf("condition Promoted is %s (%s: %s)", status, reason, message)
	}
}
