package pix

// #include "kernels.h"
import "C"
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
	memory, release := borrow(src.W*src.H + src.W + 2*r)
	defer release()
	n := src.W * src.H
	C.pix_blur(floats(dst.Pix), floats(src.Pix), floats(memory[:n]), floats(memory[n:]), floats(k), C.int(r), C.int(src.W), C.int(src.H))
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

// rowsAbreast is how many rows pix_box_rows takes side by side.
const rowsAbreast = C.rowsAbreast

func blurBoxes(dst, src Map, sigma float32) {
	r, edge := extendedBox(float64(sigma))
	w, h := src.W, src.H
	norm := 1 / (float64(2*r+1) + 2*edge)
	n := w * h
	memory, release := borrow(2*n + rowsAbreast*(w+2*(r+1)))
	defer release()
	a, b, pad := memory[:n], memory[n:2*n], memory[2*n:]
	copy(a, src.Pix)
	for range boxPasses {
		C.pix_box_rows(floats(b), floats(a), floats(pad), C.int(w), C.int(h), C.int(r), C.double(edge), C.double(norm))
		a, b = b, a
	}
	sum := make([]float64, w)
	for pass := range boxPasses {
		to := b
		if pass == boxPasses-1 {
			to = dst.Pix
		}
		C.pix_box_columns(floats(to), floats(a), doubles(sum), C.int(w), C.int(h), C.int(r), C.double(edge), C.double(norm))
		a, b = b, a
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
	memory, release := borrow(3 * w * h)
	defer release()
	den, tmp, wx := Map{w, h, memory[:w*h]}, Map{w, h, memory[w*h : 2*w*h]}, Map{w, h, memory[2*w*h:]}
	clear(den.Pix)
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
