package e2e

import (
	"strings"
	"testing"
)

// What the API server says of a creation in a namespace that is being deleted: nobody has the right to it there.
const terminated = "because it is being terminated"

// The operator has what it needs and no more, in a namespace that enforces the restricted profile. Files run in the order
// of their names: by now every kind of release has been through.
func TestOperatorStaysWithinItsRights(t *testing.T) {
	namespace := bench.get(t, "", "Namespace", operatorNamespace)
	if got := namespace.GetLabels()["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("namespace %s enforces %q", operatorNamespace, got)
	}
	if _, ready := operatorRestarts(t); !ready {
		t.Error("the operator is not ready")
	}
	log := strings.ToLower(operatorLog())
	for _, word := range []string{"forbidden", "unauthorized", "cannot list", "cannot watch"} {
		for line := range strings.Lines(log) {
			if strings.Contains(line, word) && !strings.Contains(line, terminated) {
				t.Errorf("the operator's log has %q: %s", word, line)
			}
		}
	}
	writes := audit(t, "")
	for _, w := range writes {
		denied := w.ResponseStatus.Code == 401 || w.ResponseStatus.Code == 403
		if denied && !strings.Contains(w.ResponseStatus.Message, terminated) {
			t.Errorf("refused: %s in %s", &w, w.ObjectRef.Namespace)
		}
	}
	t.Logf("%d writes of the operator, none of them refused for want of rights", len(writes))
	for _, forbidden := range []string{
		"get secrets", "create pods", "delete pods", "delete deployments.apps", "create deployments.apps",
		"delete virtualservices.networking.istio.io", "create virtualservices.networking.istio.io",
		"create clusterroles.rbac.authorization.k8s.io", "impersonate users", "get nodes", "create serviceaccounts/token",
	} {
		verb, resource, _ := strings.Cut(forbidden, " ")
		output, err := tryRun("kubectl", "auth", "can-i", verb, resource, "-n", "default", "--as", operatorAccount)
		if err == nil || !strings.HasSuffix(strings.TrimSpace(output), "no") {
			t.Errorf("the operator may %s: %s", forbidden, output)
		}
	}
}
