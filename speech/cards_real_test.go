package speech

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// TestRealVoice has a published voice of Piper's say something that espeak-ng says too, and finds the words in it: what it says is speech, and
// the words of the text. make test-voice fetches the voice and runs it.
func TestRealVoice(t *testing.T) {
	dir := os.Getenv("TWINSYNC_MODELS")
	if os.Getenv("TWINSYNC_LONG") == "" || dir == "" {
		t.Skip("needs a published voice: make test-voice fetches it and runs this (TWINSYNC_LONG=1, TWINSYNC_MODELS=FOLDER)")
	}
	s, err := OpenCardSpeaker(CardOptions{Store: func() (*infer.Store, error) { return infer.OpenStore(infer.StoreOptions{Dir: dir}) }, Infer: infer.Options{Provider: infer.CPU}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const text = "Good morning. My name is Joe, and I speak with a voice that was made from recordings of people who read aloud. On a clear evening, the bells of the old town can be heard from far away!"
	r := Request{Text: text, Language: "en-US", Voice: "card:piper_en_us_joe_medium"}
	u, err := s.Speak(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if u.Sound.Rate != 22050 || u.Sound.Seconds() < 6 || u.Sound.Seconds() > 18 {
		t.Errorf("%d Hz, %.1f s", u.Sound.Rate, u.Sound.Seconds())
	}
	again, err := s.Speak(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range u.Sound.Samples {
		if again.Sound.Samples[i] != v {
			t.Fatalf("the same text sounds otherwise from sample %d on", i)
		}
	}
	r.Rate = 1.5
	fast, err := s.Speak(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if q := u.Sound.Seconds() / fast.Sound.Seconds(); math.Abs(q-1.5) > .15 {
		t.Errorf("at rate 1.5 it is %.2f times as fast", q)
	}
	fits := func(words string) float64 {
		e, err := OpenEspeak(EspeakOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		timing, err := AlignTranscript(context.Background(), u.Sound, &Transcript{Cues: []Cue{{Text: words}}}, e, Request{Language: "en-US"}, AlignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return timing.Score
	}
	right, wrong := fits(text), fits("We hold these truths to be self-evident, that all men are created equal, that they are endowed by their creator with certain unalienable rights, and among these are life.")
	t.Logf("%.1f s of speech; its words fit with %.2f, others with %.2f", u.Sound.Seconds(), right, wrong)
	if right < ScoreFits || wrong > right-.15 {
		t.Errorf("its words fit with %.2f, others with %.2f", right, wrong)
	}
	r.Voice = "card:piper_en_us_joe_medium/x"
	if _, err := s.Speak(t.Context(), r); !fault.Is(err, fault.InvalidField) {
		t.Error(err)
	}
}
