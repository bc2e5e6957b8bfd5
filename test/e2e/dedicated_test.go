package e2e

import (
	"strings"
	"testing"
	"time"
)

// A query of the team's own, beside a built-in metric.
const errorTemplate = `
apiVersion: weir.dev/v1alpha1
kind: MetricTemplate
metadata: {name: errors}
spec:
  provider: {type: prometheus}
  query: |
    sum(rate(istio_requests_total{destination_workload_namespace="{{ namespace }}", destination_workload="{{ target }}",
      response_code=~"{{ variables.codes }}"}[{{ interval }}])) or vector(0)
`

const templateMetric = `[{name: request-success-rate, thresholdRange: {min: 99}}, {name: errors-per-second,
      templateRef: {name: errors}, templateVariables: {codes: "5.."}, thresholdRange: {max: 1}}]`

// In Dedicated mode a client that knows nothing of the mesh gets only the stable version until the promotion, and only
// the candidate after it.
func TestDedicatedModeKeepsDirectClientsOnStable(t *testing.T) {
	s := open(t, "dedicated")
	before := s.routing()
	meshed := s.send(provingRate / 2)
	direct := startLoad(t, 300, aim{url: "http://" + s.clusterIP(service) + "/", host: service, fresh: true})
	s.deploy("v2")
	bench.mustCreate(t, s.namespace, errorTemplate)
	r := s.start("v1", "v2", plan{mode: "Dedicated", metrics: templateMetric})
	mustHaveSucceeded(t, r, before)
	judged := false
	for _, check := range items(r.canary(), "status", "checks") {
		judged = judged || check["name"] == "errors-per-second" && check["verdict"] == "Pass" && check["value"] != nil
	}
	if !judged {
		t.Errorf("the query of a MetricTemplate was not judged: %s", canonical(items(r.canary(), "status", "checks")))
	}
	for _, revision := range r.of("Service", service, r.since) {
		switch version := text(revision.object, "spec", "selector", "version"); version {
		case "v1", "v2":
		default:
			t.Errorf("the Service selected %q during the release", version)
		}
	}
	// When the API server was asked to: a watch tells of it only later on a busy machine.
	var moved time.Time
	for _, w := range audit(t, s.namespace) {
		if w.String() == "patch services/"+service && strings.Contains(string(w.RequestObject), `"v2"`) {
			moved = w.Time
		}
	}
	if moved.IsZero() {
		t.Fatal("the audit log has no write that moves the Service to v2")
	}
	seen, alone := meshed.stop(), direct.stop()
	t.Logf("through the mesh: %s", seen)
	t.Logf("past the mesh: %s", alone)
	seen.mustBeUnharmed(t)
	alone.mustBeUnharmed(t)
	mustFollowWeights(t, r, seen)
	if got, of := share(alone.between(r.began, moved.Add(-10*time.Millisecond)), "v1"); got != 100 {
		t.Errorf("past the mesh, %.2f %% of %d requests before the promotion were answered by v1", got, of)
	}
	if got, of := share(alone.between(moved.Add(time.Second+lateness), time.Now()), "v2"); got != 100 || of == 0 {
		t.Errorf("past the mesh, %.2f %% of %d requests after the promotion were answered by v2", got, of)
	}
	if candidate, _ := share(seen.between(r.began, moved), "v2"); candidate == 0 {
		t.Error("through the mesh, nothing went to the candidate before the promotion")
	}
}
