package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What the API server says of a creation in a namespace that is being deleted: nobody has the right to it there.
const terminated = "because it is being terminated"

// missingRights is where the API server has refused the operator something for want of rights, in all that it did so far.
func missingRights() []string {
	var found []string
	log := strings.ToLower(operatorLog())
	for _, word := range []string{"forbidden", "unauthorized", "cannot list", "cannot watch"} {
		for line := range strings.Lines(log) {
			if strings.Contains(line, word) && !strings.Contains(line, terminated) {
				found = append(found, "the operator's log: "+line)
			}
		}
	}
	writes, err := readAudit("")
	if err != nil {
		return append(found, err.Error())
	}
	for _, w := range writes {
		denied := w.ResponseStatus.Code == http.StatusUnauthorized || w.ResponseStatus.Code == http.StatusForbidden
		if denied && !strings.Contains(w.ResponseStatus.Message, terminated) {
			found = append(found, fmt.Sprintf("%s in %s", &w, w.ObjectRef.Namespace))
		}
	}
	return found
}

// The operator has no more rights than it needs, in a namespace that enforces the restricted profile. That it has those that it
// needs is asked when all kinds of releases have been through (TestMain).
func TestOperatorStaysWithinItsRights(t *testing.T) {
	namespace := bench.get(t, "", "Namespace", operatorNamespace)
	if got := namespace.GetLabels()["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("namespace %s enforces %q", operatorNamespace, got)
	}
	if _, ready := operatorRestarts(t); !ready {
		t.Error("the operator is not ready")
	}
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
