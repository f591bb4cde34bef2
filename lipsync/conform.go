package lipsync

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// conformed is a mouth's picture in the colours of a frame: its own where they are the same already. Footage of
// another camera may have another matrix, range, transfer or gamut.
func conformed(m *pix.Frame, c pix.Colour) *pix.Frame {
	if m.Colour == c || m.Mono {
		return m
	}
	const depth, unit = 12, 16
	out := pix.NewFrame(pix.Layout{W: m.W, H: m.H, Depth: depth}, c)
	from, to := pix.NewTone(m.Colour), pix.NewTone(c)
	coder := pix.NewCoder(c)
	rgb := m.RGB(m.Bounds())
	for y := range m.H {
		for x := range m.W {
			i := y*m.W + x
			r, g, b := rgb.C[0][i], rgb.C[1][i], rgb.C[2][i]
			if m.Transfer != c.Transfer || m.WideGamut != c.WideGamut {
				if from != nil {
					r, g, b = from.SDR(r, g, b)
				}
				if to != nil {
					r, g, b = to.Back(r, g, b)
				}
			}
			var v [3]float32
			v[0], v[1], v[2] = coder.YUV(r, g, b)
			for p := range v {
				out.Planes[p].Set(x, y, int(pix.Clamp(unit*v[p]+.5, 0, 1<<depth-1)))
			}
		}
	}
	return out
}

// finerFrom is how much larger a mouth must have been filmed than it is shown before its finest structure is
// smoothed away, which would else alias.
const finerFrom = 1.15

// soften smooths samples of a mouth that was filmed ratio times as large as it is shown; sub is log2 of how
// few of them there are.
func soften(m pix.Map, ratio float32, sub int) {
	if ratio > finerFrom {
		pix.Blur(m, m, .5*float32(math.Sqrt(float64(ratio*ratio-1)))/float32(int(1)<<sub))
	}
}
