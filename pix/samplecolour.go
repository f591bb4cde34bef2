package pix

import "math"

// yuv turns sample values of one kind of frame into gamma-coded RGB (ITU-T H.273, 8.3).
type yuv struct {
	black, gain     float32 // luma
	neutral, chroma float32
	rv, gu, gv, bu  float32
}

func newYUV(f *Frame) yuv {
	kr, kb := .2126, .0722
	switch f.Matrix {
	case BT601:
		kr, kb = .299, .114
	case BT2020:
		kr, kb = .2627, .0593
	}
	kg := 1 - kr - kb
	unit := float32(int(1) << (f.Depth - 8))
	c := yuv{neutral: 128 * unit}
	if f.Full {
		top := float32(int(1)<<f.Depth - 1)
		c.gain, c.chroma = 1/top, 1/top
	} else {
		c.black, c.gain, c.chroma = 16*unit, 1/(219*unit), 1/(224*unit)
	}
	c.rv = float32(2*(1-kr)) * c.chroma
	c.bu = float32(2*(1-kb)) * c.chroma
	c.gu = float32(-2*kb*(1-kb)/kg) * c.chroma
	c.gv = float32(-2*kr*(1-kr)/kg) * c.chroma
	return c
}

// hdrCurve maps HDR code values to SDR ones by tables.
type hdrCurve struct {
	transfer Transfer
	linear   [1025]float32 // code value 0…1 → light, 1 = reference white
	coded    [1025]float32 // square root of tone-mapped light 0…1 → SDR code value
}

func newHDRCurve(t Transfer) *hdrCurve {
	h := &hdrCurve{transfer: t}
	for i := range h.linear {
		v := float64(i) / 1024
		if t == PQ {
			h.linear[i] = float32(pqLight(v))
		} else {
			h.linear[i] = float32(hlgLight(v))
		}
		root := v * v
		h.coded[i] = float32(math.Pow(root, 1/2.2))
	}
	return h
}

// pqLight is SMPTE ST 2084 relative to 203 cd/m², the reference white of BT.2408.
func pqLight(v float64) float64 {
	const m1, m2 = 2610.0 / 16384, 2523.0 / 4096 * 128
	const c1, c2, c3 = 3424.0 / 4096, 2413.0 / 4096 * 32, 2392.0 / 4096 * 32
	p := math.Pow(v, 1/m2)
	return 10000.0 / 203 * math.Pow(max(0, p-c1)/(c2-c3*p), 1/m1)
}

// hlgLight is the inverse OETF of ARIB STD-B67 relative to code value .75, BT.2408's
// reference white.
func hlgLight(v float64) float64 {
	const a, b, c = .17883277, .28466892, .55991073
	light := func(v float64) float64 {
		if v <= .5 {
			return v * v / 3
		}
		return (math.Exp((v-c)/a) + b) / 12
	}
	return light(v) / light(.75)
}

// sdr maps a pixel: to light, to BT.709 primaries, highlights rolled off above 60 % of
// reference white, to a display gamma of 2.2.
func (h *hdrCurve) sdr(r, g, b float32, wide bool) (float32, float32, float32) {
	r, g, b = lookUp(&h.linear, r), lookUp(&h.linear, g), lookUp(&h.linear, b)
	if wide { // BT.2087
		r, g, b = 1.6605*r-.5876*g-.0728*b, -.1246*r+1.1329*g-.0083*b, -.0182*r-.1006*g+1.1187*b
	}
	return h.code(r), h.code(g), h.code(b)
}

// hdrKnee is the share of reference white from which highlights are rolled off.
const hdrKnee = .6

func (h *hdrCurve) code(x float32) float32 {
	if x > hdrKnee {
		x = hdrKnee + (1-hdrKnee)*(1-float32(math.Exp(float64((hdrKnee-x)/(1-hdrKnee)))))
	}
	return lookUp(&h.coded, float32(math.Sqrt(float64(max(0, x)))))
}

func lookUp(table *[1025]float32, v float32) float32 {
	p := v * 1024
	i := min(1023, int(p))
	return table[i] + (p-float32(i))*(table[i+1]-table[i])
}
