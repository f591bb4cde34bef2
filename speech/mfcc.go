package speech

import "math"

// What is heard is described every 10 ms by mel-frequency cepstra (Davis and Mermelstein, 1980), with the
// numbers that were found good enough to align with (prototype/lipsync/phones.py in the design's notes).
const (
	hearRate  = 16000 // samples per second
	hopLength = 160   // 10 ms
	winLength = 400   // 25 ms, Hamming
	fftLength = 512
	melBands  = 40
	melLow    = 60.0   // Hz
	melHigh   = 7600.0 // Hz
	cepstra   = 13
	heard     = 2 * cepstra // cepstra and their slopes: the numbers of one frame
	emphasis  = 0.97
	// hopSeconds is the time from one frame to the next; frame i is heard around i·hopSeconds.
	hopSeconds = float64(hopLength) / hearRate
	// dither is the white noise below which nothing is told apart: digital silence would else be infinitely
	// unlike any other silence.
	dither   = 1e-5
	melFloor = 1e-10
)

// cepstrum turns sound into mel energies and cepstra.
type cepstrum struct {
	bands   [melBands]melBand
	cosines [cepstra][melBands]float32
}

// melBand is a triangle over the bins of a spectrum.
type melBand struct {
	first   int
	weights []float64
}

// newCepstrum prepares the filters. warp > 0 stretches the frequency axis: with 1.1 a formant at 1100 Hz
// is heard at 1000 Hz, as from a longer vocal tract (Lee and Rose, 1996).
func newCepstrum(warp float64) *cepstrum {
	c := &cepstrum{}
	low, high := hertzToMel(melLow), hertzToMel(melHigh)
	edge := func(i int) float64 {
		f := melToHertz(low + (high-low)*float64(i)/(melBands+1))
		return warped(f, warp) * fftLength / hearRate
	}
	for b := range c.bands {
		left, middle, right := edge(b), edge(b+1), edge(b+2)
		band := melBand{first: max(0, int(math.Ceil(left)))}
		for k := band.first; k <= fftLength/2 && float64(k) < right; k++ {
			x := float64(k)
			band.weights = append(band.weights, max(0, min((x-left)/(middle-left), (right-x)/(right-middle))))
		}
		c.bands[b] = band
	}
	for k := range c.cosines {
		for b := range c.cosines[k] {
			c.cosines[k][b] = float32(math.Cos(math.Pi*float64(k)*(float64(b)+0.5)/melBands) * math.Sqrt(2.0/melBands))
		}
	}
	return c
}

func hertzToMel(f float64) float64 { return 2595 * math.Log10(1+f/700) }
func melToHertz(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }

// warped is where the frequency f (Hz) of a standard vocal tract lies for one whose formants are warp times
// as high: straight up to bend, and from there to the upper edge, which stays.
func warped(f, warp float64) float64 {
	const bend = 4800.0
	if warp == 1 {
		return f
	}
	if knee := bend / math.Max(1, warp); f > knee {
		return warp*knee + (f-knee)*(melHigh-warp*knee)/(melHigh-knee)
	}
	return warp * f
}

// mel writes the logarithms of the mel energies of each frame of a sound of hearRate: len/hopLength rows of
// melBands.
func (c *cepstrum) mel(samples []float32) [][melBands]float32 {
	powers := newPowers(samples)
	out := make([][melBands]float32, powers.frames)
	for i := range out {
		c.melOf(&out[i], powers.at(i))
	}
	return out
}

func (c *cepstrum) melOf(out *[melBands]float32, power []float64) {
	for b := range c.bands {
		var e float64
		band := &c.bands[b]
		for j, w := range band.weights {
			e += w * power[band.first+j]
		}
		out[b] = float32(math.Log(e + melFloor))
	}
}

// cepstra turns one frame's mel energies into its cepstrum.
func (c *cepstrum) cepstra(out []float32, mel *[melBands]float32) {
	for k := range c.cosines {
		var s float32
		for b, m := range mel {
			s += m * c.cosines[k][b]
		}
		out[k] = s
	}
}

// powers walks over a sound's windowed spectra.
type powers struct {
	samples []float32
	frames  int
	fft     *spectrum
	window  [winLength]float64
	noise   float64 // what the dither adds to each bin
	frame   [fftLength]float64
	out     [fftLength/2 + 1]float64
}

func newPowers(samples []float32) *powers {
	p := &powers{samples: samples, frames: len(samples) / hopLength, fft: newSpectrum(fftLength)}
	for i := range p.window {
		p.window[i] = 0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/(winLength-1))
		p.noise += square(dither * p.window[i])
	}
	return p
}

// at is the power spectrum of frame i, its window centred on sample i·hopLength; valid until the next call.
func (p *powers) at(i int) []float64 {
	start := i*hopLength - winLength/2
	for j := range p.window {
		var x float64
		switch k := start + j; {
		case k == 0:
			x = float64(p.samples[0])
		case k > 0 && k < len(p.samples):
			x = float64(p.samples[k]) - emphasis*float64(p.samples[k-1])
		}
		p.frame[j] = x * p.window[j]
	}
	p.fft.power(p.out[:], p.frame[:])
	for k := range p.out {
		p.out[k] += p.noise
	}
	return p.out[:]
}

// features are what is heard, frame by frame: heard numbers each, of mean 0 and variance 1 over the clip.
type features struct {
	n    int
	data []float32 // n rows of heard
}

func (f *features) row(i int) []float32 { return f.data[i*heard : (i+1)*heard : (i+1)*heard] }

// hear takes a sound's cepstra, normalised over the clip so that voice and microphone matter less, and their
// slopes over five frames; warp as in newCepstrum.
func hear(s Sound, warp float64, speechOnly bool) *features {
	c := newCepstrum(warp)
	return hearMel(c, c.mel(s.Resample(hearRate).Samples), speechOnly)
}

func hearMel(c *cepstrum, mel [][melBands]float32, speechOnly bool) *features {
	f := &features{n: len(mel), data: make([]float32, len(mel)*heard)}
	for i := range mel {
		c.cepstra(f.row(i)[:cepstra], &mel[i])
	}
	if speechOnly {
		normalise(f, f.loudnesses())
	} else {
		normalise(f, nil)
	}
	for i := range f.n {
		at := func(o int) []float32 { return f.row(min(max(i+o, 0), f.n-1)) }
		m2, m1, p1, p2 := at(-2), at(-1), at(1), at(2)
		out := f.row(i)
		for k := range cepstra {
			out[cepstra+k] = (2*(p2[k]-m2[k]) + p1[k] - m1[k]) / 4
		}
	}
	return f
}

// normalise gives each cepstrum mean 0 and variance 1 over the clip, or over the frames that are not skipped.
func normalise(f *features, skip []loudness) {
	for k := range cepstra {
		var n, sum, squares float64
		for i := range f.n {
			if skip == nil || skip[i] != quiet {
				x := float64(f.data[i*heard+k])
				n, sum, squares = n+1, sum+x, squares+x*x
			}
		}
		mean := sum / max(n, 1)
		gain := 1 / (math.Sqrt(max(0, squares/max(n, 1)-mean*mean)) + 1e-6)
		for i := range f.n {
			f.data[i*heard+k] = float32((float64(f.data[i*heard+k]) - mean) * gain)
		}
	}
}
