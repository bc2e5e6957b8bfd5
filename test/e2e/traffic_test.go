package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	loadStopLimit = 20 * time.Second
	// Of the asked rate, that a load must have reached for its record to count.
	reachedShare = 0.95
	// As test/cluster/bench gives it to the parts.
	benchPriority = "-10"
	timeOfDay     = "15:04:05.000"
)

// provingRate is the rate, in requests a second, at which a wrong order of writes shows. WEIR_E2E_RATE sets another one,
// for a machine that has other things to do; it proves less. A load that reaches its share of it is above 2,000.
var provingRate = func() int {
	if rate, err := strconv.Atoi(os.Getenv("WEIR_E2E_RATE")); err == nil {
		return rate
	}
	return 2150
}()

// answer is what one request of a load came back with.
type answer struct {
	at         time.Time
	version    string // that answered; empty: none said so
	status     int    // 0: no answer
	deliberate bool   // the service failed on purpose
	latency    time.Duration
	err        string
}

func (a *answer) failed() bool {
	return a.status != 200 && !a.deliberate || a.err != "" && !a.deliberate
}

// load is a running load generator.
type load struct {
	t       *testing.T
	command *exec.Cmd
	csv     string
	output  bytes.Buffer
	rate    int
	ended   chan error
}

// aim is where a load goes.
type aim struct {
	url     string
	host    string
	workers int  // 64
	fresh   bool // a new connection for each request
}

// send loads the service through the gateway until the load is stopped, at the latest when the test ends.
func (s *shop) send(rate int) *load {
	s.t.Helper()
	return startLoad(s.t, rate, aim{url: bench.gateway + "/", host: s.host})
}

// prefer gives a session the priority of the bench's own parts: the scheduler shares time among sessions first. Some kernels know
// no such thing.
func prefer(session int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", session), []byte(benchPriority), 0o644)
}

func startLoad(t *testing.T, rate int, to aim) *load {
	t.Helper()
	l := &load{t: t, rate: rate, csv: filepath.Join(t.TempDir(), "answers.csv"), ended: make(chan error, 1)}
	arguments := []string{"-url", to.url, "-host", to.host, "-rps", strconv.Itoa(rate), "-csv", l.csv,
		"-c", strconv.Itoa(or(to.workers, 64))}
	if to.fresh {
		arguments = append(arguments, "-reconnect")
	}
	l.command = exec.Command("load", arguments...)
	l.command.Stdout, l.command.Stderr = &l.output, os.Stderr
	l.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := l.command.Start(); err != nil {
		t.Fatal(err)
	}
	prefer(l.command.Process.Pid)
	go func() { l.ended <- l.command.Wait() }()
	t.Cleanup(func() { _ = l.command.Process.Kill() })
	return l
}

// result is the record of a load that has ended.
type result struct {
	answers  []answer
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
	Rate     float64 `json:"rate"`
	Failed   int     `json:"failed"`
	Late     int     `json:"late"`
	Versions map[string]struct {
		Requests   int     `json:"requests"`
		Deliberate int     `json:"deliberate"`
		P99Ms      float64 `json:"p99Ms"`
	} `json:"versions"`
}

// stop ends the load and returns its record.
func (l *load) stop() *result {
	l.t.Helper()
	_ = l.command.Process.Signal(syscall.SIGINT)
	select {
	case err := <-l.ended:
		if err != nil {
			l.t.Fatalf("load: %v", err)
		}
	case <-time.After(loadStopLimit):
		l.t.Fatalf("the load generator did not end within %s", loadStopLimit)
	}
	r := &result{}
	if err := json.Unmarshal(l.output.Bytes(), r); err != nil {
		l.t.Fatalf("summary of the load: %v: %s", err, l.output.String())
	}
	r.answers = readAnswers(l.t, l.csv)
	if len(r.answers) != r.Requests {
		l.t.Fatalf("the load's record has %d answers, its summary %d", len(r.answers), r.Requests)
	}
	return r
}

func readAnswers(t *testing.T, name string) []answer {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.ReuseRecord = true
	var answers []answer
	for {
		fields, err := reader.Read()
		if err != nil {
			break
		}
		ms, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			continue // The header.
		}
		status, _ := strconv.Atoi(fields[3])
		micros, _ := strconv.ParseInt(fields[5], 10, 64)
		answers = append(answers, answer{at: time.UnixMilli(ms), version: strings.Clone(fields[1]), status: status,
			deliberate: fields[4] == "true", latency: time.Duration(micros) * time.Microsecond, err: strings.Clone(fields[6])})
	}
	return answers
}

func (r *result) String() string {
	var versions []string
	for name, v := range r.Versions {
		versions = append(versions, fmt.Sprintf("%s %d (%d on purpose, p99 %.0f ms)", or(name, "none"), v.Requests,
			v.Deliberate, v.P99Ms))
	}
	return fmt.Sprintf("%d requests in %.0f s, %.0f/s, %d failed; answered by %s; %d sent late", r.Requests, r.Seconds, r.Rate,
		r.Failed, strings.Join(versions, ", "), r.Late)
}

// mustBeUnharmed asserts that no request failed but those that the service failed on purpose.
func (r *result) mustBeUnharmed(t *testing.T) {
	t.Helper()
	if r.Failed == 0 {
		return
	}
	type harm struct {
		count       int
		first, last time.Time
	}
	kinds := map[string]*harm{}
	for i := range r.answers {
		a := &r.answers[i]
		if !a.failed() {
			continue
		}
		kind := fmt.Sprintf("version %q, status %d: %s", a.version, a.status, a.err)
		if kinds[kind] == nil {
			kinds[kind] = &harm{first: a.at}
		}
		kinds[kind].count++
		kinds[kind].last = a.at
	}
	var text strings.Builder
	for kind, h := range kinds {
		fmt.Fprintf(&text, "\n  %d from %s to %s, %s", h.count, h.first.Format(timeOfDay), h.last.Format(timeOfDay), kind)
	}
	t.Errorf("%d of %d requests failed that the service did not fail on purpose:%s", r.Failed, r.Requests, text.String())
}

// mustProve asserts that the load was heavy enough to show a lost request.
func (r *result) mustProve(t *testing.T, rate int) {
	t.Helper()
	if r.Rate < reachedShare*float64(rate) {
		t.Errorf("the load reached %.0f requests a second of %d: too few to prove anything", r.Rate, rate)
	}
}

// between returns the answers to requests that were sent in a period.
func (r *result) between(from, to time.Time) []answer {
	var found []answer
	for _, a := range r.answers {
		if a.at.After(from) && a.at.Before(to) {
			found = append(found, a)
		}
	}
	return found
}

// before is the record of the requests that were sent before a moment.
func (r *result) before(moment time.Time) *result {
	part := &result{answers: r.between(time.Time{}, moment)}
	part.Requests = len(part.answers)
	for i := range part.answers {
		if part.answers[i].failed() {
			part.Failed++
		}
	}
	return part
}

// share of answers that a version gave, in per cent, and of how many.
func share(answers []answer, version string) (percent float64, of int) {
	count := 0
	for i := range answers {
		if answers[i].version == version {
			count++
		}
	}
	if len(answers) == 0 {
		return 0, 0
	}
	return 100 * float64(count) / float64(len(answers)), len(answers)
}
