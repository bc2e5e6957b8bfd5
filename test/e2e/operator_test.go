package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	operatorSelector = "app.kubernetes.io/name=weir"
	// From the death of the operator, or its return, until its next container leads: far less than its Lease lasts.
	successionLimit = 5 * time.Second
)

// operatorPod returns the operator's pod and the name of its container.
func operatorPod(t *testing.T) (pod, container string) {
	t.Helper()
	pods := bench.list(t, operatorNamespace, "Pod", operatorSelector)
	if len(pods) != 1 {
		t.Fatalf("%d pods of the operator instead of 1", len(pods))
	}
	containers := items(&pods[0], "spec", "containers")
	return pods[0].GetName(), containers[0]["name"].(string)
}

// killOperator ends the operator's process by SIGKILL; the kubelet starts it again.
func killOperator(t *testing.T) {
	t.Helper()
	pod, container := operatorPod(t)
	if err := bench.signal(operatorNamespace, pod, container, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// pid of a running container.
func (c *cluster) pid(namespace, pod, container string) (int, error) {
	name := fmt.Sprintf("%s_%s_%s.pid", namespace, pod, container)
	content, err := os.ReadFile(filepath.Join(c.state, "pods", name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}

func (c *cluster) signal(namespace, pod, container string, signal syscall.Signal) error {
	pid, err := c.pid(namespace, pod, container)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("%s to container %s of %s/%s: %w", signal, container, namespace, pod, err)
	}
	return nil
}

// throughFaultProxy has the operator reach the API server by the fault proxy until the test ends.
func throughFaultProxy(t *testing.T, arguments ...string) {
	t.Helper()
	install := filepath.Join(bench.root, "test/cluster/install")
	run(t, install, append([]string{"--through-faultproxy"}, arguments...)...)
	t.Cleanup(func() {
		quiet := errors.Join(bench.faults.SetFaults(control.Faults{}), bench.faults.SetRuns(nil))
		if quiet != nil {
			t.Error(quiet)
		}
		run(t, install)
	})
}

// awaitOperator waits until the operator has been restarted so often, and is ready; returns how long that took.
func awaitOperator(t *testing.T, h *history, restarts int) time.Duration {
	t.Helper()
	return h.await(t, readyLimit, "the operator ready again", func() bool {
		count, ready := operatorRestarts(t)
		return count >= restarts && ready
	})
}

func operatorRestarts(t *testing.T) (count int, ready bool) {
	t.Helper()
	pods := bench.list(t, operatorNamespace, "Pod", operatorSelector)
	if len(pods) != 1 {
		return 0, false
	}
	for _, status := range items(&pods[0], "status", "containerStatuses") {
		restarts, _ := status["restartCount"].(int64)
		ready, _ = status["ready"].(bool)
		count += int(restarts)
	}
	return count, ready
}

// leaseTransitions is how often the Lease of the operator has changed hands.
func leaseTransitions(t *testing.T) int {
	t.Helper()
	return number(bench.get(t, operatorNamespace, "Lease", "weir"), "spec", "leaseTransitions")
}

// operatorLog is all that the operator's pods have written.
func operatorLog() string {
	files, _ := filepath.Glob(filepath.Join(bench.state, "pods", operatorNamespace+"_weir*.log"))
	var log strings.Builder
	for _, file := range files {
		content, _ := os.ReadFile(file)
		log.Write(content)
	}
	return log.String()
}

// write is one request of the operator that changes something, from the API server's audit log.
type write struct {
	Verb      string `json:"verb"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	ResponseStatus struct {
		Code    int    `json:"code"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"responseStatus"`
	RequestObject json.RawMessage `json:"requestObject"`
	Time          time.Time       `json:"requestReceivedTimestamp"`
}

func (w *write) String() string {
	text := w.Verb + " " + w.ObjectRef.Resource + "/" + w.ObjectRef.Name
	if w.ObjectRef.Subresource != "" {
		text += "/" + w.ObjectRef.Subresource
	}
	return text
}

// audit reads the operator's writes to a namespace (empty: all), in the order in which the API server answered them.
func audit(t *testing.T, namespace string) []write {
	t.Helper()
	writes, err := readAudit(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return writes
}

func readAudit(namespace string) ([]write, error) {
	file, err := os.Open(filepath.Join(bench.state, "audit.log"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var writes []write
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return writes, nil // A last line without an end is still being written.
		}
		var w write
		if !strings.Contains(string(line), operatorAccount) || json.Unmarshal(line, &w) != nil {
			continue
		}
		if w.User.Username == operatorAccount && (namespace == "" || w.ObjectRef.Namespace == namespace) {
			writes = append(writes, w)
		}
	}
}
