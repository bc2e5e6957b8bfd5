package main

import (
	"fmt"
	"log"
	"time"
)

const (
	idleWindow = 60 * time.Second
)

var (
	idleCounts  = []int{0, 100, 500, 1000, 5000}
	startCounts = []int{500, 5000} // those at which the start is looked at
)

// measureIdle adds releases that have nothing to do, and looks at the operator at each of idleCounts: at its start, over
// idleWindow, or both.
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
	return s.clear()
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
		if err := s.settle(); err != nil {
			return err
		}
		return s.sample(o, n)
	})
}

// lookReconciles says when the first and the last release was looked at: by the operator's own count, else by the first request
// for each.
func (s *session) lookReconciles(o *operator, audit *auditLog, n int) error {
	var first, last time.Duration
	if s.profile.Rounds != "" {
		err := await(readyDeadline, "every release is looked at", func() (bool, error) {
			page, err := fetch("http://" + listen + "/metrics")
			rounds := counter(page, s.profile.Rounds)
			if rounds > 0 && first == 0 {
				first = time.Since(o.begun)
			}
			last = time.Since(o.begun)
			return rounds >= float64(n), err
		})
		if err != nil {
			return err
		}
	} else {
		seen := map[string]bool{}
		err := await(readyDeadline, "every release is asked for", func() (bool, error) {
			requests, err := audit.next()
			for _, r := range requests {
				if r.ObjectRef.Resource != s.profile.Release.Resource || r.ObjectRef.Name == "" || seen[r.ObjectRef.Name] {
					continue
				}
				seen[r.ObjectRef.Name] = true
				last = r.Received.Sub(o.begun)
				if first == 0 {
					first = last
				}
			}
			return len(seen) >= n, err
		})
		if err != nil {
			return err
		}
	}
	s.figures.set(fmt.Sprintf("start%d_first_reconcile_seconds", n), first.Seconds())
	s.figures.set(fmt.Sprintf("start%d_last_reconcile_seconds", n), last.Seconds())
	return nil
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
