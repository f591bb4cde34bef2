package quality

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// take is one version of an excerpt, original or swapped: the meshes found on its frames anew, in order.
// A frame without a face to be measured holds nil. Runs of frames belong to one shot.
type take struct {
	mesh []*face.Mesh
	shot []int // by frame; second differences do not reach over a change
}

// degrees in a radian.
const degrees = 180 / math.Pi

// turn is the one rotation that carries the head of b to that of a, as its axis times its angle in degrees.
func turn(a, b *face.Mesh) [3]float64 {
	p, q := face.FitPose(a), face.FitPose(b)
	var d [9]float64 // A·Bᵀ
	for r := range 3 {
		for c := range 3 {
			for k := range 3 {
				d[3*r+c] += float64(p.R[3*r+k]) * float64(q.R[3*c+k])
			}
		}
	}
	// The angle's sine, from the skew part, is exact for small angles, where the cosine loses digits.
	axis := [3]float64{(d[7] - d[5]) / 2, (d[2] - d[6]) / 2, (d[3] - d[1]) / 2}
	sin := length(axis)
	k := degrees
	if sin > 1e-9 {
		k = math.Atan2(sin, (d[0]+d[4]+d[8]-1)/2) * degrees / sin
	}
	return [3]float64{k * axis[0], k * axis[1], k * axis[2]}
}

func length(v [3]float64) float64 { return math.Sqrt(sq(v[0]) + sq(v[1]) + sq(v[2])) }

func sq(v float64) float64 { return v * v }

// poseError is the mean turn in degrees between both takes' heads, and how much of it is not the same in all
// frames: the rest of a pair's error is how the mesh network sees another face, or its shape.
func poseError(out, target *take) (all, moving float64) {
	var turns [][3]float64
	var whole, rest mean
	for i := range out.mesh {
		if a, b := out.mesh[i], target.mesh[i]; a != nil && b != nil {
			turns = append(turns, turn(a, b))
			whole.add(length(turns[len(turns)-1]))
		}
	}
	var middle [3]float64
	for c := range middle {
		v := make([]float64, len(turns))
		for i, t := range turns {
			v[i] = t[c]
		}
		middle[c] = median(v)
	}
	for _, t := range turns {
		rest.add(length([3]float64{t[0] - middle[0], t[1] - middle[1], t[2] - middle[2]}))
	}
	return whole.value(), rest.value()
}

// expressionError is how far the vertices of list lie from where the target's expression has them, in
// per cent of the eye distance: shapes without pose, each take's own median shape taken away (which is
// who somebody is), distance in the plane of the face, mean over vertices and frames.
func expressionError(out, target *take, list []int) float64 {
	both := make([]int, 0, len(out.mesh))
	for i := range out.mesh {
		if out.mesh[i] != nil && target.mesh[i] != nil {
			both = append(both, i)
		}
	}
	if len(both) == 0 {
		return math.NaN()
	}
	moved := func(t *take) ([]face.Shape, float64) {
		shapes := make([]face.Shape, len(both))
		for k, i := range both {
			shapes[k], _ = face.Decompose(t.mesh[i])
		}
		eyes := make([]float64, len(both))
		for k := range shapes {
			a, b := shapes[k][33], shapes[k][263]
			eyes[k] = math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y))
		}
		buf := make([]float64, len(both))
		for _, v := range list {
			for c := range 2 {
				for k := range shapes {
					buf[k] = float64(*coordinate(&shapes[k][v], c))
				}
				m := median(slices.Clone(buf))
				for k := range shapes {
					*coordinate(&shapes[k][v], c) -= float32(m)
				}
			}
		}
		return shapes, median(eyes)
	}
	a, _ := moved(out)
	b, eye := moved(target)
	var m mean
	for k := range a {
		for _, v := range list {
			m.add(100 / eye * math.Hypot(float64(a[k][v].X-b[k][v].X), float64(a[k][v].Y-b[k][v].Y)))
		}
	}
	return m.value()
}

func coordinate(p *pix.Vec3, c int) *float32 {
	if c == 0 {
		return &p.X
	}
	return &p.Y
}

// The vertices that expression is read from.
func eyeVertices() []int   { return append(face.EyeRight(), face.EyeLeft()...) }
func mouthVertices() []int { return append(face.OuterLips(), face.InnerLips()...) }

// opening is how far the lips are apart at the middle of the mouth (13, 14), in per cent of the eye distance.
func opening(m *face.Mesh) float64 {
	return 100 * float64(distance(m[13], m[14])) / float64(m.EyeDistance())
}

func distance(a, b pix.Vec3) float64 {
	return math.Sqrt(sq(float64(a.X-b.X)) + sq(float64(a.Y-b.Y)) + sq(float64(a.Z-b.Z)))
}

// openError is the mean difference of both takes' openings, in per cent of the eye distance.
func openError(out, target *take) float64 {
	var m mean
	for i := range out.mesh {
		if a, b := out.mesh[i], target.mesh[i]; a != nil && b != nil {
			m.add(math.Abs(opening(a) - opening(b)))
		}
	}
	return m.value()
}

// steadyVertices are those that jitter is read from: outer corners of the eyes, nose tip, corners of the
// mouth, chin.
func steadyVertices() []int { return []int{33, 263, 4, 61, 291, 152} }

// jitter is the mean length of the second difference in time of steadyVertices in the picture, in per
// cent of the eye distance.
func (t *take) jitter() float64 {
	var m mean
	t.triples(func(i int) {
		eye := float64(t.mesh[i].EyeDistance())
		for _, v := range steadyVertices() {
			a, b, c := t.mesh[i-1][v], t.mesh[i][v], t.mesh[i+1][v]
			m.add(100 / eye * math.Hypot(float64(a.X-2*b.X+c.X), float64(a.Y-2*b.Y+c.Y)))
		}
	})
	return m.value()
}

// triples calls do for every frame i with a neighbour of the same shot, and a mesh, on either side.
func (t *take) triples(do func(i int)) {
	for i := 1; i+1 < len(t.mesh); i++ {
		if t.mesh[i-1] != nil && t.mesh[i] != nil && t.mesh[i+1] != nil &&
			t.shot[i-1] == t.shot[i] && t.shot[i] == t.shot[i+1] {
			do(i)
		}
	}
}

// steadySigma is the width in frames of the smoothing over time of the meshes by which textures are laid
// flat: the mesh network's own noise must not pass for flicker of the skin.
const steadySigma = .8

// steadied are the meshes smoothed over time within each shot, forward and backward.
func (t *take) steadied() []*face.Mesh {
	out := make([]*face.Mesh, len(t.mesh))
	for i, m := range t.mesh {
		if m == nil {
			continue
		}
		var sum [face.AllPoints][3]float64
		total := 0.0
		add := func(m *face.Mesh, w float64) {
			for v, p := range m {
				sum[v][0] += w * float64(p.X)
				sum[v][1] += w * float64(p.Y)
				sum[v][2] += w * float64(p.Z)
			}
			total += w
		}
		add(m, 1)
		for d := 1; d <= 2; d++ {
			// In pairs, so that steady motion stays where it is.
			lo, hi := i-d, i+d
			if lo < 0 || hi >= len(t.mesh) || t.mesh[lo] == nil || t.mesh[hi] == nil || t.shot[lo] != t.shot[i] || t.shot[hi] != t.shot[i] {
				break
			}
			w := math.Exp(-sq(float64(d)/steadySigma) / 2)
			add(t.mesh[lo], w)
			add(t.mesh[hi], w)
		}
		s := new(face.Mesh)
		for v := range s {
			s[v] = pix.Vec3{X: float32(sum[v][0] / total), Y: float32(sum[v][1] / total), Z: float32(sum[v][2] / total)}
		}
		out[i] = s
	}
	return out
}

// mean of the values added; NaN of none.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum += v; m.n++ }

func (m *mean) value() float64 { return m.sum / float64(m.n) }

// median sorts v.
func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
