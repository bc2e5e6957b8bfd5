package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"strings"
)

// figures are all that was measured, by name, and what it was measured with, as text. They are merged into one file.
type figures map[string]any

func readFigures(path string) (figures, error) {
	f := figures{}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f figures) write(path string) error {
	f.derive()
	content, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// set keeps six digits; what could not be measured is left out.
func (f figures) set(name string, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		delete(f, name)
		return
	}
	var rounded float64
	_, _ = fmt.Sscan(fmt.Sprintf("%.6g", value), &rounded)
	f[name] = rounded
	log.Printf("%s = %v", name, rounded)
}

func (f figures) value(name string) (float64, bool) {
	value, ok := f[name].(float64)
	return value, ok
}

func (f figures) removePrefix(prefix string) {
	for name := range f {
		if strings.HasPrefix(name, prefix) {
			delete(f, name)
		}
	}
}

// growths are the figures of which it is said how they grow with the count that {} stands for.
var growths = []struct {
	name, figure string
	counts       []int
}{
	{"growth_exponent_idle_rss", "idle_rss_mb_{}", []int{100, 500, 1000, 5000}},
	{"growth_exponent_idle_cpu", "idle_cpu_ms_per_s_{}", []int{100, 500, 1000, 5000}},
	{"growth_exponent_ready", "start{}_ready_seconds", []int{500, 5000}},
	{"growth_exponent_burst_api_requests", "burst{}_api_requests", []int{200, 1000}},
	{"growth_exponent_burst_prometheus_queries", "burst{}_prometheus_queries", []int{200, 1000}},
	{"growth_exponent_burst_cpu", "burst{}_cpu_seconds", []int{200, 1000}},
	{"growth_exponent_burst_peak_rss", "burst{}_peak_rss_mb", []int{200, 1000}},
	{"growth_exponent_burst_step_lateness_p99", "burst{}_step_lateness_p99_ms", []int{200, 1000}},
	{"growth_exponent_virtualservice_edit", "virtualservice_edit_us_{}", []int{10, 100, 1000}},
	{"growth_exponent_plan", "plan_us_{}", []int{10, 150, 1500}},
	{"growth_exponent_plan_subsets", "plan_subsets_us_{}", []int{10, 150, 1500}},
	{"growth_exponent_plan_virtual_services", "plan_virtual_services_us_{}", []int{10, 150, 1500}},
}

func (f figures) derive() {
	for _, growth := range growths {
		var x, y []float64
		for _, n := range growth.counts {
			if value, ok := f.value(strings.ReplaceAll(growth.figure, "{}", fmt.Sprint(n))); ok {
				x, y = append(x, float64(n)), append(y, value)
			}
		}
		if e := exponent(x, y); !math.IsNaN(e) {
			f[growth.name] = math.Round(e*100) / 100
		}
	}
}
