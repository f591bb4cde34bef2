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

// joint is the silence in seconds that is kept where one voice hands over to another.
const joint = .040

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
	slices.SortStableFunc(s.events, func(a, b espeakEvent) int { return cmp.Compare(a.Sample, b.Sample) })
	phones := phonesOf(s, p)
	if n := len(phones); p.joined && n > 0 { // the next voice goes on in the same sentence: without the pause at its end
		keep := int((phones[n-1].End + joint) * float64(s.rate))
		s.samples = s.samples[:min(keep, len(s.samples))]
	}
	u.sound.Samples = append(u.sound.Samples, s.samples...)
	for _, x := range phones {
		x.Start, x.End = x.Start+offset, x.End+offset
		if n := len(u.phones); n > 0 { // rounding must not make them overlap
			x.Start = max(x.Start, u.phones[n-1].End)
		}
		u.phones = append(u.phones, x.Phone)
		if x.word < 0 {
			continue
		}
		w := &u.spans[x.word]
		if w.end == 0 {
			w.start = x.Start
		}
		w.end = x.End
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

// heardPhone is a phone and the user's word that it is of, −1 for none.
type heardPhone struct {
	Phone
	word int
}

// phonesOf gives the phones of a piece, pauses left out, in seconds from its start. A phone is of the word whose event
// came before it, not of the one in whose time it starts: an l behind a vowel is stamped at its end, which is where
// the next word begins.
func phonesOf(s said, p piece) []heardPhone {
	end := float64(len(s.samples)) / float64(s.rate)
	var out []heardPhone // with pauses
	word := -1
	for _, e := range s.events {
		at := min(float64(e.Sample)/float64(s.rate), end)
		if e.Kind == eventWord {
			// A word inserted by the library, or a position that it lost, goes on with the word before.
			word = max(word, p.wordAt(int(e.Position)-1, int(e.Length)))
			if n := len(out); n > 1 && out[n-1].Start == at && out[n-1].IPA != "" && out[n-2].IPA != "" {
				before := &out[n-2].Phone
				before.End -= min(closureTime, closureShare*(before.End-before.Start))
				out[n-1].Start = before.End
			}
			continue
		}
		if strings.HasPrefix(e.Name, "(") { // "(en)": another language's rules from here on
			continue
		}
		name := plainIPA(e.Name)
		if n := len(out); n > 0 {
			out[n-1].End = at
			if modifies(name) && out[n-1].IPA != "" {
				out[n-1].IPA += name // "ʲ" has a time of its own in Russian
				continue
			}
		}
		out = append(out, heardPhone{Phone{IPA: name, Start: at, End: end}, word})
	}
	out = slices.DeleteFunc(out, func(p heardPhone) bool { return p.End <= p.Start })
	out = joinPauses(out)
	for i := 1; i < len(out); i++ {
		before, p := &out[i-1], &out[i]
		if long := before.End - before.Start; strings.ContainsAny(firstOf(p.IPA), "ptk") && long > closureFrom {
			back := min(closureTime, closureShare*long)
			before.End -= back
			p.Start -= back
		}
	}
	return slices.DeleteFunc(out, func(p heardPhone) bool { return p.IPA == "" })
}

// joinPauses gives silences too short for a pause to the phone before them, and makes neighbouring ones one.
func joinPauses(in []heardPhone) []heardPhone {
	var out []heardPhone
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

// plainIPA takes stress, tones and length of pauses out of a phone's name, and writes in IPA what the library, in some
// languages, writes in its own letters.
func plainIPA(name string) string {
	switch name {
	case "o-": // Mandarin ge
		return "ɤ"
	case "i.", "i̪", "i[": // the vowels of Mandarin shi and si
		return "ɨ"
	case "?":
		return "ʔ"
	}
	if stem, ok := strings.CutSuffix(name, "h"); ok && strings.ContainsAny(stem, "ptkcsɕ") {
		name = stem + "ʰ" // "ph", "tsh": an aspirate, no second sound
	}
	name = strings.ReplaceAll(name, ":", "ː")
	name = strings.NewReplacer("s.", "ʂ", "z.", "ʐ", "l.", "ɭ", "n.", "ɳ", "t.", "ʈ", "d.", "ɖ", "r.", "ɽ").Replace(name)
	return strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("ˈˌ'\"‖|_ˑ˥˦˧˨˩↗↘ꜛꜜ-.;!?#*^`[]", r), unicode.IsDigit(r), unicode.IsSpace(r), unicode.IsControl(r):
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

// spread gives words without a time (the library joins "of the" into one) their share, by letters, of the time of the word before, or of the word
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
		clear(out)
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
