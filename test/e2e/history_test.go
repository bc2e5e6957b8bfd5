package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// watched is what a release writes and acts on; each revision of them is kept.
var watched = []string{"Canary", "VirtualService", "DestinationRule", "Service", "Deployment", "EndpointSlice"}

// revision is one object as one write left it. The API server keeps all kinds in one etcd, so versions order writes
// of different objects too.
type revision struct {
	version int64
	at      time.Time // when the watch told of it
	kind    string
	gone    bool // the write was the deletion
	object  *object
}

// history is every write to a namespace's watched objects since it began.
type history struct {
	mu        sync.Mutex
	revisions []revision
	changed   chan struct{} // closed and replaced at each change
	failure   error         // of a watch
}

// record keeps the history of a namespace until the test ends.
func record(t *testing.T, namespace string) *history {
	t.Helper()
	h := &history{changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for _, kind := range watched {
		client := bench.in(namespace, kind)
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			h.add(kind, false, &list.Items[i])
		}
		options := metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}
		watcher, err := client.Watch(ctx, options)
		if err != nil {
			t.Fatal(err)
		}
		go h.follow(ctx, kind, watcher)
	}
	return h
}

func (h *history) follow(ctx context.Context, kind string, watcher watch.Interface) {
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if o, ok := event.Object.(*object); ok && event.Type != watch.Error {
			h.add(kind, event.Type == watch.Deleted, o)
			continue
		}
		h.fail(fmt.Errorf("watch of %s: %v", kind, event.Object))
	}
	if ctx.Err() == nil {
		h.fail(fmt.Errorf("watch of %s has ended", kind))
	}
}

func (h *history) add(kind string, gone bool, o *object) {
	version, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	if err != nil {
		h.fail(fmt.Errorf("resourceVersion of %s %s: %w", kind, o.GetName(), err))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revisions = append(h.revisions, revision{version: version, at: time.Now(), kind: kind, gone: gone, object: o})
	h.tell()
}

func (h *history) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure = err
	h.tell()
}

func (h *history) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// of returns the revisions of one object in the order of their writes, after a version.
func (h *history) of(kind, name string, after int64) []revision {
	return h.matching(func(r *revision) bool {
		return r.kind == kind && r.object.GetName() == name && r.version > after
	})
}

// all returns every revision after a version, in the order of the writes.
func (h *history) all(after int64) []revision {
	return h.matching(func(r *revision) bool { return r.version > after })
}

func (h *history) matching(wanted func(*revision) bool) []revision {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []revision
	for i := range h.revisions {
		if wanted(&h.revisions[i]) {
			found = append(found, h.revisions[i])
		}
	}
	slices.SortStableFunc(found, func(a, b revision) int { return int(a.version - b.version) })
	return found
}

// now is the version of the newest write.
func (h *history) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := int64(0)
	for i := range h.revisions {
		newest = max(newest, h.revisions[i].version)
	}
	return newest
}

// latest is the object as it is now; nil when it is gone or never was.
func (h *history) latest(kind, name string) *object {
	revisions := h.of(kind, name, 0)
	if len(revisions) == 0 || revisions[len(revisions)-1].gone {
		return nil
	}
	return revisions[len(revisions)-1].object
}

// await waits until the condition holds; it is asked again at every write, and now and then for what is not watched.
func (h *history) await(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for deadline := began.Add(limit); ; {
		h.mu.Lock()
		changed, failure := h.changed, h.failure
		h.mu.Unlock()
		if failure != nil {
			t.Fatal(failure)
		}
		if holds() {
			return time.Since(began)
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: not yet %s; releases: %s", limit, what, h.releases())
		}
		select {
		case <-changed:
		case <-time.After(pollPeriod):
		}
	}
}

// releases says where every Canary is, for messages.
func (h *history) releases() string {
	var texts []string
	seen := map[string]bool{}
	for _, r := range h.matching(func(r *revision) bool { return r.kind == "Canary" }) {
		seen[r.object.GetName()] = true
	}
	for name := range seen {
		if o := h.latest("Canary", name); o != nil {
			texts = append(texts, fmt.Sprintf("%s %s, weight %d, %q", name, text(o, "status", "phase"),
				number(o, "status", "canaryWeight"), text(o, "status", "message")))
		}
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, "; ")
}
