package main

import (
	"fmt"
	"log"
	"slices"
	"time"
)

const (
	idleWindow        = 60 * time.Second
	reconcileDeadline = 2 * time.Minute
	reconcilePeriod   = 5 * time.Millisecond
)

var (
	idleCounts  = []int{0, 100, 500, 1000, 5000}
	startCounts = []int{500, 5000} // those at which the start is looked at
)

// measureIdle adds releases that have nothing to do, and looks at the operator at each of idleCounts: at its start, over
// idleWindow, or both. It comes last: what it made goes with the cluster.
func (s *session) measureIdle(counts []int, start, idle bool) error {
	there := 0
	for _, n := range counts {
		log.Printf("%d idle releases", n)
		if err := s.addIdle(there, n); err != nil {
			return err
		}
		there = n
		if err := s.lookIdle(n, start, idle); err != nil {
			return fmt.Errorf("%d idle releases: %w", n, err)
		}
	}
	return nil
}

// addIdle makes the idle releases from number `from` up to, but not including, `to`.
func (s *session) addIdle(from, to int) error {
	over, waiting := s.profile.sets["idle"], s.profile.sets["waiting"]
	if over == nil {
		over = s.profile.sets["service"]
	}
	if waiting == nil {
		waiting = over
	}
	names := releaseNames("app", to)
	err := each(names[from:], func(name string) error {
		set := over
		if name[len(name)-1] == '0' { // every tenth
			set = waiting
		}
		return s.cluster.putAll(set, []string{name})
	})
	if err != nil {
		return err
	}
	return s.awaitFleet(names)
}

func (s *session) lookIdle(n int, start, idle bool) error {
	start = start && slices.Contains(startCounts, n)
	audit, err := s.audit()
	if err != nil {
		return err
	}
	return s.with(func(o *operator) error {
		if start && s.profile.Ready != "" {
			s.figures.set(fmt.Sprintf("start%d_ready_seconds", n), time.Since(o.begun).Seconds())
		}
		if start {
			if err := s.lookReconciles(o, audit, n); err != nil {
				return err
			}
		}
		if !idle {
			return nil
		}
		if s.profile.sets["idle"] == nil {
			if err := s.awaitBefore(releaseNames("app", n)); err != nil {
				return err
			}
		}
		if err := s.settle(o); err != nil {
			return err
		}
		return s.sample(o, n)
	})
}

// lookReconciles says when the first and the last release was looked at; an operator that does not get there in time has no such
// figure.
func (s *session) lookReconciles(o *operator, audit *auditLog, n int) error {
	seen := s.countAsked(audit)
	if s.profile.Rounds != "" {
		seen = s.countRounds
	}
	var first, last time.Duration
	for last < reconcileDeadline {
		looked, err := seen()
		if err != nil {
			return err
		}
		last = time.Since(o.begun)
		if looked > 0 && first == 0 {
			first = last
		}
		if looked >= n {
			s.figures.set(fmt.Sprintf("start%d_first_reconcile_seconds", n), first.Seconds())
			s.figures.set(fmt.Sprintf("start%d_last_reconcile_seconds", n), last.Seconds())
			return nil
		}
		time.Sleep(reconcilePeriod)
	}
	log.Printf("not every release is looked at after %s", reconcileDeadline)
	return nil
}

// countRounds is how many releases the operator says to have looked at.
func (s *session) countRounds() (int, error) {
	page, err := fetch("http://" + listen + "/metrics")
	return int(counter(page, s.profile.Rounds)), err
}

// countAsked counts the releases that were asked for, of an operator that does not say.
func (s *session) countAsked(audit *auditLog) func() (int, error) {
	asked := map[string]bool{}
	return func() (int, error) {
		requests, err := audit.next()
		for _, r := range requests {
			if r.ObjectRef.Resource == s.profile.Release.Resource && r.ObjectRef.Name != "" {
				asked[r.ObjectRef.Name] = true
			}
		}
		return len(asked), err
	}
}

func (s *session) sample(o *operator, n int) error {
	audit, err := s.audit()
	if err != nil {
		return err
	}
	before, err := o.cpu()
	if err != nil {
		return err
	}
	var memory []float64
	begun := time.Now()
	for time.Since(begun) < idleWindow {
		time.Sleep(time.Second)
		resident, _, err := o.memory()
		if err != nil {
			return err
		}
		memory = append(memory, resident)
	}
	after, err := o.cpu()
	if err != nil {
		return err
	}
	window := time.Since(begun).Seconds()
	requests, err := audit.next()
	if err != nil {
		return err
	}
	_, total, leases := count(requests)
	_, peak, err := o.memory()
	if err != nil {
		return err
	}
	s.figures.set(fmt.Sprintf("idle_rss_mb_%d", n), percentile(memory, 50))
	s.figures.set(fmt.Sprintf("idle_peak_rss_mb_%d", n), peak)
	s.figures.set(fmt.Sprintf("idle_cpu_ms_per_s_%d", n), milliseconds(after-before)/window)
	s.figures.set(fmt.Sprintf("idle_api_requests_per_s_%d", n), float64(total)/window)
	s.figures.set(fmt.Sprintf("idle_lease_requests_per_s_%d", n), float64(leases)/window)
	return nil
}
