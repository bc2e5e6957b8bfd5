package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

const (
	prepareRetryPeriod = 500 * time.Millisecond
	statusRetryPeriod  = 200 * time.Millisecond
	requestTimeout     = 10 * time.Second
)

// pod is one pod of this node. run is its life; everything else is told to it.
type pod struct {
	k          *kubelet
	started    metav1.Time
	containers []*container

	life      context.Context // ends when the pod is to stop: nothing is started any more
	endLife   context.CancelFunc
	killed    context.Context // ends when no grace is left
	endAtOnce context.CancelFunc
	changed   chan struct{} // holds one token while a status has to be written
	writing   sync.Mutex    // one status write at a time

	mu      sync.Mutex
	object  *corev1.Pod // as last seen
	sandbox *sandbox    // nil until the network is there
	written *corev1.PodStatus
}

func newPod(k *kubelet, object *corev1.Pod) *pod {
	p := &pod{k: k, object: object, started: metav1.Now(), changed: make(chan struct{}, 1)}
	p.killed, p.endAtOnce = context.WithCancel(context.Background())
	p.life, p.endLife = context.WithCancel(p.killed)
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i]))
	}
	if object.DeletionTimestamp != nil {
		p.endLife()
	}
	return p
}

// update takes the object as the API server has it now.
func (p *pod) update(object *corev1.Pod) {
	p.mu.Lock()
	p.object = object
	p.mu.Unlock()
	if object.DeletionTimestamp != nil {
		p.endLife()
	}
}

// kill ends the pod's processes without grace.
func (p *pod) kill() { p.endAtOnce() }

// touch has the status written soon.
func (p *pod) touch() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *pod) seen() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object
}

func (p *pod) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sandbox == nil {
		return ""
	}
	return p.sandbox.address
}

func (p *pod) run() {
	reporting, endReports := context.WithCancel(p.killed)
	defer endReports()
	go p.report(reporting)
	p.touch()
	mounts, ready := p.prepare()
	if ready {
		for _, c := range p.containers {
			c.mounts = mounts[c.spec.Name]
			go c.run()
		}
		<-p.life.Done()
	}
	p.stopContainers()
	endReports()
	if p.killed.Err() == nil {
		p.writeStatus()
		p.deleteObject()
	}
	p.mu.Lock()
	if p.sandbox != nil {
		p.sandbox.close()
	}
	p.mu.Unlock()
	_ = os.RemoveAll(p.volumeFolder())
}

// prepare sets up the network and the volumes, again and again until it works; false when the pod stops before.
func (p *pod) prepare() (map[string][]mount, bool) {
	for {
		mounts, err := p.tryPrepare()
		if err == nil {
			return mounts, true
		}
		p.warn("FailedMount", err.Error())
		select {
		case <-p.life.Done():
			return nil, false
		case <-time.After(prepareRetryPeriod):
		}
	}
}

func (p *pod) tryPrepare() (map[string][]mount, error) {
	if p.life.Err() != nil {
		return nil, p.life.Err()
	}
	if p.address() == "" {
		sandbox, err := p.k.network.open()
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		p.sandbox = sandbox
		p.mu.Unlock()
		p.touch()
	}
	return p.mountVolumes()
}

// stopContainers ends all containers, with the grace that the deletion gave.
func (p *pod) stopContainers() {
	grace := time.Duration(0)
	if seconds := p.seen().DeletionGracePeriodSeconds; seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	var stopping sync.WaitGroup
	for _, c := range p.containers {
		stopping.Add(1)
		go func() {
			defer stopping.Done()
			c.stop(grace)
		}()
	}
	stopping.Wait()
}

func (p *pod) deleteObject() {
	object := p.seen()
	now := int64(0)
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	err := retry.OnError(retry.DefaultBackoff, func(err error) bool { return !gone(err) }, func() error {
		return p.k.client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &object.UID}})
	})
	if err != nil && !gone(err) {
		log.Printf("cannot delete the object of pod %s/%s: %v", object.Namespace, object.Name, err)
	}
}

func (p *pod) volumeFolder() string {
	return filepath.Join(p.k.state, "volumes", string(p.seen().UID))
}

func (p *pod) note(reason, message string) {
	p.k.events.Event(p.seen(), corev1.EventTypeNormal, reason, message)
}

func (p *pod) warn(reason, message string) {
	object := p.seen()
	log.Printf("pod %s/%s: %s: %s", object.Namespace, object.Name, reason, message)
	p.k.events.Event(object, corev1.EventTypeWarning, reason, message)
}
