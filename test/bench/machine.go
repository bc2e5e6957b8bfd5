package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// describe notes what the figures were measured on, with and when.
func (f figures) describe(command string) {
	f["date"] = time.Now().UTC().Format(time.DateOnly)
	f["command"] = command
	f["machine"] = fmt.Sprintf("%d cores of %s, %s, Linux %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name"), memorySize(),
		output("uname", "-r"))
	f.note("version_commit", os.Getenv("WEIR_COMMIT"))
	if strings.Contains(command, "{operator}") { // else it is another one, which may not know the flag
		f.note("version_operator", output(os.Getenv("WEIR_OPERATOR"), "--version"))
	}
	f.note("version_kube_apiserver", output("kube-apiserver", "--version"))
	f.note("version_etcd", output("etcd", "--version"))
	f.note("version_prometheus", output("prometheus", "--version"))
}

// note keeps what was known before where there is nothing to say: not every benchmark has all programs at hand.
func (f figures) note(name, text string) {
	if text != "" {
		f[name] = text
	}
}

// output is the first line of what a program says; empty if it cannot be run.
func output(name string, arguments ...string) string {
	text, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func memorySize() string {
	var kilobytes float64
	_, _ = fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%f", &kilobytes)
	return fmt.Sprintf("%.0f GB", kilobytes/(1<<20))
}

// field is the value of the first line "NAME: VALUE" of a file.
func field(file, name string) string {
	content, _ := os.ReadFile(file)
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
