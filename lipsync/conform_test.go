package lipsync

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// TestDrawOfAnotherCamera draws a mouth whose picture says the same in other numbers: nothing may be seen of that.
func TestDrawOfAnotherCamera(t *testing.T) {
	model := puppet()
	before := skinFrame(5, 0, 0)
	h := headAt(model, 118, 121, 130, .1, .05, 0)
	disc(before, h.Mesh[205].XY(), 9)
	rgb := before.RGB(before.Bounds())
	for name, c := range map[string]pix.Colour{
		"matrix and range": {Matrix: pix.BT601, Full: true},
		"HDR":              {Matrix: pix.BT2020, Transfer: pix.HLG, WideGamut: true},
	} {
		other := pix.NewFrame(pix.Layout{W: before.W, H: before.H, Depth: 10}, c)
		coder, tone := pix.NewCoder(c), pix.NewTone(c)
		for y := range other.H {
			for x := range other.W {
				i := y*other.W + x
				r, g, b := rgb.C[0][i], rgb.C[1][i], rgb.C[2][i]
				if tone != nil {
					r, g, b = tone.Back(r, g, b)
				}
				var v [3]float32
				v[0], v[1], v[2] = coder.YUV(r, g, b)
				for p := range v {
					other.Planes[p].Set(x, y, int(pix.Clamp(4*v[p]+.5, 0, 1023)))
				}
			}
		}
		f := before.Clone()
		if _, err := renderer(t, model).Draw(f, h, filmed(other, h, .05, 0), &Frame{Amount: 1}); err != nil {
			t.Fatal(err)
		}
		sum, n := 0, 0
		for p := range f.Planes {
			for i, v := range f.Planes[p].P8 {
				d := int(v) - int(before.Planes[p].P8[i])
				sum += max(d, -d)
				n++
			}
		}
		if mean := float64(sum) / float64(n); mean > .15 {
			t.Errorf("%s: samples change by %.2f steps on average", name, mean)
		}
	}
}

func TestSoftenOnlyWhatShrinks(t *testing.T) {
	for _, c := range []struct {
		ratio   float32
		touched bool
	}{{.5, false}, {1, false}, {1.1, false}, {2, true}} {
		m := pix.NewMap(9, 9)
		m.Pix[40] = 100
		if soften(m, c.ratio, 0); (m.Pix[40] != 100) != c.touched {
			t.Errorf("filmed %v times as large: %v", c.ratio, m.Pix[40])
		}
	}
}
