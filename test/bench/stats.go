package main

import (
	"math"
	"sort"
)

// percentile is the value below which p per cent of the values lie (nearest rank); NaN if there is none.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// exponent is e of the power law y = c·xᵉ that fits best, by least squares on logarithms. Points without a logarithm are left
// out; NaN if fewer than two are left.
func exponent(x, y []float64) float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range x {
		if x[i] <= 0 || y[i] <= 0 {
			continue
		}
		a, b := math.Log(x[i]), math.Log(y[i])
		n, sx, sy, sxx, sxy = n+1, sx+a, sy+b, sxx+a*a, sxy+a*b
	}
	if spread := n*sxx - sx*sx; n >= 2 && spread > 0 {
		return (n*sxy - sx*sy) / spread
	}
	return math.NaN()
}
