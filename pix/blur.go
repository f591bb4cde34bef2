package pix

import "math"

// wideSigma is the standard deviation from which a Gaussian is made of box filters; below
// it the kernel is short enough to be applied as it is.
const wideSigma = 3

// Blur writes src, smoothed by a Gaussian of the given standard deviation in pixels, to
// dst, which may be src. Beyond the border the border's value goes on. A wide Gaussian is
// approximated by three extended box filters (Gwosdek et al., "Theoretical foundations
// of Gaussian convolution by extended box filtering", 2011): its cost does not depend on
// sigma and its error is below 1 % of a step's height (near the border, where the boxes see
// it anew each time, up to a tenth).
func Blur(dst, src Map, sigma float32) {
	if sigma < 0.05 || src.W == 0 || src.H == 0 {
		copy(dst.Pix, src.Pix)
		return
	}
	if sigma < wideSigma {
		blurKernel(dst, src, sigma)
		return
	}
	blurBoxes(dst, src, sigma)
}

// Blurred returns m smoothed as by Blur.
func (m Map) Blurred(sigma float32) Map {
	o := NewMap(m.W, m.H)
	Blur(o, m, sigma)
	return o
}

// gaussKernel is half of a normalised Gaussian: k[0] is its centre.
func gaussKernel(sigma float64) []float32 {
	r := int(math.Ceil(3 * sigma))
	k := make([]float64, r+1)
	sum := 0.0
	for i := range k {
		k[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += k[i]
		if i > 0 {
			sum += k[i]
		}
	}
	out := make([]float32, r+1)
	for i := range k {
		out[i] = float32(k[i] / sum)
	}
	return out
}

func blurKernel(dst, src Map, sigma float32) {
	k := gaussKernel(float64(sigma))
	r := len(k) - 1
	mid := NewMap(src.W, src.H)
	pad := make([]float32, src.W+2*r)
	for y := range src.H {
		s, d := src.Row(y), mid.Row(y)
		padRow(pad, s, r)
		for x := range d {
			p := pad[x : x+2*r+1]
			v := k[0] * p[r]
			for j := 1; j <= r; j++ {
				v += k[j] * (p[r-j] + p[r+j])
			}
			d[x] = v
		}
	}
	for y := range src.H {
		d := dst.Row(y)
		for x, v := range mid.Row(y) {
			d[x] = k[0] * v
		}
		for j := 1; j <= r; j++ {
			up, down := mid.Row(max(0, y-j)), mid.Row(min(src.H-1, y+j))
			w := k[j]
			for x := range d {
				d[x] += w * (up[x] + down[x])
			}
		}
	}
}

// padRow copies s into the middle of pad and repeats its ends r times on either side.
func padRow(pad, s []float32, r int) {
	copy(pad[r:], s)
	for i := range r {
		pad[i], pad[len(pad)-1-i] = s[0], s[len(s)-1]
	}
}

// boxPasses is how often the box is applied; three come close to a Gaussian.
const boxPasses = 3

// extendedBox gives the whole radius of the box and the weight of the two samples just
// outside it, relative to those inside, for a given variance per pass.
func extendedBox(sigma float64) (r int, edge float64) {
	v := sigma * sigma / boxPasses
	r = int(math.Floor(0.5*math.Sqrt(12*v+1) - 0.5))
	fr := float64(r)
	edge = (2*fr + 1) * (fr*(fr+1) - 3*v) / (6 * (v - (fr+1)*(fr+1)))
	return r, edge
}

func blurBoxes(dst, src Map, sigma float32) {
	r, edge := extendedBox(float64(sigma))
	w, h := src.W, src.H
	norm := 1 / (float64(2*r+1) + 2*edge)
	a, b := NewMap(w, h), NewMap(w, h)
	pad := make([]float32, w+2*(r+1))
	copy(a.Pix, src.Pix)
	for range boxPasses {
		for y := range h {
			boxRow(b.Row(y), a.Row(y), pad, r, edge, norm)
		}
		a, b = b, a
	}
	sum := make([]float64, w)
	for pass := range boxPasses {
		to := b
		if pass == boxPasses-1 {
			to = dst
		}
		boxColumns(to, a, sum, r, edge, norm)
		a, b = b, a
	}
}

func boxRow(d, s, pad []float32, r int, edge, norm float64) {
	padRow(pad, s, r+1)
	sum := 0.0
	for _, v := range pad[1 : 2*r+2] {
		sum += float64(v)
	}
	for x := range d {
		first, last := float64(pad[x]), float64(pad[x+2*r+2])
		d[x] = float32((sum + edge*(first+last)) * norm)
		sum += last - float64(pad[x+1])
	}
}

func boxColumns(dst, src Map, sum []float64, r int, edge, norm float64) {
	row := func(y int) []float32 { return src.Row(min(max(y, 0), src.H-1)) }
	clear(sum)
	for y := -r; y <= r; y++ {
		for x, v := range row(y) {
			sum[x] += float64(v)
		}
	}
	for y := range src.H {
		d, before, after, gone := dst.Row(y), row(y-r-1), row(y+r+1), row(y-r)
		for x := range d {
			in := float64(after[x])
			d[x] = float32((sum[x] + edge*(float64(before[x])+in)) * norm)
			sum[x] += in - float64(gone[x])
		}
	}
}

// Fallbacks of LowPass: how much wider the kernel gets and how little it then counts.
const (
	lowPassWider1, lowPassWeight1 = 2.2, 0.02
	lowPassWider2, lowPassWeight2 = 5.0, 0.0004
)

// LowPass smooths each of the maps by normalised convolution: only where weight (0…1)
// is large do values count, and far from any of them wider and wider kernels take over,
// so that every pixel gets a value (Knutsson and Westin, "Normalized and differential
// convolution", 1993). The results are new maps.
func LowPass(maps []Map, weight Map, sigma float32) []Map {
	w, h := weight.W, weight.H
	den, tmp, wx := NewMap(w, h), NewMap(w, h), NewMap(w, h)
	out := make([]Map, len(maps))
	for i := range out {
		out[i] = NewMap(w, h)
	}
	for _, k := range [...]struct{ wider, weight float32 }{
		{1, 1}, {lowPassWider1, lowPassWeight1}, {lowPassWider2, lowPassWeight2},
	} {
		Blur(tmp, weight, sigma*k.wider)
		for p, v := range tmp.Pix {
			den.Pix[p] += k.weight * v
		}
		for i, m := range maps {
			for p, v := range m.Pix {
				wx.Pix[p] = v * weight.Pix[p]
			}
			Blur(tmp, wx, sigma*k.wider)
			o := out[i].Pix
			for p, v := range tmp.Pix {
				o[p] += k.weight * v
			}
		}
	}
	for p, d := range den.Pix {
		inv := 1 / (d + 1e-9)
		for i := range out {
			out[i].Pix[p] *= inv
		}
	}
	return out
}
