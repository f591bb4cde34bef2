package face

import "math"

// Shapes are smoothed as strongly as it pays, part by part of the face and frame by frame. A strength pays by the
// noise it takes and costs the motion it takes: Stein's unbiased estimate of the risk (Stein 1981, "Estimation
// of the mean of a multivariate normal distribution") tells the sum of both from what was measured alone, as soon
// as the noise is known: mean squared change + 2·noise·(the kernel's middle) − noise. A head that rests is smoothed
// over half a second; a blink, a jaw that drops and a shaken camera are followed at once.
//
// Constants were found by how still the footage's own skin lies in the mesh (mean change from frame to frame of
// its luma on the UV square, nineteen excerpts): 1.65 steps of 8 bits for skin and 2.29 for the lips' surroundings, against
// 1.74 and 2.52 with one Gaussian of .8 and .4 frames, and 2.06 and 2.51 without any.
var steadySigmas = [...]float64{0, .4, .7, 1.1, 1.8, 3} // frames at 25–30 fps

const (
	noiseFactor = 1.4 // real motion, which is smooth, hides part of the noise from noiseOf
	leastNoise  = .02 // cm of the face: the mesh network is no better in any footage
	mostNoise   = .08 // more is motion, however restless: footage in which frames were doubled or left out
	deepNoise   = .2  // the same for depth, which is guessed
	riskSigma   = 1   // frames over which risks are averaged
	riskSoft    = .05 // shares of the noise by which risks may differ and still count alike
)

// steadyShapes smooths shapes in place. rate scales the widths in time.
func steadyShapes(shapes []Mesh, rate float64) {
	n := len(shapes)
	var kernels [len(steadySigmas)][]float64
	for l, sigma := range steadySigmas {
		kernels[l] = gaussian(sigma * rate)
	}
	reach := len(kernels[len(kernels)-1])
	parts := steadyParts()
	var flat, deep [steadyCount]*strength
	for p := range flat {
		flat[p], deep[p] = newStrength(n), newStrength(n)
	}
	of := func(c int) *[steadyCount]*strength {
		if c == 2 {
			return &deep
		}
		return &flat
	}
	var s smoother
	in, out, sum := make([]float64, n), make([]float64, n), make([]float64, n)
	each := func(do func(v, c int)) {
		for v := range AllPoints {
			for c := range 3 {
				for i := range in {
					in[i] = float64(*axis(&shapes[i][v], c))
				}
				s.read(in, reach)
				do(v, c)
			}
		}
	}
	each(func(v, c int) {
		for p, share := range parts[v] {
			if share <= .5 { // each point tells about the part that it belongs to
				continue
			}
			t := of(c)[p]
			t.seen++
			t.opposed += opposed(in)
			for l, k := range kernels {
				s.smooth(out, k)
				for i, v := range out {
					t.level[l][i] += (v - in[i]) * (v - in[i])
				}
			}
		}
	})
	for p := range flat {
		flat[p].settle(&kernels, mostNoise, riskSigma*rate)
		deep[p].settle(&kernels, deepNoise, riskSigma*rate)
	}
	each(func(v, c int) {
		clear(sum)
		for l, k := range kernels {
			s.smooth(out, k)
			for p, share := range parts[v] {
				if share == 0 {
					continue
				}
				for i, w := range of(c)[p].level[l] {
					sum[i] += share * w * out[i]
				}
			}
		}
		for i, value := range sum {
			*axis(&shapes[i][v], c) = float32(value)
		}
	})
}

// strength is how strongly the points of one part are smoothed along some axes.
type strength struct {
	seen    int                          // series
	opposed float64                      // sum over them
	level   [len(steadySigmas)][]float64 // by frame: the summed squared change, after settle the share that is taken
}

func newStrength(n int) *strength {
	t := new(strength)
	for l := range t.level {
		t.level[l] = make([]float64, n)
	}
	return t
}

// opposed is the variance of white noise in a series as its third differences tell it: noise makes those that
// follow one another differ in sign, with a covariance of −15 variances, smooth motion does not.
func opposed(in []float64) float64 {
	if len(in) < 5 {
		return 0
	}
	third := func(i int) float64 { return in[i] - 3*in[i-1] + 3*in[i-2] - in[i-3] }
	sum, last := 0.0, third(3)
	for i := 4; i < len(in); i++ {
		d := third(i)
		sum += d * last
		last = d
	}
	return -sum / 15 / float64(len(in)-4)
}

// settle turns summed squared changes into shares.
func (t *strength) settle(kernels *[len(steadySigmas)][]float64, most, sigma float64) {
	if t.seen == 0 {
		return
	}
	noise := t.opposed / float64(t.seen) // variance
	noise = max(noiseFactor*min(max(noise, 0), most*most), leastNoise*leastNoise)
	window := gaussian(sigma)
	n := len(t.level[0])
	buf := make([]float64, n)
	for l := range t.level {
		copy(buf, t.level[l])
		for i := range buf {
			total, weight := 0.0, 0.0
			for j := max(0, i-len(window)+1); j <= min(n-1, i+len(window)-1); j++ {
				w := window[max(i-j, j-i)]
				total += w * buf[j]
				weight += w
			}
			t.level[l][i] = total/weight/float64(t.seen) + (2*kernels[l][0]-1)*noise
		}
	}
	for i := range n {
		least := math.Inf(1)
		for l := range t.level {
			least = min(least, t.level[l][i])
		}
		sum := 0.0
		for l := range t.level {
			t.level[l][i] = math.Exp((least - t.level[l][i]) / (riskSoft * noise))
			sum += t.level[l][i]
		}
		for l := range t.level {
			t.level[l][i] /= sum
		}
	}
}

// The parts of a face that move each in their own way.
const (
	skullPart = iota
	eyeRightPart
	eyeLeftPart
	browRightPart
	browLeftPart
	mouthPart
	jawPart
	irisRightPart
	irisLeftPart
	steadyCount
)

// steadyParts are the shares of each part in each point, of sum 1. Neighbouring parts are mixed, so that no
// crease opens where one is smoothed more than the next.
func steadyParts() *[AllPoints][steadyCount]float64 {
	c := Canonical()
	var part [MeshPoints]int
	for i, v := range c.Vertices {
		if v.Y > c.Vertices[1].Y+1 { // as in CanonicalMesh.rigid
			part[i] = jawPart
		}
	}
	for _, m := range []struct {
		part int
		list []int
		ring bool // the points around belong to it too
	}{
		{mouthPart, OuterLips(), true}, {mouthPart, InnerLips(), true},
		{browRightPart, BrowRight(), false}, {browLeftPart, BrowLeft(), false},
		{eyeRightPart, EyeRight(), true}, {eyeLeftPart, EyeLeft(), true},
	} {
		for _, i := range m.list {
			part[i] = m.part
			if m.ring {
				for _, j := range c.Adjacency[i] {
					part[j] = m.part
				}
			}
		}
	}
	shares := new([AllPoints][steadyCount]float64)
	for i, p := range part {
		shares[i][p] += 2. / 3
		for _, j := range c.Adjacency[i] {
			shares[i][part[j]] += 1. / 3 / float64(len(c.Adjacency[i]))
		}
	}
	for i := MeshPoints; i < AllPoints; i++ {
		shares[i][irisRightPart+(i-MeshPoints)/5] = 1 // the eyes jump
	}
	return shares
}

// smoother filters a series by kernels. It owns its memory.
type smoother struct {
	padded []float64
	margin int
	n      int
}

// read takes a series for kernels of at most reach taps to either side, the middle one counted. Beyond its ends
// it goes on turned about its end value, so that steady motion is not held back there.
func (s *smoother) read(in []float64, reach int) {
	n := len(in)
	s.n, s.margin = n, reach-1
	if need := n + 2*s.margin; cap(s.padded) < need {
		s.padded = make([]float64, need)
	} else {
		s.padded = s.padded[:need]
	}
	copy(s.padded[s.margin:], in)
	for i := 1; i <= s.margin; i++ {
		s.padded[s.margin-i] = 2*in[0] - in[min(n-1, i)]
		s.padded[s.margin+n-1+i] = 2*in[n-1] - in[max(0, n-1-i)]
	}
}

// smooth filters what was read by half of a kernel, from its middle outward.
func (s *smoother) smooth(out, kernel []float64) {
	at := s.padded[s.margin : s.margin+s.n]
	for i, v := range at {
		out[i] = kernel[0] * v
	}
	for j := 1; j < len(kernel); j++ {
		k := kernel[j]
		lo, hi := s.padded[s.margin-j:][:s.n], s.padded[s.margin+j:][:s.n]
		for i := range out[:s.n] {
			out[i] += k * (lo[i] + hi[i])
		}
	}
}

// gaussian is half of a Gaussian, from its centre outward, of sum 1 when mirrored.
func gaussian(sigma float64) []float64 {
	if sigma < .05 {
		return []float64{1}
	}
	k := make([]float64, int(math.Ceil(3*sigma))+1)
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
