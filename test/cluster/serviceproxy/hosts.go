package serviceproxy

import (
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// Hosts stands in for cluster DNS: one hosts file a namespace, which pods see as /etc/hosts. Names of the own
// namespace are there in short form too. Files are rewritten in place, since pods hold them by a bind mount.
type Hosts struct {
	folder string

	mu       sync.Mutex
	services []*corev1.Service
	files    map[string]string // namespace -> content as written
}

// NewHosts keeps its files in folder, one named after each namespace that was asked for.
func NewHosts(folder string) *Hosts {
	return &Hosts{folder: folder, files: map[string]string{}}
}

// File returns the path of a namespace's hosts file, which is kept up to date from then on.
func (h *Hosts) File(namespace string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := os.MkdirAll(h.folder, 0o755); err != nil {
		return "", err
	}
	return h.path(namespace), h.writeFile(namespace)
}

func (h *Hosts) path(namespace string) string { return filepath.Join(h.folder, namespace) }

func (h *Hosts) write(services []*corev1.Service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sort.Slice(services, func(i, j int) bool {
		return services[i].Namespace+"/"+services[i].Name < services[j].Namespace+"/"+services[j].Name
	})
	h.services = services
	for namespace := range h.files {
		if err := h.writeFile(namespace); err != nil {
			log.Printf("cannot write the hosts of namespace %s: %v", namespace, err)
		}
	}
}

func (h *Hosts) writeFile(namespace string) error {
	content := h.content(namespace)
	if written, ok := h.files[namespace]; ok && written == content {
		return nil
	}
	if err := os.WriteFile(h.path(namespace), []byte(content), 0o644); err != nil {
		return err
	}
	h.files[namespace] = content
	return nil
}

func (h *Hosts) content(namespace string) string {
	var out strings.Builder
	out.WriteString("127.0.0.1 localhost\n")
	for _, service := range h.services {
		if net.ParseIP(service.Spec.ClusterIP) == nil {
			continue
		}
		name := service.Name + "." + service.Namespace
		fmt.Fprintf(&out, "%s %s.svc.cluster.local %s.svc %s", service.Spec.ClusterIP, name, name, name)
		if service.Namespace == namespace {
			out.WriteString(" " + service.Name)
		}
		out.WriteByte('\n')
	}
	return out.String()
}
