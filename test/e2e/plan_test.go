package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// plan is how a version is released. The zero value is two steps, judged by the share of successes.
type plan struct {
	interval  string // 3s
	delay     string // propagation delay, 2s; both are longer by the lateness of proxies
	threshold int    // 2
	steps     string // [20, 60]
	metrics   string // YAML list
	spec      string // further lines of spec, as "suspend: true" or "stable: {…}"; each at the indentation of spec's fields
	analysis  string // further lines of analysis
	keep      string // scaleDownDelay, 1s
	mode      string // Placeholder
	deadline  int    // progressDeadlineSeconds, 60; as the delay
}

const (
	successMetric = `[{name: request-success-rate, thresholdRange: {min: 99}}]`
	latencyMetric = `[{name: request-duration, thresholdRange: {max: 500}}]`
	bothMetrics   = `[{name: request-success-rate, thresholdRange: {min: 99}}, {name: request-duration, thresholdRange: {max: 500}}]`
)

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (p plan) canary(version string) string {
	delay, err := time.ParseDuration(or(p.delay, "2s"))
	if err != nil {
		panic(err)
	}
	deadline := or(p.deadline, 60) + int(lateness.Seconds())
	text := fmt.Sprintf(`
apiVersion: weir.dev/v1alpha1
kind: Canary
metadata: {name: checkout-%s}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout-%s}
  service: {name: checkout, mode: %s}
  routing: {propagationDelay: %s}
  stable: {scaleDownDelay: %s}
  progressDeadlineSeconds: %d
  analysis:
    interval: %s
    threshold: %d
    stepWeights: %s
    metrics: %s
`, version, version, or(p.mode, "Placeholder"), delay+lateness, or(p.keep, "1s"), deadline,
		or(p.interval, "3s"), or(p.threshold, 2), or(p.steps, "[20, 60]"), or(p.metrics, successMetric))
	if p.analysis != "" {
		text += "    " + p.analysis + "\n"
	}
	if p.spec != "" {
		text += "  " + p.spec + "\n"
	}
	return text
}

// release is one Canary and what has been written since just before it was created.
type release struct {
	*shop
	name   string // of the Canary and of its target
	stable string // version that served before
	target string // version that is released
	mode   string // of its Service
	since  int64  // version of the newest write before
	until  int64  // version of the newest write at its end, 0 while it runs
	began  time.Time
}

// start creates the Canary that releases a version.
func (s *shop) start(from, to string, p plan) *release {
	s.t.Helper()
	r := &release{shop: s, name: "checkout-" + to, stable: from, target: to, mode: p.mode, since: s.now(), began: time.Now()}
	bench.mustCreate(s.t, s.namespace, p.canary(to))
	return r
}

// canary is the Canary as last seen; an empty one when there is none.
func (r *release) canary() *object {
	if o := r.latest("Canary", r.name); o != nil {
		return o
	}
	return &object{Object: map[string]any{}}
}

func (r *release) phase() string   { return text(r.canary(), "status", "phase") }
func (r *release) message() string { return text(r.canary(), "status", "message") }

// awaitPhase waits until the release has been in a phase; it may have left it already, except for a last one.
func (r *release) awaitPhase(limit time.Duration, phase string) {
	r.t.Helper()
	r.await(r.t, limit, r.name+" in phase "+phase, func() bool {
		if phase != "Failed" && r.phase() == "Failed" || phase != "Succeeded" && r.phase() == "Succeeded" {
			r.t.Fatalf("%s is %s instead of %s: %s", r.name, r.phase(), phase, r.message())
		}
		return slices.Contains(r.phases(), phase)
	})
}

// phases is every phase that the release has been in, in order.
func (r *release) phases() []string {
	var phases []string
	for _, revision := range r.of("Canary", r.name, r.since) {
		phase := text(revision.object, "status", "phase")
		if phase != "" && (len(phases) == 0 || phases[len(phases)-1] != phase) {
			phases = append(phases, phase)
		}
	}
	return phases
}

// awaitWeight waits until a weight of the candidate has been written to the VirtualService, and returns when.
func (r *release) awaitWeight(limit time.Duration, weight int) time.Time {
	r.t.Helper()
	var at time.Time
	r.await(r.t, limit, fmt.Sprintf("%d %% for %s", weight, r.target), func() bool {
		for _, w := range r.weights() {
			if w.candidate == weight {
				at = w.at
				return true
			}
		}
		return false
	})
	return at
}

// weighed is one state of the first route that goes to the service.
type weighed struct {
	at        time.Time
	version   int64
	table     string // as "v1=80 v2=20", "-" as its owner wrote it
	candidate int    // weight; -1: the route is as its owner wrote it
}

// weights is every state of the route since the release began, the one before it first.
func (r *release) weights() []weighed {
	var found []weighed
	for _, revision := range r.of("VirtualService", service, 0) {
		if r.until > 0 && revision.version > r.until {
			break
		}
		for _, route := range items(revision.object, "spec", "http") {
			table := weights(route, r.namespace, service, service+"-weir")
			if table == "" {
				continue
			}
			w := weighed{at: revision.at, version: revision.version, table: table, candidate: -1}
			if table != "-" {
				to, _ := destinations(route, r.namespace, service, service+"-weir")
				w.candidate = 0
				for _, destination := range to {
					if subsetOf(destination) == r.target {
						w.candidate = weightOf(destination, false)
					}
				}
			}
			if revision.version <= r.since && len(found) > 0 {
				found = found[:0]
			}
			if len(found) == 0 || found[len(found)-1].table != table {
				found = append(found, w)
			}
			break
		}
	}
	return found
}

// events returns "Reason: message" of the release's Events, in the order of their creation.
func (r *release) events() []string {
	list := bench.list(r.t, r.namespace, "Event", "")
	slices.SortStableFunc(list, func(a, b object) int {
		return strings.Compare(a.GetResourceVersion(), b.GetResourceVersion())
	})
	var texts []string
	for i := range list {
		o := &list[i]
		kind, name := text(o, "involvedObject", "kind"), text(o, "involvedObject", "name")
		if kind == "" {
			kind, name = text(o, "regarding", "kind"), text(o, "regarding", "name")
		}
		if kind == "Canary" && name == r.name {
			texts = append(texts, text(o, "type")+" "+text(o, "reason")+": "+or(text(o, "message"), text(o, "note")))
		}
	}
	return texts
}

// awaitEvent waits for an Event of the release that starts with `kind` ("Warning Drifted") and holds `part`.
func (r *release) awaitEvent(limit time.Duration, kind, part string) {
	r.t.Helper()
	r.await(r.t, limit, fmt.Sprintf("an Event %q with %q", kind, part), func() bool {
		return slices.ContainsFunc(r.events(), func(event string) bool {
			return strings.HasPrefix(event, kind+":") && strings.Contains(event, part)
		})
	})
}
