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

// warpPhases is how finely Warp places a sample between two pixels; warpFarthest, in these steps,
// is the largest displacement. It makes all of them positive, so that conversion to int rounds
// downward, and still leaves a float32 its half steps.
const (
	warpShift    = 6
	warpPhases   = 1 << warpShift
	warpFarthest = 1 << 16
)

// Warp writes the bicubic resampling of src at displaced positions: pixel (x, y) of dst shows
// src at (x+dx, y+dy). dx and dy are grids of every step-th pixel, interpolated between;
// they have at least (w-1)/step + 2 columns and (h-1)/step + 2 rows. dst and src have one size. Where
// the displacement is below 1/128 pixel the sample is src's own, bit for bit. Displacements may not
// exceed 1000 pixels.
func Warp(dst, src Map, dx, dy Map, step int) {
	var table [warpPhases][4]float32
	for i := range table {
		table[i] = CubicWeights(float32(i) / warpPhases)
	}
	w, h := src.W, src.H
	warpRows(dst, src, dx, dy, step, func(d []float32, y int, mx, my []int32) {
		for x := range d {
			m, n := int(mx[x]), int(my[x])
			if m == 0 && n == 0 {
				continue
			}
			ix, iy := x+m>>warpShift, y+n>>warpShift
			wx, wy := &table[m&(warpPhases-1)], &table[n&(warpPhases-1)]
			if ix < 1 || iy < 1 || ix+2 >= w || iy+2 >= h {
				d[x] = warpBorder(src, ix, iy, wx, wy)
				continue
			}
			p := (iy-1)*w + ix - 1
			x0, x1, x2, x3 := wx[0], wx[1], wx[2], wx[3]
			q0, q1 := src.Pix[p:p+4:p+4], src.Pix[p+w:p+w+4:p+w+4]
			q2, q3 := src.Pix[p+2*w:p+2*w+4:p+2*w+4], src.Pix[p+3*w:p+3*w+4:p+3*w+4]
			d[x] = wy[0]*(x0*q0[0]+x1*q0[1]+x2*q0[2]+x3*q0[3]) +
				wy[1]*(x0*q1[0]+x1*q1[1]+x2*q1[2]+x3*q1[3]) +
				wy[2]*(x0*q2[0]+x1*q2[1]+x2*q2[2]+x3*q2[3]) +
				wy[3]*(x0*q3[0]+x1*q3[1]+x2*q3[2]+x3*q3[3])
		}
	})
}

// WarpLinear is Warp with bilinear resampling: a little softer, at half the cost.
func WarpLinear(dst, src Map, dx, dy Map, step int) {
	w, h := src.W, src.H
	warpRows(dst, src, dx, dy, step, func(d []float32, y int, mx, my []int32) {
		for x := range d {
			m, n := int(mx[x]), int(my[x])
			if m == 0 && n == 0 {
				continue
			}
			ix, iy := x+m>>warpShift, y+n>>warpShift
			fx := float32(m&(warpPhases-1)) * (1. / warpPhases)
			fy := float32(n&(warpPhases-1)) * (1. / warpPhases)
			if ix < 0 || iy < 0 || ix+1 >= w || iy+1 >= h {
				d[x] = src.Bilinear(float32(ix)+fx, float32(iy)+fy)
				continue
			}
			p := iy*w + ix
			q0, q1 := src.Pix[p:p+2:p+2], src.Pix[p+w:p+w+2:p+w+2]
			top, bottom := q0[0]+fx*(q0[1]-q0[0]), q1[0]+fx*(q1[1]-q1[0])
			d[x] = top + fy*(bottom-top)
		}
	})
}

// warpRows copies src to dst and hands each row with its displacements, in whole steps of 1/64
// pixel, to fetch.
func warpRows(dst, src, dx, dy Map, step int, fetch func(d []float32, y int, mx, my []int32)) {
	inv := 1 / float32(step)
	cols, rows := make([]float32, dx.W), make([]float32, dx.W)
	mx, my := make([]int32, src.W), make([]int32, src.W)
	for y := range src.H {
		gy := float32(y) * inv
		j := int(gy)
		lerpRow(cols, dx.Row(j), dx.Row(j+1), gy-float32(j))
		lerpRow(rows, dy.Row(j), dy.Row(j+1), gy-float32(j))
		for x := range mx {
			gx := float32(x) * inv
			i := int(gx)
			f := gx - float32(i)
			mx[x] = int32((cols[i]+f*(cols[i+1]-cols[i]))*warpPhases+(warpFarthest+.5)) - warpFarthest
			my[x] = int32((rows[i]+f*(rows[i+1]-rows[i]))*warpPhases+(warpFarthest+.5)) - warpFarthest
		}
		copy(dst.Row(y), src.Row(y))
		fetch(dst.Row(y), y, mx, my)
	}
}

// BilinearRow fills dst with the values of m at (x, y), (x+step, y), …, as Bilinear gives them. It
// is how a coarse map is laid over the rows of a fine one.
func (m Map) BilinearRow(dst []float32, x, y, step float32) {
	y = Clamp(y, 0, float32(m.H-1))
	iy := int(y)
	fy := y - float32(iy)
	a, b := m.Row(iy), m.Row(min(iy+1, m.H-1))
	last := float32(m.W - 1)
	for i := range dst {
		at := Clamp(x+float32(i)*step, 0, last)
		j := int(at)
		k := min(j+1, m.W-1)
		f := at - float32(j)
		l, r := a[j]+fy*(b[j]-a[j]), a[k]+fy*(b[k]-a[k])
		dst[i] = l + f*(r-l)
	}
}

func lerpRow(dst, a, b []float32, f float32) {
	for i := range dst {
		dst[i] = a[i] + f*(b[i]-a[i])
	}
}

func warpBorder(src Map, ix, iy int, wx, wy *[4]float32) float32 {
	v := float32(0)
	for k := range wy {
		row := src.Row(min(max(iy-1+k, 0), src.H-1))
		for i := range wx {
			v += wy[k] * wx[i] * row[min(max(ix-1+i, 0), src.W-1)]
		}
	}
	return v
}
