package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	soakLanes    = 3   // namespaces in which releases follow each other
	soakRate     = 300 // requests a second, all lanes together
	soakReleases = 6   // of one shop; then the lane opens another one
	soakPatience = 5 * time.Minute
	// Of the time that is asked for, what follows with the operator being killed again and again.
	soakKillsPart = 6
)

// soak is a long time of releases, while everything around them fails now and then.
type soak struct {
	t      *testing.T
	seed   uint64
	began  time.Time
	calm   time.Time // until here the operator's process is left alive, so that its memory can be watched
	ends   time.Time
	faults *disturbances

	mu     sync.Mutex
	random *rand.Rand
	shops  map[*shop]*release // that are open, with what they release now
	report soakReport
}

// Releases started one after another in a few namespaces, good and bad ones in turn, under faults of all kinds drawn
// from a seed: each ends as it must, no request is lost but by a fault that takes pods or istiod away, and the operator
// needs no more memory and no more file descriptors after an hour than after ten minutes.
func TestSoak(t *testing.T) {
	minutes, err := strconv.Atoi(os.Getenv("WEIR_SOAK_MINUTES"))
	if err != nil {
		t.Skip("./dev soak runs it")
	}
	k := newSoak(t, time.Duration(minutes)*time.Minute)
	t.Logf("seed %d: %d minutes, then %s of kills", k.seed, minutes, k.ends.Sub(k.calm))
	throughFaultProxy(t)
	t.Cleanup(k.conclude)

	stopSampling := k.sample()
	var lanes sync.WaitGroup
	for lane := range soakLanes {
		lanes.Add(1)
		go func() {
			defer lanes.Done()
			for n := 1; time.Now().Before(k.ends); n++ {
				name := fmt.Sprintf("soak-%c%d", 'a'+lane, n)
				t.Run(name, func(t *testing.T) { k.keepShop(t, name) })
			}
		}()
	}
	if err := k.disturb(); err != nil {
		t.Error(err)
	}
	lanes.Wait()
	stopSampling()
}

func newSoak(t *testing.T, lasting time.Duration) *soak {
	seed, err := strconv.ParseUint(os.Getenv("WEIR_SOAK_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64() % 1_000_000
	}
	k := &soak{t: t, seed: seed, began: time.Now(), random: rand.New(rand.NewPCG(seed, 0)), shops: map[*shop]*release{},
		faults: &disturbances{}}
	k.calm = k.began.Add(lasting)
	k.ends = k.calm.Add(lasting / soakKillsPart)
	return k
}

// below draws a number from 0 to n-1.
func (k *soak) below(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.random.IntN(n)
}

func pick[T any](k *soak, of ...T) T { return of[k.below(len(of))] }

// keepShop opens a shop, releases some versions of its service, good and bad in turn, and accounts for every request.
func (k *soak) keepShop(t *testing.T, namespace string) {
	s := open(t, namespace)
	s.patience = soakPatience
	traffic := s.send(soakRate / soakLanes)
	stable := "v1"
	for i := range soakReleases {
		if t.Failed() || time.Now().After(k.ends) {
			break
		}
		stable = k.release(t, s, stable, fmt.Sprintf("v%d", i+2), i%2 == 1)
	}
	seen := traffic.stop()
	t.Log(seen)
	k.account(t, s, seen)
}

// release releases one version, asserts that it ends as it must, and returns the version that serves then.
func (k *soak) release(t *testing.T, s *shop, stable, target string, bad bool) string {
	before := s.routing()
	how := version{env: map[string]string{"START_DELAY": pick(k, "0s", "1s", "3s")}}
	if bad {
		how.env["FAIL_RATE"] = pick(k, "0.1", "0.3", "1")
	}
	s.deploy(target, how)
	r := s.start(stable, target, plan{
		steps: pick(k, "[50]", "[20, 60]", "[10, 30, 60]"), interval: pick(k, "2s", "3s"), keep: pick(k, "1s", "3s"),
		mode: pick(k, "Placeholder", "Placeholder", "Dedicated"), deadline: int(soakPatience.Seconds()) * 3 / 5,
	})
	k.follow(s, r)
	defer k.follow(s, nil)
	r.await(t, soakPatience, "the end of "+r.name, func() bool { return r.phase() == "Succeeded" || r.phase() == "Failed" })
	promoted := r.phase() == "Succeeded"
	_, reason, message := condition(r.canary(), "Promoted")
	// A pod that is killed loses requests, and a candidate whose requests are lost is rightly taken back.
	hurt := k.faults.during(r.began, s.namespace, podKilled, target)
	switch {
	case promoted:
		if bad {
			t.Errorf("%s, which fails %s of its requests, was promoted", r.name, how.env["FAIL_RATE"])
		}
		mustHaveSucceeded(t, r, before)
		stable = target
	case bad || hurt:
		mustHaveFailed(t, r, before, reason)
		if !hurt && reason != "AnalysisFailed" && reason != "AllRequestsFailed" {
			t.Errorf("%s was taken back for another reason than its errors: %s: %s", r.name, reason, message)
		}
	default:
		t.Errorf("%s, a good version, was taken back: %s: %s", r.name, reason, message)
	}
	k.mustHold(t, s, r)
	k.count(r, promoted, bad)
	return stable
}

// mustHold asserts the invariants that the history of a release shows.
func (k *soak) mustHold(t *testing.T, s *shop, r *release) {
	mustLead(t, r)
	mustCountHistory(t, r)
	generation := 0
	for _, revision := range r.of("Canary", r.name, r.since) {
		observed := number(revision.object, "status", "observedGeneration")
		if observed < generation || observed > int(revision.object.GetGeneration()) {
			t.Errorf("observedGeneration of %s went from %d to %d at generation %d", r.name, generation, observed,
				revision.object.GetGeneration())
		}
		generation = observed
	}
	for _, revision := range r.of("VirtualService", service, r.since) {
		s.mustSplit(t, revision)
	}
}

// follow notes what a shop releases now; faults choose from it.
func (k *soak) follow(s *shop, r *release) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r == nil {
		delete(k.shops, s)
		return
	}
	k.shops[s] = r
}

func (k *soak) count(r *release, promoted, bad bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.report.Releases++
	switch {
	case promoted:
		k.report.Promoted++
	case bad:
		k.report.TakenBack++
	default:
		k.report.GoodTakenBack++
	}
	k.report.LongestRelease = max(k.report.LongestRelease, time.Since(r.began).Seconds())
}

// account asserts that every request which the service did not fail on purpose was answered, but for those that a fault
// explains.
func (k *soak) account(t *testing.T, s *shop, seen *result) {
	const shown = 5
	lost := 0
	for i := range seen.answers {
		a := &seen.answers[i]
		if !a.failed() {
			continue
		}
		cause := k.faults.explains(s.namespace, a.at)
		k.mu.Lock()
		k.report.lose(cause)
		k.mu.Unlock()
		if cause != "" {
			continue
		}
		if lost++; lost <= shown {
			t.Errorf("lost: %s at %s: %d %s", or(a.version, "no version"), a.at.Format(time.TimeOnly+".000"), a.status, a.err)
		}
	}
	if lost > shown {
		t.Errorf("%d requests lost without a fault that explains it", lost)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.report.Requests += seen.Requests
	k.report.SentLate += seen.Late
}
