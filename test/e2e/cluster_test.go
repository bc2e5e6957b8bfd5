package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"weir.dev/test/cluster/faultproxy/control"
)

const (
	commandDeadline = 2 * time.Minute
	pollPeriod      = 100 * time.Millisecond
	// The tests' own writes, told apart from the operator's and from a person's.
	testManager = "e2e"
	suiteLabel  = "weir.dev/e2e"
)

type object = unstructured.Unstructured

var patchOptions = metav1.PatchOptions{FieldManager: testManager}

// resources is every kind that tests touch.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":       {Version: "v1", Resource: "namespaces"},
	"Pod":             {Version: "v1", Resource: "pods"},
	"Event":           {Version: "v1", Resource: "events"},
	"Service":         {Version: "v1", Resource: "services"},
	"EndpointSlice":   {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
	"Deployment":      {Group: "apps", Version: "v1", Resource: "deployments"},
	"VirtualService":  {Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"},
	"Gateway":         {Group: "networking.istio.io", Version: "v1", Resource: "gateways"},
	"DestinationRule": {Group: "networking.istio.io", Version: "v1", Resource: "destinationrules"},
	"Canary":          {Group: "weir.dev", Version: "v1alpha1", Resource: "canaries"},
	"Lease":           {Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
	"MetricTemplate":  {Group: "weir.dev", Version: "v1alpha1", Resource: "metrictemplates"},
}

// cluster is the bench as the tests see it.
type cluster struct {
	client     dynamic.Interface
	root       string // of the checkout
	state      string // of the bench
	gateway    string // URL
	prometheus string // URL
	faults     control.Client
}

func connect() (*cluster, error) {
	c := &cluster{}
	for name, into := range map[string]*string{
		"WEIR_ROOT": &c.root, "WEIR_BENCH_STATE": &c.state,
		"WEIR_BENCH_GATEWAY": &c.gateway, "WEIR_BENCH_PROMETHEUS": &c.prometheus,
		"WEIR_BENCH_FAULTS_CONTROL": &c.faults.URL,
	} {
		if *into = os.Getenv(name); *into == "" {
			return nil, fmt.Errorf("%s is not set: run these tests by test/e2e/run", name)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, fmt.Errorf("cannot read KUBECONFIG: %w", err)
	}
	config.QPS, config.Burst = 500, 1000
	config.WarningHandler = rest.NoWarnings{}
	if c.client, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandDeadline)
	defer cancel()
	_, err = c.client.Resource(resources["Canary"]).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("the cluster does not serve Canaries: %w", err)
	}
	return c, nil
}

func (c *cluster) in(namespace, kind string) dynamic.ResourceInterface {
	resource, known := resources[kind]
	if !known {
		panic("resources lacks kind " + kind)
	}
	if kind == "Namespace" {
		return c.client.Resource(resource)
	}
	return c.client.Resource(resource).Namespace(namespace)
}

// decode reads a stream of YAML documents.
func decode(text string) ([]*object, error) {
	var objects []*object
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &object{}
		switch err := decoder.Decode(&o.Object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("%w in\n%s", err, text)
		case len(o.Object) > 0:
			objects = append(objects, o)
		}
	}
}

// create creates every object of a YAML stream in the namespace; the first refusal ends it.
func (c *cluster) create(namespace, text string) error {
	objects, err := decode(text)
	if err != nil {
		return err
	}
	for _, o := range objects {
		_, err := c.in(namespace, o.GetKind()).Create(context.Background(), o, metav1.CreateOptions{FieldManager: testManager})
		if err != nil {
			return err
		}
	}
	return nil
}

// mustCreate is create for what cannot be refused.
func (c *cluster) mustCreate(t *testing.T, namespace, text string) {
	t.Helper()
	if err := c.create(namespace, text); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) get(t *testing.T, namespace, kind, name string) *object {
	t.Helper()
	o, err := c.in(namespace, kind).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (c *cluster) list(t *testing.T, namespace, kind, selector string) []object {
	t.Helper()
	list, err := c.in(namespace, kind).List(context.Background(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func (c *cluster) patch(t *testing.T, namespace, kind, name string, how types.PatchType, patch, manager string) {
	t.Helper()
	options := metav1.PatchOptions{FieldManager: manager}
	if _, err := c.in(namespace, kind).Patch(context.Background(), name, how, []byte(patch), options); err != nil {
		t.Fatal(err)
	}
}

// remove asks for the deletion of an object; one that is gone already is fine.
func (c *cluster) remove(namespace, kind, name string) error {
	return c.removeBy(namespace, kind, name, metav1.DeletePropagationBackground)
}

// removeBy is remove in one of the ways of `kubectl delete --cascade`.
func (c *cluster) removeBy(namespace, kind, name string, way metav1.DeletionPropagation) error {
	err := c.in(namespace, kind).Delete(context.Background(), name, metav1.DeleteOptions{PropagationPolicy: &way})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// awaitGone returns the namespaces of tests that are still there at the deadline.
func (c *cluster) awaitGone(limit time.Duration) []string {
	for deadline := time.Now().Add(limit); ; time.Sleep(pollPeriod) {
		list, err := c.in("", "Namespace").List(context.Background(), metav1.ListOptions{LabelSelector: suiteLabel})
		var left []string
		if err != nil {
			left = append(left, err.Error())
		} else {
			for _, namespace := range list.Items {
				left = append(left, namespace.GetName())
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// tryRun runs a command and returns all that it wrote.
func tryRun(name string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandDeadline)
	defer cancel()
	command := exec.CommandContext(ctx, name, arguments...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return output.String(), err
}

func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	output, err := tryRun(name, arguments...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return output
}

// part starts, stops or restarts a part of the bench, with further settings as ENV=VALUE.
func (c *cluster) part(t *testing.T, verb, name string, settings ...string) {
	t.Helper()
	if err := c.tryPart(verb, name, settings...); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) tryPart(verb, name string, settings ...string) error {
	output, err := tryRun(filepath.Join(c.root, "test/cluster/bench"), append([]string{verb, name}, settings...)...)
	if err != nil {
		return fmt.Errorf("bench %s %s: %w\n%s", verb, name, err, output)
	}
	return nil
}
