package speech

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// mandarinTable holds phrases in which a character is read otherwise than alone, a line each: the phrase and the
// syllable of each character, with its tone as a digit. Made by go run ./speech/readings, which says from what.
//
//go:embed mandarin.txt.gz
var mandarinTable []byte

// longestPhrase is in characters, as the table was made.
const longestPhrase = 4

// mandarinPhrases reads the table: a phrase's syllables.
var mandarinPhrases = sync.OnceValue(func() map[string][]string {
	z, err := gzip.NewReader(bytes.NewReader(mandarinTable))
	if err != nil {
		panic(err) // it is part of the program
	}
	phrases := map[string][]string{}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		phrases[fields[0]] = fields[1:]
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	return phrases
})

// readPhrases gives the characters of known phrases their syllables: 银行 is yin2 hang2, where 行 alone is xing2. The
// longest phrase from the left wins.
func readPhrases(tokens []token) {
	phrases := mandarinPhrases()
	for i := 0; i < len(tokens); {
		n := phraseAt(tokens[i:])
		for ; n >= 2; n-- {
			var phrase strings.Builder
			for _, t := range tokens[i : i+n] {
				phrase.WriteString(hanOf(t.say))
			}
			syllables := phrases[phrase.String()]
			if syllables == nil {
				continue
			}
			for k, s := range syllables {
				t := &tokens[i+k]
				t.say, t.reading, t.glue = s+strings.TrimPrefix(t.say, hanOf(t.say)), true, false
			}
			if i+n < len(tokens) {
				tokens[i+n].glue = false // the next character does not run into the last syllable
			}
			break
		}
		i += max(n, 1)
	}
}

// phraseAt is how many tokens at the front, at most longestPhrase, could be one phrase: characters with nothing between
// them.
func phraseAt(tokens []token) int {
	n := 0
	for n < min(len(tokens), longestPhrase) {
		c := hanOf(tokens[n].say)
		if c == "" {
			break
		}
		n++
		if c != tokens[n-1].say { // a mark behind it
			break
		}
	}
	return n
}

// hanOf is the Han character at the front, when no other follows; "" otherwise.
func hanOf(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if !unicode.Is(unicode.Han, r) || sounds(s[n:]) {
		return ""
	}
	return s[:n]
}
