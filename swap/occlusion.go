package swap

import "github.com/twinsync/twinsync/pix"

// When a texel counts as covered: difference to the person's own reference in log light, after
// what light can explain has been taken out. Found by trial: a drawn microphone is kept cleanly
// and nothing is flagged on seven clips without objects.
const (
	coveredFrom, coveredFull = .45, .8  // on skin
	featureFrom, featureFull = 1.1, 1.6 // on brows and lips, which move
	colourTrust              = 2        // colour is more reliable than brightness
	bigObject                = .012     // share of the square from which an object is large
	bigClosing               = .08      // radius by which a large object closes over features
)

// occluded finds what lies in front of the face in one frame: texels that differ from the
// person's reference in a way that no change of light explains. lg is the frame's texture and
// seen its visibility. The result is 0…1 on targetSide, and the covered share of the visible
// face. Large objects cover the features between their parts too.
//
// The difference must not be high-passed: a large object would then be taken for light.
func (g *target) occluded(lg *colours, seen pix.Map) (pix.Map, float32) {
	const n = targetSide
	fn := float32(n)
	d := newColours(n)
	weight := g.weight.Clone()
	for i, s := range seen.Pix {
		weight.Pix[i] *= s
		for k := range d {
			d[k].Pix[i] = lg[k].Pix[i] - g.reference[k].Pix[i]
		}
	}
	coef := g.r.fitShade(d[:], weight, 4, 8, 2)
	for k := range d {
		for i := range d[k].Pix {
			if seen.Pix[i] > 0 {
				d[k].Pix[i] -= float32(g.r.shade(coef[k], i))
			} else {
				d[k].Pix[i] = 0
			}
		}
		pix.Blur(d[k], d[k], .75)
	}
	out := pix.NewMap(n, n)
	any := false
	for i := range out.Pix {
		if seen.Pix[i] <= seenEnough {
			continue
		}
		r, gr, b := d[0].Pix[i], d[1].Pix[i], d[2].Pix[i]
		e := max(r, -r, gr, -gr, b, -b)
		if !g.grey {
			e = max(e, colourTrust*max(r-gr, gr-r), colourTrust*max(b-gr, gr-b))
		}
		f := g.features.Pix[i]
		v := max(pix.SmoothStep(e, coveredFrom, coveredFull)*(1-f),
			pix.SmoothStep(e, featureFrom, featureFull)*(1-g.moving.Pix[i]))
		out.Pix[i] = v
		any = any || v > .5
	}
	if !any {
		return pix.Map{}, 0
	}
	out = out.Open(.012 * fn)
	area := float32(0)
	for _, v := range out.Pix {
		area += v
	}
	if area == 0 {
		return pix.Map{}, 0
	}
	if area > bigObject*fn*fn {
		out = out.Close(bigClosing * fn)
	}
	out = out.Grow(.015 * fn).Blurred(.008 * fn)
	covered, all := float32(0), float32(0)
	for i, s := range seen.Pix {
		if g.r.rim.Pix[i] > .03 {
			all += s
			covered += s * out.Pix[i]
		}
	}
	return out, covered / max(all, 1)
}
