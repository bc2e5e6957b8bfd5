package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"log"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

const failuresShown = 20

// answer is what became of one request.
type answer struct {
	at         time.Time
	late       time.Duration // sent this long after it was due
	latency    time.Duration
	version    string
	pod        string
	status     int // 0: no answer
	deliberate bool
	err        string
}

// failed tells an answer that nobody meant: neither 200 nor an error that the service made on purpose.
func (a *answer) failed() bool {
	return a.status != 200 && !a.deliberate || a.status == 200 && a.err != ""
}

// kept is an answer in its compact form; texts are kept once, in record.texts.
type kept struct {
	atMicros   int64
	micros     uint32
	version    uint16
	pod        uint16
	err        uint16
	status     uint16
	deliberate bool
	failed     bool
}

// record keeps all answers of one load. Safe for concurrent use.
type record struct {
	began time.Time

	mu      sync.Mutex
	answers []kept
	texts   []string
	index   map[string]uint16
	late    int
	latest  time.Duration // longest lateness
}

func newRecord() *record {
	return &record{began: time.Now(), texts: []string{""}, index: map[string]uint16{"": 0}}
}

func (r *record) text(text string) uint16 {
	if i, ok := r.index[text]; ok {
		return i
	}
	if len(r.texts) > 60000 {
		return r.text("(too many different texts)")
	}
	i := uint16(len(r.texts))
	r.texts = append(r.texts, text)
	r.index[text] = i
	return i
}

func (r *record) add(a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, kept{
		atMicros: a.at.UnixMicro(), micros: uint32(min(a.latency.Microseconds(), 1<<32-1)),
		version: r.text(a.version), pod: r.text(a.pod), err: r.text(a.err),
		status: uint16(a.status), deliberate: a.deliberate, failed: a.failed(),
	})
	if a.late > lateAfter {
		r.late++
	}
	r.latest = max(r.latest, a.late)
}

// versionSummary is the traffic that one version answered. The version "" is that of answers that name none.
type versionSummary struct {
	Requests   int            `json:"requests"`
	Share      float64        `json:"share"`
	Status     map[string]int `json:"status"`
	Failed     int            `json:"failed"`
	Deliberate int            `json:"deliberate"`
	ErrorRate  float64        `json:"errorRate"` // all that is not 200, on purpose or not
	P50Ms      float64        `json:"p50Ms"`
	P99Ms      float64        `json:"p99Ms"`
	latencies  []uint32
}

type failure struct {
	Time      time.Time `json:"time"`
	Version   string    `json:"version"`
	Pod       string    `json:"pod"`
	Status    int       `json:"status"`
	LatencyMs float64   `json:"latencyMs"`
	Text      string    `json:"text"`
}

type summary struct {
	Began     time.Time                  `json:"began"`
	Seconds   float64                    `json:"seconds"`
	Requests  int                        `json:"requests"`
	Rate      float64                    `json:"rate"`
	Failed    int                        `json:"failed"` // not 200 and not on purpose
	Versions  map[string]*versionSummary `json:"versions"`
	Errors    map[string]int             `json:"errors,omitempty"`
	Failures  []failure                  `json:"failures,omitempty"` // the first ones
	LastOne   *failure                   `json:"lastFailure,omitempty"`
	Late      int                        `json:"late"` // requests that were sent much later than due
	MaxLateMs float64                    `json:"maxLateMs"`
}

func byVersion(answers []kept, texts []string) map[string]*versionSummary {
	versions := map[string]*versionSummary{}
	for i := range answers {
		a := &answers[i]
		v := versions[texts[a.version]]
		if v == nil {
			v = &versionSummary{Status: map[string]int{}}
			versions[texts[a.version]] = v
		}
		v.Requests++
		v.Status[strconv.Itoa(int(a.status))]++
		v.latencies = append(v.latencies, a.micros)
		if a.failed {
			v.Failed++
		}
		if a.deliberate {
			v.Deliberate++
		}
	}
	for _, v := range versions {
		slices.Sort(v.latencies)
		v.Share = float64(v.Requests) / float64(len(answers))
		v.ErrorRate = float64(v.Requests-v.Status["200"]) / float64(v.Requests)
		v.P50Ms, v.P99Ms = quantile(v.latencies, 0.5), quantile(v.latencies, 0.99)
	}
	return versions
}

// quantile of sorted microseconds, in milliseconds.
func quantile(sorted []uint32, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1000
}

func (r *record) summary() summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.answers, func(a, b kept) int { return int(a.atMicros - b.atMicros) })
	seconds := time.Since(r.began).Seconds()
	s := summary{
		Began: r.began, Seconds: seconds, Requests: len(r.answers), Rate: float64(len(r.answers)) / seconds,
		Versions: byVersion(r.answers, r.texts), Errors: map[string]int{},
		Late: r.late, MaxLateMs: float64(r.latest.Microseconds()) / 1000,
	}
	for i := range r.answers {
		a := &r.answers[i]
		if !a.failed {
			continue
		}
		s.Failed++
		f := failure{Time: time.UnixMicro(a.atMicros), Version: r.texts[a.version], Pod: r.texts[a.pod],
			Status: int(a.status), LatencyMs: float64(a.micros) / 1000, Text: r.texts[a.err]}
		s.Errors[f.Text]++
		if len(s.Failures) < failuresShown {
			s.Failures = append(s.Failures, f)
		}
		s.LastOne = &f
	}
	return s
}

// live is one second of traffic and the whole so far.
type live struct {
	Time        time.Time                  `json:"time"`
	Rate        int                        `json:"rate"`
	Versions    map[string]*versionSummary `json:"versions"`
	Failed      int                        `json:"failed"`
	Total       int                        `json:"total"`
	TotalFailed int                        `json:"totalFailed"`
}

// showLive rewrites the file each second, at once, until the context ends.
func (r *record) showLive(ctx context.Context, file string) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	seen, totalFailed := 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			r.mu.Lock()
			fresh := slices.Clone(r.answers[seen:])
			texts := r.texts
			r.mu.Unlock()
			seen += len(fresh)
			l := live{Time: now, Rate: len(fresh), Versions: byVersion(fresh, texts), Total: seen}
			for i := range fresh {
				if fresh[i].failed {
					l.Failed++
				}
			}
			totalFailed += l.Failed
			l.TotalFailed = totalFailed
			if err := replace(file, l); err != nil {
				log.Printf("cannot write %s: %v", file, err)
			}
		}
	}
}

func replace(file string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (r *record) writeCSV(file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	w := csv.NewWriter(buffered)
	_ = w.Write([]string{"time_ms", "version", "pod", "status", "deliberate", "latency_us", "error"})
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.answers, func(a, b kept) int { return int(a.atMicros - b.atMicros) })
	for _, a := range r.answers {
		_ = w.Write([]string{
			strconv.FormatInt(a.atMicros/1000, 10), r.texts[a.version], r.texts[a.pod], strconv.Itoa(int(a.status)),
			strconv.FormatBool(a.deliberate), strconv.FormatUint(uint64(a.micros), 10), r.texts[a.err]})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return out.Close()
}
