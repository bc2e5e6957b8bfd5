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
