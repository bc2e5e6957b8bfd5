package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"weir.dev/test/cluster/serviceproxy"
)

// kubelet owns the pods of the node: one goroutine a pod, started by the watch.
type kubelet struct {
	settings
	client  kubernetes.Interface
	events  record.EventRecorder
	hosts   *serviceproxy.Hosts
	network *network
	images  *images

	mu    sync.Mutex
	pods  map[types.UID]*pod
	ended bool // no pod starts any more
	alive sync.WaitGroup
}

func newKubelet(s settings, client kubernetes.Interface, events record.EventRecorder, hosts *serviceproxy.Hosts) *kubelet {
	for _, folder := range []string{"pods", "volumes"} {
		if err := os.MkdirAll(filepath.Join(s.state, folder), 0o755); err != nil {
			log.Fatalf("cannot make the state folder: %v", err)
		}
	}
	return &kubelet{
		settings: s,
		client:   client,
		events:   events,
		hosts:    hosts,
		network:  newNetwork(s.bridge, s.address),
		images:   &images{file: s.images},
		pods:     map[types.UID]*pod{},
	}
}

// watch has every change of a pod passed to handle. Call it before the factory is started.
func (k *kubelet) watch(factory informers.SharedInformerFactory) {
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.handle(object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { k.handle(object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			if p, ok := object.(*corev1.Pod); ok {
				k.forget(p.UID)
			}
		},
	})
	if err != nil {
		log.Fatalf("cannot watch pods: %v", err)
	}
}

func (k *kubelet) handle(object *corev1.Pod) {
	switch {
	case object.Spec.NodeName == "" && object.DeletionTimestamp == nil:
		go k.bind(object)
	case object.Spec.NodeName == k.node:
		k.adopt(object)
	}
}

// bind is the whole scheduler: there is one node.
func (k *kubelet) bind(object *corev1.Pod) {
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: object.Name, UID: object.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: k.node},
	}
	// A pod that was bound or deleted meanwhile needs no second try: the watch tells what became of it.
	if err := k.client.CoreV1().Pods(object.Namespace).Bind(context.Background(), binding, metav1.CreateOptions{}); err != nil {
		log.Printf("cannot bind pod %s/%s: %v", object.Namespace, object.Name, err)
	}
}

func (k *kubelet) adopt(object *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.pods[object.UID]; ok {
		known.update(object)
		return
	}
	if k.ended || finished(object) && object.DeletionTimestamp == nil {
		return
	}
	p := newPod(k, object)
	k.pods[object.UID] = p
	k.alive.Add(1)
	go func() {
		defer k.alive.Done()
		p.run()
	}()
}

// forget ends a pod whose object is gone (a forced deletion: no grace is left).
func (k *kubelet) forget(uid types.UID) {
	k.mu.Lock()
	p := k.pods[uid]
	delete(k.pods, uid)
	k.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// endAll ends the processes of all pods at once and waits for them. Their objects stay as they are.
func (k *kubelet) endAll() {
	k.mu.Lock()
	k.ended = true
	for _, p := range k.pods {
		p.kill()
	}
	k.mu.Unlock()
	k.alive.Wait()
}

func finished(object *corev1.Pod) bool {
	return object.Status.Phase == corev1.PodSucceeded || object.Status.Phase == corev1.PodFailed
}
