package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// series is the instant vector that Prometheus answers a query with: values by the labels' values, joined by "/" in the
// order of `labels`.
func (c *cluster) series(t *testing.T, query string, labels ...string) map[string]float64 {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(c.prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status != "success" {
		t.Fatalf("%s: %s", query, answer.Error)
	}
	found := map[string]float64{}
	for _, result := range answer.Data.Result {
		var key []string
		for _, label := range labels {
			key = append(key, result.Metric[label])
		}
		value, err := strconv.ParseFloat(fmt.Sprint(result.Value[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.Join(key, "/")] = value
	}
	return found
}

// requests is how many requests of a namespace Prometheus has counted, by workload and response code, since the test
// began. Series of clusters that the proxy has dropped meanwhile count as well.
func (s *shop) requests() map[string]float64 {
	s.t.Helper()
	query := fmt.Sprintf(`sum by (destination_workload, response_code) (max_over_time(
		istio_requests_total{reporter="source", destination_service_namespace=%q}[15m]))`, s.namespace)
	return bench.series(s.t, query, "destination_workload", "response_code")
}

// mustAgree asserts that Prometheus and the clients tell the same of a version that was behind a subset of its own:
// nearly as many requests (the proxy drops a subset's last second with the subset), and the same share of failures.
func (s *shop) mustAgree(r *result, version string) {
	s.t.Helper()
	counted, failed := 0.0, 0.0
	for key, value := range s.requests() {
		workload, code, _ := strings.Cut(key, "/")
		if workload != "checkout-"+version {
			continue
		}
		counted += value
		if strings.HasPrefix(code, "5") {
			failed += value
		}
	}
	seen := r.Versions[version]
	if counted == 0 || counted > 1.01*float64(seen.Requests) {
		s.t.Errorf("Prometheus counted %.0f requests to checkout-%s, the clients %d", counted, version, seen.Requests)
		return
	}
	rate, seenRate := failed/counted, float64(seen.Deliberate)/float64(seen.Requests)
	if rate-seenRate > 0.03 || seenRate-rate > 0.03 {
		s.t.Errorf("Prometheus has %.1f %% failures of checkout-%s, the clients %.1f %%", 100*rate, version, 100*seenRate)
	}
	s.t.Logf("Prometheus: %.0f requests to checkout-%s, %.1f %% failed", counted, version, 100*rate)
}
