package e2e

import (
	"fmt"
	"strings"
	"testing"
)

const adminRate = 50 // requests a second to the second Service

// Another Service of checkout's pods, which no route leads to.
const adminService = shopObjects + `
---
apiVersion: v1
kind: Service
metadata: {name: checkout-admin}
spec:
  selector: {SELECTOR}
  ports: [{name: http, port: 80, targetPort: http}]
`

// second is another Service beside the one that is released.
type second struct {
	name     string
	selector string
	kept     int // replicas that stable is left with
}

func (s second) String() string { return s.name }

// A workload has two Services, and the release is of one: clients of the other lose no request either. Stable's pods go if
// that one selects the candidate's as well; if it has no others, they stay, and that is said.
func TestTwoServicesOnOneWorkload(t *testing.T) {
	together(t, []second{
		{name: "of-both", selector: "app: checkout", kept: 0},
		{name: "of-stable", selector: "app: checkout, version: v1", kept: 2},
	}, func(t *testing.T, other second) {
		s := openWith(t, "services-"+other.name, strings.Replace(adminService, "SELECTOR", other.selector, 1))
		s.patience = deletionPatience
		before := s.routing()
		traffic := s.send(deletionRate)
		address := "http://" + s.clusterIP("checkout-admin") + "/"
		s.await(t, readyLimit, "an answer of v1 by the other Service", func() bool { return s.askAt(address) == "v1" })
		admin := startLoad(t, adminRate, aim{url: address, host: "checkout-admin", fresh: true})
		s.deploy("v2")
		r := s.start("v1", "v2", brief)
		mustHavePromoted(t, r, before, other.kept)
		mustLead(t, r)
		mustSayWhoKeepsStable(t, r, other)
		r.await(t, readyLimit, "an answer of v2 through the gateway", func() bool { return s.ask("/") == "v2" })
		seen, direct := traffic.stop(), admin.stop()
		t.Log(seen)
		t.Logf("to the other Service: %s", direct)
		for load, rate := range map[*result]int{seen: deletionRate, direct: adminRate} {
			load.mustBeUnharmed(t)
			load.mustProve(t, rate)
		}
		if got := direct.Versions["v2"].Requests; got > 0 != (other.kept == 0) {
			t.Errorf("the candidate answered %d requests to a Service that selects %s", got, other.selector)
		}
	})
}

// mustSayWhoKeepsStable asserts that a person reads why stable keeps its pods, and nothing of it where it does not.
func mustSayWhoKeepsStable(t *testing.T, r *release, other second) {
	t.Helper()
	says := fmt.Sprintf("checkout-%s keeps its pods, which nobody else of Service checkout-admin has", r.stable)
	_, _, message := condition(r.canary(), "Promoted")
	if said := strings.Contains(message, says); said != (other.kept > 0) {
		t.Errorf("condition Promoted says %q", message)
	}
	if other.kept > 0 {
		r.awaitEvent(readyLimit, "Warning OtherServices", says)
	}
}
