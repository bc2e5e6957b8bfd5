package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const followPeriod = 100 * time.Millisecond

// serveLogs answers `kubectl logs`: the API server passes the request on to the node.
func (k *kubelet) serveLogs(ctx context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.sendLog)
	server := &http.Server{Addr: net.JoinHostPort(k.address, strconv.Itoa(logPort)), Handler: mux}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServeTLS(k.certificate, k.key); err != http.ErrServerClosed {
		log.Printf("kubectl logs will not work: %v", err)
	}
}

func (k *kubelet) sendLog(w http.ResponseWriter, r *http.Request) {
	name := fmt.Sprintf("%s_%s_%s.log", r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container"))
	file, err := os.Open(filepath.Join(k.state, "pods", filepath.Base(name)))
	if err != nil {
		http.Error(w, "the container has not written anything yet", http.StatusNotFound)
		return
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if lines, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
		content = tail(content, lines)
	}
	_, _ = w.Write(content)
	if strings.EqualFold(r.URL.Query().Get("follow"), "true") {
		follow(r.Context(), w, file)
	}
}

func tail(content []byte, lines int) []byte {
	end := len(content)
	if end > 0 && content[end-1] == '\n' {
		end--
	}
	for ; lines > 0 && end >= 0; lines-- {
		end = bytes.LastIndexByte(content[:max(end, 0)], '\n')
	}
	return content[end+1:]
}

func follow(ctx context.Context, w http.ResponseWriter, file *os.File) {
	for pause(ctx, followPeriod) {
		if n, err := io.Copy(w, file); n == 0 && err != nil {
			return
		}
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
	}
}
