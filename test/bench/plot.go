package main

import (
	"fmt"
	"math"
	"strings"
)

type point struct{ x, y float64 }

type curve struct {
	name, colour string
	points       []point
}

// Flagger 1.44 and Argo Rollouts as they were measured by hand, on another machine of two cores.
var (
	flaggerMemory = []point{{101, 88}, {208, 93}, {500, 113}}
	argoMemory    = []point{{500, 195}}
	flaggerCPU    = []point{{500, 56}}
	argoCPU       = []point{{500, 4}}
)

const (
	panelWidth, panelHeight = 340.0, 240.0
	marginLeft, marginTop   = 62.0, 34.0
	panelGap                = 84.0
)

// plot draws what idle releases cost, on logarithmic axes, as an SVG that needs nothing else.
func (f figures) plot() string {
	var svg strings.Builder
	width, height := marginLeft+2*panelWidth+panelGap+20, marginTop+panelHeight+52
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n",
		width, height)
	fmt.Fprintf(&svg, `<rect width="%.0f" height="%.0f" fill="white"/>`+"\n", width, height)
	panel{title: "Resident memory, MB", left: marginLeft, from: point{80, 8}, to: point{6000, 300}}.draw(&svg, []curve{
		{"Weir", "#1668a8", f.measured("idle_rss_mb_{}", idleCounts)},
		{"Flagger", "#b3541e", flaggerMemory},
		{"Argo Rollouts", "#6a3d9a", argoMemory},
	})
	panel{title: "CPU, ms a second", left: marginLeft + panelWidth + panelGap, from: point{80, 0.1}, to: point{6000, 100}}.draw(&svg,
		[]curve{
			{"Weir", "#1668a8", f.measured("idle_cpu_ms_per_s_{}", idleCounts)},
			{"Flagger", "#b3541e", flaggerCPU},
			{"Argo Rollouts", "#6a3d9a", argoCPU},
		})
	svg.WriteString("</svg>\n")
	return svg.String()
}

// panel is one pair of axes, from its lower left to its upper right value.
type panel struct {
	title    string
	left     float64
	from, to point
}

func (p panel) place(at point) (x, y float64) {
	share := func(value, from, to float64) float64 {
		return (math.Log(min(max(value, from), to)) - math.Log(from)) / (math.Log(to) - math.Log(from))
	}
	return p.left + panelWidth*share(at.x, p.from.x, p.to.x), marginTop + panelHeight*(1-share(at.y, p.from.y, p.to.y))
}

func (p panel) draw(svg *strings.Builder, curves []curve) {
	fmt.Fprintf(svg, `<text x="%.0f" y="20" font-weight="bold">%s</text>`+"\n", p.left, p.title)
	fmt.Fprintf(svg, `<text x="%.0f" y="%.0f" text-anchor="middle">idle releases</text>`+"\n", p.left+panelWidth/2,
		marginTop+panelHeight+40)
	for _, n := range idleCounts {
		if n > 0 {
			x, y := p.place(point{float64(n), p.from.y})
			fmt.Fprintf(svg, `<path d="M%.1f %.1fV%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%d</text>`+"\n",
				x, marginTop, y, x, y+18, n)
		}
	}
	for _, value := range []float64{0.1, 0.3, 1, 3, 10, 30, 100, 300} {
		if value >= p.from.y && value <= p.to.y {
			x, y := p.place(point{p.from.x, value})
			fmt.Fprintf(svg, `<path d="M%.1f %.1fh%.0f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%v</text>`+"\n",
				x, y, panelWidth, x-6, y+4, value)
		}
	}
	for i, c := range curves {
		c.draw(svg, p)
		x, y := p.left+10, marginTop+16+18*float64(i)
		fmt.Fprintf(svg, `<circle cx="%.0f" cy="%.0f" r="4" fill="%s"/><text x="%.0f" y="%.0f">%s</text>`+"\n", x, y-4, c.colour, x+10,
			y, c.name)
	}
}

func (c curve) draw(svg *strings.Builder, p panel) {
	var path []string
	for i, at := range c.points {
		x, y := p.place(at)
		command := "L"
		if i == 0 {
			command = "M"
		}
		path = append(path, fmt.Sprintf("%s%.1f %.1f", command, x, y))
		fmt.Fprintf(svg, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x, y, c.colour)
	}
	fmt.Fprintf(svg, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, ""), c.colour)
}
