package swap

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

func codes(warnings []Warning) (c []string) {
	for _, w := range warnings {
		c = append(c, w.Code)
	}
	return c
}

// texelAt is the gamma-coded colour of an identity at a vertex.
func texelAt(id *Identity, vertex int) (c [3]float32) {
	uv := face.Canonical().UV[vertex]
	curve := pix.NewCurve(pix.SDR)
	for k := range c {
		c[k] = curve.Code(id.texture[k].Bilinear(uv.X*(textureSide-1), uv.Y*(textureSide-1)))
	}
	return c
}

func TestIdentityKeepsThePhotosColours(t *testing.T) {
	p := paleFace
	p.side = 0
	id, warnings, err := NewIdentity([]Photo{photoOf(p, 0, 1)}, DefaultOptions())
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	for _, v := range []int{50, 280, 5, 9, 199} {
		for k, c := range texelAt(id, v) {
			if math.Abs(float64(c-p.skin[k])) > 6 {
				t.Errorf("vertex %d, channel %d: %.0f, want %.0f", v, k, c, p.skin[k])
			}
		}
	}
	for _, v := range []int{50, 280, 5} {
		uv := face.Canonical().UV[v]
		if c := id.confidence.Bilinear(uv.X*(textureSide-1), uv.Y*(textureSide-1)); c < .95 {
			t.Errorf("vertex %d is trusted only to %.2f", v, c)
		}
	}
}

func TestIdentityFillsTheHiddenSide(t *testing.T) {
	id, warnings, err := NewIdentity([]Photo{photoOf(paleFace, .7, 1)}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(codes(warnings), "face_turned") {
		t.Errorf("no warning about the turn: %v", warnings)
	}
	for _, v := range []int{50, 280} { // both cheeks are there
		for k, c := range texelAt(id, v) {
			if math.Abs(float64(c-paleFace.skin[k])) > 30 {
				t.Errorf("vertex %d, channel %d: %.0f, want about %.0f", v, k, c, paleFace.skin[k])
			}
		}
	}
}

func TestPhotosAreMerged(t *testing.T) {
	left, right := photoOf(paleFace, .6, 1.1), photoOf(paleFace, -.6, .9)
	one, _, err := NewIdentity([]Photo{left}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	both, warnings, err := NewIdentity([]Photo{left, right}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range both.confidence.Pix {
		if c < one.confidence.Pix[i] {
			t.Fatalf("texel %d is trusted less with two photos", i)
		}
	}
	a, b := one.shape[454].X-one.shape[234].X, both.shape[454].X-both.shape[234].X
	if b >= a-.3 {
		t.Errorf("the mean of a wide and a narrow face is %.2f wide, the wide one %.2f", b, a)
	}
	if len(warnings) != 2 || warnings[1].Text[:8] != "Photo 2:" {
		t.Errorf("warnings %v", warnings)
	}
}

func TestUnusablePhotos(t *testing.T) {
	if _, _, err := NewIdentity(nil, DefaultOptions()); !fault.Is(err, fault.MissingField) {
		t.Errorf("no photo: %v", err)
	}
	p := photoOf(paleFace, 0, 1)
	cut := *p.Mesh
	for i := range cut { // nearly all of the face lies outside of the picture
		cut[i].X -= 300
	}
	if _, _, err := NewIdentity([]Photo{{p.Frame, &cut}}, DefaultOptions()); !fault.Is(err, fault.FaceUnusable) {
		t.Errorf("cut off: %v", err)
	}
}

// opened is a mesh whose lower lip hangs by a share of the eye distance.
func opened(m face.Mesh, share float32) face.Mesh {
	drop := share * m.EyeDistance()
	for _, i := range []int{95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375} {
		m[i].Y += drop
	}
	return m
}

func TestWideOpenMouthIsSaidAndTeethAreCovered(t *testing.T) {
	m := opened(meshAt(210, 200, 18, 0, 1), .4)
	f := background(pix.Layout{W: 420, H: 420, Depth: 8}, pix.Colour{Full: true})
	drawFace(f, &m, paleFace, newRegions(maskSide))
	middle := pix.Vec2{X: (m[13].X + m[14].X) / 2, Y: (m[13].Y + m[14].Y) / 2}
	box := pix.Rect{X0: int(middle.X) - 25, Y0: int(m[13].Y) + 2, X1: int(middle.X) + 25, Y1: int(m[14].Y) - 2}
	before := f.RGB(box)
	teeth := before.Clone()
	for k := range teeth.C {
		for i := range teeth.C[k] {
			teeth.C[k][i] = 250
		}
	}
	f.Replace(box, before, teeth, false)
	rgb, mesh, _ := cutOut(Photo{f, &m})
	coverTeeth(rgb, mesh)
	x, y := int(mesh[13].X+.5), int((mesh[13].Y+mesh[14].Y)/2)
	if v := rgb.C[1][y*rgb.W+x]; math.Abs(float64(v-paleFace.lips[1])) > 40 {
		t.Errorf("the middle of the mouth is %.0f in green, lips are %.0f", v, paleFace.lips[1])
	}
	_, warnings, err := NewIdentity([]Photo{{f, &m}}, DefaultOptions())
	if err != nil || !slices.Contains(codes(warnings), "mouth_open") {
		t.Errorf("%v, warnings %v", err, warnings)
	}
}

func TestHardShadowIsSaid(t *testing.T) {
	p := paleFace
	p.side = 3.5
	_, warnings, err := NewIdentity([]Photo{photoOf(p, 0, 1)}, DefaultOptions())
	if err != nil || !slices.Contains(codes(warnings), "hard_shadow") {
		t.Errorf("%v, warnings %v", err, warnings)
	}
}

func TestOffsetNeverOpensTheMouth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := &Identity{open: rapid.Float32Range(0, .3).Draw(t, "open")}
		neutral := face.Canonical().Vertices
		rest := face.Expressions().Relaxed(&neutral)
		for i := range id.shape {
			id.shape[i] = rest[i]
		}
		for _, i := range face.InnerLips() {
			id.shape[i].Y += rapid.Float32Range(-1, 1).Draw(t, "y")
		}
		o := newOffset(id, &neutral, rapid.Float32Range(0, 1).Draw(t, "strength"))
		if a, b := o[13], o[14]; a != b {
			t.Fatalf("the lips move by %v and %v", a, b)
		}
		if n := o[10]; max(n.X, -n.X, n.Y, -n.Y, n.Z, -n.Z) > .03 { // of 14 cm: the fit of the head sees the lips too
			t.Fatalf("an equal forehead moves by %v", n)
		}
	})
}

func TestFieldIsInverseOfTheShape(t *testing.T) {
	// What the field fetches for a vertex's new place is the vertex's old place.
	m := meshAt(210, 230, 14, 0, 1)
	o := &face.Observation{Mesh: m, Pose: face.FitPose(&m)}
	id := &Identity{}
	for i, v := range face.Canonical().Vertices {
		v.X *= 1.15
		id.shape[i] = v
	}
	neutral := face.Canonical().Vertices
	off := newOffset(id, &neutral, 1)
	g := off.shaped(o, 1)
	f := pix.NewFrame(pix.Layout{W: 420, H: 460, Depth: 8}, pix.Colour{})
	box := reach(o, f)
	var d field
	d.fill(o, &g, ringTriangles(), box)
	eye := float64(m.EyeDistance())
	for _, i := range []int{1, 50, 280, 152, 9, 61, 291} {
		x, y := (g[i].X-float32(box.X0))/fieldStep, (g[i].Y-float32(box.Y0))/fieldStep
		dx, dy := g[i].X+d.dx.Bilinear(x, y)-m[i].X, g[i].Y+d.dy.Bilinear(x, y)-m[i].Y
		if e := math.Hypot(float64(dx), float64(dy)); e > .02*eye {
			t.Errorf("vertex %d is fetched from %.1f pixels beside its place", i, e)
		}
	}
	for i := range d.dx.Pix {
		if x, y := i%d.dx.W, i/d.dx.W; (x == 0 || y == 0) && math.Abs(float64(d.dx.Pix[i])) > 1./64 {
			t.Fatalf("the border moves by %v", d.dx.Pix[i])
		}
	}
}

func TestNthEqualsSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float32Range(-5, 5), 1, 60).Draw(t, "v")
		k := rapid.IntRange(0, len(v)-1).Draw(t, "k")
		sorted := slices.Sorted(slices.Values(v))
		if got := nth(v, k); got != sorted[k] {
			t.Fatalf("nth = %v, want %v", got, sorted[k])
		}
	})
}

func TestFitShadeFindsTheShade(t *testing.T) {
	r := newRegions(64)
	truth := []float64{.5, .3, -.2, .1, 0, 0, 0, 0, 0}
	m := pix.NewMap(64, 64)
	for i := range m.Pix {
		m.Pix[i] = float32(r.shade(truth, i))
		if x := i % 64; x > 20 && x < 28 {
			m.Pix[i] += 2 // an object
		}
	}
	got := r.fitShade([]pix.Map{m}, r.skin, shadeFit{terms: 4, rounds: 10, step: 1})[0]
	for i := range m.Pix {
		if r.skin.Pix[i] > .5 {
			if d := r.shade(got, i) - r.shade(truth, i); math.Abs(d) > .06 {
				t.Fatalf("texel %d is off by %.3f", i, d)
			}
		}
	}
}
