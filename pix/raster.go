package pix

import "math"

// Surface says, for every pixel of a raster, which triangle of a mesh is seen there and
// where in that triangle the pixel centre lies. It is filled once by Draw; any number
// of vertex attributes can then be read from it, so the geometry is paid for once. A
// texture's lookup is a Surface too: the mesh drawn at its UV positions.
type Surface struct {
	W, H int
	Tri  []int16   // index of the triangle, -1 where there is none
	B, C []float32 // barycentric weights of the triangle's second and third vertex; the first has 1-B-C
	Z    []float32 // depth where Tri ≥ 0
}

// edgeSlack lets a triangle reach this far (barycentric) over its edge, so that rounding
// leaves no holes between neighbours.
const edgeSlack = 1e-3

// Reset makes s an empty surface of w×h pixels, keeping its memory where it suffices.
func (s *Surface) Reset(w, h int) {
	s.W, s.H = w, h
	n := w * h
	if cap(s.Tri) < n {
		s.Tri = make([]int16, n)
		s.B, s.C, s.Z = make([]float32, n), make([]float32, n), make([]float32, n)
	}
	s.Tri, s.B, s.C, s.Z = s.Tri[:n], s.B[:n], s.C[:n], s.Z[:n]
	for i := range s.Tri {
		s.Tri[i] = -1
	}
}

// Draw adds the triangles, whose vertices index v, in pixel coordinates with depth; the
// smallest z is seen. Triangles seen from behind are drawn like any other, those thinner
// than the eye can see are left out. At most 32767 triangles.
func (s *Surface) Draw(v []Vec3, tris [][3]uint16) {
	for t, tri := range tris {
		s.drawOne(int16(t), v[tri[0]], v[tri[1]], v[tri[2]])
	}
}

// DrawUV fills s, n×n, with a mesh laid flat at its texture coordinates (0…1, v down):
// u = 0 is the centre of the first texel, u = 1 that of the last.
func (s *Surface) DrawUV(n int, uv []Vec2, tris [][3]uint16) {
	s.Reset(n, n)
	flat := make([]Vec3, len(uv))
	for i, p := range uv {
		flat[i] = Vec3{p.X * float32(n-1), p.Y * float32(n-1), 0}
	}
	s.Draw(flat, tris)
}

// drawOne draws triangle t. Barycentric weights are linear in x and y, so each row
// starts from its exact value and steps by a constant.
func (s *Surface) drawOne(t int16, a, b, c Vec3) {
	den := (b.X-a.X)*(c.Y-a.Y) - (c.X-a.X)*(b.Y-a.Y)
	if math.Abs(float64(den)) < 1e-7 || den != den {
		return
	}
	x0, x1 := clampSpan(min(a.X, b.X, c.X), max(a.X, b.X, c.X), s.W)
	y0, y1 := clampSpan(min(a.Y, b.Y, c.Y), max(a.Y, b.Y, c.Y), s.H)
	inv := 1 / den
	// wb(x, y) = ((x-ax)(cy-ay) - (cx-ax)(y-ay)) / den, wc likewise.
	bx, by := (c.Y-a.Y)*inv, -(c.X-a.X)*inv
	cx, cy := -(b.Y-a.Y)*inv, (b.X-a.X)*inv
	zb, zc := b.Z-a.Z, c.Z-a.Z
	for y := y0; y <= y1; y++ {
		fy := float32(y) - a.Y
		row := y * s.W
		for x := x0; x <= x1; x++ {
			fx := float32(x) - a.X
			wb, wc := fx*bx+fy*by, fx*cx+fy*cy
			if wb < -edgeSlack || wc < -edgeSlack || wb+wc > 1+edgeSlack {
				continue
			}
			z, i := a.Z+wb*zb+wc*zc, row+x
			if s.Tri[i] >= 0 && z >= s.Z[i] {
				continue
			}
			s.Tri[i], s.B[i], s.C[i], s.Z[i] = t, wb, wc, z
		}
	}
}

// clampSpan gives the whole pixels from lo to hi that lie in 0…n-1; the span is empty
// (first > last) when there are none.
func clampSpan(lo, hi float32, n int) (first, last int) {
	lo, hi = max(lo, -1), min(hi, float32(n))
	return max(0, int(math.Floor(float64(lo)))), min(n-1, int(math.Ceil(float64(hi))))
}

// Interpolate writes one vertex attribute for every covered pixel of dst, which has s's size,
// and leaves the others as they are. tris are those that were drawn.
func (s *Surface) Interpolate(dst []float32, attr []float32, tris [][3]uint16) {
	for i, t := range s.Tri {
		if t < 0 {
			continue
		}
		tri := &tris[t]
		a, b, c := attr[tri[0]], attr[tri[1]], attr[tri[2]]
		dst[i] = a + s.B[i]*(b-a) + s.C[i]*(c-a)
	}
}

// Points writes for every covered pixel the position that a mesh v has there: drawn in UV,
// it tells where in the picture each texel lies. Uncovered pixels keep their value.
func (s *Surface) Points(dst []Vec2, v []Vec3, tris [][3]uint16) {
	for i, t := range s.Tri {
		if t < 0 {
			continue
		}
		tri := &tris[t]
		a, b, c := &v[tri[0]], &v[tri[1]], &v[tri[2]]
		wb, wc := s.B[i], s.C[i]
		wa := 1 - wb - wc
		dst[i] = Vec2{wa*a.X + wb*b.X + wc*c.X, wa*a.Y + wb*b.Y + wc*c.Y}
	}
}
