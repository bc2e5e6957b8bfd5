package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	watchReadBytes   = 32 << 10
	watchQueuedReads = 4096 // what a lagging watch may be behind
)

// openWatch is one watch under way.
type openWatch struct {
	end context.CancelFunc
}

// watch passes a stream of events on, late if the operator's view has to be an old one, until either side ends it or it
// is dropped.
func (p *proxy) watch(w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithCancel(r.Context())
	defer end()
	response, err := p.ask(ctx, r, nil)
	if err != nil {
		reset(w)
		return
	}
	defer response.Body.Close()
	copyHeader(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	flusher := http.NewResponseController(w)
	_ = flusher.Flush()

	defer p.enlist(&openWatch{end: end})()
	reads := p.readLate(response.Body)
	for {
		select {
		case <-ctx.Done():
			reset(w)
			drain(reads)
			return
		case next, more := <-reads:
			if !more {
				if ctx.Err() != nil {
					reset(w) // Dropped: the server's side ended first.
				}
				return
			}
			select {
			case <-ctx.Done():
				continue
			case <-time.After(time.Until(next.due)):
			}
			if _, err := w.Write(next.data); err != nil {
				drain(reads)
				return
			}
			_ = flusher.Flush()
		}
	}
}

// enlist lets the watch be dropped, until the function that it answers is called.
func (p *proxy) enlist(open *openWatch) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watches[open] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watches, open)
	}
}

// lateRead is what the server sent, and when it is passed on.
type lateRead struct {
	due  time.Time
	data []byte
}

// readLate reads to the end of the body, by which it closes the channel.
func (p *proxy) readLate(body io.Reader) <-chan lateRead {
	reads := make(chan lateRead, watchQueuedReads)
	go func() {
		defer close(reads)
		for {
			data := make([]byte, watchReadBytes)
			n, err := body.Read(data)
			if n > 0 {
				reads <- lateRead{time.Now().Add(p.lag()), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	return reads
}

// drain lets the reader of a watch that is over come to its end.
func drain[T any](reads <-chan T) {
	go func() {
		for range reads {
		}
	}()
}

func (p *proxy) lag() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults.WatchLag
}

func (p *proxy) dropWatches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for watch := range p.watches {
		watch.end()
	}
	p.done[control.WatchDropped] += len(p.watches)
	log.Printf("%d watches dropped", len(p.watches))
}
