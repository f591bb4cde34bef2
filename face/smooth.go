package face

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/pix"
)

// Sigma in frames at 25–30 fps of the Gaussian that makes the steady pose in whose frame shapes are
// smoothed. It is no result: what of the head's motion it takes away stays in the shapes, and is motion there.
const poseSigma = 2

// smoothTrack replaces mesh, pose and box of every observation by values smoothed forward and
// backward in time, as strongly as their noise asks for (steady.go). Frames must be contiguous and without
// a cut. fps scales the widths, which hold for 25 to 30.
func smoothTrack(faces []Observation, fps float64) {
	n := len(faces)
	if n < 2 {
		return
	}
	rate := 1.0
	switch {
	case fps > 0 && fps < 25:
		rate = fps / 25
	case fps > 30:
		rate = fps / 30
	}
	poses := make([]Pose, n)
	for i := range faces {
		poses[i] = FitPose(&faces[i].Mesh)
	}
	poses = steadyPoses(poses, gaussian(poseSigma*rate))
	shapes := make([]Mesh, n)
	for i := range faces {
		for k, v := range faces[i].Mesh {
			shapes[i][k] = poses[i].Back(v)
		}
	}
	steadyShapes(shapes, rate)
	for i := range faces {
		m := &faces[i].Mesh
		for k, v := range shapes[i] {
			m[k] = poses[i].At(v)
		}
		faces[i].Pose, faces[i].Box = FitPose(m), m.Bounds()
	}
}

// steadyPoses smooths size, rotation and the place of the middle of the bony vertices, at which a
// turn and a shift of the head do not mix.
func steadyPoses(poses []Pose, kernel []float64) []Pose {
	var middle [3]float64
	c, total := Canonical(), 0.0
	for i, w := range c.Rigid {
		for k, x := range wide(c.Vertices[i]) {
			middle[k] += float64(w) * x
		}
		total += float64(w)
	}
	for k := range middle {
		middle[k] /= total
	}
	var s smoother
	series := func(get func(p *Pose) float64) []float64 {
		in, out := make([]float64, len(poses)), make([]float64, len(poses))
		for i := range poses {
			in[i] = get(&poses[i])
		}
		s.read(in, len(kernel))
		s.smooth(out, kernel)
		return out
	}
	scale := series(func(p *Pose) float64 { return math.Log(float64(p.Scale)) })
	turned := func(r *[9]float64, row int) float64 {
		return r[3*row]*middle[0] + r[3*row+1]*middle[1] + r[3*row+2]*middle[2]
	}
	var place [3][]float64
	for k := range place {
		place[k] = series(func(p *Pose) float64 {
			var r [9]float64
			for e, v := range p.R {
				r[e] = float64(v)
			}
			return wide(p.T)[k] + float64(p.Scale)*turned(&r, k)
		})
	}
	var turn [9][]float64
	for e := range turn {
		turn[e] = series(func(p *Pose) float64 { return float64(p.R[e]) })
	}
	out := make([]Pose, len(poses))
	for i := range out {
		var mean [9]float64
		for e := range mean {
			mean[e] = turn[e][i]
		}
		r, size := nearestRotation(mean), math.Exp(scale[i])
		var t [3]float64
		for k := range t {
			t[k] = place[k][i] - size*turned(&r, k)
		}
		out[i] = newPose(r, size, t)
	}
	return out
}

// neutral is the median shape over a track, point by point, in canonical units.
func neutral(faces []Observation) Shape {
	var s Shape
	if len(faces) == 0 {
		return s
	}
	// A median needs no more than a few hundred samples; they are spread evenly.
	step := max(1, len(faces)/300)
	var shapes []Shape
	for i := 0; i < len(faces); i += step {
		sh, _ := Decompose(&faces[i].Mesh)
		shapes = append(shapes, sh)
	}
	buf := make([]float32, len(shapes))
	for v := range s {
		for c := range 3 {
			for i := range shapes {
				buf[i] = *axis(&shapes[i][v], c)
			}
			*axis(&s[v], c) = median(buf)
		}
	}
	return s
}

func axis(v *pix.Vec3, c int) *float32 {
	switch c {
	case 0:
		return &v.X
	case 1:
		return &v.Y
	}
	return &v.Z
}

// median sorts v and returns its middle value, the mean of the two middle ones for an even
// count; 0 for none.
func median(v []float32) float32 {
	n := len(v)
	if n == 0 {
		return 0
	}
	slices.Sort(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
