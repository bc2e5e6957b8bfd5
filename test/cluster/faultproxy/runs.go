package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

// run follows the writes in one namespace.
type run struct {
	control.Run
	over chan struct{} // closed when the run is ended

	mu     sync.Mutex
	writes []control.Write
	held   bool
	tries  int
}

// counted is the place of a request among the writes of its run; the zero value: it has none.
type counted struct {
	run    *run
	number int // from 1
}

// isHeldBefore tells a write that is not forwarded.
func (c counted) isHeldBefore() bool {
	if c.run == nil || c.run.Stop == 0 {
		return false
	}
	return c.number > c.run.Stop || c.number == c.run.Stop && !c.run.After
}

// isHeldAfter tells a write whose answer is kept back.
func (c counted) isHeldAfter() bool { return c.run != nil && c.run.After && c.number == c.run.Stop }

// count finds the place of a request.
func (p *proxy) count(r *http.Request) counted {
	namespace, ok := isCounted(r)
	if !ok {
		return counted{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, run := range p.runs {
		if run.Namespace == namespace {
			return run.count(r)
		}
	}
	return counted{}
}

func (r *run) count(request *http.Request) counted {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, control.Write{At: time.Now(), Method: request.Method, Path: request.URL.Path})
	return counted{run: r, number: len(r.writes)}
}

func (c counted) answered(status int) {
	if c.run == nil {
		return
	}
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	c.run.writes[c.number-1].Status = status
}

// hold keeps a request until its client is gone or the run is ended.
func (r *run) hold(ctx context.Context) {
	r.mu.Lock()
	r.held = true
	r.mu.Unlock()
	select {
	case <-ctx.Done():
		r.mu.Lock()
		r.tries++
		r.mu.Unlock()
	case <-r.over:
	}
}

func (r *run) progress() control.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return control.Progress{Run: r.Run, Writes: slices.Clone(r.writes), Held: r.held, Tries: r.tries}
}

// controls serves what package control asks.
func (p *proxy) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+control.FaultsPath, func(w http.ResponseWriter, r *http.Request) {
		var faults control.Faults
		if !take(w, r, &faults) {
			return
		}
		if err := check(faults); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults, p.random = faults, rand.New(rand.NewPCG(faults.Seed, 0))
	})
	mux.HandleFunc("DELETE "+control.WatchesPath, func(http.ResponseWriter, *http.Request) { p.dropWatches() })
	mux.HandleFunc("PUT "+control.RunsPath, func(w http.ResponseWriter, r *http.Request) {
		var runs []control.Run
		if take(w, r, &runs) {
			p.follow(runs)
		}
	})
	mux.HandleFunc("GET "+control.RunsPath, func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		runs := slices.Clone(p.runs)
		p.mu.Unlock()
		progress := []control.Progress{}
		for _, run := range runs {
			progress = append(progress, run.progress())
		}
		_ = json.NewEncoder(w).Encode(progress)
	})
	mux.HandleFunc("GET "+control.StatePath, func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		state := control.State{Requests: p.requests, Faults: maps.Clone(p.done), Watches: len(p.watches)}
		p.mu.Unlock()
		_ = json.NewEncoder(w).Encode(state)
	})
	return mux
}

func take(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func check(faults control.Faults) error {
	sum := 0.0
	for kind, chance := range faults.Chance {
		if !slices.Contains(control.Kinds, kind) || chance < 0 {
			return fmt.Errorf("chance of %q: accepted are %v, each from 0 to 1", kind, control.Kinds)
		}
		sum += chance
	}
	if sum > 1 {
		return fmt.Errorf("the chances' sum is %g, more than 1", sum)
	}
	return nil
}

func (p *proxy) follow(runs []control.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, run := range p.runs {
		close(run.over)
	}
	p.runs = nil
	for _, wanted := range runs {
		p.runs = append(p.runs, &run{Run: wanted, over: make(chan struct{})})
	}
}
