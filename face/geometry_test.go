package face

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/pix"
	"pgregory.net/rapid"
)

func TestCanonicalMesh(t *testing.T) {
	c := Canonical()
	if c.UV[10].Y > .2 || c.UV[152].Y < .8 {
		t.Errorf("v grows upward: forehead %.2f, chin %.2f", c.UV[10].Y, c.UV[152].Y)
	}
	if c.Vertices[33].X >= 0 || c.Vertices[10].Y >= 0 || c.Vertices[1].Z >= 0 {
		t.Error("not in the image's convention: right eye left, forehead up, nose towards the viewer")
	}
	for i, j := range c.Mirror {
		if c.Mirror[j] != uint16(i) {
			t.Fatalf("mirror of %d is %d, whose mirror is %d", i, j, c.Mirror[j])
		}
	}
	if got := c.Mirror[33]; got != 263 {
		t.Errorf("mirror of 33 is %d, want 263", got)
	}
	for _, tri := range c.Triangles {
		if tri[0] == tri[1] || tri[1] == tri[2] || tri[0] == tri[2] {
			t.Fatalf("triangle %v", tri)
		}
	}
	n := SmoothNormals(&c.Vertices)
	facing := 0
	for _, v := range n {
		if l := v.X*v.X + v.Y*v.Y + v.Z*v.Z; math.Abs(float64(l)-1) > 1e-4 {
			t.Fatalf("normal of length² %g", l)
		}
		if v.Z < 0 {
			facing++
		}
	}
	if facing < 460 {
		t.Errorf("%d of 468 smooth normals face the viewer", facing)
	}
	for name, list := range map[string][]int{"oval": Oval(), "inner lips": InnerLips(), "outer lips": OuterLips(),
		"right eye": EyeRight(), "left eye": EyeLeft(), "right brow": BrowRight(), "left brow": BrowLeft()} {
		seen := map[int]bool{}
		for _, i := range list {
			if i < 0 || i >= MeshPoints || seen[i] {
				t.Errorf("%s: index %d", name, i)
			}
			seen[i] = true
		}
	}
}

func TestParseCanonicalRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"short":          "v 0 0 0\n",
		"no number":      strings.Replace(canonicalOBJ, "v ", "v x", 1),
		"missing vertex": strings.Replace(canonicalOBJ, "v ", "# ", 1),
		"far index":      strings.Replace(canonicalOBJ, "\nf ", "\nf 9999/1 1/1 2/2\nf ", 1),
	} {
		if _, err := parseCanonical(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// rotation is Rz(roll)·Ry(−yaw)·Rx(pitch).
func rotation(yaw, pitch, roll float64) [9]float64 {
	cy, sy := math.Cos(-yaw), math.Sin(-yaw)
	cp, sp := math.Cos(pitch), math.Sin(pitch)
	cr, sr := math.Cos(roll), math.Sin(roll)
	mul := func(a, b [9]float64) (c [9]float64) {
		for i := range 3 {
			for j := range 3 {
				for k := range 3 {
					c[3*i+j] += a[3*i+k] * b[3*k+j]
				}
			}
		}
		return
	}
	return mul([9]float64{cr, -sr, 0, sr, cr, 0, 0, 0, 1},
		mul([9]float64{cy, 0, sy, 0, 1, 0, -sy, 0, cy}, [9]float64{1, 0, 0, 0, cp, -sp, 0, sp, cp}))
}

func placed(yaw, pitch, roll, scale float64, shift [3]float64) Mesh {
	pose := newPose(rotation(yaw, pitch, roll), scale, shift)
	var m Mesh
	for i, v := range Canonical().Vertices {
		m[i] = pose.At(v)
	}
	for e, list := range [][]int{EyeRight(), EyeLeft()} {
		var c pix.Vec3
		for _, i := range list {
			c.X += m[i].X / 16
			c.Y += m[i].Y / 16
			c.Z += m[i].Z / 16
		}
		for k := range 5 {
			m[MeshPoints+5*e+k] = c
		}
	}
	return m
}

func TestFitPoseFindsWhatWasPlaced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		yaw := rapid.Float64Range(-1.2, 1.2).Draw(t, "yaw")
		pitch := rapid.Float64Range(-1, 1).Draw(t, "pitch")
		roll := rapid.Float64Range(-3, 3).Draw(t, "roll")
		scale := rapid.Float64Range(2, 60).Draw(t, "scale")
		shift := [3]float64{rapid.Float64Range(0, 1920).Draw(t, "x"), rapid.Float64Range(0, 1080).Draw(t, "y"), 0}
		m := placed(yaw, pitch, roll, scale, shift)
		p := FitPose(&m)
		for _, c := range []struct {
			name      string
			got, want float64
			near      float64
		}{
			{"yaw", float64(p.Yaw), yaw, 2e-4}, {"pitch", float64(p.Pitch), pitch, 2e-4},
			{"roll", float64(p.Roll), roll, 2e-4}, {"scale", float64(p.Scale), scale, 1e-3 * scale},
			{"x", float64(p.T.X), shift[0], .01 * scale}, {"y", float64(p.T.Y), shift[1], .01 * scale},
		} {
			if math.Abs(c.got-c.want) > c.near {
				t.Fatalf("%s = %g, want %g", c.name, c.got, c.want)
			}
		}
		shape, pose := Decompose(&m)
		back := Place(&shape, &pose)
		for i, v := range back {
			if math.Hypot(float64(v.X-m[i].X), float64(v.Y-m[i].Y)) > .01 {
				t.Fatalf("point %d comes back at %v, was %v", i, v, m[i])
			}
		}
	})
}

func TestPoseSigns(t *testing.T) {
	nose := func(yaw, pitch, roll float64) pix.Vec3 {
		m := placed(yaw, pitch, roll, 10, [3]float64{})
		base := placed(0, 0, 0, 10, [3]float64{})
		return pix.Vec3{X: m[1].X - base[1].X, Y: m[1].Y - base[1].Y, Z: m[263].Y - base[263].Y}
	}
	if d := nose(.4, 0, 0); d.X <= 0 {
		t.Error("positive yaw must turn the nose to the picture's right")
	}
	if d := nose(0, .4, 0); d.Y <= 0 {
		t.Error("positive pitch must turn the nose down")
	}
	if d := nose(0, 0, .4); d.Z <= 0 {
		t.Error("positive roll must move the picture's right eye down")
	}
}

func TestMouthDoesNotMovePose(t *testing.T) {
	m := placed(.2, .1, -.1, 12, [3]float64{300, 200, 0})
	want := FitPose(&m)
	for i, v := range Canonical().Vertices {
		if v.Y > Canonical().Vertices[1].Y+1 {
			m[i].Y += 12 // the jaw drops by a centimetre
		}
	}
	got := FitPose(&m)
	if d := math.Abs(float64(got.Pitch - want.Pitch)); d > .02 {
		t.Errorf("an open jaw turns the head by %.3f rad", d)
	}
}

func TestSmoothingTakesNoiseNotMotion(t *testing.T) {
	const n = 60
	rng := rand.New(rand.NewPCG(1, 2))
	truth, faces := make([]Mesh, n), make([]Observation, n)
	for i := range faces {
		a := float64(i) / 25
		truth[i] = placed(.2*math.Sin(3*a), .1*math.Cos(2*a), .1*math.Sin(4*a), 14, [3]float64{300 + 40*math.Sin(5*a), 250 + 120*a, 0})
		m := truth[i]
		// The network's noise moves the whole mesh and each point.
		wx, wy := .4*rng.NormFloat64(), .4*rng.NormFloat64()
		for k := range m {
			m[k].X += float32(wx + .3*rng.NormFloat64())
			m[k].Y += float32(wy + .3*rng.NormFloat64())
		}
		faces[i] = Observation{Frame: i, Mesh: m}
	}
	rms := func() float64 {
		s := 0.0
		for i := range faces {
			for k := range truth[i] {
				dx, dy := float64(faces[i].Mesh[k].X-truth[i][k].X), float64(faces[i].Mesh[k].Y-truth[i][k].Y)
				s += dx*dx + dy*dy
			}
		}
		return math.Sqrt(s / n / AllPoints)
	}
	before := rms()
	smoothTrack(faces, 25)
	if after := rms(); after > .8*before {
		t.Errorf("error %.3f px before, %.3f after", before, after)
	}

	// A shake of 20 px at 8 Hz is real motion: nothing may lag behind it.
	for i := range faces {
		truth[i] = placed(0, 0, 0, 14, [3]float64{300 + 20*math.Sin(2*math.Pi*8*float64(i)/25), 250, 0})
		faces[i] = Observation{Frame: i, Mesh: truth[i]}
	}
	smoothTrack(faces, 25)
	for i := range faces {
		if d := math.Abs(float64(faces[i].Mesh[1].X - truth[i][1].X)); d > 1 {
			t.Fatalf("frame %d: smoothing moved the face by %.2f px", i, d)
		}
	}
}

func TestNearestRotationIsARotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m [9]float64
		for i := range m {
			m[i] = rapid.Float64Range(-1, 1).Draw(t, "m")
		}
		r := nearestRotation(m)
		for i := range 3 {
			for j := range 3 {
				dot := r[3*i]*r[3*j] + r[3*i+1]*r[3*j+1] + r[3*i+2]*r[3*j+2]
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(dot-want) > 1e-9 {
					t.Fatalf("rows %d, %d: %g", i, j, dot)
				}
			}
		}
		det := r[0]*(r[4]*r[8]-r[5]*r[7]) - r[1]*(r[3]*r[8]-r[5]*r[6]) + r[2]*(r[3]*r[7]-r[4]*r[6])
		if math.Abs(det-1) > 1e-9 {
			t.Fatalf("determinant %g", det)
		}
	})
}

func BenchmarkFitPose(b *testing.B) {
	m := placed(.3, .1, .2, 12, [3]float64{400, 300, 0})
	for b.Loop() {
		FitPose(&m)
	}
}
