package speech

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// at makes events at times in milliseconds; a word is its position, a phone its name.
func phone(ms int, name string) espeakEvent {
	return espeakEvent{Kind: eventPhone, Sample: int32(ms), Name: name}
}
func wordAt(ms, position int) espeakEvent {
	return espeakEvent{Kind: eventWord, Sample: int32(ms), Position: int32(position), Length: 1}
}

func TestPhonesOf(t *testing.T) {
	p := piece{text: []rune("ab cd"), origin: []int{0, 0, -1, 1, 1}}
	type heard struct {
		IPA        string
		Start, End float64
		Word       int
	}
	for _, c := range []struct {
		name   string
		events []espeakEvent // a sample a millisecond, 1 s in all
		want   []heard
	}{
		{"stress, tones and other languages' marks are no phones", []espeakEvent{wordAt(0, 1), phone(0, "(en)"), phone(0, "ˈa"), phone(300, "ə1"), phone(600, "")},
			[]heard{{"a", 0, .3, 0}, {"ə", .3, .6, 0}}},
		{"a short silence is part of the phone before, a long one a pause", []espeakEvent{wordAt(0, 1), phone(0, "a"), phone(300, ""), phone(350, "m"), phone(500, ""), phone(520, ""), phone(700, "b")},
			[]heard{{"a", 0, .35, 0}, {"m", .35, .5, 0}, {"b", .7, 1, 0}}},
		{"a closure begins before its burst", []espeakEvent{wordAt(0, 1), phone(0, "a"), phone(300, "p"), phone(400, "s"), phone(470, "t"), phone(500, "")},
			[]heard{{"a", 0, .25, 0}, {"p", .25, .4, 0}, {"s", .4, .47, 0}, {"t", .47, .5, 0}}},
		{"out of a pause as well", []espeakEvent{wordAt(100, 1), phone(0, ""), phone(100, "p"), phone(200, "")},
			[]heard{{"p", .06, .2, 0}}},
		{"what modifies is of the phone before", []espeakEvent{wordAt(0, 1), phone(0, "d"), phone(100, "ʲ"), phone(200, "")},
			[]heard{{"dʲ", 0, .2, 0}}},
		{"an l that is stamped at the next word's start is of the word before", []espeakEvent{wordAt(0, 1), phone(0, "e"), phone(300, "l"), wordAt(300, 4), phone(320, "j"), phone(400, "")},
			[]heard{{"e", 0, .25, 0}, {"l", .25, .32, 0}, {"j", .32, .4, 1}}},
		{"a position in the space before a word is the word's", []espeakEvent{wordAt(0, 1), phone(0, "e"), wordAt(300, 3), phone(300, "j"), phone(400, "")},
			[]heard{{"e", 0, .3, 0}, {"j", .3, .4, 1}}},
		{"words do not go back", []espeakEvent{wordAt(0, 4), phone(0, "e"), wordAt(300, 1), phone(300, "j"), phone(400, "")},
			[]heard{{"e", 0, .3, 1}, {"j", .3, .4, 1}}},
	} {
		var got []heard
		for _, h := range phonesOf(said{rate: 1000, samples: make([]float32, 1000), events: c.events}, p) {
			got = append(got, heard{h.IPA, h.Start, h.End, h.word})
		}
		if diff := cmp.Diff(c.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestPlainIPA(t *testing.T) {
	for name, want := range map[string]string{"ˈaɪ": "aɪ", "ts.h": "tʂʰ", "o-": "ɤ", "i.": "ɨ", "?": "ʔ", "a:": "aː", "k`": "k", "ph": "pʰ", "h": "h", "u\"": "u", "t͡ʃ": "t͡ʃ", "ʃʲ": "ʃʲ", "||": "", "a55": "a"} {
		if got := plainIPA(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Words that the library says nothing of share the time of their neighbours; no two overlap.
func TestSpread(t *testing.T) {
	for _, c := range []struct {
		words []string
		spans []span
		want  []span
	}{
		{[]string{"of", "the", "day"}, []span{{1, 2}, {}, {2, 3}}, []span{{1, 1.4}, {1.4, 2}, {2, 3}}},
		{[]string{"a", "bcd"}, []span{{}, {1, 2}}, []span{{1, 1.25}, {1.25, 2}}},
		{[]string{"₦", "°"}, []span{{}, {1, 2}}, []span{{1, 2}, {}}},
		{[]string{"x", "y"}, []span{{}, {}}, []span{{}, {}}},
	} {
		got := spread(c.spans, c.words)
		for i := range got {
			if math.Abs(got[i].start-c.want[i].start) > 1e-9 || math.Abs(got[i].end-c.want[i].end) > 1e-9 {
				t.Errorf("%q: %v, want %v", c.words, got, c.want)
				break
			}
		}
	}
}
