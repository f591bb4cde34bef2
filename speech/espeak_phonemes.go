package speech

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"
)

// clause is a part of a text up to a mark, in phonemes.
type clause struct {
	ipa  string // with stress, words apart by one space
	mark rune   // '.', ',', '!', '?', ';', ':', or 0
}

// ends tells whether a sentence ends with the clause.
func (c clause) ends() bool { return strings.ContainsRune(".!?", c.mark) }

// markOf is what voices know a sign at the end of a clause as, 0 where it is none.
func markOf(r rune) rune {
	switch r {
	case '.', ',', '!', '?', ';', ':':
		return r
	case '。', '｡', '।', '॥', '۔', '…':
		return '.'
	case '，', '、', '،', '–', '—':
		return ','
	case '！':
		return '!'
	case '？', '؟':
		return '?'
	case '；', '؛':
		return ';'
	case '：':
		return ':'
	}
	return 0
}

// phonemes gives a text as the library would read it, clause by clause, for networks that speak phonemes. voice is one of its own
// ("en-us"), or "" for the language's. Numbers, abbreviations and readings are written out as for Speak.
//
// Errors: those of Speak.
func (e *Espeak) phonemes(ctx context.Context, text, voice, language string) ([]clause, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.list(ctx); err != nil {
		return nil, err
	}
	chosen, err := e.voices.choose(voice, language)
	if err != nil {
		return nil, err
	}
	prepared, err := prepare(text, chosen, e.voices)
	if err != nil {
		return nil, err
	}
	var out []clause
	for _, p := range prepared.pieces {
		texts, ends := cutClauses(p.text)
		payload, err := json.Marshal(wirePhonemes{p.voice, texts})
		if err != nil {
			return nil, err
		}
		var heard []string
		err = e.ask(ctx, frameIPA, payload, func(kind byte, payload []byte) error {
			if kind != frameIPA {
				return errProtocol
			}
			return json.Unmarshal(payload, &heard)
		})
		if err != nil {
			return nil, err
		}
		if e.child != nil {
			e.child.spoke = true
		}
		if len(heard) != len(texts) {
			return nil, errProtocol
		}
		for i, ipa := range heard {
			c := clause{plainPhonemes(ipa), ends[i]}
			switch n := len(out); {
			case c.ipa != "":
				out = append(out, c)
			case n > 0 && c.mark != 0:
				out[n-1].mark = c.mark
			}
		}
	}
	if len(out) == 0 {
		return nil, nothingToSay()
	}
	return out, nil
}

// cutClauses cuts at marks that a space or the end follows, or that need none.
func cutClauses(text []rune) (texts []string, ends []rune) {
	from := 0
	cut := func(to int, mark rune) {
		if s := strings.TrimSpace(string(text[from:to])); s != "" {
			texts, ends = append(texts, s), append(ends, mark)
		} else if len(ends) > 0 && mark != 0 {
			ends[len(ends)-1] = mark // "?!", "..."
		}
	}
	for i, r := range text {
		mark := markOf(r)
		if mark == 0 || r < 0x80 && i+1 < len(text) && !unicode.IsSpace(text[i+1]) && markOf(text[i+1]) == 0 && !strings.ContainsRune(`"')]”’»`, text[i+1]) {
			continue
		}
		cut(i, mark)
		from = i + 1
	}
	cut(len(text), 0)
	return texts, ends
}

// plainPhonemes takes marks of other languages' rules, "(en)", and of joints out of what the library writes.
func plainPhonemes(s string) string {
	var b strings.Builder
	inside := false
	for _, r := range s {
		switch {
		case r == '(':
			inside = true
		case r == ')':
			inside = false
		case inside || r == '‍' || r == '_':
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
