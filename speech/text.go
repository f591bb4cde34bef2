package speech

import (
	"strings"
	"unicode/utf8"

	"github.com/twinsync/twinsync/fault"
)

// prepared is a text as it is given to the synthesiser, tied to the words as the user wrote them.
type prepared struct {
	words  []string
	pieces []piece
}

// piece is what is said in one go with one voice.
type piece struct {
	text   []rune
	origin []int // of each rune of text: the word it comes from, −1 for none
}

// wordAt is the word that n characters from at on come from, −1 for none.
func (p piece) wordAt(at, n int) int {
	for i := max(at, 0); i < min(at+max(n, 1), len(p.origin)); i++ {
		if p.origin[i] >= 0 {
			return p.origin[i]
		}
	}
	return -1
}

// prepare cleans a text up for a language.
func prepare(text, language string) (prepared, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return prepared{}, fault.New(fault.MissingField, "text", "is empty")
	case !utf8.ValidString(text):
		return prepared{}, fault.New(fault.InvalidField, "text", "is not UTF-8")
	case utf8.RuneCountInString(text) > TextLimit:
		return prepared{}, fault.New(fault.TooLong, "text", "has %d characters; at most %d can be said in one go", utf8.RuneCountInString(text), TextLimit).
			WithHint("Say it in parts.")
	}
	var out prepared
	var p piece
	for _, word := range strings.Fields(text) {
		if sounded(word) == 0 && len(out.words) > 0 { // a dash on its own belongs to the word before
			out.words[len(out.words)-1] += " " + word
		} else {
			out.words = append(out.words, word)
		}
		for _, r := range word {
			p.text = append(p.text, r)
			p.origin = append(p.origin, len(out.words)-1)
		}
		p.text = append(p.text, ' ')
		p.origin = append(p.origin, -1)
	}
	for _, w := range out.words {
		if sounded(w) > 0 {
			out.pieces = []piece{p}
			return out, nil
		}
	}
	return prepared{}, nothingToSay()
}
