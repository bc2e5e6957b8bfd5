package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	pullRetryFirst   = time.Second
	pullRetryMax     = 8 * time.Second
	backoffResetTime = 10 * time.Second // a container that ran this long starts its next restart without a wait
	configRetry      = time.Second
	nonRootUser      = 65532 // who an image that says runAsNonRoot without a user runs as
)

// container runs one container of a pod, over all its restarts.
type container struct {
	pod    *pod
	spec   *corev1.Container
	mounts []mount
	over   chan struct{} // closed when run has returned

	mu       sync.Mutex
	stopping bool
	process  *process // nil while none runs
	state    corev1.ContainerState
	last     corev1.ContainerState
	restarts int32
	started  bool // the startup probe has passed, or there is none
	ready    bool
}

// process is one run of the container.
type process struct {
	command *exec.Cmd
	entry   *entry
	began   metav1.Time
	done    chan struct{} // closed after the process ended
	exit    int32
	signal  int32
}

func newContainer(p *pod, spec *corev1.Container) *container {
	c := &container{pod: p, spec: spec, over: make(chan struct{})}
	c.state = waiting("ContainerCreating", "")
	return c
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func (c *container) run() {
	defer close(c.over)
	backoff := time.Duration(0)
	for {
		binary, ok := c.pull()
		if !ok {
			return
		}
		process, ok := c.start(binary)
		if !ok {
			return
		}
		health, endProbes := context.WithCancel(c.pod.killed)
		go c.watchHealth(health, process)
		<-process.done
		endProbes()
		c.ended(process)
		if !restarts(c.pod.seen().Spec.RestartPolicy, process.exit) || c.pod.life.Err() != nil {
			return
		}
		if time.Since(process.began.Time) > backoffResetTime {
			backoff = 0
		}
		if backoff > 0 && !c.crashLoop(backoff) {
			return
		}
		backoff = min(max(2*backoff, c.pod.k.backoffFirst), c.pod.k.backoffMax)
		c.mu.Lock()
		c.restarts++
		c.mu.Unlock()
	}
}

// wait passes a time; false when the pod stops meanwhile.
func (c *container) wait(duration time.Duration) bool {
	select {
	case <-c.pod.life.Done():
		return false
	case <-time.After(duration):
		return true
	}
}

func (c *container) set(state corev1.ContainerState) {
	c.mu.Lock()
	c.state = state
	c.mu.Unlock()
	c.pod.touch()
}

// pull finds the image's binary, with the waits and the states of a registry that lacks it.
func (c *container) pull() (string, bool) {
	for retry := pullRetryFirst; ; retry = min(2*retry, pullRetryMax) {
		binary, err := c.pod.k.images.pull(c.spec.Image)
		if err == nil {
			return binary, true
		}
		c.set(waiting("ErrImagePull", err.Error()))
		c.pod.warn("Failed", "Failed to pull image \""+c.spec.Image+"\": "+err.Error())
		if !c.wait(retry) {
			return "", false
		}
		c.set(waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %v", c.spec.Image, err)))
		if !c.wait(retry) {
			return "", false
		}
	}
}

// crashLoop waits between two restarts; the state before stays as the last termination.
func (c *container) crashLoop(backoff time.Duration) bool {
	object := c.pod.seen()
	message := fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		backoff, c.spec.Name, object.Name, object.Namespace, object.UID)
	c.set(waiting("CrashLoopBackOff", message))
	c.pod.warn("BackOff", "Back-off restarting failed container "+c.spec.Name)
	return c.wait(backoff)
}

// start starts the process, waiting for a configuration that is incomplete; false when the pod stops before.
func (c *container) start(binary string) (*process, bool) {
	for {
		e, err := c.entry(binary)
		if err == nil {
			process, err := c.launch(e)
			if err == nil {
				return process, process != nil
			}
			c.set(waiting("RunContainerError", err.Error()))
		} else {
			c.set(waiting("CreateContainerConfigError", err.Error()))
			c.pod.warn("Failed", "Error: "+err.Error())
		}
		if !c.wait(configRetry) {
			return nil, false
		}
	}
}

// entry says what the process has to become.
func (c *container) entry(binary string) (*entry, error) {
	environment, err := c.environment()
	if err != nil {
		return nil, err
	}
	command, arguments := expandAll(c.spec.Command, environment), expandAll(c.spec.Args, environment)
	executable, line, err := commandLine(binary, command, arguments)
	if err != nil {
		return nil, err
	}
	e := &entry{
		Network: c.pod.sandbox.namespace(), Binary: executable, Arguments: line, Environment: environment.lines(),
		Folder: c.spec.WorkingDir, Mounts: c.mounts, User: -1,
	}
	c.applySecurity(e)
	return e, nil
}

func (c *container) applySecurity(e *entry) {
	var user, group *int64
	nonRoot := false
	if pod := c.pod.seen().Spec.SecurityContext; pod != nil {
		user, group = pod.RunAsUser, pod.RunAsGroup
		nonRoot = pod.RunAsNonRoot != nil && *pod.RunAsNonRoot
		for _, id := range pod.SupplementalGroups {
			e.Groups = append(e.Groups, int(id))
		}
		if pod.FSGroup != nil {
			e.Groups = append(e.Groups, int(*pod.FSGroup))
		}
	}
	if own := c.spec.SecurityContext; own != nil {
		if own.RunAsUser != nil {
			user = own.RunAsUser
		}
		if own.RunAsGroup != nil {
			group = own.RunAsGroup
		}
		if own.RunAsNonRoot != nil {
			nonRoot = *own.RunAsNonRoot
		}
		e.ReadOnlyRoot = own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem
		e.NoNewRights = own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation
	}
	switch {
	case user != nil:
		e.User, e.Group = int(*user), 0
	case nonRoot:
		e.User, e.Group = nonRootUser, nonRootUser
	}
	if group != nil {
		e.Group = int(*group)
	}
}

// launch starts the process; nil without an error when the pod stops.
func (c *container) launch(e *entry) (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	output, err := os.OpenFile(c.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	defer output.Close()
	command := exec.Command("/proc/self/exe", containerCommand)
	command.Stdout, command.Stderr = output, output
	command.ExtraFiles = []*os.File{read}
	command.Dir = "/"
	command.Env = []string{}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setpgid: true}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping || c.pod.life.Err() != nil {
		_ = write.Close()
		return nil, nil
	}
	if err := command.Start(); err != nil {
		_ = write.Close()
		return nil, err
	}
	p := &process{command: command, entry: e, began: metav1.Now(), done: make(chan struct{})}
	go func() {
		_ = json.NewEncoder(write).Encode(e)
		_ = write.Close()
	}()
	go p.await()
	c.process = p
	c.started, c.ready = false, false
	c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: p.began}}
	_ = os.WriteFile(c.file("pid"), []byte(strconv.Itoa(command.Process.Pid)+"\n"), 0o644)
	c.pod.touch()
	c.pod.note("Started", "Started container "+c.spec.Name)
	return p, nil
}

func (p *process) await() {
	_ = p.command.Wait()
	status := p.command.ProcessState.Sys().(syscall.WaitStatus)
	p.exit = int32(status.ExitStatus())
	if status.Signaled() {
		p.signal = int32(status.Signal())
		p.exit = 128 + p.signal
	}
	// What the process started goes with it.
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	close(p.done)
}

func (c *container) ended(p *process) {
	reason := "Completed"
	if p.exit != 0 {
		reason = "Error"
	}
	_ = os.Remove(c.file("pid"))
	c.mu.Lock()
	c.process = nil
	c.started, c.ready = false, false
	c.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: p.exit, Signal: p.signal, Reason: reason, StartedAt: p.began, FinishedAt: metav1.Now()}}
	c.last = c.state
	c.mu.Unlock()
	c.pod.touch()
}

// stop ends the container for good: the preStop hook, SIGTERM, and SIGKILL when the grace is over.
func (c *container) stop(grace time.Duration) {
	c.mu.Lock()
	c.stopping = true
	p := c.process
	c.mu.Unlock()
	if p == nil {
		return
	}
	c.terminate(p, grace)
	<-c.over
}

func (c *container) terminate(p *process, grace time.Duration) {
	deadline, cancel := context.WithTimeout(c.pod.killed, grace)
	defer cancel()
	if deadline.Err() == nil {
		c.pod.note("Killing", "Stopping container "+c.spec.Name)
		c.preStop(deadline, p)
		_ = p.command.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-deadline.Done():
		}
	}
	_ = p.command.Process.Kill()
	<-p.done
}

// file is the container's log or pid file.
func (c *container) file(kind string) string {
	object := c.pod.seen()
	return filepath.Join(c.pod.k.state, "pods",
		fmt.Sprintf("%s_%s_%s.%s", object.Namespace, object.Name, c.spec.Name, kind))
}

func (c *container) status() corev1.ContainerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := c.started
	status := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: "bench://" + imageName(c.spec.Image),
		State: c.state, LastTerminationState: c.last, RestartCount: c.restarts, Ready: c.ready, Started: &started,
	}
	if c.state.Terminated != nil {
		status.LastTerminationState = corev1.ContainerState{}
	}
	if p := c.process; p != nil {
		status.ContainerID = fmt.Sprintf("process://%d", p.command.Process.Pid)
	}
	return status
}
