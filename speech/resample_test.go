package speech

import (
	"math"
	"testing"
)

func tone(rate int, hertz, seconds float64) Sound {
	s := Sound{Rate: rate, Samples: make([]float32, int(seconds*float64(rate)))}
	for i := range s.Samples {
		s.Samples[i] = float32(0.5 * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate)))
	}
	return s
}

func TestResampleKeepsTonesAndDropsAliases(t *testing.T) {
	for _, c := range []struct {
		from, to int
		hertz    float64
		kept     bool
	}{
		{22050, 16000, 1000, true}, {48000, 16000, 6000, true}, {44100, 16000, 3000, true}, {8000, 16000, 3000, true},
		{16000, 48000, 5000, true}, {44099, 16000, 500, true}, {48000, 16000, 9000, false}, {22050, 16000, 9500, false},
	} {
		got := tone(c.from, c.hertz, 0.5).Resample(c.to)
		want := tone(c.to, c.hertz, 0.5)
		if got.Rate != c.to || math.Abs(float64(len(got.Samples)-len(want.Samples))) > 1 {
			t.Errorf("%d to %d: rate %d, %d samples", c.from, c.to, got.Rate, len(got.Samples))
			continue
		}
		var worst float64
		for i := c.to / 10; i < c.to*4/10; i++ { // away from the ends, where the tone begins at once
			w := 0.0
			if c.kept {
				w = float64(want.Samples[i])
			}
			worst = math.Max(worst, math.Abs(float64(got.Samples[i])-w))
		}
		if worst > 1e-3 {
			t.Errorf("%v Hz, %d to %d: off by %v", c.hertz, c.from, c.to, worst)
		}
	}
}

func TestResampleOfOddInput(t *testing.T) {
	if s := (Sound{}).Resample(16000); s.Rate != 16000 || len(s.Samples) != 0 {
		t.Errorf("nothing becomes %+v", s)
	}
	if s := tone(16000, 100, 0.1).Resample(0); len(s.Samples) != 0 {
		t.Errorf("%d samples at no rate", len(s.Samples))
	}
	if s := (Sound{Rate: 8000, Samples: []float32{1}}).Resample(16000); len(s.Samples) != 2 {
		t.Errorf("one sample becomes %d", len(s.Samples))
	}
}
