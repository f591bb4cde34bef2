package speech

import (
	"context"
	"errors"
	"math"
	"testing"
)

// sung is a made-up language for tests without a synthesiser: vowels are two formants on a voice, s and f are
// noise, p is silence and a click.
var sung = map[string][2]float64{"a": {750, 1200}, "i": {280, 2300}, "u": {320, 750}, "e": {480, 1900}, "o": {470, 900},
	"m": {220, 1000}, "n": {260, 1500}, "l": {350, 1300}}

// sing makes the sound of phones; pitch in Hz, tract scales the formants.
func sing(t *Timing, seconds, pitch, tract float64) Sound {
	s := Sound{Rate: 16000, Samples: make([]float32, int(seconds*16000))}
	noise := uint32(1)
	random := func() float64 {
		noise = noise*1664525 + 1013904223
		return float64(noise)/(1<<31) - 1
	}
	for i := range s.Samples {
		s.Samples[i] = float32(1e-3 * random())
	}
	for _, p := range t.Phones {
		last := 0.0
		var harmonics [35]float64 // how loud each is; the faintest are left out
		if f, voiced := sung[p.IPA]; voiced {
			for k := 1; k < len(harmonics); k++ {
				peak := func(c, w float64) float64 { return math.Exp(-square((float64(k)*pitch - c*tract) / w)) }
				harmonics[k] = peak(f[0], 120) + 0.5*peak(f[1], 180)
			}
		}
		for i := int(p.Start * 16000); i < int(p.End*16000) && i < len(s.Samples); i++ {
			at, x := float64(i)/16000, 0.0
			edge := math.Min(1, 100*math.Min(at-p.Start, p.End-at))
			switch {
			case harmonics[1] > 0:
				for k, loud := range harmonics {
					if loud > 0.005 {
						x += loud * math.Sin(2*math.Pi*float64(k)*pitch*at)
					}
				}
				x = 0.2*x + 0.002*random()
			case p.IPA == "s":
				r := random()
				x, last = 0.2*(r-last), r
			case p.IPA == "f":
				x = 0.05 * random()
			case p.IPA == "p" && p.End-at < 0.01:
				x = 0.3 * random()
			}
			s.Samples[i] += float32(x * edge)
		}
	}
	return s
}

// lay gives phones times: pause before each word of the listed length, every phone as long as its letter says
// times stretch, varying by the place.
func lay(words []string, pauses map[int]float64, stretch float64) (*Timing, float64) {
	t := &Timing{}
	at := 0.15
	for w, word := range words {
		at += pauses[w]
		start := at
		for i, r := range word {
			long := 0.09
			if _, vowel := map[rune]bool{'a': true, 'e': true, 'i': true, 'o': true, 'u': true}[r]; vowel {
				long = 0.14
			}
			long *= stretch * (1 + 0.25*math.Sin(float64(7*w+3*i)))
			t.Phones = append(t.Phones, Phone{IPA: string(r), Start: at, End: at + long})
			at += long
		}
		t.Words = append(t.Words, Word{Text: word, Start: start, End: at})
	}
	return t, at + 0.2
}

var sungWords = []string{"pale", "moni", "sul", "afip", "lemo", "nusa", "pili", "ofem", "sano", "mupe", "lifa", "pons", "emi", "salu", "fomip"}

// agreement is the share of 10 ms frames in which both timings have the same viseme.
func agreement(a, b *Timing, seconds float64) float64 {
	n := int(seconds * 100)
	label := func(t *Timing) []Viseme {
		out := make([]Viseme, n)
		for _, p := range t.Phones {
			for i := max(0, int(p.Start*100+0.5)); i < min(n, int(p.End*100+0.5)); i++ {
				out[i] = VisemeOf(p.IPA)
			}
		}
		return out
	}
	x, y := label(a), label(b)
	same := 0
	for i := range x {
		if x[i] == y[i] {
			same++
		}
	}
	return float64(same) / float64(max(n, 1))
}

func TestAlignFindsWordsInAnotherVoice(t *testing.T) {
	ref, long := lay(sungWords, nil, 1)
	utterance := &Utterance{Sound: sing(ref, long, 110, 1), Timing: ref}
	truth, seconds := lay(sungWords, map[int]float64{3: 0.5, 9: 1.2}, 0.8)
	got, err := Align(context.Background(), sing(truth, seconds, 190, 1.12), utterance, AlignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := agreement(truth, got, seconds); a < 0.85 {
		t.Errorf("agrees in %.0f %% of the frames", 100*a)
	}
	if got.Score < ScoreFits {
		t.Errorf("scores %.2f", got.Score)
	}
	if len(got.Words) != len(truth.Words) || len(got.Phones) != len(truth.Phones) {
		t.Fatalf("%d words and %d phones, want %d and %d", len(got.Words), len(got.Phones), len(truth.Words), len(truth.Phones))
	}
	last := 0.0
	for i, w := range got.Words {
		if w.Text != truth.Words[i].Text || w.Start < last || w.End < w.Start {
			t.Errorf("word %d is %+v, after %v", i, w, last)
		}
		if d := math.Abs(w.Start - truth.Words[i].Start); d > 0.06 {
			t.Errorf("%s starts %.0f ms off", w.Text, 1000*d)
		}
		last = w.Start
	}
}

func TestAlignScoresWrongWordsLow(t *testing.T) {
	wrong := []string{"fu", "sapo", "nelim", "osu", "pami", "lefu", "asin", "pomu", "nile", "fasu", "imope", "luna", "sefo", "mali", "pusen"}
	ref, long := lay(wrong, nil, 1)
	utterance := &Utterance{Sound: sing(ref, long, 110, 1), Timing: ref}
	truth, seconds := lay(sungWords, map[int]float64{3: 0.5, 9: 1.2}, 0.8)
	got, err := Align(context.Background(), sing(truth, seconds, 190, 1.12), utterance, AlignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	right, _ := lay(sungWords, nil, 1)
	utterance = &Utterance{Sound: sing(right, long, 110, 1), Timing: right}
	said, err := Align(context.Background(), sing(truth, seconds, 190, 1.12), utterance, AlignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Score > said.Score-0.3 {
		t.Errorf("words that nobody said score %.2f, those that were %.2f", got.Score, said.Score)
	}
}

func TestAlignOfOddInput(t *testing.T) {
	ref, long := lay(sungWords, nil, 1)
	utterance := &Utterance{Sound: sing(ref, long, 110, 1), Timing: ref}
	for name, s := range map[string]Sound{
		"nothing":         {Rate: 16000},
		"a moment":        {Rate: 44100, Samples: make([]float32, 2000)},
		"too short":       {Rate: 16000, Samples: utterance.Sound.Samples[:16000]},
		"digital silence": {Rate: 8000, Samples: make([]float32, 80000)},
	} {
		got, err := Align(context.Background(), s, utterance, AlignOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, p := range got.Phones {
			if p.End <= p.Start || p.Start < 0 || p.End > s.Seconds()+0.011 || i > 0 && p.Start < got.Phones[i-1].End-1e-9 {
				t.Errorf("%s: phone %d is %+v", name, i, p)
			}
		}
	}
	got, err := Align(context.Background(), utterance.Sound, &Utterance{}, AlignOptions{})
	if err != nil || len(got.Phones) != 0 {
		t.Errorf("without a reference: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Align(ctx, utterance.Sound, utterance, AlignOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
