package main

import (
	"strings"
	"testing"
)

const (
	v1 = `cluster_name="outbound|80|v1|checkout.shop.svc.cluster.local"`
	v2 = `cluster_name="outbound|80|v2|checkout.shop.svc.cluster.local"`
)

func pageOf(t *testing.T, requests, hostless string, hosts *answered) string {
	t.Helper()
	first, err := parse([]byte(requests))
	if err != nil {
		t.Fatal(err)
	}
	second, err := parse([]byte(hostless))
	if err != nil {
		t.Fatal(err)
	}
	return string(translate(first, second, hosts))
}

func mustSay(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, line) {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}

const ofCheckout = `istio_requests_total{reporter="source",source_workload="gateway",request_protocol="http",` +
	`destination_service="checkout.shop.svc.cluster.local",destination_service_name="checkout",` +
	`destination_service_namespace="shop",`

func TestRequestsOfASubsetHaveAWorkload(t *testing.T) {
	page := pageOf(t, "# TYPE envoy_cluster_upstream_rq counter\n"+
		"envoy_cluster_upstream_rq{"+v1+`,response_code="200"} 90`+"\n"+
		"envoy_cluster_upstream_rq{"+v1+`,response_code_class="2xx"} 90`+"\n", "", &answered{})
	want := ofCheckout + `destination_workload="checkout-v1",destination_workload_namespace="shop",` +
		`destination_version="v1",response_code="200"} 90` + "\n"
	if page != want {
		t.Errorf("got\n%s\nwant\n%s", page, want)
	}
}

func TestRequestsWithoutAHostHaveNoWorkloadAndCountOnce(t *testing.T) {
	page := pageOf(t, "envoy_cluster_upstream_rq{"+v2+`,response_code="503"} 13`+"\n",
		"envoy_cluster_upstream_cx_none_healthy{"+v2+"} 10\n", &answered{})
	mustSay(t, page,
		ofCheckout+`destination_workload="unknown",destination_workload_namespace="unknown",`+
			`destination_version="unknown",response_code="503",response_flags="UH"} 10`+"\n",
		ofCheckout+`destination_workload="checkout-v2",destination_workload_namespace="shop",`+
			`destination_version="v2",response_code="503"} 3`+"\n")
}

func TestRequestsWithoutAClusterAreOfNoService(t *testing.T) {
	page := pageOf(t, "", "envoy_http_outbound_10_77_0_10_80__no_cluster{} 2\n", &answered{})
	mustSay(t, page, `destination_service="unknown",destination_service_name="unknown"`,
		`response_code="503",response_flags="NC"} 2`)
}

func TestAnsweredFailuresNeverFallButWithTheirCluster(t *testing.T) {
	hosts := answered{}
	for _, step := range []struct{ all, hostless, want float64 }{
		{10, 4, 6},
		{11, 7, 6}, // the second counter was read later
		{20, 8, 12},
		{3, 1, 2}, // a new cluster
	} {
		if got := hosts.of("a", step.all, step.hostless); got != step.want {
			t.Errorf("of %v with %v without a host: %v, want %v", step.all, step.hostless, got, step.want)
		}
	}
}

func TestNamesOfClusters(t *testing.T) {
	for name, want := range map[string]string{
		"outbound|80||checkout.shop.svc.cluster.local":        `destination_workload="unknown"`,
		"outbound|80|v2|checkout-weir.shop.svc.cluster.local": `destination_workload="checkout-v2"`,
		"outbound|80|v2|checkout-weir.shop.svc.example.org":   `destination_service_name="checkout-weir"`,
	} {
		page := pageOf(t, `envoy_cluster_upstream_rq{cluster_name="`+name+`",response_code="200"} 1`+"\n", "", &answered{})
		mustSay(t, page, want)
	}
	if page := pageOf(t, `envoy_cluster_upstream_rq{cluster_name="istiod",response_code="200"} 1`+"\n", "", &answered{}); page != "" {
		t.Errorf("requests to no Service are told: %s", page)
	}
}

func TestDurations(t *testing.T) {
	page := pageOf(t, "envoy_cluster_upstream_rq_time_bucket{"+v2+`,le="+Inf"} 7`+"\n"+
		"envoy_cluster_upstream_rq_time_sum{"+v2+"} 7.5\n"+
		"envoy_cluster_external_upstream_rq_time_count{"+v2+"} 7\n", "", &answered{})
	mustSay(t, page, `istio_request_duration_milliseconds_bucket{`, `destination_version="v2",le="+Inf"} 7`,
		`istio_request_duration_milliseconds_sum{`, `destination_version="v2"} 7.5`)
	if strings.Contains(page, "_count{") {
		t.Errorf("what Envoy tells twice is told twice: %s", page)
	}
}

func TestWhatIsNoSampleIsNoPage(t *testing.T) {
	for _, text := range []string{"nonsense", "a{} b"} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
