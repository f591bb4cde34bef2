package face

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// TestIris: an ellipse that is turned and narrow still has distance 1 on its border.
func TestIris(t *testing.T) {
	e := Iris{At: pix.Vec2{X: 10, Y: 20}, Across: pix.Vec2{X: 3, Y: 1}, Down: pix.Vec2{X: -1, Y: 5}}
	for _, p := range []pix.Vec2{{X: 13, Y: 21}, {X: 7, Y: 19}, {X: 9, Y: 25}, {X: 11, Y: 15}} {
		if d := e.Distance(p.X, p.Y); d < .999 || d > 1.001 {
			t.Errorf("%v lies at %.3f radii", p, d)
		}
	}
	if d := e.Distance(10, 20); d != 0 {
		t.Errorf("the centre lies at %.3f radii", d)
	}
	if d := (&Iris{At: pix.Vec2{X: 1, Y: 1}}).Distance(1, 1); d < 100 {
		t.Errorf("an iris without size has distance %.1f", d)
	}
	var none Mesh
	if c := none.EyeColours(pix.NewFrame(pix.Layout{W: 16, H: 16, Depth: 8, SubX: 1, SubY: 1}, pix.Colour{})); c.Seen() {
		t.Errorf("no eyes have colours %v", c)
	}
}
