package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestImageNameIsTheLastPartWithoutTagAndDigest(t *testing.T) {
	for reference, want := range map[string]string{
		"weir":                              "weir",
		"weir:v1":                           "weir",
		"registry.example:5000/a/weir":      "weir",
		"registry.example/a/weir:v1@sha256": "weir",
	} {
		if got := imageName(reference); got != want {
			t.Errorf("imageName(%q) = %q, want %q", reference, got, want)
		}
	}
}

func TestTableOfImagesIsReadAgainAtEachPull(t *testing.T) {
	folder := t.TempDir()
	binary := filepath.Join(folder, "demo")
	table := images{file: filepath.Join(folder, "images.json")}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(binary, "")
	write(table.file, "{}")
	if _, err := table.pull("demo:v1"); err == nil {
		t.Error("an image that is not in the table was pulled")
	}
	write(table.file, `{"demo": "`+binary+`"}`)
	if got, err := table.pull("demo:v1"); err != nil || got != binary {
		t.Errorf("pull = %q, %v; want %q", got, err, binary)
	}
}

func TestCommandThatNamesTheImagesBinaryRunsIt(t *testing.T) {
	binary, line, err := commandLine("/build/weir-operator", []string{"/usr/bin/weir-operator"}, []string{"--x"})
	if err != nil || binary != "/build/weir-operator" || !slices.Equal(line, []string{"/usr/bin/weir-operator", "--x"}) {
		t.Errorf("got %q %q %v", binary, line, err)
	}
	if _, line, _ := commandLine("/build/demoapp", nil, []string{"a"}); !slices.Equal(line, []string{"demoapp", "a"}) {
		t.Errorf("without a command: %q", line)
	}
	if _, _, err := commandLine("/build/demoapp", []string{"no-such-program"}, nil); err == nil {
		t.Error("a command that does not exist was accepted")
	}
}

func TestReferencesInArgumentsAreExpandedOnce(t *testing.T) {
	variables := &environment{values: map[string]string{}}
	variables.set("A", "1")
	variables.set("B", "$(A)")
	for text, want := range map[string]string{
		"$(A)-$(A)": "1-1",
		"$(B)":      "$(A)",
		"$$(A)":     "$(A)",
		"$(NONE)":   "$(NONE)",
		"$A $(":     "$A $(",
	} {
		if got := expand(text, variables); got != want {
			t.Errorf("expand(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAddressesComeRoundOnlyAfterTheWholeRange(t *testing.T) {
	n := newNetwork("weir0", "10.77.0.1")
	seen := map[string]bool{}
	for range 60_000 {
		address := n.address()
		bytes := address.As4()
		if seen[address.String()] || bytes[1] != 77 || bytes[3] == 0 || bytes[3] == 255 {
			t.Fatalf("address %s after %d", address, len(seen))
		}
		seen[address.String()] = true
	}
	for range 10_000 {
		if n.address().As4()[1] != 77 {
			t.Fatal("left the range")
		}
	}
}

func TestPhaseFollowsTheContainers(t *testing.T) {
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	creating := corev1.ContainerStatus{State: waiting("ContainerCreating", "")}
	ended := func(code int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
	}
	crashed := corev1.ContainerStatus{State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended(1).State}
	for _, c := range []struct {
		policy     corev1.RestartPolicy
		containers []corev1.ContainerStatus
		want       corev1.PodPhase
	}{
		{corev1.RestartPolicyAlways, []corev1.ContainerStatus{running, creating}, corev1.PodPending},
		{corev1.RestartPolicyAlways, []corev1.ContainerStatus{running, crashed}, corev1.PodRunning},
		{corev1.RestartPolicyAlways, []corev1.ContainerStatus{ended(1)}, corev1.PodRunning},
		{corev1.RestartPolicyNever, []corev1.ContainerStatus{ended(0), ended(1)}, corev1.PodFailed},
		{corev1.RestartPolicyNever, []corev1.ContainerStatus{ended(0), running}, corev1.PodRunning},
		{corev1.RestartPolicyOnFailure, []corev1.ContainerStatus{ended(0)}, corev1.PodSucceeded},
	} {
		if got := phase(c.policy, c.containers); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.policy, c.containers, got, c.want)
		}
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	for lines, want := range map[int]string{0: "", 1: "c\n", 2: "b\nc\n", 9: "a\nb\nc\n"} {
		if got := string(tail([]byte("a\nb\nc\n"), lines)); got != want {
			t.Errorf("tail %d = %q, want %q", lines, got, want)
		}
	}
	if got := string(tail(nil, 3)); got != "" {
		t.Errorf("tail of nothing = %q", got)
	}
}

func TestMountPointsAreMadeOnlyInTheContainersOwnFolders(t *testing.T) {
	if err := makeTarget("/srv/no-such-folder/here", true); err == nil {
		t.Error("a mount point was made on the machine's file system")
	}
}
