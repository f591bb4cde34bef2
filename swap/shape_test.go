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

// TestUnfolding: where a lid closes that the photo shows open, the footage's own lid is seen; an
// equal face is drawn as it was.
func TestUnfolding(t *testing.T) {
	open := face.Canonical().Vertices
	u := newUnfolding(&open)
	pose := &face.Pose{R: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Scale: 20}
	full := func() (f [face.MeshPoints]float32) {
		for i := range f {
			f[i] = 1
		}
		return f
	}
	g := face.Place(&open, pose)
	fade := full()
	u.limit(&fade, &g, pose.Scale)
	if fade != full() {
		t.Error("an equal face fades")
	}
	closed := open
	for k, upper := range []int{246, 161, 160, 159, 158, 157, 173} {
		lower := []int{7, 163, 144, 145, 153, 154, 155}[k]
		closed[upper] = closed[lower]
	}
	g = face.Place(&closed, pose)
	u.limit(&fade, &g, pose.Scale)
	if fade[159] > .1 || fade[27] > .3 {
		t.Errorf("the closed lid is drawn with %.2f at its edge and %.2f at its fold", fade[159], fade[27])
	}
	for _, i := range []int{386, 105, 4, 13} { // the other lid, the brow, nose and lips
		if fade[i] < 1 {
			t.Errorf("vertex %d fades to %.2f with the lid", i, fade[i])
		}
	}
}

// TestOffsetHoldsTheHead: a photo of other proportions changes the face, not where it looks.
func TestOffsetHoldsTheHead(t *testing.T) {
	neutral := face.Canonical().Vertices
	id := &Identity{shape: face.Expressions().Relaxed(&neutral)}
	for i, p := range &id.shape { // a chin that lies farther back, below a longer nose
		down := pix.SmoothStep(p.Y, 0, 8)
		id.shape[i].Z += 1.2 * down
		id.shape[i].Y += .6 * down
	}
	o := newOffset(id, &neutral, 1)
	if d := o[152]; d.Z < .1 {
		t.Fatalf("the chin moves by %v", d)
	}
	var before, after face.Mesh
	for i, n := range &neutral {
		before[i] = n
		after[i] = pix.Vec3{X: n.X + o[i].X, Y: n.Y + o[i].Y, Z: n.Z + o[i].Z}
	}
	a, b := face.FitPose(&before), face.FitPose(&after)
	if d := math.Abs(float64(a.Pitch - b.Pitch)); d > .004 {
		t.Errorf("the head nods by %.2f°", 57.3*d)
	}
	if d := math.Abs(float64(a.Scale/b.Scale - 1)); d > .005 {
		t.Errorf("the head grows by %.1f %%", 100*d)
	}
}
