package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	// Until a probe succeeds for the first time it is made this often, whatever its period: the bench is fast. Failures
	// still count once a period.
	eagerPeriod       = 200 * time.Millisecond
	probePeriod       = 10 * time.Second
	probeTimeout      = time.Second
	probeFailureLimit = 3
	probeOutputLimit  = 1024
)

// watchHealth probes one run of the container until the context ends.
func (c *container) watchHealth(ctx context.Context, p *process) {
	if c.spec.StartupProbe != nil {
		passed := make(chan struct{})
		go c.watchProbe(ctx, c.spec.StartupProbe, "Startup", func(healthy bool) bool {
			if healthy {
				close(passed)
			} else {
				c.killUnhealthy(p, "startup", c.spec.StartupProbe)
			}
			return false
		})
		select {
		case <-passed:
		case <-ctx.Done():
			return
		}
	}
	c.update(p, func() { c.started = true })
	if c.spec.LivenessProbe != nil {
		go c.watchProbe(ctx, c.spec.LivenessProbe, "Liveness", func(healthy bool) bool {
			if !healthy {
				c.killUnhealthy(p, "liveness", c.spec.LivenessProbe)
			}
			return healthy
		})
	}
	if c.spec.ReadinessProbe == nil {
		c.update(p, func() { c.ready = true })
		return
	}
	c.watchProbe(ctx, c.spec.ReadinessProbe, "Readiness", func(healthy bool) bool {
		c.update(p, func() { c.ready = healthy })
		return true
	})
}

// update changes the state if this run is still the current one.
func (c *container) update(p *process, change func()) {
	c.mu.Lock()
	if c.process == p {
		change()
	}
	c.mu.Unlock()
	c.pod.touch()
}

func (c *container) killUnhealthy(p *process, kind string, probe *corev1.Probe) {
	c.pod.note("Killing", fmt.Sprintf("Container %s failed %s probe, will be restarted", c.spec.Name, kind))
	seconds := c.pod.seen().Spec.TerminationGracePeriodSeconds
	if probe.TerminationGracePeriodSeconds != nil {
		seconds = probe.TerminationGracePeriodSeconds
	}
	grace := time.Duration(0)
	if seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	c.terminate(p, grace)
}

// watchProbe calls settle when as many answers in a row agree as the probe's threshold asks, and again at each further
// such answer, until settle returns false or the context ends.
func (c *container) watchProbe(ctx context.Context, probe *corev1.Probe, name string, settle func(healthy bool) bool) {
	period := seconds(probe.PeriodSeconds, probePeriod)
	successLimit, failureLimit := max(probe.SuccessThreshold, 1), probe.FailureThreshold
	if failureLimit == 0 {
		failureLimit = probeFailureLimit
	}
	if !pause(ctx, time.Duration(probe.InitialDelaySeconds)*time.Second) {
		return
	}
	eager := true
	var successes, failures int32
	counted := time.Now()
	for {
		err := c.check(ctx, probe)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil:
			successes, failures = successes+1, 0
			if successes >= successLimit {
				eager = false
				if !settle(true) {
					return
				}
			}
		case !eager || time.Since(counted) >= period:
			counted = time.Now()
			successes, failures = 0, failures+1
			c.pod.warn("Unhealthy", fmt.Sprintf("%s probe failed: %v", name, err))
			if failures >= failureLimit && !settle(false) {
				return
			}
		}
		wait := period
		if eager {
			wait = min(period, eagerPeriod)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

func seconds(value int32, otherwise time.Duration) time.Duration {
	if value <= 0 {
		return otherwise
	}
	return time.Duration(value) * time.Second
}

func pause(ctx context.Context, duration time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(duration):
		return true
	}
}

// check asks once; nil is healthy.
func (c *container) check(ctx context.Context, probe *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, seconds(probe.TimeoutSeconds, probeTimeout))
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return c.get(ctx, probe.HTTPGet)
	case probe.TCPSocket != nil:
		port, err := c.port(probe.TCPSocket.Port)
		if err != nil {
			return err
		}
		host := probe.TCPSocket.Host
		if host == "" {
			host = c.pod.address()
		}
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
		if err != nil {
			return err
		}
		return connection.Close()
	case probe.Exec != nil:
		return c.execute(ctx, probe.Exec.Command)
	}
	return fmt.Errorf("the bench knows httpGet, tcpSocket and exec probes, not this one")
}

// Each request has a connection of its own, as a real kubelet's has.
var probeClient = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
}

func (c *container) get(ctx context.Context, action *corev1.HTTPGetAction) error {
	port, err := c.port(action.Port)
	if err != nil {
		return err
	}
	host := action.Host
	if host == "" {
		host = c.pod.address()
	}
	scheme := strings.ToLower(string(action.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	url := fmt.Sprintf("%s://%s/%s", scheme, net.JoinHostPort(host, port), strings.TrimPrefix(action.Path, "/"))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/1.34")
	for _, header := range action.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
		if http.CanonicalHeaderKey(header.Name) == "Host" {
			request.Host = header.Value
		}
	}
	response, err := probeClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, probeOutputLimit))
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("HTTP probe failed with statuscode: %d %s", response.StatusCode, strings.TrimSpace(string(body)))
	}
	return nil
}

// port resolves the name of a container's port.
func (c *container) port(port intstr.IntOrString) (string, error) {
	if port.Type == intstr.Int {
		return strconv.Itoa(port.IntValue()), nil
	}
	for _, named := range c.spec.Ports {
		if named.Name == port.StrVal {
			return strconv.Itoa(int(named.ContainerPort)), nil
		}
	}
	return "", fmt.Errorf("container %s has no port named %q", c.spec.Name, port.StrVal)
}

// execute runs a command inside the running container.
func (c *container) execute(ctx context.Context, command []string) error {
	c.mu.Lock()
	p := c.process
	c.mu.Unlock()
	if p == nil {
		return fmt.Errorf("container %s is not running", c.spec.Name)
	}
	line := []string{"--target", strconv.Itoa(p.command.Process.Pid), "--mount", "--net"}
	if p.entry.User >= 0 {
		line = append(line, "--setuid", strconv.Itoa(p.entry.User), "--setgid", strconv.Itoa(p.entry.Group))
	}
	run := exec.CommandContext(ctx, "nsenter", append(append(line, "--"), command...)...)
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := run.CombinedOutput()
	if err != nil {
		return fmt.Errorf("command %q: %w: %s", strings.Join(command, " "), err,
			strings.TrimSpace(string(output[:min(len(output), probeOutputLimit)])))
	}
	return nil
}

// preStop runs the container's hook, within the grace and no longer than the process lives.
func (c *container) preStop(ctx context.Context, p *process) {
	if c.spec.Lifecycle == nil || c.spec.Lifecycle.PreStop == nil {
		return
	}
	var err error
	switch hook := c.spec.Lifecycle.PreStop; {
	case hook.Sleep != nil:
		select {
		case <-p.done:
		case <-ctx.Done():
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
		}
	case hook.Exec != nil:
		err = c.execute(ctx, hook.Exec.Command)
	case hook.HTTPGet != nil:
		err = c.get(ctx, hook.HTTPGet)
	}
	if err != nil {
		c.pod.warn("FailedPreStopHook", "PreStopHook failed: "+err.Error())
	}
}
