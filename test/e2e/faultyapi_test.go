package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	faultyPatience = 4 * time.Minute
	faultyRounds   = 2               // of a good and a bad release each
	dropPause      = 4 * time.Second // between two drops of all watches
)

// seed of a test's random faults: WEIR_E2E_SEED, or a new one.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("WEIR_E2E_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64() % 1_000_000
	}
	t.Logf("seed %d (WEIR_E2E_SEED)", seed)
	return seed
}

// A third of the operator's requests is late, lost, refused, or applied without an answer, its watches end every few
// seconds and its caches are old: good releases end promoted and bad ones taken back all the same.
func TestFaultyAPIServer(t *testing.T) {
	throughFaultProxy(t)
	s := open(t, "faulty")
	s.patience = faultyPatience
	traffic := s.send(provingRate)
	err := bench.faults.SetFaults(control.Faults{Seed: seed(t), MaxDelay: 2 * time.Second, WatchLag: 500 * time.Millisecond,
		Chance: map[control.Kind]float64{control.Delay: 0.08, control.ResetBefore: 0.05, control.ResetAfter: 0.06,
			control.TooMany: 0.05, control.ErrorAfter: 0.06, control.TimeoutAfter: 0.04}})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	defer close(over)
	go dropWatches(t, over)

	slow := plan{steps: "[20, 60]", interval: "2s", deadline: int(faultyPatience.Seconds())}
	stable := "v1"
	for i := range 2 * faultyRounds {
		target := fmt.Sprintf("v%d", i+2)
		before := s.routing()
		var r *release
		if bad := i%2 == 1; bad {
			s.deploy(target, version{env: map[string]string{"FAIL_RATE": "0.3"}})
			r = s.start(stable, target, slow)
			mustHaveFailed(t, r, before, "AnalysisFailed")
		} else {
			s.deploy(target)
			r = s.start(stable, target, slow)
			mustHaveSucceeded(t, r, before)
			stable = target
		}
		mustLead(t, r)
		mustCountHistory(t, r)
		t.Logf("%s: %s after %.1f s", r.name, r.phase(), time.Since(r.began).Seconds())
	}

	state, err := bench.faults.State()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("of %d requests since the proxy started: %v", state.Requests, state.Faults)
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}

func dropWatches(t *testing.T, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-time.After(dropPause):
			if err := bench.faults.DropWatches(); err != nil {
				t.Error(err)
			}
		}
	}
}
