package lipsync

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// TestSampleIsBicubic holds the kernel to its readable twin, pix.Map.Bicubic.
func TestSampleIsBicubic(t *testing.T) {
	src := pix.NewMap(13, 9)
	for i := range src.Pix {
		src.Pix[i] = float32(i*37%101) - 20
	}
	const n = 200
	x, y, weight, got := pix.NewMap(n, 1), pix.NewMap(n, 1), pix.NewMap(n, 1), pix.NewMap(n, 1)
	for i := range n {
		x.Pix[i], y.Pix[i] = float32(i*29%190)/10-3, float32(i*17%150)/10-3
		if weight.Pix[i] = 1; i%7 == 0 {
			weight.Pix[i], got.Pix[i] = 0, -1000
		}
	}
	x.Pix[1], y.Pix[2], x.Pix[3] = float32(math.NaN()), float32(math.Inf(1)), -1e30
	sample(got, src, x, y, weight)
	for i, g := range got.Pix {
		want := src.Bicubic(x.Pix[i], y.Pix[i])
		if weight.Pix[i] == 0 {
			want = -1000
		}
		if d := g - want; !(d < 1e-3 && d > -1e-3) {
			t.Errorf("at %v, %v: %v instead of %v", x.Pix[i], y.Pix[i], g, want)
		}
	}
}
