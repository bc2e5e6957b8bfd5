package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const sequential = "sequential"

// profile is how an operator is run and its releases are read: profile.yaml of a folder, beside the objects of a release.
//
//	service.yaml     what is there before a release
//	release.yaml     what starts it
//	sequential.yaml  what starts one that is judged by evidence
//	idle.yaml        what a release that is over has left, with its status
//	waiting.yaml     a release that cannot begin yet, with what is there of it
//
// Without sequential.yaml no release is. Without idle.yaml the operator itself makes of service.yaml what rests; without waiting.yaml nothing waits.
type profile struct {
	Command     string
	Definitions string // folder of CRDs, from that of the profile
	Ready       string // path that answers 200; empty: the operator is ready when it has stopped asking for things
	Rounds      string // counter of the operator's /metrics that rises as it looks at a release; empty: there is none
	Release     struct{ Group, Version, Resource string }
	Before      string // phase of a release that can be started; empty: there is nothing of it before
	Promoted    struct{ Condition, Phase string }
	Resting     []string // phases
	Stable      string   // names of workloads
	Candidate   string
	StepSeconds float64
	PlanSeconds float64

	folder string
	sets   map[string]manifest
}

// judged is the sets that start a release, by how it is judged.
func (p *profile) judged() []string {
	if p.sets[sequential] == nil {
		return []string{"release"}
	}
	return []string{"release", sequential}
}

// manifest is the objects of one file, as JSON with {name} in them.
type manifest [][]byte

func loadProfile(folder string) (*profile, error) {
	p := &profile{folder: folder, sets: map[string]manifest{}}
	documents, err := readYAML(filepath.Join(folder, "profile.yaml"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(documents[0], p); err != nil {
		return nil, err
	}
	for _, name := range []string{"service", "release", sequential, "idle", "waiting"} {
		p.sets[name], err = readYAML(filepath.Join(folder, name+".yaml"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return p, nil
}

// readYAML reads the documents of a file as JSON.
func readYAML(path string) (manifest, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var documents manifest
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096); ; {
		var document map[string]any
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case len(document) > 0:
			text, err := json.Marshal(document)
			if err != nil {
				return nil, err
			}
			documents = append(documents, text)
		}
	}
}

func named(template, name string) string { return strings.ReplaceAll(template, "{name}", name) }

func (m manifest) render(name string) manifest {
	rendered := make(manifest, 0, len(m))
	for _, object := range m {
		rendered = append(rendered, bytes.ReplaceAll(object, []byte("{name}"), []byte(name)))
	}
	return rendered
}

func (p *profile) resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: p.Release.Group, Version: p.Release.Version, Resource: p.Release.Resource}
}

func (p *profile) step() time.Duration { return time.Duration(p.StepSeconds * float64(time.Second)) }

func (p *profile) isPromoted(w statusWrite) bool {
	if p.Promoted.Condition != "" {
		return w.Conditions[p.Promoted.Condition] == "True"
	}
	return w.Phase == p.Promoted.Phase
}

func (p *profile) isResting(w statusWrite) bool { return slices.Contains(p.Resting, w.Phase) }
