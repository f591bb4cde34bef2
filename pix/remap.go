package pix

import "math"

// Bicubic is the value at (x, y) by Catmull-Rom splines over the sixteen pixels around it
// (Keys, "Cubic convolution interpolation", 1981, a = -1/2); beyond the border the border goes on.
func (m Map) Bicubic(x, y float32) float32 {
	x, y = Clamp(x, -2, float32(m.W+1)), Clamp(y, -2, float32(m.H+1))
	ix, iy := int(math.Floor(float64(x))), int(math.Floor(float64(y)))
	wx, wy := CubicWeights(x-float32(ix)), CubicWeights(y-float32(iy))
	v := float32(0)
	for j := range 4 {
		row := m.Row(min(max(iy-1+j, 0), m.H-1))
		r := float32(0)
		for i := range 4 {
			r += wx[i] * row[min(max(ix-1+i, 0), m.W-1)]
		}
		v += wy[j] * r
	}
	return v
}

// CubicWeights are the Catmull-Rom weights of the pixels at -1, 0, 1 and 2 for a point at
// 0 ≤ t < 1.
func CubicWeights(t float32) [4]float32 {
	t2, t3 := t*t, t*t*t
	return [4]float32{
		-.5*t3 + t2 - .5*t,
		1.5*t3 - 2.5*t2 + 1,
		-1.5*t3 + 2*t2 + .5*t,
		.5*t3 - .5*t2,
	}
}
