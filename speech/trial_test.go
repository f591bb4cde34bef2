package speech

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// trial holds numbers of the trial that this package grew from (numpy), for one made-up sound and one made-up
// row of phones.
type trial struct {
	Phones   []Phone              `json:"phones"`
	Curves   map[string][]float64 `json:"curves"`
	Sound    map[string][]float64 `json:"sound"`
	Cepstra  map[string][]float64 `json:"cepstra"`
	Heard    map[string][]float64 `json:"heard"`
	Features map[string][]float64 `json:"features"`
}

func readTrial(t *testing.T) *trial {
	t.Helper()
	b, err := os.ReadFile("testdata/trial.json")
	if err != nil {
		t.Fatal(err)
	}
	var out trial
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// trialSound is the trial's sound: three gliding tones that come and go.
func trialSound() Sound {
	s := Sound{Rate: 16000, Samples: make([]float32, 24000)}
	for i := range s.Samples {
		t := float64(i) / 16000
		loud := math.Max(0, math.Sin(2*math.Pi*1.7*t))
		s.Samples[i] = float32(loud * (0.3*math.Sin(2*math.Pi*(180*t+20*t*t)) +
			0.2*math.Sin(2*math.Pi*(700+300*math.Sin(3*t))*t) + 0.1*math.Sin(2*math.Pi*2500*t*(1+0.1*t))))
	}
	return s
}

// near fails where two rows of numbers differ by more than the tolerance.
func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if math.Abs(float64(got[i])-w) > tolerance {
			t.Errorf("%s: number %d is %v, in the trial %v", what, i, got[i], w)
			return
		}
	}
}

func TestHeardAsInTheTrial(t *testing.T) {
	want, s := readTrial(t), trialSound()
	c := newCepstrum(1)
	mel := c.mel(s.Samples)
	f := hear(s, 1, false)
	row := func(key string) int {
		i, err := strconv.Atoi(key)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for key, w := range want.Cepstra {
		var got [cepstra]float32
		c.cepstra(got[:], &mel[row(key)])
		near(t, "cepstra of frame "+key, got[:], w, 2e-3)
	}
	for key, w := range want.Heard {
		near(t, "features of frame "+key, f.row(row(key)), w, 2e-3)
	}
	features := SoundFeatures(s, 36, 25)
	for key, w := range want.Features {
		near(t, "sound of video frame "+key, features[row(key)], w, 2e-3)
	}
}

func TestCurvesAsInTheTrial(t *testing.T) {
	want := readTrial(t)
	c := MouthCurves(&Timing{Phones: want.Phones}, 60, 25, 0.02)
	near(t, "jaw", c.Jaw, want.Curves["jaw"], 2e-3)
	near(t, "width", c.Width, want.Curves["width"], 2e-3)
	near(t, "round", c.Round, want.Curves["round"], 2e-3)
	// Closures last longer here: up to 80 ms instead of the sound's own length and 10 ms.
	near(t, "close", c.Close, want.Curves["close"], 0.3)
	near(t, "teeth", c.Teeth, want.Curves["ff"], 0.13)
	near(t, "silence", c.Silence, want.Curves["sil"], 0.13)

	s := SoundCurves(trialSound(), 36, 25)
	// Pure tones give shares so equal that their order hangs on the last bit: a frame may trade its rank.
	near(t, "jaw by sound", s.Jaw, want.Sound["jaw"], 0.04)
	near(t, "width by sound", s.Width, want.Sound["width"], 0.01)
	near(t, "round by sound", s.Round, want.Sound["round"], 0.01)
	near(t, "silence by sound", s.Silence, want.Sound["sil"], 0)
}
