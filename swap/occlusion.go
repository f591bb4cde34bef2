package swap

import "github.com/twinsync/twinsync/pix"

// When a texel counts as covered: difference to the person's own reference in log light, after
// what light can explain has been taken out. Found by trial: a drawn microphone is kept cleanly
// and nothing is flagged on seven clips without objects.
const (
	coveredFrom, coveredFull = .45, .8  // on skin
	featureFrom, featureFull = 1.1, 1.6 // on brows and lips, which move
	colourTrust              = 2        // colour is more reliable than brightness
	lightStiff               = .05      // light seldom changes its direction within a shot
	lightChange, tintChange  = .15, .08 // shadeFit.change for brightness and colour
	bigObject                = .012     // share of the square from which an object is large
	bigClosing               = .08      // radius by which a large object closes over features
	hugeObject, hugeClosing  = .05, .13
	hiddenContrast           = .35 // of the reference's contrast, below which a brow or a lip is hidden
	touchedShare             = .15 // of what surrounds a brow or lip that the object must cover at least
	knownContrast            = .12 // that the reference must have at least to tell
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
	// Brightness and two axes of colour of the change since the reference.
	var d [3]pix.Map
	for k := range d {
		d[k] = pix.NewMap(n, n)
	}
	weight := g.weight.Clone()
	for i, s := range seen.Pix {
		weight.Pix[i] *= s
		var c [3]float32
		for k := range c {
			c[k] = lg[k].Pix[i] - g.reference[k].Pix[i]
		}
		d[0].Pix[i], d[1].Pix[i], d[2].Pix[i] = (c[0]+c[1]+c[2])/3, c[0]-c[1], c[2]-c[1]
	}
	shading := g.r.fitShade(d[:1], weight, shadeFit{terms: 4, rounds: 8, step: 2, stiff: lightStiff, change: lightChange})
	tint := g.r.fitShade(d[1:], weight, shadeFit{terms: 1, rounds: 8, step: 2, change: tintChange})
	coef := append(shading, tint...)
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
	found := false
	for i := range out.Pix {
		if seen.Pix[i] <= seenEnough {
			continue
		}
		l, rg, bg := d[0].Pix[i], d[1].Pix[i], d[2].Pix[i]
		e := max(l, -l)
		if !g.grey {
			e = max(e, colourTrust*max(rg, -rg, bg, -bg))
		}
		f := g.features.Pix[i]
		v := max(pix.SmoothStep(e, coveredFrom, coveredFull)*(1-f),
			pix.SmoothStep(e, featureFrom, featureFull)*(1-g.moving.Pix[i]))
		out.Pix[i] = v
		found = found || v > .5
	}
	if !found {
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
		g.markHidden(out, lg)
		radius := float32(bigClosing)
		if area > hugeObject*fn*fn {
			radius = hugeClosing
		}
		out = out.Close(radius * fn)
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

// markHidden adds brows and lips, each side for itself, to a large object when they cannot be
// told from their surroundings any more: features differ too much from frame to frame to
// be compared texel by texel.
func (g *target) markHidden(object pix.Map, lg *colours) {
	now, before := lg.luma(), g.reference.luma()
	for _, part := range []pix.Map{g.r.brows, g.r.lips} {
		around, near := part.Grow(.04*targetSide), part.Grow(.10*targetSide)
		for side := range 2 {
			known := g.contrast(before, part, around, side)
			if known < knownContrast || g.contrast(now, part, around, side) > hiddenContrast*known ||
				touched(object, near, side) < touchedShare {
				continue
			}
			for y := range targetSide {
				for x := side * targetSide / 2; x < (side+1)*targetSide/2; x++ {
					i := y*targetSide + x
					object.Pix[i] = max(object.Pix[i], around.Pix[i])
				}
			}
		}
	}
}

// touched is the share of a part, on one half of the face, that the object covers.
func touched(object, part pix.Map, side int) float32 {
	var sum, all float32
	for y := range targetSide {
		for x := side * targetSide / 2; x < (side+1)*targetSide/2; x++ {
			i := y*targetSide + x
			sum += part.Pix[i] * object.Pix[i]
			all += part.Pix[i]
		}
	}
	return sum / max(all, 1)
}

// lasting is the object in the view at index at, free of what only one frame shows: the median
// of three frames, texel by texel. A moving edge passes it unharmed. Without a neighbour (nil: no
// face, another shot) the view stands for it.
func lasting(views []*view, at int) pix.Map {
	near := [3]pix.Map{views[at].object, views[at].object, views[at].object}
	if at > 0 && views[at-1] != nil {
		near[0] = views[at-1].object
	}
	if at+1 < len(views) && views[at+1] != nil {
		near[2] = views[at+1].object
	}
	none := 0
	for _, m := range near {
		if m.Pix == nil {
			none++
		}
	}
	if none >= 2 {
		return pix.Map{}
	}
	value := func(k, i int) float32 {
		if near[k].Pix == nil {
			return 0
		}
		return near[k].Pix[i]
	}
	out := pix.NewMap(targetSide, targetSide)
	for i := range out.Pix {
		a, b, c := value(0, i), value(1, i), value(2, i)
		out.Pix[i] = max(min(a, b), min(max(a, b), c))
	}
	return out
}
