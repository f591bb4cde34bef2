package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// A photo knows only what of the skin it shows. Where a lid closes that is open in the photo, or a
// laughing mouth's lips come together, its texture would have to be stretched over skin that was folded
// away: the footage's own skin stays there. These are the stretches at which it begins to come
// through, and from which on it is seen alone.
const stretchFree, stretchMost = 1.25, 2

// unfolding measures how far the surface around the eyes is stretched against the photo.
type unfolding struct {
	triangles []unfolded
}

// unfolded is a triangle with the inverse of its edges' matrix in the photo, in canonical units
// as seen from the front.
type unfolded struct {
	corner  [3]uint16
	inverse [4]float32
}

// newUnfolding prepares the measure for a photo whose face has this shape, expression included.
func newUnfolding(shown *face.Shape) *unfolding {
	u := new(unfolding)
	near := aroundLids()
	for _, t := range &face.Canonical().Triangles {
		if !near[t[0]] || !near[t[1]] || !near[t[2]] {
			continue
		}
		a, b, c := shown[t[0]], shown[t[1]], shown[t[2]]
		x1, y1, x2, y2 := b.X-a.X, b.Y-a.Y, c.X-a.X, c.Y-a.Y
		det := x1*y2 - x2*y1
		if det < 0 {
			det = min(det, -1e-4)
		} else {
			det = max(det, 1e-4)
		}
		u.triangles = append(u.triangles, unfolded{t, [4]float32{y2 / det, -x2 / det, -y1 / det, x1 / det}})
	}
	return u
}

// aroundLids marks the eyes' contours and the rings of vertices around them up to the brows.
func aroundLids() (near [face.MeshPoints]bool) {
	var edge []int
	for _, list := range [][]int{face.EyeRight(), face.EyeLeft()} {
		for _, i := range list {
			near[i] = true
			edge = append(edge, i)
		}
	}
	adjacent := &face.Canonical().Adjacency
	for range 2 {
		var next []int
		for _, i := range edge {
			for _, j := range adjacent[i] {
				if !near[j] {
					near[j] = true
					next = append(next, int(j))
				}
			}
		}
		edge = next
	}
	return near
}

// limit lowers the share fade of the swap at vertices whose surroundings are stretched. g is the
// mesh in the frame, scale its pixels per canonical unit.
func (u *unfolding) limit(fade *[face.MeshPoints]float32, g *[face.MeshPoints]pix.Vec3, scale float32) {
	var most [face.MeshPoints]float32
	for i := range u.triangles {
		t := &u.triangles[i]
		a, b, c := g[t.corner[0]], g[t.corner[1]], g[t.corner[2]]
		x1, y1, x2, y2 := b.X-a.X, b.Y-a.Y, c.X-a.X, c.Y-a.Y
		m := &t.inverse
		p, q := x1*m[0]+x2*m[2], x1*m[1]+x2*m[3]
		r, s := y1*m[0]+y2*m[2], y1*m[1]+y2*m[3]
		stretch := wider(p, q, r, s) / scale
		for _, i := range t.corner {
			most[i] = max(most[i], stretch)
		}
	}
	for i, s := range most {
		if s > stretchFree {
			fade[i] *= 1 - pix.SmoothStep(s, stretchFree, stretchMost)
		}
	}
}

// wider is the larger singular value of a matrix of two rows: how far it stretches at most.
func wider(p, q, r, s float32) float32 {
	sum, det := float64(p*p+q*q+r*r+s*s), float64(p*s-q*r)
	return float32(math.Sqrt((sum + math.Sqrt(max(0, sum*sum-4*det*det))) / 2))
}
