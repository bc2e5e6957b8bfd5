package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// report writes the status whenever it changed, until the context ends.
func (p *pod) report(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
			if err := p.writeStatus(); err != nil && !gone(err) {
				time.AfterFunc(statusRetryPeriod, p.touch)
			}
		}
	}
}

func (p *pod) writeStatus() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	object := p.seen()
	status := p.status(object)
	if p.written != nil && equality.Semantic.DeepEqual(*p.written, status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": object.UID}, "status": status})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	_, err = p.k.client.CoreV1().Pods(object.Namespace).Patch(
		ctx, object.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		if !gone(err) {
			log.Printf("cannot write the status of pod %s/%s: %v", object.Namespace, object.Name, err)
		}
		return err
	}
	p.written = &status
	return nil
}

// gone tells an object that does not exist any more, or is another one of the same name.
func gone(err error) bool { return errors.IsNotFound(err) || errors.IsConflict(err) }

// status is the whole status as it has to be now.
func (p *pod) status(object *corev1.Pod) corev1.PodStatus {
	status := corev1.PodStatus{StartTime: &p.started, HostIP: p.k.address, HostIPs: []corev1.HostIP{{IP: p.k.address}}}
	if address := p.address(); address != "" {
		status.PodIP, status.PodIPs = address, []corev1.PodIP{{IP: address}}
	}
	var unready []string
	for _, c := range p.containers {
		container := c.status()
		status.ContainerStatuses = append(status.ContainerStatuses, container)
		if !container.Ready {
			unready = append(unready, c.spec.Name)
		}
	}
	status.Phase = phase(object.Spec.RestartPolicy, status.ContainerStatuses)
	status.Conditions = p.conditions(object, status, unready)
	return status
}

func phase(policy corev1.RestartPolicy, containers []corev1.ContainerStatus) corev1.PodPhase {
	waiting, ended, failed := 0, 0, 0
	for _, c := range containers {
		switch {
		case c.State.Terminated != nil && !restarts(policy, c.State.Terminated.ExitCode):
			ended++
			if c.State.Terminated.ExitCode != 0 {
				failed++
			}
		case c.State.Waiting != nil && c.LastTerminationState.Terminated == nil:
			waiting++
		}
	}
	switch {
	case waiting > 0:
		return corev1.PodPending
	case ended < len(containers):
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

func restarts(policy corev1.RestartPolicy, exitCode int32) bool {
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && exitCode != 0
}

// conditions keeps those that others wrote, and the transition time of those that did not change.
func (p *pod) conditions(object *corev1.Pod, status corev1.PodStatus, unready []string) []corev1.PodCondition {
	hold := func(kind corev1.PodConditionType, holds bool) corev1.PodCondition {
		condition := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse}
		if holds {
			condition.Status = corev1.ConditionTrue
		}
		return condition
	}
	ready := hold(corev1.PodReady, len(unready) == 0)
	containersReady := hold(corev1.ContainersReady, len(unready) == 0)
	if len(unready) > 0 {
		reason, message := "ContainersNotReady",
			fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
		if status.Phase == corev1.PodSucceeded {
			reason, message = "PodCompleted", ""
		}
		ready.Reason, ready.Message = reason, message
		containersReady.Reason, containersReady.Message = reason, message
	}
	ours := []corev1.PodCondition{
		hold(corev1.PodReadyToStartContainers, status.PodIP != ""),
		hold(corev1.PodInitialized, true), ready, containersReady, hold(corev1.PodScheduled, true),
	}
	before := object.Status.Conditions
	if p.written != nil {
		before = p.written.Conditions
	}
	mine := map[corev1.PodConditionType]bool{}
	for i := range ours {
		mine[ours[i].Type] = true
		ours[i].LastTransitionTime = transitionTime(before, ours[i])
	}
	for _, condition := range object.Status.Conditions {
		if !mine[condition.Type] {
			ours = append(ours, condition)
		}
	}
	return ours
}

func transitionTime(before []corev1.PodCondition, condition corev1.PodCondition) metav1.Time {
	for _, b := range before {
		if b.Type == condition.Type && b.Status == condition.Status {
			return b.LastTransitionTime
		}
	}
	return metav1.Now()
}
