package speech

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ikawaha/kagome-dict/ipa"
	"github.com/ikawaha/kagome/v2/tokenizer"
	"golang.org/x/text/unicode/norm"

	"github.com/twinsync/twinsync/fault"
)

// japanese cuts a text into words and writes each as it is pronounced, in katakana: espeak-ng reads kana and no kanji.
// Words are phrases as they are spoken: a word with its particles and endings. A kanji that the dictionary (mecab-ipadic)
// does not know is fault.Unsupported.
func japanese(text string) ([]string, []token, error) {
	if utf8.RuneCountInString(text) > TextLimit || strings.TrimSpace(text) == "" {
		return nil, nil, nil
	}
	cutter, err := tokenizer.New(ipa.Dict(), tokenizer.OmitBosEos())
	if err != nil {
		return nil, nil, err
	}
	// Cut is the text in letters of the usual width, words are the user's own.
	own := []rune(norm.NFC.String(text))
	folded := foldWidth(string(own))
	if utf8.RuneCountInString(folded) != len(own) { // narrow kana with voiced marks became one letter
		own = []rune(folded)
	}
	p := phrases{}
	cut := cutter.Tokenize(folded)
	for i := 0; i < len(cut); {
		if n, number := numberLength(cut[i:]); n > 0 {
			counter := ""
			if i+n < len(cut) {
				counter = cut[i+n].Surface
			}
			said, took := countKana(number, counter)
			if took {
				n++
			}
			p.begin(string(own[cut[i].Start:cut[i+n-1].End]), said)
			i += n
			continue
		}
		p.add(cut[i], string(own[cut[i].Start:cut[i].End]))
		i++
	}
	if len(p.strange) > 0 {
		slices.Sort(p.strange)
		p.strange = slices.Compact(p.strange)
		return nil, nil, fault.New(fault.Unsupported, "text", "nobody knows how to read %s", string(p.strange[:min(len(p.strange), 12)])).
			WithHint("Write it in hiragana or katakana.")
	}
	tokens := make([]token, len(p.words))
	for i, said := range p.said {
		tokens[i] = token{say: said, word: i}
	}
	return p.words, tokens, nil
}

// phrases collects words and how they are said.
type phrases struct {
	words, said []string
	open        bool // the next piece goes on with the last word
	closed      bool // the last piece was a space or a mark that ends a word
	strange     []rune
}

// begin starts a word.
func (p *phrases) begin(surface, said string) {
	if p.open { // behind an opening mark
		p.goOn(surface, said)
	} else {
		p.words, p.said = append(p.words, surface), append(p.said, said)
	}
	p.open, p.closed = false, false
}

// goOn adds to the last word, if there is one.
func (p *phrases) goOn(surface, said string) {
	if len(p.words) == 0 {
		p.words, p.said = append(p.words, surface), append(p.said, said)
		return
	}
	last := len(p.words) - 1
	p.words[last] += surface
	p.said[last] += said
}

// add takes one piece of the dictionary's cut, as the user wrote it.
func (p *phrases) add(t tokenizer.Token, surface string) {
	switch {
	case strings.TrimSpace(surface) == "":
		p.closed = true
		return
	case !sounds(surface):
		r, _ := utf8.DecodeRuneInString(surface)
		if unicode.In(r, unicode.Ps, unicode.Pi) {
			p.begin(surface, "")
			p.open = true
			return
		}
		mark := pauseMark(r)
		p.goOn(surface, mark)
		p.closed = p.closed || mark != "" // a particle behind a closing bracket still belongs to the word
		return
	}
	said, known := t.Pronunciation()
	if !known || said == "*" || said == "" {
		said = clean(surface)
		for _, r := range said {
			if unicode.Is(unicode.Han, r) && r != '々' {
				p.strange = append(p.strange, r)
			}
		}
	}
	pos := t.POS()
	if p.closed || p.open || len(p.words) == 0 || !attaches(pos) {
		p.begin(surface, said)
		return
	}
	p.goOn(surface, said)
}

// attaches tells whether a part of speech belongs to the word before: particles, endings, suffixes, auxiliary verbs.
func attaches(pos []string) bool {
	switch {
	case len(pos) == 0:
		return false
	case pos[0] == "助詞" || pos[0] == "助動詞":
		return true
	}
	return len(pos) > 1 && (pos[1] == "接尾" || pos[1] == "非自立")
}

// pauseMark is what the library makes a pause at.
func pauseMark(r rune) string {
	switch r {
	case '。', '．', '.', '…':
		return "。"
	case '、', '，', ',', '・', '：', ';':
		return "、"
	case '！', '!':
		return "!"
	case '？', '?':
		return "?"
	}
	return ""
}
