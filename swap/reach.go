package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/pix"
)

// Reach is a convex outline, in luma pixels, beyond which a swap of this face leaves every sample
// as it was, to the bit: the ring around the face at which its change of shape ends, and the tail of
// that change's smoothing. It is what "outside the mask" means where a swap is measured.
func Reach(o *face.Observation) []pix.Vec2 {
	edge := ring(o)
	points := make([]pix.Vec2, len(edge))
	for i, p := range edge {
		points[i] = p.XY()
	}
	outline := patch.Hull(points)
	// Every side moves outward by more than the smoothing's tail and the sampling of the field: 3.5 sigma
	// and two of its cells.
	margin := 2*fieldStep + 3.5*fieldSoftening*o.Mesh.EyeDistance()
	var c pix.Vec2
	for _, p := range outline {
		c.X += p.X / float32(len(outline))
		c.Y += p.Y / float32(len(outline))
	}
	near := float32(1e9)
	for i, a := range outline {
		b := outline[(i+1)%len(outline)]
		near = min(near, lineDistance(c, a, b))
	}
	// Scaled about its middle, the side nearest to it moves least: by near·(k-1).
	k := 1 + margin/max(near, 1)
	for i, p := range outline {
		outline[i] = pix.Vec2{X: c.X + k*(p.X-c.X), Y: c.Y + k*(p.Y-c.Y)}
	}
	return outline
}

// lineDistance is how far p lies from the line through a and b.
func lineDistance(p, a, b pix.Vec2) float32 {
	dx, dy := b.X-a.X, b.Y-a.Y
	l := float32(math.Hypot(float64(dx), float64(dy)))
	d := (dx*(p.Y-a.Y) - dy*(p.X-a.X)) / max(l, 1e-6)
	return max(d, -d)
}
