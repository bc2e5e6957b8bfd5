// Package e2e releases real services on the bench (test/cluster): a real control plane, proxy and Prometheus, and the
// operator installed by its chart. Each test has a namespace of its own and asserts on the API server's objects, on
// Prometheus and on what the clients of the service saw.
//
// It is run by test/e2e/run, inside the bench's network namespace.
package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	operatorNamespace = "weir-system"
	operatorAccount   = "system:serviceaccount:weir-system:weir"
	goneDeadline      = 90 * time.Second
	longRun           = "WEIR_E2E_LONG" // set where continuous integration's time is no limit
)

var bench *cluster

// long skips a test that continuous integration has no time for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv(longRun) == "" {
		t.Skip("./dev test long runs it")
	}
}

func TestMain(m *testing.M) {
	var err error
	if bench, err = connect(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	began := time.Now()
	code := m.Run()
	// A namespace that does not go holds a Canary whose finalizer the operator did not take away.
	if left := bench.awaitGone(goneDeadline); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "--- FAIL: namespaces are not gone after %s: %v\n", goneDeadline, left)
		code = 1
	}
	if refused := missingRights(); len(refused) > 0 {
		fmt.Fprintf(os.Stderr, "--- FAIL: the operator was refused:\n%s\n", strings.Join(refused, "\n"))
		code = 1
	}
	fmt.Printf("e2e: %.0f s\n", time.Since(began).Seconds())
	os.Exit(code)
}
