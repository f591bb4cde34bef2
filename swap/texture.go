package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// texel is what one fetch from the prepared texture gives. In log light; bright and dark
// detail are added after scaling by the gain's factors.
type texel struct {
	base   [3]float32
	bright float32    // detail brighter than the base, achromatic
	dark   [3]float32 // detail darker than the base, and the detail's colour
	alpha  float32    // share 0…1 of the new face
}

// texture is an identity prepared for one track.
type texture struct {
	n      int
	texels []texel
}

// How detail is treated, found by trial. Treating bright and dark alike makes dark skin on a pale
// target look like chalk, full colour makes noses purple.
const (
	brightCeiling                        = .5 // soft limit of bright detail
	skinChroma, featureChroma, lipChroma = .4, .7, .85
	skinChromaLimit, featureChromaLimit  = .12, .6
	foldWidth, foldWider                 = .10, .07 // of the zone around them, and more of it when it laughs
	foldDamping                          = .6       // of the folds beside the nose when the photo's mouth is open
	lipColour, lipBrightness             = .3, .3   // shares of the target's,
	otherSkin                            = .45      // and of its lips' brightness where skins differ
	sameSkin, strangeSkin                = .2, 1.0  // log light between skins that are alike and that differ
	outlineInset, outlineFeather         = .03, .055
	foreheadFrom, foreheadFull           = .03, .11 // under vertex 10: the hairline stays
	eyeGrow, eyeSoft                     = .012, .006
	ownLips                              = .006 // margin of the target's lips where the photo's are stretched
	minification                         = .35  // texels of blur per texel that falls into one pixel
)

// newTexture prepares the identity for a track whose face is width pixels wide. change is the
// change of primaries, nil for none.
func newTexture(id *Identity, g *target, r *regions, width float32, wide bool) (*texture, *lightGrid) {
	n := r.n
	fn := float32(n)
	lg := id.texture
	if n != textureSide {
		lg = lg.resampled(n)
	} else {
		lg = lg.clone()
	}
	if wide {
		widen(&lg)
	}
	if s := minification * (fn*.85/max(width, 1) - 1); s > .3 {
		lg = lg.blurred(s)
	}
	w := &lightGrid{weight: pix.NewMap(lightSide, lightSide), gloss: pix.NewMap(lightSide, lightSide)}
	pix.Resample(w.weight, g.weight)
	small := lg.resampled(lightSide)
	w.base = small.lowPass(id.lightFrom, lightSigma*lightSide)
	w.mean = small.mean(id.lightFrom)

	base := w.base.resampled(n)
	features := r.features.Blurred(.01 * fn)
	lips := r.lips.Grow(.006 * fn).Blurred(.008 * fn)
	bare := pix.NewMap(n, n)
	for i := range bare.Pix {
		bare.Pix[i] = (1 - features.Pix[i]) * pix.SmoothStep(r.rim.Pix[i], .02, .08)
	}
	pix.Resample(w.gloss, bare)

	tint, own := shadeTint(g.reference, g.weight), shadeTint(small, id.lightFrom)
	t := &texture{n: n, texels: make([]texel, n*n)}
	for i := range t.texels {
		x := &t.texels[i]
		var d [3]float32
		for k := range d {
			x.base[k] = base[k].Pix[i]
			d[k] = lg[k].Pix[i] - x.base[k]
		}
		y := (d[0] + d[1] + d[2]) / 3
		if y > 0 {
			x.bright = brightCeiling * float32(math.Tanh(float64(y/brightCeiling)))
		}
		f := features.Pix[i]
		dark := min(y, 0)
		for k := range d {
			shade, rest := tint[k]*dark, d[k]-y-own[k]*dark
			feature := shade + pix.Clamp(rest*featureChroma, -featureChromaLimit, featureChromaLimit)
			if lips.Pix[i] > .5 {
				feature = pix.Clamp((d[k]-y)*lipChroma, -featureChromaLimit, featureChromaLimit)
			}
			x.dark[k] = dark + f*feature +
				(1-f)*(shade+pix.Clamp(rest*skinChroma, -skinChromaLimit, skinChromaLimit))
		}
	}
	if id.open > openMouth {
		t.dampFolds(r, lips, pix.SmoothStep(id.open, openMouth, laughOpening))
	}
	t.calmRim(g, r, small, id.lightFrom)
	t.blendLips(g, r, w)
	t.drawAlpha(id, g, r)
	return t, w
}

// widen changes a texture to BT.2020 primaries.
func widen(lg *colours) {
	for i := range lg[0].Pix {
		x := changeGamut([3]float32{lg[0].Pix[i], lg[1].Pix[i], lg[2].Pix[i]}, pix.Widen)
		for k := range x {
			lg[k].Pix[i] = x[k]
		}
	}
}

// dampFolds takes most of the folds from nose to mouth corners out of a photo that smiles, more
// the more it laughs (0…1).
func (t *texture) dampFolds(r *regions, lips pix.Map, laugh float32) {
	fn := float32(r.n)
	width, damping := foldWidth+foldWider*laugh, foldDamping+(1-foldDamping)*.8*laugh
	zone := pix.NewMap(r.n, r.n)
	for _, chain := range [][]int{{49, 203, 206, 216, 212}, {279, 423, 426, 436, 432}} {
		zone.FillLine(r.points(chain), width*fn)
	}
	pix.Blur(zone, zone, .025*fn)
	for k := range 3 {
		smooth := pix.NewMap(r.n, r.n)
		for i := range t.texels {
			smooth.Pix[i] = t.texels[i].dark[k]
		}
		pix.Blur(smooth, smooth, .004*fn)
		for i := range t.texels {
			z := zone.Pix[i] * (1 - lips.Pix[i]) * damping
			fold := smooth.Pix[i] + laugh*(t.texels[i].dark[k]-smooth.Pix[i]) // of a laugh even the finest creases
			t.texels[i].dark[k] -= z * min(fold, 0)
		}
	}
}

// blendLips moves the lips towards the target's colour: its mouth opening and its lips' border
// stay, and another lipstick would show as a rim.
func (t *texture) blendLips(g *target, r *regions, w *lightGrid) {
	fn := float32(r.n)
	at := func(side int) pix.Map {
		lip := pix.NewMap(r.n, r.n)
		inner := r.inner.Grow(.004 * fn)
		for i := range lip.Pix {
			lip.Pix[i] = r.lips.Pix[i] * (1 - inner.Pix[i])
		}
		m := pix.NewMap(side, side)
		pix.Resample(m, lip)
		return m
	}
	lip := at(lightSide)
	small := g.reference.resampled(lightSide)
	weight := w.weight.Clone()
	theirs, under := small.mean(lip), small.lowPass(weight, lightSigma*lightSide)
	low := under.mean(lip)
	full := at(r.n)
	own := newColours(r.n)
	for i := range t.texels {
		x := &t.texels[i]
		for k := range own {
			own[k].Pix[i] = x.bright + x.dark[k]
		}
	}
	mine := own.mean(full)
	var d [3]float32
	mean := float32(0)
	for k := range d {
		d[k] = theirs[k] - low[k] - mine[k]
		mean += d[k] / 3
	}
	// Lips do not get lighter with the skin around them.
	var skins float32
	for k, v := range small.mean(weight) {
		skins += (v - w.mean[k]) / 3
	}
	brightness := lipBrightness + (otherSkin-lipBrightness)*pix.SmoothStep(max(skins, -skins), sameSkin, strangeSkin)
	share := r.lips.Grow(.004 * fn).Blurred(.008 * fn)
	for i, s := range share.Pix {
		for k := range d {
			t.texels[i].dark[k] += s * (lipColour*(d[k]-mean) + brightness*mean)
		}
	}
}

// focus blurs or sharpens the texture's detail once and for all, so that no frame pays for it.
// texels is how many of them fall on a pixel of the footage.
func (t *texture) focus(s sharpness, texels float32) {
	if s.blur == 0 && s.sharpen == 0 {
		return
	}
	sigma := texels // an unsharp mask looks one pixel around
	if s.blur > 0 {
		sigma = s.blur * texels
	}
	channel, soft := pix.NewMap(t.n, t.n), pix.NewMap(t.n, t.n)
	for k := range 4 {
		at := func(i int) *float32 {
			if k == 3 {
				return &t.texels[i].bright
			}
			return &t.texels[i].dark[k]
		}
		for i := range channel.Pix {
			channel.Pix[i] = *at(i)
		}
		pix.Blur(soft, channel, sigma)
		for i, v := range soft.Pix {
			if s.blur > 0 {
				*at(i) = v
			} else {
				*at(i) += s.sharpen * (channel.Pix[i] - v)
			}
		}
	}
}

// drawAlpha fills the share of the new face that does not change from frame to frame: the oval
// with a soft edge under the hairline, what the photo shows, what the target wears.
func (t *texture) drawAlpha(id *Identity, g *target, r *regions) {
	fn := float32(r.n)
	conf, keep := pix.NewMap(r.n, r.n), pix.NewMap(r.n, r.n)
	pix.Resample(conf, id.confidence)
	pix.Resample(keep, g.keep)
	eyes := r.eyes.Grow(eyeGrow * fn).Blurred(eyeSoft * fn)
	lips := r.lips.Grow(ownLips * fn).Blurred(ownLips * fn)
	laugh := pix.SmoothStep(id.open, openMouth, laughOpening)
	beards := pix.NewMap(r.n, r.n)
	pix.Resample(beards, g.bearded(id))
	top := face.Canonical().UV[10].Y
	for i := range t.texels {
		v := r.v(i / r.n)
		a := pix.SmoothStep(r.rim.Pix[i], outlineInset, outlineInset+outlineFeather+beardFade*beards.Pix[i]) *
			pix.SmoothStep(v, top+foreheadFrom, top+foreheadFull)
		t.texels[i].alpha = a * conf.Pix[i] * keep.Pix[i] * (1 - eyes.Pix[i]) * (1 - laugh*lips.Pix[i])
	}
}
