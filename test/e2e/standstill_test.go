package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	shortAbsence = 30 * time.Second
	longAbsence  = 5 * time.Minute
	// What a release may take beside the time in which proxies stand still.
	standPatience = 4 * time.Minute
	standInterval = 5 * time.Second
	lookPeriod    = time.Second
	// A proxy that was without istiod takes all changes at once when it is back: clusters may then come after the routes that
	// name them, or go before those. That is what istiod's absence itself costs.
	returnCost = steadyRate / 2
)

// standstill is what a release is at when proxies stop following its routes.
type standstill struct {
	phase  string // in which the release meets that
	steps  string
	how    version
	from   string // phase with whose beginning proxies stop; empty: they stop once the candidate answers by its first weight
	stands string // phase in which the release waits; empty: it relies on nothing that proxies lack, and may go on
	weight int    // of the candidate's in the routes by then
	atOnce bool   // changes that depend on each other are left for the proxies' return
}

var standstills = []standstill{
	{phase: "Initializing", from: "Initializing", steps: "[20]", stands: "Progressing", weight: 20, atOnce: true},
	{phase: "Progressing", steps: "[20, 60]", stands: "Progressing", weight: 60},
	{phase: "Promoting", steps: "[50]", stands: "Promoting", weight: 100},
	{phase: "Finalizing", from: "Finalizing", steps: "[50]", atOnce: true},
	{phase: "RollingBack", steps: "[50]", how: version{env: map[string]string{"FAIL_RATE": "0.2"}}, stands: "RollingBack"},
}

// stall is a way to have proxies stop following.
type stall struct {
	gateways []string // URLs of all gateways
	lasting  time.Duration
	begin    func(t *testing.T, s *shop) (end func()) // ends it, which the end of the test does too
	lags     string                                   // proxy that is named as one that does not follow; empty: any
	away     bool                                     // without istiod altogether: endpoints and rules stand still as well
}

// Istiod is away for half a minute, and for five, at each phase of a release: the release relies on nothing that the gateway
// has not been counted to do, so that no request is lost meanwhile, and it goes on when istiod is back.
func TestIstiodAwayInEachPhase(t *testing.T) {
	long(t)
	for _, lasting := range []time.Duration{shortAbsence, longAbsence} {
		for _, c := range standstills {
			t.Run(fmt.Sprintf("%s/%s", lasting, c.phase), func(t *testing.T) {
				s := open(t, fmt.Sprintf("away-%.0f-%s", lasting.Seconds(), strings.ToLower(c.phase)))
				c.play(t, s, stall{gateways: []string{bench.gateway}, lasting: lasting, away: true,
					begin: func(t *testing.T, _ *shop) func() { return withoutIstiod(t) }})
			})
		}
	}
}

// A route that Envoy refuses, since its weights sum to more than 32 bits hold: nothing here keeps it out, as Istio's webhook
// would. With it the gateway refuses all routes, and goes on with those that it has.
const refusedRoute = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: refused}
spec:
  hosts: [refused.example.com]
  gateways: [istio-system/gateway]
  http:
  - route:
    - {destination: {host: prometheus.istio-system.svc.cluster.local, port: {number: 9090}}, weight: -5}
    - {destination: {host: prometheus.istio-system.svc.cluster.local, port: {number: 9090}}, weight: 105}
`

// The gateway refuses its routes while it takes clusters and endpoints: the release waits until it takes them again. One that
// begins to refuse in Finalizing is not here: docs/reliability.md says what that costs.
func TestGatewayThatRefusesItsRoutes(t *testing.T) {
	long(t)
	t.Cleanup(func() { bench.part(t, "restart", "istiod") }) // One that nothing was refused of.
	for _, c := range standstills {
		if c.phase == "Finalizing" {
			continue
		}
		t.Run(c.phase, func(t *testing.T) {
			s := open(t, "refused-"+strings.ToLower(c.phase))
			c.play(t, s, stall{gateways: []string{bench.gateway}, lasting: shortAbsence, begin: refuseRoutes})
		})
	}
}

func refuseRoutes(t *testing.T, s *shop) (end func()) {
	t.Helper()
	const namespace = "istio-system"
	end = func() {
		if err := bench.remove(namespace, "VirtualService", "refused"); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(end)
	before := refusals(t)
	bench.mustCreate(t, namespace, refusedRoute)
	s.await(t, readyLimit, "routes refused by the gateway", func() bool { return refusals(t) > before })
	return end
}

// refusals is how often istiod has said that a proxy refused what it sent.
func refusals(t *testing.T) int {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(bench.state, "logs", "istiod.log"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(log), "ACK ERROR")
}

// One of two gateways hears nothing from istiod while the other follows: the release names it, and waits for it. In Initializing
// it would not be noticed here: the bench does not tell which version answers by a route that is not divided yet.
func TestOneOfTwoGatewaysLags(t *testing.T) {
	long(t)
	second := openSecondGateway(t)
	objects := strings.Replace(shopObjects, "istio-system/gateway]", "istio-system/gateway, "+second.name+"]", 1)
	for _, c := range standstills {
		if c.phase == "Initializing" {
			continue
		}
		t.Run(c.phase, func(t *testing.T) {
			s := openWith(t, "lags-"+strings.ToLower(c.phase), objects)
			s.await(t, readyLimit, "an answer of v1 through the second gateway", func() bool {
				return s.askAt(second.url+"/") == "v1"
			})
			c.play(t, s, stall{gateways: []string{bench.gateway, second.url}, lasting: shortAbsence, away: true,
				lags: second.instance, begin: func(t *testing.T, _ *shop) func() { return second.leaveAlone(t) }})
		})
	}
}

// play has proxies stand still in the middle of a release under load, and asserts what the release relies on meanwhile, how
// it ends, and what clients saw.
func (c *standstill) play(t *testing.T, s *shop, how stall) {
	s.patience = how.lasting + standPatience
	before := s.routing()
	var loads []*load
	for _, gateway := range how.gateways {
		loads = append(loads, startLoad(t, steadyRate, aim{url: gateway + "/", host: s.host}))
	}
	s.deploy("v2", c.how)
	r := s.start("v1", "v2", plan{steps: c.steps, interval: standInterval.String(), delay: "5s", threshold: 1,
		deadline: int((how.lasting + standPatience).Seconds())})
	c.awaitMoment(r, how.gateways)
	end := how.begin(t, s)
	until := time.Now().Add(how.lasting)
	c.awaitStanding(t, r, how.lags)
	c.mustStand(t, r, until)
	over := time.Now()
	end()
	if c.stands == "RollingBack" {
		mustHaveFailed(t, r, before, "AnalysisFailed")
	} else {
		mustHaveSucceeded(t, r, before)
		mustLead(t, r)
	}
	for i, l := range loads {
		seen := l.stop()
		t.Logf("%s: %s", how.gateways[i], seen)
		seen.mustProve(t, steadyRate)
		mustRelyOnTraffic(t, r, seen)
		if !c.atOnce || !how.away {
			seen.mustBeUnharmed(t)
			continue
		}
		seen.before(over).mustBeUnharmed(t)
		t.Logf("%d requests lost when proxies were back", seen.Failed)
		if seen.Failed > returnCost {
			t.Errorf("%d requests lost when proxies were back, more than %d", seen.Failed, returnCost)
		}
	}
}

// awaitMoment waits for the moment of the release at which proxies are to stop.
func (c *standstill) awaitMoment(r *release, gateways []string) {
	r.t.Helper()
	if c.from != "" {
		r.awaitPhase(releaseLimit, c.from)
		return
	}
	for _, gateway := range gateways {
		r.await(r.t, releaseLimit, "an answer of v2 through "+gateway, func() bool { return r.askAt(gateway+"/") == "v2" })
	}
}

// awaitStanding waits until the release waits for the proxies.
func (c *standstill) awaitStanding(t *testing.T, r *release, lags string) {
	t.Helper()
	switch {
	case c.stands == "":
	case c.from != "":
		r.await(t, releaseLimit, fmt.Sprintf("phase %s at %d %%", c.stands, c.weight), func() bool {
			return r.phase() == c.stands && number(r.canary(), "status", "canaryWeight") == c.weight
		})
	default:
		r.awaitMismatch(t)
		_, _, message := condition(r.canary(), "TrafficFollows")
		if !strings.Contains(message, "not followed by "+lags) {
			t.Errorf("the message does not name %q as one that does not follow: %s", lags, message)
		}
	}
}

// mustStand asserts, until a moment, that the release neither goes on nor takes away what proxies may still need.
func (c *standstill) mustStand(t *testing.T, r *release, until time.Time) {
	t.Helper()
	for ; time.Now().Before(until); time.Sleep(lookPeriod) {
		if c.stands == "" {
			continue
		}
		now := r.canary()
		phase, weight := text(now, "status", "phase"), number(now, "status", "canaryWeight")
		stable, candidate, selector := r.replicas(r.stable), r.replicas(r.target), r.selector()
		if phase != c.stands || weight != c.weight || stable != 2 || candidate != 2 || selector != "" {
			t.Errorf("the release is in phase %s at %d %%, with %d and %d replicas and a selector of %q, expected %s at %d %%, "+
				"2 and 2, and both versions: %s", phase, weight, stable, candidate, selector, c.stands, c.weight, r.message())
			return
		}
	}
}

// mustRelyOnTraffic asserts that clients saw each weight of the candidate before a higher one was written, and that all of them
// were with one version before the Service selected it alone.
func mustRelyOnTraffic(t *testing.T, r *release, seen *result) {
	t.Helper()
	// The interval that was counted ended a moment before the write, and began later than its first scrape.
	counted := func(until time.Time) []answer { return seen.between(until.Add(time.Second-standInterval), until) }
	states := r.weights()
	for i := 1; i+1 < len(states); i++ {
		if now, next := states[i], states[i+1]; now.candidate > 0 && next.candidate > now.candidate {
			mustShare(t, counted(next.at), r.target, float64(now.candidate))
		}
	}
	selected := r.stable
	for _, revision := range r.of("Service", service, r.since) {
		before := selected
		selected = text(revision.object, "spec", "selector", "version")
		if selected != before && selected != "" {
			mustShare(t, counted(revision.at), selected, 100)
		}
	}
}
