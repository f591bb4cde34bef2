package quality

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// flatSide is the side in texels of the square that faces are laid flat on: about a texel per pixel of
// a face 220 pixels wide.
const flatSide = 256

// flat knows the canonical face laid flat: where its skin is, and the band inside its outline.
type flat struct {
	surface pix.Surface
	skin    []float32 // 1 on skin: no eyes, brows, lips, nostrils, and well inside the outline
	band    []bool    // seamFrom…seamTo of the square's side inside the outline
}

// The band in which a seam would lie, in shares of the square's side inside the face's outline.
const seamFrom, seamTo = .01, .12

func newFlat() *flat {
	const n = flatSide
	l := &flat{skin: make([]float32, n*n), band: make([]bool, n*n)}
	c := face.Canonical()
	l.surface.DrawUV(n, c.UV[:], c.Triangles[:])
	distance := func(list []int) pix.Map {
		m := pix.NewMap(n, n)
		poly := make([]pix.Vec2, len(list))
		for k, i := range list {
			poly[k] = l.at(i)
		}
		pix.PolygonDistance(m, poly, .06*n)
		return m
	}
	rim := distance(face.Oval())
	for i, d := range rim.Pix {
		if d > .05*n {
			l.skin[i] = 1
		}
		l.band[i] = d >= seamFrom*n && d <= seamTo*n
	}
	for _, part := range []struct {
		list []int
		grow float32
	}{{face.EyeRight(), .03}, {face.EyeLeft(), .03}, {face.BrowRight(), .02}, {face.BrowLeft(), .02}, {face.OuterLips(), .02}} {
		for i, d := range distance(part.list).Pix {
			if d > -part.grow*n {
				l.skin[i] = 0
			}
		}
	}
	nostrils := pix.NewMap(n, n)
	for _, i := range []int{98, 97, 2, 326, 327, 64, 294, 240, 460} {
		nostrils.FillDisc(l.at(i), .02*n)
	}
	for i, v := range nostrils.Pix {
		if v > 0 || l.surface.Tri[i] < 0 {
			l.skin[i] = 0
		}
	}
	return l
}

// at is a vertex's place in texels.
func (l *flat) at(vertex int) pix.Vec2 {
	p := face.Canonical().UV[vertex]
	return pix.Vec2{X: p.X * (flatSide - 1), Y: p.Y * (flatSide - 1)}
}

// texture is a face's luma laid flat, in 8-bit steps, and how far each texel faces the camera, 0…1.
type texture struct {
	luma, facing []float32
}

// unwrap lays the face flat that mesh says the place of. Detail finer than a texel is averaged away first.
func (l *flat) unwrap(f *pix.Frame, mesh *face.Mesh) texture {
	const n = flatSide
	b := mesh.Bounds()
	box := pix.Rect{X0: int(b.X) - 2, Y0: int(b.Y) - 2, X1: int(b.X+b.W) + 3, Y1: int(b.Y+b.H) + 3}.Intersect(f.Bounds())
	t := texture{luma: make([]float32, n*n), facing: make([]float32, n*n)}
	if box.Empty() {
		return t
	}
	var m pix.Map
	f.Planes[0].Crop(&m, box, f.Depth)
	if k := b.W / (.85 * n); k > 1.2 {
		pix.Blur(m, m, .4*k)
	}
	c := face.Canonical()
	var place [2][face.MeshPoints]float32
	var normal [face.MeshPoints]float32
	for i, v := range face.SmoothNormals(mesh.Points()) {
		place[0][i], place[1][i], normal[i] = mesh[i].X-float32(box.X0), mesh[i].Y-float32(box.Y0), -v.Z
	}
	x, y := make([]float32, n*n), make([]float32, n*n)
	l.surface.Interpolate(x, place[0][:], c.Triangles[:])
	l.surface.Interpolate(y, place[1][:], c.Triangles[:])
	l.surface.Interpolate(t.facing, normal[:], c.Triangles[:])
	for i := range t.luma {
		if l.surface.Tri[i] >= 0 {
			t.luma[i] = m.Bilinear(x[i], y[i])
			t.facing[i] = pix.SmoothStep(t.facing[i], .15, .45)
			if x[i] < 0 || y[i] < 0 || x[i] > float32(m.W-1) || y[i] > float32(m.H-1) {
				t.facing[i] = 0
			}
		}
	}
	return t
}

// flicker is the mean absolute second difference in time of the skin's luma, laid flat by meshes smoothed
// over time so that motion does not count, in 8-bit steps.
func (l *flat) flicker(frames []*pix.Frame, t *take) float64 {
	meshes := t.steadied()
	flats := map[int]texture{}
	get := func(i int) texture {
		if _, ok := flats[i]; !ok {
			flats[i] = l.unwrap(frames[i], meshes[i])
		}
		return flats[i]
	}
	var sum, weight float64
	t.triples(func(i int) {
		a, b, c := get(i-1), get(i), get(i+1)
		delete(flats, i-2)
		for k, s := range l.skin {
			if s == 0 {
				continue
			}
			w := float64(min(a.facing[k], b.facing[k], c.facing[k]))
			sum += w * math.Abs(float64(a.luma[k]-2*b.luma[k]+c.luma[k]))
			weight += w
		}
	})
	return sum / weight
}

// seamScale is the smoothing in texels before gradients are taken: a mask's edge is several texels wide,
// and what is finer, a beard or grain, is skin and no seam. Without it a beard alone trebles the figure.
const seamScale = 2

// seam is the mean squared gradient of luma in the band just inside the face's outline, laid flat.
func (l *flat) seam(frames []*pix.Frame, t *take) float64 {
	const n = flatSide
	var sum, weight float64
	for i, m := range t.mesh {
		if m == nil {
			continue
		}
		u := l.unwrap(frames[i], m)
		l.smooth(u.luma)
		for y := range n - 1 {
			for x := range n - 1 {
				k := y*n + x
				if !l.band[k] || l.surface.Tri[k] < 0 || l.surface.Tri[k+1] < 0 || l.surface.Tri[k+n] < 0 {
					continue
				}
				w := float64(u.facing[k])
				sum += w * (sq(float64(u.luma[k+1]-u.luma[k])) + sq(float64(u.luma[k+n]-u.luma[k])))
				weight += w
			}
		}
	}
	return sum / weight
}

// smooth blurs a texture by seamScale without what lies beyond the mesh.
func (l *flat) smooth(luma []float32) {
	const n = flatSide
	m, seen := pix.Map{W: n, H: n, Pix: luma}, pix.NewMap(n, n)
	for i, t := range l.surface.Tri {
		if t >= 0 {
			seen.Pix[i] = 1
		} else {
			luma[i] = 0
		}
	}
	pix.Blur(m, m, seamScale)
	pix.Blur(seen, seen, seamScale)
	for i, w := range seen.Pix {
		luma[i] /= max(w, 1e-3)
	}
}

// outside counts the samples of all planes that differ between two versions of a frame beyond the outlines
// (convex, in luma pixels).
func outside(before, after *pix.Frame, outlines [][]pix.Vec2) int {
	n := 0
	for p, b := range before.Planes {
		if b.W == 0 || b.H == 0 {
			continue
		}
		a := after.Planes[p]
		sx, sy := 0, 0
		if p > 0 {
			sx, sy = before.SubX, before.SubY
		}
		for y := range b.H {
			for x := range b.W {
				if a.At(x, y) == b.At(x, y) {
					continue
				}
				at := pix.Vec2{X: float32(x << sx), Y: float32(y << sy)}
				in := false
				for _, o := range outlines {
					if in = pix.SignedDistance(o, at) >= 0; in {
						break
					}
				}
				if !in {
					n++
				}
			}
		}
	}
	return n
}
