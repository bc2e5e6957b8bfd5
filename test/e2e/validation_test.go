package e2e

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// The API server refuses what cannot work, in a sentence that says what to change.
func TestInvalidCanariesAreRefused(t *testing.T) {
	if lateness > 0 {
		t.Skip("proxies play no part, and the Canary that is made invalid has other figures")
	}
	const namespace = "default"
	valid := plan{}.canary("v2")
	for _, c := range []struct{ what, find, replace, says string }{
		{"falling weights", "stepWeights: [20, 60]", "stepWeights: [20, 10]", "each weight must be more than the one before it"},
		{"equal weights", "stepWeights: [20, 60]", "stepWeights: [20, 20]", "each weight must be more than the one before it"},
		{"a weight over 100", "stepWeights: [20, 60]", "stepWeights: [20, 160]", "less than or equal to 100"},
		{"both ladders", "stepWeights: [20, 60]", "stepWeights: [20, 60]\n    stepWeight: 10", "keep one of them"},
		{"a step over the maximum", "stepWeights: [20, 60]", "stepWeight: 60\n    maxWeight: 50", "more than maxWeight, 50"},
		{"an interval without a unit", "interval: 3s", `interval: "3"`, "such as 30s or 1m30s"},
		{"an interval of nothing", "interval: 3s", "interval: 0s", "1s or more"},
		{"no metrics", "metrics: " + successMetric, "metrics: []", "nothing would judge the candidate"},
		{"an unknown metric", "request-success-rate", "request-happiness", `"request-happiness" is not built in`},
		{"a built-in metric with a query", "thresholdRange: {min: 99}", "thresholdRange: {min: 99}, query: up", "is built in"},
		{"a metric without a range", ", thresholdRange: {min: 99}", "", "where judge.type is sequential"},
		{"a query without a range", "request-success-rate, thresholdRange: {min: 99}", "errors, query: up",
			`"errors" has no thresholdRange`},
		{"a sequential judge without a metric to compare", "metrics: [{name: request-success-rate,",
			"judge: {type: sequential}\n    metrics: [{name: errors, query: up,", "give at least one of these metrics"},
		{"an unknown judge", "metrics: [", "judge: {type: jury}\n    metrics: [", `Unsupported value: "jury"`},
		{"an alpha of nothing", "metrics: [", "judge: {type: sequential, alpha: 0}\n    metrics: [",
			"it must be 0.0001 to 0.5"},
		{"an empty range", "thresholdRange: {min: 99}", "thresholdRange: {}", "neither min nor max"},
		{"a range without values", "thresholdRange: {min: 99}", "thresholdRange: {min: 99, max: 1}", "no value could be in it"},
		{"no threshold", "threshold: 2", "threshold: 0", "greater than or equal to 1"},
		{"an unknown mode", "mode: Placeholder", "mode: Shared", `Unsupported value: "Shared"`},
		{"another kind of target", "kind: Deployment", "kind: StatefulSet", `Unsupported value: "StatefulSet"`},
		{"stable as its own candidate", "service: {name", "stableRef: {name: checkout-v2}\n  service: {name",
			"the same Deployment as spec.targetRef"},
		{"no Service", "service: {name: checkout, mode: Placeholder}", "service: {}", "spec.service.name: Required value"},
		{"a deadline before the first check", "progressDeadlineSeconds: 60", "progressDeadlineSeconds: 4",
			"a step that needs a second check"},
		{"one name for both subsets", "routing: {", "routing: {istio: {subsets: {stable: a, candidate: a}}, ",
			"give each a name"},
	} {
		t.Run(strings.ReplaceAll(c.what, " ", "_"), func(t *testing.T) {
			changed := strings.Replace(valid, c.find, c.replace, 1)
			if changed == valid {
				t.Fatalf("%q is not in the valid Canary", c.find)
			}
			err := bench.create(namespace, changed)
			if err == nil {
				_ = bench.remove(namespace, "Canary", "checkout-v2")
				t.Fatalf("accepted:\n%s", changed)
			}
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the API server said %q, expected %q in it", err, c.says)
			}
			t.Log(err)
		})
	}
}

// A release stays with its Service and with what divides the traffic: those fields cannot change.
func TestServiceAndProviderOfACanaryCannotChange(t *testing.T) {
	const namespace = "default"
	bench.mustCreate(t, namespace, plan{spec: "suspend: true"}.canary("v2"))
	defer func() { _ = bench.remove(namespace, "Canary", "checkout-v2") }()
	for patch, says := range map[string]string{
		`{"spec": {"service": {"name": "cart"}}}`:     `cannot change from "checkout" to "cart"`,
		`{"spec": {"routing": {"provider": "noop"}}}`: `cannot change from "istio" to "noop"`,
	} {
		_, err := bench.in(namespace, "Canary").Patch(t.Context(), "checkout-v2", types.MergePatchType, []byte(patch), patchOptions)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the API server said %v", patch, err)
		}
	}
}
