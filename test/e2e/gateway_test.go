package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const (
	secondAddress = "10.77.0.11" // of the network of the bench's parts, next to the gateway's
	istiodAddress = "10.77.0.1:15010"
	// Where the second gateway believes istiod to be.
	lineAddress = "10.77.0.1:15011"
)

const secondGateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: second}
spec:
  selector: {istio: second}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, bind: 10.77.0.11, hosts: ["*"]}
`

// gateway is a second one beside the bench's: an Envoy with the same configuration, whose connection to istiod can be cut.
type gateway struct {
	name     string // as VirtualServices name it
	url      string
	instance string // by which Prometheus knows it
	line     *line
}

// openSecondGateway starts it, and has Prometheus scrape it too, until the test ends.
func openSecondGateway(t *testing.T) *gateway {
	t.Helper()
	const namespace = "second-gateway"
	g := &gateway{name: namespace + "/second", url: "http://" + secondAddress, instance: secondAddress + ":15000",
		line: &line{from: lineAddress, to: istiodAddress}}
	run(t, "ip", "address", "replace", secondAddress+"/32", "dev", "weir0")
	t.Cleanup(func() { run(t, "ip", "address", "delete", secondAddress+"/32", "dev", "weir0") })
	bench.mustCreate(t, "", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace",
		"metadata": {"name": %q, "labels": {%q: "true"}}}`, namespace, suiteLabel))
	t.Cleanup(func() {
		if err := bench.remove("", "Namespace", namespace); err != nil {
			t.Error(err)
		}
	})
	bench.mustCreate(t, namespace, secondGateway)
	if err := g.line.join(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.line.cut)
	startEnvoy(t, manifest(t, "envoy.yaml", "10.77.0.10", secondAddress, "gateway-0", "gateway-1",
		"istio: gateway", "istio: second", "port_value: 15010", "port_value: 15011"))

	both := manifest(t, "prometheus.yaml", `["10.77.0.10:15000"]`, `["10.77.0.10:15000", "`+g.instance+`"]`)
	t.Cleanup(func() { bench.part(t, "restart", "prometheus") })
	t.Setenv("WEIR_PROMETHEUS_CONFIG", both)
	bench.part(t, "restart", "prometheus")
	return g
}

// manifest is the file of a copy of one of the bench's manifests in which texts are replaced by others, in pairs.
func manifest(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(bench.root, "test/cluster/manifests", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(content), pairs[i]) {
			t.Fatalf("%s has no %q", name, pairs[i])
		}
	}
	file := filepath.Join(t.TempDir(), name)
	changed := strings.NewReplacer(pairs...).Replace(string(content))
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// startEnvoy runs an Envoy, as the bench runs its own, until the test ends.
func startEnvoy(t *testing.T, configuration string) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(bench.state, "logs", "envoy-second.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	envoy := exec.Command("envoy", "-c", configuration, "--concurrency", "1", "--disable-hot-restart", "-l", "warning")
	envoy.Stdout, envoy.Stderr = log, log
	envoy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := envoy.Start(); err != nil {
		t.Fatal(err)
	}
	prefer(envoy.Process.Pid)
	t.Cleanup(func() {
		_ = envoy.Process.Kill()
		_ = envoy.Wait()
	})
}

// leaveAlone cuts the gateway off from istiod until the returned function is called, or the test ends.
func (g *gateway) leaveAlone(t *testing.T) (end func()) {
	t.Helper()
	g.line.cut()
	away := true
	end = func() {
		if !away {
			return
		}
		away = false
		if err := g.line.join(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(end)
	return end
}

// line passes connections on, and can be cut. Safe for concurrent use.
type line struct {
	from, to string

	mu     sync.Mutex
	socket net.Listener // nil: it is cut
	ends   []net.Conn   // of all connections
}

func (l *line) join() error {
	socket, err := net.Listen("tcp", l.from)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.socket = socket
	go l.serve(socket)
	return nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket != nil {
		_ = l.socket.Close()
	}
	for _, end := range l.ends {
		_ = end.Close()
	}
	l.socket, l.ends = nil, nil
}

func (l *line) serve(socket net.Listener) {
	for {
		client, err := socket.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		if l.socket == socket {
			l.ends = append(l.ends, client, server)
			go pass(client, server)
			go pass(server, client)
		} else { // It has been cut meanwhile.
			_ = client.Close()
			_ = server.Close()
		}
		l.mu.Unlock()
	}
}

// pass copies one direction of a connection, and ends both with it.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
