package pix

import "math"

// Coder turns the samples of one kind of frame into gamma-coded RGB and back, both on an
// 8-bit scale: samples divided by 2^(depth-8), RGB 0…255 of full range.
// It is plain arithmetic (ITU-T H.273, 8.3) and does not clip.
type Coder struct {
	kr, kb         float32
	yOff, yMul     float32 // luma code of black, RGB steps per luma step
	cMul           float32
	ur, vr, ub, vg float32
	yInv, cInv     float32
	LumaLo, LumaHi float32 // legal range of luma
	ChromaLo       float32 // legal range of chroma
	ChromaHi       float32
}

// NewCoder returns the Coder for frames of this colour.
func NewCoder(c Colour) Coder {
	k := Coder{kr: .2126, kb: .0722}
	switch c.Matrix {
	case BT601:
		k.kr, k.kb = .299, .114
	case BT2020:
		k.kr, k.kb = .2627, .0593
	}
	k.yOff, k.yInv, k.cInv = 16, 219./255, 224./255
	k.LumaLo, k.LumaHi, k.ChromaLo, k.ChromaHi = 16, 235, 16, 240
	if c.Full {
		k.yOff, k.yInv, k.cInv = 0, 1, 1
		k.LumaLo, k.LumaHi, k.ChromaLo, k.ChromaHi = 0, 255, 0, 255
	}
	k.yMul, k.cMul = 1/k.yInv, 1/k.cInv
	kg := 1 - k.kr - k.kb
	k.vr = 2 * (1 - k.kr) * k.cMul
	k.ub = 2 * (1 - k.kb) * k.cMul
	k.ur = -2 * (1 - k.kb) * k.kb / kg * k.cMul // what U takes from green
	k.vg = -2 * (1 - k.kr) * k.kr / kg * k.cMul // what V takes from green
	return k
}

// RGB gives red, green and blue of a sample.
func (k *Coder) RGB(y, u, v float32) (r, g, b float32) {
	l := (y - k.yOff) * k.yMul
	u, v = u-128, v-128
	return l + k.vr*v, l + k.ur*u + k.vg*v, l + k.ub*u
}

// YUV gives the sample of a colour.
func (k *Coder) YUV(r, g, b float32) (y, u, v float32) {
	y, u, v = k.Difference(r, g, b)
	return y + k.yOff, u + 128, v + 128
}

// Difference is YUV for a difference of two colours: without offsets.
func (k *Coder) Difference(r, g, b float32) (y, u, v float32) {
	l := k.kr*r + (1-k.kr-k.kb)*g + k.kb*b
	return l * k.yInv, (b - l) / (2 * (1 - k.kb)) * k.cInv, (r - l) / (2 * (1 - k.kr)) * k.cInv
}

// Sums are the factors of YUV for loops of their own: with l = s[0]·r + s[1]·g + s[2]·b it is
// y = s[3]·l + s[4], u = s[5]·(b-l) + 128, v = s[6]·(r-l) + 128.
func (k *Coder) Sums() (s [7]float32) {
	return [7]float32{k.kr, 1 - k.kr - k.kb, k.kb, k.yInv, k.yOff, k.cInv / (2 * (1 - k.kb)), k.cInv / (2 * (1 - k.kr))}
}

// Light is kept as x = log(light + LightFloor), light being linear with 1 for the white of paper:
// differences of x are ratios of light in all but the deepest shadow.
const LightFloor = .006

// paperWhite of the HDR transfers as a share of their own scale: ITU-R BT.2408 puts it at
// 75 % of the HLG signal and at 203 cd/m².
const (
	hlgPaper = .265 // HLG scene light of 75 % signal
	pqPaper  = 203. / 10000
)

// Curve converts between gamma-coded values 0…255 and log light for one transfer, by tables.
type Curve struct {
	log      [4 * 256]float32
	code     []float32
	lo, step float32 // log light of code[0]; entries per unit of log light
}

// curveSteps per unit of log light keep the table's error below a tenth of an 8-bit step.
const curveSteps = 800

// NewCurve returns the curve of a transfer.
func NewCurve(t Transfer) *Curve {
	c := &Curve{}
	for i := range c.log {
		c.log[i] = float32(math.Log(toLight(t, float64(i)/float64(len(c.log)-1)) + LightFloor))
	}
	top := math.Log(toLight(t, 1) + LightFloor)
	c.lo, c.step = float32(math.Log(LightFloor)), curveSteps
	n := int((top-math.Log(LightFloor))*curveSteps) + 2
	c.code = make([]float32, n)
	for i := range c.code {
		l := math.Exp(float64(c.lo)+float64(i)/curveSteps) - LightFloor
		c.code[i] = float32(255 * toCode(t, l))
	}
	return c
}

// Log is the log light of a gamma-coded value 0…255; values outside are clipped.
func (c *Curve) Log(v float32) float32 {
	x := Clamp(v, 0, 255) * (float32(len(c.log)-1) / 255)
	i := min(int(x), len(c.log)-2)
	f := x - float32(i)
	return c.log[i] + f*(c.log[i+1]-c.log[i])
}

// Code is the gamma-coded value 0…255 of a log light; light outside the transfer is clipped.
func (c *Curve) Code(x float32) float32 {
	p := Clamp((x-c.lo)*c.step, 0, float32(len(c.code)-1))
	i := min(int(p), len(c.code)-2)
	f := p - float32(i)
	return c.code[i] + f*(c.code[i+1]-c.code[i])
}

// Codes is the table behind Code, for loops of their own: entry i holds the code of log light
// low + i/steps. It must not be changed.
func (c *Curve) Codes() (table []float32, low, steps float32) { return c.code, c.lo, c.step }

// toLight is the light, 1 for paper white, of a code value 0…1.
func toLight(t Transfer, v float64) float64 {
	switch t {
	case HLG: // ITU-R BT.2100, inverse OETF: scene light
		const a, b, c = .17883277, .28466892, .55991073
		if v <= .5 {
			return v * v / 3 / hlgPaper
		}
		return (math.Exp((v-c)/a) + b) / 12 / hlgPaper
	case PQ: // SMPTE ST 2084
		const m1, m2, c1, c2, c3 = .1593017578125, 78.84375, .8359375, 18.8515625, 18.6875
		p := math.Pow(v, 1/m2)
		return math.Pow(max(0, p-c1)/(c2-c3*p), 1/m1) / pqPaper
	}
	if v <= .04045 { // IEC 61966-2-1
		return v / 12.92
	}
	return math.Pow((v+.055)/1.055, 2.4)
}

// toCode is the inverse of toLight, clipped to 0…1.
func toCode(t Transfer, l float64) float64 {
	l = max(0, l)
	switch t {
	case HLG:
		const a, b, c = .17883277, .28466892, .55991073
		e := l * hlgPaper
		if e <= 1./12 {
			return math.Sqrt(3 * e)
		}
		return min(1, a*math.Log(12*e-b)+c)
	case PQ:
		const m1, m2, c1, c2, c3 = .1593017578125, 78.84375, .8359375, 18.8515625, 18.6875
		p := math.Pow(min(1, l*pqPaper), m1)
		return math.Pow((c1+c2*p)/(1+c3*p), m2)
	}
	if l <= .0031308 {
		return l * 12.92
	}
	return min(1, 1.055*math.Pow(l, 1/2.4)-.055)
}

// Widen turns the light of BT.709 primaries into that of BT.2020 ones (ITU-R BT.2087).
func Widen(r, g, b float32) (float32, float32, float32) {
	return .6274*r + .3293*g + .0433*b, .0691*r + .9195*g + .0114*b, .0164*r + .0880*g + .8956*b
}

// Narrow is the inverse of Widen; colours outside BT.709 get a negative part.
func Narrow(r, g, b float32) (float32, float32, float32) {
	return 1.6605*r - .5876*g - .0728*b, -.1246*r + 1.1329*g - .0083*b, -.0182*r - .1006*g + 1.1187*b
}
