package speech

import "math"

// What lip-sync networks of Wav2Lip's family hear (Prajwal et al., "A Lip Sync Expert Is All You Need", 2020, and its
// published front end): a mel spectrogram of sound at 16 kHz.
const (
	LipBands   = 80 // mel bands of a window
	LipColumns = 16 // moments of a window, 1/80 second apart

	lipRate     = 16000
	lipPeak     = .9  // the sound's greatest sample is brought to this
	lipEmphasis = .97 // y[n] = x[n] − .97·x[n−1]
	lipFrame    = 800 // samples of the transform and of its Hann window
	lipHop      = 200
	lipLow      = 55 // hertz
	lipHigh     = 7600
	lipPerTime  = lipRate / lipHop // columns per second
)

// LipMel is what is heard at frames first ≤ i < end of a video at fps: LipBands rows, the lowest band first, of
// LipColumns numbers from −4 (silence) to 4, beginning with the frame. At the end of the sound windows stop with its
// last column; a sound shorter than a window is followed by silence.
//
// A column is the magnitude of the centred transform, reflected at the sound's ends, in bands of Slaney's mel scale
// with areas alike, as clip(1.6·log10(max(1e−5, x)) + 2.4, −4, 4): decibels over −100 dB, moved by 20 dB and made
// symmetric.
func LipMel(s Sound, first, end int, fps float64) [][]float32 {
	h := newLipHearing(s)
	out := make([][]float32, max(end-first, 0))
	begin := func(i int) int {
		return max(0, min(int(float64(i)*lipPerTime/fps), h.columns-LipColumns))
	}
	from := 0
	var columns [][LipBands]float32 // from that one on
	for k := range out {
		b := begin(first + k)
		if k == 0 {
			from = b
		}
		for from+len(columns) < b+LipColumns {
			columns = append(columns, h.column(from+len(columns)))
		}
		out[k] = make([]float32, LipBands*LipColumns)
		for c := range LipColumns {
			for band, v := range columns[b-from+c] {
				out[k][band*LipColumns+c] = v
			}
		}
	}
	return out
}

// lipHearing makes columns of a sound.
type lipHearing struct {
	samples []float64 // emphasised
	columns int
	window  [lipFrame]float64
	turn    [lipFrame]complex128 // e^(−2πik/800)
	bands   []lipBand
	power   [lipFrame/2 + 1]float64
}

// lipBand is one band: its weights from a bin of the transform on.
type lipBand struct {
	first   int
	weights []float64
}

func newLipHearing(s Sound) *lipHearing {
	s = s.Resample(lipRate)
	h := &lipHearing{bands: lipBandsOf(), columns: 1 + len(s.Samples)/lipHop}
	peak := 0.0
	for _, v := range s.Samples {
		peak = max(peak, math.Abs(float64(v)))
	}
	gain := 0.0
	if peak > 0 {
		gain = lipPeak / peak
	}
	h.samples = make([]float64, max(len(s.Samples), lipFrame/2+1)) // as many as reflection needs
	before := 0.0
	for i, v := range s.Samples {
		x := gain * float64(v)
		h.samples[i] = x - lipEmphasis*before
		before = x
	}
	for k := range lipFrame {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / lipFrame)
		h.turn[k] = complex(cos, sin)
		h.window[k] = .5 - .5*cos
	}
	return h
}

// column is the c-th column; beyond the sound's end there is silence.
func (h *lipHearing) column(c int) (out [LipBands]float32) {
	if c >= h.columns {
		for b := range out {
			out[b] = -4
		}
		return out
	}
	var frame [lipFrame]float64
	last := len(h.samples) - 1
	for k := range frame {
		i := c*lipHop - lipFrame/2 + k
		if i < 0 {
			i = -i
		}
		if i > last {
			i = max(2*last-i, 0)
		}
		frame[k] = h.window[k] * h.samples[i]
	}
	h.transform(&frame)
	for b, band := range h.bands {
		x := 0.0
		for k, w := range band.weights {
			x += w * h.power[band.first+k]
		}
		out[b] = float32(min(max(1.6*math.Log10(max(1e-5, x))+2.4, -4), 4))
	}
	return out
}

// transform leaves the magnitudes of a frame's discrete Fourier transform in h.power: 25 transforms of every 25th
// sample, put together (Cooley and Tukey, 1965), for 800 = 25·32 is no power of two.
func (h *lipHearing) transform(frame *[lipFrame]float64) {
	const parts, each = 25, lipFrame / 25
	var inner [parts][each]complex128
	for r := range parts {
		for k := range each {
			var sum complex128
			for m := range each {
				sum += complex(frame[parts*m+r], 0) * h.turn[parts*(m*k%each)]
			}
			inner[r][k] = sum
		}
	}
	for k := range h.power {
		var sum complex128
		for r := range parts {
			sum += inner[r][k%each] * h.turn[r*k%lipFrame]
		}
		h.power[k] = math.Hypot(real(sum), imag(sum))
	}
}

// lipBandsOf are triangles whose corners lie evenly on Slaney's mel scale (Auditory Toolbox, 1998: linear up to
// 1 kHz, then logarithmic), each of the area 1.
func lipBandsOf() []lipBand {
	const linear, knee = 200. / 3, 1000.
	step := math.Log(6.4) / 27
	mel := func(f float64) float64 {
		if f < knee {
			return f / linear
		}
		return knee/linear + math.Log(f/knee)/step
	}
	hertz := func(m float64) float64 {
		if m < knee/linear {
			return m * linear
		}
		return knee * math.Exp(step*(m-knee/linear))
	}
	var corners [LipBands + 2]float64
	lo, hi := mel(lipLow), mel(lipHigh)
	for i := range corners {
		corners[i] = hertz(lo + (hi-lo)*float64(i)/(LipBands+1))
	}
	bands := make([]lipBand, LipBands)
	for b := range bands {
		low, mid, high := corners[b], corners[b+1], corners[b+2]
		for k := range lipFrame/2 + 1 {
			f := float64(k) * lipRate / lipFrame
			w := min((f-low)/(mid-low), (high-f)/(high-mid))
			if w <= 0 {
				continue
			}
			if len(bands[b].weights) == 0 {
				bands[b].first = k
			}
			bands[b].weights = append(bands[b].weights, w*2/(high-low))
		}
	}
	return bands
}
