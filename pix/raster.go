package pix

// #include "kernels.h"
import "C"
import "unsafe"

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
	for _, tri := range tris { // beyond here nobody checks
		_, _, _ = v[tri[0]], v[tri[1]], v[tri[2]]
	}
	C.pix_draw((*C.int16_t)(unsafe.SliceData(s.Tri)), floats(s.B), floats(s.C), floats(s.Z), C.int(s.W), C.int(s.H),
		(*C.float)(unsafe.Pointer(unsafe.SliceData(v))), (*C.uint16_t)(unsafe.Pointer(unsafe.SliceData(tris))), C.int(len(tris)))
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
