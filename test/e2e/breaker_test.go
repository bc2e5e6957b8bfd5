package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What an owner adds to be safe from pods that fail: all of a version's may be ejected.
const breaker = shopObjects + `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout}
spec:
  host: checkout
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100}
`

// hostless is how many requests to the service have failed because the proxy had no host for them, by Envoy's flags.
func (s *shop) hostless() map[string]float64 {
	s.t.Helper()
	query := fmt.Sprintf(`sum by (response_flags) (max_over_time(istio_requests_total{reporter="source",
		destination_workload="unknown", destination_service="checkout.%s.svc.cluster.local", response_code="503"}[15m]))`, s.namespace)
	return bench.series(s.t, query, "response_flags")
}

// awaitPast waits until Prometheus has counted so many requests that v1 answered.
func (s *shop) awaitPast(requests float64) {
	s.t.Helper()
	query := fmt.Sprintf(`sum by (response_code) (increase(istio_requests_total{reporter="source",
		destination_service="checkout.%s.svc.cluster.local", response_code="200"}[5m]))`, s.namespace)
	s.await(s.t, readyLimit, fmt.Sprintf("%.0f requests counted", requests), func() bool {
		return bench.series(s.t, query, "response_code")["200"] >= requests
	})
}

// A candidate whose pods its owner's breaker has all ejected answers no request, and no workload is named for those that
// fail. They are its failures all the same.
func TestABreakerThatTripsOnTheCandidateTakesTheReleaseBack(t *testing.T) {
	s := openWith(t, "breaker", breaker)
	before := s.routing()
	traffic := s.send(steadyRate)
	s.deploy("v2", version{env: map[string]string{"FAIL_RATE": "1"}})
	// With this it is told from the release's first moments how the Service was before.
	s.awaitPast(5 * steadyRate)
	r := s.start("v1", "v2", plan{threshold: 1})
	r.awaitWeight(releaseLimit, 20)
	stepped := time.Now()
	r.awaitPhase(releaseLimit, "RollingBack")
	t.Logf("taken back %.1f s after its first step began", time.Since(stepped).Seconds())
	mustHaveFailed(t, r, before, "AnalysisFailed")
	_, _, message := condition(r.canary(), "Promoted")
	t.Log(message)
	if !strings.Contains(message, "request-success-rate 0 % < 99 %") || !strings.Contains(message, "response_flags UH") {
		t.Errorf("the reason does not say that requests found no host: %q", message)
	}
	for _, check := range items(r.canary(), "status", "checks") {
		if check["reason"] != "OutOfRange" {
			t.Errorf("the check that decided: %v", check)
		}
	}
	seen := traffic.stop()
	t.Log(seen)
	found := s.hostless()
	t.Logf("without a host, by response_flags: %v", found)
	// What the shop was asked before its first pod was ready found no host, either.
	if found["UH"] < float64(seen.Failed)/2 || seen.Failed == 0 {
		t.Errorf("the breaker did not leave requests without a host: %d failed at the clients, by flags %v", seen.Failed, found)
	}
	for i := range seen.answers {
		if a := &seen.answers[i]; a.failed() && a.status != 503 {
			t.Errorf("a request failed otherwise: version %q, status %d: %s", a.version, a.status, a.err)
			break
		}
	}
}
