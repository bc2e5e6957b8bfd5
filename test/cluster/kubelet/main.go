// kubelet runs the pods of the bench as plain processes.
//
// It is one node's kubelet, the scheduler and the service proxy at once: it binds every pending pod to its node, gives
// the pod a network namespace with an address of its own, runs each container's image (looked up in a table of
// binaries) as a local process, probes it, restarts it, and reports the pod's status as a real kubelet would.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"

	"weir.dev/test/cluster/serviceproxy"
)

// settings are what the command line says; they do not change while the process runs.
type settings struct {
	node         string
	address      string // of the node: the bridge's address, where this process serves logs
	bridge       string
	state        string // folder for logs, pid files, volumes and hosts files
	images       string // file: JSON object from image name to binary
	service      string // address of the API server that containers are told
	tokenRefresh time.Duration
	backoffFirst time.Duration
	backoffMax   time.Duration
	certificate  string // serving certificate of the log endpoint; empty: no endpoint
	key          string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == containerCommand {
		enterContainer()
	}
	var s settings
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig with the rights of a node, a scheduler and a proxy")
	flag.StringVar(&s.node, "node", "bench", "name of the node")
	flag.StringVar(&s.address, "address", "10.77.0.1", "address of the node on the bridge")
	flag.StringVar(&s.bridge, "bridge", "weir0", "bridge that joins the pods")
	flag.StringVar(&s.state, "state", "", "folder for pods' logs, pid files and volumes")
	flag.StringVar(&s.images, "images", "", "JSON file: image name without registry and tag -> binary")
	flag.StringVar(&s.service, "api-service", "10.96.0.1", "address of the Service kubernetes, told to containers")
	flag.DurationVar(&s.tokenRefresh, "token-refresh", 0, "renew ServiceAccount tokens this often (0: at 80 % of their life)")
	flag.DurationVar(&s.backoffFirst, "backoff", time.Second, "wait before the second restart of a container; doubles")
	flag.DurationVar(&s.backoffMax, "backoff-max", 20*time.Second, "longest wait before a restart")
	flag.StringVar(&s.certificate, "cert", "", "serving certificate of the log endpoint")
	flag.StringVar(&s.key, "key", "", "key of the serving certificate")
	flag.Parse()
	log.SetFlags(log.Ltime | log.Lmicroseconds)

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatalf("cannot read kubeconfig %s: %v", *kubeconfig, err)
	}
	config.QPS, config.Burst = 500, 1000
	client := kubernetes.NewForConfigOrDie(config)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	events := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: s.node})

	hosts := serviceproxy.NewHosts(s.state + "/hosts")
	k := newKubelet(s, client, events, hosts)
	factory := informers.NewSharedInformerFactory(client, 0)
	proxy := serviceproxy.New(factory, hosts)
	k.watch(factory)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	go proxy.Run(ctx)
	go k.keepNode(ctx)
	if s.certificate != "" {
		go k.serveLogs(ctx)
	}
	log.Printf("node %s is up", s.node)
	<-ctx.Done()
	k.endAll()
}
