package e2e

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	// Releases that one kill hits at once.
	crashShops    = 16
	crashPatience = 3 * time.Minute
	// A release that takes another interval makes another write, so now and then one ends before its point.
	reachedPoints = 0.95
)

// crashRate is that of all shops' loads together. Each order of writes is seen many times here, so it need not be the rate
// at which a wrong one shows in a single release.
var crashRate = provingRate / 2

// course is how a release goes, up to its end.
type course struct {
	name    string
	version version // that is released
	plan    plan
	writes  []recorded // that the operator makes when nothing fails
}

// recorded is one write of a release to which nothing happened.
type recorded struct {
	after time.Duration // since the Canary was created
	what  string        // as "PATCH canaries/status"
}

// point is one place at which the operator is killed.
type point struct {
	course *course
	write  int  // counted from 1
	after  bool // just after the API server has applied it; otherwise just before
}

func (p point) String() string {
	when := "before"
	if p.after {
		when = "after"
	}
	return fmt.Sprintf("%s/%02d-%s-%s", p.course.name, p.write, when, strings.ReplaceAll(p.course.writes[p.write-1].what, " ", "-"))
}

// crash is the release of one shop that is to be interrupted at a point.
type crash struct {
	point
	*release
	before routing
}

// The operator is killed just before or just after each write that a promotion and a rollback make, in a long run both, and its
// successor brings each release to its end, while clients notice nothing.
//
// One kill hits many releases at once: each is in a shop of its own and is started so long before the kill that all of
// them come to their points at about the same time. The fault proxy holds each one's write there.
func TestCrashAtEveryWrite(t *testing.T) {
	throughFaultProxy(t, "--set", fmt.Sprintf("threadiness=%d", 2*crashShops)) // A held write keeps a worker.
	// So many releases write at once that istiod gathers changes for a second and more, and the proxy is at work on them
	// for another one: with a propagation delay of 1 s, routes came to the proxy before the clusters that they name.
	quick := plan{steps: "[50]", interval: "2s", threshold: 1, delay: "3s", deadline: 120}
	courses := []*course{
		{name: "promotion", plan: quick},
		{name: "rollback", plan: quick, version: version{env: map[string]string{"FAIL_RATE": "1"}}},
	}
	y := openYard(t)
	var points []point
	for _, r := range courses {
		y.record(r)
		points = append(points, r.points()...)
		t.Logf("%s: %d writes", r.name, len(r.writes))
	}
	reached, kills := 0, 0
	for batch := range slices.Chunk(points, crashShops) {
		reached += y.crash(batch)
		kills++
	}
	t.Logf("the operator was killed at %d of %d points, by %d kills", reached, len(points), kills)
	if float64(reached) < reachedPoints*float64(len(points)) {
		t.Errorf("only %d of %d points were reached", reached, len(points))
	}
	y.close()
}

// points is just before and just after each write. Before a write is little else than after the one before it: where time is short,
// it is before one write and after the next.
func (r *course) points() []point {
	var points []point
	for i := range r.writes {
		for _, after := range []bool{false, true} {
			if os.Getenv(longRun) != "" || after == (i%2 == 1) {
				points = append(points, point{r, i + 1, after})
			}
		}
	}
	return points
}

// yard is the shops in which releases are interrupted, under load.
type yard struct {
	t     *testing.T
	shops []*shop
	loads []*load
	next  []int // number of the next version of each shop
	now   []int // number of the version that serves
}

func openYard(t *testing.T) *yard {
	y := &yard{t: t}
	for i := range crashShops {
		s := found(t, fmt.Sprintf("crash-%02d", i), shopObjects)
		s.patience, s.silent = crashPatience, true
		y.shops, y.next, y.now = append(y.shops, s), append(y.next, 2), append(y.now, 1)
	}
	for _, s := range y.shops {
		s.awaitServing()
		y.loads = append(y.loads, s.send(crashRate/crashShops))
	}
	return y
}

// close accounts for every request.
func (y *yard) close() {
	y.t.Helper()
	requests, rate := 0, 0.0
	for i, l := range y.loads {
		seen := l.stop()
		if seen.Failed > 0 {
			y.t.Logf("%s: %s", y.shops[i].namespace, seen)
		}
		seen.mustBeUnharmed(y.t)
		requests, rate = requests+seen.Requests, rate+seen.Rate
	}
	y.t.Logf("%d requests, %.0f/s", requests, rate)
	if rate < reachedShare*float64(crashRate) {
		y.t.Errorf("the loads reached %.0f requests a second of %d: too few to prove anything", rate, crashRate)
	}
}

// prepare deploys the next version of a shop.
func (y *yard) prepare(shop int, p point) *crash {
	s := y.shops[shop]
	c := &crash{point: p, before: s.routing()}
	s.deploy(fmt.Sprintf("v%d", y.next[shop]), p.course.version)
	return c
}

// begin starts the release of the version that was prepared.
func (y *yard) begin(shop int, c *crash) {
	c.release = y.shops[shop].start(fmt.Sprintf("v%d", y.now[shop]), fmt.Sprintf("v%d", y.next[shop]), c.course.plan)
}

// finish waits until the release has ended as its course says, and asserts that all is as it should be.
func (y *yard) finish(t *testing.T, shop int, c *crash) {
	s := y.shops[shop]
	outer := s.t
	s.t = t
	defer func() {
		if t.Failed() {
			s.explain()
		}
		s.t = outer
	}()
	if len(c.course.version.env) == 0 {
		mustHaveSucceeded(t, c.release, c.before)
		y.now[shop] = y.next[shop]
	} else {
		mustHaveFailed(t, c.release, c.before, "AnalysisFailed")
	}
	y.next[shop]++
	mustLead(t, c.release)
	mustCountHistory(t, c.release)
}

// record releases once without a crash, and notes the writes of that.
func (y *yard) record(r *course) {
	y.t.Helper()
	c := y.prepare(0, point{course: r})
	y.shops[0].awaitReady(fmt.Sprintf("v%d", y.next[0]))
	y.set([]control.Run{{Namespace: y.shops[0].namespace}})
	y.begin(0, c)
	y.finish(y.t, 0, c)
	for _, w := range y.progress()[0].Writes {
		r.writes = append(r.writes, recorded{after: w.At.Sub(c.began), what: kindOf(w)})
	}
}

// kindOf names a write without the names that differ among shops and versions: "PATCH canaries/status".
func kindOf(w control.Write) string {
	_, rest, _ := strings.Cut(w.Path, "/namespaces/")
	parts := strings.Split(rest, "/") // namespace, resource, name, subresource
	return w.Method + " " + path.Join(append(parts[1:2:2], parts[min(3, len(parts)):]...)...)
}

func (y *yard) set(runs []control.Run) {
	y.t.Helper()
	if err := bench.faults.SetRuns(runs); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) progress() []control.Progress {
	y.t.Helper()
	runs, err := bench.faults.Runs()
	if err != nil {
		y.t.Fatal(err)
	}
	return runs
}

// crash brings one release to each of the points, kills the operator there, and returns how many points were reached.
func (y *yard) crash(points []point) (held int) {
	y.t.Helper()
	crashes := make([]*crash, len(points))
	runs := make([]control.Run, len(points))
	for i, p := range points {
		crashes[i] = y.prepare(i, p)
		runs[i] = control.Run{Namespace: y.shops[i].namespace, Stop: p.write, After: p.after}
	}
	for i := range points {
		y.shops[i].awaitReady(fmt.Sprintf("v%d", y.next[i]))
	}
	restarts, _ := operatorRestarts(y.t)
	y.set(runs)
	y.startTogether(crashes)
	y.awaitHeld(crashes)
	killOperator(y.t)
	reached := y.progress()
	y.set(nil)
	awaitOperator(y.t, y.shops[0].history, restarts+1)
	for i, c := range crashes {
		y.t.Run(c.point.String(), func(t *testing.T) {
			if reached[i].Held {
				held++
				c.explain(t, reached[i])
			} else {
				t.Logf("the release ended after %d writes", len(reached[i].Writes))
			}
			y.finish(t, i, c)
		})
	}
	return held
}

// isOver tells a release that has ended and been let go: the operator writes nothing more of it.
func (c *crash) isOver() bool {
	return slices.Contains([]string{"Succeeded", "Failed"}, c.phase()) && len(c.canary().GetFinalizers()) == 0
}

// explain says how the crash differs from what was recorded.
func (c *crash) explain(t *testing.T, at control.Progress) {
	if got := kindOf(at.Writes[c.write-1]); got != c.course.writes[c.write-1].what {
		t.Logf("this time the write was %s", got)
	}
	if at.Tries > 0 {
		t.Logf("the write had been given up %d times", at.Tries)
	}
}

// startTogether starts the releases so that all come to their points at the same time.
func (y *yard) startTogether(crashes []*crash) {
	at := func(i int) time.Duration { return crashes[i].course.writes[crashes[i].write-1].after }
	order := make([]int, len(crashes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(at(b) - at(a)) })
	meeting := time.Now().Add(at(order[0]))
	for _, i := range order {
		time.Sleep(time.Until(meeting.Add(-at(i))))
		y.begin(i, crashes[i])
	}
}

// awaitHeld waits until every release is held at its point, or has ended before it.
func (y *yard) awaitHeld(crashes []*crash) {
	y.t.Helper()
	y.shops[0].await(y.t, crashPatience, "every release at its point", func() bool {
		for i, run := range y.progress() {
			if !run.Held && !crashes[i].isOver() {
				return false
			}
		}
		return true
	})
}
