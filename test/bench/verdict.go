package main

import (
	"errors"
	"log"
	"time"
)

const (
	verdictReleases = 20 // judged in one way
	// Releases begin apart, so that the metrics turn bad at every phase of an interval.
	verdictStagger  = 500 * time.Millisecond
	verdictWeight   = 20 // every release is here when the metrics turn bad
	verdictDeadline = 2 * time.Minute
)

// measureVerdict has the metrics of candidates in the middle of their releases turn bad.
func (s *session) measureVerdict() error {
	return errors.Join(s.withPrepared(verdictReleases*len(s.profile.judged()), s.turnBad), s.clear())
}

func (s *session) turnBad(o *operator, names []string) error {
	audit, err := s.audit()
	if err != nil {
		return err
	}
	judged := map[string][]string{}
	ways := s.profile.judged()
	for i, name := range names {
		way := ways[i%len(ways)]
		judged[way] = append(judged[way], name)
		if err := s.cluster.putAll(s.profile.sets[way], []string{name}); err != nil {
			return err
		}
		time.Sleep(verdictStagger / time.Duration(len(ways)))
	}
	var requests []request
	all := func(reached func(writes []routeWrite) bool) func() (bool, error) {
		return func() (bool, error) {
			if err := o.alive(); err != nil {
				return false, err
			}
			next, err := audit.next()
			requests = append(requests, next...)
			writes := routeWrites(requests)
			for _, name := range names {
				if !reached(writes[name]) {
					return false, err
				}
			}
			return true, err
		}
	}
	err = await(verdictDeadline, "every release has weight", all(func(writes []routeWrite) bool {
		return len(writes) > 0 && writes[len(writes)-1].Weight >= verdictWeight
	}))
	if err != nil {
		return err
	}
	log.Print("the metrics turn bad")
	s.exporter.turnBad(names)
	err = await(verdictDeadline, "every release is taken back", all(func(writes []routeWrite) bool {
		return len(writes) > 0 && writes[len(writes)-1].Weight == 0
	}))
	if err != nil {
		return err
	}
	s.reportVerdicts(requests)
	for way, names := range judged {
		s.reportDetection(way, routeWrites(requests), names)
	}
	return nil
}

func (s *session) reportVerdicts(requests []request) {
	statuses := map[string][]statusWrite{}
	for _, write := range statusWrites(requests, s.profile.Release.Resource) {
		statuses[write.Release] = append(statuses[write.Release], write)
	}
	var routed []float64
	for name, writes := range routeWrites(requests) {
		routed = append(routed, verdictToRoute(statuses[name], writes)...)
	}
	s.figures.set("verdict_to_route_ms_p50", percentile(routed, 50))
	s.figures.set("verdict_to_route_ms_p99", percentile(routed, 99))
	s.figures.set("verdict_to_route_count", float64(len(routed)))
}

// reportDetection says how long after the first sample that shows failures a release had no weight any more.
func (s *session) reportDetection(way string, writes map[string][]routeWrite, names []string) {
	var detected []float64
	for _, name := range names {
		for i, write := range writes[name] {
			if i > 0 && write.Weight == 0 && writes[name][i-1].Weight > 0 {
				detected = append(detected, write.Answered.Sub(s.exporter.badSince(name)).Seconds())
				break
			}
		}
	}
	figure := "bad_metric_to_weight0"
	if way != "release" {
		figure += "_" + way
	}
	s.figures.set(figure+"_seconds", percentile(detected, 100))
	s.figures.set(figure+"_p50_seconds", percentile(detected, 50))
}

// verdictToRoute is, for each move of a weight that a verdict decides, the milliseconds from the API server's reception of the
// status that records the verdict to its answer to the move. The first move of a release follows no verdict.
func verdictToRoute(statuses []statusWrite, writes []routeWrite) []float64 {
	var took []float64
	for i := 1; i < len(writes); i++ {
		if writes[i-1].Weight == 0 || writes[i].Weight == writes[i-1].Weight {
			continue
		}
		var verdict time.Time
		for _, status := range statuses {
			if status.Received.Before(writes[i].Answered) {
				verdict = status.Received
			}
		}
		if !verdict.IsZero() {
			took = append(took, milliseconds(writes[i].Answered.Sub(verdict)))
		}
		if writes[i].Weight == 0 {
			break
		}
	}
	return took
}
