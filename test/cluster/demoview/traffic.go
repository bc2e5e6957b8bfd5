package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

const barCells = 40

// traffic is the load generator's last second, from its live file.
type traffic struct {
	Rate     int `json:"rate"`
	Versions map[string]struct {
		Requests   int     `json:"requests"`
		Share      float64 `json:"share"`
		Deliberate int     `json:"deliberate"`
		P99Ms      float64 `json:"p99Ms"`
	} `json:"versions"`
	Total       int `json:"total"`
	TotalFailed int `json:"totalFailed"`
}

// readTraffic returns nil while there is nothing to read.
func readTraffic(file string) *traffic {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	t := &traffic{}
	if json.Unmarshal(content, t) != nil {
		return nil
	}
	return t
}

func (t *traffic) names() []string {
	var names []string
	for name := range t.Versions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String is the last second in one line.
func (t *traffic) String() string {
	var shares []string
	for _, name := range t.names() {
		v := t.Versions[name]
		text := fmt.Sprintf("%s %.0f %%", name, 100*v.Share)
		if v.Deliberate > 0 {
			text += fmt.Sprintf(" (%d errors on purpose)", v.Deliberate)
		}
		shares = append(shares, text)
	}
	return fmt.Sprintf("%s of %d/s; so far %d requests, %d lost",
		strings.Join(shares, ", "), t.Rate, t.Total, t.TotalFailed)
}

// speaksUTF8 looks at the locale's variables in the order in which they count.
func speaksUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(os.Getenv(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}

// bars is the last second as a picture, a line for each version.
func (t *traffic) bars() string {
	if t == nil {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\033[1mTraffic as clients saw it\033[0m  %d requests in the last second\n", t.Rate)
	full, empty := "#", "."
	if speaksUTF8() {
		full, empty = "█", "░"
	}
	for _, name := range t.names() {
		v := t.Versions[name]
		percent := int(100*v.Share + 0.5)
		fmt.Fprintf(&out, "  %-4s %s %3d %%  p99 %4.0f ms", name, bar(percent, barCells, full, empty), percent, v.P99Ms)
		if v.Deliberate > 0 {
			fmt.Fprintf(&out, "  \033[31m%d errors\033[0m", v.Deliberate)
		}
		out.WriteByte('\n')
	}
	colour := "32"
	if t.TotalFailed > 0 {
		colour = "31"
	}
	fmt.Fprintf(&out, "  so far %d requests, \033[%sm%d lost\033[0m (failed, and not on purpose)\n", t.Total, colour,
		t.TotalFailed)
	return out.String()
}
