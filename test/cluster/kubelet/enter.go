package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// containerCommand is the argument with which this binary, started again in a mount namespace of its own, becomes a
// container: it reads an entry from file descriptor 3, arranges the file system, and executes the container's binary.
const (
	containerCommand = "container"
	entryDescriptor  = 3
	startErrorCode   = 128 // the exit code that container runtimes use when the command cannot be started
	binaryFolder     = "/run/bin"
)

// entry is all that the new process needs to become the container.
type entry struct {
	Network      string // file of the network namespace
	Binary       string
	Arguments    []string // Arguments[0] is the name of the program
	Environment  []string
	Folder       string
	Mounts       []mount
	ReadOnlyRoot bool
	User         int // -1: unchanged
	Group        int
	Groups       []int
	NoNewRights  bool
}

// mount binds Source (a file or folder of the machine) to Target in the container.
type mount struct {
	Source   string
	Target   string
	ReadOnly bool
}

func enterContainer() {
	runtime.LockOSThread()
	var e entry
	pipe := os.NewFile(entryDescriptor, "entry")
	err := json.NewDecoder(pipe).Decode(&e)
	if err == nil {
		_ = pipe.Close()
		err = e.become()
	}
	fmt.Fprintf(os.Stderr, "bench kubelet: cannot start the container: %v\n", err)
	os.Exit(startErrorCode)
}

// become returns only with an error.
func (e *entry) become() error {
	binary, err := e.arrangeFiles()
	if err != nil {
		return err
	}
	namespace, err := os.Open(e.Network)
	if err != nil {
		return fmt.Errorf("cannot open the pod's network: %w", err)
	}
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot enter the pod's network: %w", err)
	}
	_ = namespace.Close()
	if e.ReadOnlyRoot {
		if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("cannot make the root file system read-only: %w", err)
		}
	}
	if err := e.dropRights(); err != nil {
		return err
	}
	if e.Folder != "" {
		if err := os.Chdir(e.Folder); err != nil {
			return fmt.Errorf("cannot enter workingDir: %w", err)
		}
	}
	return fmt.Errorf("exec %s: %w", e.Binary, syscall.Exec(binary, e.Arguments, e.Environment))
}

// arrangeFiles makes the mounts and returns where the container sees its binary. /run and /tmp are the container's
// own; the rest of the machine's file system shows through.
func (e *entry) arrangeFiles() (string, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", fmt.Errorf("cannot part from the machine's mounts: %w", err)
	}
	// Sources are opened first: a source below /run or /tmp is out of sight once those are covered.
	sources := make([]*os.File, len(e.Mounts))
	for i, m := range e.Mounts {
		file, err := os.OpenFile(m.Source, unix.O_PATH, 0)
		if err != nil {
			return "", fmt.Errorf("cannot open the volume for %s: %w", m.Target, err)
		}
		sources[i] = file
	}
	binary, err := os.OpenFile(e.Binary, unix.O_PATH, 0)
	if err != nil {
		return "", err
	}
	for _, folder := range []string{"/run", "/tmp"} {
		if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=1777"); err != nil {
			return "", fmt.Errorf("cannot cover %s: %w", folder, err)
		}
	}
	// A bind mount of the binary lets a user run it who may not read the folder that it was built in.
	target := filepath.Join(binaryFolder, filepath.Base(e.Binary))
	if err := bind(binary, target, true); err != nil {
		return "", err
	}
	for i, m := range e.Mounts {
		if err := bind(sources[i], m.Target, m.ReadOnly); err != nil {
			return "", err
		}
	}
	return target, nil
}

// bind mounts an open file or folder to a path, which is made where the container's own folders allow it.
func bind(source *os.File, target string, readOnly bool) error {
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if _, err := os.Stat(target); os.IsNotExist(err) {
		if err := makeTarget(target, info.IsDir()); err != nil {
			return err
		}
	}
	descriptor := fmt.Sprintf("/proc/self/fd/%d", source.Fd())
	if err := unix.Mount(descriptor, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("cannot mount %s: %w", target, err)
	}
	if !readOnly {
		return nil
	}
	if err := unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("cannot make %s read-only: %w", target, err)
	}
	return nil
}

func makeTarget(target string, folder bool) error {
	resolved := filepath.Clean(target)
	if strings.HasPrefix(resolved, "/var/run/") {
		resolved = resolved[len("/var"):]
	}
	if !strings.HasPrefix(resolved, "/run/") && !strings.HasPrefix(resolved, "/tmp/") {
		return fmt.Errorf("mountPath %s does not exist on this machine, and the bench makes mount points only below "+
			"/run, /var/run and /tmp: pods share the rest of the file system", target)
	}
	if folder {
		return os.MkdirAll(resolved, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(resolved), 0o755); err != nil {
		return err
	}
	return os.WriteFile(resolved, nil, 0o644)
}

func (e *entry) dropRights() error {
	if e.NoNewRights {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot forbid new rights: %w", err)
		}
	}
	if e.User >= 0 {
		if err := syscall.Setgroups(e.Groups); err != nil {
			return fmt.Errorf("cannot set supplemental groups: %w", err)
		}
		if err := syscall.Setgid(e.Group); err != nil {
			return fmt.Errorf("cannot set group %d: %w", e.Group, err)
		}
		if err := syscall.Setuid(e.User); err != nil {
			return fmt.Errorf("cannot set user %d: %w", e.User, err)
		}
	}
	// A change of user clears the signal that ends this process together with its kubelet.
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}
