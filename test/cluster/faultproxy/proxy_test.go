package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"weir.dev/test/cluster/faultproxy/control"
)

const limit = 5 * time.Second

// server is an API server that remembers what reached it, and the proxy before it.
type server struct {
	t       *testing.T
	proxy   *proxy
	front   string // URL
	control control.Client
	client  *http.Client

	mu      sync.Mutex
	reached []string
	events  chan string
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, events: make(chan string)}
	upstream := httptest.NewTLSServer(s)
	t.Cleanup(upstream.Close)
	at, _ := url.Parse(upstream.URL)
	roots := x509.NewCertPool()
	roots.AddCert(upstream.Certificate())
	s.proxy = newProxy(at, &tls.Config{RootCAs: roots})
	front := httptest.NewTLSServer(s.proxy)
	t.Cleanup(front.Close)
	controls := httptest.NewServer(s.proxy.controls())
	t.Cleanup(controls.Close)
	s.front, s.client, s.control = front.URL, front.Client(), control.Client{URL: controls.URL}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.reached = append(s.reached, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Authorization"), body))
	s.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	if r.URL.Query().Get("watch") != "true" {
		_, _ = io.WriteString(w, "applied")
		return
	}
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case event := <-s.events:
			_, _ = io.WriteString(w, event+"\n")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (s *server) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.reached...)
}

// ask returns "STATUS BODY", or "reset" when the connection was.
func (s *server) ask(method, path string) string {
	request, _ := http.NewRequest(method, s.front+path, strings.NewReader("x"))
	request.Header.Set("Authorization", "Bearer secret")
	request.GetBody = nil // The client must not try again by itself.
	response, err := s.client.Do(request)
	if err != nil {
		return "reset"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "reset"
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

func (s *server) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) await(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("not yet %s", what)
		}
	}
}

const service = "/api/v1/namespaces/shop/services/checkout"

func TestCredentialsAndBodiesPassThrough(t *testing.T) {
	s := start(t)
	if got := s.ask("PATCH", service); got != "200 applied" {
		t.Errorf("answer %q", got)
	}
	if got := s.seen(); len(got) != 1 || got[0] != "PATCH "+service+" Bearer secret x" {
		t.Errorf("the server saw %q", got)
	}
}

func TestEachFaultIsWhatItsNameSays(t *testing.T) {
	for kind, want := range map[control.Kind]struct {
		answer  string // its start
		reaches int
	}{
		control.Delay:        {"200 applied", 1},
		control.ResetBefore:  {"reset", 0},
		control.ResetAfter:   {"reset", 1},
		control.TooMany:      {"429 ", 0},
		control.ErrorAfter:   {"500 ", 1},
		control.TimeoutAfter: {"504 ", 1},
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := start(t)
			s.do(s.control.SetFaults(control.Faults{Chance: map[control.Kind]float64{kind: 1}, MaxDelay: time.Millisecond}))
			if got := s.ask("POST", service); !strings.HasPrefix(got, want.answer) {
				t.Errorf("answer %q", got)
			}
			if got := s.seen(); len(got) != want.reaches {
				t.Errorf("the server saw %q", got)
			}
			state, err := s.control.State()
			s.do(err)
			if state.Faults[kind] != 1 || state.Requests != 1 {
				t.Errorf("state %+v", state)
			}
		})
	}
}

func TestChancesThatAreNoneAreRefused(t *testing.T) {
	s := start(t)
	for _, chance := range []map[control.Kind]float64{{"unheard-of": 0.1}, {control.Delay: -0.1}, {control.Delay: 0.6, control.TooMany: 0.6}} {
		if err := s.control.SetFaults(control.Faults{Chance: chance}); err == nil {
			t.Errorf("%v was accepted", chance)
		}
	}
}

// hold makes writes until one of them is held, whose client it returns a way to end.
func (s *server) hold(run control.Run) (abandon func()) {
	s.t.Helper()
	s.do(s.control.SetRuns([]control.Run{run}))
	for range run.Stop - 1 {
		s.ask("PATCH", service)
	}
	// What is not counted: reads, other namespaces, Events, Leases.
	s.ask("GET", service)
	s.ask("PATCH", "/api/v1/namespaces/other/services/checkout")
	s.ask("POST", "/api/v1/namespaces/shop/events")
	s.ask("PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/weir")
	done := make(chan string, 1)
	go func() { done <- s.ask("PATCH", service+"/status") }()
	s.await("held", func() bool { return s.progress().Held })
	select {
	case got := <-done:
		s.t.Errorf("the held write was answered: %q", got)
	default:
	}
	return func() {
		s.do(s.control.SetRuns(nil))
		if got := <-done; got != "reset" {
			s.t.Errorf("the held write was answered: %q", got)
		}
	}
}

func (s *server) progress() control.Progress {
	s.t.Helper()
	runs, err := s.control.Runs()
	s.do(err)
	if len(runs) != 1 {
		s.t.Fatalf("%d runs", len(runs))
	}
	return runs[0]
}

func (s *server) count(request string) int {
	found := 0
	for _, line := range s.seen() {
		if strings.HasPrefix(line, request+" ") {
			found++
		}
	}
	return found
}

func TestAWriteHeldBeforeNeverReachesTheServer(t *testing.T) {
	s := start(t)
	abandon := s.hold(control.Run{Namespace: "shop", Stop: 3})
	if got := len(s.progress().Writes); got != 3 {
		t.Errorf("%d writes counted", got)
	}
	abandon()
	if got := s.count("PATCH " + service + "/status"); got != 0 {
		t.Errorf("the held write reached the server %d times", got)
	}
}

func TestAWriteHeldAfterIsAppliedOnce(t *testing.T) {
	s := start(t)
	abandon := s.hold(control.Run{Namespace: "shop", Stop: 2, After: true})
	if got := s.progress().Writes[1]; got.Status != 200 || got.Path != service+"/status" || got.Method != "PATCH" {
		t.Errorf("the held write is %+v", got)
	}
	abandon()
	if got := s.count("PATCH " + service + "/status"); got != 1 {
		t.Errorf("the held write reached the server %d times", got)
	}
}

func TestAHeldWriteThatIsGivenUpAndTriedAgainIsHeldAgain(t *testing.T) {
	for _, after := range []bool{false, true} {
		s := start(t)
		s.do(s.control.SetRuns([]control.Run{{Namespace: "shop", Stop: 1, After: after}}))
		impatient := *s.client
		impatient.Timeout = 100 * time.Millisecond
		for tries := 1; tries <= 2; tries++ {
			request, _ := http.NewRequest("PATCH", s.front+service, strings.NewReader("x"))
			if _, err := impatient.Do(request); err == nil {
				t.Error("the held write was answered")
			}
			s.await("told", func() bool { return s.progress().Tries == tries })
		}
		want := 0
		if after {
			want = 1
		}
		if got := s.count("PATCH " + service); got != want {
			t.Errorf("with after %v the server saw %d writes instead of %d", after, got, want)
		}
	}
}

// stream opens a watch.
func (s *server) stream() *bufio.Reader {
	s.t.Helper()
	response, err := s.client.Get(s.front + "/api/v1/services?watch=true")
	s.do(err)
	s.t.Cleanup(func() { _ = response.Body.Close() })
	return bufio.NewReader(response.Body)
}

func TestEventsOfAWatchComeAtOnceOrLate(t *testing.T) {
	s := start(t)
	watch := s.stream()
	for _, lag := range []time.Duration{0, 150 * time.Millisecond} {
		s.do(s.control.SetFaults(control.Faults{WatchLag: lag}))
		began := time.Now()
		s.events <- "added"
		line, err := watch.ReadString('\n')
		if took := time.Since(began); line != "added\n" || err != nil || took < lag {
			t.Errorf("with a lag of %s: %q (%v) after %s", lag, line, err, took)
		}
	}
}

func TestDroppedWatchesEnd(t *testing.T) {
	s := start(t)
	watch := s.stream()
	s.await("open", func() bool { state, _ := s.control.State(); return state.Watches == 1 })
	s.do(s.control.DropWatches())
	if _, err := watch.ReadString('\n'); err == nil || err == io.EOF {
		t.Errorf("the watch ended by %v, not by a reset", err)
	}
	s.await("gone", func() bool { state, _ := s.control.State(); return state.Watches == 0 })
	state, _ := s.control.State()
	if state.Faults[control.WatchDropped] != 1 {
		t.Errorf("state %+v", state)
	}
}
