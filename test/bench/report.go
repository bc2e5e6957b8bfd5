package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed page.md
var page string

// report writes the page, and the plot beside it.
func (f figures) report(path string) error {
	plot := strings.TrimSuffix(path, ".md") + ".svg"
	if err := os.WriteFile(plot, []byte(f.plot()), 0o644); err != nil {
		return err
	}
	parsed, err := template.New("page").Funcs(template.FuncMap{
		"figure":   f.text,
		"share":    f.share,
		"requests": f.requests,
		"name":     func(format string, n int) string { return strings.ReplaceAll(format, "{}", strconv.Itoa(n)) },
		"counts":   func() []int { return idleCounts },
		"growths":  func() []string { return growthNames() },
		"plot":     func() string { return filepath.Base(plot) },
	}).Parse(page)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := parsed.Execute(&text, f); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

// text is a figure as people read it; "–" if it was not measured.
func (f figures) text(name string) string {
	switch value := f[name].(type) {
	case string:
		return value
	case float64:
		digits := 0
		if value < 100 {
			digits = 1
		}
		if value < 10 {
			digits = 2
		}
		text := strconv.FormatFloat(value, 'f', digits, 64)
		if digits > 0 {
			text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
		return grouped(text)
	}
	return "–"
}

// grouped puts commas between thousands of a whole number.
func grouped(text string) string {
	if strings.Contains(text, ".") {
		return text
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// share is one figure divided by a number.
func (f figures) share(name string, by int) string {
	value, ok := f.value(name)
	if !ok {
		return "–"
	}
	return figures{"": value / float64(by)}.text("")
}

type requestRow struct {
	What   string
	Counts []string
}

// requests are the rows of a table: what was asked for, and how often under each prefix.
func (f figures) requests(prefixes ...string) []requestRow {
	whats := map[string]float64{}
	for name := range f {
		for _, prefix := range prefixes {
			if what, ok := strings.CutPrefix(name, prefix+"_api_requests_"); ok {
				number, _ := f.value(name)
				whats[what] = max(whats[what], number)
			}
		}
	}
	var rows []requestRow
	for what := range whats {
		row := requestRow{What: strings.Replace(what, "_", " ", 1)}
		for _, prefix := range prefixes {
			row.Counts = append(row.Counts, f.text(prefix+"_api_requests_"+what))
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b requestRow) int {
		one, two := whats[strings.Replace(a.What, " ", "_", 1)], whats[strings.Replace(b.What, " ", "_", 1)]
		if one != two {
			return int(two - one)
		}
		return strings.Compare(a.What, b.What)
	})
	return rows
}

func growthNames() []string {
	var names []string
	for _, growth := range growths {
		names = append(names, growth.name)
	}
	return names
}

// measured are the points of a figure over its counts, those above zero.
func (f figures) measured(figure string, counts []int) []point {
	var points []point
	for _, n := range counts {
		if value, ok := f.value(strings.ReplaceAll(figure, "{}", fmt.Sprint(n))); ok && n > 0 && value > 0 {
			points = append(points, point{float64(n), value})
		}
	}
	return points
}
