package speech

import (
	"math"
	"testing"
)

// TestLipMelIsThatOfTheFamily compares with numbers that NumPy computed independently: numpy.fft.rfft of frames of
// 800 under a periodic Hann window, padded by numpy.pad(mode="reflect"), 80 Slaney bands from 55 to 7600 Hz as
// librosa.filters.mel defines them, and the published normalisation step by step in decibels.
func TestLipMelIsThatOfTheFamily(t *testing.T) {
	s := Sound{Rate: 16000, Samples: make([]float32, 16000)}
	for i := range s.Samples {
		x := float64(i) / 16000
		v := .3 * math.Sin(2*math.Pi*(200*x+900*x*x))
		if i > 8000 {
			v += .1 * math.Sin(2*math.Pi*5000*x)
		}
		s.Samples[i] = float32(v)
	}
	at := [][2]int{{0, 0}, {3, 2}, {10, 5}, {20, 15}, {37, 8}, {38, 9}, {64, 3}, {79, 11}}
	got := LipMel(s, 0, 25, 25)
	for _, c := range []struct {
		frame  int
		values []float64
		mean   float64
	}{
		{0, []float64{0.0660, 0.9571, -1.9418, -3.7704, -4.0000, -4.0000, -4.0000, -4.0000}, -3.2546},
		{7, []float64{-4.0000, -4.0000, -3.8675, -2.5945, -4.0000, -4.0000, -4.0000, -4.0000}, -3.3891},
		{12, []float64{-4.0000, -3.1890, -4.0000, -4.0000, -3.3318, -3.8238, -0.6416, -4.0000}, -2.9680},
		{24, []float64{-4.0000, -4.0000, -4.0000, 0.5619, -3.2554, -2.6785, -4.0000, -4.0000}, -2.9527},
	} {
		sum := 0.0
		for _, v := range got[c.frame] {
			sum += float64(v)
		}
		if mean := sum / (LipBands * LipColumns); math.Abs(mean-c.mean) > .001 {
			t.Errorf("frame %d: mean %.4f, want %.4f", c.frame, mean, c.mean)
		}
		for k, p := range at {
			if v := float64(got[c.frame][p[0]*LipColumns+p[1]]); math.Abs(v-c.values[k]) > .002 {
				t.Errorf("frame %d, band %d, column %d: %.4f, want %.4f", c.frame, p[0], p[1], v, c.values[k])
			}
		}
	}
	// A part of the video hears the same, and loudness makes no difference.
	for i := range s.Samples {
		s.Samples[i] /= 4
	}
	for k, w := range LipMel(s, 9, 14, 25) {
		for i, v := range w {
			if math.Abs(float64(v-got[9+k][i])) > 1e-4 {
				t.Fatalf("frame %d differs when asked for alone: %v, %v", 9+k, v, got[9+k][i])
			}
		}
	}
}

// TestLipMelOfNothing: silence, and sounds shorter than a window or than a transform, are heard as silence.
func TestLipMelOfNothing(t *testing.T) {
	for _, n := range []int{0, 1, 300, 2000, 16000} {
		for i, w := range LipMel(Sound{Rate: 16000, Samples: make([]float32, n)}, 0, 30, 25) {
			if len(w) != LipBands*LipColumns {
				t.Fatalf("%d samples, frame %d: %d numbers", n, i, len(w))
			}
			for _, v := range w {
				if v != -4 {
					t.Fatalf("%d samples, frame %d: %v", n, i, v)
				}
			}
		}
	}
}

func BenchmarkLipMel(b *testing.B) { // 10 s of sound
	s := Sound{Rate: 16000, Samples: make([]float32, 160000)}
	for i := range s.Samples {
		s.Samples[i] = float32(i%97) / 97
	}
	for b.Loop() {
		LipMel(s, 0, 250, 25)
	}
}
