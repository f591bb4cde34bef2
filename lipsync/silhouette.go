package lipsync

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/pix"
)

// Beyond the mesh only what has the colour of the person's skin, the neck, goes on moving with the jaw; what lies
// behind it and what is worn stands still. Colours are chromaticities, which shade does not change.
const (
	tintSlack          = .05 // of chromaticity that skin may always differ
	tintTimes          = 3   // times the skin's own median deviation
	tintLeast          = .10 // chromaticity of skin below which the picture has no colours
	tintFrom, tintNone = 1, 2
	tintDark           = 24   // 8-bit steps of brightness below which there is no colour
	tintSoft           = .025 // smoothing, face widths
	bandLeast          = .06  // face widths beyond the mesh in which all comes to rest,
	bandTimes          = 2.2  // and times the displacement: in less the picture would fold
)

// tints are how a person's skin is coloured in one frame: medians and tolerances of chromaticity.
type tints struct{ mid, slack [2]float32 }

// newTints measures a face; ok is false when there is no colour to tell anything by.
func newTints(l *look) (t tints, ok bool) {
	var v [2][]float32
	for _, i := range skin().cells {
		if l.seen[i] && l.v[0][i] > tintDark {
			a, b := tint(l.v[0][i], l.v[1][i], l.v[2][i])
			v[0], v[1] = append(v[0], a), append(v[1], b)
		}
	}
	if len(v[0]) < 50 {
		return t, false
	}
	far := float32(0)
	for k := range v {
		slices.Sort(v[k])
		t.mid[k] = v[k][len(v[k])/2]
		for i, x := range v[k] {
			v[k][i] = max(x-t.mid[k], t.mid[k]-x)
		}
		slices.Sort(v[k])
		t.slack[k] = tintSlack + tintTimes*v[k][len(v[k])/2]
		d := t.mid[k] / t.slack[k]
		far += d * d
	}
	if max(t.mid[0], -t.mid[0], t.mid[1], -t.mid[1]) < tintLeast {
		return t, false
	}
	if k := float32(math.Sqrt(float64(far))) / tintNone; k < 1 { // grey must not look like skin
		t.slack[0] *= k
		t.slack[1] *= k
	}
	return t, true
}

// tint is the chromaticity of a brightness and its differences of red and blue to green.
func tint(light, red, blue float32) (a, b float32) {
	k := 1 / max(light, tintDark)
	return k * red, k * blue
}

// like is how much a colour looks like that skin, 0…1.
func (t *tints) like(light, red, blue float32) float32 {
	a, b := tint(light, red, blue)
	a, b = (a-t.mid[0])/t.slack[0], (b-t.mid[1])/t.slack[1]
	return 1 - pix.SmoothStep(a*a+b*b, tintFrom*tintFrom, tintNone*tintNone)
}

// keepBackground stills what is not the person's beyond the mesh. rest holds the distance from the mesh in cells, on
// is 1 on it; width is the face's in cells.
func (d *field) keepBackground(f *pix.Frame, t *tints, width float32) {
	w, h := d.dx.W, d.dx.H
	d.own.Resize(w, h)
	coder := pix.NewCoder(f.Colour)
	unit := 1 / float32(int(1)<<(f.Depth-8))
	for y := range h {
		py := min(d.box.Y0+y*d.step, f.H-1)
		for x := range w {
			i := y*w + x
			if d.own.Pix[i] = 1; d.on.Pix[i] > 0 {
				continue
			}
			if d.dx.Pix[i] == 0 && d.dy.Pix[i] == 0 {
				d.own.Pix[i] = 0
				continue
			}
			px := min(d.box.X0+x*d.step, f.W-1)
			r, g, b := coder.RGB(unit*float32(f.Planes[0].At(px, py)),
				unit*float32(f.Planes[1].At(px>>f.SubX, py>>f.SubY)), unit*float32(f.Planes[2].At(px>>f.SubX, py>>f.SubY)))
			d.own.Pix[i] = t.like((r+g+b)/3, r-g, b-g)
		}
	}
	pix.Blur(d.own, d.own, tintSoft*width)
	for i, own := range d.own.Pix {
		if d.on.Pix[i] > 0 {
			continue
		}
		dx, dy := d.dx.Pix[i], d.dy.Pix[i]
		band := max(bandLeast*width, bandTimes*max(dx, -dx, dy, -dy)/float32(d.step))
		still := max(own, 1-pix.SmoothStep(d.rest.Pix[i], 0, band))
		d.dx.Pix[i] *= still
		d.dy.Pix[i] *= still
	}
}
