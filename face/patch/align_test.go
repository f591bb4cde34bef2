package patch

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// meshWith is a mesh of which only the five points are in place.
func meshWith(p infer.FivePoints) *face.Mesh {
	m := new(face.Mesh)
	set := func(i int, v [2]float64) { m[i] = pix.Vec3{X: float32(v[0]), Y: float32(v[1])} }
	for _, i := range face.EyeRight() {
		set(i, p[0])
	}
	for _, i := range face.EyeLeft() {
		set(i, p[1])
	}
	set(4, p[2])
	set(61, p[3])
	set(291, p[4])
	return m
}

// placed is a template moved into a frame: turned by angle, k frame pixels for each of its own.
func placed(t infer.FivePoints, k, angle, x, y float64) (p infer.FivePoints) {
	sin, cos := math.Sincos(angle)
	for i, v := range t {
		p[i] = [2]float64{k*(cos*v[0]-sin*v[1]) + x, k*(sin*v[0]+cos*v[1]) + y}
	}
	return p
}

// wobbly is a face that fits no template exactly.
func wobbly(t infer.FivePoints) (p infer.FivePoints) {
	p = placed(t, 2.3, .3, 90, 40)
	for i, d := range [5][2]float64{{4, -3}, {-6, 2}, {11, 5}, {-2, -7}, {3, 6}} {
		p[i][0] += d[0]
		p[i][1] += d[1]
	}
	return p
}

func template(name string) infer.Template { return infer.Template{Name: name, Scale: 1} }

func TestAlignPutsPointsOnTheTemplate(t *testing.T) {
	for _, name := range infer.TemplateNames() {
		for _, n := range []int{96, 128, 512} {
			want := template(name).At(n)[0]
			p := FivePoints(meshWith(placed(want, 1.7, -.6, 300, 200)))
			sq, ok := Align(template(name).At(n), p, n)
			if !ok {
				t.Fatal("no fit")
			}
			if math.Abs(float64(sq.Side)-1.7*float64(n)) > .01 || math.Abs(float64(sq.Angle)+.6) > 1e-4 {
				t.Errorf("%s at %d: side %v, angle %v", name, n, sq.Side, sq.Angle)
			}
			for i, v := range p {
				// Whole numbers are the centres of the network's pixels: no half pixel more or less.
				got := sq.ToCrop(n, pix.Vec2{X: float32(v[0]), Y: float32(v[1])})
				if math.Hypot(float64(got.X)-want[i][0], float64(got.Y)-want[i][1]) > .005 {
					t.Errorf("%s at %d: point %d lies at %v, want %v", name, n, i, got, want[i])
				}
			}
		}
	}
}

// TestAlignIsLeastSquares solves the same problem by its normal equations: x' = a·x − b·y + c,
// y' = b·x + a·y + d over the five points, by elimination.
func TestAlignIsLeastSquares(t *testing.T) {
	const n = 128
	want := template("arcface_128").At(n)
	p := wobbly(want[0])
	var m [4][5]float64
	add := func(row [4]float64, right float64) {
		for i := range row {
			for j := range row {
				m[i][j] += row[i] * row[j]
			}
			m[i][4] += row[i] * right
		}
	}
	for i, v := range p {
		add([4]float64{v[0], -v[1], 1, 0}, want[0][i][0])
		add([4]float64{v[1], v[0], 0, 1}, want[0][i][1])
	}
	for c := range 4 {
		for r := c + 1; r < 4; r++ {
			f := m[r][c] / m[c][c]
			for k := c; k < 5; k++ {
				m[r][k] -= f * m[c][k]
			}
		}
	}
	var s [4]float64
	for r := 3; r >= 0; r-- {
		s[r] = m[r][4]
		for k := r + 1; k < 4; k++ {
			s[r] -= m[r][k] * s[k]
		}
		s[r] /= m[r][r]
	}
	sq, _ := Align(want, p, n)
	for _, q := range [][2]float64{{0, 0}, {300, 10}, {120, 400}} {
		got := sq.ToCrop(n, pix.Vec2{X: float32(q[0]), Y: float32(q[1])})
		x, y := s[0]*q[0]-s[1]*q[1]+s[2], s[1]*q[0]+s[0]*q[1]+s[3]
		if math.Hypot(float64(got.X)-x, float64(got.Y)-y) > .01 {
			t.Errorf("%v lies at %v, want (%v, %v)", q, got, x, y)
		}
	}
}

func TestAlignTakesTheNearestPose(t *testing.T) {
	const n = 256
	poses := template("arcface_112_poses").At(n)
	for i := range poses {
		sq, ok := Align(poses, placed(poses[i], .8, .1, 50, 60), n)
		if !ok || math.Abs(float64(sq.Side)-.8*n) > .05 || math.Abs(float64(sq.Angle)-.1) > 1e-3 {
			t.Errorf("pose %d: %+v %v", i, sq, ok)
		}
	}
}

func TestAlignRefusesAPoint(t *testing.T) {
	for _, p := range []infer.FivePoints{{}, {{5, 5}, {5, 5}, {5, 5}, {5, 5}, {5, 5}}, {{math.NaN(), 1}}, {{1e30, 0}, {-1e30, 0}}} {
		if sq, ok := Align(template("ffhq_512").At(512), p, 512); ok {
			t.Errorf("%v gives %+v", p, sq)
		}
	}
}

// TestFivePointsOfTheCanonicalFace: left and right are the picture's, and all lie where they belong.
func TestFivePointsOfTheCanonicalFace(t *testing.T) {
	m := meshAt(200, 200, 10, 0, 1)
	p := FivePoints(&m)
	if !(p[0][0] < p[2][0] && p[2][0] < p[1][0] && p[3][0] < p[2][0] && p[2][0] < p[4][0]) {
		t.Errorf("left and right: %v", p)
	}
	if !(p[0][1] < p[2][1] && p[2][1] < p[3][1]) {
		t.Errorf("up and down: %v", p)
	}
	// A frontal face lies within a few per cent of the template of frontal faces.
	const n = 100
	sq, ok := Align(template("arcface_112_v1").At(n), p, n)
	if !ok || math.Abs(float64(sq.Angle)) > .02 {
		t.Fatalf("%+v %v", sq, ok)
	}
	for i, want := range template("arcface_112_v1").At(n)[0] {
		got := sq.ToCrop(n, pix.Vec2{X: float32(p[i][0]), Y: float32(p[i][1])})
		if math.Hypot(float64(got.X)-want[0], float64(got.Y)-want[1]) > 6 {
			t.Errorf("point %d at %v, the template has %v", i, got, want)
		}
	}
}

// meshAt is the canonical face at a place in a frame, scale pixels per unit, turned by yaw, widened.
func meshAt(x, y, scale, yaw, wide float32) face.Mesh {
	var m face.Mesh
	s, c := float32(math.Sin(float64(-yaw))), float32(math.Cos(float64(-yaw)))
	p := face.Pose{R: [9]float32{c, 0, s, 0, 1, 0, -s, 0, c}, Scale: scale, T: pix.Vec3{X: x, Y: y}}
	for i, v := range face.Canonical().Vertices {
		v.X *= wide
		m[i] = p.At(v)
	}
	return m
}
