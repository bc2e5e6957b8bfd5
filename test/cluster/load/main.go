// load sends bounded HTTP traffic at a fixed rate and records every answer.
//
// Requests are due at fixed times, whether earlier ones have been answered or not (up to -c at once), so that a slow
// service is asked as often as a fast one. The summary goes to standard output as JSON when the load ends: by -n, by
// -d, or by SIGINT or SIGTERM.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	paceTick      = time.Millisecond
	bodyTextLimit = 200
	lateAfter     = 100 * time.Millisecond
)

type headers []string

func (h *headers) String() string { return strings.Join(*h, ", ") }
func (h *headers) Set(line string) error {
	if !strings.Contains(line, ":") {
		return fmt.Errorf("a header is NAME: VALUE, not %q", line)
	}
	*h = append(*h, line)
	return nil
}

type options struct {
	url       *url.URL
	host      string
	headers   http.Header
	rate      int
	duration  time.Duration
	requests  int
	workers   int
	timeout   time.Duration
	csv       string
	live      string
	reconnect bool
}

func parse() options {
	var o options
	var lines headers
	address := flag.String("url", "", "what to ask")
	flag.StringVar(&o.host, "host", "", "Host header")
	flag.Var(&lines, "H", "further header NAME: VALUE; may be given again")
	flag.IntVar(&o.rate, "rps", 100, "requests a second; 0: as fast as the workers go")
	flag.DurationVar(&o.duration, "d", 0, "how long; 0: no limit")
	flag.IntVar(&o.requests, "n", 0, "how many requests at most; 0: no limit")
	flag.IntVar(&o.workers, "c", 64, "how many requests at once at most")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Second, "of one request")
	flag.StringVar(&o.csv, "csv", "", "file for every answer: time_ms,version,pod,status,deliberate,latency_us,error")
	flag.StringVar(&o.live, "live", "", "file rewritten each second with the last second's traffic, as JSON")
	flag.BoolVar(&o.reconnect, "reconnect", false, "a new connection for each request")
	flag.Parse()
	var err error
	if o.url, err = url.Parse(*address); err != nil || o.url.Host == "" {
		log.Fatalf("-url %q is not a URL", *address)
	}
	if o.workers < 1 || o.rate < 0 {
		log.Fatal("-c is at least 1 and -rps is not negative")
	}
	o.headers = http.Header{"User-Agent": {"weir-load"}}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		o.headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return o
}

func main() {
	o := parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	r := newRecord()
	liveDone := make(chan struct{})
	liveCtx, endLive := context.WithCancel(context.Background())
	go func() {
		defer close(liveDone)
		if o.live != "" {
			r.showLive(liveCtx, o.live)
		}
	}()
	run(ctx, o, r)
	endLive()
	<-liveDone
	if o.csv != "" {
		if err := r.writeCSV(o.csv); err != nil {
			log.Fatalf("cannot write %s: %v", o.csv, err)
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r.summary()); err != nil {
		log.Fatal(err)
	}
}

// run sends until the context ends or all requests are sent, and waits for the last answers.
func run(ctx context.Context, o options, r *record) {
	transport := &http.Transport{
		MaxIdleConnsPerHost: o.workers,
		DisableKeepAlives:   o.reconnect,
		DisableCompression:  true,
		DialContext:         (&net.Dialer{Timeout: o.timeout}).DialContext,
	}
	due := make(chan time.Time, o.workers)
	var workers sync.WaitGroup
	for range o.workers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for at := range due {
				r.add(send(transport, o, at))
			}
		}()
	}
	pace(ctx, o, due)
	close(due)
	workers.Wait()
}

// pace hands out the requests that are due, those of a millisecond together, so that a high rate costs little.
func pace(ctx context.Context, o options, due chan<- time.Time) {
	start, sent := time.Now(), 0
	for o.requests == 0 || sent < o.requests {
		at := time.Now()
		if o.rate > 0 {
			at = start.Add(time.Duration(sent) * time.Second / time.Duration(o.rate))
			if wait := time.Until(at); wait > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(max(wait, paceTick)):
				}
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case due <- at:
			sent++
		}
	}
}

// send asks once. A request under way is not cut off when the load ends.
func send(transport *http.Transport, o options, due time.Time) answer {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	request := (&http.Request{Method: http.MethodGet, URL: o.url, Host: o.host, Header: o.headers}).WithContext(ctx)
	began := time.Now()
	a := answer{at: began, late: began.Sub(due)}
	response, err := transport.RoundTrip(request)
	if err != nil {
		a.err, a.latency = err.Error(), time.Since(began)
		return a
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, bodyTextLimit))
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	_ = response.Body.Close()
	a.latency = time.Since(began)
	a.status = response.StatusCode
	a.version, a.pod = response.Header.Get("X-Version"), response.Header.Get("X-Pod")
	a.deliberate = response.Header.Get("X-Deliberate") == "true"
	switch {
	case err != nil:
		a.err = err.Error()
	case a.failed():
		a.err = strings.TrimSpace(string(text))
	}
	return a
}
