package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// What can be used of what lies behind a photo's spectacles: the share of the brows that the frame
// covers, so that they cannot be told from it, and how far the skin behind the lenses is from that of the
// cheeks in log light, in brightness or in colour. Measured on the shared photos with spectacles: clear
// lenses 0 and .08, tinted ones .03 and .32, glossy ones .66 and .52, mirrored ones -1.40 and 1.57. Lengths
// are shares of the square.
const (
	browsUnderFrame = .12
	lensClean       = .2
	lensDark        = .8
	lensGlare       = .4  // reflections hide the skin
	lensMargin      = .02 // of what is left to the footage around frame and lenses
	lensSoft        = .01
	lensTint        = .04  // sigma within which a lens's colour is measured
	strokeMargin    = .012 // of what is painted out around the frame: its edge and its shadow
)

// lens is one glass of spectacles, a box on the UV square, in texels.
type lens struct{ lo, hi pix.Vec2 }

// lenses are the boxes around the parts of a frame before each eye. An eye without any has an empty box.
func (r *regions) lenses(frame pix.Map) (l [2]lens) {
	fn := float32(r.n)
	for k, eye := range [2][]int{face.EyeRight(), face.EyeLeft()} {
		var c pix.Vec2
		for _, p := range r.points(eye) {
			c.X += p.X / float32(len(eye))
			c.Y += p.Y / float32(len(eye))
		}
		l[k] = lens{pix.Vec2{X: 1e9, Y: 1e9}, pix.Vec2{X: -1e9, Y: -1e9}}
		for i, v := range frame.Pix {
			x, y := float32(i%r.n), float32(i/r.n)
			bridge := max(x-fn/2, fn/2-x) < .06*fn
			if v > .5 && !bridge && max(x-c.X, c.X-x) < .17*fn && max(y-c.Y, c.Y-y) < .14*fn {
				l[k].lo.X, l[k].lo.Y = min(l[k].lo.X, x), min(l[k].lo.Y, y)
				l[k].hi.X, l[k].hi.Y = max(l[k].hi.X, x), max(l[k].hi.Y, y)
			}
		}
	}
	return l
}

// spectacles are what a photo's spectacles make of it.
type spectacles struct {
	stroke pix.Map // 1 on the frame, which is painted out
	tinted pix.Map // 0…1 on lenses through which the skin is seen in a wrong colour; no pixels without
	haze   float32 // log light by which that skin is too bright
	hidden pix.Map // 0…1 where the face is better left to the footage; no pixels where that is nowhere
	dark   bool    // the lenses hide the eyes
	brows  bool    // the frame hides the brows
}

// behindGlasses judges a photo's spectacles. small is the photo on the UV square of r, frame all that
// glasses found, stroke what of it surely is the frame.
func (r *regions) behindGlasses(small colours, frame, stroke pix.Map) spectacles {
	fn := float32(r.n)
	frame, stroke = r.withoutBrows(frame), r.withoutBrows(stroke)
	var under, all float32
	for i, b := range r.brows.Pix {
		all += b
		under += b * stroke.Pix[i]
	}
	s := spectacles{brows: under > browsUnderFrame*all}
	boxes := r.lenses(frame)
	glass := pix.NewMap(r.n, r.n)
	for _, l := range boxes {
		if l.hi.X-l.lo.X < .08*fn || l.hi.Y-l.lo.Y < .05*fn {
			continue
		}
		round := min(.35*(l.hi.Y-l.lo.Y), .3*(l.hi.X-l.lo.X)) // corners of a glass are round
		glass.Max(pix.FillPolygon(r.n, r.n, []pix.Vec2{
			{X: l.lo.X + round, Y: l.lo.Y + round}, {X: l.hi.X - round, Y: l.lo.Y + round},
			{X: l.hi.X - round, Y: l.hi.Y - round}, {X: l.lo.X + round, Y: l.hi.Y - round}}, round, 1))
	}
	brightness, tint := r.throughLenses(small, glass, frame)
	s.dark = brightness < -lensDark || tint > lensDark
	lost := s.dark || brightness > lensGlare
	s.stroke = stroke.Clone()
	if !s.brows {
		brows := r.brows.Grow(.012 * fn)
		for i, b := range brows.Pix {
			if b >= .5 {
				s.stroke.Pix[i] = 0
			}
		}
	}
	s.stroke = s.stroke.Grow(strokeMargin * fn)
	hidden := pix.NewMap(r.n, r.n)
	switch {
	case lost:
		hidden.Max(frame)
		hidden.Max(glass)
	case max(brightness, -brightness) > lensClean || tint > lensClean:
		s.tinted, s.haze = glass, float32(brightness)
	}
	if s.brows {
		hidden.Max(r.brows)
	}
	if lost || s.brows {
		s.hidden = hidden.Grow(lensMargin * fn).Blurred(lensSoft * fn)
	}
	return s
}

// clearLenses gives the skin behind tinted lenses the colour of the skin around them. r is of the
// texture's side.
func (s *spectacles) clearLenses(r *regions, lg colours) {
	fn := float32(r.n)
	glass, stroke := pix.NewMap(r.n, r.n), pix.NewMap(r.n, r.n)
	pix.Resample(glass, s.tinted)
	pix.Resample(stroke, s.stroke)
	in, out := pix.NewMap(r.n, r.n), pix.NewMap(r.n, r.n)
	for i, k := range r.skin.Pix {
		free := k * (1 - stroke.Pix[i])
		in.Pix[i], out.Pix[i] = free*glass.Pix[i], free*(1-glass.Pix[i])*pix.SmoothStep(r.rim.Pix[i], .05, .1)
	}
	inside, outside := lg.lowPass(in, lensTint*fn), lg.lowPass(out, lensTint*fn)
	within := glass.Blurred(lensSoft * fn)
	for i, g := range within.Pix {
		var d [3]float32
		mean := float32(0)
		for k := range d {
			d[k] = outside[k].Pix[i] - inside[k].Pix[i]
			mean += d[k] / 3
		}
		for k := range d {
			lg[k].Pix[i] += g * (d[k] - mean - s.haze)
		}
	}
}

// without takes what is hidden, if anything, out of a mask.
func without(mask, hidden pix.Map) {
	for i, h := range hidden.Pix {
		mask.Pix[i] *= 1 - h
	}
}

// withoutBrows takes brows, which are as dark and as thin, out of what glasses found: parts that do not reach
// the bridge of the nose and lie mostly on the brows.
func (r *regions) withoutBrows(frame pix.Map) pix.Map {
	uv := face.Canonical().UV
	brows := r.brows.Grow(.015 * float32(r.n))
	labels, n := pix.Components(r.n, r.n, func(i int) bool { return frame.Pix[i] > .5 })
	area, on, bridge := make([]int, n+1), make([]int, n+1), make([]bool, n+1)
	for i, k := range labels {
		area[k]++
		if brows.Pix[i] > .5 {
			on[k]++
		}
		u, v := r.v(i%r.n)-.5, r.v(i/r.n)
		bridge[k] = bridge[k] || max(u, -u) < .035 && v > uv[9].Y && v < uv[195].Y
	}
	out := frame.Clone()
	for i, k := range labels {
		if !bridge[k] && 2*on[k] > area[k] {
			out.Pix[i] = 0
		}
	}
	return out
}

// throughLenses compares the skin under the eyes where it lies behind glass with the cheeks beside, in log
// light: how much brighter it is, and how far its colour is from theirs.
func (r *regions) throughLenses(small colours, glass, frame pix.Map) (brightness, tint float64) {
	rim := frame.Grow(.012 * float32(r.n))
	eyes := r.eyes.Grow(.025 * float32(r.n))
	var in, out [3][]float32
	for i, s := range r.skin.Pix {
		if s < .5 || rim.Pix[i] > .1 || eyes.Pix[i] > .1 {
			continue
		}
		l := (small[0].Pix[i] + small[1].Pix[i] + small[2].Pix[i]) / 3
		c := [3]float32{l, small[0].Pix[i] - small[1].Pix[i], small[2].Pix[i] - small[1].Pix[i]}
		for k := range c {
			switch {
			case glass.Pix[i] > .9:
				in[k] = append(in[k], c[k])
			case r.seed.Pix[i] > .5 && glass.Pix[i] == 0:
				out[k] = append(out[k], c[k])
			}
		}
	}
	if len(in[0]) < 20 || len(out[0]) < 20 {
		return 0, 0
	}
	var d [3]float64
	for k := range d {
		d[k] = float64(nth(in[k], len(in[k])/2) - nth(out[k], len(out[k])/2))
	}
	return d[0], math.Hypot(d[1], d[2])
}
