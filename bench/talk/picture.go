package talk

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// mouthBox is the box around the lips of a mesh, a quarter of their width wider on every side.
func mouthBox(m *face.Mesh, picture pix.Rect) pix.Rect {
	lo, hi := m[61].XY(), m[61].XY()
	for _, i := range face.OuterLips() {
		p := m[i]
		lo.X, lo.Y, hi.X, hi.Y = min(lo.X, p.X), min(lo.Y, p.Y), max(hi.X, p.X), max(hi.Y, p.Y)
	}
	d := (hi.X - lo.X) / 4
	return pix.Rect{X0: int(lo.X - d), Y0: int(lo.Y - d), X1: int(hi.X+d) + 1, Y1: int(hi.Y+d) + 1}.Intersect(picture)
}

// likeness compares the luma of two frames in a box: PSNR in dB, and SSIM (Wang et al. 2004: Gaussian window of
// 1.5 pixels, K 0.01 and 0.03).
func likeness(a, b *pix.Frame, box pix.Rect) (psnr, ssim float64) {
	var x, y pix.Map
	a.Planes[0].Crop(&x, box, a.Depth)
	b.Planes[0].Crop(&y, box, b.Depth)
	const c1, c2 = (.01 * 255) * (.01 * 255), (.03 * 255) * (.03 * 255)
	var power float64
	xx, yy, xy := x.Clone(), y.Clone(), x.Clone()
	for i := range x.Pix {
		p, q := x.Pix[i], y.Pix[i]
		power += float64((p - q) * (p - q))
		xx.Pix[i], yy.Pix[i], xy.Pix[i] = p*p, q*q, p*q
	}
	const window = 1.5
	for _, m := range []pix.Map{x, y, xx, yy, xy} {
		pix.Blur(m, m, window)
	}
	var s mean
	for i := range x.Pix {
		p, q := float64(x.Pix[i]), float64(y.Pix[i])
		vp, vq, c := float64(xx.Pix[i])-p*p, float64(yy.Pix[i])-q*q, float64(xy.Pix[i])-p*q
		s.add((2*p*q + c1) * (2*c + c2) / ((p*p + q*q + c1) * (vp + vq + c2)))
	}
	power = max(power/float64(max(1, len(x.Pix))), 1e-2)
	return 10 * math.Log10(255*255/power), s.value()
}

// flatSide is the side in texels of the square that faces are laid flat on: about a texel per pixel of a face 330
// pixels wide.
const flatSide = 384

// The parts of a flat mouth, by the distance from its middle: 1 is an egg that reaches 1.05 mouth widths to either
// side, to the base of the nose and to the chin. A filmed mouth is shown in full up to 0.6 of it and not
// at all beyond 1.
const (
	insideUpTo           = .6
	edgeFrom, edgeTo     = .55, 1.1
	eggSide, eggUp, eggD = 1.05, .92, 1.0
)

// flat knows where the mouth lies on a face laid flat.
type flat struct {
	surface pix.Surface
	box     pix.Rect  // of the texels up to edgeTo
	radius  []float32 // of all texels; large where there is no face
}

func newFlat() *flat {
	const n = flatSide
	l := &flat{radius: make([]float32, n*n)}
	c := face.Canonical()
	l.surface.DrawUV(n, c.UV[:], c.Triangles[:])
	v := &c.Vertices
	x, y := (v[61].X+v[291].X)/2, (v[61].Y+v[291].Y)/2
	side := eggSide * float32(apart(v[61], v[291]))
	up, down := eggUp*(v[2].Y-y), eggD*(v[152].Y-y) // one of them is negative: y's direction is the mesh's
	var r [face.MeshPoints]float32
	for i, p := range v {
		dx, dy := (p.X-x)/side, (p.Y-y)/down
		if dy < 0 {
			dy = (p.Y - y) / up
		}
		r[i] = float32(math.Hypot(float64(dx), float64(dy)))
	}
	for i := range l.radius {
		l.radius[i] = 9
	}
	l.surface.Interpolate(l.radius, r[:], c.Triangles[:])
	for i, d := range l.radius {
		if d < edgeTo {
			at := pix.Rect{X0: i % n, Y0: i / n, X1: i%n + 1, Y1: i/n + 1}
			if l.box.Empty() {
				l.box = at
			}
			l.box = l.box.Union(at)
		}
	}
	return l
}

// unwrap lays the mouth flat that mesh says the place of: luma of l.box in 8-bit steps; NaN where the face looks away
// from the camera or lies outside the picture.
func (l *flat) unwrap(f *pix.Frame, mesh *face.Mesh) pix.Map {
	out := pix.NewMap(l.box.W(), l.box.H())
	b := mesh.Bounds()
	box := pix.Rect{X0: int(b.X) - 2, Y0: int(b.Y) - 2, X1: int(b.X+b.W) + 3, Y1: int(b.Y+b.H) + 3}.Intersect(f.Bounds())
	var m pix.Map
	if !box.Empty() {
		f.Planes[0].Crop(&m, box, f.Depth)
	}
	// Of a larger face detail finer than a texel is averaged away.
	if k := b.W / (.85 * flatSide); k > 1.2 && !box.Empty() {
		pix.Blur(m, m, .4*k)
	}
	tris := face.Canonical().Triangles
	facing := face.SmoothNormals(mesh.Points())
	for j := range out.H {
		for i := range out.W {
			k := (l.box.Y0+j)*flatSide + l.box.X0 + i
			to := &out.Pix[j*out.W+i]
			*to = float32(math.NaN())
			t := l.surface.Tri[k]
			if t < 0 || l.radius[k] > edgeTo || box.Empty() {
				continue
			}
			q := tris[t]
			wb, wc := l.surface.B[k], l.surface.C[k]
			wa := 1 - wb - wc
			a, b, c := mesh[q[0]], mesh[q[1]], mesh[q[2]]
			x, y := wa*a.X+wb*b.X+wc*c.X-float32(box.X0), wa*a.Y+wb*b.Y+wc*c.Y-float32(box.Y0)
			if -(wa*facing[q[0]].Z+wb*facing[q[1]].Z+wc*facing[q[2]].Z) < .3 || x < 0 || y < 0 || x > float32(m.W-1) || y > float32(m.H-1) {
				continue
			}
			*to = m.Bilinear(x, y)
		}
	}
	return out
}

// look is what the flat mouths of a series of frames say.
type look struct {
	flicker float64 // mean absolute second difference in time, 8-bit steps
	seam    float64 // mean squared gradient in the edge's band, at the scale of a mask's edge
	sharp   float64 // mean absolute Laplacian inside
}

// see takes the look of the frames that count. cut tells frames that do not follow the one before them; a second
// difference does not reach over them.
func (r *runner) see(frames []*pix.Frame, s *series, cut []bool, use func(i int) bool) (look, error) {
	l := r.flat
	type three struct{ flicker, seam, sharp mean }
	all := make([]three, len(frames))
	get := func(i int) *pix.Map {
		if i < 0 || i >= len(frames) || frames[i] == nil || s.mesh[i] == nil {
			return nil
		}
		m := l.unwrap(frames[i], s.mesh[i])
		return &m
	}
	// Neighbours are laid flat by each run on its own: runs are long enough that this costs little.
	const run = 16
	err := r.each((len(frames)+run-1)/run, func(k int) error {
		first := k * run
		b, c := get(first-1), get(first)
		for i := first; i < min(first+run, len(frames)); i++ {
			a := b
			b, c = c, get(i+1)
			if b == nil || !use(i) {
				continue
			}
			t := &all[i]
			if a != nil && c != nil && !cut[i] && !cut[i+1] {
				l.inside(insideUpTo, 0, func(at int) {
					if d := math.Abs(float64(a.Pix[at] - 2*b.Pix[at] + c.Pix[at])); !math.IsNaN(d) {
						t.flicker.add(d)
					}
				})
			}
			l.inside(insideUpTo, 1, func(at int) {
				p := b.Pix
				if d := math.Abs(float64(4*p[at] - p[at-1] - p[at+1] - p[at-b.W] - p[at+b.W])); !math.IsNaN(d) {
					t.sharp.add(d)
				}
			})
			l.seam(b, &t.seam)
		}
		return nil
	})
	var sum three
	for i := range all {
		for _, p := range [][2]*mean{{&sum.flicker, &all[i].flicker}, {&sum.seam, &all[i].seam}, {&sum.sharp, &all[i].sharp}} {
			p[0].sum += p[1].sum
			p[0].n += p[1].n
		}
	}
	return look{sum.flicker.value(), sum.seam.value(), sum.sharp.value()}, err
}

// inside calls do for the texels of l.box nearer to the mouth's middle than limit, rim texels off the border.
func (l *flat) inside(limit float32, rim int, do func(at int)) {
	w, h := l.box.W(), l.box.H()
	for j := rim; j < h-rim; j++ {
		for i := rim; i < w-rim; i++ {
			if l.radius[(l.box.Y0+j)*flatSide+l.box.X0+i] < limit {
				do(j*w + i)
			}
		}
	}
}

// seamScale is the smoothing in texels before gradients are taken: a mask's edge is several texels wide, and what is
// finer, a beard or grain, is skin and no seam.
const seamScale = 3

// seam adds the squared gradients in the band in which a mask ends.
func (l *flat) seam(m *pix.Map, to *mean) {
	luma, known := m.Clone(), pix.NewMap(m.W, m.H)
	for i, v := range luma.Pix {
		if v == v {
			known.Pix[i] = 1
		} else {
			luma.Pix[i] = 0
		}
	}
	pix.Blur(luma, luma, seamScale)
	pix.Blur(known, known, seamScale)
	for i := range luma.Pix {
		luma.Pix[i] /= max(known.Pix[i], 1e-3)
	}
	l.inside(edgeTo, 1, func(at int) {
		k := (l.box.Y0+at/m.W)*flatSide + l.box.X0 + at%m.W
		if l.radius[k] < edgeFrom || m.Pix[at] != m.Pix[at] || m.Pix[at+1] != m.Pix[at+1] || m.Pix[at+m.W] != m.Pix[at+m.W] {
			return
		}
		dx, dy := float64(luma.Pix[at+1]-luma.Pix[at]), float64(luma.Pix[at+m.W]-luma.Pix[at])
		to.add(dx*dx + dy*dy)
	})
}

// Where samples may change around the mouth, jaw and neck, in face widths beyond the vertices that lie below the
// base of the nose: up to the wings of the nose, well below the eyes, and below the chin to where the jaw's motion has faded out on the neck.
const (
	reachSides, reachAbove, reachBelow = .17, .20, .50
)

// reach is the box in which samples of a frame may change.
func reach(m *face.Mesh, picture pix.Rect) pix.Rect {
	width := float32(math.Hypot(float64(m[234].X-m[454].X), float64(m[234].Y-m[454].Y)))
	v := face.Canonical().Vertices
	down := v[152].Y - v[2].Y
	lo, hi := m[152].XY(), m[152].XY()
	for i := range v {
		if (v[i].Y-v[2].Y)/down < 0 {
			continue
		}
		p := m[i]
		lo.X, lo.Y, hi.X, hi.Y = min(lo.X, p.X), min(lo.Y, p.Y), max(hi.X, p.X), max(hi.Y, p.Y)
	}
	return pix.Rect{X0: int(lo.X - reachSides*width), X1: int(hi.X + reachSides*width),
		Y0: int(lo.Y - reachAbove*width), Y1: int(hi.Y + reachBelow*width)}.Intersect(picture)
}

// outside counts the samples of all planes that differ between two versions of a frame beyond a box.
func outside(before, after *pix.Frame, box pix.Rect) int {
	n := 0
	for p, b := range before.Planes {
		if b.W == 0 || b.H == 0 {
			continue
		}
		in := box
		if p > 0 {
			in = before.ChromaRect(box)
		}
		a := &after.Planes[p]
		for y := range b.H {
			inRow := y >= in.Y0 && y < in.Y1
			for x := range b.W {
				if (!inRow || x < in.X0 || x >= in.X1) && a.At(x, y) != b.At(x, y) {
					n++
				}
			}
		}
	}
	return n
}
