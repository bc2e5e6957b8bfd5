package main

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

func TestLatencyHasTheMedianAndThe99thPercentileThatWereSet(t *testing.T) {
	b := behaviour{Latency: 20 * time.Millisecond, P99: 400 * time.Millisecond}
	waits := make([]time.Duration, 200_000)
	for i := range waits {
		waits[i] = b.wait()
	}
	slices.Sort(waits)
	near := func(got, want time.Duration) bool { return got > want*85/100 && got < want*115/100 }
	if median, p99 := waits[len(waits)/2], waits[len(waits)*99/100]; !near(median, b.Latency) || !near(p99, b.P99) {
		t.Errorf("median %s, p99 %s", median, p99)
	}
}

func TestChangeLeavesWhatItDoesNotName(t *testing.T) {
	b, err := behaviour{Fail: 0.1, Ready: true}.change(url.Values{"latency": {"20ms"}})
	if err != nil || b.Fail != 0.1 || !b.Ready || b.Latency != 20*time.Millisecond {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestChangeRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, query := range []string{"fail=2", "fail=x", "latency=5", "faill=0.1", "ready=maybe"} {
		values, _ := url.ParseQuery(query)
		if _, err := (behaviour{}).change(values); err == nil {
			t.Errorf("%s was accepted", query)
		}
	}
}
