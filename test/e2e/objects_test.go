package e2e

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func text(o *object, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

func number(o *object, path ...string) int {
	value, _, _ := unstructured.NestedInt64(o.Object, path...)
	return int(value)
}

func items(o *object, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedSlice(o.Object, path...)
	var found []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

// condition returns a condition of a Canary; empty fields when it has none of that type.
func condition(canary *object, kind string) (status, reason, message string) {
	for _, c := range items(canary, "status", "conditions") {
		if c["type"] == kind {
			return fmt.Sprint(c["status"]), fmt.Sprint(c["reason"]), fmt.Sprint(c["message"])
		}
	}
	return "", "", ""
}

// owned is what an object's owner wrote of it, as JSON: everything but what the server keeps.
func owned(o *object) string {
	kept := map[string]any{}
	for field, value := range o.Object {
		if field != "status" && field != "metadata" {
			kept[field] = value
		}
	}
	kept["labels"], kept["annotations"] = o.GetLabels(), o.GetAnnotations()
	return canonical(kept)
}

// canonical is a value as JSON with sorted members.
func canonical(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(content)
}

// isService says whether a VirtualService of a namespace names a Service by this host.
func isService(host, service, namespace string) bool {
	full := service + "." + namespace + ".svc.cluster.local"
	return host == service || host != "" && (host == full || strings.HasPrefix(full, host+".")) &&
		strings.Count(host, ".") > 0
}

// destinations returns the weighted destinations of one http route that go to a Service, and its other ones.
func destinations(route map[string]any, namespace string, services ...string) (to, others []map[string]any) {
	list, _ := route["route"].([]any)
	for _, entry := range list {
		destination, _ := entry.(map[string]any)
		target, _ := destination["destination"].(map[string]any)
		host, _ := target["host"].(string)
		matches := false
		for _, service := range services {
			matches = matches || isService(host, service, namespace)
		}
		if matches {
			to = append(to, destination)
		} else {
			others = append(others, destination)
		}
	}
	return to, others
}

func weightOf(destination map[string]any, alone bool) int {
	switch weight := destination["weight"].(type) {
	case int64:
		return int(weight)
	case float64:
		return int(weight)
	}
	if alone {
		return 100
	}
	return 0
}

func subsetOf(destination map[string]any) string {
	target, _ := destination["destination"].(map[string]any)
	subset, _ := target["subset"].(string)
	return subset
}

// weights describes the destinations of a route as "v1=80 v2=20", or "-" for a single one without a subset.
func weights(route map[string]any, namespace string, services ...string) string {
	to, others := destinations(route, namespace, services...)
	var texts []string
	for _, destination := range to {
		subset := subsetOf(destination)
		if subset == "" && len(to) == 1 {
			return "-"
		}
		texts = append(texts, fmt.Sprintf("%s=%d", subset, weightOf(destination, len(to)+len(others) == 1)))
	}
	return strings.Join(texts, " ")
}
