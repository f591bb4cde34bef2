package swap

import (
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// pair is footage of two people, the second shifted by dx and scale times as large, drawn in front.
func pair(t *testing.T, dx, scale float32) *clip {
	t.Helper()
	l := pix.Layout{W: 300, H: 170, SubX: 1, SubY: 1, Depth: 8}
	r := newRegions(maskSide)
	a, b := newClip(l, pix.Colour{}, 3, paleFace), newClip(l, pix.Colour{}, 3, paleFace)
	near := b.analysis.Tracks[0]
	near.ID, near.Person = 1, 1
	near.Faces = append([]face.Observation(nil), near.Faces...)
	for i := range near.Faces {
		o := &near.Faces[i]
		m := meshAt(80+dx, 84, 6*scale, 0, 1)
		*o = face.Observation{Frame: i, Mesh: m, Pose: face.FitPose(&m), Box: m.Bounds(), Confidence: 1, Sharpness: 2}
		drawFace(a.frames[i], &m, paleFace, r)
	}
	near.Scale *= scale
	a.analysis.Tracks = append(a.analysis.Tracks, near)
	a.analysis.People = append(a.analysis.People, face.Person{ID: 1, BestTrack: 1})
	return a
}

func planOf(t *testing.T, c *clip, who map[int]*Identity) *Plan {
	t.Helper()
	var list []Assignment
	for p, id := range who {
		list = append(list, Assignment{p, id})
	}
	plan, err := NewPlan(c.analysis, list, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestEverybodyGetsTheirOwnFaceInOnePass(t *testing.T) {
	c := pair(t, 140, 1)
	dark, pale := someone(t), identityOf(t, photoOf(paleFace, 0, 1.1))
	both, reports := run(t, planOf(t, c, map[int]*Identity{0: dark, 1: pale}), c.copies(), 0, 3)
	left, _ := run(t, planOf(t, c, map[int]*Identity{0: dark}), c.copies(), 0, 3)
	right, _ := run(t, planOf(t, c, map[int]*Identity{1: pale}), c.copies(), 0, 3)
	for i := range both {
		for y := range 170 {
			for x := range 300 {
				want := left[i].Planes[0].At(x, y)
				if x > 150 {
					want = right[i].Planes[0].At(x, y)
				}
				if got := both[i].Planes[0].At(x, y); got != want {
					t.Fatalf("frame %d at (%d, %d): %d with both people, %d with one", i, x, y, got, want)
				}
			}
		}
		if len(reports[i].Faces) != 2 || reports[i].Faces[0].Person != 0 || reports[i].Faces[1].Person != 1 ||
			!reports[i].Faces[0].Swapped || !reports[i].Faces[1].Swapped {
			t.Errorf("frame %d: %+v", i, reports[i].Faces)
		}
	}
}

func TestANearerFaceStaysInFront(t *testing.T) {
	c := pair(t, 62, 1.2) // covers the right part of the first
	// Whoever is in front is not swapped: not a sample of the middle of that face may change.
	out, _ := run(t, planOf(t, c, map[int]*Identity{0: someone(t)}), c.copies(), 0, 3)
	changed := 0
	for i, f := range out {
		near := c.analysis.Tracks[1].Faces[i]
		var oval []pix.Vec2
		for _, v := range face.Oval() {
			oval = append(oval, near.Mesh[v].XY())
		}
		for y := range 170 {
			for x := range 300 {
				same := f.Planes[0].At(x, y) == c.frames[i].Planes[0].At(x, y)
				inside := pix.SignedDistance(oval, pix.Vec2{X: float32(x), Y: float32(y)}) > 0
				if inside && !same {
					t.Fatalf("frame %d: the face in front changes at (%d, %d)", i, x, y)
				}
				if !same {
					changed++
				}
			}
		}
	}
	if changed < 3000 {
		t.Errorf("only %d samples of the face behind changed", changed)
	}
	// Swapped too, it is drawn last: as if nobody were behind it.
	dark := someone(t)
	both, _ := run(t, planOf(t, c, map[int]*Identity{0: dark, 1: dark}), c.copies(), 0, 3)
	alone, _ := run(t, planOf(t, c, map[int]*Identity{1: dark}), c.copies(), 0, 3)
	m := c.analysis.Tracks[1].Faces[1].Mesh
	for _, v := range []int{1, 9, 50, 280, 152} {
		x, y := int(m[v].X), int(m[v].Y)
		if a, b := both[1].Planes[0].At(x, y), alone[1].Planes[0].At(x, y); a-b > 2 || b-a > 2 {
			t.Errorf("vertex %d is %d, without the other person %d", v, a, b)
		}
	}
}
