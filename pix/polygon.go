package pix

// #include "kernels.h"
import "C"
import (
	"math"
	"unsafe"
)

// SignedDistance is the distance in pixels from p to the outline of a closed polygon,
// positive inside (even-odd rule), negative outside.
func SignedDistance(poly []Vec2, p Vec2) float32 {
	best := float32(math.Inf(1))
	inside := false
	for i, b := range poly {
		a := poly[(i+len(poly)-1)%len(poly)]
		ex, ey := b.X-a.X, b.Y-a.Y
		px, py := p.X-a.X, p.Y-a.Y
		t := float32(0)
		if l := ex*ex + ey*ey; l > 0 {
			t = Clamp((px*ex+py*ey)/l, 0, 1)
		}
		dx, dy := px-t*ex, py-t*ey
		best = min(best, dx*dx+dy*dy)
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < a.X+ex*(p.Y-a.Y)/ey {
			inside = !inside
		}
	}
	d := float32(math.Sqrt(float64(best)))
	if inside {
		return d
	}
	return -d
}

// PolygonDistance fills dst with the signed distance to a polygon, exact up to margin
// pixels outside of it and -margin beyond.
func PolygonDistance(dst Map, poly []Vec2, margin float32) {
	for i := range dst.Pix {
		dst.Pix[i] = -margin
	}
	r := bounds(poly, margin).Intersect(Rect{0, 0, dst.W, dst.H})
	if r.Empty() {
		return
	}
	n := r.W()
	memory, release := borrow(2 * n)
	defer release()
	square, side := memory[:n], memory[n:]
	for y := r.Y0; y < r.Y1; y++ {
		C.pix_polygon_row(floats(square), floats(side), C.int(n), (*C.float)(unsafe.Pointer(unsafe.SliceData(poly))), C.int(len(poly)),
			C.float(r.X0), C.float(y))
		row := dst.Row(y)[r.X0:r.X1]
		for x, d := range square {
			row[x] = max(-margin, side[x]*float32(math.Sqrt(float64(d))))
		}
	}
}

// FillPolygon returns a mask of w×h: 1 inside the polygon grown by grow pixels, 0
// outside, with an edge that is soft pixels wide (at least one) centred on its outline.
func FillPolygon(w, h int, poly []Vec2, grow, soft float32) Map {
	soft = max(soft, 1)
	m := NewMap(w, h)
	PolygonDistance(m, poly, max(0, grow)+soft)
	return m.Each(func(d float32) float32 { return Clamp((d+grow)/soft+.5, 0, 1) })
}

// FillDisc draws a disc of radius r into the mask, its edge one pixel soft.
func (m Map) FillDisc(c Vec2, r float32) {
	b := bounds([]Vec2{c}, r+1).Intersect(Rect{0, 0, m.W, m.H})
	for y := b.Y0; y < b.Y1; y++ {
		row := m.Row(y)
		for x := b.X0; x < b.X1; x++ {
			dx, dy := float64(float32(x)-c.X), float64(float32(y)-c.Y)
			row[x] = max(row[x], Clamp(r+.5-float32(math.Hypot(dx, dy)), 0, 1))
		}
	}
}

// FillLine draws a line of the given width with round ends through the points into the mask.
func (m Map) FillLine(points []Vec2, width float32) {
	for i := 1; i < len(points); i++ {
		seg := points[i-1 : i+1]
		b := bounds(seg, width/2+1).Intersect(Rect{0, 0, m.W, m.H})
		for y := b.Y0; y < b.Y1; y++ {
			row := m.Row(y)
			for x := b.X0; x < b.X1; x++ {
				d := -SignedDistance(seg, Vec2{float32(x), float32(y)}) // a segment has no inside
				row[x] = max(row[x], Clamp(width/2+.5-d, 0, 1))
			}
		}
	}
}

// bounds is the box of whole pixels around the points, margin wider on all sides. Points
// that are no numbers make it empty.
func bounds(points []Vec2, margin float32) Rect {
	const limit = 1 << 20 // beyond any picture; keeps the conversion to int defined
	lo, hi := Vec2{limit, limit}, Vec2{-limit, -limit}
	for _, p := range points {
		lo.X, lo.Y = min(lo.X, p.X), min(lo.Y, p.Y)
		hi.X, hi.Y = max(hi.X, p.X), max(hi.Y, p.Y)
	}
	if lo.X != lo.X || lo.Y != lo.Y {
		return Rect{}
	}
	f := func(v float32) int { return int(math.Floor(float64(Clamp(v, -limit, limit)))) }
	return Rect{f(lo.X - margin), f(lo.Y - margin), f(hi.X+margin) + 2, f(hi.Y+margin) + 2}
}
