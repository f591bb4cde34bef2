package speech

import (
	"math"
	"slices"
)

// SoundFeatureLength is how many numbers SoundFeatures gives for a frame.
const SoundFeatureLength = 5 * heard

// SoundFeatures describe what is heard around each of n frames of a video: cepstra and their slopes, normalised
// over the clip, at five moments from 120 ms before to 120 ms after the middle of the frame. n rows of
// SoundFeatureLength; zeros where there is no sound at all, and the last sound where it is the shorter.
func SoundFeatures(s Sound, n int, fps float64) [][]float32 {
	n = max(n, 0)
	all := make([]float32, n*SoundFeatureLength)
	out := make([][]float32, n)
	var f *features
	if fps > 0 {
		f = hear(s, 1, false)
	}
	for i := range out {
		out[i] = all[i*SoundFeatureLength : (i+1)*SoundFeatureLength : (i+1)*SoundFeatureLength]
		if f == nil || f.n == 0 {
			continue
		}
		at := min(frameAt(i, fps), f.n-1)
		for k, o := range [...]int{-12, -6, 0, 6, 12} {
			copy(out[i][k*heard:], f.row(min(max(at+o, 0), f.n-1)))
		}
	}
	return out
}

// frameAt is the heard frame in the middle of frame i of a video.
func frameAt(i int, fps float64) int { return int((float64(i) + 0.5) / fps / hopSeconds) }

// What bands of mel energy say about a mouth (SoundCurves): 500–1100 Hz holds the first formant of open
// vowels, 1.6–3.8 kHz the second one of spread lips, and above 4 kHz is friction.
const (
	soundLead   = 4 // frames of 10 ms by which lips run ahead
	quietLevel  = 0.22
	voicedLevel = 0.4
)

// SoundCurves says how far a mouth opens in each of n frames when only the sound is known: opening from level
// and the share of the first formant's band, width from the balance above it, silence from the level. Nothing
// in it closes lips for p, b and m: those need words.
func SoundCurves(s Sound, n int, fps float64) *Curves {
	c := newCurves(max(n, 0))
	for i := range c.Silence {
		c.Silence[i], c.Width[i] = 1, 0.5
	}
	if n <= 0 || fps <= 0 {
		return c
	}
	mel := newCepstrum(1).mel(s.Resample(hearRate).Samples)
	m := len(mel)
	if m == 0 {
		return c
	}
	level, first, second, friction := balance(mel)
	lo, hi := percentile(level, 10), percentile(level, 97)
	var voiced1, voiced2 []float64
	for i, l := range level {
		level[i] = math.Min(1, math.Max(0, (l-lo)/(hi-lo+1e-6)))
		if level[i] > voicedLevel {
			voiced1, voiced2 = append(voiced1, first[i]), append(voiced2, second[i])
		}
	}
	open, wide := newRanking(voiced1), newRanking(voiced2)
	jaw, width, quiet := make([]float64, m), make([]float64, m), make([]float64, m)
	for i, l := range level {
		damp := 1 - 0.7*math.Min(1, 2*friction[i])
		jaw[i] = math.Min(1, math.Max(0, math.Pow(l, 1.5)*(0.35+0.75*open.of(first[i]))*damp))
		width[i] = 0.25 + 0.6*wide.of(second[i])
		if l < quietLevel {
			quiet[i] = 1
		}
	}
	jaw, width, quiet = smoothed(jaw, 7), smoothed(width, 9), smoothed(quiet, 9)
	for i := range n {
		k := min(frameAt(i, fps), m-1)
		k = min(k+soundLead, m-1)
		silent := 0.0
		if quiet[k] > 0.5 {
			silent = 1
		}
		c.Jaw[i] = float32(jaw[k] * (1 - silent))
		c.Width[i] = float32(width[k])
		c.Round[i] = float32(math.Min(1, math.Max(0, 0.6-width[k])) * (1 - silent))
		c.Silence[i] = float32(silent)
		if silent == 0 {
			c.Viseme[i] = VisemeReduced
		}
	}
	return c
}

// balance gives each frame's level (a logarithm of its energy) and the shares of its bands.
func balance(mel [][melBands]float32) (level, first, second, friction []float64) {
	level, first = make([]float64, len(mel)), make([]float64, len(mel))
	second, friction = make([]float64, len(mel)), make([]float64, len(mel))
	for i := range mel {
		var e [melBands]float64
		for b, v := range &mel[i] {
			e[b] = math.Exp(float64(v))
		}
		sum := func(from, to int) float64 {
			var s float64
			for _, v := range e[from:to] {
				s += v
			}
			return s
		}
		all := sum(0, melBands)
		level[i] = math.Log10(all + 1e-9)
		first[i] = sum(8, 16) / (sum(0, 16) + 1e-9)
		second[i] = sum(20, 32) / (sum(8, 32) + 1e-9)
		friction[i] = sum(33, melBands) / (all + 1e-9)
	}
	return level, first, second, friction
}

// ranking says which share of known values lies below another.
type ranking []float64

// newRanking sorts the values, which become its own. Ten and fewer say nothing: then a value is its own rank.
func newRanking(values []float64) ranking {
	if len(values) <= 10 {
		return ranking{0, 1}
	}
	slices.Sort(values)
	return values
}

func (r ranking) of(x float64) float64 {
	n := len(r)
	if x <= r[0] {
		return 0
	}
	if x >= r[n-1] {
		return 1
	}
	i, _ := slices.BinarySearch(r, x)
	// r[i−1] < x ≤ r[i]
	return (float64(i-1) + (x-r[i-1])/(r[i]-r[i-1])) / float64(n-1)
}

// percentile is the value below which p of 100 values lie, between neighbours by a straight line.
func percentile(values []float64, p float64) float64 {
	v := slices.Sorted(slices.Values(values))
	at := p / 100 * float64(len(v)-1)
	i := min(int(at), len(v)-2)
	if i < 0 {
		return v[0]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}

// smoothed is x under a Hann window of the given odd width; beyond the ends the end's value goes on.
func smoothed(x []float64, width int) []float64 {
	kernel := make([]float64, width)
	var sum float64
	for i := range kernel {
		kernel[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i+1)/float64(width+1))
		sum += kernel[i]
	}
	out := make([]float64, len(x))
	for i := range out {
		for k, w := range kernel {
			out[i] += w / sum * x[min(max(i+k-width/2, 0), len(x)-1)]
		}
	}
	return out
}
