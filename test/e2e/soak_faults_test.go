package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"weir.dev/test/cluster/faultproxy/control"
)

// Kinds of faults, as the report names them.
const (
	requestsDisturbed = "requests to the API server disturbed"
	watchesDropped    = "watches dropped"
	watchesLate       = "watch events late"
	operatorFrozen    = "operator frozen"
	operatorKilled    = "operator killed"
	prometheusAway    = "Prometheus away"
	prometheusKilled  = "Prometheus killed"
	podKilled         = "pod killed"
	podDeleted        = "pod deleted"
	weightsEdited     = "weights edited by hand"
	istiodRestarted   = "istiod restarted"
)

const (
	faultPause = 12 * time.Second // between two faults, on average
	// Before a pod's end or istiod's absence has been dealt with by all, requests may be lost that nobody could save.
	lossAfterPodKilled = 3 * time.Second
	lossAfterIstiod    = 6 * time.Second
	// Longer than the operator's lease, so that it works between two kills.
	killPause = 25 * time.Second
)

// disturbance is one fault that was made.
type disturbance struct {
	kind      string
	namespace string // empty: of all
	version   string // of the pod, if it is a pod's
	from, to  time.Time
}

// disturbances is all faults that were made. Safe for concurrent use.
type disturbances struct {
	mu  sync.Mutex
	all []disturbance
}

func (d *disturbances) add(one disturbance) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

// during tells whether there was a fault of a kind to a version since a moment.
func (d *disturbances) during(since time.Time, namespace, kind, version string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.all, func(one disturbance) bool {
		return one.kind == kind && one.namespace == namespace && one.version == version && one.to.After(since)
	})
}

// explains names the fault by which a request that was sent at a moment may have been lost; empty if there is none.
func (d *disturbances) explains(namespace string, at time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	const longestAnswer = time.Second
	for _, one := range d.all {
		after := time.Duration(-1)
		switch {
		case one.kind == podKilled && one.namespace == namespace:
			after = lossAfterPodKilled
		case one.kind == istiodRestarted:
			after = lossAfterIstiod
		}
		if after >= 0 && at.After(one.from.Add(-longestAnswer)) && at.Before(one.to.Add(after)) {
			return one.kind
		}
	}
	return ""
}

func (d *disturbances) byKind() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := map[string]int{}
	for _, one := range d.all {
		counts[one.kind]++
	}
	return counts
}

// disturb makes faults, one after another, until the soak ends.
func (k *soak) disturb() error {
	for time.Now().Before(k.ends) {
		k.pause(faultPause/2, faultPause)
		kind := pick(k, requestsDisturbed, requestsDisturbed, requestsDisturbed, watchesDropped, watchesLate, operatorFrozen,
			prometheusAway, prometheusKilled, podKilled, podDeleted, weightsEdited, weightsEdited, istiodRestarted)
		if time.Now().After(k.calm) && k.below(2) == 0 {
			kind = operatorKilled
		}
		one := disturbance{kind: kind, from: time.Now()}
		done, err := k.make(&one)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if done {
			one.to = time.Now()
			k.faults.add(one)
			k.t.Logf("%s %s %s %s", one.from.Format(time.TimeOnly), kind, one.namespace, one.version)
		}
	}
	return nil
}

// pause lasts at least so long, and as much longer at random.
func (k *soak) pause(least, more time.Duration) {
	time.Sleep(least + time.Duration(k.below(int(more.Milliseconds())))*time.Millisecond)
}

// make makes one fault and undoes it; false when there was nothing to do it to.
func (k *soak) make(one *disturbance) (bool, error) {
	switch one.kind {
	case requestsDisturbed:
		return k.withFaults(control.Faults{Seed: uint64(k.below(1 << 30)), MaxDelay: 3 * time.Second,
			Chance: map[control.Kind]float64{control.Delay: 0.1, control.ResetBefore: 0.05, control.ResetAfter: 0.05,
				control.TooMany: 0.05, control.ErrorAfter: 0.05, control.TimeoutAfter: 0.03}}, 20*time.Second)
	case watchesLate:
		return k.withFaults(control.Faults{WatchLag: time.Duration(500+k.below(3500)) * time.Millisecond}, 15*time.Second)
	case watchesDropped:
		return true, bench.faults.DropWatches()
	case operatorFrozen:
		return k.freezeOperator()
	case operatorKilled:
		pid, err := k.operator()
		if err != nil {
			return false, nil // It is being started after the last kill.
		}
		err = syscall.Kill(pid, syscall.SIGKILL)
		k.pause(killPause, killPause/2)
		return true, err
	case prometheusAway:
		if err := bench.tryPart("stop", "prometheus"); err != nil {
			return false, err
		}
		k.pause(3*time.Second, 12*time.Second)
		return true, bench.tryPart("start", "prometheus")
	case prometheusKilled:
		return true, errors.Join(killPart("prometheus"), bench.tryPart("start", "prometheus"))
	case istiodRestarted:
		return true, bench.tryPart("restart", "istiod")
	}
	k.mu.Lock()
	running := make([]*release, 0, len(k.shops))
	for _, r := range k.shops {
		running = append(running, r)
	}
	k.mu.Unlock()
	if len(running) == 0 {
		return false, nil
	}
	slices.SortFunc(running, func(a, b *release) int { return strings.Compare(a.namespace, b.namespace) })
	r := pick(k, running...)
	one.namespace = r.namespace
	if one.kind == weightsEdited {
		return k.editWeights(r)
	}
	return k.endPod(r, one)
}

func (k *soak) withFaults(faults control.Faults, atMost time.Duration) (bool, error) {
	if err := bench.faults.SetFaults(faults); err != nil {
		return false, err
	}
	k.pause(atMost/4, 3*atMost/4)
	return true, bench.faults.SetFaults(control.Faults{})
}

// freezeOperator stops the process for less than its patience with its own lease, so that it stays what it is.
func (k *soak) freezeOperator() (bool, error) {
	pid, err := k.operator()
	if err != nil {
		return false, nil
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return false, err
	}
	k.pause(time.Second, 3*time.Second)
	return true, syscall.Kill(pid, syscall.SIGCONT)
}

// killPart ends a part of the bench by SIGKILL, and waits until it is gone.
func killPart(name string) error {
	content, err := os.ReadFile(filepath.Join(bench.state, "pids", name))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.Fields(string(content))[0])
	if err != nil {
		return err
	}
	err = syscall.Kill(pid, syscall.SIGKILL)
	for ; err == nil; err = syscall.Kill(pid, 0) {
		time.Sleep(pollPeriod / 10)
	}
	if errors.Is(err, syscall.ESRCH) {
		return nil // It is gone.
	}
	return err
}

// editWeights gives the candidate another share by hand while it is being judged.
func (k *soak) editWeights(r *release) (bool, error) {
	states := r.weights()
	if len(states) == 0 || states[len(states)-1].candidate <= 0 || r.phase() != "Progressing" {
		return false, nil
	}
	now := states[len(states)-1].candidate
	wanted := 1 + k.below(99)
	patch := fmt.Sprintf(`[{"op": "test", "path": "/spec/http/0/route/1/weight", "value": %d},
		{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": %d},
		{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": %d}]`, now, 100-wanted, wanted)
	edited, err := bench.in(r.namespace, "VirtualService").Patch(context.Background(), service, types.JSONPatchType,
		[]byte(patch), metav1.PatchOptions{FieldManager: "late-night-edit"})
	if apierrors.IsInvalid(err) || apierrors.IsNotFound(err) {
		return false, nil // The release has gone on meanwhile.
	}
	if err != nil {
		return false, err
	}
	version, err := strconv.ParseInt(edited.GetResourceVersion(), 10, 64)
	r.edits.add(version)
	return true, err
}

// endPod kills or deletes one pod of a shop.
func (k *soak) endPod(r *release, one *disturbance) (bool, error) {
	list, err := bench.in(r.namespace, "Pod").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	var running []object
	for _, pod := range list.Items {
		if text(&pod, "status", "phase") == "Running" && pod.GetDeletionTimestamp() == nil {
			running = append(running, pod)
		}
	}
	if len(running) == 0 {
		return false, nil
	}
	pod := pick(k, running...)
	one.version = pod.GetLabels()["version"]
	if one.kind == podDeleted {
		return true, bench.remove(r.namespace, "Pod", pod.GetName())
	}
	err = bench.signal(r.namespace, pod.GetName(), "checkout", syscall.SIGKILL)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	return true, err
}
