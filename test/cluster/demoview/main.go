// demoview shows one release and its traffic until the release is over.
//
// On a terminal it redraws one screen: what the load generator saw in the last second, and below it what
// `kubectl weir status` says. Otherwise it prints a line whenever something changes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	period       = 500 * time.Millisecond
	linePeriod   = 3 * time.Second // of traffic lines while nothing else changes
	queryTimeout = 5 * time.Second
)

var (
	canaries = schema.GroupVersionResource{Group: "weir.dev", Version: "v1alpha1", Resource: "canaries"}
	events   = schema.GroupVersionResource{Version: "v1", Resource: "events"}
)

type view struct {
	client    dynamic.Interface
	namespace string
	name      string
	live      string
	title     string
	began     time.Time
}

// picture is what is to be shown at one moment.
type picture struct {
	canary  *unstructured.Unstructured
	events  []unstructured.Unstructured
	traffic *traffic
}

func main() {
	v := view{began: time.Now()}
	var expected string
	var limit time.Duration
	flag.StringVar(&v.namespace, "namespace", "shop", "namespace of the Canary")
	flag.StringVar(&v.name, "canary", "", "name of the Canary")
	flag.StringVar(&v.live, "live", "", "file that the load generator rewrites each second")
	flag.StringVar(&v.title, "title", "", "shown above")
	flag.StringVar(&expected, "expect", "Succeeded", "phase in which the release has to end; any other is a failure")
	flag.DurationVar(&limit, "limit", 2*time.Minute, "how long to wait for the end")
	flag.Parse()
	log.SetFlags(0)
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		log.Fatal(err)
	}
	v.client = dynamic.NewForConfigOrDie(config)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	var show shower = &lines{v: &v}
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" {
		show = &screen{v: &v}
	}
	phase := v.follow(ctx, show)
	if phase != expected {
		log.Fatalf("the release of %s is %s instead of %s", v.name, phase, expected)
	}
}

// shower puts a picture before people's eyes; `last` is the one that stays.
type shower interface{ show(p picture, last bool) }

// follow shows the release until it is over or the context ends, and returns its phase.
func (v *view) follow(ctx context.Context, show shower) string {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	phase := "not seen"
	for {
		p, err := v.look(ctx)
		if err == nil {
			phase = textAt(p.canary, "status", "phase")
			last := phase == "Succeeded" || phase == "Failed"
			show.show(p, last)
			if last {
				return phase
			}
		}
		select {
		case <-ctx.Done():
			return phase
		case <-ticker.C:
		}
	}
}

func (v *view) look(ctx context.Context) (picture, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	p := picture{traffic: readTraffic(v.live)}
	var err error
	if p.canary, err = v.client.Resource(canaries).Namespace(v.namespace).Get(ctx, v.name, metav1.GetOptions{}); err != nil {
		return p, err
	}
	list, err := v.client.Resource(events).Namespace(v.namespace).List(ctx,
		metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(p.canary.GetUID())})
	if err == nil {
		p.events = list.Items
	}
	return p, err
}

func textAt(o *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

func numberAt(o *unstructured.Unstructured, path ...string) int {
	value, _, _ := unstructured.NestedInt64(o.Object, path...)
	return int(value)
}

// screen redraws the terminal from its upper left corner.
type screen struct {
	v     *view
	drawn bool
}

func (s *screen) show(p picture, last bool) {
	status, err := exec.Command("kubectl-weir", "status", s.v.name, "-n", s.v.namespace).Output()
	if err != nil {
		return
	}
	text := fmt.Sprintf("\033[1m%s\033[0m   %.0f s\n%s\n%s", s.v.title, time.Since(s.v.began).Seconds(), p.traffic.bars(),
		paint(string(status)))
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	// A line more than the screen has would move all of it up; the last picture may.
	if rows := height(); !last && len(lines) >= rows {
		lines = lines[:rows-1]
	}
	if !s.drawn {
		fmt.Print("\033[2J")
		s.drawn = true
	}
	// Each line may be shorter than the one that was there before.
	fmt.Print("\033[H" + strings.Join(lines, "\033[K\n") + "\033[K\n\033[J")
}

// height of the terminal in lines.
func height() int {
	const usual = 24
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Row == 0 {
		return usual
	}
	return int(size.Row)
}

var paints = strings.NewReplacer(
	"Succeeded", "\033[1;32mSucceeded\033[0m", "Failed,", "\033[1;31mFailed\033[0m,", "RollingBack", "\033[1;31mRollingBack\033[0m",
	"Progressing", "\033[1;36mProgressing\033[0m", "Promoting", "\033[1;36mPromoting\033[0m",
	"CheckFailed", "\033[33mCheckFailed\033[0m", "Pass (", "\033[32mPass\033[0m (", "Fail (", "\033[31mFail\033[0m (",
)

// paint gives the words that matter a colour; the status itself comes without, since it is read through a pipe.
func paint(status string) string { return paints.Replace(status) }

// lines prints what has changed since the last picture.
type lines struct {
	v          *view
	said       string
	seenEvents map[string]bool
	traffic    time.Time
}

func (l *lines) show(p picture, last bool) {
	at := func() string { return fmt.Sprintf("%5.1f s ", time.Since(l.v.began).Seconds()) }
	if l.seenEvents == nil {
		l.seenEvents = map[string]bool{}
		fmt.Println(l.v.title)
	}
	for i := range p.events {
		o := &p.events[i]
		if key := o.GetName() + textAt(o, "message"); !l.seenEvents[key] {
			l.seenEvents[key] = true
			fmt.Printf("%s event    %-7s %s: %s\n", at(), textAt(o, "type"), textAt(o, "reason"), textAt(o, "message"))
		}
	}
	said := release(p.canary)
	if said != l.said {
		l.said = said
		fmt.Printf("%s release  %s\n", at(), said)
	}
	if p.traffic != nil && (time.Since(l.traffic) > linePeriod || last) {
		l.traffic = time.Now()
		fmt.Printf("%s traffic  %s\n", at(), p.traffic)
	}
}

// release is the Canary in one line: phase, weight, and the last interval's checks with their ranges.
func release(canary *unstructured.Unstructured) string {
	weight := numberAt(canary, "status", "canaryWeight")
	text := fmt.Sprintf("%-12s [%s] %3d %%", textAt(canary, "status", "phase"), bar(weight, 20, "#", "."), weight)
	if step := textAt(canary, "status", "step"); step != "" {
		text += " step " + step
	}
	checks, _, _ := unstructured.NestedSlice(canary.Object, "status", "checks")
	for _, entry := range checks {
		check, _ := entry.(map[string]any)
		text += fmt.Sprintf("  %v %s %s (%v)", check["name"], value(check["value"]), rangeOf(check["range"]), check["verdict"])
	}
	return text
}

func value(v any) string {
	switch number := v.(type) {
	case float64:
		return fmt.Sprintf("%.2f", number)
	case int64:
		return fmt.Sprint(number)
	}
	return "no data"
}

func rangeOf(v any) string {
	var limits []string
	r, _ := v.(map[string]any)
	if min, ok := r["min"]; ok {
		limits = append(limits, "at least "+value(min))
	}
	if max, ok := r["max"]; ok {
		limits = append(limits, "at most "+value(max))
	}
	return strings.Join(limits, ", ")
}

// bar draws a share in per cent; any share but none has a cell, any but all lacks one.
func bar(percent, cells int, full, empty string) string {
	filled := (percent*cells + 50) / 100
	if percent > 0 && percent < 100 {
		filled = min(max(filled, 1), cells-1)
	}
	return strings.Repeat(full, filled) + strings.Repeat(empty, cells-filled)
}
