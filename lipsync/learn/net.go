package main

import (
	"math"
	"math/rand/v2"

	"github.com/twinsync/twinsync/lipsync"
)

// How the net is learned; found by trial, each clip's person left out in turn.
const (
	units     = 48
	steps     = 1200 // of batch examples
	batch     = 1024
	stepSize  = 3e-3
	decay     = 1e-2 // of weights: without it voices are learned by heart
	seed      = 1    // the same inputs shall give the same tables
	leastSize = 1e-3
)

// row is an example: what is heard, what is wanted, and how much that counts.
type row struct {
	in, out []float64
	weight  float64
}

// learnNet fits a net to examples by Adam (Kingma and Ba, 2015), on batches drawn at random from a fixed seed.
func learnNet(rows []row, steps int) lipsync.Net {
	p, q := len(rows[0].in), len(rows[0].out)
	n := lipsync.Net{}
	n.Mean, n.Scale = spread(rows, p, func(r *row) ([]float64, float64) { return r.in, 1 })
	var size []float64
	n.Offset, size = spread(rows, q, func(r *row) ([]float64, float64) { return r.out, r.weight })

	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // reproducible on purpose
	hidden := newLayer(p, units, 1/math.Sqrt(float64(p)), random)
	outer := newLayer(units, q, .5/math.Sqrt(units), random)
	z, a, e := make([]float32, p), make([]float32, units), make([]float32, q)
	for step := range steps {
		for range batch {
			r := &rows[random.IntN(len(rows))]
			for i, v := range r.in {
				z[i] = float32((v - n.Mean[i]) / n.Scale[i])
			}
			hidden.forward(a, z)
			for u, v := range a {
				a[u] = float32(math.Tanh(float64(v)))
			}
			outer.forward(e, a)
			for k := range e {
				e[k] = (e[k] - float32((r.out[k]-n.Offset[k])/size[k])) * float32(r.weight/batch)
			}
			back := outer.backward(a, e)
			for u, v := range a {
				back[u] *= 1 - v*v
			}
			hidden.backward(z, back)
		}
		rate := stepSize * min(1, 2*float64(steps-step)/float64(steps))
		hidden.step(step, rate)
		outer.step(step, rate)
	}
	n.Hidden, n.Bias = hidden.weights(nil)
	n.Weights, _ = outer.weights(size)
	for k, b := range outer.at[units*q:] {
		n.Offset[k] += float64(b) * size[k]
	}
	return n
}

// spread is mean and standard deviation of a part of the rows.
func spread(rows []row, n int, part func(*row) ([]float64, float64)) (mean, std []float64) {
	mean, std = make([]float64, n), make([]float64, n)
	var all float64
	for i := range rows {
		v, w := part(&rows[i])
		for k, x := range v {
			mean[k] += w * x
			std[k] += w * x * x
		}
		all += w
	}
	for k := range mean {
		mean[k] /= all
		std[k] = math.Sqrt(max(std[k]/all-mean[k]*mean[k], 0)) + leastSize
	}
	return mean, std
}

// layer is a layer's weights, input by input, and then its biases, with what Adam knows of each.
type layer struct {
	in, out          int
	at, slope, m, sq []float32
	back             []float32
}

func newLayer(in, out int, size float64, random *rand.Rand) *layer {
	n := in*out + out
	l := &layer{in, out, make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, in)}
	for i := range in * out {
		l.at[i] = float32(size * random.NormFloat64())
	}
	return l
}

func (l *layer) forward(y, x []float32) {
	copy(y, l.at[l.in*l.out:])
	for i, v := range x {
		w := l.at[i*l.out : (i+1)*l.out]
		w = w[:len(y)]
		for k := range y {
			y[k] += v * w[k]
		}
	}
}

// backward adds the error's slope and gives it to the inputs.
func (l *layer) backward(x, e []float32) []float32 {
	for i, v := range x {
		w, g := l.at[i*l.out:(i+1)*l.out], l.slope[i*l.out:(i+1)*l.out]
		w, g = w[:len(e)], g[:len(e)]
		var s float32
		for k, d := range e {
			s += d * w[k]
			g[k] += d * v
		}
		l.back[i] = s
	}
	for k, d := range e {
		l.slope[l.in*l.out+k] += d
	}
	return l.back
}

// step moves the weights by Adam and forgets the slopes.
func (l *layer) step(t int, rate float64) {
	const b1, b2, tiny = .9, .99, 1e-8
	c1, c2 := 1-math.Pow(b1, float64(t+1)), 1-math.Pow(b2, float64(t+1))
	for i, g := range l.slope {
		if i < l.in*l.out {
			g += decay * l.at[i]
		}
		l.m[i] = b1*l.m[i] + (1-b1)*g
		l.sq[i] = b2*l.sq[i] + (1-b2)*g*g
		l.at[i] -= float32(rate * (float64(l.m[i]) / c1) / (math.Sqrt(float64(l.sq[i])/c2) + tiny))
	}
	clear(l.slope)
}

// weights are the layer's as a net has them, outputs times size where it is given.
func (l *layer) weights(size []float64) (w [][]float64, bias []float64) {
	for i := range l.in {
		r := make([]float64, l.out)
		for k := range r {
			r[k] = float64(l.at[i*l.out+k])
			if size != nil {
				r[k] *= size[k]
			}
		}
		w = append(w, r)
	}
	for _, b := range l.at[l.in*l.out:] {
		bias = append(bias, float64(b))
	}
	return w, bias
}
