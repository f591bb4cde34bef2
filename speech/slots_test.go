package speech

import (
	"math"
	"testing"
)

// TestPlaceDub: the voice's rate first, then the pauses around, then hurry, which is said.
func TestPlaceDub(t *testing.T) {
	for name, c := range map[string]struct {
		slots   []Slot
		end     float64
		at      []float64
		rate    []float64
		hurried []bool
		late    []float64
	}{
		"as long":      {[]Slot{{1, 3, 2}}, 10, []float64{1}, []float64{1}, []bool{false}, []float64{0}},
		"shorter":      {[]Slot{{1, 3, 1}}, 10, []float64{1}, []float64{.95}, []bool{false}, []float64{0}},
		"by the rate":  {[]Slot{{1, 3, 2.3}}, 10, []float64{1}, []float64{1.15}, []bool{false}, []float64{0}},
		"pause after":  {[]Slot{{1, 3, 3}, {4, 5, 1}}, 10, []float64{1, 4}, []float64{1.2, 1}, []bool{false, false}, []float64{0, 0}},
		"pause before": {[]Slot{{1, 3, 2.7}, {3.12, 5, 1.88}}, 10, []float64{.75, 3.12}, []float64{1.2, 1}, []bool{false, false}, []float64{0, 0}},
		"hurried":      {[]Slot{{.1, 2, 2.6}, {2.12, 4, 1.88}}, 10, []float64{0, 2.12}, []float64{1.3, 1}, []bool{true, false}, []float64{0, 0}},
		"late":         {[]Slot{{0, 1, 2.6}, {1.12, 6, 4.88}}, 10, []float64{0, 2.12}, []float64{1.3, 1}, []bool{true, false}, []float64{1, 0}},
		"at the end":   {[]Slot{{2, 3, 2.6}}, 4, []float64{11.0/6 + 0}, []float64{1.2}, []bool{false}, []float64{0}},
		"at once":      {[]Slot{{0, 2, 2}, {1, 3, 2}}, 10, []float64{0, 1}, []float64{1, 1}, []bool{false, false}, []float64{0, 0}},
	} {
		got := PlaceDub(c.slots, c.end)
		for i, p := range got {
			if math.Abs(p.At-c.at[i]) > .006 || math.Abs(p.Rate-c.rate[i]) > .006 || p.Hurried != c.hurried[i] || math.Abs(p.Late-c.late[i]) > .006 {
				t.Errorf("%s: piece %d %+v; want at %.3f, rate %.3f, %v, %.3f", name, i, p, c.at[i], c.rate[i], c.hurried[i], c.late[i])
			}
		}
	}
}

// TestTrimmed: silence goes, and the times go with what is heard.
func TestTrimmed(t *testing.T) {
	u := &Utterance{Sound: Sound{Rate: 1000, Samples: make([]float32, 2000)}, Timing: &Timing{Score: 1,
		Phones: []Phone{{"", 0, .5}, {"a", .5, 1}}, Words: []Word{{"a", .5, 1}}}}
	for i := 500; i < 1000; i++ {
		u.Sound.Samples[i] = .5
	}
	got := u.Trimmed()
	if math.Abs(got.Sound.Seconds()-.65) > 1e-9 || len(got.Timing.Phones) != 2 || math.Abs(got.Timing.Words[0].Start-.05) > 1e-9 {
		t.Errorf("%v s, %+v", got.Sound.Seconds(), got.Timing)
	}
	mute := &Utterance{Sound: Sound{Rate: 1000, Samples: make([]float32, 20)}}
	if mute.Trimmed() != mute {
		t.Error("silence is trimmed")
	}
}
