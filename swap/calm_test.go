package swap

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// Stripes all over a photo's skin fade towards the rim of a smooth face and stay whole in the middle; where
// the footage has stripes too, they stay everywhere.
func TestDetailOfThePhotoFadesTowardsTheRim(t *testing.T) {
	const n = targetSide
	r := newRegions(n)
	striped, smooth := newColours(n), newColours(n)
	for i := range striped[0].Pix {
		for k := range striped {
			if i%n/4%2 == 0 {
				striped[k].Pix[i] = .4
			}
		}
	}
	photo, seen := striped.resampled(lightSide), pix.NewMap(lightSide, lightSide)
	pix.Resample(seen, r.skin)
	at := func(footage colours) (rim, middle float32) {
		x := &texture{n: n, texels: make([]texel, n*n)}
		for i := range x.texels {
			x.texels[i].bright = 1
		}
		x.calmRim(&target{r: r, reference: footage, weight: r.skin}, r, photo, seen)
		jaw, nose := r.at(172), r.at(5)
		return x.texels[int(jaw.Y)*n+int(jaw.X)+3].bright, x.texels[int(nose.Y)*n+int(nose.X)].bright
	}
	if rim, middle := at(smooth); rim > .5 || rim < .9*calmFloor || middle < .99 {
		t.Errorf("on a smooth face: %.2f at the rim, %.2f in the middle", rim, middle)
	}
	if rim, middle := at(striped); rim < .99 || middle < .99 {
		t.Errorf("on a striped face: %.2f at the rim, %.2f in the middle", rim, middle)
	}
}

// Skin whose dark places are red gives them that colour; grey ones stay grey.
func TestShadeHasTheSkinsColour(t *testing.T) {
	const n = targetSide
	r := newRegions(n)
	for _, slope := range []float32{0, .2} {
		lg := newColours(n)
		for i := range lg[0].Pix {
			if i/n/4%2 == 0 {
				lg[0].Pix[i], lg[1].Pix[i], lg[2].Pix[i] = -.5*(1-slope), -.5, -.5*(1+slope)
			}
		}
		tint := shadeTint(lg, r.skin)
		if d := tint[0] + slope; d > .03 || d < -.03 {
			t.Errorf("slope %.2f: red %.3f", slope, tint[0])
		}
		if d := tint[2] - slope; d > .03 || d < -.03 {
			t.Errorf("slope %.2f: blue %.3f", slope, tint[2])
		}
	}
}
