package speech

import (
	"slices"
	"strings"
	"unicode"

	"github.com/twinsync/twinsync/fault"
)

// writing is a way of writing and the language whose voice reads it where the text's own voice does not.
type writing struct {
	name   string
	table  *unicode.RangeTable
	reader string // espeak-ng's voice
	native []string
}

// writings are those that an installed voice can read. A language reads its own; Latin letters within other scripts
// are read by most voices themselves, as English.
func writings() []writing {
	return []writing{
		{"Latin", unicode.Latin, "en-us", nil},
		{"Cyrillic", unicode.Cyrillic, "ru", []string{"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tt", "ba", "cv", "nog", "bs"}},
		{"Greek", unicode.Greek, "el", []string{"el", "grc"}},
		{"Chinese", unicode.Han, "cmn-latn-pinyin", []string{"zh", "yue", "ja"}},
		{"Kana", unicode.Hiragana, "ja", []string{"ja"}},
		{"Kana", unicode.Katakana, "ja", []string{"ja"}},
		{"Hangul", unicode.Hangul, "ko", []string{"ko"}},
		{"Arabic", unicode.Arabic, "ar", []string{"ar", "fa", "ur", "ug", "sd", "ku"}},
		{"Hebrew", unicode.Hebrew, "he", []string{"he"}},
		{"Devanagari", unicode.Devanagari, "hi", []string{"hi", "mr", "ne", "kok"}},
		{"Bengali", unicode.Bengali, "bn", []string{"bn", "as", "bpy"}},
		{"Gurmukhi", unicode.Gurmukhi, "pa", []string{"pa"}},
		{"Gujarati", unicode.Gujarati, "gu", []string{"gu"}},
		{"Oriya", unicode.Oriya, "or", []string{"or"}},
		{"Tamil", unicode.Tamil, "ta", []string{"ta"}},
		{"Telugu", unicode.Telugu, "te", []string{"te"}},
		{"Kannada", unicode.Kannada, "kn", []string{"kn"}},
		{"Malayalam", unicode.Malayalam, "ml", []string{"ml"}},
		{"Sinhala", unicode.Sinhala, "si", []string{"si"}},
		{"Thai", unicode.Thai, "th", []string{"th"}},
		{"Burmese", unicode.Myanmar, "my", []string{"my", "shn"}},
		{"Georgian", unicode.Georgian, "ka", []string{"ka"}},
		{"Armenian", unicode.Armenian, "hy", []string{"hy", "hyw"}},
		{"Ethiopic", unicode.Ethiopic, "am", []string{"am"}},
		{"Cherokee", unicode.Cherokee, "chr-us-qaaa-x-west", []string{"chr"}},
	}
}

// spellsLatin are the languages whose voices spell Latin words letter by letter or read them as their own
// romanisation; they are given to an English voice.
var spellsLatin = []string{"ja", "zh", "yue", "th", "my", "shn"}

// writtenIn guesses the language of a text from its letters, as far as they tell: Japanese where there are kana, else the
// foremost language of the script that most letters are of. "" where that is Latin.
func writtenIn(text string) string {
	known := writings()
	counts := make([]int, len(known))
	for _, r := range text {
		if unicode.Is(unicode.Hiragana, r) || unicode.Is(unicode.Katakana, r) {
			return "ja"
		}
		if i := slices.IndexFunc(known, func(k writing) bool { return unicode.Is(k.table, r) }); i >= 0 {
			counts[i]++
		}
	}
	counts[0] /= 2 // Latin: names and brands in it stand in texts of every language
	most := slices.Index(counts, slices.Max(counts))
	if counts[most] == 0 || known[most].native == nil {
		return ""
	}
	return known[most].native[0]
}

// split makes pieces of the tokens: neighbours that one voice reads go together.
func split(tokens []token, voice chosenVoice, voices *espeakVoices) ([]piece, error) {
	base, _, _ := strings.Cut(voice.language, "-")
	latin := strings.Contains(voice.language, "-Latn")
	_, variant, varied := strings.Cut(voice.name, "+")
	if b, ok := voices.reader("cmn-latn-pinyin"); ok && base == "zh" { // cmn, in 1.51, spells Han characters in English
		voice.name = b.file
		if varied {
			voice.name += "+" + variant
		}
	}
	known := writings()
	var out []piece
	var strange []rune
	for _, t := range tokens {
		if t.say == "" {
			continue
		}
		parts := []scriptRun{{text: t.say, letters: true}}
		if !t.reading {
			parts = byScript(t.say, known)
		}
		for i, part := range parts {
			name := voice.name
			if part.script == nil && part.letters && !t.reading {
				strange = append(strange, []rune(part.text)...)
				continue
			}
			if s := part.script; s != nil && s.readsFor(base, latin) {
				reader, ok := voices.reader(s.reader)
				if !ok {
					strange = append(strange, []rune(part.text)...)
					continue
				}
				if name = reader.file; varied {
					name += "+" + variant
				}
			}
			if n := len(out); n > 0 && (out[n-1].voice == name || !part.letters) {
				out[n-1].append(part.text, t.word, t.glue || i > 0)
				continue
			}
			if n := len(out); n > 0 {
				out[n-1].joined = !endsSentence(out[n-1].text)
			}
			out = append(out, piece{voice: name})
			out[len(out)-1].append(part.text, t.word, true)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		strange = slices.Compact(strange)
		shown := string(strange[:min(len(strange), 12)])
		return nil, fault.New(fault.Unsupported, "text", "no installed voice can read %s", strings.Join(strings.Split(shown, ""), " ")).
			WithHint("Write it in letters that %s is written in, or give recorded sound.", voice.language)
	}
	return out, nil
}

// reader finds the voice that reads a script.
func (v *espeakVoices) reader(code string) (espeakBase, bool) {
	b, ok := v.find(code)
	if !ok && code == "cmn-latn-pinyin" {
		return v.find("cmn") // before 1.51 there was one voice for both
	}
	return b, ok
}

// append adds text that comes from a word.
func (p *piece) append(text string, word int, glue bool) {
	if !glue && len(p.text) > 0 {
		p.text, p.origin = append(p.text, ' '), append(p.origin, -1)
	}
	for _, r := range text {
		p.text, p.origin = append(p.text, r), append(p.origin, word)
	}
}

func endsSentence(text []rune) bool {
	return len(text) > 0 && strings.ContainsRune(".!?。！？;:：؟।,，、", text[len(text)-1])
}

// readsFor tells whether the script's own voice has to read it for a language.
func (s *writing) readsFor(base string, latin bool) bool {
	if s.name == "Latin" {
		return !latin && slices.Contains(spellsLatin, base)
	}
	return !slices.Contains(s.native, base)
}

// scriptRun is a run of a token in one script. Without letters it goes with what stands before it.
type scriptRun struct {
	text    string
	script  *writing // nil: no letters, or letters of no known script
	letters bool
}

// byScript cuts a token where its script changes. Digits and marks stay with the run before.
func byScript(s string, known []writing) []scriptRun {
	var out []scriptRun
	for _, r := range s {
		letter := unicode.IsLetter(r)
		var of *writing
		if letter && !unicode.Is(unicode.Common, r) && !unicode.Is(unicode.Inherited, r) {
			if i := slices.IndexFunc(known, func(k writing) bool { return unicode.Is(k.table, r) }); i >= 0 {
				of = &known[i]
			}
		} else {
			letter = false
		}
		n := len(out)
		switch {
		case n > 0 && (!letter || out[n-1].letters && sameWriting(out[n-1].script, of)):
			out[n-1].text += string(r)
		case n > 0 && !out[n-1].letters:
			out[n-1].text += string(r)
			out[n-1].script, out[n-1].letters = of, true
		default:
			out = append(out, scriptRun{string(r), of, letter})
		}
	}
	return out
}

func sameWriting(a, b *writing) bool {
	return a == b || a != nil && b != nil && a.name == b.name
}
