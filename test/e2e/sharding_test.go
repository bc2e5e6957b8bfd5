package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	shardReplicas = 3
	shardShops    = 6
	shardPatience = 3 * time.Minute
	shardRate     = 100 // requests a second of each shop
	// Duration of a Lease, and what a busy machine takes to make the first write.
	takeoverLimit = 15*time.Second + 2*time.Second
)

// Three replicas share the releases. One of them stands still while releases run: the others take its releases over within
// a lease period, no step is lost or made twice, and no client notices.
func TestShardsOfAReplicaThatStandsStillAreTakenOver(t *testing.T) {
	shareReleases(t, shardReplicas)
	var shops []*shop
	for i := range shardShops {
		s := found(t, fmt.Sprintf("shard-%d", i), shopObjects)
		s.patience = shardPatience
		shops = append(shops, s)
	}
	var loads []*load
	for _, s := range shops {
		s.awaitServing()
		loads = append(loads, s.send(shardRate))
	}
	before := map[*shop]routing{}
	var releases []*release
	for _, s := range shops {
		before[s] = s.routing()
		s.deploy("v2")
		s.awaitReady("v2")
	}
	// Six releases end within a second of each other: with a propagation delay of 1 s, the end of the divided routes and that of
	// the subsets came to a busy proxy as one change, and 30 ms of requests found no cluster.
	slow := plan{steps: "[20, 40, 60]", interval: "6s", delay: "3s", deadline: 120}
	for _, s := range shops {
		releases = append(releases, s.start("v1", "v2", slow))
	}
	for _, r := range releases {
		r.awaitWeight(releaseLimit, 20)
	}

	victim, orphans := busiestReplica(t, releases)
	stopped := time.Now()
	stopReplica(t, victim)
	t.Logf("%s stopped with %d of %d releases", victim, len(orphans), len(releases))

	for _, r := range releases {
		mustHaveSucceeded(t, r, before[r.shop])
		mustLead(t, r)
		mustCountHistory(t, r)
		mustRouteOnce(t, r, []int{0, 20, 40, 60, 100, -1})
	}
	for _, r := range orphans {
		took := firstWrite(t, r.namespace, stopped).Sub(stopped)
		t.Logf("%s was taken over after %.1f s, and ended %.1f s after its start", r.namespace, took.Seconds(),
			time.Since(r.began).Seconds())
		if took > takeoverLimit {
			t.Errorf("%s was taken over after %s: more than %s", r.namespace, took, takeoverLimit)
		}
	}
	for _, l := range loads {
		seen := l.stop()
		t.Log(seen)
		seen.mustBeUnharmed(t)
	}
}

// shareReleases installs the operator with sharding until the test ends.
func shareReleases(t *testing.T, replicas int) {
	t.Helper()
	install := filepath.Join(bench.root, "test/cluster/install")
	run(t, install, "--set", "sharding.enabled=true", "--set", fmt.Sprintf("leaderElection.replicaCount=%d", replicas))
	t.Cleanup(func() {
		run(t, "kubectl", "-n", operatorNamespace, "scale", "deployment/weir", "--replicas=0")
		run(t, "kubectl", "-n", operatorNamespace, "wait", "--for=delete", "pod", "-l", operatorSelector, "--timeout=60s")
		run(t, install)
	})
}

// busiestReplica is the pod that works on most of the releases, by what the pods have logged, and those releases.
func busiestReplica(t *testing.T, releases []*release) (pod string, its []*release) {
	t.Helper()
	for _, p := range bench.list(t, operatorNamespace, "Pod", operatorSelector) {
		logs, _ := filepath.Glob(filepath.Join(bench.state, "pods", operatorNamespace+"_"+p.GetName()+"_*.log"))
		var log strings.Builder
		for _, name := range logs {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			log.Write(content)
		}
		var working []*release
		for _, r := range releases {
			if strings.Contains(log.String(), fmt.Sprintf("%q", r.namespace)) {
				working = append(working, r)
			}
		}
		t.Logf("%s works on %d releases", p.GetName(), len(working))
		if len(working) > len(its) {
			pod, its = p.GetName(), working
		}
	}
	if len(its) == 0 {
		t.Fatal("no replica works on any release")
	}
	return pod, its
}

// stopReplica has one pod's process stand still until the test ends. A dead one would be replaced at once, by another container
// of its pod.
func stopReplica(t *testing.T, pod string) {
	t.Helper()
	containers := items(bench.get(t, operatorNamespace, "Pod", pod), "spec", "containers")
	container := containers[0]["name"].(string)
	if err := bench.signal(operatorNamespace, pod, container, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The kubelet may have replaced it since: it does not answer its probes.
		_ = bench.signal(operatorNamespace, pod, container, syscall.SIGCONT)
	})
}

// firstWrite is when the operator first wrote in a namespace after a moment.
func firstWrite(t *testing.T, namespace string, after time.Time) time.Time {
	t.Helper()
	for _, w := range audit(t, namespace) {
		if w.Time.After(after) {
			return w.Time
		}
	}
	t.Fatalf("nothing was written in %s after %s", namespace, after.Format(timeOfDay))
	return time.Time{}
}

// mustRouteOnce asserts that the candidate got these weights, one after the other, each by one write.
func mustRouteOnce(t *testing.T, r *release, expected []int) {
	t.Helper()
	var got []int
	for _, w := range r.weights()[1:] {
		got = append(got, w.candidate)
	}
	if !slices.Equal(got, expected) {
		t.Errorf("weights of %s/%s: %v, expected %v", r.namespace, r.name, got, expected)
	}
	writes := 0
	for _, w := range audit(t, r.namespace) {
		routes := w.ObjectRef.Resource == "virtualservices" && strings.Contains(string(w.RequestObject), "/spec/")
		if routes && w.ResponseStatus.Code < 300 {
			writes++
		}
	}
	if writes != len(expected) {
		t.Errorf("the routes of %s were written %d times instead of %d", r.namespace, writes, len(expected))
	}
}
