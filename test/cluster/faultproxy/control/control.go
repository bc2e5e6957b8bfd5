// Package control is how tests tell the fault proxy what to do to the operator's requests, and how it tells what came of
// them. Both ends of that conversation, JSON over HTTP, are described by the types here.
package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Kind names what happens to one request.
type Kind string

const (
	Delay        Kind = "delay"         // forwarded late
	ResetBefore  Kind = "reset-before"  // connection reset, nothing forwarded
	ResetAfter   Kind = "reset-after"   // connection reset when the server has answered: a write is applied
	TooMany      Kind = "429"           // refused with Retry-After, nothing forwarded
	ErrorAfter   Kind = "500-after"     // 500 instead of the server's answer: a write is applied
	TimeoutAfter Kind = "504-after"     // 504 instead of the server's answer: a write is applied
	WatchDropped Kind = "watch-dropped" // an open watch, reset by DropWatches
)

// Kinds that are drawn for requests, in the order of the draw.
var Kinds = []Kind{Delay, ResetBefore, ResetAfter, TooMany, ErrorAfter, TimeoutAfter}

// Faults is what may happen to requests from now on. The zero value is none.
type Faults struct {
	Seed     uint64           `json:"seed"`     // of the draws
	Chance   map[Kind]float64 `json:"chance"`   // 0..1 for each request; their sum is at most 1
	MaxDelay time.Duration    `json:"maxDelay"` // of Delay
	WatchLag time.Duration    `json:"watchLag"` // events of watches come this late: the operator's caches are old
}

// Run follows the writes that a release makes in its namespace, and lets none pass from one of them on. Whoever made the
// held write may give it up and try again: that is held too, so what the server has applied stays as it is.
//
// Writes are POST, PUT, PATCH and DELETE of anything but Events and Leases, counted from 1 in the order of their arrival.
type Run struct {
	Namespace string `json:"namespace"`
	Stop      int    `json:"stop"`  // the first write that is held; 0: none is, the run is only recorded
	After     bool   `json:"after"` // that one is held when it is applied, before its answer; otherwise before it is forwarded
}

// Write is one write of a run.
type Write struct {
	At     time.Time `json:"at"` // of its arrival
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"` // of the server's answer; 0: not answered or not forwarded
}

// Progress is how far a run has come.
type Progress struct {
	Run
	Writes []Write `json:"writes"`
	Held   bool    `json:"held"`  // the run has come to its stop
	Tries  int     `json:"tries"` // held writes that were given up by whoever made them
}

// State is what the proxy has done since it started.
type State struct {
	Requests int          `json:"requests"`
	Faults   map[Kind]int `json:"faults"`
	Watches  int          `json:"watches"` // open now
}

// Paths of the conversation.
const (
	FaultsPath  = "/faults"  // PUT Faults
	WatchesPath = "/watches" // DELETE: resets those that are open
	RunsPath    = "/runs"    // PUT []Run starts them afresh and ends earlier ones: what they hold is lost. GET []Progress
	StatePath   = "/state"   // GET State
)

const requestTimeout = 10 * time.Second

// Client talks to one proxy.
type Client struct {
	URL string
}

func (c Client) SetFaults(faults Faults) error { return c.do(http.MethodPut, FaultsPath, faults, nil) }
func (c Client) DropWatches() error            { return c.do(http.MethodDelete, WatchesPath, nil, nil) }
func (c Client) SetRuns(runs []Run) error      { return c.do(http.MethodPut, RunsPath, runs, nil) }

func (c Client) Runs() (runs []Progress, err error) {
	return runs, c.do(http.MethodGet, RunsPath, nil, &runs)
}

func (c Client) State() (state State, err error) {
	return state, c.do(http.MethodGet, StatePath, nil, &state)
}

func (c Client) do(method, path string, body, into any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, c.URL+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	client := http.Client{Timeout: requestTimeout}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("fault proxy: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("fault proxy: %s %s: %w", method, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("fault proxy: %s %s: %s: %s", method, path, response.Status, bytes.TrimSpace(text))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
