package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"
)

const (
	lookPeriod = time.Second
	patience   = 5               // times the plan, before releases that are not over are given up
	afterRest  = 5 * time.Second // what an operator still writes once all is over
)

// measureBurst starts `count` releases at once and follows them to their end. One alone is the cost of a release.
func (s *session) measureBurst(prefix string, count int) error {
	err := s.withPrepared(count, func(o *operator, names []string) error { return s.burst(prefix, o, names) })
	if err != nil {
		return err
	}
	if count == 1 {
		if err := s.keepReleases(); err != nil {
			return err
		}
	}
	return s.clear()
}

func (s *session) burst(prefix string, o *operator, names []string) error {
	audit, err := s.audit()
	if err != nil {
		return err
	}
	cpu, err := o.cpu()
	if err != nil {
		return err
	}
	queries, err := prometheusQueries()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := s.cluster.putAll(s.profile.sets["release"], names); err != nil {
		return err
	}
	created := time.Since(begun)
	requests, err := s.follow(o, audit, names)
	if err != nil {
		return err
	}
	time.Sleep(afterRest)
	rest, err := audit.next()
	if err != nil {
		return err
	}
	requests = append(requests, rest...)
	cpuAfter, err := o.cpu()
	if err != nil {
		return err
	}
	queriesAfter, err := prometheusQueries()
	if err != nil {
		return err
	}
	_, peak, err := o.memory()
	if err != nil {
		return err
	}
	s.reportPromotions(prefix, begun, requests)
	s.reportLateness(prefix, requests)
	s.countRequests(prefix, requests)
	s.figures.set(prefix+"_created_seconds", created.Seconds())
	s.figures.set(prefix+"_prometheus_queries", queriesAfter-queries)
	s.figures.set(prefix+"_cpu_seconds", (cpuAfter - cpu).Seconds())
	s.figures.set(prefix+"_peak_rss_mb", peak)
	return nil
}

// follow reads what the operator asks for until every release is over, or its time is.
func (s *session) follow(o *operator, audit *auditLog, names []string) ([]request, error) {
	var all []request
	over := map[string]bool{}
	limit := time.Duration(patience * s.profile.PlanSeconds * float64(time.Second))
	for deadline := time.Now().Add(limit); len(over) < len(names); time.Sleep(lookPeriod) {
		if time.Now().After(deadline) {
			log.Printf("only %d of %d releases are over after %s", len(over), len(names), limit)
			break
		}
		if err := o.alive(); err != nil {
			return nil, err
		}
		requests, err := audit.next()
		if err != nil {
			return nil, err
		}
		all = append(all, requests...)
		for _, write := range statusWrites(requests, s.profile.Release.Resource) {
			if s.profile.isResting(write) {
				over[write.Release] = true
			}
		}
	}
	return all, nil
}

func (s *session) reportPromotions(prefix string, begun time.Time, requests []request) {
	promoted := map[string]time.Duration{}
	for _, write := range statusWrites(requests, s.profile.Release.Resource) {
		if _, known := promoted[write.Release]; !known && s.profile.isPromoted(write) {
			promoted[write.Release] = write.Answered.Sub(begun)
		}
	}
	var last time.Duration
	for _, after := range promoted {
		last = max(last, after)
	}
	s.figures.set(prefix+"_promoted", float64(len(promoted)))
	s.figures.set(prefix+"_seconds", last.Seconds())
	s.figures.set(prefix+"_plan_seconds", s.profile.PlanSeconds)
}

func (s *session) reportLateness(prefix string, requests []request) {
	var late []float64
	for _, writes := range routeWrites(requests) {
		late = append(late, lateness(writes, s.profile.step())...)
	}
	for _, p := range []float64{50, 90, 99, 100} {
		name := fmt.Sprintf("%s_step_lateness_p%.0f_ms", prefix, p)
		if p == 100 {
			name = prefix + "_step_lateness_max_ms"
		}
		s.figures.set(name, percentile(late, p))
	}
}

// keepReleases leaves the releases as they ended beside the logs: idle.yaml is made of one.
func (s *session) keepReleases() error {
	page, err := s.cluster.raw.Get().AbsPath("/apis", s.profile.Release.Group, s.profile.Release.Version, "namespaces", namespace,
		s.profile.Release.Resource).DoRaw(context.Background())
	if err != nil {
		return err
	}
	file := filepath.Join(s.cluster.state, "logs/releases.json")
	log.Printf("the release as it ended is in %s", file)
	return os.WriteFile(file, page, 0o644)
}
