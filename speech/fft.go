package speech

import (
	"math"
	"math/bits"
)

// spectrum takes the power spectra of real frames of one length by a radix-2 transform (Cooley and Tukey,
// 1965). It is made once for many frames and keeps its working space: not for concurrent use.
type spectrum struct {
	n       int          // length of a frame, a power of two ≥ 4
	turn    []complex128 // e^(−2πik/n), k < n/2
	reverse []int        // bit reversal of n/2 values
	work    []complex128 // n/2: the even samples as real, the odd ones as imaginary parts
}

func newSpectrum(n int) *spectrum {
	s := &spectrum{n: n, turn: make([]complex128, n/2), reverse: make([]int, n/2), work: make([]complex128, n/2)}
	for k := range s.turn {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		s.turn[k] = complex(cos, sin)
	}
	width := bits.Len(uint(n/2)) - 1
	for i := range s.reverse {
		s.reverse[i] = int(bits.Reverse64(uint64(i)) >> (64 - width))
	}
	return s
}

// power writes the n/2+1 squared magnitudes of the transform of frame, which has n samples, to out.
func (s *spectrum) power(out, frame []float64) {
	h := s.n / 2
	w := s.work[:h]
	for i, r := range s.reverse {
		w[r] = complex(frame[2*i], frame[2*i+1])
	}
	for size := 2; size <= h; size *= 2 {
		half, step := size/2, s.n/size
		for start := 0; start < h; start += size {
			a, b := w[start:start+half], w[start+half:start+size]
			for k := range a {
				t := b[k] * s.turn[k*step]
				b[k] = a[k] - t
				a[k] += t
			}
		}
	}
	// The transform of the even and the odd samples, taken apart by symmetry, and put together.
	out[0] = square(real(w[0]) + imag(w[0]))
	out[h] = square(real(w[0]) - imag(w[0]))
	for k := 1; k < h; k++ {
		a, b := w[k], complex(real(w[h-k]), -imag(w[h-k]))
		even, odd := (a+b)/2, (a-b)/complex(0, 2)
		x := even + s.turn[k]*odd
		out[k] = square(real(x)) + square(imag(x))
	}
}

func square(x float64) float64 { return x * x }
