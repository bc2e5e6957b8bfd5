package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// All releases are in one namespace, as those of a team are.
	namespace = "bench"
	// Requests of this program at a time.
	writers = 16
	manager = "bench"
)

// cluster is the API server as an administrator sees it.
type cluster struct {
	raw     rest.Interface
	dynamic dynamic.Interface
	typed   kubernetes.Interface
	mapper  meta.RESTMapper
	state   string // folder
}

func connect(p *profile) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	c := &cluster{state: os.Getenv("WEIR_BENCH_STATE")}
	if c.typed, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	c.raw = c.typed.CoreV1().RESTClient()
	return c, c.prepare(p)
}

// prepare makes the operator's kinds known, and the namespace.
func (c *cluster) prepare(p *profile) error {
	files, err := filepath.Glob(filepath.Join(p.folder, p.Definitions, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		documents, err := readYAML(file)
		if err != nil {
			return err
		}
		for _, document := range documents {
			err := c.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", document)
			if err != nil && !apierrors.IsAlreadyExists(err) {
				return err
			}
		}
	}
	err = c.post("/api/v1/namespaces", []byte(`{"metadata":{"name":"`+namespace+`"}}`))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return c.learnKinds(p.resource())
}

func (c *cluster) learnKinds(wanted schema.GroupVersionResource) error {
	return await(20*time.Second, "the API server serves "+wanted.Resource, func() (bool, error) {
		groups, err := restmapper.GetAPIGroupResources(c.typed.Discovery())
		var some *discovery.ErrGroupDiscoveryFailed
		if err != nil && !errors.As(err, &some) {
			return false, err
		}
		c.mapper = restmapper.NewDiscoveryRESTMapper(groups)
		_, err = c.mapper.KindFor(wanted)
		return err == nil, nil
	})
}

func (c *cluster) post(path string, body []byte) error {
	return c.raw.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(body).
		VersionedParams(&metav1.CreateOptions{FieldManager: manager}, metav1.ParameterCodec).
		Do(context.Background()).Error()
}

func (c *cluster) patch(path string, how types.PatchType, body []byte) error {
	return c.raw.Patch(how).AbsPath(path).Param("fieldManager", manager).Body(body).Do(context.Background()).Error()
}

// put creates the object, or brings the one that is there to what it says; a status is written as the status.
func (c *cluster) put(object []byte) error {
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Status           json.RawMessage
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return err
	}
	group := schema.FromAPIVersionAndKind(head.APIVersion, head.Kind)
	mapping, err := c.mapper.RESTMapping(group.GroupKind(), group.Version)
	if err != nil {
		return err
	}
	path := "/apis/" + head.APIVersion
	if group.Group == "" {
		path = "/api/" + head.APIVersion
	}
	path += "/namespaces/" + namespace + "/" + mapping.Resource.Resource
	err = c.post(path, object)
	if apierrors.IsAlreadyExists(err) {
		err = c.raw.Patch(types.ApplyPatchType).AbsPath(path+"/"+head.Metadata.Name).Param("fieldManager", manager).
			Param("force", "true").Body(object).Do(context.Background()).Error()
	}
	if err != nil || head.Status == nil {
		return err
	}
	return c.patch(path+"/"+head.Metadata.Name+"/status", types.MergePatchType, []byte(`{"status":`+string(head.Status)+`}`))
}

// putAll puts the objects of every name, several at a time; the objects of one name in their order.
func (c *cluster) putAll(m manifest, names []string) error {
	return each(names, func(name string) error {
		for _, object := range m.render(name) {
			if err := c.put(object); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// phases are those of all releases, by name.
func (c *cluster) phases(p *profile) (map[string]string, error) {
	list, err := c.dynamic.Resource(p.resource()).Namespace(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, item := range list.Items {
		status, _ := item.Object["status"].(map[string]any)
		phase, _ := status["phase"].(string)
		found[item.GetName()] = phase
	}
	return found, nil
}

// clear removes all that releases and this program have made; no operator may run.
func (c *cluster) clear(p *profile) error {
	phases, err := c.phases(p)
	if err != nil {
		return err
	}
	var names []string
	for name := range phases {
		names = append(names, name)
	}
	releases := c.dynamic.Resource(p.resource()).Namespace(namespace)
	err = each(names, func(name string) error {
		_, err := releases.Patch(context.Background(), name, types.MergePatchType,
			[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{FieldManager: manager})
		return err
	})
	if err != nil {
		return err
	}
	for _, resource := range []schema.GroupVersionResource{
		p.resource(),
		{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"},
		{Group: "networking.istio.io", Version: "v1", Resource: "destinationrules"},
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Version: "v1", Resource: "services"},
	} {
		if err := c.removeAll(resource); err != nil {
			return fmt.Errorf("%s: %w", resource.Resource, err)
		}
	}
	return nil
}

// removeAll deletes one by one: the API server deletes a collection on one thread.
func (c *cluster) removeAll(resource schema.GroupVersionResource) error {
	all := c.dynamic.Resource(resource).Namespace(namespace)
	list, err := all.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.GetName())
	}
	return each(names, func(name string) error {
		err := all.Delete(context.Background(), name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// each calls work for every name, `writers` at a time, and answers the first error.
func each(names []string, work func(name string) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failures := make(chan error, writers)
	for range writers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				if err := work(names[i]); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failures)
	return <-failures
}

// await asks again and again until the answer is yes, or an error, or the time is over.
func await(limit time.Duration, what string, ask func() (bool, error)) error {
	const period = 20 * time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(period) {
		yes, err := ask()
		if err != nil || yes {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %s", limit, what)
		}
	}
}

// fetch reads a page; another status than 200 is an error.
func fetch(url string) (string, error) {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(body), nil
}
