package e2e

import (
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
			traffic := s.send(provingRate / 10)
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
			if took < 8*time.Second || took > 14*time.Second {
				t.Errorf("given up after %s instead of 8 s", took)
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
