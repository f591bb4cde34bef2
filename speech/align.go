package speech

import (
	"context"
	"math"
	"slices"
)

// AlignOptions say how words are brought to sound. The zero value is right for a recording of ordinary length.
type AlignOptions struct {
	// Rounds is how often the models of the phones are fitted to the speaker; 0 is 4.
	Rounds int
}

const alignRounds = 4

// Align finds when the words and phones of ref are said in a recording of the same words: a synthesised
// voice is warped onto it in time, then the phones' models are fitted to the recorded speaker and the phones'
// times to the models, by turns.
//
// The result has ref's words and phones in their order, with pauses where the recording pauses. Words that
// are not those of the recording are no error: they come with a Score below ScoreFits.
// Errors: the context's.
func Align(ctx context.Context, s Sound, ref *Utterance, o AlignOptions) (*Timing, error) {
	if ref == nil || ref.Timing == nil || len(ref.Timing.Phones) == 0 {
		return &Timing{}, ctx.Err()
	}
	said := newScript(ref.Timing, ref.Sound.Seconds())
	b := hear(ref.Sound, 1, true)
	tract, err := tractOf(ctx, s, b)
	if err != nil {
		return nil, err
	}
	a := hear(s, tract, true)
	if a.n < said.least() {
		return said.stretched(s.Seconds()), ctx.Err()
	}
	rows, err := warpSpoken(ctx, a, b)
	if err != nil {
		return nil, err
	}
	return said.settle(ctx, a, said.at(rows), lent(b, said), o)
}

// settle fits the models and the path to each other by turns, from the first path on.
func (s *script) settle(ctx context.Context, f *features, path []int32, lent []sums, o AlignOptions) (*Timing, error) {
	rounds := o.Rounds
	if rounds <= 0 {
		rounds = alignRounds
	}
	var err error
	levels := f.loudnesses()
	for range rounds {
		if path, err = s.follow(ctx, f, fit(f, s, path, lent, levels), path); err != nil {
			return nil, err
		}
	}
	t := s.timing(path)
	t.Score = fitness(f, s, path, lent)
	return t, nil
}

// script is what is said: phones and pauses in a row, the first and the last one pauses.
type script struct {
	language string
	items    []item
	words    []Word // as given
	names    []string
	// windows are the frames in which each item may be, ascending; nil where nothing is known.
	windows []window
}

type window struct{ first, last int }

// The first names of a script are not phones: a pause, and what lies between cues, which may be music.
const (
	namePause = iota
	nameBetween
	namesSilent
)

// item is a phone or a pause of a script.
type item struct {
	phone      int     // index into the script's names
	start, end float64 // seconds, in the synthesised voice; equal where a pause is only possible
	word       int     // index of the word that starts here; −1 where none does
}

func (it *item) silent() bool { return it.phone < namesSilent }

// wordSlack is how far a word's event may lie from its first phone's (espeak moves the closure of a plosive).
const wordSlack = 0.06

// newScript lays out the phones of a synthesised voice of the given length.
func newScript(t *Timing, seconds float64) *script {
	s := &script{language: t.Language, names: make([]string, namesSilent)}
	s.say(t, 0, seconds)
	return s
}

// pause lays out what is not said, as a part of the pause before where there is one.
func (s *script) pause(start, end float64) {
	if n := len(s.items); n > 0 && s.items[n-1].silent() {
		s.items[n-1].end = max(s.items[n-1].end, end)
		return
	}
	s.items = append(s.items, item{start: start, end: end, word: -1})
}

// say lays out the phones of a synthesised voice that begins at offset and ends at end, with a possible pause
// before every word.
func (s *script) say(t *Timing, offset, end float64) {
	firstWord := len(s.words)
	s.words = append(s.words, t.Words...)
	s.pause(offset, offset+t.Phones[0].Start)
	next, last := 0, 0.0
	for i, p := range t.Phones {
		if p.Start > last+0.005 {
			s.pause(offset+last, offset+p.Start)
		}
		last = p.End
		if p.IPA == "" {
			s.pause(offset+p.Start, offset+p.End)
			continue
		}
		// A word belongs to the phone whose start is nearest to its own.
		word := -1
		for next < len(t.Words) && (t.Words[next].Start < p.Start+wordSlack || i == len(t.Phones)-1) {
			if i+1 < len(t.Phones) && t.Phones[i+1].IPA != "" &&
				math.Abs(t.Phones[i+1].Start-t.Words[next].Start) < math.Abs(p.Start-t.Words[next].Start) {
				break
			}
			word = firstWord + next
			next++
		}
		if word >= 0 {
			s.pause(offset+p.Start, offset+p.Start)
		}
		s.items = append(s.items, item{phone: s.name(p.IPA), start: offset + p.Start, end: offset + p.End, word: word})
	}
	s.pause(offset+last, max(end, offset+last))
}

// name is the index of a phone's name.
func (s *script) name(ipa string) int {
	k := slices.Index(s.names[namesSilent:], ipa)
	if k < 0 {
		s.names = append(s.names, ipa)
		return len(s.names) - 1
	}
	return k + namesSilent
}

// least is how many frames it takes at least to say all.
func (s *script) least() int {
	n := 2
	for _, it := range s.items {
		if !it.silent() {
			n += statesPerPhone
		}
	}
	return n
}

// at is the item at each row of the synthesised voice's features.
func (s *script) at(rows []int32) []int32 {
	path := make([]int32, len(rows))
	k := 0
	for i, r := range rows {
		t := float64(r) * hopSeconds
		for k+1 < len(s.items) && s.items[k].end <= t {
			k++
		}
		path[i] = int32(k)
	}
	return path
}

// timing turns a path (the item at each frame) into times.
func (s *script) timing(path []int32) *Timing {
	t := &Timing{Language: s.language, Words: slices.Clone(s.words)}
	for i := 0; i < len(path); {
		j := i
		for j < len(path) && path[j] == path[i] {
			j++
		}
		if it := &s.items[path[i]]; !it.silent() {
			t.Phones = append(t.Phones, Phone{IPA: s.names[it.phone], Start: float64(i) * hopSeconds, End: float64(j) * hopSeconds})
		}
		i = j
	}
	s.placeWords(t)
	return t
}

// placeWords gives each word the time from its first phone to its last. t has all phones of the script.
func (s *script) placeWords(t *Timing) {
	k, word := 0, -1
	for _, it := range s.items {
		if it.silent() {
			continue
		}
		if k >= len(t.Phones) {
			break
		}
		p := t.Phones[k]
		k++
		if it.word >= 0 {
			// Words without a sound of their own (a dash, a sign) lie where the next one starts.
			for w := word + 1; w <= it.word; w++ {
				t.Words[w].Start, t.Words[w].End = p.Start, p.Start
			}
			word = it.word
		}
		if word >= 0 {
			t.Words[word].End = p.End
		}
	}
	for w := word + 1; w < len(t.Words); w++ {
		t.Words[w].Start, t.Words[w].End = t.Phones[len(t.Phones)-1].End, t.Phones[len(t.Phones)-1].End
	}
}

// stretched lays the script over the given time evenly: all that can be said about a recording too short for
// its words. Its score is 0.
func (s *script) stretched(seconds float64) *Timing {
	t := &Timing{Language: s.language, Words: slices.Clone(s.words)}
	whole := s.items[len(s.items)-1].end
	if whole <= 0 || seconds <= 0 {
		t.Words = nil
		return t
	}
	for _, it := range s.items {
		if !it.silent() {
			t.Phones = append(t.Phones, Phone{IPA: s.names[it.phone], Start: it.start / whole * seconds, End: it.end / whole * seconds})
		}
	}
	s.placeWords(t)
	return t
}
