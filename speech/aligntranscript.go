package speech

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinsync/twinsync/fault"
)

// mostSpoken is about how many bytes a synthesiser is asked for at once: a long text is said sentence by
// sentence.
const mostSpoken = 1000

// AlignTranscript finds when the words of a transcript are said: it lets by say them (in the language and with
// the voice of r, whose Text does not matter; the transcript's own language where r names none) and aligns
// that. Cues with times are looked for around them; where that does not fit, as when the subtitles belong to
// another cut, and where there are no times, the words are looked for in their order.
//
// Words that do not fit the sound are no error: see Timing.Score and ScoreFits. Errors are those of the
// speaker and the context's.
func AlignTranscript(ctx context.Context, s Sound, t *Transcript, by Speaker, r Request, o AlignOptions) (*Timing, error) {
	if r.Language == "" {
		r.Language = t.Language
	}
	timed := len(t.Cues) > 0
	var cues []Cue
	var refs []*Utterance
	for i := range t.Cues {
		c := &t.Cues[i]
		timed = timed && c.End > 0
		ref, err := sayAll(ctx, by, r, c.Said())
		if err != nil {
			return nil, err
		}
		if ref != nil {
			cues, refs = append(cues, *c), append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return &Timing{Language: r.Language}, ctx.Err()
	}
	var byCues *Timing
	if timed {
		var err error
		if byCues, err = AlignCues(ctx, s, cues, refs, o); err != nil || byCues.Score >= ScoreFits {
			return byCues, err
		}
	}
	inOrder, err := Align(ctx, s, joined(refs), o)
	if err != nil {
		return nil, err
	}
	if byCues != nil && byCues.Score >= inOrder.Score {
		return byCues, nil
	}
	return inOrder, nil
}

// sayAll says a text of any length; nil where there is nothing to be said in it.
func sayAll(ctx context.Context, by Speaker, r Request, text string) (*Utterance, error) {
	var said []*Utterance
	for text != "" {
		var piece string
		piece, text = cutSpoken(text)
		if !strings.ContainsFunc(piece, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }) {
			continue
		}
		r.Text = piece
		u, err := by.Speak(ctx, r)
		if err != nil {
			return nil, err
		}
		if u.Timing == nil {
			return nil, fault.New(fault.Unsupported, "voice", "the voice does not say when it says what").
				WithCause(errors.New("align: an utterance without timing"))
		}
		if len(u.Timing.Phones) > 0 {
			said = append(said, u)
		}
	}
	if len(said) == 0 {
		return nil, nil
	}
	return joined(said), nil
}

// cutSpoken cuts a piece of at most mostSpoken bytes off a text: after a sentence where it can, else after
// a word, else between two letters.
func cutSpoken(text string) (piece, rest string) {
	if len(text) <= mostSpoken {
		return text, ""
	}
	sentence, word := 0, 0
	for i, r := range text {
		if i+utf8.RuneLen(r) > mostSpoken {
			break
		}
		end := i + utf8.RuneLen(r)
		switch r {
		case '\n', '。', '！', '？', '।', '؟', '።':
			sentence = end
		case '.', '!', '?', ';':
			if next, _ := utf8.DecodeRuneInString(text[end:]); unicode.IsSpace(next) {
				sentence = end
			}
		}
		if unicode.IsSpace(r) {
			word = end
		}
	}
	cut := sentence
	if cut == 0 {
		cut = word
	}
	if cut == 0 {
		for cut = mostSpoken; !utf8.RuneStart(text[cut]); cut-- {
		}
	}
	return text[:cut], text[cut:]
}

// pauseBetween is how many seconds are left between two pieces of a text: people pause there too.
const pauseBetween = 0.3

// joined is several utterances, one after the other.
func joined(said []*Utterance) *Utterance {
	if len(said) == 1 {
		return said[0]
	}
	first := said[0]
	out := &Utterance{
		Sound:  Sound{Rate: first.Sound.Rate},
		Timing: &Timing{Language: first.Timing.Language, Score: 1},
	}
	for i, u := range said {
		if i > 0 {
			out.Sound.Samples = append(out.Sound.Samples, make([]float32, int(pauseBetween*float64(out.Sound.Rate)))...)
		}
		at := out.Sound.Seconds()
		out.Sound.Samples = append(out.Sound.Samples, u.Sound.Resample(out.Sound.Rate).Samples...)
		out.Timing.Score = min(out.Timing.Score, u.Timing.Score)
		for _, p := range u.Timing.Phones {
			out.Timing.Phones = append(out.Timing.Phones, Phone{IPA: p.IPA, Start: at + p.Start, End: at + p.End})
		}
		for _, w := range u.Timing.Words {
			out.Timing.Words = append(out.Timing.Words, Word{Text: w.Text, Start: at + w.Start, End: at + w.End})
		}
	}
	return out
}
