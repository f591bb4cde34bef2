package speech

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/twinsync/twinsync/fault"
)

// Recordings are sent in parts: OpenAI's service takes at most 25 MB in one call, which is 13 minutes of a WAV at 16 kHz.
const (
	partLength = 10 * 60 // seconds of a part at most
	partSlack  = 60      // seconds at its end in which the quietest place is looked for
)

// OpenAITranscriber has recordings written down by an OpenAI-compatible service: POST {URL}/audio/transcriptions.
type OpenAITranscriber struct {
	service *service
	model   string
}

// OpenOpenAITranscriber checks the options; the service is asked at the first need.
func OpenOpenAITranscriber(o OpenAIOptions) (*OpenAITranscriber, error) {
	s, err := newService(o.ServiceOptions)
	if err != nil {
		return nil, err
	}
	return &OpenAITranscriber{s, cmp.Or(o.Model, "whisper-1")}, nil
}

// Close ends its connections.
func (t *OpenAITranscriber) Close() { t.service.close() }

// Transcribe hears the sound of the file at path, of any length up to six hours. Words and cues have times where the service
// gives them; a cue of a service that gives none has those of the part of the recording that was sent with it, or none where that is
// all of it.
//
// Errors: those of reading the file, without a param; those of the service; InvalidField "language"; Unsupported where nothing is said.
func (t *OpenAITranscriber) Transcribe(ctx context.Context, path, lang string) (*Transcript, error) {
	base, err := baseLanguage(lang)
	if err != nil {
		return nil, err
	}
	sound, err := readSoundFile(ctx, path, hearRate, longestHeard)
	if err != nil {
		return nil, err
	}
	out := &Transcript{Language: lang}
	ends := cutSound(sound, partLength, partSlack)
	begin := 0
	for _, end := range ends {
		part := Sound{sound.Rate, sound.Samples[begin:end]}
		got, err := t.part(ctx, part, base)
		if err != nil {
			return nil, err
		}
		offset := float64(begin) / float64(sound.Rate)
		for _, c := range got.Cues {
			if c.End == 0 && len(ends) > 1 {
				c.End = part.Seconds()
			}
			if c.End > 0 {
				c.Start, c.End = c.Start+offset, c.End+offset
			}
			for i := range c.Words {
				c.Words[i].Start, c.Words[i].End = c.Words[i].Start+offset, c.Words[i].End+offset
			}
			out.Cues = append(out.Cues, c)
		}
		out.Language = cmp.Or(out.Language, got.Language)
		begin = end
	}
	return out, out.checkSaid()
}

// checkSaid refuses a transcript of nothing.
func (t *Transcript) checkSaid() error {
	if strings.TrimSpace(t.Text()) == "" {
		return fault.New(fault.Unsupported, "", "nothing that is said was understood in the recording").
			WithHint("Give its words as a transcript: plain text, SRT or VTT.")
	}
	return nil
}

// part has one part written down, in the best form that the service knows.
func (t *OpenAITranscriber) part(ctx context.Context, s Sound, lang string) (*Transcript, error) {
	wav := wav16(s)
	var first error
	for _, format := range []string{"verbose_json", "srt", "json"} {
		body, kind, err := t.form(wav, lang, format)
		if err != nil {
			return nil, err
		}
		a, err := t.service.ask(ctx, call{method: http.MethodPost, path: "/audio/transcriptions", kind: kind, body: body, limit: answerLimit, bearer: true})
		if err == nil {
			var got *Transcript
			if got, err = readHeard(a.body, s.Seconds()); err == nil {
				return got, nil
			}
			err = t.service.nonsense("no transcript that can be read", err)
		}
		if first == nil {
			first = err
		}
		var r *refused // only a refusal may be about the form: newer models of OpenAI's know json alone
		if !errors.As(err, &r) || r.status != http.StatusBadRequest && r.status != http.StatusUnprocessableEntity && r.status != http.StatusUnsupportedMediaType {
			return nil, err
		}
	}
	return nil, first
}

// form is the body of a call.
func (t *OpenAITranscriber) form(wav []byte, lang, format string) (body []byte, kind string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	fields := [][2]string{{"model", t.model}, {"response_format", format}, {"temperature", "0"}}
	if lang != "" {
		fields = append(fields, [2]string{"language", lang})
	}
	if format == "verbose_json" {
		fields = append(fields, [2]string{"timestamp_granularities[]", "word"}, [2]string{"timestamp_granularities[]", "segment"})
	}
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return nil, "", err
		}
	}
	file, err := w.CreateFormFile("file", "speech.wav")
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write(wav); err != nil {
		return nil, "", err
	}
	err = w.Close()
	return b.Bytes(), w.FormDataContentType(), err
}

// baseLanguage is the ISO 639-1 code of a tag, which is what recognisers take.
func baseLanguage(tag string) (string, error) {
	if tag == "" {
		return "", nil
	}
	t, err := language.Parse(strings.ReplaceAll(tag, "_", "-"))
	if err != nil {
		return "", fault.New(fault.InvalidField, "language", "%q is no language tag such as en, pt-BR or zh", printable(tag))
	}
	base, _ := t.Base()
	return base.String(), nil
}

// cutSound gives the ends of parts of at most most seconds, each at the quietest fifth of a second of its last slack seconds.
func cutSound(s Sound, most, slack int) []int {
	var ends []int
	begin, window := 0, s.Rate/5
	for len(s.Samples)-begin > most*s.Rate {
		from, to := begin+(most-slack)*s.Rate, begin+most*s.Rate
		best, least := to, math.Inf(1)
		for at := from; at+window <= to; at += window / 2 {
			e := 0.0
			for _, v := range s.Samples[at : at+window] {
				e += float64(v) * float64(v)
			}
			if e < least {
				best, least = at+window/2, e
			}
		}
		ends = append(ends, best)
		begin = best
	}
	return append(ends, len(s.Samples))
}

// heardJSON is verbose_json of OpenAI's reference; times are seconds.
type heardJSON struct {
	Text     *string `json:"text"`
	Language string  `json:"language"`
	Segments []struct {
		Start, End   float64
		Text         string
		Words        []heardWord
		NoSpeech     float64 `json:"no_speech_prob"`
		Likelihood   float64 `json:"avg_logprob"`
		SpeakerLabel string  `json:"speaker"`
	} `json:"segments"`
	Words []heardWord `json:"words"`
}

type heardWord struct {
	Word       string
	Start, End float64
}

// A segment with both is what Whisper makes of silence: its own decoder drops it (Radford et al. 2022, section 4.5; the defaults of
// its program).
const (
	noSpeech     = .6
	leastLogProb = -1
)

// readHeard reads a transcript in any form that recognisers answer: JSON of OpenAI's or whisper.cpp's kind, SRT, VTT, plain text.
// length is the recording's in seconds.
func readHeard(b []byte, length float64) (*Transcript, error) {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	switch {
	case len(b) == 0:
		return &Transcript{}, nil
	case b[0] != '{':
		return ReadTranscript(bytes.NewReader(b), "the transcript")
	}
	var kinds struct {
		Transcription json.RawMessage `json:"transcription"`
	}
	if err := json.Unmarshal(b, &kinds); err != nil {
		return nil, err
	}
	if kinds.Transcription != nil {
		return readWhisperCPP(b, length)
	}
	var h heardJSON
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, err
	}
	if h.Text == nil && h.Segments == nil {
		return nil, errors.New("neither text nor segments in it")
	}
	t := &Transcript{Language: languageNamed(h.Language)}
	for _, s := range h.Segments {
		if s.NoSpeech > noSpeech && s.Likelihood < leastLogProb {
			continue
		}
		t.hear(Cue{Start: s.Start, End: s.End, Text: s.Text, Speaker: printable(s.SpeakerLabel), Words: words(s.Words)}, length)
	}
	if h.Segments == nil {
		t.Cues = append(t.Cues, Cue{Text: strings.TrimSpace(*h.Text)})
		if w := timed(words(h.Words), length); len(w) > 0 {
			t.Cues[0].Start, t.Cues[0].End, t.Cues[0].Words = w[0].Start, w[len(w)-1].End, w
		}
		return t, nil
	}
	t.giveWords(timed(words(h.Words), length))
	return t, nil
}

func words(in []heardWord) []Word {
	var out []Word
	for _, w := range in {
		if text := strings.TrimSpace(w.Word); text != "" {
			out = append(out, Word{text, w.Start, w.End})
		}
	}
	return out
}

// hear adds a cue if its times can be.
func (t *Transcript) hear(c Cue, length float64) {
	c.Text = strings.TrimSpace(c.Text)
	c.Start, c.End = max(c.Start, 0), min(c.End, length)
	if c.Text == "" || !(c.End > c.Start) {
		return
	}
	if n := len(t.Cues); n > 0 {
		if c.Start = max(c.Start, t.Cues[n-1].Start); c.End <= c.Start {
			return
		}
	}
	c.Words = timed(c.Words, length)
	t.Cues = append(t.Cues, c)
}

// timed keeps the words whose times can be: within the recording, ascending.
func timed(in []Word, length float64) []Word {
	var out []Word
	last := 0.0
	for _, w := range in {
		w.Start, w.End = max(w.Start, last), min(w.End, length)
		if w.End > w.Start { // false for what is no number
			out = append(out, w)
			last = w.Start
		}
	}
	return out
}

// giveWords gives each word to the cue in whose time its middle lies, or that is nearest.
func (t *Transcript) giveWords(all []Word) {
	if len(all) == 0 || len(t.Cues) == 0 {
		return
	}
	i := 0
	for _, w := range all {
		middle := (w.Start + w.End) / 2
		for i+1 < len(t.Cues) && middle >= t.Cues[i+1].Start {
			i++
		}
		t.Cues[i].Words = append(t.Cues[i].Words, w)
	}
}

// languageNamed is the tag of a language by its code or its English name, which is what recognisers answer; "" where it is neither.
func languageNamed(name string) string {
	if name == "" {
		return ""
	}
	if t, err := language.Parse(name); err == nil && len(name) <= 3 {
		return t.String()
	}
	english := display.English.Languages()
	tags := display.Supported.BaseLanguages()
	i := slices.IndexFunc(tags, func(b language.Base) bool { return strings.EqualFold(english.Name(b), name) })
	if i < 0 {
		return ""
	}
	return tags[i].String()
}

var _ Transcriber = (*OpenAITranscriber)(nil)
