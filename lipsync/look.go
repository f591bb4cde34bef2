package lipsync

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// appearance is what a mouth looks like beyond its shape.
type appearance struct {
	light, sharp, teeth float64
	code                []float64 // for joins; rms length 1 over the library
}

// appearanceSize is how many numbers tell a mouth's looks: principal components of thumbs of half size.
const appearanceSize = 12

// mostLearned is how many mouths or frames a basis is learned from; more, spread evenly, change nothing.
const mostLearned = 2000

// looks measures the thumbs of mouths.
func looks(thumbs []*Thumb, colours []pix.Colour) []appearance {
	out := make([]appearance, len(thumbs))
	if len(thumbs) == 0 {
		return out
	}
	const w, h = thumbW / 2, thumbH / 2
	small := newRows(len(thumbs), w*h)
	for i, t := range thumbs {
		y := &t[0]
		out[i].light = meanRows(y, 26, thumbH)
		out[i].sharp = laplacianVariance(y)
		out[i].teeth = teethShare(t, colours[i])
		mean := meanRows(y, 0, thumbH)
		for r := range h {
			for c := range w {
				p := 2*r*thumbW + 2*c
				small[i][r*w+c] = (float64(y[p])+float64(y[p+1])+float64(y[p+thumbW])+float64(y[p+thumbW+1]))/4 - mean
			}
		}
	}
	mean, dirs := principal(some(small, mostLearned), appearanceSize)
	var power float64
	for i := range small {
		for k := range small[i] {
			small[i][k] -= mean[k]
		}
		out[i].code = times(dirs, small[i])
		power += dot(out[i].code, out[i].code)
	}
	unit := 1 / math.Sqrt(max(power/float64(len(out)), 1e-12))
	for i := range out {
		for k := range out[i].code {
			out[i].code[k] *= unit
		}
	}
	return out
}

// some are at most n of rows, spread evenly.
func some[T any](rows []T, n int) []T {
	if len(rows) <= n {
		return rows
	}
	out := make([]T, n)
	for i := range out {
		out[i] = rows[i*len(rows)/n]
	}
	return out
}

func meanRows(y *[thumbW * thumbH]uint8, from, to int) float64 {
	sum := 0
	for _, v := range y[from*thumbW : to*thumbW] {
		sum += int(v)
	}
	return float64(sum) / float64((to-from)*thumbW)
}

// laplacianVariance tells sharpness: the variance of the four-neighbour Laplacian.
func laplacianVariance(y *[thumbW * thumbH]uint8) float64 {
	var s, ss, n float64
	for r := 1; r < thumbH-1; r++ {
		for c := 1; c < thumbW-1; c++ {
			p := r*thumbW + c
			v := float64(int(y[p-1]) + int(y[p+1]) + int(y[p-thumbW]) + int(y[p+thumbW]) - 4*int(y[p]))
			s, ss, n = s+v, ss+v*v, n+1
		}
	}
	return ss/n - s*s/(n*n)
}

// teethShare is the share of bright, pale cells in the middle of the mouth.
func teethShare(t *Thumb, colour pix.Colour) float64 {
	coder := pix.NewCoder(colour)
	bright := make([]float64, 0, 6*thumbW)
	for _, v := range t[0][2*thumbW : 8*thumbW] {
		bright = append(bright, float64(v))
	}
	least := .75 * quantile(sorted(bright), .5)
	hits, n := 0, 0
	for r := 8; r < 26; r++ {
		for c := 12; c < 36; c++ {
			p := r*thumbW + c
			red, green, blue := coder.RGB(float32(t[0][p]), float32(t[1][p]), float32(t[2][p]))
			hi, lo := max(red, green, blue), min(red, green, blue)
			if float64(hi) > least && hi > 0 && 255*(hi-lo) < 70*hi {
				hits++
			}
			n++
		}
	}
	return float64(hits) / float64(n)
}
