package quality

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// still is a head of about 200 pixels, moved by at.
func still(at pix.Vec3, pose func(*face.Pose)) *face.Mesh {
	p := face.Pose{R: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Scale: 14, T: pix.Vec3{X: 160 + at.X, Y: 150 + at.Y, Z: at.Z}}
	if pose != nil {
		pose(&p)
	}
	m := new(face.Mesh)
	for i, v := range face.Canonical().Vertices {
		m[i] = p.At(v)
	}
	return m
}

func series(n int, mesh func(i int) *face.Mesh) *take {
	t := &take{mesh: make([]*face.Mesh, n), shot: make([]int, n)}
	for i := range t.mesh {
		t.mesh[i] = mesh(i)
	}
	return t
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// A head that goes on evenly and opens its mouth, twice the same: no error, no jitter.
func TestTheSameIsPerfect(t *testing.T) {
	move := func(i int) *face.Mesh {
		m := still(pix.Vec3{X: float32(3 * i)}, nil)
		m[14].Y += float32(i)
		return m
	}
	a, b := series(9, move), series(9, move)
	pose, sway := poseError(a, b)
	near(t, "pose", pose+sway, 0, 1e-6)
	near(t, "eyes", expressionError(a, b, eyeVertices()), 0, 1e-9)
	near(t, "mouth", expressionError(a, b, mouthVertices()), 0, 1e-9)
	near(t, "open", openError(a, b), 0, 1e-9)
	near(t, "jitter", a.jitter(), 0, 1e-3)
}

// The angle is that of the one rotation between the heads, whichever axis.
func TestPoseErrorIsTheAngle(t *testing.T) {
	const angle = 3 / degrees
	s, c := float32(math.Sin(angle)), float32(math.Cos(angle))
	for _, r := range [][9]float32{{1, 0, 0, 0, c, -s, 0, s, c}, {c, 0, s, 0, 1, 0, -s, 0, c}, {c, -s, 0, s, c, 0, 0, 0, 1}} {
		a := series(4, func(int) *face.Mesh { return still(pix.Vec3{}, nil) })
		b := series(4, func(int) *face.Mesh { return still(pix.Vec3{X: 9}, func(p *face.Pose) { p.R = r }) })
		pose, sway := poseError(b, a)
		near(t, "pose", pose, 3, 1e-3)
		near(t, "sway", sway, 0, 1e-3)
		*b.mesh[0] = *a.mesh[0] // one frame of four is right: the constant part is what most have
		pose, sway = poseError(b, a)
		near(t, "pose", pose, 3*3./4, 1e-3)
		near(t, "sway", sway, 3./4, 1e-3)
	}
}

// Who somebody is (a constant difference) is no expression; a mouth that moves otherwise is, by exactly the
// vertices that move and how far.
func TestExpressionErrorIsWhatMovesOtherwise(t *testing.T) {
	target := series(10, func(int) *face.Mesh { return still(pix.Vec3{}, nil) })
	other := series(10, func(int) *face.Mesh {
		m := still(pix.Vec3{}, nil)
		m[61].X += 5
		return m
	})
	near(t, "constant difference", expressionError(other, target, mouthVertices()), 0, 1e-3)

	eye := float64(target.mesh[0].EyeDistance())
	const frames, moved, by = 10, 4, 2.0
	// Two vertices of low weight in the fit of the pose move down in four frames of ten: the median stays.
	out := series(frames, func(i int) *face.Mesh {
		m := still(pix.Vec3{}, nil)
		if i < moved {
			m[14].Y += by
			m[17].Y += by
		}
		return m
	})
	want := 100 * by / eye * 2 / float64(len(mouthVertices())) * moved / frames
	near(t, "mouth", expressionError(out, target, mouthVertices()), want, .03*want)
	near(t, "eyes", expressionError(out, target, eyeVertices()), 0, .1*want)
	near(t, "open", openError(out, target), 100*by/eye*moved/frames, .05)
}

// A face that hops by d every other frame has second differences of 2d.
func TestJitterIsTheSecondDifference(t *testing.T) {
	hop := series(11, func(i int) *face.Mesh { return still(pix.Vec3{Y: float32(i % 2)}, nil) })
	near(t, "jitter", hop.jitter(), 100*2/float64(hop.mesh[0].EyeDistance()), 1e-3)
	hop.shot[5], hop.shot[6] = 1, 2 // no second difference reaches over a cut
	for i := 7; i < 11; i++ {
		hop.shot[i] = 3
	}
	jump := hop.mesh[5]
	*jump = *still(pix.Vec3{Y: 500}, nil)
	near(t, "jitter beside a cut", hop.jitter(), 100*2/float64(hop.mesh[0].EyeDistance()), 1e-3)
}

// picture is a frame of even grey with noise that differs from frame to frame.
func picture(seed uint32, noise int) *pix.Frame {
	f := pix.NewFrame(pix.Layout{W: 320, H: 320, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	for i := range f.Planes[0].P8 {
		seed = seed*1664525 + 1013904223
		f.Planes[0].P8[i] = uint8(128 + int(seed>>24)%(2*noise+1) - noise)
	}
	for p := 1; p < 3; p++ {
		for i := range f.Planes[p].P8 {
			f.Planes[p].P8[i] = 128
		}
	}
	return f
}

// Noise that lives in time is flicker, twice as much of it twice as much; light that changes evenly is none.
func TestFlickerCountsNoiseInTime(t *testing.T) {
	l := newFlat()
	head := series(6, func(int) *face.Mesh { return still(pix.Vec3{}, nil) })
	measure := func(make func(i int) *pix.Frame) float64 {
		var frames []*pix.Frame
		for i := range head.mesh {
			frames = append(frames, make(i))
		}
		return l.flicker(frames, head)
	}
	few := measure(func(i int) *pix.Frame { return picture(uint32(i+1), 4) })
	many := measure(func(i int) *pix.Frame { return picture(uint32(i+1), 8) })
	if few <= 0 {
		t.Fatalf("noise gives flicker %v", few)
	}
	near(t, "twice the noise", many/few, 2, .15)
	near(t, "noise that stands still", measure(func(int) *pix.Frame { return picture(1, 8) }), 0, 1e-3)
	near(t, "even change", measure(func(i int) *pix.Frame {
		f := picture(1, 0)
		for k := range f.Planes[0].P8 {
			f.Planes[0].P8[k] += uint8(5 * i)
		}
		return f
	}), 0, 1e-3)
}

// A step in brightness inside the face's outline is a seam; one far outside is none.
func TestSeamSeesAnEdgeInsideTheOutline(t *testing.T) {
	l := newFlat()
	head := series(1, func(int) *face.Mesh { return still(pix.Vec3{}, nil) })
	edge := func(grow float64) float64 {
		f := picture(1, 0)
		var poly []pix.Vec2
		for _, v := range face.Oval() {
			p := head.mesh[0][v]
			poly = append(poly, pix.Vec2{X: 160 + float32(grow)*(p.X-160), Y: 150 + float32(grow)*(p.Y-150)})
		}
		for y := range 320 {
			for x := range 320 {
				if pix.SignedDistance(poly, pix.Vec2{X: float32(x), Y: float32(y)}) > 0 {
					f.Planes[0].Set(x, y, 168)
				}
			}
		}
		return l.seam([]*pix.Frame{f}, head)
	}
	if inside, beyond := edge(.92), edge(1.3); inside < 1 || beyond > .01*inside {
		t.Errorf("an edge inside the outline gives %v, one outside %v", inside, beyond)
	}
}

// One changed sample outside is one, wherever; inside the outline it is none.
func TestOutsideCountsSamples(t *testing.T) {
	before := picture(7, 9)
	outline := []pix.Vec2{{X: 100, Y: 100}, {X: 200, Y: 100}, {X: 200, Y: 200}, {X: 100, Y: 200}}
	for _, c := range []struct {
		plane, x, y, want int
	}{{0, 50, 50, 1}, {0, 150, 150, 0}, {1, 25, 25, 1}, {2, 75, 75, 0}, {2, 159, 159, 1}} {
		after := before.Clone()
		after.Planes[c.plane].Set(c.x, c.y, after.Planes[c.plane].At(c.x, c.y)^1)
		if got := outside(before, after, [][]pix.Vec2{outline}); got != c.want {
			t.Errorf("plane %d (%d, %d): %d changed outside, want %d", c.plane, c.x, c.y, got, c.want)
		}
	}
	after := before.Clone()
	after.Planes[0].Set(150, 150, 0)
	if got := outside(before, after, nil); got != 1 {
		t.Errorf("without a mask every change is outside: %d", got)
	}
}

// Points that are the template, turned and scaled, give the square that undoes it.
func TestAlignToUndoesASimilarity(t *testing.T) {
	template := wideArcTemplate()
	const scale, angle = 1.7, .3
	var points [5]pix.Vec2
	for k, p := range template {
		x, y := float64(p[0])-111.5, float64(p[1])-111.5
		points[k] = pix.Vec2{X: float32(400 + scale*(math.Cos(angle)*x-math.Sin(angle)*y)), Y: float32(300 + scale*(math.Sin(angle)*x+math.Cos(angle)*y))}
	}
	s := alignTo(template, points, 224)
	near(t, "x", float64(s.X), 400, 1e-3)
	near(t, "y", float64(s.Y), 300, 1e-3)
	near(t, "side", float64(s.Side), scale*224, 1e-2)
	near(t, "angle", float64(s.Angle), angle, 1e-5)
}

// Every face that stays as filmed is listed; only those that face the camera count, found or not.
func TestLeftCountsFacesTowardsTheCamera(t *testing.T) {
	at := func(angle float64) *face.Observation {
		s, c := float32(math.Sin(angle/degrees)), float32(math.Cos(angle/degrees))
		return &face.Observation{Pose: face.Pose{R: [9]float32{c, 0, s, 0, 1, 0, -s, 0, c}}}
	}
	c := &clip{seen: []*face.Observation{at(0), at(30), at(60), nil, nil}, missed: []*face.Pose{nil, nil, nil, &at(20).Pose, &at(80).Pose}}
	said := func(swapped bool) swap.FrameReport {
		return swap.FrameReport{Faces: []swap.FaceReport{{Person: 1}, {Person: 0, Swapped: swapped, Reason: swap.Covered}}}
	}
	res := &result{reports: []swap.FrameReport{said(true), said(false), said(false), {}, {}}}
	p := &Pair{}
	p.countLeft(c, res, 100)
	want := []Left{{101, "covered", 30}, {102, "covered", 60}, {103, "not_found", 20}, {104, "not_found", 80}}
	if d := cmp.Diff(want, p.Left); d != "" {
		t.Error(d)
	}
	if p.Figures.Faces != 3 || p.Figures.Left != 2 {
		t.Errorf("%d of %d faces towards the camera are left, want 2 of 3", p.Figures.Left, p.Figures.Faces)
	}
}
