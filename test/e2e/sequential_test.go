package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	sequential = `judge: {type: sequential}`
	compared   = `[{name: request-success-rate}, {name: request-duration, thresholdRange: {max: 500}}]`
)

// A good version is certified at each step and promoted, though the operator dies half-way: its evidence goes on from
// status, and every request counts once.
func TestSequentialJudgeCertifiesAGoodVersion(t *testing.T) {
	s := open(t, "certified")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2")
	restarts, _ := operatorRestarts(t)
	r := s.start("v1", "v2", plan{analysis: sequential, metrics: compared})
	r.await(t, releaseLimit, "evidence of the second step", func() bool {
		return number(r.canary(), "status", "evidence", "state", "step") == 2
	})
	counted := r.counted()
	killOperator(t)
	awaitOperator(t, s.history, restarts+1)
	mustHaveSucceeded(t, r, before)
	if counted >= r.counted() {
		t.Errorf("the evidence did not go on: %d requests before the operator died, %d at the end", counted, r.counted())
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	seen.mustProve(t, provingRate)
	r.mustCountOnce(t, seen)
	for _, check := range items(r.canary(), "status", "checks") {
		if reason := check["reason"]; check["verdict"] != "Pass" || reason != "NonInferior" && reason != "WithinRange" {
			t.Errorf("a check of the last step: %v", check)
		}
	}
	t.Logf("%s was released in %.1f s: %s", r.name, time.Since(r.began).Seconds(), r.evidence())
}

// A version that fails two requests in a hundred is taken back on evidence, long before failed checks would add up.
func TestSequentialJudgeTakesABadVersionBack(t *testing.T) {
	s := open(t, "evidence")
	before := s.routing()
	traffic := s.send(provingRate)
	s.deploy("v2", version{env: map[string]string{"FAIL_RATE": "0.02"}})
	r := s.start("v1", "v2", plan{analysis: sequential, metrics: compared, threshold: 100})
	mustHaveFailed(t, r, before, "EvidenceAgainst")
	_, _, message := condition(r.canary(), "Promoted")
	if !strings.Contains(message, "candidate fails") || !strings.Contains(message, "evidence 100 of 100") {
		t.Errorf("the reason does not say what was compared: %q", message)
	}
	status := run(t, "kubectl-weir", "status", r.name, "-n", s.namespace)
	if !strings.Contains(status, "EvidenceAgainst") {
		t.Errorf("kubectl weir status does not name the evidence:\n%s", status)
	}
	mustBeTakenBackAgain(t, r)
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
	r.mustCountOnce(t, seen)
	t.Logf("taken back after %.1f s: %s", time.Since(r.began).Seconds(), message)
}

// mustBeTakenBackAgain asserts that a backtest of the release over what Prometheus recorded comes to the same end.
func mustBeTakenBackAgain(t *testing.T, r *release) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "canary.yaml")
	text := plan{analysis: sequential, metrics: compared, threshold: 100}.canary(r.target)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	from := r.awaitWeight(time.Second, 20).Add(time.Second + lateness)
	replayed := run(t, "kubectl-weir", "backtest", "-f", file, "-n", r.namespace, "--prometheus", bench.prometheus,
		"--stable", "checkout-"+r.stable, "--weight", "20",
		"--from", from.UTC().Format(time.RFC3339), "--to", from.Add(15*time.Second).UTC().Format(time.RFC3339))
	if !strings.Contains(replayed, "taken back after") || !strings.Contains(replayed, "evidence 100 of 100") {
		t.Errorf("the backtest ends otherwise than the release:\n%s", replayed)
	}
}

// evidence is what the judge says of the release.
func (r *release) evidence() string { return text(r.canary(), "status", "evidence", "message") }

// counted is how many requests of the candidate the evidence rests on.
func (r *release) counted() int {
	return number(r.canary(), "status", "evidence", "candidate", "requests")
}

// mustCountOnce asserts that the evidence rests on most of the candidate's requests, and on none of them twice: what
// comes before a weight has reached the proxies does not count, nor what is not scraped when the judge looks.
func (r *release) mustCountOnce(t *testing.T, seen *result) {
	t.Helper()
	var first, last time.Time
	for _, w := range r.weights() {
		if w.candidate > 0 && first.IsZero() {
			first = w.at
		}
		if !first.IsZero() && (w.candidate == 0 || w.candidate == 100) {
			last = w.at
			break
		}
	}
	// The proxy follows a change of weights within half a second.
	sent := 0
	for _, a := range seen.between(first, last.Add(500*time.Millisecond)) {
		if a.version == r.target {
			sent++
		}
	}
	t.Logf("the evidence counts %d of the %d requests to %s", r.counted(), sent, r.target)
	if r.counted() > sent || r.counted() < sent/2 {
		t.Errorf("the evidence counts %d requests of %s, the clients sent %d", r.counted(), r.target, sent)
	}
}
