package pix

import (
	"math"
	"math/rand/v2"
	"testing"
)

// plainRaster is the textbook form of Surface.Draw for one pixel: all triangles, nearest wins.
func plainRaster(x, y int, v []Vec3, tris [][3]uint16) (tri int, b, c float64) {
	tri = -1
	best := math.Inf(1)
	for t, i := range tris {
		p, q, r := v[i[0]], v[i[1]], v[i[2]]
		ax, ay := float64(p.X), float64(p.Y)
		den := (float64(q.X)-ax)*(float64(r.Y)-ay) - (float64(r.X)-ax)*(float64(q.Y)-ay)
		fx, fy := float64(x)-ax, float64(y)-ay
		wb := (fx*(float64(r.Y)-ay) - (float64(r.X)-ax)*fy) / den
		wc := ((float64(q.X)-ax)*fy - fx*(float64(q.Y)-ay)) / den
		if wb < 0 || wc < 0 || wb+wc > 1 {
			continue
		}
		z := float64(p.Z)*(1-wb-wc) + float64(q.Z)*wb + float64(r.Z)*wc
		if z < best {
			best, tri, b, c = z, t, wb, wc
		}
	}
	return tri, b, c
}

func TestSurfaceEqualsPlainForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const w, h = 40, 30
	v := make([]Vec3, 24)
	for i := range v {
		v[i] = Vec3{rng.Float32()*60 - 10, rng.Float32()*50 - 10, rng.Float32() * 20}
	}
	var tris [][3]uint16
	for range 12 {
		tris = append(tris, [3]uint16{uint16(rng.IntN(24)), uint16(rng.IntN(24)), uint16(rng.IntN(24))})
	}
	var s Surface
	s.Reset(w, h)
	s.Draw(v, tris)
	differ := 0
	for y := range h {
		for x := range w {
			tri, b, c := plainRaster(x, y, v, tris)
			i := y*w + x
			if int(s.Tri[i]) != tri {
				differ++ // only the slack at an edge may do this
				continue
			}
			if tri >= 0 && (math.Abs(float64(s.B[i])-b) > 1e-3 || math.Abs(float64(s.C[i])-c) > 1e-3) {
				t.Errorf("(%d, %d): weights %.4f %.4f, want %.4f %.4f", x, y, s.B[i], s.C[i], b, c)
			}
		}
	}
	if differ > w*h/100 {
		t.Errorf("%d of %d pixels see another triangle", differ, w*h)
	}
}

func TestDrawUVMapsCorners(t *testing.T) {
	uv := []Vec2{{0, 0}, {1, 0}, {1, 1}, {0, 1}}
	tris := [][3]uint16{{0, 1, 2}, {0, 2, 3}}
	var s Surface
	s.DrawUV(9, uv, tris)
	at := make([]Vec2, 81)
	s.Points(at, []Vec3{{10, 20, 0}, {18, 20, 0}, {18, 36, 0}, {10, 36, 0}}, tris)
	for y := range 9 {
		for x := range 9 {
			p := at[y*9+x]
			if math.Abs(float64(p.X)-float64(10+x)) > 1e-4 || math.Abs(float64(p.Y)-float64(20+2*y)) > 1e-4 {
				t.Fatalf("texel (%d, %d) lies at %v", x, y, p)
			}
		}
	}
}

func TestSurfaceSurvivesWildVertices(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	v := []Vec3{{-1e9, 5, 0}, {1e9, 5, 0}, {3, inf, 0}, {nan, 1, 0}, {2, 2, 0}}
	var s Surface
	s.Reset(8, 8)
	s.Draw(v, [][3]uint16{{0, 1, 2}, {1, 2, 3}, {4, 4, 4}, {0, 3, 4}})
}
