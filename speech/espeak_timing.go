package speech

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/twinsync/twinsync/fault"
)

// pauseLeast is the shortest silence in seconds that counts as a pause. The library marks shorter ones at
// glottal stops and between the parts of a word, where a mouth does not rest.
const pauseLeast = .060

// The library stamps voiceless plosives at their burst. The closure, which is what shows on the lips, takes up to
// closureTime seconds before it, and at most closureShare of what was said before.
const (
	closureTime  = .050
	closureShare = .4
	closureFrom  = .080 // of what was said before, in seconds; a shorter one is left as it is
)

// utterance joins what the library says of the pieces of a text.
type utterance struct {
	language string
	words    []string // as the user wrote them
	sound    Sound
	phones   []Phone
	spans    []span
}

// span is when a word of the text is said: [start, end) in seconds; end 0 means never heard of.
type span struct{ start, end float64 }

// add appends the sound, phones and words of one piece.
func (u *utterance) add(s said, p piece) {
	if u.spans == nil {
		u.spans = make([]span, len(u.words))
	}
	offset := u.sound.Seconds()
	u.sound.Rate = s.rate
	u.sound.Samples = append(u.sound.Samples, s.samples...)
	slices.SortStableFunc(s.events, func(a, b espeakEvent) int { return cmp.Compare(a.Sample, b.Sample) })
	phones := phonesOf(s)
	wordsOf(s, p, phones, u.spans, offset)
	for _, x := range phones {
		x.Start, x.End = x.Start+offset, x.End+offset
		u.phones = append(u.phones, x)
	}
}

// finish gives the utterance.
func (u *utterance) finish() (*Utterance, error) {
	if len(u.phones) == 0 {
		return nil, nothingToSay()
	}
	t := &Timing{Language: u.language, Phones: u.phones, Score: 1}
	for i, s := range spread(u.spans, u.words) {
		if s.end > s.start {
			t.Words = append(t.Words, Word{u.words[i], s.start, s.end})
		}
	}
	return &Utterance{Sound: u.sound, Timing: t}, nil
}

func nothingToSay() error {
	return fault.New(fault.InvalidField, "text", "has nothing that can be said aloud").WithHint("Write at least one word.")
}

// phonesOf gives the phones of a piece, pauses left out, in seconds from its start.
func phonesOf(s said) []Phone {
	end := float64(len(s.samples)) / float64(s.rate)
	var out []Phone // with pauses
	for _, e := range s.events {
		if e.Kind != eventPhone || strings.HasPrefix(e.Name, "(") { // "(en)": another language's rules from here on
			continue
		}
		at := min(float64(e.Sample)/float64(s.rate), end)
		name := bareIPA(e.Name)
		if n := len(out); n > 0 {
			out[n-1].End = at
			if modifies(name) && out[n-1].IPA != "" {
				out[n-1].IPA += name // "ʲ" has a time of its own in Russian
				continue
			}
		}
		out = append(out, Phone{IPA: name, Start: at, End: end})
	}
	out = slices.DeleteFunc(out, func(p Phone) bool { return p.End <= p.Start })
	out = joinPauses(out)
	for i := 1; i < len(out); i++ {
		before, p := &out[i-1], &out[i]
		if long := before.End - before.Start; strings.ContainsAny(firstOf(p.IPA), "ptk") && long > closureFrom {
			back := min(closureTime, closureShare*long)
			before.End -= back
			p.Start -= back
		}
	}
	return slices.DeleteFunc(out, func(p Phone) bool { return p.IPA == "" })
}

// joinPauses gives silences too short for a pause to the phone before them, and makes neighbouring ones one.
func joinPauses(in []Phone) []Phone {
	var out []Phone
	for i := 0; i < len(in); i++ {
		p := in[i]
		for p.IPA == "" && i+1 < len(in) && in[i+1].IPA == "" {
			i++
			p.End = in[i].End
		}
		if n := len(out); p.IPA == "" && n > 0 && p.End-p.Start < pauseLeast {
			out[n-1].End = p.End
			continue
		}
		out = append(out, p)
	}
	return out
}

// bareIPA takes stress, tones and length of pauses out of a phone's name.
func bareIPA(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("ˈˌ'‖|_ˑ˥˦˧˨˩↗↘ꜛꜜ", r), unicode.IsDigit(r), unicode.IsSpace(r), unicode.IsControl(r):
			return -1
		}
		return r
	}, name)
}

// modifies tells whether a name only says how the phone before it is said.
func modifies(name string) bool {
	for _, r := range name {
		if !unicode.Is(unicode.Lm, r) && !unicode.Is(unicode.Mn, r) {
			return false
		}
	}
	return name != ""
}

func firstOf(s string) string {
	for _, r := range s {
		return string(r)
	}
	return " "
}

// wordsOf finds when the words of a piece are said. Words of which the library says nothing (it joins "of the" into
// one) keep an empty span; spread shares the time of the one before with them.
func wordsOf(s said, p piece, phones []Phone, spans []span, offset float64) {
	last := -1
	var marks []mark
	for _, e := range s.events {
		if e.Kind != eventWord {
			continue
		}
		word := p.wordAt(int(e.Position)-1, int(e.Length))
		if word < last { // inserted text, or a position that the library lost: goes on with the word before
			word = last
		}
		if word < 0 {
			continue
		}
		last = word
		at := float64(e.Sample) / float64(s.rate)
		if n := len(marks); n > 0 && marks[n-1].word == word {
			continue
		}
		marks = append(marks, mark{word, at})
	}
	for i, m := range marks {
		until := float64(len(s.samples)) / float64(s.rate)
		if i+1 < len(marks) {
			until = marks[i+1].at
		}
		// From the first to the last phone between the two marks. A closure that was moved back belongs to the
		// word that it opens: a phone counts where its middle is.
		var w span
		for _, ph := range phones {
			if mid := (ph.Start + ph.End) / 2; mid >= m.at && mid < until {
				if w.end == 0 {
					w.start = ph.Start
				}
				w.end = ph.End
			}
		}
		if w.end > w.start {
			w.start, w.end = w.start+offset, w.end+offset
			if have := spans[m.word]; have.end > 0 {
				w.start = have.start // said in two pieces
			}
			spans[m.word] = w
		}
	}
}

// mark is where a word begins, in seconds.
type mark struct {
	word int
	at   float64
}

// spread gives words without a time their share, by letters, of the time of the word before, or of the word
// after where there is none.
func spread(spans []span, words []string) []span {
	out := slices.Clone(spans)
	for i := 0; i < len(out); {
		j := i + 1 // [i, j) is a word with a time and those without behind it
		for j < len(out) && spans[j].end == 0 {
			j++
		}
		whole := spans[i]
		if i == 0 && whole.end == 0 {
			if j == len(out) {
				return out
			}
			whole = spans[j]
			j++
			for j < len(out) && spans[j].end == 0 {
				j++
			}
		}
		share(out[i:j], words[i:j], whole)
		i = j
	}
	return out
}

// share divides a span by the letters of the words. A word without a letter or digit gets nothing.
func share(out []span, words []string, whole span) {
	total := 0
	for _, w := range words {
		total += sounded(w)
	}
	if total == 0 {
		out[0] = whole
		return
	}
	done := 0
	for i, w := range words {
		n := sounded(w)
		at := func(k int) float64 { return whole.start + (whole.end-whole.start)*float64(k)/float64(total) }
		out[i] = span{at(done), at(done + n)}
		done += n
	}
}

// sounded counts what is said of a word: letters and digits.
func sounded(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
