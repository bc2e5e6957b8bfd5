package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// What a team's routing looks like after a few years.
const manyRoutes = `
apiVersion: v1
kind: Service
metadata: {name: checkout, annotations: {example.com/contact: payments}}
spec:
  selector: {app: checkout, version: v1}
  ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 8443, targetPort: 8443}]
---
apiVersion: v1
kind: Service
metadata: {name: legacy}
spec:
  selector: {app: legacy} # Not v1's pods, which go at the end of the release.
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout, annotations: {example.com/why: "limits agreed in 2021"}}
spec:
  host: checkout.NAMESPACE.svc.cluster.local
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 5000}, http: {http1MaxPendingRequests: 5000}}
    loadBalancer: {simple: ROUND_ROBIN}
  subsets:
  - {name: blue, labels: {color: blue}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: assets}
spec:
  hosts: [assets.NAMESPACE.example.com]
  gateways: [istio-system/gateway]
  http:
  - route: [{destination: {host: legacy}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout, labels: {team: payments}, annotations: {example.com/owner: payments}}
spec:
  hosts: [checkout, HOST]
  gateways: [mesh, istio-system/gateway]
  exportTo: ["*"]
  http:
  - name: images
    match: [{uri: {prefix: /images}}]
    rewrite: {uri: /assets}
    route: [{destination: {host: legacy, port: {number: 80}}}]
  - name: beta
    match:
    - uri: {prefix: /beta}
      headers: {x-beta: {exact: "yes"}, cookie: {regex: "^(.*?;)?(user=beta)(;.*)?$"}}
    - queryParams: {beta: {exact: "1"}}
    timeout: 9s
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: "connect-failure,refused-stream"}
    headers: {request: {set: {x-route: beta}, remove: [x-debug]}}
    corsPolicy: {allowOrigins: [{exact: "https://shop.example.com"}], allowMethods: [GET, POST], maxAge: 24h}
    route:
    - destination: {host: checkout.NAMESPACE.svc.cluster.local, port: {number: 80}}
      headers: {response: {add: {x-served-by: checkout}}}
  - name: split
    match: [{uri: {prefix: /split}}]
    route:
    - {destination: {host: checkout, port: {number: 80}}, weight: 70}
    - {destination: {host: legacy, port: {number: 80}}, weight: 30}
  - name: moved
    match: [{uri: {exact: /old}}]
    redirect: {uri: /new, authority: new.example.com}
  - name: primary
    headers: {request: {set: {x-route: primary}}}
    mirror: {host: legacy, port: {number: 80}}
    mirrorPercentage: {value: 1}
    route:
    - destination: {host: checkout, port: {number: 80}}
`

// Of a VirtualService with several routes only the parts that go to the Service change, and after every single write
// the rest is as its owner wrote it.
func TestOnlyTheRightPartsOfTheRoutingChange(t *testing.T) {
	s := openWith(t, "surgery", manyRoutes)
	s.deploy("legacy", version{app: "legacy"})
	s.awaitReady("legacy")
	s.await(t, readyLimit, "an answer of legacy through the gateway", func() bool { return s.ask("/images/x") == "legacy" })
	before := s.routing()
	original := map[string]string{}
	for _, kind := range []string{"VirtualService", "DestinationRule"} {
		for _, o := range bench.list(t, s.namespace, kind, "") {
			original[kind+"/"+o.GetName()] = s.withoutRelease(&o)
		}
	}
	traffic := s.send(provingRate / 2)
	beta := startLoad(t, 200, aim{url: bench.gateway + "/beta/x?beta=1", host: s.host})
	split := startLoad(t, 200, aim{url: bench.gateway + "/split", host: s.host})
	s.deploy("v2")
	r := s.start("v1", "v2", plan{})
	mustHaveSucceeded(t, r, before)

	writes := 0
	for _, revision := range r.all(r.since) {
		want, known := original[revision.kind+"/"+revision.object.GetName()]
		if !known || revision.gone {
			continue
		}
		writes++
		if got := s.withoutRelease(revision.object); got != want {
			t.Errorf("version %d of %s %s differs in more than weights and subsets:\n before %s\n got    %s",
				revision.version, revision.kind, revision.object.GetName(), want, got)
		}
		s.mustSplit(t, revision)
	}
	if written := len(r.of("VirtualService", "assets", r.since)); written > 0 {
		t.Errorf("VirtualService assets, of an unrelated host, was written %d times", written)
	}
	t.Logf("%d writes compared", writes)
	for name, l := range map[string]*load{"primary": traffic, "beta": beta, "split": split} {
		seen := l.stop()
		t.Logf("%s: %s", name, seen)
		seen.mustBeUnharmed(t)
		if seen.Versions["v2"].Requests == 0 {
			t.Errorf("nothing of route %s went to the candidate", name)
		}
	}
}

// withoutRelease is an object without what a release may change: destinations of one Service in a route count as one,
// subsets v1 and v2 as absent.
func (s *shop) withoutRelease(o *object) string {
	copied := o.DeepCopy()
	switch o.GetKind() {
	case "DestinationRule":
		var kept []any
		for _, subset := range items(copied, "spec", "subsets") {
			if subset["name"] != "v1" && subset["name"] != "v2" {
				kept = append(kept, subset)
			}
		}
		copied.Object["spec"].(map[string]any)["subsets"] = kept
	case "VirtualService":
		routes := []any{}
		for _, route := range items(copied, "spec", "http") {
			if list, ok := route["route"].([]any); ok {
				route["route"] = merged(list, s.namespace)
			}
			routes = append(routes, route)
		}
		copied.Object["spec"].(map[string]any)["http"] = routes
	}
	return owned(copied)
}

// merged puts the destinations of the service in one route together as one without a subset, weights added.
func merged(list []any, namespace string) []any {
	var found []any
	sum := map[string]int{}
	for _, entry := range list {
		destination := entry.(map[string]any)
		if to, _ := destinations(map[string]any{"route": []any{entry}}, namespace, service); len(to) == 0 {
			found = append(found, entry)
			continue
		}
		weight := weightOf(destination, len(list) == 1)
		delete(destination, "weight")
		delete(destination["destination"].(map[string]any), "subset")
		key := canonical(destination)
		if _, known := sum[key]; !known {
			found = append(found, destination)
		}
		sum[key] += weight
	}
	for _, entry := range found {
		destination := entry.(map[string]any)
		if weight, ours := sum[canonical(destination)]; ours && weight != 0 {
			destination["weight"] = json.Number(canonical(weight))
		}
	}
	return found
}

// mustSplit asserts that the weights of every route of one write sum to 100, and that the owner's 70 to 30 stands.
func (s *shop) mustSplit(t *testing.T, revision revision) {
	t.Helper()
	for _, route := range items(revision.object, "spec", "http") {
		to, others := destinations(route, s.namespace, service)
		if len(to) == 0 {
			continue
		}
		ours, theirs := 0, 0
		for _, destination := range to {
			ours += weightOf(destination, len(to)+len(others) == 1)
		}
		for _, destination := range others {
			theirs += weightOf(destination, false)
		}
		expected := 100
		if route["name"] == "split" {
			expected = 70
		}
		if ours != expected || ours+theirs != 100 {
			name, _ := route["name"].(string)
			t.Errorf("version %d gives the Service %d of %d in route %s: %s", revision.version, ours, ours+theirs, name,
				strings.TrimSpace(canonical(route["route"])))
		}
	}
}
