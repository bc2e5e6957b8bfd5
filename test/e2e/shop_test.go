package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	service    = "checkout" // of every shop, and of its VirtualService
	readyLimit = 40 * time.Second
)

// lateness is how much later than usual proxies learn of changes: 0, or with WEIR_DEBOUNCE_S (test/cluster/bench) the
// longest that istiod then gathers changes, and a second. What tests wait for and what releases allow for grow by it.
var (
	lateness     = debounce()
	releaseLimit = 90*time.Second + 12*lateness
)

func debounce() time.Duration {
	seconds, err := strconv.Atoi(os.Getenv("WEIR_DEBOUNCE_S"))
	if err != nil {
		return 0
	}
	return time.Duration(seconds+2) * time.Second
}

// shop is a namespace with the service checkout: version v1 serves.
type shop struct {
	t         *testing.T
	namespace string
	host      string // by which clients outside reach the service
	*history

	patience time.Duration // for a release to end while faults are made; 0: none are, and what is at once has to be
	promptly time.Duration // within which stable has all traffic after the verdict; 0: a second
	silent   bool          // nothing is shown of this shop when the test has failed: another test of it does
	edits    edits
}

// edits is the versions of the VirtualService that somebody other than the operator wrote during a release.
type edits struct {
	mu       sync.Mutex
	versions map[int64]bool
}

func (e *edits) add(version int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.versions == nil {
		e.versions = map[int64]bool{}
	}
	e.versions[version] = true
}

func (e *edits) has(version int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.versions[version]
}

const serviceOfV1 = `
apiVersion: v1
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout, version: v1}
  ports: [{name: http, port: 80, targetPort: http}]
`

const shopObjects = serviceOfV1 + `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout, labels: {team: payments}, annotations: {example.com/owner: "payments"}}
spec:
  hosts: [checkout, HOST]
  gateways: [mesh, istio-system/gateway]
  http:
  - name: primary
    timeout: 15s
    route:
    - destination: {host: checkout}
`

// open makes a shop whose version v1 serves through the gateway. It goes when the test ends.
func open(t *testing.T, namespace string) *shop {
	return openWith(t, namespace, shopObjects)
}

// openWith is open with other objects around version v1. HOST and NAMESPACE stand for the shop's own.
func openWith(t *testing.T, namespace, objects string) *shop {
	t.Helper()
	s := found(t, namespace, objects)
	s.awaitServing()
	return s
}

// found is openWith without the wait for version v1 to serve.
func found(t *testing.T, namespace, objects string) *shop {
	t.Helper()
	s := &shop{t: t, namespace: namespace, host: "checkout." + namespace + ".example.com"}
	bench.mustCreate(t, "", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace",
		"metadata": {"name": %q, "labels": {%q: "true"}}}`, namespace, suiteLabel))
	t.Cleanup(func() {
		if t.Failed() && !s.silent {
			s.explain()
		}
		if err := bench.remove("", "Namespace", namespace); err != nil {
			t.Error(err)
		}
	})
	s.history = record(t, namespace)
	objects = strings.NewReplacer("HOST", s.host, "NAMESPACE", namespace).Replace(objects)
	bench.mustCreate(t, namespace, objects)
	s.deploy("v1")
	return s
}

// together runs a part of a test for each case, all at once.
func together[T fmt.Stringer](t *testing.T, cases []T, part func(t *testing.T, c T)) {
	t.Helper()
	var all sync.WaitGroup
	for _, c := range cases {
		all.Go(func() { t.Run(c.String(), func(t *testing.T) { part(t, c) }) })
	}
	all.Wait()
}

func (s *shop) awaitServing() {
	s.t.Helper()
	s.awaitReady("v1")
	s.await(s.t, readyLimit, "an answer of v1 through the gateway", func() bool { return s.ask("/") == "v1" })
}

// explain keeps what a failed test is understood from, beside the bench's logs: the test's own output ends with what
// was asserted.
func (s *shop) explain() {
	var text strings.Builder
	for _, canary := range bench.list(s.t, s.namespace, "Canary", "") {
		status, _ := tryRun("kubectl-weir", "status", canary.GetName(), "-n", s.namespace)
		fmt.Fprintf(&text, "%s\n%s\n", status, canonical(canary.Object["status"]))
	}
	state, _ := tryRun("kubectl", "-n", s.namespace, "get", "pods,services,virtualservices,destinationrules", "-o", "wide")
	fmt.Fprintf(&text, "objects of namespace %s:\n%s\n", s.namespace, state)
	fmt.Fprintf(&text, "the operator's words on it:\n")
	for line := range strings.Lines(operatorLog()) {
		if strings.Contains(line, `"`+s.namespace+`"`) {
			text.WriteString(line)
		}
	}
	name := filepath.Join(bench.state, "logs", "failed-"+s.namespace+".log")
	if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
		s.t.Error(err)
	}
	s.t.Logf("what is known of namespace %s is in %s of the bench's logs", s.namespace, filepath.Base(name))
}

// ask sends one request through the gateway and returns the version that answered; empty for any other answer.
func (s *shop) ask(path string) string { return s.askAt(bench.gateway + path) }

// askAt is ask at another address than the gateway's.
func (s *shop) askAt(url string) string {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Host = s.host
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return ""
	}
	return response.Header.Get("X-Version")
}

// version is how a version of the service is deployed. The zero value is a good one.
type version struct {
	image string // demo-app
	app   string // label of the pods, checkout
	env   map[string]string
}

// deploy creates the Deployment checkout-NAME, which knows its pods by something else than their version; `how` is at most
// one.
func (s *shop) deploy(name string, how ...version) {
	s.t.Helper()
	v := version{}
	if len(how) > 0 {
		v = how[0]
	}
	if v.image == "" {
		v.image = "demo-app"
	}
	var env strings.Builder
	for _, key := range sortedKeys(v.env) {
		fmt.Fprintf(&env, "\n        - {name: %s, value: %q}", key, v.env[key])
	}
	bench.mustCreate(s.t, s.namespace, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout-%[1]s, labels: {app: %[4]s}}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[4]s, instance: %[1]s}}
  template:
    metadata: {labels: {app: %[4]s, instance: %[1]s, version: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
      - name: checkout
        image: registry.example/shop/%[2]s:%[1]s
        ports: [{name: http, containerPort: 8080}]
        env:
        - {name: VERSION, value: %[1]s}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}%[3]s
        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 2}}}
`, name, v.image, env.String(), or(v.app, "checkout")))
}

func sortedKeys(values map[string]string) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (s *shop) awaitReady(version string) {
	s.t.Helper()
	s.await(s.t, readyLimit, "all pods of checkout-"+version+" ready", func() bool {
		d := s.latest("Deployment", "checkout-"+version)
		return d != nil && number(d, "spec", "replicas") == number(d, "status", "readyReplicas")
	})
}

// replicas a version is asked to have, as the API server has it: the watch of another kind may bring its news before.
func (s *shop) replicas(version string) int {
	s.t.Helper()
	return number(bench.get(s.t, s.namespace, "Deployment", "checkout-"+version), "spec", "replicas")
}

func (s *shop) selector() string {
	s.t.Helper()
	return text(bench.get(s.t, s.namespace, "Service", service), "spec", "selector", "version")
}

// routing is the objects that the service's owner wrote for its traffic, as they are now.
type routing map[string]string

func (s *shop) routing() routing {
	found := routing{}
	for _, kind := range []string{"VirtualService", "DestinationRule", "Service"} {
		for _, o := range bench.list(s.t, s.namespace, kind, "") {
			found[kind+"/"+o.GetName()] = owned(&o)
		}
	}
	return found
}

// mustEqual asserts that the objects are byte for byte as before but for the selected version.
func (before routing) mustEqual(t *testing.T, after routing, from, to string) {
	t.Helper()
	name := "Service/" + service
	expected := strings.Replace(before[name], `"version":"`+from+`"`, `"version":"`+to+`"`, 1)
	for key, content := range after {
		want, known := before[key]
		if key == name {
			want = expected
		}
		switch {
		case !known:
			t.Errorf("%s is left over: %s", key, content)
		case content != want:
			t.Errorf("%s is not as it was:\n before %s\n after  %s", key, want, content)
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			t.Errorf("%s is gone", key)
		}
	}
}

// mustBeRestored compares the routing with what it was before, and closes the release's record.
func (r *release) mustBeRestored(before routing, version string) {
	r.t.Helper()
	r.await(r.t, or(r.patience, 10*time.Second), "the release without a finalizer", func() bool {
		return len(r.canary().GetFinalizers()) == 0
	})
	before.mustEqual(r.t, r.routing(), r.stable, version)
	r.until = r.now()
}

// clusterIP of a Service.
func (s *shop) clusterIP(name string) string {
	o, err := bench.in(s.namespace, "Service").Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return text(o, "spec", "clusterIP")
}
