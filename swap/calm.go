package swap

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// Wrinkles, stubble and hard light of a photo must not end at the line at which the new face does: towards
// its rim they fall off to as much detail as the footage has in the same place. Distances from the face's
// outline and sigmas are shares of the UV square.
const (
	rimCalm, rimFree = .05, .13 // between them the photo's detail comes in full
	calmMore         = 1.3      // times the footage's own detail that is allowed
	calmFloor        = .4       // of the photo's detail that always stays: the rest of a beard
	calmLeast        = 2e-4     // squared log light: what smooth skin has
	calmSpread       = .05      // around a texel in which detail counts
)

// calmRim scales the texture's detail near the rim. photo is the identity on lightSide, seen its weight. Brows
// stay whole: they are no texture.
func (t *texture) calmRim(g *target, r *regions, photo colours, seen pix.Map) {
	theirs := g.r.detailPower(g.reference.resampled(lightSide), g.weight)
	mine := g.r.detailPower(photo, seen)
	share := pix.NewMap(lightSide, lightSide)
	for i, p := range mine.Pix {
		share.Pix[i] = pix.Clamp(calmMore*float32(math.Sqrt(float64((theirs.Pix[i]+calmLeast)/(p+calmLeast)))), calmFloor, 1)
	}
	full := pix.NewMap(r.n, r.n)
	pix.Resample(full, share)
	brows := r.brows.Grow(.015 * float32(r.n)).Blurred(.01 * float32(r.n))
	for i := range t.texels {
		k := full.Pix[i]
		k += (1 - k) * max(brows.Pix[i], pix.SmoothStep(r.rim.Pix[i], rimCalm, rimFree))
		x := &t.texels[i]
		x.bright *= k
		for c := range x.dark {
			x.dark[c] *= k
		}
	}
}

// detailPower is the mean square, around each texel, of what is finer than light, in squared log light. lg is
// on lightSide, weight says where skin is.
func (r *regions) detailPower(lg colours, weight pix.Map) pix.Map {
	const n = lightSide
	w, rim, features := pix.NewMap(n, n), pix.NewMap(n, n), pix.NewMap(n, n)
	pix.Resample(w, weight)
	pix.Resample(rim, r.rim)
	pix.Resample(features, r.features)
	base := lg.lowPass(w, lightSigma*n)
	l, b := lg.luma(), base.luma()
	for i, v := range l.Pix {
		d := v - b.Pix[i]
		l.Pix[i] = d * d
		w.Pix[i] = 0
		if rim.Pix[i] > .015 {
			w.Pix[i] = 1 - features.Pix[i]
		}
	}
	return pix.LowPass([]pix.Map{l}, w, calmSpread*n)[0]
}
