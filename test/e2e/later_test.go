package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What comes later is asked for this often at least, and needs a moment to be served.
const noticedLimit = 40 * time.Second

// definitions has the API server know Istio's kinds, or not.
func (c *cluster) definitions(t *testing.T, verb string) {
	t.Helper()
	c.part(t, "crds", verb)
}

// A release that no mesh takes part in.
const withoutMesh = `{"apiVersion": "weir.dev/v1alpha1", "kind": "Canary", "metadata": {"name": "checkout-v1"},
	"spec": {"targetRef": {"name": "checkout-v1"}, "service": {"name": "checkout"}, "skipAnalysis": true,
		"routing": {"provider": "noop", "propagationDelay": "1s"}, "stable": {"scaleDownDelay": "1s"}}}`

// On an API server without Istio's CRDs the operator is ready, leads and releases; a release by Istio waits there for
// its route, and is carried out once the CRDs have come and with them the route.
func TestIstioComesAfterTheOperator(t *testing.T) {
	bench.definitions(t, "delete")
	t.Cleanup(func() {
		bench.definitions(t, "apply")
		bench.part(t, "restart", "istiod")
	})
	unwatched := &history{changed: make(chan struct{})}
	terms := leaseTransitions(t)
	restarts, _ := operatorRestarts(t)
	killOperator(t)
	awaitOperator(t, unwatched, restarts+1)
	unwatched.await(t, readyLimit, "the Lease held by the new process", func() bool { return leaseTransitions(t) > terms })

	const namespace = "later"
	s := &shop{t: t, namespace: namespace, host: "checkout." + namespace + ".example.com"}
	bench.mustCreate(t, "", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace",
		"metadata": {"name": %q, "labels": {%q: "true"}}}`, namespace, suiteLabel))
	t.Cleanup(func() {
		if err := bench.remove("", "Namespace", namespace); err != nil {
			t.Error(err)
		}
	})
	serving, route, _ := strings.Cut(strings.ReplaceAll(shopObjects, "HOST", s.host), "---")
	bench.mustCreate(t, namespace, strings.Replace(serving, "version: v1", "version: v0", 1))
	s.deploy("v0")
	s.deploy("v1")
	bench.mustCreate(t, namespace, withoutMesh)
	unwatched.await(t, releaseLimit, "the release without a mesh", func() bool {
		return text(bench.get(t, namespace, "Canary", "checkout-v1"), "status", "phase") == "Succeeded"
	})
	if got := text(bench.get(t, namespace, "Service", service), "spec", "selector", "version"); got != "v1" {
		t.Errorf("after the release without a mesh the Service selects %s instead of v1", got)
	}
	s.deploy("v2")
	bench.mustCreate(t, namespace, plan{}.canary("v2"))
	unwatched.await(t, readyLimit, "the release waiting for a route", func() bool {
		message := text(bench.get(t, namespace, "Canary", "checkout-v2"), "status", "message")
		return strings.Contains(message, "no VirtualService routes to Service checkout")
	})

	bench.definitions(t, "apply")
	bench.part(t, "restart", "istiod")
	s.history = record(t, namespace)
	bench.mustCreate(t, namespace, route)
	s.awaitServing()
	traffic := s.send(provingRate)
	r := &release{shop: s, name: "checkout-v2", stable: "v1", target: "v2", began: time.Now()}
	noticed := s.await(t, noticedLimit, "the release under way", func() bool { return r.phase() != "Pending" })
	t.Logf("the release was under way %.1f s after the route served", noticed.Seconds())
	r.awaitPhase(releaseLimit, "Succeeded")
	if got := r.selector(); got != "v2" {
		t.Errorf("the Service selects %s instead of v2", got)
	}
	seen := traffic.stop()
	t.Log(seen)
	seen.mustBeUnharmed(t)
}
