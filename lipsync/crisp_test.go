package lipsync

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// TestCrispGivesBackWhatResamplingTook moves a picture by half a pixel and compares its finest structure.
func TestCrispGivesBackWhatResamplingTook(t *testing.T) {
	src := pix.NewMap(64, 64)
	seed := uint32(1)
	for i := range src.Pix {
		seed = seed*1664525 + 1013904223
		src.Pix[i] = float32(seed >> 24)
	}
	pix.Blur(src, src, .6)
	x, y, share, got := pix.NewMap(60, 60), pix.NewMap(60, 60), pix.NewMap(60, 60), pix.NewMap(60, 60)
	for i := range x.Pix {
		x.Pix[i], y.Pix[i], share.Pix[i] = float32(i%60)+2.5, float32(i/60)+2.5, 1
	}
	filmed := filmedLaplacian(src, x, y, share)
	fine := src.Clone()
	prefilter(fine)
	sample(got, fine, x, y, share)
	still := func(m pix.Map) float32 {
		at, to, all := pix.NewMap(m.W, m.H), pix.NewMap(m.W, m.H), pix.NewMap(m.W, m.H)
		for i := range m.Pix {
			at.Pix[i], to.Pix[i], all.Pix[i] = float32(i%m.W), float32(i/m.W), 1
		}
		return filmedLaplacian(m, at, to, all)
	}
	before := still(got)
	w := new(scratch)
	w.crisp(got, share, filmed)
	if after := still(got); !(before < .95*filmed && after > before && after < 1.08*filmed) {
		t.Errorf("the finest structure is %.1f as filmed, %.1f resampled and %.1f given back", filmed, before, after)
	}
	same := got.Clone()
	w.crisp(got, share, 0)
	for i := range same.Pix {
		if same.Pix[i] != got.Pix[i] {
			t.Fatal("what lacks nothing has changed")
		}
	}
}
