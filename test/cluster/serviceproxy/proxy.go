// Package serviceproxy gives every Service of the bench its cluster address, in user space.
//
// Each ClusterIP becomes an address of the loopback device, and each TCP port of the Service listens there and forwards
// a connection to one ready endpoint at random. A port without an endpoint does not listen: a client is refused, as
// kube-proxy has it. As there, a connection stays with its endpoint for life.
package serviceproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	device      = "lo"
	dialTimeout = 3 * time.Second
)

// Proxy follows Services and EndpointSlices. Only Run's goroutine changes the table of listeners.
type Proxy struct {
	services  corelisters.ServiceLister
	slices    discoverylisters.EndpointSliceLister
	hosts     *Hosts
	changed   chan struct{}
	listeners map[string]*listener // by "address:port"
	addresses map[string]bool      // that this proxy put on the device
}

// New has the factory's informers followed. Start the factory afterwards, then Run.
func New(factory informers.SharedInformerFactory, hosts *Hosts) *Proxy {
	p := &Proxy{
		services:  factory.Core().V1().Services().Lister(),
		slices:    factory.Discovery().V1().EndpointSlices().Lister(),
		hosts:     hosts,
		changed:   make(chan struct{}, 1),
		listeners: map[string]*listener{},
		addresses: map[string]bool{},
	}
	touch := func() {
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { touch() },
		UpdateFunc: func(any, any) { touch() },
		DeleteFunc: func(any) { touch() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Services().Informer(), factory.Discovery().V1().EndpointSlices().Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			log.Fatalf("cannot watch Services: %v", err)
		}
	}
	return p
}

// Run serves until the context ends.
func (p *Proxy) Run(ctx context.Context) {
	for {
		p.reconcile()
		select {
		case <-ctx.Done():
			for _, l := range p.listeners {
				l.close()
			}
			return
		case <-p.changed:
		}
	}
}

// reconcile brings addresses, listeners and hosts files to what the caches say.
func (p *Proxy) reconcile() {
	services, err := p.services.List(labels.Everything())
	if err != nil {
		log.Printf("cannot list Services: %v", err)
		return
	}
	wanted := map[string][]string{}
	inUse := map[string]bool{}
	for _, service := range services {
		address := service.Spec.ClusterIP
		if net.ParseIP(address) == nil {
			continue
		}
		inUse[address] = true
		p.addAddress(address)
		for _, port := range service.Spec.Ports {
			if port.Protocol != corev1.ProtocolTCP && port.Protocol != "" {
				continue
			}
			if endpoints := p.endpoints(service, port.Name); len(endpoints) > 0 {
				wanted[net.JoinHostPort(address, strconv.Itoa(int(port.Port)))] = endpoints
			}
		}
	}
	p.listen(wanted)
	for address := range p.addresses {
		if !inUse[address] {
			_ = exec.Command("ip", "addr", "del", address+"/32", "dev", device).Run()
			delete(p.addresses, address)
		}
	}
	p.hosts.write(services)
}

func (p *Proxy) addAddress(address string) {
	if p.addresses[address] {
		return
	}
	output, err := exec.Command("ip", "addr", "replace", address+"/32", "dev", device).CombinedOutput()
	if err != nil {
		log.Printf("cannot add address %s: %v: %s", address, err, output)
		return
	}
	p.addresses[address] = true
}

// endpoints of one port: those that are ready; if none is, those that still serve while they end.
func (p *Proxy) endpoints(service *corev1.Service, portName string) []string {
	selector := labels.Set{discoveryv1.LabelServiceName: service.Name}.AsSelector()
	slices, err := p.slices.EndpointSlices(service.Namespace).List(selector)
	if err != nil {
		return nil
	}
	var ready, serving []string
	for _, slice := range slices {
		port := slicePort(slice, portName)
		if port == "" {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			target := net.JoinHostPort(endpoint.Addresses[0], port)
			switch conditions := endpoint.Conditions; {
			case conditions.Ready == nil || *conditions.Ready:
				ready = append(ready, target)
			case conditions.Serving != nil && *conditions.Serving:
				serving = append(serving, target)
			}
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return serving
}

func slicePort(slice *discoveryv1.EndpointSlice, name string) string {
	for _, port := range slice.Ports {
		if port.Port != nil && (port.Name == nil && name == "" || port.Name != nil && *port.Name == name) {
			return strconv.Itoa(int(*port.Port))
		}
	}
	return ""
}

func (p *Proxy) listen(wanted map[string][]string) {
	for at, l := range p.listeners {
		if wanted[at] == nil {
			l.close()
			delete(p.listeners, at)
		}
	}
	for at, endpoints := range wanted {
		if l := p.listeners[at]; l != nil {
			l.point(endpoints)
			continue
		}
		socket, err := net.Listen("tcp", at)
		if err != nil {
			log.Printf("cannot listen for a Service: %v", err)
			continue
		}
		l := &listener{socket: socket, endpoints: endpoints}
		p.listeners[at] = l
		go l.serve()
	}
}

// listener forwards the connections of one port of one Service.
type listener struct {
	socket    net.Listener
	mu        sync.Mutex
	endpoints []string
}

func (l *listener) point(endpoints []string) {
	l.mu.Lock()
	l.endpoints = endpoints
	l.mu.Unlock()
}

func (l *listener) pick() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.endpoints[rand.IntN(len(l.endpoints))]
}

func (l *listener) close() { _ = l.socket.Close() }

func (l *listener) serve() {
	for {
		client, err := l.socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go l.forward(client.(*net.TCPConn))
		}
	}
}

func (l *listener) forward(client *net.TCPConn) {
	defer client.Close()
	connection, err := net.DialTimeout("tcp", l.pick(), dialTimeout)
	if err != nil {
		_ = client.SetLinger(0) // The client sees a reset, as it would from the endpoint's side.
		return
	}
	endpoint := connection.(*net.TCPConn)
	defer endpoint.Close()
	done := make(chan error, 2)
	go func() { done <- copyHalf(endpoint, client) }()
	go func() { done <- copyHalf(client, endpoint) }()
	for range 2 {
		if err := <-done; err != nil {
			if errors.Is(err, syscall.ECONNRESET) {
				_ = client.SetLinger(0)
				_ = endpoint.SetLinger(0)
			}
			return
		}
	}
}

// copyHalf passes one direction on, its end included.
func copyHalf(to, from *net.TCPConn) error {
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return to.CloseWrite()
}
