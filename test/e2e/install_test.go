package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// Helm leaves definitions alone after the first installation: the chart's notes say how they are upgraded. The command
// must reach every one of them, and find nothing to quarrel about with Helm, which created them.
func TestUpgradeOfTheDefinitionsReachesAllOfThem(t *testing.T) {
	definitions, err := filepath.Glob(filepath.Join(bench.root, "charts/weir/crds/*.yaml"))
	if err != nil || len(definitions) < 2 {
		t.Fatalf("the chart's definitions are %v (%v)", definitions, err)
	}
	output := run(t, "bash", "-c", `set -o pipefail; helm show crds "$0" | kubectl apply --server-side -f -`,
		filepath.Join(bench.root, "charts/weir"))
	for _, file := range definitions {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if !strings.Contains(output, name+" serverside-applied") {
			t.Errorf("%s was not applied:\n%s", name, output)
		}
	}
}

// An upgrade with an older chart's values has none of the new ones. Of those the operator's own defaults must hold: an empty
// --trusted-namespaces trusts nobody, and "not nothing" would let Canaries name the queries of other namespaces.
func TestChartGivesNoFlagForAValueThatIsMissing(t *testing.T) {
	values := []string{"metricsServer", "namespace", "logLevel", "logFormat", "threadiness", "kubeconfigQPS", "kubeconfigBurst",
		"noCrossNamespaceRefs", "trustedNamespaces", "clusterDomain"}
	output := run(t, "helm", "template", "weir", filepath.Join(bench.root, "charts/weir"), "--show-only", "templates/deployment.yaml",
		"--set", strings.Join(values, "=null,")+"=null")
	for _, line := range strings.Split(output, "\n") {
		flag, given := strings.CutPrefix(strings.TrimSpace(line), "- --")
		if !given {
			continue
		}
		name, value, _ := strings.Cut(flag, "=")
		switch name {
		case "listen", "leader-election", "lease-namespace", "lease-name":
		default:
			t.Errorf("--%s=%s is given, for a value that is not", name, value)
		}
	}
	if !strings.Contains(output, "--leader-election=true") {
		t.Errorf("no flags were found:\n%s", output)
	}
}
