package lipsync

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// spline is the readable twin of prefilter and sample: the B-spline weights by plain iteration, then the sum over
// sixteen neighbours.
func spline(src pix.Map) func(x, y float32) float32 {
	c := src.Clone()
	at := func(m pix.Map, x, y int) float32 { // mirrored about the samples at the border
		fold := func(i, n int) int {
			if n == 1 {
				return 0
			}
			for i < 0 || i >= n {
				if i < 0 {
					i = -i
				} else {
					i = 2*(n-1) - i
				}
			}
			return i
		}
		return m.Pix[fold(y, m.H)*m.W+fold(x, m.W)]
	}
	for range 200 { // c += src − what c's spline gives at the samples
		next := c.Clone()
		for y := range src.H {
			for x := range src.W {
				v := float32(0)
				for j, wy := range [3]float32{1, 4, 1} {
					for i, wx := range [3]float32{1, 4, 1} {
						v += wy * wx / 36 * at(c, x+i-1, y+j-1)
					}
				}
				next.Pix[y*src.W+x] += src.Pix[y*src.W+x] - v
			}
		}
		c = next
	}
	bump := func(d float64) float64 { // the cubic B-spline
		d = math.Abs(d)
		switch {
		case d < 1:
			return 2./3 - d*d + d*d*d/2
		case d < 2:
			return (2 - d) * (2 - d) * (2 - d) / 6
		}
		return 0
	}
	return func(x, y float32) float32 {
		x, y = pix.Clamp(x, -2, float32(src.W+1)), pix.Clamp(y, -2, float32(src.H+1))
		v, ix, iy := 0.0, int(math.Floor(float64(x))), int(math.Floor(float64(y)))
		for j := iy - 1; j < iy+3; j++ {
			for i := ix - 1; i < ix+3; i++ {
				p := c.Pix[min(max(j, 0), src.H-1)*src.W+min(max(i, 0), src.W-1)]
				v += bump(float64(x)-float64(i)) * bump(float64(y)-float64(j)) * float64(p)
			}
		}
		return float32(v)
	}
}

// TestSampleIsASpline holds the kernels to their twin.
func TestSampleIsASpline(t *testing.T) {
	src := pix.NewMap(31, 27)
	for i := range src.Pix {
		src.Pix[i] = float32(i*37%101) - 20
	}
	want := spline(src)
	const n = 300
	x, y, weight, got := pix.NewMap(n, 1), pix.NewMap(n, 1), pix.NewMap(n, 1), pix.NewMap(n, 1)
	for i := range n {
		x.Pix[i], y.Pix[i] = float32(i*29%370)/10-3, float32(i*17%330)/10-3
		if weight.Pix[i] = 1; i%7 == 0 {
			weight.Pix[i], got.Pix[i] = 0, -1000
		}
	}
	x.Pix[1], y.Pix[2], x.Pix[3] = float32(math.NaN()), float32(math.Inf(1)), -1e30
	x.Pix[4], y.Pix[4] = 17, 11 // on a sample
	c := src.Clone()
	prefilter(c)
	sample(got, c, x, y, weight)
	for i, g := range got.Pix {
		v := want(x.Pix[i], y.Pix[i])
		if weight.Pix[i] == 0 {
			v = -1000
		}
		if d := g - v; !(d < .02 && d > -.02) {
			t.Errorf("at %v, %v: %v instead of %v", x.Pix[i], y.Pix[i], g, v)
		}
	}
	if d := got.Pix[4] - src.Pix[11*31+17]; d > 1e-3 || d < -1e-3 {
		t.Errorf("on a sample: off by %v", d)
	}
	for _, size := range [][2]int{{1, 1}, {1, 7}, {7, 1}, {2, 2}} { // a flat picture stays flat
		m := pix.NewMap(size[0], size[1])
		for i := range m.Pix {
			m.Pix[i] = 50
		}
		prefilter(m)
		for i, v := range m.Pix {
			if d := v - 50; d > 1e-2 || d < -1e-2 {
				t.Errorf("%v: weight %d of a flat picture is %v", size, i, v)
			}
		}
	}
}
