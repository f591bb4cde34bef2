package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// skinAt is the colour of the drawn pale face's cheek in frame i.
func skinAt(c *clip, i int) [3]float32 {
	m := sceneAt(i)
	f := c.frames[i]
	p := f.RGB(pix.Rect{X0: int(m[50].X), Y0: int(m[50].Y), X1: int(m[50].X) + 2, Y1: int(m[50].Y) + 2})
	return [3]float32{p.C[0][0], p.C[1][0], p.C[2][0]}
}

// An object of skin's colour hides brows and lips; bare skin under it cannot be told by itself.
func TestSkinColouredObjectsAreFound(t *testing.T) {
	c, g, curve := scene(t, paleFace)
	skin := skinAt(c, 3)
	for k := range skin {
		skin[k] *= .85 // its own shade: an outline
	}
	o := &c.analysis.Tracks[0].Faces[3]
	for _, s := range []struct {
		name           string
		x0, y0, x1, y1 float32
		wrong          float64 // share of the texels: the drawn cheek has nothing to tell by
	}{
		{"left half", -.2, -.2, .5, 1.2, .3},
		{"lower half", -.2, .55, 1.2, 1.2, .12},
	} {
		f := c.frames[3].Clone()
		box := cover(f, 3, s.x0, s.y0, s.x1, s.y1, skin)
		lg, seen := g.readFace(f, o, curve)
		object, _ := g.occluded(&lg, seen)
		if object.Pix == nil {
			t.Errorf("%s: nothing is found", s.name)
			continue
		}
		at := make([]pix.Vec2, targetSide*targetSide)
		g.r.positions.Points(at, o.Mesh[:], face.Canonical().Triangles[:])
		wrong, all := 0., 0.
		for i, p := range at {
			if seen.Pix[i] < .9 || g.r.rim.Pix[i] < .09 {
				continue
			}
			in := p.X >= float32(box.X0) && p.X < float32(box.X1) && p.Y >= float32(box.Y0) && p.Y < float32(box.Y1)
			all++
			if in != (object.Pix[i] > .5) {
				wrong++
			}
		}
		if wrong > s.wrong*all {
			t.Errorf("%s: %.0f of %.0f texels are taken for the wrong thing", s.name, wrong, all)
		}
	}
}

// Where most of the structure that a face has is not found, the mesh cannot be trusted: that
// counts as covered, however little differs in colour.
func TestHiddenFacesAreLeft(t *testing.T) {
	c := newClip(pix.Layout{W: 260, H: 240, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{}, 7, paleFace)
	skin := skinAt(c, 3)
	for k := range skin {
		skin[k] *= .85
	}
	for i := 2; i < 5; i++ {
		cover(c.frames[i], i, -.3, -.3, 1.3, .95, skin)
	}
	_, reports := run(t, planFor(t, c, someone(t), nil), c.copies(), 0, 7)
	if r := reports[3].Faces[0]; r.Swapped || r.Reason != Covered {
		t.Errorf("a hidden face: %+v", r)
	}
	if r := reports[6].Faces[0]; !r.Swapped {
		t.Errorf("after it: %+v", r)
	}
}

// The coverage must follow the object's edge in the picture, not that of the texels.
func TestCoverageFollowsTheObjectsEdge(t *testing.T) {
	c := newClip(pix.Layout{W: 260, H: 240, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{}, 4, paleFace)
	f := c.frames[3].Clone()
	box := cover(f, 3, -.2, .6, 1.2, 1.2, [3]float32{60, 90, 60})
	m := sceneAt(3)
	object := pix.NewMap(targetSide, targetSide)
	at := make([]pix.Vec2, targetSide*targetSide)
	newRegions(targetSide).positions.Points(at, m[:], face.Canonical().Triangles[:])
	b := m.Bounds()
	for i, p := range at { // found a little too small and ragged
		if p.Y > float32(box.Y0)+.005*b.H*float32(1+i%3) {
			object.Pix[i] = 1
		}
	}
	whole := f.Bounds()
	share := coverage(f, &m, object, whole)
	centre := int(b.X + b.W/2)
	for y := box.Y0 - 12; y < box.Y0+12; y++ {
		want := float32(0)
		if y >= box.Y0 {
			want = 1
		}
		if d := y - box.Y0; d >= -2 && d <= 1 {
			continue // chroma is softer than luma
		}
		for x := centre - 12; x < centre+12; x++ {
			if got := share.Row(y)[x]; math.Abs(float64(got-want)) > .25 {
				t.Fatalf("%d pixels from the edge the share is %.2f, want %.0f", y-box.Y0, got, want)
			}
		}
	}
}

// What lies in front does not bend with the face's shape.
func TestObjectsDoNotBend(t *testing.T) {
	c := newClip(pix.Layout{W: 260, H: 240, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{}, 7, paleFace)
	var box pix.Rect
	for i := range 7 {
		r := cover(c.frames[i], i, .2, .6, .8, 1.3, [3]float32{30, 30, 34})
		f := c.frames[i]
		for y := r.Y0; y < r.Y1; y += 6 { // lines that would show any bend
			for x := r.X0; x < r.X1; x++ {
				f.Planes[0].Set(x, y, 120)
			}
		}
		if i == 3 {
			box = r
		}
	}
	out, reports := run(t, planFor(t, c, someone(t), nil), c.copies(), 0, 7)
	if !reports[3].Faces[0].Swapped {
		t.Fatalf("left: %+v", reports[3])
	}
	worst := 0
	for y := box.Y0 + 4; y < min(box.Y1, 240); y++ {
		for x := box.X0 + 4; x < box.X1-4; x++ {
			d := out[3].Planes[0].At(x, y) - c.frames[3].Planes[0].At(x, y)
			worst = max(worst, d, -d)
		}
	}
	if worst > 12 { // a line that moved would change by 90
		t.Errorf("the object changed by %d steps", worst)
	}
}

func TestFrontIsSteady(t *testing.T) {
	full := pix.NewMap(targetSide, targetSide).Each(func(float32) float32 { return 1 })
	views := []*view{{}, {object: full}, {object: full}, {object: full}, nil}
	if m := front(views, 2, 1); m.Pix[0] != 1 {
		t.Errorf("in its middle %v", m.Pix[0])
	}
	if m := front([]*view{{}, {}, nil}, 1, 1); m.Pix != nil {
		t.Error("something before nothing")
	}
	far := []*view{{object: full}, {}, {}, {}}
	last := float32(1)
	for at := range far {
		now := float32(0)
		if m := front(far, at, 1); m.Pix != nil {
			now = m.Pix[0]
		}
		if now > last || at == 0 && now < .9 || at == 3 && now > .1 {
			t.Errorf("%d frames after it %v", at, now)
		}
		last = now
	}
}

// A strand that hangs over a brow's end is hair, a brow under a fringe is not.
func TestStrandsOverBrows(t *testing.T) {
	r := newRegions(maskSide)
	fn := float32(maskSide)
	tail, middle := face.Canonical().UV[70], face.Canonical().UV[105]
	at := func(m pix.Map, p pix.Vec2) float32 { return m.Bilinear(p.X*(fn-1), p.Y*(fn-1)) }
	brow := r.brows.Grow(.015 * fn)
	hair := pix.NewMap(maskSide, maskSide)
	for i := range hair.Pix { // the skin model leaves brows out
		if u := r.v(i % maskSide); u > .05 && u < tail.X+.02 && brow.Pix[i] < .5 {
			hair.Pix[i] = 1
		}
	}
	keep := r.withoutHair(hair, .01)
	if at(keep, tail) > .3 || at(keep, middle) < .9 {
		t.Errorf("strand: tail %.2f, middle %.2f", at(keep, tail), at(keep, middle))
	}
	clear(hair.Pix)
	for i := range hair.Pix {
		if v := r.v(i / maskSide); v < middle.Y && brow.Pix[i] < .5 {
			hair.Pix[i] = 1
		}
	}
	if keep = r.withoutHair(hair, .01); at(keep, tail) < .7 || at(keep, middle) < .7 {
		t.Errorf("fringe: tail %.2f, middle %.2f", at(keep, tail), at(keep, middle))
	}
}
