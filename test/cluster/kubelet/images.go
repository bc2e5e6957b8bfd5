package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// images is the registry: a table file from image name to binary, read again at every pull.
type images struct {
	file string
}

// imageName strips the registry, the repository's folders, the tag and the digest.
func imageName(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	name = name[strings.LastIndex(name, "/")+1:]
	name, _, _ = strings.Cut(name, ":")
	return name
}

// pull returns the absolute path of the image's binary. The error is worded as a registry's would be.
func (i *images) pull(reference string) (string, error) {
	text, err := os.ReadFile(i.file)
	if err != nil {
		return "", fmt.Errorf("cannot read the table of images: %w", err)
	}
	table := map[string]string{}
	if err := json.Unmarshal(text, &table); err != nil {
		return "", fmt.Errorf("the table of images %s is not a JSON object of strings: %w", i.file, err)
	}
	binary, ok := table[imageName(reference)]
	if !ok {
		return "", fmt.Errorf("failed to pull and unpack image %q: no entry %q in %s: not found",
			reference, imageName(reference), i.file)
	}
	if info, err := os.Stat(binary); err != nil || info.IsDir() {
		return "", fmt.Errorf("failed to pull and unpack image %q: %s is not built: not found", reference, binary)
	}
	return binary, nil
}

// commandLine says which binary runs with which arguments. The image's binary is its entry point; a container's
// command that names that binary (by its file name, wherever the image would keep it) runs it as well, any other
// command is looked up on the machine.
func commandLine(binary string, command, args []string) (string, []string, error) {
	if len(command) == 0 {
		return binary, append([]string{filepath.Base(binary)}, args...), nil
	}
	if filepath.Base(command[0]) != filepath.Base(binary) {
		found, err := exec.LookPath(command[0])
		if err != nil {
			return "", nil, fmt.Errorf("exec: %q: executable file not found in $PATH", command[0])
		}
		binary = found
	}
	return binary, append(append([]string{}, command...), args...), nil
}
