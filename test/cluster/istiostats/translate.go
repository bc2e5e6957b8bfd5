package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// What Istio's filter says of a request's destination (istio/proxy, source/extensions/filters/http/istio_stats/istio_stats.cc):
//   - destination_workload and its namespace are of the peer that answered, or else of the upstream host that Envoy's router
//     chose, by the metadata of its endpoint. Where there is neither they are "unknown", and what failed is told by
//     response_flags alone.
//   - destination_service{,_name,_namespace} are of the cluster, which is known without a host. Without a cluster they are
//     "unknown" too, at a gateway: a sidecar takes the Host header then.
//
// Which of Envoy's response flags have a host is seen in its router (source/common/router/router.cc, upstream_request.cc):
//   - none: UH (sendNoHealthyUpstreamResponse: no endpoint, or all are ejected), NC (no such cluster), NR (no route, 404), DO
//     (dropped by word of the control plane);
//   - one: UO, UF and connections that time out (UpstreamRequest::onPoolFailure names the host), UC, UR, UT, URX, LR, DC of
//     requests that have reached a connection (onPoolReady does).
//
// Envoy's cluster counts a request without a host among its 503, and as upstream_cx_none_healthy; a request without a cluster
// is in no_cluster alone. The workload is read from the cluster's name, outbound|PORT|SUBSET|SERVICE.NAMESPACE.svc.…, since
// the endpoints of a plain Envoy are not asked: it is the Service's name and the subset (checkout-v1), which is how the bench
// names its Deployments; the placeholder Service of a release in Dedicated mode (checkout-weir) counts as the Service it
// stands for. A cluster without a subset, as before and after a release, doesn't tell which workload answered.
const unknown = "unknown"

// sample is one line of Prometheus' text format.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	line  = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} ([^ ]+)$`)
	label = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
	// Of outbound|80|v2|checkout.shop.svc.cluster.local
	cluster = regexp.MustCompile(`^outbound\|\d+\|([^|]*)\|(([^.|]+)\.([^.|]+)\.svc\.[^|]*)$`)
)

func parse(text []byte) ([]sample, error) {
	var samples []sample
	for each := range strings.Lines(string(text)) {
		each = strings.TrimSpace(each)
		if each == "" || strings.HasPrefix(each, "#") {
			continue
		}
		parts := line.FindStringSubmatch(each)
		if parts == nil {
			return nil, fmt.Errorf("not a sample: %s", each)
		}
		value, err := strconv.ParseFloat(parts[3], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", each, err)
		}
		s := sample{name: parts[1], labels: map[string]string{}, value: value}
		for _, pair := range label.FindAllStringSubmatch(parts[2], -1) {
			s.labels[pair[1]] = pair[2]
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// answered is how many 503 of each cluster came from a host. Envoy's two counters are not read at one moment, so that their
// difference may fall where no request was taken back: Prometheus would take that for a counter that starts anew.
type answered map[string]difference

type difference struct{ all, answered float64 }

func (a *answered) of(name string, all, hostless float64) float64 {
	if *a == nil {
		*a = answered{}
	}
	last := (*a)[name]
	if all < last.all { // Envoy has built the cluster anew
		last.answered = 0
	}
	now := difference{all: all, answered: max(last.answered, all-hostless, 0)}
	(*a)[name] = now
	return now.answered
}

// translate makes Istio's series of two pages: of the clusters' requests, and of those that had no host.
func translate(requests, hostless []sample, hosts *answered) []byte {
	var page []byte
	none := map[string]float64{}
	for _, s := range hostless {
		name := s.labels["cluster_name"]
		switch {
		case s.name == "envoy_cluster_upstream_cx_none_healthy" && cluster.MatchString(name):
			none[name] = s.value
			page = append(page, total(unanswered(name), "503", "UH", s.value)...)
		case strings.HasPrefix(s.name, "envoy_http_") && strings.HasSuffix(s.name, "_no_cluster"):
			page = append(page, total(unanswered(""), "503", "NC", s.value)...)
		}
	}
	for _, s := range requests {
		name, code := s.labels["cluster_name"], s.labels["response_code"]
		if !cluster.MatchString(name) {
			continue
		}
		duration, isDuration := strings.CutPrefix(s.name, "envoy_cluster_upstream_rq_time_")
		switch {
		case isDuration:
			page = append(page, "istio_request_duration_milliseconds_"+duration+"{"+destination(name)...)
			if le := s.labels["le"]; le != "" {
				page = append(page, `,le="`+le+`"`...)
			}
			page = append(page, "} "+number(s.value)+"\n"...)
		case s.name == "envoy_cluster_upstream_rq" && code == "503": // those by class have no code
			page = append(page, total(destination(name), code, "", hosts.of(name, s.value, none[name]))...)
		case s.name == "envoy_cluster_upstream_rq" && code != "":
			page = append(page, total(destination(name), code, "", s.value)...)
		}
	}
	return page
}

// total leaves out what has not happened yet: a proxy has no series before the first request of its kind.
func total(destination, code, flags string, value float64) string {
	if value == 0 {
		return ""
	}
	labels := destination + `,response_code="` + code + `"`
	if flags != "" { // which a cluster's counters don't tell otherwise
		labels += `,response_flags="` + flags + `"`
	}
	return "istio_requests_total{" + labels + "} " + number(value) + "\n"
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// destination is the labels of requests that a host of the cluster has answered.
func destination(name string) string {
	parts := cluster.FindStringSubmatch(name)
	subset, host, service, namespace := parts[1], parts[2], parts[3], parts[4]
	workload, version := unknown, unknown
	if subset != "" {
		workload, version = strings.TrimSuffix(service, "-weir")+"-"+subset, subset
	}
	return labels(host, service, namespace, workload, namespace, version)
}

// unanswered is the labels of requests that had no host; without a name, no cluster either.
func unanswered(name string) string {
	if name == "" {
		return labels(unknown, unknown, unknown, unknown, unknown, unknown)
	}
	parts := cluster.FindStringSubmatch(name)
	return labels(parts[2], parts[3], parts[4], unknown, unknown, unknown)
}

func labels(host, service, namespace, workload, workloadNamespace, version string) string {
	return `reporter="source",source_workload="gateway",request_protocol="http"` +
		`,destination_service="` + host + `",destination_service_name="` + service +
		`",destination_service_namespace="` + namespace + `",destination_workload="` + workload +
		`",destination_workload_namespace="` + workloadNamespace + `",destination_version="` + version + `"`
}
