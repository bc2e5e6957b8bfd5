package main

import (
	"errors"
	"testing"
	"time"
)

func TestErrorsOnPurposeAreNotFailures(t *testing.T) {
	r := newRecord()
	r.add(answer{status: 200, version: "v1", latency: time.Millisecond})
	r.add(answer{status: 500, version: "v2", deliberate: true})
	r.add(answer{status: 503, err: "no healthy upstream"})
	r.add(answer{err: "connection refused"})
	s := r.summary()
	if s.Requests != 4 || s.Failed != 2 || s.Versions["v2"].Failed != 0 || s.Versions["v2"].Deliberate != 1 {
		t.Errorf("%+v", s)
	}
	if s.Versions["v2"].ErrorRate != 1 || s.Versions["v1"].Share != 0.25 {
		t.Errorf("v1 %+v v2 %+v", s.Versions["v1"], s.Versions["v2"])
	}
	if s.Errors["no healthy upstream"] != 1 || s.Errors["connection refused"] != 1 || s.LastOne == nil {
		t.Errorf("errors %v, last %v", s.Errors, s.LastOne)
	}
}

func TestAnswerThatBreaksOffIsAFailure(t *testing.T) {
	a := answer{status: 200, err: errors.New("unexpected EOF").Error()}
	if !a.failed() {
		t.Error("a body that was cut off counts as an answer")
	}
}

func TestQuantilesAreOfOneVersion(t *testing.T) {
	r := newRecord()
	for i := range 100 {
		r.add(answer{status: 200, version: "v1", latency: time.Duration(i+1) * time.Millisecond})
		r.add(answer{status: 200, version: "v2", latency: time.Second})
	}
	if v := r.summary().Versions["v1"]; v.P50Ms != 50 || v.P99Ms != 99 {
		t.Errorf("p50 %v p99 %v", v.P50Ms, v.P99Ms)
	}
}
