package pix

// #include "kernels.h"
import "C"
import "unsafe"

// Bounds is the whole picture as a box.
func (f *Frame) Bounds() Rect { return Rect{0, 0, f.W, f.H} }

// ChromaRect is the box of chroma samples that belong to a box of luma samples.
func (l Layout) ChromaRect(r Rect) Rect {
	w, h := l.ChromaSize()
	c := Rect{r.X0 >> l.SubX, r.Y0 >> l.SubY, (r.X1 + 1<<l.SubX - 1) >> l.SubX, (r.Y1 + 1<<l.SubY - 1) >> l.SubY}
	return c.Intersect(Rect{0, 0, w, h})
}

// ChromaAt is where a luma position lies among the chroma samples: they are sited left and
// midway between rows.
func (l Layout) ChromaAt(x, y float32) (cx, cy float32) {
	cx, cy = x, y
	if l.SubX > 0 {
		cx = x / 2
	}
	if l.SubY > 0 {
		cy = (y - .5) / 2
	}
	return cx, cy
}

// Crop copies a box of the plane, which must lie inside it, to dst on an 8-bit scale.
func (p Plane) Crop(dst *Map, r Rect, depth int) {
	dst.Resize(r.W(), r.H())
	unit := 1 / float32(int(1)<<(depth-8))
	for y := range dst.H {
		d := dst.Row(y)
		at := (r.Y0+y)*p.Stride + r.X0
		if p.P16 != nil {
			row := p.P16[at : at+len(d)]
			C.pix_load16(floats(d), (*C.uint16_t)(unsafe.SliceData(row)), C.int(len(row)), C.float(unit))
			continue
		}
		row := p.P8[at : at+len(d)]
		C.pix_load8(floats(d), (*C.uint8_t)(unsafe.SliceData(row)), C.int(len(row)))
	}
}

// RGB converts a box of the frame, which must lie inside it, to a new picture. Chroma is
// interpolated linearly; without chroma the picture is grey.
func (f *Frame) RGB(r Rect) *RGB {
	out := NewRGB(r.W(), r.H())
	k := NewCoder(f.Colour)
	var y Map
	f.Planes[0].Crop(&y, r, f.Depth)
	var c [2]Map
	cr := f.ChromaRect(r.Grow(2).Intersect(f.Bounds()))
	if !f.Mono {
		f.Planes[1].Crop(&c[0], cr, f.Depth)
		f.Planes[2].Crop(&c[1], cr, f.Depth)
	}
	for j := range out.H {
		for i := range out.W {
			u, v := float32(128), float32(128)
			if !f.Mono {
				cx, cy := f.ChromaAt(float32(r.X0+i), float32(r.Y0+j))
				cx, cy = cx-float32(cr.X0), cy-float32(cr.Y0)
				u, v = c[0].Bilinear(cx, cy), c[1].Bilinear(cx, cy)
			}
			p := j*out.W + i
			out.C[0][p], out.C[1][p], out.C[2][p] = k.RGB(y.Pix[p], u, v)
		}
	}
	return out
}

// Add adds a difference to a box of plane i, whose upper left sample is (x0, y0), on an
// 8-bit scale, and clips the sum to the legal range. A sample whose difference rounds to
// zero stays bit-identical, also when it lies outside the legal range.
func (f *Frame) Add(i, x0, y0 int, diff Map) {
	k := NewCoder(f.Colour)
	lo, hi := k.LumaLo, k.LumaHi
	if i > 0 {
		lo, hi = k.ChromaLo, k.ChromaHi
	}
	unit := float32(int(1) << (f.Depth - 8))
	first, last := int(lo*unit), int(hi*unit)
	if f.Full {
		last = 1<<f.Depth - 1
	}
	p := f.Planes[i]
	for y := range diff.H {
		d := diff.Row(y)
		at := (y0+y)*p.Stride + x0
		if p.P16 != nil {
			row := p.P16[at : at+len(d)]
			C.pix_add16((*C.uint16_t)(unsafe.SliceData(row)), floats(d), C.int(len(d)), C.float(unit), C.int(first), C.int(last))
			continue
		}
		row := p.P8[at : at+len(d)]
		C.pix_add8((*C.uint8_t)(unsafe.SliceData(row)), floats(d), C.int(len(d)), C.int(first), C.int(last))
	}
}

// Replace writes what an engine has made of a box of the frame: after minus before, both RGB
// of that box, is added to the samples. Where they are equal the frame stays bit-identical.
// Chroma differences are averaged around each chroma sample's site; without chroma, or where
// grey is true, only luma changes.
func (f *Frame) Replace(r Rect, before, after *RGB, grey bool) {
	k := NewCoder(f.Colour)
	var d [3]Map
	for i := range d {
		d[i] = NewMap(r.W(), r.H())
	}
	for p := range d[0].Pix {
		d[0].Pix[p], d[1].Pix[p], d[2].Pix[p] = k.Difference(
			after.C[0][p]-before.C[0][p], after.C[1][p]-before.C[1][p], after.C[2][p]-before.C[2][p])
	}
	f.Add(0, r.X0, r.Y0, d[0])
	if f.Mono || grey {
		return
	}
	cr := f.ChromaRect(r)
	for i := 1; i < 3; i++ {
		f.Add(i, cr.X0, cr.Y0, f.Subsample(d[i], r))
	}
}

// Subsample averages a map that lies over the box r of luma samples to the chroma samples of
// that box: (1 2 1)/4 around the sited column, two rows evenly. Outside the map is zero.
func (l Layout) Subsample(m Map, r Rect) Map {
	cr := l.ChromaRect(r)
	if l.SubX == 0 && l.SubY == 0 {
		return m
	}
	o := NewMap(cr.W(), cr.H())
	for j := range o.H {
		d := o.Row(j)
		y := (cr.Y0+j)<<l.SubY - r.Y0
		rows := 1 << l.SubY
		for k := range rows {
			if y+k < 0 || y+k >= m.H {
				continue
			}
			s := m.Row(y + k)
			share := 1 / float32(rows)
			for i := range d {
				x := (cr.X0+i)<<l.SubX - r.X0
				if l.SubX == 0 {
					d[i] += share * s[x]
					continue
				}
				v := float32(0)
				if x >= 0 && x < len(s) {
					v = .5 * s[x]
				}
				if x > 0 {
					v += .25 * s[x-1]
				}
				if x+1 < len(s) {
					v += .25 * s[x+1]
				}
				d[i] += share * v
			}
		}
	}
	return o
}
