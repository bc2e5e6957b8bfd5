package e2e

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	terminationLimit = 3 * time.Minute
	// Writes that the API server refuses while everything around a release goes: each change may bring one, and a wait that
	// doubles lies between tries. A loop makes thousands.
	refusedAtMost = 100
)

// parting is a namespace in which a version is released.
type parting struct {
	name  string
	phase string // in which the namespace is deleted; empty: it stays
	plan  plan
}

func (p parting) String() string { return p.name }

// A namespace that is deleted in the middle of a release goes, whatever the release was at, and with it the Canary: nothing
// is lost before somebody asked for that, and the release of another namespace does not notice.
func TestNamespaceDeletedInTheMiddle(t *testing.T) {
	kept := brief
	kept.keep = "60s"
	longer := brief
	longer.steps = "[20, 40, 60]"
	together(t, []parting{
		{name: "judged", phase: "Progressing", plan: brief},
		{name: "promoted", phase: "Finalizing", plan: kept},
		{name: "neighbour", plan: longer},
	}, func(t *testing.T, p parting) {
		s := open(t, "terminating-"+p.name)
		s.patience = terminationLimit
		before := s.routing()
		traffic := s.send(deletionRate)
		s.deploy("v2")
		r := s.start("v1", "v2", p.plan)
		if p.phase == "" {
			mustHaveSucceeded(t, r, before)
			mustLead(t, r)
			seen := traffic.stop()
			t.Log(seen)
			seen.mustBeUnharmed(t)
			seen.mustProve(t, deletionRate)
			return
		}
		r.awaitPhase(releaseLimit, p.phase)
		r.await(t, readyLimit, "an answer of v2 through the gateway", func() bool { return s.ask("/") == "v2" })
		asked := time.Now()
		if err := bench.remove("", "Namespace", s.namespace); err != nil {
			t.Fatal(err)
		}
		s.awaitTerminated(t)
		seen := traffic.stop().before(asked)
		t.Logf("gone %.1f s after its deletion, %d requests before it", time.Since(asked).Seconds(), seen.Requests)
		seen.mustBeUnharmed(t)
		mustGiveUpSoon(t, s.namespace)
	})
}

// awaitTerminated waits until the shop's namespace is gone.
func (s *shop) awaitTerminated(t *testing.T) {
	t.Helper()
	s.await(t, terminationLimit, "namespace "+s.namespace+" gone", func() bool {
		_, err := bench.in("", "Namespace").Get(context.Background(), s.namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// mustGiveUpSoon asserts that the operator did not keep writing what the API server refused.
func mustGiveUpSoon(t *testing.T, namespace string) {
	t.Helper()
	refused := map[string]int{}
	total := 0
	for _, w := range audit(t, namespace) {
		if w.ResponseStatus.Code >= 400 {
			refused[w.String()]++
			total++
		}
	}
	t.Logf("%d writes refused: %v", total, refused)
	if total > refusedAtMost {
		t.Errorf("the API server refused %d writes of the operator", total)
	}
}
