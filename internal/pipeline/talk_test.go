package pipeline

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

func TestTalkValidate(t *testing.T) {
	good := func() Talk { return DefaultTalk(photoAt("v"), Say{Text: "Hello."}) }
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	back := 6.0
	for name, c := range map[string]struct {
		change func(*Talk)
		param  string
		code   fault.Code
	}{
		"nothing":              {func(s *Talk) { s.Says = nil }, "text", fault.MissingField},
		"an empty text":        {func(s *Talk) { s.Says[0].Text = " \n\t" }, "text", fault.MissingField},
		"no text":              {func(s *Talk) { s.Says[0].Text = "" }, "text", fault.MissingField},
		"text and sound":       {func(s *Talk) { s.Says[0].Audio = &Source{URL: "http://a/b"} }, "text", fault.InvalidField},
		"words of nothing":     {func(s *Talk) { s.Says[0].Transcript = &Source{URL: "http://a/b"} }, "transcript", fault.InvalidField},
		"a voice for sound":    {func(s *Talk) { s.Says[0] = Say{Audio: &Source{URL: "http://a/b"}, Voice: "x"} }, "voice", fault.InvalidField},
		"a tempo":              {func(s *Talk) { s.Says[0].Tempo = 3 }, "tempo", fault.InvalidField},
		"a place":              {func(s *Talk) { s.Says[0].From, s.Says[0].To = 2, 1 }, "to", fault.InvalidField},
		"nobody":               {func(s *Talk) { s.Says[0].Who.Person = "zero" }, "speaker", fault.InvalidField},
		"nowhere":              {func(s *Talk) { s.Says[0].Who.At = &Spot{X: math.NaN()} }, "speaker", fault.InvalidField},
		"a way to fit":         {func(s *Talk) { s.Fit = "squeeze" }, "fit", fault.InvalidField},
		"loudness":             {func(s *Talk) { s.Loudness = 3 }, "loudness", fault.InvalidField},
		"a loud background":    {func(s *Talk) { s.Background = &back }, "background", fault.InvalidField},
		"sides of nothing":     {func(s *Talk) { s.Sides = true }, "background", fault.InvalidField},
		"a codec":              {func(s *Talk) { s.Codec = "mpeg1" }, "codec", fault.InvalidField},
		"a part of the video":  {func(s *Talk) { s.From, s.To = time.Second, time.Second }, "to", fault.InvalidField},
		"too many clips":       {func(s *Talk) { s.More = make([]Source, 99) }, "more-footage", fault.InvalidField},
		"too many things":      {func(s *Talk) { s.Says = slices.Repeat(s.Says, 501) }, "text", fault.InvalidField},
		"a detector's address": {func(s *Talk) { s.Detector = "../x" }, "detector", fault.InvalidField},
	} {
		s := good()
		c.change(&s)
		f := fault.From(s.Validate())
		if f == nil || f.Param != c.param || f.Code != c.code {
			t.Errorf("%s: %v, want %s of %s", name, f, c.code, c.param)
		}
	}
	s := good()
	s.Says[0].Text = string(slices.Repeat([]byte("word "), 40_000))
	if err := s.Validate(); !fault.Is(err, fault.TooLong) {
		t.Errorf("a book: %v", err)
	}
}

// TestNextOfTalk walks a talk through its stages; footage that is known is not analysed again.
func TestNextOfTalk(t *testing.T) {
	r := &Runner{}
	main := clip{Segments: []media.Range{{First: 0, End: 150}, {First: 150, End: 200}}, Keep: "k0"}
	more := clip{Segments: []media.Range{{First: 0, End: 90}}, Keep: "k1"}
	known := main
	known.Analysis = "a0"
	mouths := []part{{First: 0, End: 150}, {First: 0, End: 90, Clip: 1}}
	result := []part{{First: 0, End: 170}, {First: 170, End: 300}}
	for name, c := range map[string]struct {
		fetch   fetched
		analyse []part // the segments of the analysis; nil: there are none
	}{
		"new":            {fetched{clip: main, More: []clip{more}}, []part{{First: 0, End: 150}, {First: 150, End: 200}, {First: 0, End: 90, Clip: 1}}},
		"the main known": {fetched{clip: known, More: []clip{more}}, []part{{First: 0, End: 90, Clip: 1}}},
		"all known":      {fetched{clip: known}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := TalkOrder(DefaultTalk(photoAt("v"), Say{Text: "Hello."}))
			if err != nil {
				t.Fatal(err)
			}
			o.Customer = "acme"
			x, err := task.New(o, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			leaves := map[string]any{
				Fetch: c.fetch, Voice: voiced{Frames: 300}, Analyse: analysed{Key: "o"},
				Join: joined{Analysis: "a", Mouths: mouths}, Mouths: collected{Keys: []string{"m"}},
				Plan: planned{Parts: result}, Render: talked{Key: "p"}, Assemble: published{task.Result{Key: "r"}},
			}
			want := map[string][]part{Analyse: c.analyse, Mouths: mouths, Render: result}
			var stages []string
			for {
				stages = append(stages, x.Stage)
				var got []part
				for _, s := range x.Segments {
					var p part
					if len(s.Spec) > 0 {
						if err := json.Unmarshal(s.Spec, &p); err != nil {
							t.Fatal(err)
						}
						got = append(got, p)
					}
				}
				if d := cmp.Diff(want[x.Stage], got); d != "" {
					t.Errorf("%s: %s", x.Stage, d)
				}
				x = finish(t, x, leaves[x.Stage])
				stage, next, final, err := r.Next(t.Context(), x)
				if err != nil {
					t.Fatal(err)
				}
				if final != nil {
					if final.Key != "r" {
						t.Errorf("%+v", final)
					}
					break
				}
				if x, err = x.Advance(stage, next, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			all := []string{Fetch, Voice, Analyse, Join, Mouths, Plan, Render, Assemble}
			if c.analyse == nil {
				all = slices.Delete(all, 2, 3)
			}
			if d := cmp.Diff(all, stages); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestCutResult: the segments of a result are all of it, in order, and turn where the picture turns.
func TestCutResult(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := rapid.IntRange(1, 400).Draw(r, "footage")
		n := rapid.IntRange(1, 1500).Draw(r, "result")
		base, _ := lipsync.Bounce.Frames(make([]lipsync.Moment, m), n, 25, nil)
		length := rapid.IntRange(1, 200).Draw(r, "length")
		at := 0
		for _, p := range cutResult(base, []int{0, 100, 200}, length) {
			if p.First != at || p.End <= p.First || p.End-p.First > 2*length+1 {
				r.Fatalf("part %+v after %d of length %d", p, at, length)
			}
			at = p.End
		}
		if at != n {
			r.Fatalf("ends at %d of %d", at, n)
		}
	})
	var swing []int
	for i := range 160 {
		swing = append(swing, i)
	}
	for i := 158; i >= 0; i-- {
		swing = append(swing, i)
	}
	if got := cutResult(swing, nil, 150); len(got) != 2 || got[0].End != 159 {
		t.Errorf("%+v, want a cut at the turn", got)
	}
}

// TestClock: footage of changing rate is seen at a constant one.
func TestClock(t *testing.T) {
	info := &media.Info{Video: media.Video{TimeBase: media.Rational{Num: 1, Den: 100}, Times: []int64{0, 4, 8, 20, 24, 28}, End: 32}}
	rate := media.Rational{Num: 25, Den: 1}
	if d := cmp.Diff([]int{0, 1, 2, 2, 2, 3, 4, 5}, clock(info, media.Range{First: 0, End: 6}, rate)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{2, 2, 2, 3}, clock(info, media.Range{First: 2, End: 4}, rate)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{5}, clock(info, media.Range{First: 5, End: 6}, media.Rational{Num: 1, Den: 1})); d != "" {
		t.Error(d)
	}
	for _, c := range []struct{ rate, mean, want media.Rational }{
		{media.Rational{Num: 30, Den: 1}, media.Rational{Num: 30000, Den: 1003}, media.Rational{Num: 30, Den: 1}},
		{media.Rational{Num: 90000, Den: 1}, media.Rational{Num: 24, Den: 1}, media.Rational{Num: 24, Den: 1}},
		{media.Rational{}, media.Rational{}, media.Rational{Num: 25, Den: 1}},
	} {
		if got := outRate(&media.Info{Video: media.Video{Rate: c.rate, AvgRate: c.mean}}); got != c.want {
			t.Errorf("%v and %v: %v", c.rate, c.mean, got)
		}
	}
}

// together is a video of two people.
func together(n int) *face.Analysis {
	a := &face.Analysis{People: make([]face.Person, 2), Tracks: make([]face.Track, 2)}
	for p := range a.Tracks {
		a.Tracks[p].Person = p
		for i := range n {
			a.Tracks[p].Faces = append(a.Tracks[p].Faces, face.Observation{Frame: i, Box: face.Box{X: 100 * float32(p), W: 80, H: 100}})
		}
	}
	return a
}

// TestWhoSpeaks: without a sound that tells, who is by far most seen; else the user must say it. (That a mouth which
// moves with the sound is found is tested where it is found: lipsync.Moves.)
func TestWhoSpeaks(t *testing.T) {
	w := newTestWork(t, nil)
	w.info = &media.Info{Video: media.Video{TimeBase: media.Rational{Num: 1, Den: 25}, Times: make([]int64, 300), End: 300, AvgRate: media.Rational{Num: 25, Den: 1}}}
	for i := range w.info.Video.Times {
		w.info.Video.Times[i] = int64(i)
	}
	w.analysis = together(300)
	if _, err := w.whoSpeaks(t.Context()); !fault.Is(err, fault.WhichPerson) {
		t.Errorf("two people without a sound: %v", err)
	}
	for k := range w.analysis.Tracks[1].Faces {
		w.analysis.Tracks[1].Faces[k].Box.W *= 3
	}
	if who, err := w.whoSpeaks(t.Context()); who != 1 || err != nil {
		t.Errorf("person %d, %v; the second is by far the larger", who, err)
	}
	if who, err := w.personAt(Spot{X: 30, Y: 40, Time: time.Second}); who != 0 || err != nil {
		t.Errorf("at a place: person %d, %v", who, err)
	}
	if _, err := w.personAt(Spot{X: 900, Y: 40}); !fault.Is(err, fault.UnknownPerson) {
		t.Errorf("where nobody is: %v", err)
	}
}

// TestLengthIsLimited: a voice for which the footage would have to be played again and again is refused.
func TestLengthIsLimited(t *testing.T) {
	w := newTestWork(t, nil)
	w.info = &media.Info{Video: media.Video{TimeBase: media.Rational{Num: 1, Den: 25}, Times: []int64{0, 1, 2, 3, 4}, End: 5, AvgRate: media.Rational{Num: 25, Den: 1}}}
	w.talk = DefaultTalk(photoAt("v"), Say{Text: "Hello."})
	w.fetched.Range, w.voiced.Rate, w.fetched.Says = media.Range{End: 5}, media.Rational{Num: 25, Den: 1}, make([]saidFiles, 1)
	if err := w.measureLength(7.9); err != nil || w.voiced.Frames != 198 {
		t.Errorf("%d frames, %v", w.voiced.Frames, err)
	}
	if err := w.measureLength(9); !fault.Is(err, fault.TooLong) || fault.From(err).Param != "text" {
		t.Errorf("nine seconds on five frames: %v", err)
	}
}

func TestAppendTiming(t *testing.T) {
	in := &speech.Timing{Words: []speech.Word{{Text: "a", Start: 0, End: .4}, {Text: "b", Start: .5, End: 1}},
		Phones: []speech.Phone{{IPA: "a", Start: 0, End: .4}, {IPA: "b", Start: .5, End: 1}}}
	out := &speech.Timing{}
	appendTiming(out, in, 2, 2.7)
	want := &speech.Timing{Words: []speech.Word{{Text: "a", Start: 2, End: 2.4}, {Text: "b", Start: 2.5, End: 2.7}},
		Phones: []speech.Phone{{IPA: "a", Start: 2, End: 2.4}, {IPA: "b", Start: 2.5, End: 2.7}}}
	if d := cmp.Diff(want, out); d != "" {
		t.Error(d)
	}
	appendTiming(out, in, 3, 2.7)
	if len(out.Words) != 2 {
		t.Error("what lies behind the end is said")
	}
}

// TestInOrder: however long each takes, everything leaves in its order; errors and panics end it.
func TestInOrder(t *testing.T) {
	next := func() func() (int, error) {
		n := -1
		return func() (int, error) {
			if n++; n == 20 {
				return 0, io.EOF
			}
			return n, nil
		}
	}
	gates := make([]chan bool, 20)
	for i := range gates {
		gates[i] = make(chan bool)
	}
	var got []int
	go func() { // the later ones of each four are done first
		for i := 0; i < 20; i += 4 {
			for k := i + 3; k >= i; k-- {
				close(gates[k])
			}
		}
	}()
	err := inOrder(t.Context(), 4, next(), func(i int) error { <-gates[i]; return nil }, func(i int) error { got = append(got, i); return nil })
	if err != nil || !slices.IsSorted(got) || len(got) != 20 {
		t.Errorf("%v, %v", got, err)
	}
	bad := errors.New("bad")
	for name, do := range map[string]func(int) error{
		"error": func(i int) error {
			if i == 7 {
				return bad
			}
			return nil
		},
		"panic": func(i int) error {
			if i == 7 {
				panic(bad)
			}
			return nil
		},
	} {
		n := 0
		if err := inOrder(t.Context(), 4, next(), do, func(int) error { n++; return nil }); err == nil || n != 7 {
			t.Errorf("%s: %d are handed on, error %v", name, n, err)
		}
	}
}
