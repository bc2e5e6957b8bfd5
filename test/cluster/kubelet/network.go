package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// network gives each pod a network namespace with one address, joined to the bench by a bridge.
type network struct {
	bridge  string
	gateway string

	mu   sync.Mutex
	next netip.Addr
}

const (
	firstPodAddress = "10.77.1.1"
	podPrefixBits   = 16
)

func newNetwork(bridge, gateway string) *network {
	return &network{bridge: bridge, gateway: gateway, next: netip.MustParseAddr(firstPodAddress)}
}

// address takes the next one, in order. It comes round again only after the whole range (some 60,000 pods), so that
// nothing that still holds an old pod's address finds a new pod there.
func (n *network) address() netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := n.next
	n.next = taken.Next()
	for n.next.As4()[3] == 255 || n.next.As4()[3] == 0 {
		n.next = n.next.Next()
	}
	if n.next.As4()[1] != taken.As4()[1] {
		n.next = netip.MustParseAddr(firstPodAddress)
	}
	return taken
}

// sandbox is a pod's network. A sleeping process holds it, so that it outlives restarts of containers and vanishes
// with the node, however that ends.
type sandbox struct {
	address string
	holder  *exec.Cmd
}

func (n *network) open() (*sandbox, error) {
	address := n.address()
	holder := exec.Command("sleep", "infinity")
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := holder.Start(); err != nil {
		return nil, fmt.Errorf("cannot make a network namespace: %w", err)
	}
	s := &sandbox{address: address.String(), holder: holder}
	b := address.As4()
	link := fmt.Sprintf("pod%d-%d", b[2], b[3])
	// The hardware address follows from the IP address, so that no neighbour cache is ever wrong.
	hardware := fmt.Sprintf("0a:58:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
	outside := fmt.Sprintf("link add %s type veth peer name eth0 address %s netns %d\nlink set %s master %s up\n",
		link, hardware, holder.Process.Pid, link, n.bridge)
	inside := fmt.Sprintf("link set lo up\naddr add %s/%d dev eth0\nlink set eth0 up\nroute add default via %s\n",
		address, podPrefixBits, n.gateway)
	err := ipBatch(outside, "ip")
	if err == nil {
		err = ipBatch(inside, "nsenter", fmt.Sprintf("--net=%s", s.namespace()), "ip")
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("cannot set up the network of pod %s: %w", address, err)
	}
	return s, nil
}

// namespace is the file that names the network namespace, while the sandbox is open.
func (s *sandbox) namespace() string { return fmt.Sprintf("/proc/%d/ns/net", s.holder.Process.Pid) }

func (s *sandbox) close() {
	_ = s.holder.Process.Kill()
	_ = s.holder.Wait()
}

func ipBatch(lines string, command ...string) error {
	run := exec.Command(command[0], append(command[1:], "-batch", "-")...)
	run.Stdin = strings.NewReader(lines)
	var output bytes.Buffer
	run.Stdout, run.Stderr = &output, &output
	if err := run.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	return nil
}
