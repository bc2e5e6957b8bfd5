package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

const (
	exporterAddress = "10.77.0.1:9100" // as in manifests/prometheus.yaml
	requestsASecond = 100              // of each release, by both versions
	badShare        = 0.2              // of the requests to a version that has turned bad: they fail
	resident        = "resident"       // a workload that has been there for long, so that the scrape interval is known
)

// latencies is the share of requests that take no longer than a bound in milliseconds: p99 is 50 ms.
var latencies = []struct {
	bound string
	share float64
}{{"10", 0.6}, {"50", 0.99}, {"100", 1}, {"500", 1}, {"1000", 1}, {"5000", 1}, {"+Inf", 1}}

// exporter stands for the source proxies: it counts the requests that each version would get by the weights of its
// VirtualService, and answers Prometheus with Istio's standard series of them.
type exporter struct {
	profile *profile

	mutex    sync.Mutex
	releases map[string]*traffic
}

type traffic struct {
	weight            float64 // the candidate's share
	since             time.Time
	stable, candidate workload
	bad               bool
	badSeen           time.Time // when Prometheus first read a failure
}

// workload is the requests of one version, whole or not.
type workload struct{ good, failed float64 }

func startExporter(ctx context.Context, c *cluster, p *profile) (*exporter, error) {
	e := &exporter{profile: p, releases: map[string]*traffic{resident: {since: time.Now()}}}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, 0, namespace, nil)
	resource := schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"}
	routes := factory.ForResource(resource).Informer()
	put := func(object any) {
		if o, ok := object.(*unstructured.Unstructured); ok {
			e.route(o)
		}
	}
	_, err := routes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		UpdateFunc: func(_, object any) { put(object) },
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", exporterAddress)
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	server := &http.Server{Handler: e}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return e, nil
}

func (e *exporter) route(virtualService *unstructured.Unstructured) {
	content, err := json.Marshal(virtualService.Object)
	if err != nil {
		return
	}
	now := time.Now()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	release := e.releases[virtualService.GetName()]
	if release == nil {
		return
	}
	release.advance(now)
	release.weight = float64(candidateWeight(content)) / 100
}

// begin has clients call these releases from now on, and no others: Prometheus would only keep the machine busy with those that
// nobody judges.
func (e *exporter) begin(releases []string) {
	now := time.Now()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.releases = map[string]*traffic{resident: e.releases[resident]}
	for _, name := range releases {
		e.releases[name] = &traffic{since: now}
	}
}

// turnBad has a share of the requests to the candidates fail from now on.
func (e *exporter) turnBad(releases []string) {
	now := time.Now()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, name := range releases {
		e.releases[name].advance(now)
		e.releases[name].bad = true
	}
}

// badSince is when Prometheus first read a failure of the release; zero before.
func (e *exporter) badSince(release string) time.Time {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.releases[release].badSeen
}

func (t *traffic) advance(now time.Time) {
	requests := requestsASecond * now.Sub(t.since).Seconds()
	t.since = now
	t.stable.good += requests * (1 - t.weight)
	failed := 0.0
	if t.bad {
		failed = badShare
	}
	t.candidate.good += requests * t.weight * (1 - failed)
	t.candidate.failed += requests * t.weight * failed
}

func (e *exporter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	var page []byte
	e.mutex.Lock()
	for name, release := range e.releases {
		release.advance(now)
		if release.candidate.failed >= 1 && release.badSeen.IsZero() {
			release.badSeen = now
		}
		page = release.stable.write(page, name, named(e.profile.Stable, name))
		page = release.candidate.write(page, name, named(e.profile.Candidate, name))
	}
	e.mutex.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write(page)
}

// write leaves out what has not happened yet: a proxy has no series before the first request of its kind. A pod answers each
// request, bad or not, so that its workload is always known.
func (l workload) write(page []byte, service, name string) []byte {
	common := `{reporter="source",source_workload="clients",source_workload_namespace="` + namespace +
		`",destination_service="` + service + "." + namespace + `.svc.cluster.local",destination_service_name="` + service +
		`",destination_workload_namespace="` + namespace + `",destination_workload="` + name +
		`",response_flags="-",response_code="`
	for _, kind := range []struct {
		code  string
		count float64
	}{{"200", l.good}, {"500", l.failed}} {
		if kind.count < 1 {
			continue
		}
		labels := common + kind.code + `"`
		page = append(page, "istio_requests_total"+labels+"} "...)
		page = append(strconv.AppendInt(page, int64(kind.count), 10), '\n')
		for _, latency := range latencies {
			page = append(page, "istio_request_duration_milliseconds_bucket"+labels+`,le="`+latency.bound+`"} `...)
			page = append(strconv.AppendInt(page, int64(kind.count*latency.share), 10), '\n')
		}
	}
	return page
}
