package pix

import "math"

// Map is one float per pixel, row by row without gaps: a mask (0…1), a distance, a light
// level, one channel of a picture. Its unit is the user's.
type Map struct {
	W, H int
	Pix  []float32
}

// NewMap returns a map of zeros.
func NewMap(w, h int) Map { return Map{w, h, make([]float32, w*h)} }

// Reset makes m a map of zeros of w×h, keeping its memory where it suffices.
func (m *Map) Reset(w, h int) {
	m.Resize(w, h)
	clear(m.Pix)
}

// Resize gives m the size w×h with undefined content, keeping its memory where it suffices.
func (m *Map) Resize(w, h int) {
	m.W, m.H = w, h
	if cap(m.Pix) < w*h {
		m.Pix = make([]float32, w*h)
	}
	m.Pix = m.Pix[:w*h]
}

// Clone returns a copy that shares nothing with m.
func (m Map) Clone() Map { return Map{m.W, m.H, append([]float32(nil), m.Pix...)} }

// Row is row y.
func (m Map) Row(y int) []float32 { return m.Pix[y*m.W : (y+1)*m.W] }

// Each replaces every value v by f(v).
func (m Map) Each(f func(v float32) float32) Map {
	for i, v := range m.Pix {
		m.Pix[i] = f(v)
	}
	return m
}

// Mul multiplies m by o, pixel by pixel.
func (m Map) Mul(o Map) Map {
	for i, v := range o.Pix {
		m.Pix[i] *= v
	}
	return m
}

// Max keeps the larger of m and o, pixel by pixel.
func (m Map) Max(o Map) Map {
	for i, v := range o.Pix {
		m.Pix[i] = max(m.Pix[i], v)
	}
	return m
}

// Mirrored returns m with left and right exchanged.
func (m Map) Mirrored() Map {
	o := NewMap(m.W, m.H)
	for y := range m.H {
		s, d := m.Row(y), o.Row(y)
		for x, v := range s {
			d[m.W-1-x] = v
		}
	}
	return o
}

// Bilinear is the value at (x, y), interpolated between the four pixels around it; outside,
// the border's value.
func (m Map) Bilinear(x, y float32) float32 {
	x, y = Clamp(x, 0, float32(m.W-1)), Clamp(y, 0, float32(m.H-1))
	ix, iy := int(x), int(y)
	fx, fy := x-float32(ix), y-float32(iy)
	jx, jy := min(ix+1, m.W-1), min(iy+1, m.H-1)
	a, b := m.Pix[iy*m.W+ix], m.Pix[iy*m.W+jx]
	c, d := m.Pix[jy*m.W+ix], m.Pix[jy*m.W+jx]
	top, bottom := a+fx*(b-a), c+fx*(d-c)
	return top + fy*(bottom-top)
}

// Clamp limits v to lo…hi; what is not a number becomes lo.
func Clamp(v, lo, hi float32) float32 {
	if v > hi {
		return hi
	}
	if v >= lo {
		return v
	}
	return lo
}

// SmoothStep rises from 0 at x = a to 1 at x = b with level ends (3t²-2t³).
func SmoothStep(x, a, b float32) float32 {
	t := Clamp((x-a)/(b-a), 0, 1)
	return t * t * (3 - 2*t)
}

// RGB is a picture of three maps of one size: gamma-coded red, green and blue, 0…255
// whatever the depth of the frame it comes from.
type RGB struct {
	W, H int
	C    [3][]float32
}

// NewRGB returns a black picture.
func NewRGB(w, h int) *RGB {
	p := &RGB{W: w, H: h}
	for c := range p.C {
		p.C[c] = make([]float32, w*h)
	}
	return p
}

// Channel is one channel as a map that shares p's memory.
func (p *RGB) Channel(c int) Map { return Map{p.W, p.H, p.C[c]} }

// Clone returns a copy that shares nothing with p.
func (p *RGB) Clone() *RGB {
	o := &RGB{W: p.W, H: p.H}
	for c := range p.C {
		o.C[c] = append([]float32(nil), p.C[c]...)
	}
	return o
}

// Resample fills dst from src so that their corner pixels' centres coincide, as grids of
// one UV square do. Growing is bilinear, shrinking averages with a tent as wide as a target pixel.
func Resample(dst, src Map) {
	sx, sy := float64(0), float64(0)
	if dst.W > 1 {
		sx = float64(src.W-1) / float64(dst.W-1)
	}
	if dst.H > 1 {
		sy = float64(src.H-1) / float64(dst.H-1)
	}
	resample(dst, src, sx, 0, sy, 0)
}

// Scale fills dst from src so that their outer edges coincide, as pictures of one scene do.
// Filters as Resample.
func Scale(dst, src Map) {
	sx, sy := float64(src.W)/float64(dst.W), float64(src.H)/float64(dst.H)
	resample(dst, src, sx, (sx-1)/2, sy, (sy-1)/2)
}

// taps are the weights with which one target pixel sees the source.
type taps struct {
	first int
	w     []float32
}

// tentTaps places n target pixels at offset + i·step on a line of size source pixels.
func tentTaps(n, size int, step, offset float64) []taps {
	all := make([]taps, n)
	reach := max(1, step)
	for i := range all {
		pos := offset + float64(i)*step
		lo, hi := int(math.Ceil(pos-reach)), int(math.Floor(pos+reach))
		t := taps{first: min(max(lo, 0), size-1)}
		sum := 0.0
		var w []float64
		for j := lo; j <= hi; j++ {
			k := max(0, 1-math.Abs(float64(j)-pos)/reach)
			at := min(max(j, 0), size-1) - t.first // beyond the border counts as the border
			for len(w) <= at {
				w = append(w, 0)
			}
			w[at] += k
			sum += k
		}
		for _, k := range w {
			t.w = append(t.w, float32(k/sum))
		}
		all[i] = t
	}
	return all
}

func resample(dst, src Map, sx, ox, sy, oy float64) {
	cols, rows := tentTaps(dst.W, src.W, sx, ox), tentTaps(dst.H, src.H, sy, oy)
	mid := NewMap(dst.W, src.H)
	for y := range src.H {
		s, d := src.Row(y), mid.Row(y)
		for x := range d {
			t := &cols[x]
			v := float32(0)
			for j, w := range t.w {
				v += w * s[t.first+j]
			}
			d[x] = v
		}
	}
	for y := range dst.H {
		d := dst.Row(y)
		clear(d)
		for j, w := range rows[y].w {
			for x, v := range mid.Row(rows[y].first + j) {
				d[x] += w * v
			}
		}
	}
}
