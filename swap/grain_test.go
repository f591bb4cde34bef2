package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// shake adds noise that depends on nothing but the place.
func shake(m pix.Map, deviation float32) {
	h := uint32(1)
	for i := range m.Pix {
		sum := float32(0)
		for range 4 {
			h = h*1664525 + 1013904223
			sum += float32(h>>8)/(1<<24) - .5
		}
		m.Pix[i] += deviation * sum * 1.73
	}
}

func TestNoiseIsCarriedOverWithoutTheOldFace(t *testing.T) {
	const side, deviation = 64, 6
	behind := pix.NewMap(side, side).Each(func(float32) float32 { return 120 })
	for y := range side {
		for x := side / 2; x < side; x++ {
			behind.Pix[y*side+x] = 180 // an edge of the old face
		}
	}
	edge := behind.Clone()
	shake(behind, deviation)
	l := &layer{y: pix.NewMap(side, side), alpha: pix.NewMap(side, side).Each(func(float32) float32 { return 1 })}
	s := sharpness{noise: 3 * deviation}
	s.carryNoise(l, behind)
	var sum float64
	for y := 4; y < side-4; y++ {
		for x := 4; x < side/2-8; x++ {
			sum += float64(l.y.Pix[y*side+x] * l.y.Pix[y*side+x])
		}
	}
	if d := math.Sqrt(sum / float64((side-8)*(side/2-12))); d < .7*deviation || d > 1.05*deviation {
		t.Errorf("noise of %d steps becomes %.1f", deviation, d)
	}
	// Of the edge alone a high-pass would leave a line of ten and more steps.
	clear(l.y.Pix)
	s.carryNoise(l, edge)
	for x := 1; x < side-1; x++ {
		if v := l.y.Pix[side/2*side+x]; v > 4 || v < -4 {
			t.Errorf("the old face's edge shows at %d with %.1f steps", x, v)
		}
	}
	clear(l.y.Pix)
	sharpness{}.carryNoise(l, behind)
	for _, v := range l.y.Pix {
		if v != 0 {
			t.Fatal("clean footage gets noise")
		}
	}
}

func TestOnlyStrongStructureIsNoise(t *testing.T) {
	for _, c := range []struct {
		wanted float32
		noisy  bool
	}{{2, false}, {25, true}} {
		clip := newClip(smallLayout, pix.Colour{}, 4, paleFace)
		clip.analysis.Tracks[0].Sharpness = c.wanted
		p := planFor(t, clip, someone(t), nil)
		e, ok := p.tracks.hold(0).get(p, 0, pix.Colour{}).(*meshEngine)
		if !ok {
			t.Fatal("no engine")
		}
		if s := e.sharpness; (s.noise > 0) != c.noisy || c.noisy && s.sharpen > 0 {
			t.Errorf("sharpness %.0f: %+v", c.wanted, s)
		}
	}
}
