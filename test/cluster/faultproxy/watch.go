package main

import (
	"context"
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

	open := &openWatch{end: end}
	p.mu.Lock()
	p.watches[open] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.watches, open)
		p.mu.Unlock()
	}()

	type read struct {
		due  time.Time
		data []byte
	}
	reads := make(chan read, watchQueuedReads)
	go func() {
		defer close(reads)
		for {
			data := make([]byte, watchReadBytes)
			n, err := response.Body.Read(data)
			if n > 0 {
				reads <- read{time.Now().Add(p.lag()), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
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
