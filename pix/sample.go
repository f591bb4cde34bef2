package pix

/*
#cgo noescape pix_reduce8
#cgo nocallback pix_reduce8
#cgo noescape pix_reduce16
#cgo nocallback pix_reduce16
#cgo noescape pix_sample_line
#cgo nocallback pix_sample_line
#cgo noescape pix_rgb_line
#cgo nocallback pix_rgb_line
#include "sample.h"
*/
import "C"
import (
	"math"
	"unsafe"
)

// Square is a square part of a frame, perhaps turned and perhaps reaching beyond its edges.
type Square struct {
	X, Y  float32 // centre
	Side  float32 // length of a side in frame pixels, > 0
	Angle float32 // by which the square is turned, clockwise as seen
}

// ToFrame is where pixel p of an n×n crop of the square lies in the frame.
func (s Square) ToFrame(n int, p Vec2) Vec2 {
	sin, cos := math.Sincos(float64(s.Angle))
	k := s.Side / float32(n)
	x, y := k*(p.X-float32(n-1)/2), k*(p.Y-float32(n-1)/2)
	return Vec2{s.X + float32(cos)*x - float32(sin)*y, s.Y + float32(sin)*x + float32(cos)*y}
}

// ToCrop is where a point of the frame lies in an n×n crop of the square, in pixels.
func (s Square) ToCrop(n int, p Vec2) Vec2 {
	sin, cos := math.Sincos(float64(s.Angle))
	k := float32(n) / s.Side
	x, y := k*(p.X-s.X), k*(p.Y-s.Y)
	return Vec2{float32(cos)*x + float32(sin)*y + float32(n-1)/2, float32(cos)*y - float32(sin)*x + float32(n-1)/2}
}

// SampleOptions say what a network wants to see.
type SampleOptions struct {
	Lo, Hi float32 // values of black and white; both 0 means 0 and 1
	Planar bool    // channel after channel instead of interleaved
	BGR    bool    // blue first
	Mirror bool    // left and right swapped
	Codes  bool    // the frame's own code values, HDR not mapped
	Black  bool    // black beyond the frame's edges instead of the edge's colour
}

// Sampler cuts turned squares out of frames as RGB. It keeps its buffers from call to
// call: one per goroutine. The zero value is ready.
type Sampler struct {
	planes [3]reduced
	hdr    *hdrCurve
	line   []float32 // of red, green and blue
}

// reduced is a part of a plane averaged over factor×factor samples, with its edges
// repeated outward.
type reduced struct {
	pix    []float32
	w, h   int
	x0, y0 int // plane position of the first sample of the first cell
	factor int
	sums   []uint32 // down the columns of a row of cells
}

// Crop fills dst, 3·n·n long, with the square as seen in n×n pixels of RGB, gamma-coded.
// It averages where it shrinks, interpolates bilinearly, and knows every layout, depth, matrix and
// range of Frame. HDR is mapped to what an SDR camera would have shown (BT.2408 reference
// white 203 cd/m²), which is what networks were trained on.
func (s *Sampler) Crop(dst []float32, f *Frame, sq Square, n int, o SampleOptions) {
	if o.Lo == 0 && o.Hi == 0 {
		o.Hi = 1
	}
	sin64, cos64 := math.Sincos(float64(sq.Angle))
	sin, cos := float32(sin64), float32(cos64)
	k := sq.Side / float32(n)
	// Bounds of the square in the frame.
	half := (sq.Side/2 + k) * (abs32(sin) + abs32(cos))
	x0, x1, y0, y1 := sq.X-half, sq.X+half, sq.Y-half, sq.Y+half
	factor := max(1, int(k+.5))

	planes := 3
	if f.Mono {
		planes = 1
	}
	var at [3]grid
	for i := range planes {
		subX, subY := 0, 0
		if i > 0 {
			subX, subY = f.SubX, f.SubY
		}
		// Chroma is sited left, and midway between rows.
		sx, sy := float32(int(1)<<subX), float32(int(1)<<subY)
		offY := (sy - 1) / 2
		fx, fy := max(1, factor>>subX), max(1, factor>>subY)
		fac := min(fx, fy)
		r := &s.planes[i]
		r.reduce(&f.Planes[i], x0/sx, (y0-offY)/sy, x1/sx, (y1-offY)/sy, fac)
		// From crop pixels to cells of the reduced plane.
		mid := float32(n-1) / 2
		kx, ky := k/(sx*float32(fac)), k/(sy*float32(fac))
		cell := float32(fac-1) / 2
		at[i] = grid{
			ux: cos * kx, uy: sin * ky, vx: -sin * kx, vy: cos * ky,
			x: (sq.X/sx-float32(r.x0)-cell)/float32(fac) - mid*(cos-sin)*kx,
			y: ((sq.Y-offY)/sy-float32(r.y0)-cell)/float32(fac) - mid*(sin+cos)*ky,
		}
	}
	c := newYUV(f)
	hdr := f.Transfer != SDR && !o.Codes
	if hdr && (s.hdr == nil || s.hdr.transfer != f.Transfer) {
		s.hdr = newHDRCurve(f.Transfer)
	}
	span := o.Hi - o.Lo
	step, pixel := 1, 3
	if o.Planar {
		step, pixel = n*n, 1
	}
	red, blue := 0, 2*step
	if o.BGR {
		red, blue = blue, red
	}
	if cap(s.line) < 3*n {
		s.line = make([]float32, 3*n)
	}
	rs, gs, bs := s.line[:n], s.line[n:2*n], s.line[2*n:3*n]
	for row := range n {
		s.planes[0].along(rs, at[0].row(row))
		for i, chroma := range [2][]float32{gs, bs} {
			if planes == 3 {
				s.planes[1+i].along(chroma, at[1+i].row(row))
				continue
			}
			for x := range chroma {
				chroma[x] = c.neutral
			}
		}
		c.line(rs, gs, bs)
		for col := range n {
			r, g, b := rs[col], gs[col], bs[col]
			if hdr {
				r, g, b = s.hdr.sdr(r, g, b, f.WideGamut)
			}
			x := col
			if o.Mirror {
				x = n - 1 - col
			}
			i := (row*n + x) * pixel
			dst[i+red] = o.Lo + span*r
			dst[i+step] = o.Lo + span*g
			dst[i+blue] = o.Lo + span*b
		}
	}
	if o.Black {
		blacken(dst, f, sq, n, o, step, pixel)
	}
}

// blacken sets what lies beyond the frame to black.
func blacken(dst []float32, f *Frame, sq Square, n int, o SampleOptions, step, pixel int) {
	origin, right, down := sq.ToFrame(n, Vec2{}), sq.ToFrame(n, Vec2{X: 1}), sq.ToFrame(n, Vec2{Y: 1})
	ux, uy, vx, vy := right.X-origin.X, right.Y-origin.Y, down.X-origin.X, down.Y-origin.Y
	for row := range n {
		for col := range n {
			px := origin.X + float32(col)*ux + float32(row)*vx
			py := origin.Y + float32(col)*uy + float32(row)*vy
			if px >= -.5 && py >= -.5 && px <= float32(f.W)-.5 && py <= float32(f.H)-.5 {
				continue
			}
			x := col
			if o.Mirror {
				x = n - 1 - col
			}
			i := (row*n + x) * pixel
			dst[i], dst[i+step], dst[i+2*step] = o.Lo, o.Lo, o.Lo
		}
	}
}

// grid walks over a reduced plane as over the pixels of the crop: (x, y) is the cell under
// pixel (0, 0), u one column onward, v one row.
type grid struct{ x, y, ux, uy, vx, vy float32 }

func (g grid) row(i int) grid {
	g.x += float32(i) * g.vx
	g.y += float32(i) * g.vy
	return g
}

// along interpolates bilinearly; positions beyond the cells take the nearest.
func (r *reduced) along(dst []float32, g grid) {
	C.pix_sample_line((*C.float)(unsafe.SliceData(dst)), C.int(len(dst)), (*C.float)(unsafe.SliceData(r.pix)),
		C.int(r.w), C.int(r.h), C.float(g.x), C.float(g.y), C.float(g.ux), C.float(g.uy))
}

// line turns luma and chroma into RGB, in place.
func (c *yuv) line(r, g, b []float32) {
	k := [7]float32{c.black, c.gain, c.neutral, c.rv, c.gu, c.gv, c.bu}
	C.pix_rgb_line((*C.float)(unsafe.SliceData(r)), (*C.float)(unsafe.SliceData(g)), (*C.float)(unsafe.SliceData(b)),
		C.int(len(r)), (*C.float)(&k[0]))
}

// reduce fills r with the cells that cover the box from (x0, y0) to (x1, y1) of the plane.
func (r *reduced) reduce(p *Plane, x0, y0, x1, y1 float32, factor int) {
	// A cell more on every side for the interpolation. What lies farther outside the plane than
	// that shows nothing but the edge, so the box is first cut to the plane.
	margin := float32(2 * factor)
	lo := func(v float32, size int) int {
		return int(math.Floor(float64(max(-margin, min(v, float32(size-1))) - margin)))
	}
	hi := func(v float32, size int) int {
		return int(math.Ceil(float64(max(0, min(v, float32(size-1)+margin)) + margin)))
	}
	r.factor = factor
	r.x0, r.y0 = lo(x0, p.W), lo(y0, p.H)
	r.w = max(2, (hi(x1, p.W)-r.x0)/factor+1)
	r.h = max(2, (hi(y1, p.H)-r.y0)/factor+1)
	if need := r.w * r.h; cap(r.pix) < need {
		r.pix = make([]float32, need)
	}
	r.pix = r.pix[:r.w*r.h]
	if p.P16 != nil {
		reducePlane(r, p.P16, p.W, p.H, p.Stride)
	} else {
		reducePlane(r, p.P8, p.W, p.H, p.Stride)
	}
}

// reducePlane averages. Of large cells it takes every few samples only, at least four each
// way: enough against aliasing, and a whole 4K frame costs no more than a small one.
func reducePlane[T uint8 | uint16](r *reduced, src []T, w, h, stride int) {
	f := r.factor
	skip := max(1, f/4)
	first := (f - 1) % skip / 2
	count := (f - first + skip - 1) / skip
	scale := 1 / float32(count*count)
	// Cells in [inner0, inner1) lie wholly inside the plane's width.
	inner0 := min(r.w, max(0, (-r.x0+f-1)/f))
	if r.x0 >= 0 {
		inner0 = 0
	}
	inner1 := max(inner0, min(r.w, (w-r.x0)/f))
	if inner1 > inner0 {
		r.inside(any(src), stride, h, inner0, inner1, first, skip)
	}
	for cy := range r.h {
		out := r.pix[cy*r.w : (cy+1)*r.w]
		clear(out[:inner0])
		clear(out[inner1:])
		for dy := first; dy < f && inner1-inner0 < r.w; dy += skip {
			y := max(0, min(h-1, r.y0+cy*f+dy))
			line := src[y*stride : y*stride+w]
			for cx := 0; cx < inner0; cx++ {
				out[cx] += edgeCell(line, r.x0+cx*f, first, f, skip)
			}
			for cx := inner1; cx < r.w; cx++ {
				out[cx] += edgeCell(line, r.x0+cx*f, first, f, skip)
			}
		}
		if count > 1 {
			for i := range out {
				out[i] *= scale
			}
		}
	}
}

// inside sums the cells of the columns from inner0 to before inner1, which lie within the plane's
// width.
func (r *reduced) inside(src any, stride, h, inner0, inner1, first, skip int) {
	if n := (inner1 - inner0) * r.factor; cap(r.sums) < n {
		r.sums = make([]uint32, n)
	}
	out, sums := (*C.float)(&r.pix[inner0]), (*C.uint32_t)(unsafe.SliceData(r.sums[:1]))
	x := r.x0 + inner0*r.factor
	switch src := src.(type) {
	case []uint8:
		C.pix_reduce8(out, C.int(r.w), C.int(inner1-inner0), C.int(r.h), (*C.uint8_t)(unsafe.SliceData(src)),
			C.int(stride), C.int(h), C.int(x), C.int(r.y0), C.int(r.factor), C.int(first), C.int(skip), sums)
	case []uint16:
		C.pix_reduce16(out, C.int(r.w), C.int(inner1-inner0), C.int(r.h), (*C.uint16_t)(unsafe.SliceData(src)),
			C.int(stride), C.int(h), C.int(x), C.int(r.y0), C.int(r.factor), C.int(first), C.int(skip), sums)
	}
}

// edgeCell sums a cell's samples in a line, repeating the line's ends outward.
func edgeCell[T uint8 | uint16](line []T, x0, first, f, skip int) float32 {
	sum := uint32(0)
	for d := first; d < f; d += skip {
		sum += uint32(line[max(0, min(len(line)-1, x0+d))])
	}
	return float32(sum)
}

func abs32(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}
