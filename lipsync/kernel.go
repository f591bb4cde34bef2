package lipsync

import (
	"math"
	"slices"
)

// group is a part of what a kernel looks at: columns from ≤ c < to of the rows, and how quickly likeness
// falls off with their distance.
type group struct {
	from, to int
	gamma    float64
}

// kernelMap is a smooth map learned from examples: each known row pulls by how much the asked one is like it
// (kernel ridge regression; Hastie, Tibshirani and Friedman, 5.8). Likeness is the mean over the groups of
// exp(−gamma · mean squared distance of the scaled columns), so that what is said and what is heard are
// weighed apart: a strange voice does not spoil the words.
type kernelMap struct {
	groups      []group
	mean, scale []float64
	rows        [][]float64 // scaled
	weights     [][]float64 // row × output
	offset      []float64
}

// learnKernel finds the map from x to y, of which there must be some.
func learnKernel(x, y [][]float64, groups []group, lambda float64) *kernelMap {
	dim := len(x[0])
	k := &kernelMap{groups: groups}
	k.mean, k.scale = meanStd(x, dim)
	for i := range k.scale {
		k.scale[i] += leastScale
	}
	for _, g := range groups {
		for c := g.from; c < g.to; c++ {
			k.scale[c] *= math.Sqrt(float64(g.to-g.from) / g.gamma)
		}
	}
	k.rows = newRows(len(x), dim)
	for i := range x {
		k.scaled(k.rows[i], x[i])
	}
	k.offset, _ = meanStd(y, len(y[0]))
	gram := newRows(len(x), len(x))
	b := newRows(len(x), len(y[0]))
	for i := range x {
		for j := range i + 1 {
			gram[i][j] = k.like(k.rows[i], k.rows[j])
		}
		gram[i][i] += lambda
		for c, v := range y[i] {
			b[i][c] = v - k.offset[c]
		}
	}
	k.weights = solve(gram, b)
	return k
}

func (k *kernelMap) scaled(to, x []float64) {
	for c, v := range x {
		to[c] = (v - k.mean[c]) / k.scale[c]
	}
}

// like is 1 for equal rows and falls to 0.
func (k *kernelMap) like(a, b []float64) float64 {
	var sum float64
	for _, g := range k.groups {
		p, q := a[g.from:g.to], b[g.from:g.to]
		q = q[:len(p)]
		var d0, d1 float64
		i := 0
		for ; i+1 < len(p); i += 2 {
			x, y := p[i]-q[i], p[i+1]-q[i+1]
			d0 += x * x
			d1 += y * y
		}
		if i < len(p) {
			d0 += (p[i] - q[i]) * (p[i] - q[i])
		}
		sum += math.Exp(-d0 - d1)
	}
	return sum / float64(len(k.groups))
}

// of maps rows.
func (k *kernelMap) of(x [][]float64) [][]float64 {
	out := make([][]float64, len(x))
	z := make([]float64, len(k.mean))
	for i := range x {
		k.scaled(z, x[i])
		y := slices.Clone(k.offset)
		for r := range k.rows {
			w := k.like(z, k.rows[r])
			for c, v := range k.weights[r] {
				y[c] += w * v
			}
		}
		out[i] = y
	}
	return out
}
