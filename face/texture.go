package face

import (
	"sync"

	"github.com/twinsync/twinsync/pix"
)

// TexturesPerTrack is how many skin samples a track keeps, and textureSide their side in texels.
const (
	TexturesPerTrack = 24
	textureSide      = 128
)

// texels is the mesh drawn at its texture coordinates: which triangle lies under a texel, and
// where in it. No triangle lies beyond the oval; eyes and mouth are covered.
var texels = sync.OnceValue(func() *pix.Surface {
	s := new(pix.Surface)
	c := Canonical()
	s.DrawUV(textureSide, c.UV[:], c.Triangles[:])
	return s
})

// Where the smoothed surface turns away from the viewer: cosines from which a texel counts
// as barely and as fully seen.
const (
	seenFrom = .10
	seenFull = .40
)

// unwrap lays the skin under a mesh flat.
func (l *lens) unwrap(f *pix.Frame, m *Mesh, frame int) Texture {
	const n = 192 // of the crop: about one pixel per texel
	sq := m.square()
	sq.Side *= 1.1 / cropMargin // the mesh's extent and a little air
	crop := l.buffer(&l.picture, 3*n*n)
	l.sampler.Crop(crop, f, sq, n, pix.SampleOptions{Codes: true})
	var at [MeshPoints]pix.Vec2
	var seen [MeshPoints]float32
	normals := SmoothNormals(m.Points())
	for i := range at {
		at[i] = sq.ToCrop(n, m[i].XY())
		q := pix.Vec2{X: m[i].X, Y: m[i].Y}
		if q.X >= 0 && q.Y >= 0 && q.X <= float32(f.W-1) && q.Y <= float32(f.H-1) {
			t := max(0, min(1, (-normals[i].Z-seenFrom)/(seenFull-seenFrom)))
			seen[i] = t * t * (3 - 2*t)
		}
	}
	t := Texture{Frame: frame, N: textureSide,
		RGB: make([]uint8, 3*textureSide*textureSide), Seen: make([]uint8, textureSide*textureSide)}
	if l.m.meshPoints == AllPoints {
		t.Eyes = m.EyeColours(f)
	}
	flat := texels()
	for i, tri := range flat.Tri {
		if tri < 0 {
			continue
		}
		w := [3]float32{1 - flat.B[i] - flat.C[i], flat.B[i], flat.C[i]}
		var p pix.Vec2
		var s float32
		for k, v := range Canonical().Triangles[tri] {
			p.X += w[k] * at[v].X
			p.Y += w[k] * at[v].Y
			s += w[k] * seen[v]
		}
		t.Seen[i] = uint8(255*max(0, min(1, s)) + .5)
		px, py := max(0, min(p.X, n-1.001)), max(0, min(p.Y, n-1.001))
		ix, iy := int(px), int(py)
		dx, dy := px-float32(ix), py-float32(iy)
		o := 3 * (iy*n + ix)
		for c := range 3 {
			a := crop[o+c] + dx*(crop[o+3+c]-crop[o+c])
			b := crop[o+3*n+c] + dx*(crop[o+3*n+3+c]-crop[o+3*n+c])
			t.RGB[3*i+c] = uint8(255*(a+dy*(b-a)) + .5)
		}
	}
	return t
}

// sharpness is the median absolute Laplacian of luma within the face, in 8-bit steps.
func sharpness(f *pix.Frame, m *Mesh) float32 {
	b := m.Bounds()
	// The middle of the face: no hair, no background.
	x0, x1 := max(1, int(b.X+.2*b.W)), min(f.W-2, int(b.X+.8*b.W))
	y0, y1 := max(1, int(b.Y+.2*b.H)), min(f.H-2, int(b.Y+.8*b.H))
	if x1 <= x0 || y1 <= y0 {
		return 0
	}
	const most = 64 // samples each way
	sx, sy := max(1, (x1-x0)/most), max(1, (y1-y0)/most)
	p := &f.Planes[0]
	counts := make([]int, 4<<f.Depth) // of each value: cheaper than sorting
	n := 0
	for y := y0; y <= y1; y += sy {
		if p.P16 != nil {
			n += laplacians(counts, p.P16[(y-1)*p.Stride:(y+1)*p.Stride+p.W], p.Stride, x0, x1, sx)
		} else {
			n += laplacians(counts, p.P8[(y-1)*p.Stride:(y+1)*p.Stride+p.W], p.Stride, x0, x1, sx)
		}
	}
	return countedMedian(counts, n) / float32(int(1)<<(f.Depth-8))
}

// laplacians counts the absolute values of the Laplacian along the middle of three rows, from x0
// to x1, and gives their number.
func laplacians[T uint8 | uint16](counts []int, rows []T, stride, x0, x1, step int) int {
	above, here, below := rows, rows[stride:], rows[2*stride:]
	n := 0
	for x := x0; x <= x1; x += step {
		d := 4*int(here[x]) - int(here[x-1]) - int(here[x+1]) - int(above[x]) - int(below[x])
		counts[max(d, -d)]++
		n++
	}
	return n
}

// countedMedian is the median of n > 0 whole numbers, of which counts tells how often each occurs.
func countedMedian(counts []int, n int) float32 {
	low, seen := -1, 0
	for v, c := range counts {
		seen += c
		if low < 0 && seen > (n-1)/2 {
			low = v
		}
		if seen > n/2 {
			return float32(low+v) / 2
		}
	}
	return 0
}

// spread keeps at most n of the items, evenly.
func spread[T any](items []T, n int) []T {
	if len(items) <= n {
		return items
	}
	out := make([]T, n)
	for i := range out {
		out[i] = items[(2*i+1)*len(items)/(2*n)]
	}
	return out
}
