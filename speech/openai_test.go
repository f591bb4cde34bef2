package speech

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twinsync/twinsync/fault"
)

// beep is a sine between silences.
func beep(rate int, before, tone, after float64) Sound {
	n := func(s float64) int { return int(math.Round(s * float64(rate))) }
	s := make([]float32, n(before)+n(tone)+n(after))
	for i := range n(tone) {
		s[n(before)+i] = float32(.5 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
	}
	return Sound{rate, s}
}

type speechCall struct {
	Model, Input, Voice string
	Format              string `json:"response_format"`
	Speed               *float64
}

// TestOpenAISpeaks: what is asked is what the reference of the interface says, long texts are said in parts, and between these lie the pauses
// of the text alone.
func TestOpenAISpeaks(t *testing.T) {
	var asked []speechCall
	o := fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /v1/audio/voices":
			fmt.Fprint(w, `{"voices":["anna",{"id":"bert"},{"name":"carl"},"",7,"anna"]}`)
		case "POST /v1/audio/speech":
			asked = append(asked, jsonBody[speechCall](t, r))
			w.Header().Set("Content-Type", "audio/wav")
			wav := wav16(beep(24000, .3, 1, .5))
			for i := 4; i < 8; i++ { // services that stream do not know the length
				wav[i], wav[i+36] = 0xff, 0xff
			}
			_, _ = w.Write(wav)
		default:
			http.NotFound(w, r)
		}
	}))
	s, err := OpenOpenAISpeaker(OpenAIOptions{ServiceOptions: o, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	voices, err := s.Voices(t.Context())
	want := []Voice{{ID: "openai:anna", Name: "anna"}, {ID: "openai:bert", Name: "bert"}, {ID: "openai:carl", Name: "carl"}}
	if d := cmp.Diff(want, voices); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	u, err := s.Speak(t.Context(), Request{Text: "Hello\x07 there.", Voice: "openai:bert", Rate: 1.5})
	if err != nil {
		t.Fatal(err)
	}
	if u.Timing != nil || u.Sound.Rate != 24000 || math.Abs(u.Sound.Seconds()-1.8) > .01 {
		t.Errorf("%d Hz, %.2f s, timing %v", u.Sound.Rate, u.Sound.Seconds(), u.Timing)
	}
	speed := 1.5
	if d := cmp.Diff([]speechCall{{"m", "Hello there.", "bert", "wav", &speed}}, asked); d != "" {
		t.Error(d)
	}
	asked = nil
	sentence := strings.Repeat("word ", 30) + "end. "
	if u, err = s.Speak(t.Context(), Request{Text: strings.Repeat(sentence, 60)}); err != nil {
		t.Fatal(err)
	}
	if len(asked) < 3 || asked[0].Voice != "anna" || asked[0].Speed != nil {
		t.Fatalf("%d calls, voice %q", len(asked), asked[0].Voice)
	}
	for _, a := range asked {
		if n := len([]rune(a.Input)); n > openAIText || !strings.HasSuffix(a.Input, "end.") {
			t.Errorf("a part of %d characters ends in %q", n, a.Input[len(a.Input)-10:])
		}
	}
	n := float64(len(asked))
	// .3 s and .5 s at the ends, .02 s of silence that is left at each joint.
	if length := .3 + n + .5 + (n-1)*(pauseSentence+.02); math.Abs(u.Sound.Seconds()-length) > .03*n {
		t.Errorf("%.2f s in %v parts, want %.2f", u.Sound.Seconds(), n, length)
	}
}

func TestOpenAISpeakerRefuses(t *testing.T) {
	answer := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body)
		}
	}
	noSound := answer("application/json", `{"error":"no such voice"}`)
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		voices []string
		r      Request
		code   fault.Code
		param  string
	}{
		"empty":   {noSound, nil, Request{Text: " \n"}, fault.MissingField, "text"},
		"nothing": {noSound, nil, Request{Text: "…!"}, fault.InvalidField, "text"},
		"long":    {noSound, nil, Request{Text: strings.Repeat("a", TextLimit+1)}, fault.TooLong, "text"},
		"voice":   {noSound, []string{"x"}, Request{Text: "a", Voice: "openai:y"}, fault.InvalidField, "voice"},
		"rate":    {noSound, nil, Request{Text: "a", Rate: 3}, fault.InvalidField, "rate"},
		"JSON":    {noSound, nil, Request{Text: "a"}, fault.Unavailable, "speech-url"},
		"page":    {answer("text/html", "<html>"), nil, Request{Text: "a"}, fault.Unavailable, "speech-url"},
		"noise":   {answer("audio/wav", strings.Repeat("no sound", 999)), nil, Request{Text: "a"}, fault.Unavailable, "speech-url"},
		"none":    {answer("audio/wav", ""), nil, Request{Text: "a"}, fault.Unavailable, "speech-url"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := OpenOpenAISpeaker(OpenAIOptions{ServiceOptions: fakeService(t, c.h), Voices: c.voices})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Speak(t.Context(), c.r)
			wantFault(t, err, c.code, c.param)
		})
	}
	// Without a list from the service, OpenAI's own is shown, and others may be named.
	s, _ := OpenOpenAISpeaker(OpenAIOptions{ServiceOptions: fakeService(t, noSound)})
	if v, err := s.Voices(t.Context()); err != nil || len(v) != 11 || v[0].ID != "openai:alloy" {
		t.Errorf("%v %v", v, err)
	}
}

// soundFile writes a sound and gives its path.
func soundFile(t *testing.T, s Sound) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.wav")
	if err := os.WriteFile(path, wav16(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const verbose = `{"task":"transcribe","language":"english","duration":3.0,"text":"Hello there. Fine.",
 "segments":[{"id":0,"start":0.0,"end":1.6,"text":" Hello there.","avg_logprob":-0.2,"no_speech_prob":0.01},
 {"id":1,"start":1.6,"end":9.0,"text":" Fine."},
 {"id":2,"start":2.5,"end":3.0,"text":" Thanks for watching!","avg_logprob":-1.4,"no_speech_prob":0.9}],
 "words":[{"word":"Hello","start":0.1,"end":0.6},{"word":"there","start":0.7,"end":1.5},{"word":"Fine","start":1.7,"end":2.2}]}`

func TestOpenAITranscribes(t *testing.T) {
	srt := "1\n00:00:00,100 --> 00:00:01,500\nHello there.\n"
	for name, c := range map[string]struct {
		knows map[string]string // format: answer; others are refused
		want  *Transcript
	}{
		"verbose": {map[string]string{"verbose_json": verbose}, &Transcript{Language: "en", Cues: []Cue{
			{Start: 0, End: 1.6, Text: "Hello there.", Words: []Word{{"Hello", .1, .6}, {"there", .7, 1.5}}},
			{Start: 1.6, End: 3, Text: "Fine.", Words: []Word{{"Fine", 1.7, 2.2}}},
		}}},
		"srt":  {map[string]string{"srt": srt}, &Transcript{Cues: []Cue{{Start: .1, End: 1.5, Text: "Hello there."}}}},
		"json": {map[string]string{"json": `{"text":" Hello there. "}`}, &Transcript{Cues: []Cue{{Text: "Hello there."}}}},
		"text": {map[string]string{"verbose_json": "WEBVTT\n\n00:00.100 --> 00:01.500\nHello there.\n"}, &Transcript{Cues: []Cue{{Start: .1, End: 1.5, Text: "Hello there."}}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseMultipartForm(1 << 20); err != nil || r.URL.Path != "/v1/audio/transcriptions" {
					t.Error(r.URL, err)
					return
				}
				f := r.FormValue("response_format")
				if f == "verbose_json" {
					if d := cmp.Diff([]string{"word", "segment"}, r.MultipartForm.Value["timestamp_granularities[]"]); d != "" {
						t.Error(d)
					}
				}
				file, _, err := r.FormFile("file")
				if err != nil {
					t.Error(err)
					return
				}
				if b, _ := io.ReadAll(file); len(b) != 44+3*hearRate*2 || r.FormValue("model") != "whisper-1" || r.FormValue("language") != "en" {
					t.Errorf("%d bytes, model %q, language %q", len(b), r.FormValue("model"), r.FormValue("language"))
				}
				answer, ok := c.knows[f]
				if !ok {
					http.Error(w, `{"error":{"message":"response_format is not supported"}}`, 400)
					return
				}
				_, _ = io.WriteString(w, answer)
			}))
			tr, err := OpenOpenAITranscriber(OpenAIOptions{ServiceOptions: o})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			got, err := tr.Transcribe(t.Context(), soundFile(t, beep(48000, 1, 1, 1)), "en-GB")
			if err != nil {
				t.Fatal(err)
			}
			c.want.Language = "en-GB"
			if d := cmp.Diff(c.want, got, cmpopts.EquateApprox(0, 1e-9)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOpenAITranscriberRefuses(t *testing.T) {
	sound := soundFile(t, beep(16000, 1, 1, 1))
	text := filepath.Join(t.TempDir(), "a.wav")
	if err := os.WriteFile(text, []byte(strings.Repeat("no sound at all ", 99)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer, path, language string
		status                 int
		code                   fault.Code
		param                  string
	}{
		"silence":  {`{"text":"","segments":[]}`, sound, "", 200, fault.Unsupported, ""},
		"nonsense": {`{"a":1}`, sound, "", 200, fault.Unavailable, "speech-url"},
		"language": {``, sound, "klingon!", 200, fault.InvalidField, "language"},
		"no file":  {``, "/no/such/file", "", 200, fault.NotFound, ""},
		"no sound": {``, text, "", 200, fault.NotMedia, ""},
		"refused":  {`{"error":{"message":"no"}}`, sound, "", 400, fault.Unsupported, "speech-url"},
		"key":      {`{}`, sound, "", 403, fault.InvalidKey, "speech-key"},
	} {
		t.Run(name, func(t *testing.T) {
			tr, _ := OpenOpenAITranscriber(OpenAIOptions{ServiceOptions: fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))})
			_, err := tr.Transcribe(t.Context(), c.path, c.language)
			wantFault(t, err, c.code, c.param)
		})
	}
}

// TestCutSound: parts end where it is quiet and are no longer than allowed.
func TestCutSound(t *testing.T) {
	s := beep(100, 0, 95, 0)
	for i := 2810; i < 2840; i++ {
		s.Samples[i] = 0
	}
	ends := cutSound(s, 30, 5)
	if len(ends) != 4 || ends[0] < 2815 || ends[0] > 2835 || ends[3] != 9500 {
		t.Errorf("%v", ends)
	}
	for i, e := range ends {
		if begin := append([]int{0}, ends...)[i]; e-begin > 3000 || e <= begin {
			t.Errorf("a part from %d to %d", begin, e)
		}
	}
}

// chat answers a chat request.
func chat(w io.Writer, text string) {
	b, _ := json.Marshal(text)
	fmt.Fprintf(w, `{"choices":[{"message":{"role":"assistant","content":%s}}]}`, b)
}

func TestOpenAITranslates(t *testing.T) {
	var calls atomic.Int32
	o := fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := jsonBody[struct {
			Model    string
			Messages []chatMessage
		}](t, r)
		if r.URL.Path != "/v1/chat/completions" || q.Model != "gpt-4o-mini" || !strings.Contains(q.Messages[0].Content, "English, en to Portuguese (Brazil), pt-BR") && !strings.Contains(q.Messages[0].Content, "English, en to Brazilian Portuguese, pt-BR") {
			t.Errorf("%s %s %s", r.URL, q.Model, q.Messages[0].Content)
		}
		var in struct{ Lines []numbered }
		if err := json.Unmarshal([]byte(q.Messages[1].Content), &in); err != nil {
			t.Error(err)
		}
		if calls.Add(1) == 1 { // forgets a line
			chat(w, `{"lines":[{"n":1,"text":"x"}]}`)
			return
		}
		if len(q.Messages) == 4 && !strings.Contains(q.Messages[3].Content, fmt.Sprintf("it has 1 lines, not %d", len(in.Lines))) {
			t.Errorf("the second attempt says %q", q.Messages[3].Content)
		}
		for i := range in.Lines {
			in.Lines[i].Text = "pt " + in.Lines[i].Text
		}
		b, _ := json.Marshal(in.Lines)
		chat(w, "<think>{hm}</think>Here you are:\n```json\n{\"lines\":"+string(b)+"}\n```")
	}))
	tr, err := OpenOpenAITranslator(OpenAIOptions{ServiceOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	texts := make([]string, 50)
	for i := range texts {
		texts[i] = fmt.Sprint("line ", i)
	}
	texts[3], texts[4] = "…", ""
	got, err := tr.Translate(t.Context(), texts, "en", "pt_BR")
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		want := "pt " + texts[i]
		if i == 3 || i == 4 {
			want = texts[i]
		}
		if got[i] != want {
			t.Errorf("%d: %q, want %q", i, got[i], want)
		}
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestOpenAITranslatorRefuses(t *testing.T) {
	for _, said := range []string{"", "I cannot do that.", `{"lines":[]}`, `{"lines":[{"n":1,"text":"a"},{"n":1,"text":"b"}]}`, `{"lines":[{"n":1,"text":"a"},{"n":3,"text":"b"}]}`, `{"lines":[{"n":1,"text":"a"},{"n":2,"text":" "}]}`, `{"lines":7}`} {
		calls := 0
		tr, _ := OpenOpenAITranslator(OpenAIOptions{ServiceOptions: fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++; chat(w, said) }))})
		_, err := tr.Translate(t.Context(), []string{"a", "b"}, "", "de")
		if wantFault(t, err, fault.Unavailable, "speech-url"); calls != 2 {
			t.Errorf("%q: %d calls", said, calls)
		}
	}
	tr, _ := OpenOpenAITranslator(OpenAIOptions{ServiceOptions: ServiceOptions{URL: "http://127.0.0.1:1"}})
	_, err := tr.Translate(t.Context(), []string{"a"}, "en", "")
	wantFault(t, err, fault.MissingField, "to")
	_, err = tr.Translate(t.Context(), []string{"a"}, "?", "de")
	wantFault(t, err, fault.InvalidField, "from")
}

func TestLibreTranslate(t *testing.T) {
	type request struct {
		Q                      []string
		Source, Target, Format string
		Key                    string `json:"api_key"`
	}
	var asked request
	answers := 0 // that are left out
	l, err := OpenLibreTranslate(fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /v1/languages":
			fmt.Fprint(w, `[{"code":"en","name":"English","targets":["de","zh-Hans","pb"]},{"code":"de","name":"German","targets":["en"]},{"code":"zh-Hans"},{"code":"pb"}]`)
		case "POST /v1/translate":
			asked = jsonBody[request](t, r)
			if r.Header.Get("Authorization") != "" {
				t.Error("the key in a header")
			}
			out := make([]string, len(asked.Q)-answers)
			for i := range out {
				out[i] = asked.Target + " " + asked.Q[i]
			}
			b, _ := json.Marshal(map[string]any{"translatedText": out})
			_, _ = w.Write(b)
		}
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, err := l.Translate(t.Context(), []string{"a", "-", "b"}, "en-GB", "zh-CN")
	if d := cmp.Diff([]string{"zh-Hans a", "-", "zh-Hans b"}, got); d != "" || err != nil {
		t.Error(err, d)
	}
	if d := cmp.Diff(request{[]string{"a", "b"}, "en", "zh-Hans", "text", testKey}, asked); d != "" {
		t.Error(d)
	}
	if got, err = l.Translate(t.Context(), []string{"a"}, "", "pt-BR"); err != nil || got[0] != "pb a" || asked.Source != "auto" {
		t.Error(got, asked, err)
	}
	for _, c := range []struct{ from, to, param string }{{"fr", "de", "from"}, {"de", "zh", "to"}, {"en", "??", "to"}} {
		_, err := l.Translate(t.Context(), []string{"a"}, c.from, c.to)
		wantFault(t, err, fault.InvalidField, c.param)
	}
	answers = 1
	_, err = l.Translate(context.Background(), []string{"a", "b"}, "en", "de")
	wantFault(t, err, fault.Unavailable, "speech-url")
}

func TestCutText(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want []textPiece
	}{
		{"One two.", 20, []textPiece{{"One two.", 0}}},
		{"One two. Three four.", 12, []textPiece{{"One two.", pauseSentence}, {"Three four.", 0}}},
		{"One two, three four", 12, []textPiece{{"One two,", pauseClause}, {"three four", 0}}},
		{"One two three four", 12, []textPiece{{"One two", pauseWord}, {"three four", 0}}},
		{"First one.\nThen two. x", 18, []textPiece{{"First one.", pauseParagraph}, {"Then two. x", 0}}},
		{"你好。世界很大", 5, []textPiece{{"你好。", pauseSentence}, {"世界很大", 0}}},
		{"abcdefghij", 4, []textPiece{{"abcd", pauseWord}, {"efgh", pauseWord}, {"ij", 0}}},
	} {
		if d := cmp.Diff(c.want, cutText(c.text, c.most), cmp.AllowUnexported(textPiece{})); d != "" {
			t.Errorf("%q: %s", c.text, d)
		}
	}
}
