package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// request is one line of the API server's audit log: what the operator asked for, and what it was answered.
type request struct {
	Verb      string
	ObjectRef struct{ Resource, Subresource, Name string }
	Received  time.Time          `json:"requestReceivedTimestamp"`
	Answered  time.Time          `json:"stageTimestamp"`
	Status    struct{ Code int } `json:"responseStatus"`
	Object    json.RawMessage    `json:"responseObject"` // of routes and releases
}

func (r request) succeeded() bool { return r.Status.Code/100 == 2 }

// what names the request for counting: verb, resource and subresource.
func (r request) what() string {
	name := r.Verb + "_" + r.ObjectRef.Resource
	if r.ObjectRef.Subresource != "" {
		name += "_" + r.ObjectRef.Subresource
	}
	return name
}

// auditLog reads the growing file that the API server writes, each line once.
type auditLog struct {
	path   string
	offset int64
}

// skip leaves out all that is there by now.
func (l *auditLog) skip() error {
	info, err := os.Stat(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l.offset = info.Size()
	return nil
}

// next is what has been written since.
func (l *auditLog) next() ([]request, error) {
	file, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(l.offset, io.SeekStart); err != nil {
		return nil, err
	}
	requests, length, err := parseAudit(file)
	l.offset += length
	return requests, err
}

// parseAudit reads whole lines, and answers how long they are; one that is still being written is left out.
func parseAudit(from io.Reader) (requests []request, length int64, err error) {
	reader := bufio.NewReaderSize(from, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return requests, length, nil
		}
		if err != nil {
			return requests, length, err
		}
		length += int64(len(line))
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return requests, length, fmt.Errorf("audit log: %w", err)
		}
		requests = append(requests, r)
	}
}

// count is how many requests there were by what they were. Renewals of Leases are counted apart: they are the price of not
// being alone, and the same for one release and for thousands.
func count(requests []request) (by map[string]int, total, leases int) {
	by = map[string]int{}
	for _, r := range requests {
		if r.ObjectRef.Resource == "leases" {
			leases++
			continue
		}
		by[r.what()]++
		total++
	}
	return by, total, leases
}

// routeWrite is one change of a VirtualService: the candidate's weight of its first route from then on.
type routeWrite struct {
	Weight   int
	Answered time.Time
}

// routeWrites are by the name of the VirtualService, in the order of the log.
func routeWrites(requests []request) map[string][]routeWrite {
	writes := map[string][]routeWrite{}
	for _, r := range requests {
		if r.ObjectRef.Resource != "virtualservices" || !r.succeeded() || r.Object == nil {
			continue
		}
		writes[r.ObjectRef.Name] = append(writes[r.ObjectRef.Name], routeWrite{candidateWeight(r.Object), r.Answered})
	}
	return writes
}

// candidateWeight is that of the second destination, which Weir and Flagger both give the candidate; 0 where there is none.
func candidateWeight(virtualService []byte) int {
	var object struct {
		Spec struct {
			HTTP []struct {
				Route []struct{ Weight int }
			}
		}
	}
	if json.Unmarshal(virtualService, &object) != nil || len(object.Spec.HTTP) == 0 || len(object.Spec.HTTP[0].Route) < 2 {
		return 0
	}
	return object.Spec.HTTP[0].Route[1].Weight
}

// lateness is how many milliseconds later than planned each step of one release came, after the step before it.
func lateness(writes []routeWrite, step time.Duration) []float64 {
	var late []float64
	for i := 1; i < len(writes); i++ {
		before, now := writes[i-1], writes[i]
		if before.Weight > 0 && now.Weight > before.Weight {
			late = append(late, milliseconds(now.Answered.Sub(before.Answered)-step))
		}
	}
	return late
}

// statusWrite is one change of a release's status.
type statusWrite struct {
	Release            string
	Phase              string
	Conditions         map[string]string
	Received, Answered time.Time
}

func statusWrites(requests []request, resource string) []statusWrite {
	var writes []statusWrite
	for _, r := range requests {
		if r.ObjectRef.Resource != resource || r.ObjectRef.Subresource != "status" || !r.succeeded() {
			continue
		}
		var object struct {
			Status struct {
				Phase      string
				Conditions []struct{ Type, Status string }
			}
		}
		if json.Unmarshal(r.Object, &object) != nil {
			continue
		}
		write := statusWrite{r.ObjectRef.Name, object.Status.Phase, map[string]string{}, r.Received, r.Answered}
		for _, c := range object.Status.Conditions {
			write.Conditions[c.Type] = c.Status
		}
		writes = append(writes, write)
	}
	return writes
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
