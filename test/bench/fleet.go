package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// byApp is the index of Deployments and Services by the label "app": only those that share it can belong together.
const byApp = "app"

// fleet makes pods ready at once, without any pod: it writes the status of Deployments and the EndpointSlices of Services, as
// Kubernetes' controllers and a kubelet would whose pods need no time.
type fleet struct {
	cluster     *cluster
	deployments cache.SharedIndexInformer
	services    cache.SharedIndexInformer
	slices      cache.SharedIndexInformer
	queue       workqueue.TypedRateLimitingInterface[task]
}

type task struct{ kind, name string }

func startFleet(ctx context.Context, c *cluster) (*fleet, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(c.typed, 0, informers.WithNamespace(namespace))
	f := &fleet{
		cluster:     c,
		deployments: factory.Apps().V1().Deployments().Informer(),
		services:    factory.Core().V1().Services().Informer(),
		slices:      factory.Discovery().V1().EndpointSlices().Informer(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[task](20*time.Millisecond, time.Second)),
	}
	for kind, informer := range map[string]cache.SharedIndexInformer{"Deployment": f.deployments, "Service": f.services} {
		if err := informer.AddIndexers(cache.Indexers{byApp: appOf}); err != nil {
			return nil, err
		}
		if _, err := informer.AddEventHandler(f.handler(kind)); err != nil {
			return nil, err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("the informer of %s is not synced", kind)
		}
	}
	var workers sync.WaitGroup
	for range writers {
		workers.Go(f.work)
	}
	context.AfterFunc(ctx, f.queue.ShutDown)
	return f, nil
}

func appOf(object any) ([]string, error) {
	switch o := object.(type) {
	case *apps.Deployment:
		return []string{o.Spec.Template.Labels[byApp]}, nil
	case *core.Service:
		return []string{o.Spec.Selector[byApp]}, nil
	}
	return nil, nil
}

func (f *fleet) handler(kind string) cache.ResourceEventHandler {
	add := func(object any) {
		if o, ok := object.(metav1.Object); ok {
			f.queue.Add(task{kind, o.GetName()})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    add,
		UpdateFunc: func(_, object any) { add(object) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			add(object)
		},
	}
}

func (f *fleet) work() {
	for {
		next, over := f.queue.Get()
		if over {
			return
		}
		var err error
		if next.kind == "Deployment" {
			err = f.run(next.name)
		} else {
			err = f.serve(next.name)
		}
		if err == nil {
			f.queue.Forget(next)
		} else {
			f.queue.AddRateLimited(next)
		}
		f.queue.Done(next)
	}
}

// run makes the Deployment's pods ready, then has the Services that select them know.
func (f *fleet) run(name string) error {
	object, exists, err := f.deployments.GetStore().GetByKey(namespace + "/" + name)
	if err != nil || !exists {
		return err
	}
	deployment := object.(*apps.Deployment)
	count := replicas(deployment)
	status := deployment.Status
	if status.ObservedGeneration < deployment.Generation || status.ReadyReplicas != count || len(status.Conditions) == 0 {
		if err := f.writeStatus(deployment, count); err != nil {
			return err
		}
	}
	app, _ := appOf(deployment)
	services, err := f.services.GetIndexer().ByIndex(byApp, app[0])
	for _, service := range services {
		f.queue.Add(task{"Service", service.(*core.Service).Name})
	}
	return err
}

func replicas(deployment *apps.Deployment) int32 {
	if deployment.Spec.Replicas == nil {
		return 1
	}
	return *deployment.Spec.Replicas
}

func (f *fleet) writeStatus(deployment *apps.Deployment, count int32) error {
	now := metav1.Now()
	condition := func(kind apps.DeploymentConditionType, reason, message string) apps.DeploymentCondition {
		return apps.DeploymentCondition{Type: kind, Status: core.ConditionTrue, Reason: reason, Message: message,
			LastUpdateTime: now, LastTransitionTime: now}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"observedGeneration": deployment.Generation,
		"replicas":           count,
		"updatedReplicas":    count,
		"readyReplicas":      count,
		"availableReplicas":  count,
		"conditions": []apps.DeploymentCondition{
			condition(apps.DeploymentAvailable, "MinimumReplicasAvailable", "Deployment has minimum availability."),
			condition(apps.DeploymentProgressing, "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
		},
	}})
	if err != nil {
		return err
	}
	_, err = f.cluster.typed.AppsV1().Deployments(namespace).Patch(context.Background(), deployment.Name,
		types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager}, "status")
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// serve brings the Service's EndpointSlice to the pods that its selector takes.
func (f *fleet) serve(name string) error {
	all := f.cluster.typed.DiscoveryV1().EndpointSlices(namespace)
	object, exists, err := f.services.GetStore().GetByKey(namespace + "/" + name)
	if err != nil {
		return err
	}
	if !exists {
		if err := all.Delete(context.Background(), name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
			return err
		}
		return nil
	}
	wanted, err := f.slice(object.(*core.Service))
	if err != nil {
		return err
	}
	known, exists, err := f.slices.GetStore().GetByKey(namespace + "/" + name)
	if err != nil {
		return err
	}
	if !exists {
		_, err := all.Create(context.Background(), wanted, metav1.CreateOptions{FieldManager: manager})
		return err
	}
	if sameEndpoints(known.(*discoveryv1.EndpointSlice).Endpoints, wanted.Endpoints) {
		return nil
	}
	_, err = all.Update(context.Background(), wanted, metav1.UpdateOptions{FieldManager: manager})
	return err
}

func sameEndpoints(one, two []discoveryv1.Endpoint) bool {
	return slices.EqualFunc(one, two, func(a, b discoveryv1.Endpoint) bool { return slices.Equal(a.Addresses, b.Addresses) })
}

func (f *fleet) slice(service *core.Service) (*discoveryv1.EndpointSlice, error) {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:      service.Name,
			Namespace: namespace,
			Labels: map[string]string{
				discoveryv1.LabelServiceName: service.Name,
				discoveryv1.LabelManagedBy:   manager,
			},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, port := range service.Spec.Ports {
		number := int32(8080)
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &port.Name, Port: &number})
	}
	app, _ := appOf(service)
	deployments, err := f.deployments.GetIndexer().ByIndex(byApp, app[0])
	if err != nil {
		return nil, err
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	pods := map[string]string{} // addresses by name
	for _, object := range deployments {
		deployment := object.(*apps.Deployment)
		if !selector.Matches(labels.Set(deployment.Spec.Template.Labels)) {
			continue
		}
		for i := range replicas(deployment) {
			name := fmt.Sprintf("%s-%d", deployment.Name, i)
			pods[name] = address(name)
		}
	}
	ready, node := true, "bench"
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pods[name]},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &ready},
			NodeName:   &node,
			TargetRef:  &core.ObjectReference{Kind: "Pod", Namespace: namespace, Name: name},
		})
	}
	return slice, nil
}

// address of a pod: always the same for the same name, in 10.128.0.0/9.
func address(pod string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(pod))
	sum := hash.Sum32()
	return netip.AddrFrom4([4]byte{10, 128 | byte(sum>>16), byte(sum >> 8), byte(sum)}).String()
}

// ready says whether all Deployments have their pods and nothing is left to do.
func (f *fleet) ready(deployments int) bool {
	if f.queue.Len() > 0 || len(f.deployments.GetStore().ListKeys()) < deployments {
		return false
	}
	for _, object := range f.deployments.GetStore().List() {
		deployment := object.(*apps.Deployment)
		if deployment.Status.ObservedGeneration < deployment.Generation {
			return false
		}
	}
	return len(f.slices.GetStore().ListKeys()) >= len(f.services.GetStore().ListKeys())
}
