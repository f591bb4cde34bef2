package speech

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// Most symbols that are said in one go: what Kokoro was made for, and what Piper hears in training.
const (
	kokoroSymbols = 508
	piperSymbols  = 600
)

// cardVoice is a loaded voice.
type cardVoice struct {
	card    infer.ModelCard
	digest  string
	style   string
	script  *voiceTable
	rows    []float32 // Kokoro's style: infer.StyleSize for each number of symbols
	network *infer.VoiceNetwork
}

// sentence is what is said in one go.
type sentence struct {
	symbols []string
	pause   float64 // after it, seconds
}

// speak says a text.
func (v *cardVoice) speak(ctx context.Context, e *Espeak, r Request) (*Utterance, error) {
	sentences, err := v.sentences(ctx, e, r)
	if err != nil {
		return nil, err
	}
	var sounds []Sound
	var pieces []textPiece
	var phones [][]Phone
	for _, s := range sentences {
		tokens, of := v.tokens(s.symbols)
		if len(of) == 0 {
			continue
		}
		out, err := v.network.Say(ctx, v.input(tokens, len(of), orOne(r.Rate)))
		if err != nil {
			return nil, err
		}
		sounds = append(sounds, Sound{v.script.rate, out.Samples})
		pieces = append(pieces, textPiece{pause: s.pause / orOne(r.Rate)})
		if timedCard(v.card) {
			phones = append(phones, tokenPhones(s.symbols, of, out.Durations, float64(v.card.Voice.Hop)/float64(v.script.rate)))
		}
	}
	if len(sounds) == 0 {
		return nil, fault.New(fault.Unsupported, "text", "the voice %s knows none of its sounds", v.card.Name).WithHint("Is it a voice for this language? twinsync voices lists them.")
	}
	sound, moved := joinedAt(sounds, pieces)
	u := &Utterance{}
	if u.Sound, err = pitched(ctx, sound, r.Pitch); err != nil {
		return nil, err
	}
	for i, part := range phones {
		for _, p := range part {
			if u.Timing == nil {
				u.Timing = &Timing{Language: v.script.language, Score: 1}
			}
			p.Start, p.End = max(p.Start+moved[i], 0), min(p.End+moved[i], sound.Seconds())
			if n := len(u.Timing.Phones); n > 0 {
				p.Start = max(p.Start, u.Timing.Phones[n-1].End)
			}
			if p.End > p.Start {
				u.Timing.Phones = append(u.Timing.Phones, p)
			}
		}
	}
	return u, nil
}

// sentences turns a text into symbols.
func (v *cardVoice) sentences(ctx context.Context, e *Espeak, r Request) ([]sentence, error) {
	var clauses []clause
	var err error
	if v.script.letters {
		texts, ends := cutClauses([]rune(strings.ToLower(cleanText(r.Text))))
		for i, t := range texts {
			clauses = append(clauses, clause{t, ends[i]})
		}
	} else if clauses, err = e.phonemes(ctx, r.Text, v.script.espeak, v.script.language); err != nil {
		return nil, err
	}
	most := piperSymbols
	if v.card.Voice.Engine == infer.VoiceKokoro {
		most = kokoroSymbols
	}
	var out []sentence
	var now []string
	flush := func(pause float64) {
		if len(now) > 0 {
			out = append(out, sentence{now, pause})
		}
		now = nil
	}
	for _, c := range clauses {
		symbols := v.script.symbols(c.ipa)
		if c.mark != 0 {
			symbols = append(symbols, string(c.mark))
		}
		if len(now) > 0 && len(now)+1+len(symbols) > most {
			flush(pauseClause)
		}
		if len(now) > 0 {
			now = append(now, " ")
		}
		now = append(now, symbols...)
		for len(now) > most { // a clause as long as a page: at a space
			at := most
			for i := most; i > most/2; i-- {
				if now[i] == " " {
					at = i
					break
				}
			}
			rest := slices.Clone(now[at:])
			now = now[:at]
			flush(pauseWord)
			now = rest
		}
		if c.ends() {
			flush(pauseSentence)
		}
	}
	flush(0)
	return out, nil
}

// tokens numbers symbols; those that the network does not know are left out. of tells for each symbol that is said its place among the tokens,
// from first (inclusive) to end.
func (v *cardVoice) tokens(symbols []string) (tokens []int64, of []tokenSpan) {
	pad := []int64(nil)
	if v.card.Voice.Engine == infer.VoicePiper { // piper/phoneme_ids.py: ^ _ a _ b _ $
		pad = v.script.ids["_"]
		tokens = append(append(tokens, v.script.ids["^"]...), pad...)
	} else { // Kokoro's tokens stand between zeros
		tokens = []int64{0}
	}
	for i, s := range symbols {
		ids := v.script.ids[s]
		if len(ids) == 0 {
			continue
		}
		from := len(tokens)
		tokens = append(append(tokens, ids...), pad...)
		of = append(of, tokenSpan{i, from, len(tokens)})
	}
	if pad != nil {
		return append(tokens, v.script.ids["$"]...), of
	}
	return append(tokens, 0), of
}

// tokenSpan is a symbol and its tokens.
type tokenSpan struct{ symbol, from, to int }

// input is what the network reads. n is how many symbols there are.
func (v *cardVoice) input(tokens []int64, n int, rate float64) infer.VoiceInput {
	s, noise := v.script, float32(v.card.Voice.Noise)
	in := infer.VoiceInput{
		Tokens: tokens, Speaker: int64(v.card.Voice.Speaker), Speed: float32(rate),
		Scales: [3]float32{s.noise * noise, s.length / float32(rate), s.width * noise},
	}
	if v.rows != nil {
		row := min(n, len(v.rows)/infer.StyleSize-1)
		in.Style = v.rows[row*infer.StyleSize : (row+1)*infer.StyleSize]
	}
	return in
}

// tokenPhones makes phones of a network's durations, in seconds per unit. Stress goes to the phone behind it, length and what else only changes
// a phone to the one before; spaces and marks are pauses where they are long enough to be.
func tokenPhones(symbols []string, of []tokenSpan, durations []float32, unit float64) []Phone {
	if len(of) == 0 || len(durations) < of[len(of)-1].to {
		return nil
	}
	var out []Phone
	at := 0.0
	for _, d := range durations[:of[0].from] {
		at += max(float64(d), 0) * unit
	}
	begin := at // of what belongs to the next phone
	for _, t := range of {
		end := at
		for _, d := range durations[t.from:t.to] {
			end += max(float64(d), 0) * unit
		}
		s := symbols[t.symbol]
		name, n := plainIPA(s), len(out)
		r := []rune(s)[0]
		switch {
		case s == "ˈ" || s == "ˌ":
			at = end
			continue // begin stays
		case s == "ː" && n > 0, name != "" && modifies(name) && n > 0:
			out[n-1].IPA += s
			out[n-1].End = end
		case unicode.IsSpace(r) || unicode.IsPunct(r) || name == "":
			if n > 0 && end-begin < pauseLeast {
				out[n-1].End = end
			}
		default:
			out = append(out, Phone{IPA: name, Start: begin, End: end})
		}
		at, begin = end, end
	}
	return out
}
