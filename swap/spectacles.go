package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// When what lies behind a photo's spectacles cannot be shown: the share of the brows that the frame
// covers, so that they cannot be told from it, and how far the skin behind the lenses is from that of the
// cheeks in log light, in brightness or in colour. Measured on the shared photos with spectacles: clear
// lenses 0 and .08, glossy or tinted ones .03 and .32, .66 and .52, mirrored ones -1.40 and 1.57.
const (
	browsUnderFrame = .12
	lensClean       = .2
	lensDark        = .8
	lensMargin      = .02 // of what is left to the footage around frame and lenses, in shares of the square
	lensSoft        = .01
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

// behindGlasses tells what of a photo cannot be used because of its spectacles: the part of the face, 0…1,
// that is better left to the footage, no pixels where that is nothing; whether the lenses hide the eyes, and
// whether the frame hides the brows. small is the photo on the UV square of r, frame what glasses found.
func (r *regions) behindGlasses(small colours, frame pix.Map) (hidden pix.Map, dark, brows bool) {
	fn := float32(r.n)
	frame = r.withoutBrows(frame)
	var under, all float32
	for i, b := range r.brows.Pix {
		all += b
		under += b * frame.Pix[i]
	}
	brows = under > browsUnderFrame*all
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
	dark = brightness < -lensDark || tint > lensDark
	clean := max(brightness, -brightness) < lensClean && tint < lensClean
	if clean && !brows {
		return pix.Map{}, false, false
	}
	hidden = frame.Clone()
	if !clean {
		hidden.Max(glass)
	}
	if brows {
		hidden.Max(r.brows)
	}
	hidden = hidden.Grow(lensMargin * fn).Blurred(lensSoft * fn)
	return hidden, dark, brows
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
