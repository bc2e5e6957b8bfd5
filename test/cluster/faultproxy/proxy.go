package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	bodyLimit         = 64 << 20
	retryAfterSeconds = "1"
)

// proxy forwards requests to one server. Safe for concurrent use.
type proxy struct {
	upstream  *url.URL
	transport *http.Transport

	mu       sync.Mutex
	faults   control.Faults
	random   *rand.Rand
	requests int
	done     map[control.Kind]int
	watches  map[*openWatch]struct{}
	runs     []*run
}

func newProxy(upstream *url.URL, config *tls.Config) *proxy {
	return &proxy{
		upstream: upstream,
		transport: &http.Transport{TLSClientConfig: config, DisableCompression: true, MaxIdleConnsPerHost: 64,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
		random:  rand.New(rand.NewPCG(0, 0)),
		done:    map[control.Kind]int{},
		watches: map[*openWatch]struct{}{},
	}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.URL.Query().Get("watch") == "true" {
		p.watch(w, r)
		return
	}
	kind, delay := p.draw()
	if kind != "" {
		log.Printf("%s: %s %s", kind, r.Method, r.URL.Path)
	}
	switch kind {
	case control.Delay:
		time.Sleep(delay)
	case control.ResetBefore:
		reset(w)
		return
	case control.TooMany:
		w.Header().Set("Retry-After", retryAfterSeconds)
		refuse(w, http.StatusTooManyRequests, "TooManyRequests")
		return
	}
	place := p.count(r)
	if place.isHeldBefore() {
		place.run.hold(r.Context())
		reset(w) // Whoever made it is gone, or the run has ended: it was never made.
		return
	}
	answer, err := p.forward(r, body)
	if err != nil {
		log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
		reset(w)
		return
	}
	place.answered(answer.status)
	if place.isHeldAfter() {
		place.run.hold(r.Context())
		reset(w)
		return
	}
	switch kind {
	case control.ResetAfter:
		reset(w)
	case control.ErrorAfter:
		refuse(w, http.StatusInternalServerError, "InternalError")
	case control.TimeoutAfter:
		refuse(w, http.StatusGatewayTimeout, "Timeout")
	default:
		answer.pass(w)
	}
}

// draw decides what happens to a request; nothing if the kind is empty.
func (p *proxy) draw() (kind control.Kind, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	left := p.random.Float64()
	for _, kind := range control.Kinds {
		if left -= p.faults.Chance[kind]; left < 0 {
			p.done[kind]++
			return kind, time.Duration(p.random.Float64() * float64(p.faults.MaxDelay))
		}
	}
	return "", 0
}

// answer of the server, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) pass(w http.ResponseWriter) {
	copyHeader(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// forward asks the server. A write that was begun is ended, though its client be gone meanwhile.
func (p *proxy) forward(r *http.Request, body []byte) (*answer, error) {
	response, err := p.ask(context.WithoutCancel(r.Context()), r, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return &answer{status: response.StatusCode, header: response.Header, body: content}, err
}

func (p *proxy) ask(ctx context.Context, r *http.Request, body []byte) (*http.Response, error) {
	request := r.Clone(ctx)
	request.RequestURI = ""
	request.URL.Scheme, request.URL.Host, request.Host = p.upstream.Scheme, p.upstream.Host, p.upstream.Host
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	dropHopByHop(request.Header)
	return p.transport.RoundTrip(request)
}

func dropHopByHop(header http.Header) {
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		header.Del(name)
	}
}

func copyHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = slices.Clone(values)
	}
	dropHopByHop(to)
}

// refuse answers as the API server does.
func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",`+
		`"message":"made by the fault proxy","reason":%q,"code":%d}`+"\n", reason, code)
}

// reset ends the client's connection as a network does that has lost it.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if encrypted, ok := connection.(*tls.Conn); ok {
		connection = encrypted.NetConn()
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// isCounted tells a write that belongs to a release, and the namespace that it is made in.
func isCounted(r *http.Request) (namespace string, counted bool) {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return "", false
	}
	_, rest, found := strings.Cut(r.URL.Path, "/namespaces/")
	if !found {
		return "", false
	}
	namespace, rest, _ = strings.Cut(rest, "/")
	resource, _, _ := strings.Cut(rest, "/")
	return namespace, resource != "events" && resource != "leases"
}
