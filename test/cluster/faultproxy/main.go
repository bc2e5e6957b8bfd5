// faultproxy stands between the operator and kube-apiserver and does to requests what networks and servers do: delays
// and resets, answers that never come, refusals, watches that end or lag behind. It can also hold a write of a release
// just before or just after the server applies it, so that a test can end the operator exactly there.
//
// It passes credentials through. What it does is set over a port of its own: package control.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const headerTimeout = 10 * time.Second

func main() {
	listen := flag.String("listen", "10.77.0.1:6444", "where the operator asks")
	controls := flag.String("control", "10.77.0.1:6445", "where tests ask")
	server := flag.String("server", "https://10.77.0.1:6443", "the API server")
	authority := flag.String("ca", "", "certificate of the API server's authority")
	certificate := flag.String("cert", "", "serving certificate")
	key := flag.String("key", "", "key of the serving certificate")
	flag.Parse()
	log.SetFlags(log.Ltime | log.Lmicroseconds)

	upstream, err := url.Parse(*server)
	if err != nil {
		log.Fatalf("-server: %v", err)
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(*authority); err != nil || !roots.AppendCertsFromPEM(pem) {
		log.Fatalf("-ca %q holds no certificate: %v", *authority, err)
	}
	p := newProxy(upstream, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// One request a connection at a time (HTTP/1.1): to reset a connection is to reset one request.
	quiet := log.New(io.Discard, "", 0)
	front := &http.Server{Addr: *listen, Handler: p, ReadHeaderTimeout: headerTimeout, ErrorLog: quiet,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	back := &http.Server{Addr: *controls, Handler: p.controls(), ReadHeaderTimeout: headerTimeout}
	go serve(func() error { return front.ListenAndServeTLS(*certificate, *key) })
	go serve(back.ListenAndServe)
	log.Printf("between %s and %s, told what to do on %s", *listen, *server, *controls)
	<-ctx.Done()
	_ = front.Close()
	_ = back.Close()
}

func serve(listen func() error) {
	if err := listen(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
