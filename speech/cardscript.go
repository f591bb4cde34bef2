package speech

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// Bounds of a voice's own files.
const (
	scriptLimit = 4 << 20  // bytes of its JSON
	styleLimit  = 16 << 20 // bytes of a style
	mostSymbols = 1 << 16
)

// voiceTable is how a network's phonemes are numbered, and what else its JSON says.
type voiceTable struct {
	ids      map[string][]int64
	replace  map[string][]string // before they are numbered
	letters  bool                // it reads letters, not phonemes
	rate     int
	espeak   string // whose phonemes it reads
	language string // BCP 47
	speakers int64
	noise    float32 // as it was trained
	length   float32
	width    float32
}

// piperJSON is what Piper writes beside a voice (its Python module piper.config).
type piperJSON struct {
	Audio struct {
		Rate int `json:"sample_rate"`
	}
	Espeak    struct{ Voice string }
	Inference struct {
		Noise  *float32 `json:"noise_scale"`
		Length *float32 `json:"length_scale"`
		Width  *float32 `json:"noise_w"`
	}
	Type     *string             `json:"phoneme_type"`
	IDs      map[string][]int64  `json:"phoneme_id_map"`
	Replace  map[string][]string `json:"phoneme_map"`
	Speakers int64               `json:"num_speakers"`
	Language struct{ Code string }
}

// kokoroJSON is Kokoro's config.json, or the tokenizer.json of its exports.
type kokoroJSON struct {
	Vocab map[string]int64
	Model struct{ Vocab map[string]int64 }
}

// readScript reads a voice's JSON. Its faults name "voice".
func readScript(in infer.Installed) (*voiceTable, error) {
	rule := in.Card.Voice
	file, _ := in.Card.File(infer.ConfigFile)
	b, err := readBounded(in.Path(file), scriptLimit)
	if err != nil {
		return nil, wrongVoice(in, "its file %s cannot be read", file.Name).WithCause(err)
	}
	s := &voiceTable{espeak: rule.Phonemes, language: rule.Language, rate: rule.Rate, speakers: 1, noise: 1, length: 1, width: 1}
	if rule.Engine == infer.VoiceKokoro {
		var k kokoroJSON
		if err := json.Unmarshal(b, &k); err != nil {
			return nil, wrongVoice(in, "its file %s is no JSON of Kokoro's", file.Name).WithCause(err)
		}
		s.rate, s.ids = cmp.Or(s.rate, 24_000), map[string][]int64{}
		vocab := k.Vocab
		if vocab == nil {
			vocab = k.Model.Vocab
		}
		for symbol, id := range vocab {
			s.ids[symbol] = []int64{id}
		}
		return s, s.check(in)
	}
	var p piperJSON
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, wrongVoice(in, "its file %s is no JSON of Piper's", file.Name).WithCause(err)
	}
	s.ids, s.replace = p.IDs, p.Replace
	s.rate, s.espeak, s.speakers = cmp.Or(s.rate, p.Audio.Rate), cmp.Or(s.espeak, p.Espeak.Voice), max(p.Speakers, 1)
	if s.language == "" {
		if t, err := language.Parse(strings.ReplaceAll(cmp.Or(p.Language.Code, p.Espeak.Voice), "_", "-")); err == nil {
			s.language = t.String()
		}
	}
	s.noise, s.width = .667, .8 // as Piper does without them
	for _, v := range []struct {
		from *float32
		to   *float32
	}{{p.Inference.Noise, &s.noise}, {p.Inference.Length, &s.length}, {p.Inference.Width, &s.width}} {
		if v.from != nil {
			*v.to = *v.from
		}
	}
	if p.Type != nil {
		switch strings.ToLower(*p.Type) {
		case "espeak", "":
		case "text":
			s.letters = true
		default:
			return nil, fault.New(fault.Unsupported, "voice", "the voice %s reads phonemes of the kind %q, which nothing here makes", in.Card.Name, printable(*p.Type))
		}
	}
	if err := s.check(in); err != nil {
		return nil, err
	}
	for _, symbol := range []string{"_", "^", "$"} {
		if len(s.ids[symbol]) == 0 {
			return nil, wrongVoice(in, "its phonemes lack %q", symbol)
		}
	}
	if int64(rule.Speaker) >= s.speakers {
		return nil, wrongVoice(in, "it has %d speakers, the card asks for number %d", s.speakers, rule.Speaker)
	}
	return s, nil
}

// check bounds what a file from somewhere says.
func (s *voiceTable) check(in infer.Installed) error {
	switch {
	case len(s.ids) == 0 || len(s.ids) > mostSymbols:
		return wrongVoice(in, "its JSON has %d phonemes", len(s.ids))
	case s.rate < 8000 || s.rate > 96_000:
		return wrongVoice(in, "%d samples a second are none of a voice", s.rate)
	case !(s.noise >= 0 && s.noise <= 4 && s.width >= 0 && s.width <= 4 && s.length >= .1 && s.length <= 10):
		return wrongVoice(in, "its scales are out of range")
	}
	for _, ids := range s.ids {
		if len(ids) > 8 {
			return wrongVoice(in, "a phoneme has more than 8 numbers")
		}
		for _, id := range ids {
			if id < 0 || id >= mostSymbols {
				return wrongVoice(in, "a phoneme has the number %d", id)
			}
		}
	}
	return nil
}

// styles are the names of a card's styles; for Piper one without a name.
func (s *voiceTable) styles(c infer.ModelCard) []string {
	if c.Voice.Engine != infer.VoiceKokoro {
		return []string{""}
	}
	var out []string
	for _, f := range c.Files {
		if f.Role == infer.StyleFile {
			out = append(out, styleName(f.Name))
		}
	}
	return out
}

func styleName(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) }

// symbols are what a text in phonemes consists of, in the decomposed form in which networks were trained.
func (s *voiceTable) symbols(text string) []string {
	var out []string
	for _, r := range norm.NFD.String(text) {
		if to, ok := s.replace[string(r)]; ok {
			out = append(out, to...)
			continue
		}
		out = append(out, string(r))
	}
	return out
}

// readStyle reads a style of Kokoro's: rows of infer.StyleSize. nil for Piper.
func readStyle(in infer.Installed, style string) ([]float32, error) {
	if in.Card.Voice.Engine != infer.VoiceKokoro {
		if style != "" {
			return nil, fault.New(fault.InvalidField, "voice", "%s has no voices of its own such as %q", in.Card.Name, printable(style)).WithHint("twinsync voices lists them.")
		}
		return nil, nil
	}
	for _, f := range in.Card.Files {
		if f.Role != infer.StyleFile || style != "" && styleName(f.Name) != style {
			continue
		}
		b, err := readBounded(in.Path(f), styleLimit)
		if err == nil && filepath.Ext(f.Name) == ".npy" {
			b, err = npyFloats(b)
		}
		if err == nil && (len(b) == 0 || len(b)%(4*infer.StyleSize) != 0) {
			err = errors.New("not rows of 256 numbers")
		}
		if err != nil {
			return nil, wrongVoice(in, "its style %s cannot be read", f.Name).WithCause(err)
		}
		rows := make([]float32, len(b)/4)
		for i := range rows {
			rows[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			if v := float64(rows[i]); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, wrongVoice(in, "its style %s holds what is no number", f.Name)
			}
		}
		return rows, nil
	}
	return nil, fault.New(fault.InvalidField, "voice", "%s has no voice %q", in.Card.Name, printable(style)).WithHint("twinsync voices lists them.")
}

// npyFloats is the data of a .npy of 32-bit floats (NumPy's format, versions 1 and 2), row by row.
func npyFloats(b []byte) ([]byte, error) {
	if len(b) < 12 || !bytes.HasPrefix(b, []byte("\x93NUMPY")) {
		return nil, errors.New("no .npy")
	}
	from, length := 10, int(binary.LittleEndian.Uint16(b[8:]))
	if b[6] > 1 {
		from, length = 12, int(binary.LittleEndian.Uint32(b[8:]))
	}
	if length < 0 || length > len(b)-from {
		return nil, errors.New("cut off")
	}
	head := string(b[from : from+length])
	if !strings.Contains(head, "'<f4'") || !strings.Contains(head, "'fortran_order': False") {
		return nil, errors.New("no rows of 32-bit floats")
	}
	return b[from+length:], nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fault.New(fault.TooLarge, "voice", "the file is longer than %d bytes", most)
	}
	return b, err
}

// wrongVoice is a voice whose files are not what its card says.
func wrongVoice(in infer.Installed, text string, args ...any) *fault.Error {
	e := fault.New(fault.Unsupported, "voice", text, args...)
	e.Text = "the voice " + in.Card.Name + " cannot be used: " + e.Text
	return e.WithHint("twinsync models check %s tells more.", in.Card.Name)
}
