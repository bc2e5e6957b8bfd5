package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	listen       = "10.77.0.1:9200" // of the operator
	stopDeadline = 15 * time.Second
	ticksASecond = 100 // of the kernel's clock in /proc (USER_HZ)
	// As the bench's own parts have it (test/cluster/bench): above whatever else the machine is at.
	priority = "-10"
)

// operator is the process that is measured.
type operator struct {
	command *exec.Cmd
	begun   time.Time
	ended   chan struct{} // closed at its end
	how     error         // it ended, from then on
}

func startOperator(commandLine, state string) (*operator, error) {
	binary := os.Getenv("WEIR_OPERATOR")
	words := strings.Fields(strings.NewReplacer("{operator}", binary, "{listen}", listen,
		"{kubeconfig}", filepath.Join(state, "certs/operator.kubeconfig"),
		"{prometheus}", os.Getenv("WEIR_BENCH_PROMETHEUS")).Replace(commandLine))
	if len(words) == 0 {
		return nil, errors.New("the operator's command is empty")
	}
	log, err := os.OpenFile(filepath.Join(state, "logs/operator.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	o := &operator{command: exec.Command(words[0], words[1:]...), ended: make(chan struct{})}
	o.command.Stdout, o.command.Stderr = log, log
	o.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	o.begun = time.Now()
	if err := o.command.Start(); err != nil {
		return nil, err
	}
	// The scheduler shares time among sessions first: its own one needs the priority as well. A kernel without that is fine.
	_ = os.WriteFile(o.proc("autogroup"), []byte(priority), 0)
	go func() {
		o.how = o.command.Wait()
		close(o.ended)
	}()
	return o, nil
}

// alive is an error once the operator has ended by itself.
func (o *operator) alive() error {
	select {
	case <-o.ended:
		return fmt.Errorf("the operator has ended (%v): see its log, operator.log", o.how)
	default:
		return nil
	}
}

func (o *operator) stop() error {
	if err := o.alive(); err != nil {
		return err
	}
	_ = o.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-o.ended:
		return nil
	case <-time.After(stopDeadline):
		_ = o.command.Process.Kill()
		return fmt.Errorf("the operator has not ended %s after SIGTERM", stopDeadline)
	}
}

func (o *operator) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(o.command.Process.Pid), file)
}

// cpu is what all threads have used since the start.
func (o *operator) cpu() (time.Duration, error) {
	content, err := os.ReadFile(o.proc("stat"))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(content))
}

// parseCPU adds utime and stime of /proc/PID/stat, whose second field may hold blanks.
func parseCPU(stat string) (time.Duration, error) {
	const utime, stime = 11, 12 // counted after the name
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= stime {
		return 0, fmt.Errorf("not a process' stat: %s", stat)
	}
	sum := 0
	for _, field := range []string{fields[utime], fields[stime]} {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		sum += ticks
	}
	return time.Duration(sum) * time.Second / ticksASecond, nil
}

// memory reads VmRSS and VmHWM, the most that VmRSS ever was, in MB of 2²⁰ bytes.
func (o *operator) memory() (resident, peak float64, err error) {
	content, err := os.ReadFile(o.proc("status"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(content)) {
		for name, into := range map[string]*float64{"VmRSS:": &resident, "VmHWM:": &peak} {
			if strings.HasPrefix(line, name) {
				if _, err := fmt.Sscanf(strings.TrimPrefix(line, name), "%f kB", into); err != nil {
					return 0, 0, err
				}
				*into /= 1024
			}
		}
	}
	return resident, peak, nil
}

// counter is the sum of a counter's series on the page; 0 if it has none.
func counter(page, name string, labels ...string) float64 {
	sum := 0.0
	for line := range strings.Lines(page) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		family, set, _ := strings.Cut(series, "{")
		if family != name {
			continue
		}
		matches := true
		for _, label := range labels {
			matches = matches && strings.Contains(set, label)
		}
		if number, err := strconv.ParseFloat(value, 64); err == nil && matches {
			sum += number
		}
	}
	return sum
}
