package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// smiling is the neutral face with the mouth drawn wide, by what the table knows to widen it.
func smiling(share float32) *face.Mesh {
	x := face.Expressions()
	var smile face.Shape
	for _, c := range x.Components {
		wider := c[291].X - c[61].X
		for i, v := range c {
			smile[i] = pix.Vec3{X: smile[i].X + wider*v.X, Y: smile[i].Y + wider*v.Y, Z: smile[i].Z + wider*v.Z}
		}
	}
	share /= smile[291].X - smile[61].X
	pose := face.Pose{R: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Scale: 10, T: pix.Vec3{X: 200, Y: 200}}
	m := new(face.Mesh)
	for i, p := range &x.Neutral {
		c := smile[i]
		m[i] = pose.At(pix.Vec3{X: p.X + share*c.X, Y: p.Y + share*c.Y, Z: p.Z + share*c.Z})
	}
	return m
}

// TestNeutralShape: a smile does not make a broad mouth for good.
func TestNeutralShape(t *testing.T) {
	width := func(s *face.Shape) float64 {
		return math.Hypot(float64(s[61].X-s[291].X), float64(s[61].Y-s[291].Y))
	}
	rest, _ := neutralShape(smiling(0))
	seen, _ := face.Decompose(smiling(.8))
	got, _ := neutralShape(smiling(.8))
	if was := width(&seen) - width(&rest); was < .6 {
		t.Fatalf("the smile is only %.2f cm wider", was)
	} else if left := width(&got) - width(&rest); left > .6*was {
		t.Errorf("%.2f of %.2f cm of the smile's width is left", left, was)
	}
}
