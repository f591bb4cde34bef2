package speech

import (
	"math"
	"testing"
)

// TestClosuresAreNotMissed lets the shortest closure that an alignment knows fall anywhere on the frames of films of
// several rates: a viewer has to see it.
func TestClosuresAreNotMissed(t *testing.T) {
	for _, fps := range []float64{12, 23.976, 25, 30, 50, 60} {
		for shift := range 20 {
			at := 1 + float64(shift)/20/fps
			c := MouthCurves(&Timing{Phones: []Phone{{"a", at - 0.2, at}, {"b", at, at + 0.03}, {"a", at + 0.03, at + 0.25}}}, int(2*fps), fps, 0)
			var most, whole float32
			for i, v := range c.Close {
				most = max(most, v)
				whole += v
				if v > 0 && math.Abs((float64(i)+0.5)/fps-at) > 0.2 {
					t.Errorf("%v per second: closed at frame %d", fps, i)
				}
			}
			if seconds := float64(whole) / fps; seconds < 0.06 || seconds > 0.1 {
				t.Errorf("%v per second, %v: closed for %.0f ms", fps, at, 1000*seconds)
			}
			if most < 0.45 || fps > 20 && most < 0.9 {
				t.Errorf("%v per second, %v: the most closed frame is so to %.2f", fps, at, most)
			}
		}
	}
}

func TestPausesHoldRelaxOrClose(t *testing.T) {
	jawIn := func(pause float64) (before, during float32) {
		tm := &Timing{Phones: []Phone{{"a", 0, 0.3}, {"a", 0.3 + pause, 0.6 + pause}}}
		c := MouthCurves(tm, 200, 100, 0)
		return c.Jaw[15], c.Jaw[int((0.3+pause/2)*100)]
	}
	for _, c := range []struct{ pause, least, most float64 }{{0.1, 0.6, 1}, {0.25, 0.08, 0.4}, {0.6, 0, 0.06}} {
		open, jaw := jawIn(c.pause)
		if got := float64(jaw / open); got < c.least || got > c.most {
			t.Errorf("in a pause of %.0f ms the jaw is at %.2f of the vowel's, want %.2f to %.2f", 1000*c.pause, got, c.least, c.most)
		}
	}
}

func TestCurvesOfOddInput(t *testing.T) {
	if c := MouthCurves(nil, 5, 25, 0); c.Len() != 5 || c.Silence[4] != 1 || c.Jaw[2] > 0.01 {
		t.Errorf("silence is %+v", c)
	}
	for _, c := range []*Curves{MouthCurves(nil, -1, 25, 0), MouthCurves(nil, 0, 25, 0), SoundCurves(Sound{}, 0, 25)} {
		if c.Len() != 0 {
			t.Errorf("%d frames of nothing", c.Len())
		}
	}
	odd := &Timing{Phones: []Phone{{"a", -1, 0.1}, {"b", 0.05, 0.04}, {"m", 99, 100}}}
	for i, v := range MouthCurves(odd, 30, 29.97, 0.02).Jaw {
		if v < 0 || v > 1 || v != v {
			t.Errorf("frame %d: jaw %v", i, v)
		}
	}
	quietSound := Sound{Rate: 44100, Samples: make([]float32, 44100)}
	if c := SoundCurves(quietSound, 25, 25); c.Jaw[12] > 0.05 {
		t.Errorf("in digital silence the jaw is at %v", c.Jaw[12])
	}
	if f := SoundFeatures(Sound{}, 3, 25); len(f) != 3 || len(f[2]) != SoundFeatureLength {
		t.Errorf("%d rows without sound", len(f))
	}
}
