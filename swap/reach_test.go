package swap

import (
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// The outline holds the whole ring with room for the field's smoothing, whichever way the head is turned, and
// is convex.
func TestReachHoldsTheRing(t *testing.T) {
	for _, yaw := range [][9]float32{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {.64, 0, .77, 0, 1, 0, -.77, 0, .64}} {
		o := &face.Observation{Pose: face.Pose{R: yaw, Scale: 12, T: pix.Vec3{X: 200, Y: 200}}}
		for i, v := range face.Canonical().Vertices {
			o.Mesh[i] = o.Pose.At(v)
		}
		outline := Reach(o)
		for i := range outline {
			a, b, c := outline[i], outline[(i+1)%len(outline)], outline[(i+2)%len(outline)]
			if (b.X-a.X)*(c.Y-b.Y)-(b.Y-a.Y)*(c.X-b.X) <= 0 {
				t.Errorf("corner %d of the outline points inward", i)
			}
		}
		need := 3 * fieldSoftening * o.Mesh.EyeDistance()
		for _, p := range ring(o) {
			if d := pix.SignedDistance(outline, p.XY()); d < need {
				t.Errorf("the ring comes within %.1f pixels of the outline, want %.1f", d, need)
			}
		}
	}
}
