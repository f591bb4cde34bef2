package swap

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// The footage's beard goes on under the jaw, where the mesh has ended. Where the photo has none, the new face
// fades towards the jaw over this much more of the UV square, so that the beard grows thicker downwards
// instead of lying as a ring under a bare chin. A beard of the photo on a bare face needs nothing: it
// ends under the usual edge (a wider fade was tried and took the beard away).
const beardFade = .16

// beard is how much each texel of the lower face looks like hair instead of this person's skin, 0…1: darker
// than the skin model allows. skin is the skin model's confidence on the square of r.
func (r *regions) beard(lg colours, skin pix.Map) pix.Map {
	fn := float32(r.n)
	uv := face.Canonical().UV
	nose, lips := uv[2].Y, r.lips.Grow(.02*fn)
	luma := lg.luma()
	var cheeks []float32
	for i, s := range r.seed.Pix {
		if s > .5 {
			cheeks = append(cheeks, luma.Pix[i])
		}
	}
	cheek := nth(cheeks, len(cheeks)/2)
	out, valid := pix.NewMap(r.n, r.n), pix.NewMap(r.n, r.n)
	for i, s := range skin.Pix {
		u, v := r.v(i%r.n)-.5, r.v(i/r.n)
		if r.rim.Pix[i] < beardRim { // shade and neck
			continue
		}
		valid.Pix[i] = pix.SmoothStep(v, nose, nose+.05) * (1 - lips.Pix[i]) * (1 - pix.SmoothStep(max(u, -u), .22, .32))
		out.Pix[i] = valid.Pix[i] * (1 - s) * pix.SmoothStep(cheek-luma.Pix[i], .1, .4)
	}
	// Hairs stand apart: what counts is how dense they are.
	pix.Blur(out, out, beardSpread*fn)
	pix.Blur(valid, valid, beardSpread*fn)
	for i, n := range valid.Pix {
		out.Pix[i] *= min(1, 20*n) / (n + 1e-3)
	}
	return out
}

// beardSpread is the smoothing within which hairs count together, beardRim what of the face's rim is left
// out, both in shares of the square.
const beardSpread, beardRim = .025, .045

// bearded is how far the fade at the jaw has to be widened because the footage has a beard that the photo has
// not, 0…1, on targetSide.
func (g *target) bearded(id *Identity) pix.Map {
	r := g.r
	photo := id.texture.resampled(targetSide)
	seen := pix.NewMap(targetSide, targetSide)
	pix.Resample(seen, id.confidence)
	theirs := r.beard(photo, r.skinConfidence(photo, seen))
	mine := r.beard(g.reference, g.skin)
	for i, t := range theirs.Pix {
		mine.Pix[i] = pix.SmoothStep(mine.Pix[i]-t*pix.SmoothStep(seen.Pix[i], .3, .7), .15, .5)
	}
	return mine.DilateGrey(targetSide / 20).Blurred(.05 * targetSide)
}
