package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Shadows that a photo's light draws on skin lie between the face's finest structure (wrinkles,
// pores, stubble) and what the transfer of light exchanges anyway. Sizes are shares of the UV square.
const (
	shadowGuide  = .006 // what is finer is never taken for shadow
	shadowWindow = .02  // around a texel in which a step is told from texture
	shadowStep   = .15  // log light: standard deviation in the window from which it is a step
	shadowReach  = .015 // how far features take on the change of the skin around them
	lopsided     = .12  // log light: soft limit of the difference between the sides; what is more is light
	evenSkin     = .45  // log light: soft limit of what stays on bare skin,
	evenChin     = .9   // around mouth and chin,
	evenBridge   = .12  // and between the brows, where a shadow would join them
	shadowChroma = .4   // of the colour of shadows that stays
	bridgeSize   = .03
	hardEven     = .12 // of the limits that is left in a photo with hard shadows
)

// even takes out of a photo's texture what its light has drawn on the skin and the footage's own
// light would draw elsewhere: the difference between the two sides of the face, and on cheeks and
// forehead what is stronger than the form of a face makes it. Steps stay sharp in the layer that is
// changed (He et al., "Guided image filtering", 2013), so that a shadow's edge leaves no rim.
// skin and seen are the portrait's, of r's side. It returns how hard the photo's shadows are, 0…1.
func (s *portrait) even(r *regions, skin, seen pix.Map) float32 {
	soft := s.texture.blurred(1)
	small := soft.resampled(r.n)
	support, bare := lightWeight(r, skin, seen), r.bareSkin()
	wide := small.lowPass(support, lightSigma*float32(r.n))
	layer := r.steps(small, support)
	for k := range layer {
		for i, v := range wide[k].Pix {
			layer[k].Pix[i] -= v
		}
	}
	hard := r.hardness(small, support, bare)
	change := r.shadows(layer, support, bare, hard)
	for k := range wide { // nor may a dark side exceed what the transfer of light can lift
		other := wide[k].Mirrored()
		for i, v := range wide[k].Pix {
			change[k].Pix[i] -= hard * (v - other.Pix[i]) / 2
		}
	}
	s.denoise()
	fine := change.resampled(textureSide)
	for k := range s.texture {
		for i, v := range fine[k].Pix {
			s.texture[k].Pix[i] += v
		}
	}
	return hard
}

// steps smooths skin but keeps steps of brightness: in every window colours are a linear function of
// brightness, the steeper the more brightness varies there.
func (r *regions) steps(lg colours, support pix.Map) colours {
	fn := float32(r.n)
	guide := lg.luma().Blurred(shadowGuide * fn)
	square := pix.NewMap(r.n, r.n)
	for i, g := range guide.Pix {
		square.Pix[i] = g * g
	}
	maps := []pix.Map{guide, square}
	for k := range lg {
		product := pix.NewMap(r.n, r.n)
		for i, g := range guide.Pix {
			product.Pix[i] = g * lg[k].Pix[i]
		}
		maps = append(maps, lg[k], product)
	}
	m := pix.LowPass(maps, support, shadowWindow*fn)
	var lines []pix.Map // slope and height of each channel
	for k := range lg {
		slope, height := pix.NewMap(r.n, r.n), pix.NewMap(r.n, r.n)
		for i, mean := range m[0].Pix {
			c := m[2+2*k].Pix[i]
			slope.Pix[i] = (m[3+2*k].Pix[i] - mean*c) / (max(0, m[1].Pix[i]-mean*mean) + shadowStep*shadowStep)
			height.Pix[i] = c - slope.Pix[i]*mean
		}
		lines = append(lines, slope, height)
	}
	lines = pix.LowPass(lines, support, shadowWindow*fn)
	out := newColours(r.n)
	for k := range out {
		for i, g := range guide.Pix {
			out[k].Pix[i] = lines[2*k].Pix[i]*g + lines[2*k+1].Pix[i]
		}
	}
	return out
}

// shadows is what is to be added to a layer of steps so that only the face's own form stays.
func (r *regions) shadows(layer colours, support, bare pix.Map, hard float32) colours {
	fn := float32(r.n)
	luma := layer.luma()
	other, far := luma.Mirrored(), support.Mirrored()
	side, tip := pix.NewMap(r.n, r.n), face.Canonical().UV[2]
	soft := 1 - (1-hardEven)*hard
	bridge := pix.NewMap(r.n, r.n)
	bridge.FillDisc(r.at(9), bridgeSize*fn)
	pix.Blur(bridge, bridge, bridgeSize*fn/2)
	for i, l := range luma.Pix {
		known := min(1, 2*min(support.Pix[i], far.Pix[i])) * pix.SmoothStep(r.rim.Pix[i], .03, .08)
		uneven := (l - other.Pix[i]) / 2
		form := l - known*(uneven-limited(uneven, soft*lopsided))
		side.Pix[i] = form - l
		limit := evenChin + bare.Pix[i]*(evenSkin-evenChin)
		limit = soft * (limit + bridge.Pix[i]*(evenBridge-limit))
		below := min(1, support.Pix[i]) * pix.SmoothStep(r.v(i/r.n)-tip.Y, -.04, 0)
		form += max(bare.Pix[i], below, bridge.Pix[i]) * (limited(form, limit) - form)
		share := max(bare.Pix[i], hard*below) * (1 - shadowChroma*(1-hard))
		for k := range layer {
			c := &layer[k].Pix[i]
			*c = form - l - share*(*c-l)
		}
	}
	// Lips follow the skin around them; brows and eyes are dark by themselves, so that they only
	// take on the difference between the sides.
	change := colours(pix.LowPass(layer[:], support, shadowReach*fn))
	side = pix.LowPass([]pix.Map{side}, support, shadowReach*fn)[0]
	own := r.eyes.Grow(.012 * fn).Max(r.brows.Grow(.012 * fn)).Blurred(.012 * fn)
	for k := range change {
		for i, s := range support.Pix {
			v := change[k].Pix[i] + min(1, 1.2*s)*(layer[k].Pix[i]-change[k].Pix[i])
			change[k].Pix[i] = v + own.Pix[i]*(side.Pix[i]-v)
		}
	}
	return change
}

// limited bends v so that it stays within ±limit.
func limited(v, limit float32) float32 { return limit * float32(math.Tanh(float64(v/limit))) }

// bareSkin is 1 where skin has neither features nor strong form nor beards: on forehead and cheeks
// down to the nose's tip.
func (r *regions) bareSkin() pix.Map {
	fn := float32(r.n)
	m := pix.NewMap(r.n, r.n)
	features := r.features.Blurred(.01 * fn)
	sockets := r.eyes.Grow(.05 * fn).Blurred(.02 * fn)
	tip := face.Canonical().UV[2]
	for i := range m.Pix {
		u, v := r.v(i%r.n)-.5, r.v(i/r.n)
		nose := float32(math.Hypot(float64(u/.13), float64((v-tip.Y+.01)/.075)))
		m.Pix[i] = (1 - features.Pix[i]) * (1 - sockets.Pix[i]) *
			pix.SmoothStep(tip.Y-v, -.04, 0) * pix.SmoothStep(nose, .8, 1.3)
	}
	return m
}

// When shadows are hard, in log light on bare skin: the median difference between the two sides
// after a wide smoothing (measured: up to .9 on seventeen photos, 1.7 to 3.4 on three of which one side
// lies in the dark), and after a fine one less that of a wide one, which patterns make (up to .3;
// .42 in the shadow of a window's bars).
const (
	sideWidth, sideFrom, sideFull = .05, 1.0, 1.6
	patternWidth, patternWide     = .02, .10
	patternFrom, patternFull      = .3, .4
	hardShadow                    = .5 // of hardness, from which the user is told
)

// hardness says how hard the shadows are that lie on a face, 0…1.
func (r *regions) hardness(lg colours, support, bare pix.Map) float32 {
	fn := float32(r.n)
	luma := lg.luma()
	var low [3]pix.Map
	for k, width := range [3]float32{patternWidth, sideWidth, patternWide} {
		low[k] = pix.LowPass([]pix.Map{luma}, support, width*fn)[0]
	}
	far := support.Mirrored()
	var side, pattern []float32
	for i, b := range bare.Pix {
		if b < .3 || min(support.Pix[i], far.Pix[i]) < .5 || r.rim.Pix[i] < .10 {
			continue
		}
		j := i/r.n*r.n + r.n - 1 - i%r.n
		difference := func(m pix.Map) float32 { return m.Pix[i] - m.Pix[j] }
		d, p := difference(low[1]), difference(low[0])-difference(low[2])
		side, pattern = append(side, max(d, -d)), append(pattern, max(p, -p))
	}
	if len(side) < r.n {
		return 0
	}
	return max(pix.SmoothStep(nth(side, len(side)/2), sideFrom, sideFull),
		pix.SmoothStep(nth(pattern, len(pattern)/2), patternFrom, patternFull))
}

// Noise and rounding of a photo, whose share grows in the dark, in steps of 8 bits; what is finer than
// grainSize texels can be noise.
const (
	photoNoise = 1.5
	grainSize  = 1.5
)

// denoise takes out of the texture's finest structure what its light explains as noise: log light
// makes much of it in the dark (Lee, "Digital image enhancement and noise filtering", 1980).
func (s *portrait) denoise() {
	soft := s.texture.blurred(grainSize)
	n := len(soft[0].Pix)
	power := pix.NewMap(soft[0].W, soft[0].H)
	for i := range n {
		d := float32(0)
		for k := range soft {
			d += (s.texture[k].Pix[i] - soft[k].Pix[i]) / 3
		}
		power.Pix[i] = d * d
	}
	pix.Blur(power, power, grainSize)
	luma := soft.luma()
	for i, l := range luma.Pix {
		// With the usual exponent of 1/2.2 a step of the code c changes log light by 2.2/c.
		code := 255 * exp(l/2.2)
		noise := 2.2 * photoNoise / code
		keep := power.Pix[i] / (power.Pix[i] + noise*noise)
		for k := range soft {
			t := &s.texture[k].Pix[i]
			*t = soft[k].Pix[i] + keep*(*t-soft[k].Pix[i])
		}
	}
}
