package pix

import "math"

// Tone turns the code values of HDR pictures into those that an SDR camera would have shown, which is
// what networks were trained on, and back. It is the mapping of Sampler.Crop.
type Tone struct {
	curve    *hdrCurve
	transfer Transfer
	wide     bool
}

// toneSteepest is how steep Back may be in highlights, in light of HDR for that of SDR: there the mapping to SDR is
// so flat that without a limit a step of SDR would be a leap of HDR (twenty for one at .98 of white).
const toneSteepest = 2.5

// NewTone returns the mapping for frames of this colour; nil for SDR, which needs none.
func NewTone(c Colour) *Tone {
	if c.Transfer == SDR {
		return nil
	}
	return &Tone{newHDRCurve(c.Transfer), c.Transfer, c.WideGamut}
}

// SDR is the SDR colour of an HDR one, both gamma-coded, 0…255.
func (t *Tone) SDR(r, g, b float32) (float32, float32, float32) {
	r, g, b = t.curve.sdr(Clamp(r/255, 0, 1), Clamp(g/255, 0, 1), Clamp(b/255, 0, 1), t.wide)
	return 255 * r, 255 * g, 255 * b
}

// Back is the HDR colour of an SDR one, both gamma-coded, 0…255. It undoes SDR up to .84 of white in light; brighter
// highlights come back darker than they were, white as 1.4 times paper white. It is meant for
// differences: what a change of SDR means in HDR.
func (t *Tone) Back(r, g, b float32) (float32, float32, float32) {
	light := func(v float32) float32 {
		const top = 1 - (1-hdrKnee)/toneSteepest // where it is as steep as it may be
		m := math.Pow(float64(Clamp(v/255, 0, 1)), 2.2)
		over := max(0, m-top)
		if m = min(m, top); m > hdrKnee {
			m = hdrKnee - (1-hdrKnee)*math.Log(1-(m-hdrKnee)/(1-hdrKnee))
		}
		return float32(m + toneSteepest*over)
	}
	r, g, b = light(r), light(g), light(b)
	if t.wide {
		r, g, b = Widen(r, g, b)
	}
	code := func(l float32) float32 { return float32(255 * toCode(t.transfer, float64(l))) }
	return code(r), code(g), code(b)
}
