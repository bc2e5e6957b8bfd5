package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	sampleEvery = 10 * time.Second // a soak of less than ten minutes: its sixtieth
	samplesPart = 60
	// The first minutes fill caches and pools; a shorter soak gives them a part of its time.
	warmUp     = 10 * time.Minute
	warmUpPart = 6
	// Beyond this, what the process has gained from the end of the warm-up to the end is a leak.
	mostGainedMiB         = 2.0
	mostGainedDescriptors = 8.0
	// Of the samples, what one end of the period is the median of.
	endPart = 10
)

// sample is the operator's process at one moment.
type sample struct {
	Seconds     float64 `json:"seconds"` // since the soak began
	Pid         int     `json:"pid"`
	RSSMiB      float64 `json:"rssMiB"`
	Descriptors int     `json:"descriptors"`
	Threads     int     `json:"threads"`
}

// soakReport is what build/soak.json holds.
type soakReport struct {
	Seed           uint64               `json:"seed"`
	Minutes        float64              `json:"minutes"`
	Releases       int                  `json:"releases"`
	Promoted       int                  `json:"promoted"`
	TakenBack      int                  `json:"takenBack"`
	GoodTakenBack  int                  `json:"goodTakenBackAfterPodKilled"`
	LongestRelease float64              `json:"longestReleaseSeconds"`
	Requests       int                  `json:"requests"`
	SentLate       int                  `json:"sentLate"`
	Lost           int                  `json:"lost"` // without a fault that explains it
	Explained      map[string]int       `json:"lostByFault"`
	Faults         map[string]int       `json:"faults"`
	Proxy          map[control.Kind]int `json:"requestsByFault"`
	Proxied        int                  `json:"operatorRequests"`
	Processes      int                  `json:"operatorProcesses"`
	RSSWarmMiB     float64              `json:"rssAfterWarmUpMiB"`
	RSSEndMiB      float64              `json:"rssAtEndMiB"`
	RSSMaxMiB      float64              `json:"rssMaxMiB"`
	RSSSlope       float64              `json:"rssSlopeMiBPerHour"`
	DescriptorsWas float64              `json:"descriptorsAfterWarmUp"`
	DescriptorsIs  float64              `json:"descriptorsAtEnd"`
	DescriptorsMax int                  `json:"descriptorsMax"`
	ThreadsMax     int                  `json:"threadsMax"`
	Samples        []sample             `json:"samples"`
}

func (r *soakReport) lose(cause string) {
	if cause == "" {
		r.Lost++
		return
	}
	if r.Explained == nil {
		r.Explained = map[string]int{}
	}
	r.Explained[cause]++
}

// operator returns the id of the operator's process.
func (k *soak) operator() (int, error) {
	files, err := filepath.Glob(filepath.Join(bench.state, "pods", operatorNamespace+"_weir-*_weir.pid"))
	if err != nil || len(files) != 1 {
		return 0, errors.Join(err, fmt.Errorf("%d processes of the operator", len(files)))
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}

func measure(pid int) (sample, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return sample{}, err
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return sample{}, err
	}
	s := sample{Pid: pid, Descriptors: len(descriptors)}
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		if fields := strings.Fields(value); len(fields) > 0 {
			figure, _ := strconv.Atoi(fields[0])
			switch name {
			case "VmRSS":
				s.RSSMiB = float64(figure) / 1024
			case "Threads":
				s.Threads = figure
			}
		}
	}
	return s, nil
}

// sample measures the operator until the returned function is called.
func (k *soak) sample() (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			if pid, err := k.operator(); err == nil {
				if s, err := measure(pid); err == nil {
					s.Seconds = time.Since(k.began).Seconds()
					k.mu.Lock()
					k.report.Samples = append(k.report.Samples, s)
					k.mu.Unlock()
				}
			}
			select {
			case <-over:
				return
			case <-time.After(min(sampleEvery, k.calm.Sub(k.began)/samplesPart)):
			}
		}
	}()
	return func() { close(over); <-done }
}

// conclude judges the operator's memory and descriptors, prints the report and writes it to build/soak.json.
func (k *soak) conclude() {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := &k.report
	r.Seed, r.Minutes, r.Faults = k.seed, time.Since(k.began).Minutes(), k.faults.byKind()
	if state, err := bench.faults.State(); err == nil {
		r.Proxy, r.Proxied = state.Faults, state.Requests
	}
	k.judge()
	content, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		k.t.Fatal(err)
	}
	name := filepath.Join(bench.root, "build", "soak.json")
	if err := os.WriteFile(name, append(content, '\n'), 0o644); err != nil {
		k.t.Error(err)
	}
	brief := *r
	brief.Samples = nil
	content, _ = json.MarshalIndent(brief, "", " ")
	k.t.Logf("%s, without its %d samples:\n%s", name, len(r.Samples), content)
}

// judge compares the two ends of the calm time after the warm-up.
func (k *soak) judge() {
	r := &k.report
	calm := k.calm.Sub(k.began)
	from := min(warmUp, calm/warmUpPart).Seconds()
	processes := map[int]bool{}
	var watched []sample
	for _, s := range r.Samples {
		processes[s.Pid] = true
		r.RSSMaxMiB, r.ThreadsMax = max(r.RSSMaxMiB, s.RSSMiB), max(r.ThreadsMax, s.Threads)
		r.DescriptorsMax = max(r.DescriptorsMax, s.Descriptors)
		if s.Seconds >= from && s.Seconds <= calm.Seconds() {
			watched = append(watched, s)
		}
	}
	r.Processes = len(processes)
	if len(watched) < 2*endPart {
		k.t.Errorf("%d samples are too few to tell whether memory is flat", len(watched))
		return
	}
	for _, s := range watched[1:] {
		if s.Pid != watched[0].Pid {
			k.t.Errorf("the operator's process ended by itself before %.0f s", s.Seconds)
			return
		}
	}
	end := len(watched) / endPart
	rss := func(s sample) float64 { return s.RSSMiB }
	descriptors := func(s sample) float64 { return float64(s.Descriptors) }
	r.RSSWarmMiB, r.RSSEndMiB = median(watched[:end], rss), median(watched[len(watched)-end:], rss)
	r.DescriptorsWas, r.DescriptorsIs = median(watched[:end], descriptors), median(watched[len(watched)-end:], descriptors)
	r.RSSSlope = slope(watched, rss) * 3600
	if r.RSSEndMiB-r.RSSWarmMiB > mostGainedMiB {
		k.t.Errorf("the operator grew from %.1f to %.1f MiB after its warm-up", r.RSSWarmMiB, r.RSSEndMiB)
	}
	if r.DescriptorsIs-r.DescriptorsWas > mostGainedDescriptors {
		k.t.Errorf("the operator went from %.0f to %.0f open descriptors after its warm-up", r.DescriptorsWas, r.DescriptorsIs)
	}
}

func median(of []sample, what func(sample) float64) float64 {
	values := make([]float64, 0, len(of))
	for _, s := range of {
		values = append(values, what(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// slope of the least-squares line, per second.
func slope(of []sample, what func(sample) float64) float64 {
	n, sumX, sumY, sumXX, sumXY := float64(len(of)), 0.0, 0.0, 0.0, 0.0
	for _, s := range of {
		x, y := s.Seconds, what(s)
		sumX, sumY, sumXX, sumXY = sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	if spread := n*sumXX - sumX*sumX; math.Abs(spread) > 0 {
		return (n*sumXY - sumX*sumY) / spread
	}
	return 0
}
