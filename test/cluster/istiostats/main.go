// istiostats tells Prometheus what Istio's own filter would tell of the bench's gateway, which is a plain Envoy: the series
// istio_requests_total and istio_request_duration_milliseconds, made from the statistics of Envoy's clusters each time that it
// is asked.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	askTimeout    = time.Second
	headerTimeout = 10 * time.Second
	maxPage       = 16 << 20
	// Counts of requests first, those without a host after them: so a request is never counted as answered before it is
	// known that nobody was there to answer it.
	requests = `^cluster\.outbound.*(upstream_rq_\d|upstream_rq_time)`
	hostless = `^cluster\.outbound.*upstream_cx_none_healthy|no_cluster`
)

func main() {
	listen := flag.String("listen", "10.77.0.1:9101", "where Prometheus asks")
	envoy := flag.String("envoy", "http://10.77.0.10:15000", "Envoy's admin interface")
	flag.Parse()
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	server := &http.Server{Addr: *listen, Handler: &exporter{envoy: *envoy}, ReadHeaderTimeout: headerTimeout}
	log.Printf("of %s, on %s", *envoy, *listen)
	log.Fatal(server.ListenAndServe())
}

type exporter struct {
	envoy string

	mu    sync.Mutex
	hosts answered
}

func (e *exporter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	// What has no listener yet has no statistics either: Prometheus may ask again.
	first, err := e.page(requests)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	second, err := e.page(hostless)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	e.mu.Lock()
	page := translate(first, second, &e.hosts)
	e.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write(page)
}

func (e *exporter) page(filter string) ([]sample, error) {
	client := http.Client{Timeout: askTimeout}
	response, err := client.Get(e.envoy + "/stats/prometheus?usedonly&filter=" + url.QueryEscape(filter))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", e.envoy, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return nil, err
	}
	return parse(text)
}
