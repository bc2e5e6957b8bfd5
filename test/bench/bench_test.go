package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := []float64{40, 10, 30, 20}
	for p, want := range map[float64]float64{0: 10, 25: 10, 50: 20, 51: 30, 99: 40, 100: 40} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v is %v: want %v", p, got, want)
		}
	}
	if !math.IsNaN(percentile(nil, 50)) {
		t.Error("nothing has a percentile")
	}
}

func TestExponentOfAPowerLaw(t *testing.T) {
	x := []float64{100, 500, 1000, 5000}
	for _, e := range []float64{0, 0.5, 1, 2} {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = 3 * math.Pow(x[i], e)
		}
		if got := exponent(x, y); math.Abs(got-e) > 1e-9 {
			t.Errorf("exponent is %v: want %v", got, e)
		}
	}
	if got := exponent([]float64{0, 10, 100}, []float64{5, 0, 7}); !math.IsNaN(got) {
		t.Errorf("one point with a logarithm has the exponent %v", got)
	}
}

const auditLines = `{"verb":"get","objectRef":{"resource":"leases","name":"weir"},"responseStatus":{"code":200}}
{"verb":"update","objectRef":{"resource":"canaries","subresource":"status","name":"app"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-28T03:00:09.990000Z","stageTimestamp":"2026-11-28T03:00:09.995000Z","responseObject":{"status":{"phase":"Progressing","conditions":[{"type":"Promoted","status":"Unknown"}]}}}
{"verb":"patch","objectRef":{"resource":"virtualservices","name":"app"},"responseStatus":{"code":200},"stageTimestamp":"2026-11-28T03:00:10.000000Z","responseObject":{"spec":{"http":[{"route":[{"weight":90},{"weight":10}]}]}}}
{"verb":"patch","objectRef":{"resource":"virtualservices","name":"app"},"responseStatus":{"code":409},"stageTimestamp":"2026-11-28T03:00:21.000000Z"}
{"verb":"update","objectRef":{"resource":"canaries","subresource":"status","name":"app"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-28T03:00:21.200000Z","stageTimestamp":"2026-11-28T03:00:21.220000Z","responseObject":{"status":{"phase":"Succeeded","conditions":[{"type":"Promoted","status":"True"}]}}}
{"verb":"patch","objectRef":{"resource":"virtualservices","name":"app"},"responseStatus":{"code":200},"stageTimestamp":"2026-11-28T03:00:21.250000Z","responseObject":{"spec":{"http":[{"route":[{"weight":80},{"weight":20}]}]}}}
{"verb":"create","objectRef":{"resource":"eve`

func mustParse(t *testing.T) []request {
	t.Helper()
	requests, length, err := parseAudit(strings.NewReader(auditLines))
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(strings.LastIndexByte(auditLines, '\n') + 1); length != want {
		t.Fatalf("%d bytes are read: want %d, all whole lines", length, want)
	}
	return requests
}

func TestRequestsAreCountedByVerbAndResourceAndThoseOfLeasesApart(t *testing.T) {
	by, total, leases := count(mustParse(t))
	if total != 5 || leases != 1 {
		t.Errorf("%d requests and %d of leases: want 5 and 1", total, leases)
	}
	if by["patch_virtualservices"] != 3 || by["update_canaries_status"] != 2 {
		t.Errorf("counted %v", by)
	}
}

func TestLatenessIsTheTimeBetweenWritesLessThePlan(t *testing.T) {
	writes := routeWrites(mustParse(t))["app"]
	late := lateness(writes, 11*time.Second)
	if len(late) != 1 || late[0] != 250 {
		t.Errorf("lateness is %v: want 250 ms once", late)
	}
}

func TestVerdictToRouteBeginsWithTheStatusBefore(t *testing.T) {
	requests := mustParse(t)
	took := verdictToRoute(statusWrites(requests, "canaries"), routeWrites(requests)["app"])
	if len(took) != 1 || took[0] != 50 {
		t.Errorf("took %v: want 50 ms once", took)
	}
}

func TestReleasesArePromotedByConditionOrPhase(t *testing.T) {
	last := statusWrites(mustParse(t), "canaries")[1]
	byCondition, byPhase := &profile{}, &profile{}
	byCondition.Promoted.Condition = "Promoted"
	byPhase.Promoted.Phase = "Succeeded"
	if !byCondition.isPromoted(last) || !byPhase.isPromoted(last) {
		t.Errorf("%v is not promoted", last)
	}
}

func TestTheCandidatesWeightIsThatOfTheSecondDestination(t *testing.T) {
	for text, want := range map[string]int{
		`{"spec":{"http":[{"route":[{"weight":70},{"weight":30}]}]}}`: 30,
		`{"spec":{"http":[{"route":[{}]}]}}`:                          0,
		`{}`:                                                          0,
	} {
		if got := candidateWeight([]byte(text)); got != want {
			t.Errorf("%s: weight %d: want %d", text, got, want)
		}
	}
}

func TestCountersAreAddedUpByLabel(t *testing.T) {
	page := "# TYPE a counter\na{handler=\"/q\",code=\"200\"} 3\na{handler=\"/q\",code=\"500\"} 1\na{handler=\"/x\"} 9\nab 5\n"
	if got := counter(page, "a", `handler="/q"`); got != 4 {
		t.Errorf("counter is %v: want 4", got)
	}
}

func TestCPUIsReadPastANameWithBlanks(t *testing.T) {
	got, err := parseCPU("7 (a b) c) S 1 7 7 0 -1 0 0 0 0 0 150 25 0 0 20 0 9 0")
	if err != nil || got != 1750*time.Millisecond {
		t.Errorf("cpu is %v, %v: want 1.75 s", got, err)
	}
}

func TestFiguresAreGroupedAndRounded(t *testing.T) {
	f := figures{"large": 34501.4, "small": 0.1234, "whole": 20.0}
	for name, want := range map[string]string{"large": "34,501", "small": "0.12", "whole": "20", "none": "–"} {
		if got := f.text(name); got != want {
			t.Errorf("%s is %s: want %s", name, got, want)
		}
	}
}

func TestThePageNamesEveryFigureOfTheAims(t *testing.T) {
	folder := t.TempDir()
	f := figures{"idle_rss_mb_500": 24.0, "burst200_api_requests": 8000.0, "burst200_api_requests_get_pods": 3.0}
	if err := f.report(folder + "/page.md"); err != nil {
		t.Fatal(err)
	}
}

func TestTheExporterCountsByWeight(t *testing.T) {
	begin := time.Now()
	release := traffic{weight: 0.25, since: begin}
	release.advance(begin.Add(time.Second))
	release.bad = true
	release.advance(begin.Add(2 * time.Second))
	if release.stable.good != 150 || release.candidate.good != 45 || release.candidate.failed != 5 {
		t.Errorf("counted %+v", release)
	}
	page := string(release.candidate.write(nil, "app", "app-v2"))
	labels := `{reporter="source",source_workload="clients",source_workload_namespace="bench",` +
		`destination_service="app.bench.svc.cluster.local",destination_service_name="app",` +
		`destination_workload_namespace="bench",destination_workload="app-v2",response_flags="-",response_code="500"`
	if got := counter(page, "istio_requests_total", `response_code="500"`); got != 5 {
		t.Errorf("%v failures are written: want 5, in\n%s", got, page)
	}
	if !strings.Contains(page, "istio_request_duration_milliseconds_bucket"+labels+`,le="+Inf"} 5`) {
		t.Errorf("no bucket holds all failures in\n%s", page)
	}
}
