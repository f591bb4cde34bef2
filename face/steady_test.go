package face

import (
	"math"
	"math/rand/v2"
	"testing"
)

// noisy is a head at rest, seen with the network's noise: of each point and of the whole head. move changes a
// frame's true mesh.
func noisy(n int, point, whole float64, move func(i int, m *Mesh)) (truth []Mesh, faces []Observation) {
	rng := rand.New(rand.NewPCG(3, 4))
	truth, faces = make([]Mesh, n), make([]Observation, n)
	for i := range faces {
		truth[i] = placed(.2, .1, 0, 14, [3]float64{300, 250, 0})
		if move != nil {
			move(i, &truth[i])
		}
		m := truth[i]
		wx, wy := whole*rng.NormFloat64(), whole*rng.NormFloat64()
		for k := range m {
			m[k].X += float32(wx + point*rng.NormFloat64())
			m[k].Y += float32(wy + point*rng.NormFloat64())
		}
		faces[i] = Observation{Frame: i, Mesh: m}
	}
	return truth, faces
}

// off is the root of the mean squared error of some points in some frames, in pixels.
func off(truth []Mesh, faces []Observation, points []int, from, to int) float64 {
	s := 0.0
	for i := from; i < to; i++ {
		for _, k := range points {
			dx, dy := float64(faces[i].Mesh[k].X-truth[i][k].X), float64(faces[i].Mesh[k].Y-truth[i][k].Y)
			s += dx*dx + dy*dy
		}
	}
	return math.Sqrt(s / float64((to-from)*len(points)))
}

func TestHeadAtRestIsHeldStill(t *testing.T) {
	truth, faces := noisy(48, .25, .25, nil)
	points := []int{4, 33, 263, 61, 291, 152, 10}
	jump := func() (most float64) {
		for i := 1; i+1 < len(faces); i++ {
			for _, k := range points {
				most = max(most, math.Abs(float64(faces[i-1].Mesh[k].X-2*faces[i].Mesh[k].X+faces[i+1].Mesh[k].X)))
			}
		}
		return most
	}
	before, jumped := off(truth, faces, points, 0, len(faces)), jump()
	smoothTrack(faces, 25)
	if after := off(truth, faces, points, 0, len(faces)); after > .5*before {
		t.Errorf("%.3f px of noise, %.3f left", before, after)
	}
	if now := jump(); now > .25*jumped {
		t.Errorf("the face jumped by %.2f px, and still by %.2f", jumped, now)
	}
}

// A mouth that opens in one frame, shuts for one and opens again, and lids that shut for two frames, in a head at rest:
// all of it is kept, and the rest of the face is not let go for it.
func TestQuickMotionIsKept(t *testing.T) {
	upper, lower := []int{159, 158, 160, 157, 161, 386, 385, 387, 384, 388}, []int{14, 87, 317, 178, 402, 17, 84, 314}
	truth, faces := noisy(48, .2, .2, func(i int, m *Mesh) {
		if i == 20 || i == 21 || i == 23 {
			for _, k := range lower {
				m[k].Y += 9
			}
		}
		if i == 34 || i == 35 {
			for _, k := range upper {
				m[k].Y += 6
			}
		}
	})
	smoothTrack(faces, 25)
	if e := off(truth, faces, lower, 19, 25); e > 1.3 {
		t.Errorf("the mouth is off by %.2f of 9 px", e)
	}
	if e := off(truth, faces, upper, 33, 37); e > .8 {
		t.Errorf("the lids are off by %.2f of 6 px", e)
	}
	if e := off(truth, faces, []int{4, 10, 9, 151}, 19, 37); e > .2 {
		t.Errorf("nose and forehead are off by %.2f px meanwhile", e)
	}
}

func BenchmarkSmoothTrack(b *testing.B) {
	const n = 100
	_, faces := noisy(n, .25, .25, nil)
	work := make([]Observation, n)
	for b.Loop() {
		copy(work, faces)
		smoothTrack(work, 25)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/face")
}
