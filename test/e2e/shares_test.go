package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// A team moves off a legacy service: of its route the new one has a hundredth.
const shareOfOne = serviceOfV1 + `---
apiVersion: v1
kind: Service
metadata: {name: legacy}
spec:
  selector: {app: legacy}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout}
spec:
  hosts: [checkout, HOST]
  gateways: [mesh, istio-system/gateway]
  http:
  - name: primary
    route:
    - {destination: {host: checkout}, weight: 1}
    - {destination: {host: legacy}, weight: 99}
`

// portions is one state of a route that other hosts share.
type portions struct {
	at    time.Time
	table string // as "v1=9 v2=1 legacy=990"; "- legacy=99" as its owner wrote it
}

// portions is every state of the first route that goes to the service.
func (s *shop) portions() []portions {
	var found []portions
	for _, revision := range s.of("VirtualService", service, 0) {
		for _, route := range items(revision.object, "spec", "http") {
			to, others := destinations(route, s.namespace, service)
			if len(to) == 0 {
				continue
			}
			texts := []string{weights(route, s.namespace, service)}
			for _, other := range others {
				target, _ := other["destination"].(map[string]any)
				texts = append(texts, fmt.Sprintf("%s=%d", target["host"], weightOf(other, false)))
			}
			table := strings.Join(texts, " ")
			if len(found) == 0 || found[len(found)-1].table != table {
				found = append(found, portions{at: revision.at, table: table})
			}
			break
		}
	}
	return found
}

// A share that is no whole number at a step is exact all the same: all weights of the route are multiplied, the other host
// keeps its part of the requests, and in the end the route is as its owner wrote it.
func TestOwnersShareOfOne(t *testing.T) {
	s := found(t, "share", shareOfOne)
	s.deploy("legacy", version{app: "legacy"})
	s.awaitReady("v1")
	s.awaitReady("legacy")
	// One answer in a hundred is of v1.
	const tries = 100
	s.await(t, readyLimit, "an answer of v1 through the gateway", func() bool {
		for range tries {
			if s.ask("/") == "v1" {
				return true
			}
		}
		return false
	})
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2")
	r := s.start("v1", "v2", plan{steps: "[10, 60]"})
	mustHaveSucceeded(t, r, before)
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)

	states := s.portions()
	var tables []string
	for _, state := range states {
		tables = append(tables, state.table)
	}
	wanted := []string{"- legacy=99", "v1=1 v2=0 legacy=99", "v1=9 v2=1 legacy=990", "v1=2 v2=3 legacy=495",
		"v1=0 v2=1 legacy=99", "- legacy=99"}
	if !slices.Equal(tables, wanted) {
		t.Fatalf("weights: %q, expected %q", tables, wanted)
	}
	mustShare(t, seen.answers, "legacy", 99)
	mustShare(t, seen.between(time.Time{}, states[2].at), "v2", 0)
	settle := 800*time.Millisecond + lateness
	mustShare(t, seen.between(states[2].at.Add(settle), states[3].at), "v2", 0.1)
	mustShare(t, seen.between(states[3].at.Add(settle), states[4].at), "v2", 0.6)
}

// mustShare asserts that a version gave so many per cent of the answers, but for chance.
func mustShare(t *testing.T, answers []answer, version string, expected float64) {
	t.Helper()
	const deviations = 5.0
	got, of := share(answers, version)
	if of == 0 {
		t.Errorf("no answers in which %s would have %.1f %%", version, expected)
		return
	}
	tolerance := deviations * math.Sqrt(expected*(100-expected)/float64(of))
	t.Logf("%s gave %.2f %% of %d answers, of %.1f %%", version, got, of, expected)
	if math.Abs(got-expected) > tolerance {
		t.Errorf("%s gave %.2f %% of %d answers instead of %.1f %%", version, got, of, expected)
	}
}
