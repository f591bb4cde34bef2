package speech

import (
	"context"
	"math"
	"strings"
	"testing"
)

// singer is a Speaker of the made-up language: words are spoken as they are written.
type singer struct{ asked int }

func (*singer) Voices(context.Context) ([]Voice, error) {
	return []Voice{{ID: "test:sung", Timed: true}}, nil
}

func (s *singer) Speak(_ context.Context, r Request) (*Utterance, error) {
	s.asked++
	t, long := lay(strings.Fields(r.Text), nil, 1)
	return &Utterance{Sound: sing(t, long, 110, 1), Timing: t}, nil
}

// sungCues are three cues of a recording with a tone between them, and the truth. Their times are off by late.
func sungCues(late float64) (s Sound, truth *Timing, cues []Cue) {
	truth, seconds := lay(sungWords, map[int]float64{0: 1.5, 5: 2.5, 10: 3}, 0.85)
	s = sing(truth, seconds, 190, 1.1)
	for i := range 3 {
		words := truth.Words[i*5 : i*5+5]
		text := make([]string, len(words))
		for k, w := range words {
			text[k] = w.Text
		}
		cues = append(cues, Cue{Start: math.Max(0, words[0].Start+late), End: words[4].End + late/2, Text: strings.Join(text, " ")})
	}
	for i := range s.Samples {
		at := float64(i) / 16000
		if at > cues[0].End-late/2+0.3 && at < cues[1].Start-late-0.3 {
			s.Samples[i] += float32(0.2*math.Sin(2*math.Pi*440*at) + 0.1*math.Sin(2*math.Pi*1320*at))
		}
	}
	return s, truth, cues
}

func TestAlignTranscriptLooksAroundItsCues(t *testing.T) {
	for _, late := range []float64{0, 0.6, -0.6} {
		s, truth, cues := sungCues(late)
		got, err := AlignTranscript(context.Background(), s, &Transcript{Cues: cues}, &singer{}, Request{}, AlignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Words) != len(truth.Words) || len(got.Phones) != len(truth.Phones) || got.Score < ScoreFits {
			t.Fatalf("cues late by %v: %d words, %d phones, score %.2f", late, len(got.Words), len(got.Phones), got.Score)
		}
		if a := agreement(truth, got, s.Seconds()); a < 0.85 {
			t.Errorf("cues late by %v: agrees in %.0f %% of the frames", late, 100*a)
		}
		for i, w := range got.Words {
			if d := math.Abs(w.Start - truth.Words[i].Start); d > 0.1 {
				t.Errorf("cues late by %v: %s starts %.0f ms off", late, w.Text, 1000*d)
			}
		}
	}
}

func TestAlignTranscriptOfAnotherCutGoesByTheWords(t *testing.T) {
	truth, seconds := lay(sungWords, nil, 0.85)
	s := sing(truth, seconds, 190, 1.1)
	cues := []Cue{{Start: 30, End: 35, Text: strings.Join(sungWords[:8], " ")}, {Start: 40, End: 44, Text: strings.Join(sungWords[8:], " ")}}
	got, err := AlignTranscript(context.Background(), s, &Transcript{Cues: cues}, &singer{}, Request{}, AlignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := agreement(truth, got, seconds); a < 0.85 || got.Score < ScoreFits {
		t.Errorf("agrees in %.0f %% of the frames, score %.2f", 100*a, got.Score)
	}
}

func TestAlignTranscriptOfOddInput(t *testing.T) {
	s, _, cues := sungCues(0)
	for name, tr := range map[string]*Transcript{
		"no cue":          {},
		"nothing said":    {Cues: []Cue{{Start: 1, End: 2, Text: "[music]"}, {Start: 3, End: 4, Text: "♪"}}},
		"over each other": {Cues: []Cue{cues[2], {Start: 0, End: 100, Text: cues[1].Text}, {Start: 0, End: 100, Text: cues[0].Text}}},
		"no time":         {Cues: []Cue{{Start: 2, End: 2, Text: cues[0].Text}, {Start: 2, End: 2, Text: cues[1].Text}}},
	} {
		got, err := AlignTranscript(context.Background(), s, tr, &singer{}, Request{}, AlignOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		last := 0.0
		for _, p := range got.Phones {
			if p.Start < last-1e-9 || p.End <= p.Start || p.End > s.Seconds()+0.011 {
				t.Errorf("%s: phone %+v after %v", name, p, last)
				break
			}
			last = p.End
		}
	}
}

func TestLongTextIsSaidInPieces(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("Eins zwei drei 3.5 vier. ", 200))
	var pieces []string
	for rest := text; rest != ""; {
		var piece string
		piece, rest = cutSpoken(rest)
		if len(piece) > mostSpoken || piece == "" {
			t.Fatalf("a piece of %d bytes", len(piece))
		}
		if !strings.HasSuffix(strings.TrimSpace(piece), "vier.") {
			t.Errorf("cut inside a sentence: %q", piece[len(piece)-20:])
		}
		pieces = append(pieces, piece)
	}
	if strings.Join(pieces, "") != text {
		t.Error("something got lost")
	}
	for rest := strings.Repeat("ä", 3000); rest != ""; {
		var piece string
		piece, rest = cutSpoken(rest)
		if strings.Trim(piece, "ä") != "" || piece == "" {
			t.Fatalf("cut inside a letter")
		}
	}
}
