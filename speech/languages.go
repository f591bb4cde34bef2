package speech

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Language is one that can be worked in.
type Language struct {
	Code   string `json:"code"` // BCP 47
	Name   string `json:"name"` // in English
	Voices int    `json:"voices"`
	// Words tells that a text in it gives the times of words and phones with the sound: captions by the
	// word, and mouths by the phone. Recorded speech in it can then be aligned to its transcript, too.
	Words bool   `json:"words"`
	Note  string `json:"note,omitempty"` // what does not work well
}

// Languages lists what the voices speak, by code. Voices for any language count for none.
//
// What needs no voice works in every language: mouths from recorded sound, captions from given SRT or VTT.
func Languages(voices []Voice) []Language {
	by := map[string]Language{}
	for _, v := range voices {
		if v.Language == "" {
			continue
		}
		l, ok := by[v.Language]
		if !ok {
			l = Language{Code: v.Language, Name: languageName(v)}
		}
		l.Voices++
		l.Words = l.Words || v.Timed
		if strings.HasPrefix(v.ID, espeakPrefix) {
			l.Note = espeakNote(v.Language)
		}
		by[v.Language] = l
	}
	var out []Language
	for _, l := range by {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Language) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

// VoicesFor gives the voices that speak a language: of its own tag or a narrower one (pt: pt and pt-BR), else of any
// tag of the same language (de-AT: de). Voices for any language always do.
func VoicesFor(voices []Voice, tag string) []Voice {
	want, err := language.Parse(strings.ReplaceAll(tag, "_", "-"))
	if err != nil {
		return nil
	}
	base, _ := want.Base()
	pick := func(speaks func(Voice) bool) (out []Voice) {
		for _, v := range voices {
			if v.Language == "" || speaks(v) {
				out = append(out, v)
			}
		}
		return out
	}
	asked := want.String()
	own := func(v Voice) bool { return v.Language == asked || strings.HasPrefix(v.Language, asked+"-") }
	if slices.ContainsFunc(voices, own) {
		return pick(own)
	}
	return pick(func(v Voice) bool {
		t, err := language.Parse(v.Language)
		b, _ := t.Base()
		return err == nil && b == base
	})
}

// languageName is the English name: the common one, or, for languages that have none there, the voice's.
func languageName(v Voice) string {
	tag, err := language.Parse(v.Language)
	if err != nil || len(tag.Variants()) > 0 || strings.Contains(v.Language, "-x-") {
		return v.Name // the common name does not tell these apart
	}
	if name := display.English.Tags().Name(tag); name != "" && !strings.HasPrefix(name, "Unknown") {
		return name
	}
	return v.Name
}

// espeakNote says what espeak-ng 1.51 does badly.
func espeakNote(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	switch base {
	case "th", "my", "shn":
		return "espeak-ng spells rather than reads it; recorded sound is better"
	case "ar":
		return "vowels of rarer words are guessed; write vowel marks where it matters"
	case "he":
		return "espeak-ng needs vowel points (niqqud) to say vowels"
	}
	return ""
}
