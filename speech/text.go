package speech

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/twinsync/twinsync/fault"
)

// prepared is a text as it is given to the synthesiser, tied to the words as the user wrote them.
type prepared struct {
	words  []string
	pieces []piece
}

// piece is what is said in one go with one voice.
type piece struct {
	voice  string // what the library calls it
	text   []rune
	origin []int // of each rune of text: the word it comes from, −1 for none
	joined bool  // the next piece goes on in the same sentence
}

// wordAt is the word that n characters from at on come from, −1 for none.
func (p piece) wordAt(at, n int) int {
	for i := max(at, 0); i < min(at+max(n, 1), len(p.origin)); i++ {
		if p.origin[i] >= 0 {
			return p.origin[i]
		}
	}
	for i := at + n; i >= 0 && i < len(p.origin) && p.text[i-1] == ' '; i++ { // the library counts from the space before, behind a full stop
		if p.origin[i] >= 0 {
			return p.origin[i]
		}
	}
	return -1
}

// token is a part of the text on its way to be said.
type token struct {
	say  string // what is said for it, without spaces at the ends; "" for nothing
	word int    // the user's word it comes from
	glue bool   // no space before it
	// reading marks what is already written as the voice reads it, in whatever letters.
	reading bool
}

// prepare turns a user's text into what the voice is given: control characters and pictures dropped,
// numbers, abbreviations and addresses written out where the library reads them badly, Chinese and Japanese
// as readings, and runs of other scripts handed to voices that read them.
func prepare(text string, voice chosenVoice, voices *espeakVoices) (prepared, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return prepared{}, fault.New(fault.MissingField, "text", "is empty")
	case !utf8.ValidString(text):
		return prepared{}, fault.New(fault.InvalidField, "text", "is not UTF-8")
	case utf8.RuneCountInString(text) > TextLimit:
		return prepared{}, fault.New(fault.TooLong, "text", "has %d characters; at most %d can be said in one go", utf8.RuneCountInString(text), TextLimit).
			WithHint("Say it in parts.")
	}
	base, _, _ := strings.Cut(voice.language, "-")
	var out prepared
	var tokens []token
	switch base {
	case "zh", "yue", "hak":
		out.words = splitHan(text)
		tokens = plainTokens(out.words)
	case "ja":
		var err error
		if out.words, tokens, err = japanese(text); err != nil {
			return prepared{}, err
		}
	default:
		out.words = splitSpaces(text)
		tokens = plainTokens(out.words)
	}
	tokens = rewrite(tokens, base, voice.language)
	if base == "zh" {
		tokens = mandarin(tokens)
		readPhrases(tokens)
	}
	if !slices.ContainsFunc(tokens, func(t token) bool { return sounded(t.say) > 0 }) {
		return prepared{}, nothingToSay()
	}
	var err error
	out.pieces, err = split(tokens, voice, voices)
	return out, err
}

// splitSpaces gives the words between spaces. What has no letter or digit, such as a dash, belongs to the
// word before it; a long dash also ends a word.
func splitSpaces(text string) []string {
	var words []string
	for _, field := range strings.Fields(strings.NewReplacer("—", "— ", "…", "… ").Replace(text)) {
		if sounds(field) || len(words) == 0 {
			words = append(words, field)
			continue
		}
		last := &words[len(words)-1]
		if strings.Contains(text, *last+field) {
			*last += field
		} else {
			*last += " " + field
		}
	}
	if len(words) > 1 && !sounds(words[0]) { // an opening mark standing alone
		words = append([]string{words[0] + " " + words[1]}, words[2:]...)
	}
	return words
}

// sounds tells whether anything of a word is said: a letter, a digit, or a sign that is read, such as "%" or "+".
func sounds(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Sc, r) || strings.ContainsRune("%‰+=&@§°#№", r) {
			return true
		}
	}
	return false
}

// splitHan gives Chinese words: a character each, with the marks behind it, and what is written in other scripts
// between spaces.
func splitHan(text string) []string {
	var words []string
	for _, field := range strings.Fields(text) {
		begin := true // a new word begins here
		runes := []rune(field)
		for i, r := range runes {
			if i > 0 && strings.ContainsRune("，。！？；：、…", runes[i-1]) && sounds(string(r)) && !inNumber(runes, i-1) {
				begin = true
			}
			opens := unicode.In(r, unicode.Ps, unicode.Pi)
			switch {
			case len(words) > 0 && !sounds(string(r)) && !opens && (unicode.IsPunct(r) || !begin):
				words[len(words)-1] += string(r)
			case opens || unicode.Is(unicode.Han, r) || begin || endsHan(words[len(words)-1]):
				if n := len(words); n > 0 && !sounds(words[n-1]) { // an opening mark
					words[n-1] += string(r)
				} else {
					words = append(words, string(r))
				}
			default:
				words[len(words)-1] += string(r)
			}
			begin = false
		}
	}
	return words
}

// endsHan tells whether a word ends in a Han character, marks left aside.
func endsHan(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeLastRuneInString(s)
		if sounds(string(r)) {
			return unicode.Is(unicode.Han, r)
		}
		s = s[:len(s)-n]
	}
	return false
}

// plainTokens has every word said as it stands, cleaned.
func plainTokens(words []string) []token {
	out := make([]token, len(words))
	for i, w := range words {
		out[i] = token{say: clean(w), word: i}
	}
	return out
}

// clean takes out what nobody says and makes one of the many ways to write the same: composed characters, letters
// and digits of the usual width, straight quotes, no controls, no emoji.
func clean(s string) string {
	s = foldWidth(norm.NFC.String(s))
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '‘' || r == '’' || r == 'ʼ' || r == '´' || r == '`':
			b.WriteByte('\'')
		case r == '“' || r == '”' || r == '„' || r == '«' || r == '»' || r == '‟' || r == '"':
			// espeak-ng makes a pause at double quotes, people do not
		case r == '\u00ad' || r == '\ufeff' || r == '\u200b' || r == '\u2060': // soft hyphen and other invisible joints
		case r == '\u200c' || r == '\u200d': // joiners have a meaning in Persian and in India's scripts
			if last, _ := utf8.DecodeLastRuneInString(b.String()); unicode.IsLetter(last) || unicode.IsMark(last) {
				b.WriteRune(r)
			}
		case r == '\u00a0' || r == '\u202f' || r == '\u2009':
			b.WriteByte(' ')
		case unicode.Is(unicode.C, r), pictured(r):
		case strings.ContainsRune("*_~|<>{}[]\\^•·◦‣", r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	out := strings.Join(strings.Fields(b.String()), " ")
	return strings.Trim(out, "\u200c\u200d")
}

// foldWidth gives letters, digits and signs their usual width. Marks stay as wide as they are, for the library pauses at 「，」
// where it does not at a comma without a space; between digits they are part of the number.
func foldWidth(s string) string {
	runes := []rune(s)
	for i, r := range runes {
		folded := []rune(width.Fold.String(string(r)))
		if len(folded) != 1 {
			continue
		}
		if !unicode.IsPunct(r) || sounds(string(folded[0])) || inNumber(runes, i) {
			runes[i] = folded[0]
		}
	}
	return norm.NFC.String(string(runes)) // voiced marks of narrow kana join their letters
}

// inNumber tells whether the wide mark at i is part of a number: a colon or point between digits, a comma before a group of
// three.
func inNumber(runes []rune, i int) bool {
	digit := func(k int) bool { return k >= 0 && k < len(runes) && unicode.IsDigit(runes[k]) }
	if !digit(i-1) || !digit(i+1) {
		return false
	}
	return runes[i] != '，' || digit(i+2) && digit(i+3) && !digit(i+4)
}

// pictured tells whether a character is a picture: emoji, dingbats, arrows, boxes, and what only varies them.
func pictured(r rune) bool {
	switch {
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0x1f000 && r <= 0x1faff, r == 0x20e3, r >= 0xe0000 && r <= 0xe007f:
		return true
	case r >= 0x2190 && r <= 0x21ff, r >= 0x2300 && r <= 0x27bf, r >= 0x2900 && r <= 0x297f, r >= 0x2b00 && r <= 0x2bff:
		return true
	}
	return false
}
