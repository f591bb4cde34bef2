package pix

import "math"

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
}

// reduced is a part of a plane averaged over factor×factor samples, with its edges
// repeated outward.
type reduced struct {
	pix    []float32
	w, h   int
	x0, y0 int // plane position of the first sample of the first cell
	factor int
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
	for row := range n {
		l, cb, cr := at[0].row(row), at[1].row(row), at[2].row(row)
		for col := range n {
			y := s.planes[0].at(l.x, l.y)
			l.x += l.ux
			l.y += l.uy
			u, v := c.neutral, c.neutral
			if planes == 3 {
				u = s.planes[1].at(cb.x, cb.y)
				v = s.planes[2].at(cr.x, cr.y)
				cb.x += cb.ux
				cb.y += cb.uy
				cr.x += cr.ux
				cr.y += cr.uy
			}
			r, g, b := c.rgb(y, u, v)
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

// at interpolates bilinearly; positions beyond the cells take the nearest.
func (r *reduced) at(x, y float32) float32 {
	ix, iy := int(x), int(y)
	if x < 0 || y < 0 || ix > r.w-2 || iy > r.h-2 {
		x, y = max(0, min(x, float32(r.w-1))), max(0, min(y, float32(r.h-1)))
		ix, iy = min(int(x), r.w-2), min(int(y), r.h-2)
	}
	dx, dy := x-float32(ix), y-float32(iy)
	i := iy*r.w + ix
	top, low := r.pix[i:i+2:i+2], r.pix[i+r.w:i+r.w+2:i+r.w+2]
	a := top[0] + dx*(top[1]-top[0])
	b := low[0] + dx*(low[1]-low[0])
	return a + dy*(b-a)
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
	for cy := range r.h {
		out := r.pix[cy*r.w : (cy+1)*r.w]
		clear(out)
		for dy := first; dy < f; dy += skip {
			y := max(0, min(h-1, r.y0+cy*f+dy))
			line := src[y*stride : y*stride+w]
			for cx := 0; cx < inner0; cx++ {
				out[cx] += edgeCell(line, r.x0+cx*f, first, f, skip)
			}
			for cx := inner1; cx < r.w; cx++ {
				out[cx] += edgeCell(line, r.x0+cx*f, first, f, skip)
			}
			if inner1 <= inner0 {
				continue
			}
			inside := line[r.x0+inner0*f:]
			dst := out[inner0:inner1]
			switch f {
			case 1:
				for i := range dst {
					dst[i] = float32(inside[i])
				}
			case 2:
				for i := range dst {
					s := inside[2*i : 2*i+2 : 2*i+2]
					dst[i] += float32(uint32(s[0]) + uint32(s[1]))
				}
			case 3:
				for i := range dst {
					s := inside[3*i : 3*i+3 : 3*i+3]
					dst[i] += float32(uint32(s[0]) + uint32(s[1]) + uint32(s[2]))
				}
			default:
				for i := range dst {
					sum := uint32(0)
					s := inside[i*f : i*f+f : i*f+f]
					for d := first; d < f; d += skip {
						sum += uint32(s[d])
					}
					dst[i] += float32(sum)
				}
			}
		}
		if count > 1 {
			for i := range out {
				out[i] *= scale
			}
		}
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
