package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	readyDeadline  = 2 * time.Minute
	fleetDeadline  = 5 * time.Minute
	quiet          = 3 * time.Second // without a request, the operator has settled
	quietShare     = 20              // of that time it may compute one part in so many
	settleDeadline = time.Minute
	// A series must be older than this before its scrape interval can be told (analysis/providers/prometheus/queries.cc).
	knownAfter = 125 * time.Second
)

// session measures one operator on one cluster.
type session struct {
	profile  *profile
	command  string
	cluster  *cluster
	fleet    *fleet
	exporter *exporter
	begun    time.Time
	figures  figures
	running  *operator // nil: none
}

func newSession(ctx context.Context, p *profile, command string, f figures) (*session, error) {
	s := &session{profile: p, command: command, begun: time.Now(), figures: f}
	var err error
	if s.cluster, err = connect(p); err != nil {
		return nil, err
	}
	if s.exporter, err = startExporter(ctx, s.cluster, p); err != nil {
		return nil, err
	}
	if s.fleet, err = startFleet(ctx, s.cluster); err != nil {
		return nil, err
	}
	s.stopOnSignal()
	return s, nil
}

// stopOnSignal leaves no operator behind.
func (s *session) stopOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		if s.running != nil {
			_ = s.running.command.Process.Kill()
		}
		os.Exit(130)
	}()
}

// audit is what the operator asks for from now on.
func (s *session) audit() (*auditLog, error) {
	a := &auditLog{path: filepath.Join(s.cluster.state, "audit.log")}
	return a, a.skip()
}

// with runs the operator while `work` is done. It is ready by then.
func (s *session) with(work func(o *operator) error) error {
	o, err := startOperator(s.command, s.cluster.state)
	if err != nil {
		return err
	}
	s.running = o
	err = s.awaitReady(o)
	if err == nil {
		err = work(o)
	}
	s.running = nil
	return errors.Join(err, o.stop())
}

func (s *session) awaitReady(o *operator) error {
	if s.profile.Ready == "" {
		return s.settle(o)
	}
	return await(readyDeadline, "the operator is ready", func() (bool, error) {
		if err := o.alive(); err != nil {
			return false, err
		}
		_, err := fetch("http://" + listen + s.profile.Ready)
		return err == nil, nil
	})
}

// withPrepared makes what `count` releases stand on, and visits the operator once it has settled and their metrics are there.
func (s *session) withPrepared(count int, visit func(o *operator, names []string) error) error {
	names, err := s.prepare(count)
	if err != nil {
		return err
	}
	return s.with(func(o *operator) error {
		if err := s.awaitBefore(names); err != nil {
			return err
		}
		if err := s.settle(o); err != nil {
			return err
		}
		s.awaitMetrics()
		return visit(o, names)
	})
}

// settle waits until the operator asks for nothing and computes nothing. One that never stops is as settled as it gets at the
// deadline.
func (s *session) settle(o *operator) error {
	audit, err := s.audit()
	if err != nil {
		return err
	}
	before, err := o.cpu()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(settleDeadline); time.Now().Before(deadline); {
		time.Sleep(quiet)
		requests, err := audit.next()
		if err != nil {
			return err
		}
		now, err := o.cpu()
		if err != nil {
			return err
		}
		if _, total, _ := count(requests); total == 0 && now-before < quiet/quietShare {
			return nil
		}
		before = now
	}
	return nil
}

// prepare makes what is there before `count` releases, and answers their names.
func (s *session) prepare(count int) ([]string, error) {
	names := releaseNames("app", count)
	s.exporter.begin(names)
	if err := s.cluster.putAll(s.profile.sets["service"], names); err != nil {
		return nil, err
	}
	return names, s.awaitFleet(names)
}

func (s *session) awaitFleet(names []string) error {
	return await(fleetDeadline, "all Deployments have their pods", func() (bool, error) {
		return s.fleet.ready(len(names)), nil
	})
}

// awaitBefore waits until releases can be started, for operators that make something of a service beforehand.
func (s *session) awaitBefore(names []string) error {
	if s.profile.Before == "" {
		return nil
	}
	return await(fleetDeadline, "every release is "+s.profile.Before, func() (bool, error) {
		time.Sleep(time.Second)
		phases, err := s.cluster.phases(s.profile)
		for _, name := range names {
			if phases[name] != s.profile.Before {
				return false, err
			}
		}
		return true, err
	})
}

// awaitMetrics waits until Prometheus knows its targets for so long that an operator can tell how often it reads them.
func (s *session) awaitMetrics() {
	if left := knownAfter - time.Since(s.begun); left > 0 {
		log.Printf("waiting %.0f s for Prometheus to have history", left.Seconds())
		time.Sleep(left)
	}
}

func (s *session) clear() error {
	s.exporter.begin(nil)
	if err := s.cluster.clear(s.profile); err != nil {
		return err
	}
	return await(fleetDeadline, "the namespace is empty", func() (bool, error) {
		return len(s.fleet.services.GetStore().ListKeys())+len(s.fleet.deployments.GetStore().ListKeys()) == 0, nil
	})
}

// prometheusQueries is how many instant queries Prometheus has answered, whoever asked.
func prometheusQueries() (float64, error) {
	page, err := fetch(os.Getenv("WEIR_BENCH_PROMETHEUS") + "/metrics")
	return counter(page, "prometheus_http_requests_total", `handler="/api/v1/query"`), err
}

func releaseNames(prefix string, count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%05d", prefix, i)
	}
	return names
}

func (s *session) countRequests(prefix string, requests []request) {
	by, total, leases := count(requests)
	s.figures.removePrefix(prefix + "_api_requests_")
	for what, number := range by {
		s.figures.set(prefix+"_api_requests_"+strings.ReplaceAll(what, "-", "_"), float64(number))
	}
	s.figures.set(prefix+"_api_requests", float64(total))
	s.figures.set(prefix+"_lease_requests", float64(leases))
}
