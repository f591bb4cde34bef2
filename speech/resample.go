package speech

import "math"

// Resampling: a windowed sinc with zeros zeroCrossings to each side at the lower of the two rates, cut off at
// passBand of that rate's half so that the slope of the filter ends there.
const (
	zeroCrossings = 16
	passBand      = 0.94
	kaiserBeta    = 9.0 // stop band near −90 dB (Kaiser and Schafer, 1980)
)

// Resample returns the sound at another rate (samples per second), free of aliases, without delay. The
// length is rounded up. A sound of that rate already is returned as it is; rates that are not positive give
// no sound.
func (s Sound) Resample(rate int) Sound {
	if s.Rate == rate {
		return s
	}
	if s.Rate <= 0 || rate <= 0 || len(s.Samples) == 0 {
		return Sound{Rate: rate}
	}
	g := gcd(s.Rate, rate)
	up, down := rate/g, s.Rate/g
	// Lengths in input samples: a filter for fewer output samples is wider and lower by the same factor.
	scale := math.Min(1, float64(rate)/float64(s.Rate)) * passBand
	reach := int(math.Ceil(zeroCrossings / scale))
	taps := 2 * reach
	norm := 1 / bessel0(kaiserBeta)

	n := int((int64(len(s.Samples))*int64(up) + int64(down) - 1) / int64(down))
	out := make([]float32, n)
	kernels := make([][]float32, up) // one for each place between two samples, made when it is met
	for i := range out {
		at := int64(i) * int64(down)
		whole, phase := int(at/int64(up)), int(at%int64(up))
		k := kernels[phase]
		if k == nil {
			k = make([]float32, taps)
			var sum float64
			for j := range k {
				x := float64(j-reach+1) - float64(phase)/float64(up)
				v := sinc(x*scale) * bessel0(kaiserBeta*math.Sqrt(math.Max(0, 1-square(x/float64(reach))))) * norm
				k[j], sum = float32(v), sum+v
			}
			for j := range k { // constants stay what they are, at every place
				k[j] = float32(float64(k[j]) / sum)
			}
			kernels[phase] = k
		}
		out[i] = tapped(s.Samples, k, whole-reach+1)
	}
	return Sound{Rate: rate, Samples: out}
}

// tapped is the sum of the kernel times the samples from first on; beyond the ends there is silence.
func tapped(samples, kernel []float32, first int) float32 {
	if first < 0 {
		kernel = kernel[min(-first, len(kernel)):]
		first = 0
	}
	n := min(len(kernel), len(samples)-first)
	if n <= 0 {
		return 0
	}
	kernel, samples = kernel[:n], samples[first:first+n]
	var a, b float32
	for ; len(kernel) >= 2; kernel, samples = kernel[2:], samples[2:] {
		a += kernel[0] * samples[0]
		b += kernel[1] * samples[1]
	}
	for i, k := range kernel {
		a += k * samples[i]
	}
	return a + b
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function of the first kind and order zero, by its series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= square(x / 2 / k)
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
