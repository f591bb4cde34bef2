package lipsync

import (
	"math"
	"slices"
)

// Net is a small map with one hidden layer: tanh((x − Mean)/Scale · Hidden + Bias) · Weights + Offset.
type Net struct {
	Mean, Scale []float64   // of the inputs; Scale > 0
	Hidden      [][]float64 // input × unit
	Bias        []float64   // of the units
	Weights     [][]float64 // unit × output
	Offset      []float64   // of the outputs
}

// Of maps one row.
func (n *Net) Of(x []float64) []float64 {
	units := slices.Clone(n.Bias)
	for i, v := range x {
		z := (v - n.Mean[i]) / n.Scale[i]
		for u, w := range n.Hidden[i] {
			units[u] += z * w
		}
	}
	y := slices.Clone(n.Offset)
	for u, v := range units {
		a := math.Tanh(v)
		for k, w := range n.Weights[u] {
			y[k] += a * w
		}
	}
	return y
}

// Rows maps many.
func (n *Net) Rows(x [][]float64) [][]float64 {
	y := make([][]float64, len(x))
	for i := range x {
		y[i] = n.Of(x[i])
	}
	return y
}
