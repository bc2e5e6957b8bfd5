// demoapp is the service that the bench releases. It answers 200 and says which version it is; how often it fails and
// how slow it is are set by environment at start and by POST /_ctl while it runs.
//
// environment: PORT (8080), VERSION, POD_NAME, FAIL_RATE (0..1), LATENCY_MS (median), LATENCY_P99_MS, READY (true),
// START_DELAY (a duration before it listens), EXIT_AFTER (a duration after which it ends with code 1).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// The 99th percentile of the standard normal distribution: fixes a lognormal's shape by its median and its p99.
	normalP99 = 2.3263
	// p99 of the latency in medians, when only the median is given.
	defaultTail   = 2.0
	drainDeadline = 25 * time.Second
)

// behaviour is how the service answers. A request sees one whole behaviour.
type behaviour struct {
	Fail    float64       // share of the requests
	Latency time.Duration // median; 0: answers at once
	P99     time.Duration
	Ready   bool
}

// settings are the behaviour in the words in which it can be changed.
func (b *behaviour) settings() map[string]any {
	return map[string]any{"fail": b.Fail, "latency": b.Latency.String(), "p99": b.P99.String(), "ready": b.Ready}
}

func (b *behaviour) wait() time.Duration {
	if b.Latency <= 0 {
		return 0
	}
	p99 := b.P99
	if p99 == 0 {
		p99 = time.Duration(defaultTail * float64(b.Latency))
	}
	sigma := math.Log(max(1, float64(p99)/float64(b.Latency))) / normalP99
	return time.Duration(float64(b.Latency) * math.Exp(sigma*rand.NormFloat64()))
}

// change applies what the query names and leaves the rest.
func (b behaviour) change(query url.Values) (behaviour, error) {
	var err error
	for name, values := range query {
		value := values[0]
		switch name {
		case "fail":
			b.Fail, err = strconv.ParseFloat(value, 64)
			if err == nil && (b.Fail < 0 || b.Fail > 1) {
				err = errors.New("fail is a share from 0 to 1")
			}
		case "latency":
			b.Latency, err = time.ParseDuration(value)
		case "p99":
			b.P99, err = time.ParseDuration(value)
		case "ready":
			b.Ready, err = strconv.ParseBool(value)
		default:
			err = fmt.Errorf("unknown setting %q: fail, latency, p99 and ready are known", name)
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

func number(name string) float64 {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		log.Fatalf("%s=%s is not a number", name, text)
	}
	return value
}

func duration(name string) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	value, err := time.ParseDuration(text)
	if err != nil {
		log.Fatalf("%s=%s is not a duration", name, text)
	}
	return value
}

func setting(name, otherwise string) string {
	if text := os.Getenv(name); text != "" {
		return text
	}
	return otherwise
}

func main() {
	version, pod := setting("VERSION", "unknown"), setting("POD_NAME", setting("HOSTNAME", "unknown"))
	var now atomic.Pointer[behaviour]
	now.Store(&behaviour{
		Fail:    number("FAIL_RATE"),
		Latency: time.Duration(number("LATENCY_MS") * float64(time.Millisecond)),
		P99:     time.Duration(number("LATENCY_P99_MS") * float64(time.Millisecond)),
		Ready:   setting("READY", "true") == "true",
	})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	select {
	case <-ctx.Done():
		return
	case <-time.After(duration("START_DELAY")):
	}

	mux := http.NewServeMux()
	mux.HandleFunc("/_ctl", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			next, err := now.Load().change(r.URL.Query())
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			now.Store(&next)
		}
		_ = json.NewEncoder(w).Encode(now.Load().settings())
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if !now.Load().Ready {
			http.Error(w, "told to be unready", http.StatusServiceUnavailable)
		}
	})
	body := []byte(version + "\n")
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		b := now.Load()
		if wait := b.wait(); wait > 0 {
			time.Sleep(wait)
		}
		header := w.Header()
		header.Set("x-version", version)
		header.Set("x-pod", pod)
		if b.Fail > 0 && rand.Float64() < b.Fail {
			header.Set("x-deliberate", "true")
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write(body)
	})
	serve(ctx, &http.Server{Addr: ":" + setting("PORT", "8080"), Handler: mux})
}

func serve(ctx context.Context, server *http.Server) {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("listening on %s", server.Addr)
	var crash <-chan time.Time
	if after := duration("EXIT_AFTER"); after > 0 {
		crash = time.After(after)
	}
	select {
	case err := <-failed:
		log.Fatal(err)
	case <-crash:
		log.Fatal("told to end")
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.Background(), drainDeadline)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		log.Printf("requests were still running after %s: %v", drainDeadline, err)
	}
}
