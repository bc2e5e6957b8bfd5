// Measures an operator: what it costs while there is nothing to do, what releases cost, and how late it is. The API server,
// etcd and Prometheus are real (test/cluster); pods and the traffic that Prometheus reads of are not.
//
// It is run by test/bench/run, inside the bench's network namespace.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"slices"
	"strconv"
	"strings"
)

// benchmarks in the order in which they run.
var benchmarks = []string{"micro", "release", "verdict", "burst200", "burst1000", "start", "idle"}

func main() {
	log.SetFlags(log.Ltime)
	log.SetPrefix("bench ")
	var o options
	flag.StringVar(&o.figures, "figures", "", "file of figures that new ones are merged into")
	flag.StringVar(&o.manifests, "manifests", "", "folder of the operator's profile and of a release's objects")
	flag.StringVar(&o.command, "operator", "", "the operator's command line, instead of the profile's")
	flag.StringVar(&o.counts, "counts", "0,100,500,1000,5000", "numbers of idle releases to look at")
	flag.StringVar(&o.page, "page", "", "page to be written from the figures, with a plot beside it")
	flag.Parse()
	if err := o.run(flag.Args()); err != nil {
		log.Fatal(err)
	}
}

type options struct{ figures, manifests, command, counts, page string }

func (o options) run(names []string) error {
	if len(names) == 0 {
		names = benchmarks
	}
	for _, name := range names {
		if !slices.Contains(benchmarks, name) {
			return fmt.Errorf("no benchmark %s: accepted are %v", name, benchmarks)
		}
	}
	f, err := readFigures(o.figures)
	if err != nil {
		return err
	}
	if err := o.measure(names, f); err != nil {
		return err
	}
	if o.page == "" {
		return nil
	}
	return f.report(o.page)
}

func (o options) measure(names []string, f figures) error {
	p, err := loadProfile(o.manifests)
	if err != nil {
		return err
	}
	if o.command == "" {
		o.command = p.Command
	}
	f.describe(o.command)
	counts, err := parseCounts(o.counts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var s *session
	for _, name := range benchmarks {
		if !slices.Contains(names, name) {
			continue
		}
		if name != "micro" && s == nil {
			if s, err = newSession(ctx, p, o.command, f); err != nil {
				return err
			}
		}
		log.Printf("== %s", name)
		failure := measureOne(s, f, name, names, counts)
		if err := f.write(o.figures); err != nil {
			return err
		}
		if failure != nil {
			return fmt.Errorf("%s: %w", name, failure)
		}
	}
	return nil
}

func measureOne(s *session, f figures, name string, names []string, counts []int) error {
	switch name {
	case "micro":
		return measureMicro(f)
	case "release":
		return s.measureBurst("release", 1)
	case "verdict":
		return s.measureVerdict()
	case "burst200":
		return s.measureBurst("burst200", 200)
	case "burst1000":
		return s.measureBurst("burst1000", 1000)
	case "start":
		if slices.Contains(names, "idle") { // which looks at its starts
			return nil
		}
		return s.measureIdle(startCounts, true, false)
	case "idle":
		return s.measureIdle(counts, slices.Contains(names, "start"), true)
	}
	return nil
}

func parseCounts(text string) ([]int, error) {
	var counts []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("counts: %w", err)
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	return counts, nil
}
