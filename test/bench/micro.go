package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// measureMicro runs the C++ benchmarks (weir-bench); a benchmark's name is the figure's, its argument comes last.
func measureMicro(f figures) error {
	binary := os.Getenv("WEIR_MICRO")
	command := exec.Command(binary, "--benchmark_format=json", "--benchmark_repetitions=3",
		"--benchmark_min_time=0.1", "--benchmark_report_aggregates_only")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", binary, err)
	}
	return readMicro(output, f)
}

func readMicro(output []byte, f figures) error {
	var answer struct {
		Benchmarks []struct {
			Name      string  `json:"run_name"`
			Aggregate string  `json:"aggregate_name"`
			CPU       float64 `json:"cpu_time"`
			Unit      string  `json:"time_unit"`
		}
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		return err
	}
	for _, b := range answer.Benchmarks {
		if b.Unit != "us" {
			return fmt.Errorf("%s is in %s: accepted is us", b.Name, b.Unit)
		}
		if b.Aggregate == "median" {
			f.set(microFigure(b.Name), b.CPU)
		}
	}
	return nil
}

// microFigure is the figure that "decision_us" or "virtualservice_edit_us/100" measures.
func microFigure(name string) string { return strings.ReplaceAll(name, "/", "_") }
