package speech

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinsync/twinsync/fault"
)

// textPiece is a part of a text that is said in one go, and the pause in seconds after it.
type textPiece struct {
	text  string
	pause float64
}

// Pauses in seconds where a text had to be said in parts, as people who read aloud make them (Goldman-Eisler, and the
// 400 to 500 ms of the built-in voice at a full stop).
const (
	pauseParagraph = .70
	pauseSentence  = .45
	pauseClause    = .20
	pauseWord      = .04
)

// cutText cuts a text into parts of at most most characters: at the end of a paragraph or sentence, where none is near at a comma,
// then between words, at last anywhere. Parts are as long as they may be, because voices speak best with much before them.
func cutText(text string, most int) []textPiece {
	var out []textPiece
	runes := []rune(strings.TrimSpace(text))
	for len(runes) > most {
		at, pause := cutAt(runes[:most+1])
		out = append(out, textPiece{strings.TrimSpace(string(runes[:at])), pause})
		runes = []rune(strings.TrimSpace(string(runes[at:])))
	}
	if len(runes) > 0 {
		out = append(out, textPiece{text: string(runes)})
	}
	return out
}

// cutAt finds the best place to cut, in (0, len(runes)): the last paragraph's end in the second half, else the last sentence's, and
// so on.
func cutAt(runes []rune) (int, float64) {
	best, rank := len(runes)-1, 0
	pauses := [...]float64{pauseWord, pauseWord, pauseClause, pauseSentence, pauseParagraph}
	for i := len(runes) - 1; i > 0; i-- {
		r := rankOf(runes[i-1], runes[i])
		if i < len(runes)/2 && rank > 1 { // a sentence's end may be much earlier than that of a word
			break
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best, pauses[rank]
}

// rankOf says how good a cut is between two characters: 4 paragraph, 3 sentence, 2 clause, 1 words, 0 none.
func rankOf(before, after rune) int {
	wide := strings.ContainsRune("。！？｡", before) // these have no space behind them
	switch {
	case after == '\n' && (before == '\n' || strings.ContainsRune(".!?…。！？", before)):
		return 4
	case wide, unicode.IsSpace(after) && strings.ContainsRune(".!?…؟।॥۔;", before):
		return 3
	case strings.ContainsRune("，、；：", before), unicode.IsSpace(after) && strings.ContainsRune(",:،؛–—)", before):
		return 2
	case unicode.IsSpace(after):
		return 1
	}
	return 0
}

// joinSounds puts parts together. At every joint what is silent is taken away first, so that the pause is the text's and not what
// a voice happens to leave at the ends.
func joinSounds(sounds []Sound, pieces []textPiece) Sound {
	out, _ := joinedAt(sounds, pieces)
	return out
}

// joinedAt also tells by how many seconds each part's own times are moved.
func joinedAt(sounds []Sound, pieces []textPiece) (out Sound, moved []float64) {
	if len(sounds) == 1 {
		return sounds[0], []float64{0}
	}
	for i, s := range sounds {
		if out.Rate == 0 {
			out.Rate = s.Rate
		} else if s.Rate != out.Rate {
			s = s.Resample(out.Rate)
		}
		from, to := loudPart(s)
		if i == 0 {
			from = 0
		}
		if i == len(sounds)-1 {
			to = len(s.Samples)
		}
		moved = append(moved, float64(len(out.Samples)-from)/float64(out.Rate))
		out.Samples = append(out.Samples, s.Samples[from:to]...)
		if i < len(sounds)-1 {
			out.Samples = append(out.Samples, make([]float32, int(math.Round(pieces[i].pause*float64(out.Rate))))...)
		}
	}
	return out, moved
}

// loudPart is the part of a sound from the first to the last 10 ms that are within 50 dB of its loudest, with 10 ms more on both
// sides, so that no closure or breath is cut.
func loudPart(s Sound) (from, to int) {
	hop := max(1, s.Rate/100)
	n := len(s.Samples) / hop
	energy := make([]float64, n)
	loudest := 0.0
	for i := range energy {
		for _, v := range s.Samples[i*hop : (i+1)*hop] {
			energy[i] += float64(v) * float64(v)
		}
		loudest = max(loudest, energy[i])
	}
	first, last := n, -1
	for i, e := range energy {
		if e > loudest*1e-5 {
			first, last = min(first, i), i
		}
	}
	if last < 0 {
		return 0, len(s.Samples)
	}
	return max(0, (first-1)*hop), min(len(s.Samples), (last+2)*hop)
}

// checkText refuses what cannot be said: nothing, what is no text, and what is too long.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return fault.New(fault.MissingField, "text", "is empty")
	case !utf8.ValidString(text):
		return fault.New(fault.InvalidField, "text", "is not UTF-8")
	case utf8.RuneCountInString(text) > TextLimit:
		return fault.New(fault.TooLong, "text", "has %d characters; at most %d can be said in one go", utf8.RuneCountInString(text), TextLimit).
			WithHint("Say it in parts.")
	case sounded(text) == 0:
		return nothingToSay()
	}
	return nil
}

// cleanText takes control characters out of a text that somebody else is to say.
func cleanText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}
