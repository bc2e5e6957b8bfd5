package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// forward is the phases of a release that goes well, after Pending: one whose candidate is ready when it begins has no status in
// that.
var forward = []string{"Initializing", "Progressing", "Promoting", "Finalizing", "Succeeded"}

// A good version is promoted, two releases in a row, the second from the version that the first has left.
func TestGoodReleaseLosesNoRequest(t *testing.T) {
	s := open(t, "good")
	traffic := s.send(provingRate)
	releases := []*release{}
	for _, step := range [][2]string{{"v1", "v2"}, {"v2", "v3"}} {
		before := s.routing()
		s.deploy(step[1])
		r := s.start(step[0], step[1], plan{metrics: bothMetrics})
		run(t, "kubectl", "-n", s.namespace, "wait", "--for=condition=Promoted", "--timeout="+releaseLimit.String(), "canaries.weir.dev/"+r.name)
		mustHaveSucceeded(t, r, before)
		mustFollowOrder(t, r)
		mustLead(t, r)
		mustReport(t, r)
		t.Logf("%s was released in %.1f s", r.name, time.Since(r.began).Seconds())
		releases = append(releases, r)
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
	for _, r := range releases {
		mustFollowWeights(t, r, seen)
	}
	first := releases[0]
	s.mustAgree(seen, first.target)
}

// With proxies that learn of changes 2 s late, only the propagation delay keeps the order of writes right.
func TestSlowProxiesLoseNoRequest(t *testing.T) {
	if lateness > 0 {
		t.Skip("all proxies are slow now")
	}
	bench.part(t, "restart", "istiod", "PILOT_DEBOUNCE_AFTER=2s", "PILOT_DEBOUNCE_MAX=3s")
	defer bench.part(t, "restart", "istiod")
	s := open(t, "slow")
	slow := plan{delay: "5s", interval: "2s", steps: "[50]", deadline: 90}
	traffic := s.send(provingRate)

	before := s.routing()
	s.deploy("v2")
	good := s.start("v1", "v2", slow)
	good.awaitPhase(releaseLimit, "Succeeded")
	mustHaveSucceeded(t, good, before)
	t.Logf("%s was released in %.1f s", good.name, time.Since(good.began).Seconds())

	before = s.routing()
	s.deploy("v3", version{env: map[string]string{"FAIL_RATE": "0.2"}})
	bad := s.start("v2", "v3", slow)
	bad.awaitPhase(releaseLimit, "Failed")
	mustHaveFailed(t, bad, before, "AnalysisFailed")
	t.Logf("%s was taken back after %.1f s", bad.name, time.Since(bad.began).Seconds())

	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}

// mustHaveSucceeded asserts how a promoted release leaves the cluster.
func mustHaveSucceeded(t *testing.T, r *release, before routing) {
	t.Helper()
	mustHavePromoted(t, r, before, 0)
}

// mustHavePromoted is mustHaveSucceeded of a release after which stable keeps some replicas.
func mustHavePromoted(t *testing.T, r *release, before routing, kept int) {
	t.Helper()
	r.awaitPhase(or(r.patience, releaseLimit), "Succeeded")
	r.mustBeRestored(before, r.target)
	got := r.phases()
	if len(got) > 0 && got[0] == "Pending" {
		got = got[1:]
	}
	if !slices.Equal(got, forward) {
		t.Errorf("phases of %s: %v, expected %v", r.name, got, forward)
	}
	if status, reason, message := condition(r.canary(), "Promoted"); status != "True" {
		t.Errorf("condition Promoted of %s is %s (%s: %s)", r.name, status, reason, message)
	}
	if got := r.selector(); got != r.target {
		t.Errorf("the Service selects %s instead of %s", got, r.target)
	}
	if got := r.replicas(r.stable); got != kept {
		t.Errorf("%s is left with %d replicas instead of %d", r.stable, got, kept)
	}
	if got := r.replicas(r.target); got != 2 {
		t.Errorf("%s has %d replicas instead of 2", r.target, got)
	}
	if got := number(r.canary(), "status", "canaryWeight"); got != 100 {
		t.Errorf("status.canaryWeight is %d at the end of a promotion", got)
	}
}

// mustFollowOrder asserts on the audit log: exactly the design's writes, in its order, and none of them refused.
func mustFollowOrder(t *testing.T, r *release) {
	t.Helper()
	rule := "destinationrules/" + r.madeRule()
	expected := []string{
		"patch canaries/" + r.name, // the finalizer
		"create services/checkout-" + r.stable,
		"create services/checkout-" + r.target,
		"create " + rule,
		"patch virtualservices/checkout", // 100/0
		"patch services/checkout",        // both versions
		"patch virtualservices/checkout", // 80/20
		"patch virtualservices/checkout", // 40/60
		"patch virtualservices/checkout", // 0/100
		"patch services/checkout",        // the candidate
		"patch virtualservices/checkout", // as its owner wrote it
		"delete " + rule,
		"delete services/checkout-" + r.stable,
		"delete services/checkout-" + r.target,
		"patch deployments/checkout-" + r.stable, // to 0
		"patch canaries/" + r.name,               // the finalizer
	}
	var got []string
	for _, w := range audit(t, r.namespace) {
		if w.Time.Before(r.began) {
			continue
		}
		if w.ResponseStatus.Code >= 300 {
			t.Errorf("the API server answered %d %s to %s", w.ResponseStatus.Code, w.ResponseStatus.Reason, &w)
		}
		if w.ObjectRef.Subresource != "status" {
			got = append(got, w.String())
		}
	}
	slices.Sort(expected[1:3]) // Either of the two Services may come first.
	if len(got) >= 3 {
		slices.Sort(got[1:3])
	}
	if len(got) >= 14 {
		slices.Sort(got[12:14])
		slices.Sort(expected[12:14])
	}
	if !slices.Equal(got, expected) {
		t.Errorf("writes of %s:\n  %s\nexpected:\n  %s", r.name, strings.Join(got, "\n  "), strings.Join(expected, "\n  "))
	}
	tables := []string{}
	for _, w := range r.weights() {
		tables = append(tables, w.table)
	}
	table := func(candidate int) string {
		return fmt.Sprintf("%s=%d %s=%d", r.stable, 100-candidate, r.target, candidate)
	}
	wanted := []string{"-", table(0), table(20), table(60), table(100), "-"}
	if !slices.Equal(tables, wanted) {
		t.Errorf("weights of %s: %q, expected %q", r.name, tables, wanted)
	}
}

// madeRule is the name of the DestinationRule that the operator made; empty if it made none.
func (r *release) madeRule() string {
	for _, revision := range r.all(r.since) {
		if revision.kind == "DestinationRule" {
			return revision.object.GetName()
		}
	}
	return ""
}

// mustLead asserts that status authorises every weight before the route has it (invariant S5), that the Service
// selects both versions before weight moves, and that its selector moves only when the candidate has all of it (S4).
func mustLead(t *testing.T, r *release) {
	t.Helper()
	authorised, routed, selected := 0, -1, r.stable
	for _, revision := range r.all(r.since) {
		o := revision.object
		switch {
		case revision.kind == "Canary" && o.GetName() == r.name:
			authorised = number(o, "status", "canaryWeight")
		case revision.kind == "Service" && o.GetName() == service:
			before := selected
			selected = text(o, "spec", "selector", "version")
			if selected != before && selected == r.target && routed != 100 {
				t.Errorf("the selector moved to %s while the routes gave it %d", r.target, routed)
			}
		case revision.kind == "VirtualService" && o.GetName() == service && !r.edits.has(revision.version):
			before := routed
			for _, w := range r.weights() {
				if w.version == revision.version {
					routed = w.candidate
				}
			}
			if routed == before { // a claim, which changes an annotation only
				continue
			}
			if routed > authorised {
				t.Errorf("the route gave %s %d %% when status had authorised %d", r.target, routed, authorised)
			}
			if routed > 0 && selected != "" && r.mode != "Dedicated" {
				t.Errorf("the route gave %s %d %% while the Service selected %q only", r.target, routed, selected)
			}
		}
	}
}

// mustReport asserts on what people see of a promoted release: columns, Events, the history.
func mustReport(t *testing.T, r *release) {
	t.Helper()
	columns := run(t, "kubectl", "-n", r.namespace, "get", "can", "-o", "wide")
	header := regexp.MustCompile(`NAME +TARGET +PHASE +WEIGHT +STEP +FAILED +MESSAGE +AGE +STABLE +CANDIDATE +INTERVAL +STRATEGY`)
	row := regexp.MustCompile(fmt.Sprintf(`%[1]s +%[1]s +Succeeded +100 +2/2 +0 +%[1]s serves all traffic +\S+ +checkout-%[2]s +%[1]s +3s`,
		r.name, r.stable))
	if !header.MatchString(columns) || !row.MatchString(columns) {
		t.Errorf("kubectl get can -o wide:\n%s", columns)
	}
	r.awaitEvent(5*time.Second, "Normal Promoted", "serves all traffic")
	events := strings.Join(r.events(), "\n")
	for _, wanted := range []string{"Normal CandidateReady",
		"Normal RoutesReady: routes are ready: moving traffic in steps; step 1/2: 20 %",
		"Normal Step: step 2/2: 60 %", "Normal AnalysisPassed", "Normal SelectorMoved", "Normal Promoted"} {
		if !strings.Contains(events, wanted) {
			t.Errorf("no Event %q among:\n%s", wanted, events)
		}
	}
	mustCountHistory(t, r)
	for _, check := range items(r.canary(), "status", "checks") {
		if check["verdict"] != "Pass" || check["value"] == nil {
			t.Errorf("a check of the last step: %v", check)
		}
	}
}

// mustCountHistory asserts that the release's history lacks no entry, and that each has a reason (invariant S8).
func mustCountHistory(t *testing.T, r *release) {
	t.Helper()
	last := 0
	for _, entry := range items(r.canary(), "status", "history") {
		sequence, _ := entry["sequence"].(int64)
		if int(sequence) != last+1 || entry["reason"] == "" {
			t.Errorf("history entry %v after sequence %d", entry, last)
		}
		last = int(sequence)
	}
}

// mustFollowWeights asserts that the clients saw each weight: nothing of the candidate before its first step, a share
// near the weight at each step, and only the candidate once it is promoted.
func mustFollowWeights(t *testing.T, r *release, seen *result) {
	t.Helper()
	// A change takes this long at most until the proxy has it and old requests are answered.
	settle := 800*time.Millisecond + lateness
	const tolerance = 6.0 // per cent of traffic
	states := r.weights()
	for i, state := range states {
		from := state.at.Add(settle)
		to := time.Now()
		if i+1 < len(states) {
			to = states[i+1].at
		}
		expected := float64(state.candidate)
		switch {
		case i == 0:
			from, expected = r.began, 0
		case state.candidate < 0:
			to, expected = to.Add(-time.Millisecond), 100
			if r.phase() == "Failed" {
				expected = 0
			}
			to = from.Add(time.Second)
		}
		got, of := share(seen.between(from, to), r.target)
		if of == 0 {
			continue
		}
		exact := expected == 0 || expected == 100
		if exact && got != expected || !exact && (got < expected-tolerance || got > expected+tolerance) {
			t.Errorf("%s had %.1f %% of %d requests when the route said %s", r.target, got, of, state.table)
		}
		t.Logf("%s: route %-14s %5.1f %% of %d requests", r.target, state.table, got, of)
	}
}

// A newer release of the same Service waits for the older one, or with `supersede` takes it back and goes on.
func TestTwoReleasesOfOneService(t *testing.T) {
	s := open(t, "two")
	traffic := s.send(provingRate)
	before := s.routing()
	for _, version := range []string{"v2", "v3", "v4"} {
		s.deploy(version)
		s.awaitReady(version)
	}
	older := s.start("v1", "v2", plan{steps: "[50]", interval: "8s"})
	older.awaitWeight(releaseLimit, 50)
	waiting := s.start("v1", "v3", plan{spec: "suspend: true"})
	waiting.await(t, 10*time.Second, "the newer release in conflict", func() bool {
		status, _, message := condition(waiting.canary(), "Conflict")
		return status == "True" && strings.Contains(message, older.name) && waiting.phase() == "Pending"
	})
	if err := bench.remove(s.namespace, "Canary", waiting.name); err != nil {
		t.Fatal(err)
	}
	newest := s.start("v1", "v4", plan{spec: "supersede: true"})
	older.awaitPhase(releaseLimit, "Failed")
	if _, _, message := condition(older.canary(), "Promoted"); !strings.Contains(message, newest.name) {
		t.Errorf("the older release does not name the newer one that took its place: %q", message)
	}
	mustHaveSucceeded(t, newest, before)
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
}
