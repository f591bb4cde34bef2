package pix

// #include "kernels.h"
import "C"
import (
	"math"
	"unsafe"
)

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

// warpPhases is how finely Warp places a sample between two pixels.
const warpPhases = 64

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
	if checkWarp(dst, src, dx, dy, step); len(src.Pix) == 0 {
		return
	}
	line, mx, my, release := borrowRows(dx.W, src.W)
	defer release()
	C.pix_warp(floats(dst.Pix), floats(src.Pix), C.int(src.W), C.int(src.H), floats(dx.Pix), floats(dy.Pix),
		C.int(dx.W), C.int(step), (*C.float)(&table[0][0]), floats(line), mx, my)
}

// WarpLinear is Warp with bilinear resampling: a little softer, at half the cost.
func WarpLinear(dst, src Map, dx, dy Map, step int) {
	if checkWarp(dst, src, dx, dy, step); len(src.Pix) == 0 {
		return
	}
	line, mx, my, release := borrowRows(dx.W, src.W)
	defer release()
	C.pix_warp_linear(floats(dst.Pix), floats(src.Pix), C.int(src.W), C.int(src.H), floats(dx.Pix), floats(dy.Pix),
		C.int(dx.W), C.int(step), floats(line), mx, my)
}

// borrowRows is memory for a row of the grid and two rows of displacements.
func borrowRows(grid, w int) (line []float32, mx, my *C.int, release func()) {
	memory, release := borrow(grid + 2*w)
	return memory, (*C.int)(unsafe.Pointer(&memory[grid])), (*C.int)(unsafe.Pointer(&memory[grid+w])), release
}

// checkWarp stops a caller whose maps are too small, as an index out of range would.
func checkWarp(dst, src, dx, dy Map, step int) {
	w, h := (src.W-1)/step+2, (src.H-1)/step+2
	if dst.W != src.W || dst.H != src.H || dx.W < w || dx.H < h || dy.W != dx.W || dy.H != dx.H {
		panic("pix: maps of a warp do not fit")
	}
}

// BilinearRow fills dst with the values of m at (x, y), (x+step, y), …, as Bilinear gives them. It
// is how a coarse map is laid over the rows of a fine one.
func (m Map) BilinearRow(dst []float32, x, y, step float32) {
	y = Clamp(y, 0, float32(m.H-1))
	iy := int(y)
	fy := y - float32(iy)
	a, b := m.Row(iy), m.Row(min(iy+1, m.H-1))
	C.pix_bilinear_row(floats(dst), C.int(len(dst)), floats(a), floats(b), C.int(m.W), C.float(fy), C.float(x), C.float(step))
}
