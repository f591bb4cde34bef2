package face

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/pix"
)

// Sigmas of the zero-phase Gaussians in frames at 25–30 fps (reference prototype: landmark
// jitter .57 against .72 unsmoothed). Lips and lids move fastest and get half.
const (
	poseSigma       = .8
	expressionSigma = .8
	quickSigma      = .4
)

// Smoothing takes away the network's noise, never real motion: where a smoothed value lies
// farther from the measured one than noise explains, the measured one wins. These are the
// distances at which both count alike, a few times the noise of the mesh network.
const (
	shiftTrust = .012 // of the eye distance
	turnTrust  = .020 // radians
	zoomTrust  = .012 // of the scale
	shapeTrust = .15  // canonical units, about .017 of the eye distance
)

// smoothTrack replaces mesh, pose and box of every observation by values smoothed forward and
// backward in time, pose and expression apart. Frames must be contiguous and without a cut.
// fps scales the widths, which hold for 25 to 30.
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
	shapes := make([]Mesh, n) // canonical frame
	poses := make([]Pose, n)
	for i := range faces {
		poses[i] = FitPose(&faces[i].Mesh)
		for k, v := range faces[i].Mesh {
			shapes[i][k] = poses[i].Back(v)
		}
	}
	smoothPoses(faces, poses, kernel(poseSigma*rate))
	smoothShapes(faces, shapes, kernel(expressionSigma*rate), kernel(quickSigma*rate))
	for i := range faces {
		faces[i].Box = faces[i].Mesh.Bounds()
	}
}

// kernel is half of a Gaussian, from its centre outward, of sum 1 when mirrored.
func kernel(sigma float64) []float64 {
	if sigma < .05 {
		return []float64{1}
	}
	k := make([]float64, int(math.Ceil(3.5*sigma))+1)
	sum := 0.0
	for i := range k {
		k[i] = math.Exp(-.5 * float64(i*i) / (sigma * sigma))
		sum += k[i]
		if i > 0 {
			sum += k[i]
		}
	}
	for i := range k {
		k[i] /= sum
	}
	return k
}

// gauss filters a series. Beyond its ends the series goes on turned about its end value, so that
// steady motion is not held back there.
func gauss(in, out, k []float64) {
	n := len(in)
	at := func(i int) float64 {
		switch {
		case i < 0:
			return 2*in[0] - in[min(n-1, -i)]
		case i >= n:
			return 2*in[n-1] - in[max(0, 2*(n-1)-i)]
		}
		return in[i]
	}
	for i := range in {
		s := k[0] * in[i]
		for j := 1; j < len(k); j++ {
			s += k[j] * (at(i-j) + at(i+j))
		}
		out[i] = s
	}
}

// trust is the share of a smoothing step of this size that is taken; 1 for small ones,
// fading to 0 well beyond limit.
func trust(step, limit float64) float64 {
	q := step / limit
	q *= q
	return 1 / (1 + q*q)
}

func smoothPoses(faces []Observation, poses []Pose, k []float64) {
	n := len(poses)
	series := func(get func(p *Pose) float64) []float64 {
		in, out := make([]float64, n), make([]float64, n)
		for i := range poses {
			in[i] = get(&poses[i])
		}
		gauss(in, out, k)
		return out
	}
	scale := series(func(p *Pose) float64 { return math.Log(float64(p.Scale)) })
	shift := [3][]float64{
		series(func(p *Pose) float64 { return float64(p.T.X) }),
		series(func(p *Pose) float64 { return float64(p.T.Y) }),
		series(func(p *Pose) float64 { return float64(p.T.Z) }),
	}
	var turn [9][]float64
	for e := range turn {
		turn[e] = series(func(p *Pose) float64 { return float64(p.R[e]) })
	}
	for i := range poses {
		p := &poses[i]
		eye := float64(faces[i].Mesh.EyeDistance())
		dx, dy, dz := shift[0][i]-float64(p.T.X), shift[1][i]-float64(p.T.Y), shift[2][i]-float64(p.T.Z)
		w := trust(math.Hypot(dx, dy), shiftTrust*eye)
		t := [3]float64{float64(p.T.X) + w*dx, float64(p.T.Y) + w*dy, float64(p.T.Z) + w*dz}

		d := scale[i] - math.Log(float64(p.Scale))
		s := float64(p.Scale) * math.Exp(d*trust(math.Abs(d), zoomTrust))

		var mean [9]float64
		off := 0.0
		for e := range mean {
			mean[e] = turn[e][i]
			off += (mean[e] - float64(p.R[e])) * (mean[e] - float64(p.R[e]))
		}
		w = trust(math.Sqrt(off/2), turnTrust) // ‖R−Q‖ is √2 times the angle for small ones
		for e := range mean {
			mean[e] = float64(p.R[e]) + w*(mean[e]-float64(p.R[e]))
		}
		faces[i].Pose = newPose(nearestRotation(mean), s, t)
	}
}

func smoothShapes(faces []Observation, shapes []Mesh, slow, quick []float64) {
	n := len(shapes)
	var fast [AllPoints]bool
	for _, list := range [][]int{EyeRight(), EyeLeft(), InnerLips(), OuterLips()} {
		for _, i := range list {
			fast[i] = true
		}
	}
	for i := MeshPoints; i < AllPoints; i++ {
		fast[i] = true // the eyes jump
	}
	var in, out [3][]float64
	for c := range in {
		in[c], out[c] = make([]float64, n), make([]float64, n)
	}
	for v := range AllPoints {
		for i := range shapes {
			p := shapes[i][v]
			in[0][i], in[1][i], in[2][i] = float64(p.X), float64(p.Y), float64(p.Z)
		}
		k := slow
		if fast[v] {
			k = quick
		}
		for c := range in {
			gauss(in[c], out[c], k)
		}
		for i := range shapes {
			dx, dy, dz := out[0][i]-in[0][i], out[1][i]-in[1][i], out[2][i]-in[2][i]
			w := trust(math.Sqrt(dx*dx+dy*dy+dz*dz), shapeTrust)
			faces[i].Mesh[v] = faces[i].Pose.At(pix.Vec3{
				X: float32(in[0][i] + w*dx), Y: float32(in[1][i] + w*dy), Z: float32(in[2][i] + w*dz)})
		}
	}
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
