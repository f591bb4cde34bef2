// Package patch takes square pictures of faces out of frames for networks that model cards describe, and lays what
// they make of them back: alignment by the card's template, the numbers in and out, masks, and the blend. What no
// mask covers keeps its samples to the bit.
package patch

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// Patch is a square picture that a network has made, to be laid over a frame.
type Patch struct {
	Picture *pix.RGB // gamma-coded SDR, 0…255
	Square  pix.Square
	Masks   []Shade // the least of all counts; at least one fades to nothing at the square's edge
	Weight  float32 // 0…1
}

// Shade is a mask 0…1 over a square; beyond it goes on as at its border.
type Shade struct {
	Map    pix.Map
	Square pix.Square
}

// grid says where pixel (x, y) of a picture lies in the frame: at origin + x·right + y·down. Exact to
// far below a pixel over the widest frame, hence float64.
type grid struct{ ox, oy, rx, ry, dx, dy float64 }

// gridOf is the grid of n×n pixels over a square.
func gridOf(sq pix.Square, n int) grid {
	sin, cos := math.Sincos(float64(sq.Angle))
	k, mid := float64(sq.Side)/float64(n), float64(n-1)/2
	g := grid{rx: k * cos, ry: k * sin, dx: -k * sin, dy: k * cos}
	g.ox = float64(sq.X) - mid*(g.rx+g.dx)
	g.oy = float64(sq.Y) - mid*(g.ry+g.dy)
	return g
}

// gridAt is the grid of the frame's own pixels from (x, y) on.
func gridAt(x, y int) grid { return grid{ox: float64(x), oy: float64(y), rx: 1, dy: 1} }

// within is where the pixels of g lie among n×n pixels over a square.
func (g grid) within(sq pix.Square, n int) grid {
	sin, cos := math.Sincos(float64(sq.Angle))
	k, mid := float64(n)/float64(sq.Side), float64(n-1)/2
	turn := func(x, y float64) (float64, float64) { return k * (cos*x + sin*y), k * (cos*y - sin*x) }
	var o grid
	o.ox, o.oy = turn(g.ox-float64(sq.X), g.oy-float64(sq.Y))
	o.ox, o.oy = o.ox+mid, o.oy+mid
	o.rx, o.ry = turn(g.rx, g.ry)
	o.dx, o.dy = turn(g.dx, g.dy)
	return o
}

func (g *grid) at(x, y int) pix.Vec2 {
	fx, fy := float64(x), float64(y)
	return pix.Vec2{X: float32(g.ox + fx*g.rx + fy*g.dx), Y: float32(g.oy + fx*g.ry + fy*g.dy)}
}

// Paint lays the patch over a picture of the square at, n×n pixels.
func (p *Patch) Paint(dst *pix.RGB, at pix.Square) { p.paint(dst, gridOf(at, dst.W)) }

// paint lays the patch over a picture whose pixels lie on g: bicubic where it grows, averaged where it
// shrinks. Pixels outside the mask keep their value to the bit. changed tells whether any did not.
func (p *Patch) paint(dst *pix.RGB, g grid) (changed bool) {
	picture := p.fitted(g)
	n := picture.W
	on := g.within(p.Square, n)
	masks := make([]grid, len(p.Masks))
	for k, s := range p.Masks {
		masks[k] = g.within(s.Square, s.Map.W)
	}
	for y := range dst.H {
		for x := range dst.W {
			q := on.at(x, y)
			if !(q.X > -.5 && q.Y > -.5 && q.X < float32(n)-.5 && q.Y < float32(n)-.5) {
				continue // outside the square
			}
			a := p.Weight
			for k, s := range p.Masks {
				v := masks[k].at(x, y)
				a = min(a, p.Weight*s.Map.Bilinear(v.X, v.Y))
			}
			if a <= 0 {
				continue
			}
			changed = true
			i := y*dst.W + x
			sample := cubicAt(n, q)
			for c := range dst.C {
				dst.C[c][i] += a * (pix.Clamp(sample.of(picture.C[c]), 0, 255) - dst.C[c][i])
			}
		}
	}
	return changed
}

// fitted is the picture brought down to the pitch of g where it is finer, so that no pixel is skipped.
func (p *Patch) fitted(g grid) *pix.RGB {
	const close = 1.25 // from here on interpolation begins to skip
	n := p.Picture.W
	pitch := float64(n) / float64(p.Square.Side) * math.Hypot(g.rx, g.ry)
	if pitch < close {
		return p.Picture
	}
	m := max(2, int(float64(n)/pitch+.5))
	small := pix.NewRGB(m, m)
	for c := range small.C {
		pix.Scale(small.Channel(c), p.Picture.Channel(c))
	}
	return small
}

// cubic is a place among n×n pixels: which sixteen it lies between, with their weights, as in
// pix.Map.Bicubic, for several channels at once.
type cubic struct {
	x, y   [4]int // columns, and where the rows begin
	wx, wy [4]float32
	inside bool // the columns are neighbours: no border is repeated
}

func cubicAt(n int, q pix.Vec2) (s cubic) {
	ix, iy := int(math.Floor(float64(q.X))), int(math.Floor(float64(q.Y)))
	s.wx, s.wy = pix.CubicWeights(q.X-float32(ix)), pix.CubicWeights(q.Y-float32(iy))
	s.inside = ix >= 1 && ix+2 < n
	for i := range 4 {
		s.x[i] = min(max(ix-1+i, 0), n-1)
		s.y[i] = min(max(iy-1+i, 0), n-1) * n
	}
	return s
}

func (s *cubic) of(c []float32) (v float32) {
	if s.inside {
		for j, y := range s.y {
			r := c[y+s.x[0]:][:4:4]
			v += s.wy[j] * (s.wx[0]*r[0] + s.wx[1]*r[1] + s.wx[2]*r[2] + s.wx[3]*r[3])
		}
		return v
	}
	for j, y := range s.y {
		for i, x := range s.x {
			v += s.wy[j] * s.wx[i] * c[y+x]
		}
	}
	return v
}

// bandRows is how many rows of a frame are worked on at once: even, so that chroma samples stay whole.
const bandRows = 64

// Lay puts patches over a frame, one after the other; of grey footage only the luma. Only the boxes of their
// squares are touched, a band of rows at a time, and by differences: what no mask covers keeps its
// samples to the bit. HDR is mapped to what the networks saw and back.
func Lay(f *pix.Frame, patches []*Patch, grey bool) {
	box := pix.Rect{}
	for _, p := range patches {
		box = box.Union(SquareBox(p.Square, f.Bounds()))
	}
	tone := pix.NewTone(f.Colour)
	for y := box.Y0; y < box.Y1; y += bandRows {
		band := box
		band.Y0, band.Y1 = y, min(y+bandRows, box.Y1)
		before := f.RGB(band)
		seen := before
		if tone != nil {
			seen = before.Clone()
			for i := range seen.C[0] {
				seen.C[0][i], seen.C[1][i], seen.C[2][i] = tone.SDR(before.C[0][i], before.C[1][i], before.C[2][i])
			}
		}
		after := seen.Clone()
		changed := false
		for _, p := range patches {
			changed = p.paint(after, gridAt(band.X0, band.Y0)) || changed
		}
		if !changed {
			continue
		}
		if tone != nil {
			backToHDR(tone, before, seen, after)
		}
		f.Replace(band, before, after, grey)
	}
}

// backToHDR turns after, SDR, into HDR: before plus what the change from seen to after means there.
func backToHDR(tone *pix.Tone, before, seen, after *pix.RGB) {
	for i := range after.C[0] {
		r, g, b := after.C[0][i], after.C[1][i], after.C[2][i]
		if r == seen.C[0][i] && g == seen.C[1][i] && b == seen.C[2][i] {
			after.C[0][i], after.C[1][i], after.C[2][i] = before.C[0][i], before.C[1][i], before.C[2][i]
			continue
		}
		r, g, b = tone.Back(r, g, b)
		r0, g0, b0 := tone.Back(seen.C[0][i], seen.C[1][i], seen.C[2][i])
		after.C[0][i] = before.C[0][i] + r - r0
		after.C[1][i] = before.C[1][i] + g - g0
		after.C[2][i] = before.C[2][i] + b - b0
	}
}

// SquareBox is the box of whole pixels around a square, within a picture and aligned to its chroma.
func SquareBox(sq pix.Square, picture pix.Rect) pix.Rect {
	lo, hi := pix.Vec2{X: 1e9, Y: 1e9}, pix.Vec2{X: -1e9, Y: -1e9}
	for _, c := range [4]pix.Vec2{{X: -.5, Y: -.5}, {X: .5, Y: -.5}, {X: -.5, Y: .5}, {X: .5, Y: .5}} {
		p := sq.ToFrame(1, c)
		lo.X, lo.Y, hi.X, hi.Y = min(lo.X, p.X), min(lo.Y, p.Y), max(hi.X, p.X), max(hi.Y, p.Y)
	}
	whole := func(v float32, n int) int { return int(math.Floor(float64(pix.Clamp(v, -4, float32(n))))) }
	r := pix.Rect{
		X0: whole(lo.X-1, picture.X1) &^ 1, Y0: whole(lo.Y-1, picture.Y1) &^ 1,
		X1: (whole(hi.X+1, picture.X1) + 3) &^ 1, Y1: (whole(hi.Y+1, picture.Y1) + 3) &^ 1,
	}
	return r.Intersect(picture)
}
