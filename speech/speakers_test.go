package speech

import (
	"context"
	"errors"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

// oneVoice speaks one language.
type oneVoice struct {
	id, lang string
	closed   int
}

func (o *oneVoice) Voices(context.Context) ([]Voice, error) {
	return []Voice{{ID: o.id, Language: o.lang}}, nil
}

func (o *oneVoice) Speak(_ context.Context, r Request) (*Utterance, error) {
	if r.Language != o.lang {
		return nil, fault.New(fault.InvalidField, "language", "not %s", r.Language)
	}
	if r.Text == "" {
		return nil, fault.New(fault.MissingField, "text", "is empty")
	}
	return &Utterance{Timing: &Timing{Language: o.id}}, nil
}

func (o *oneVoice) Close() { o.closed++ }

func TestSpeakers(t *testing.T) {
	a, b := &oneVoice{id: "a:x", lang: "de"}, &oneVoice{id: "b:y", lang: "fr"}
	opened := 0
	missing := fault.New(fault.MissingProgram, "", "not installed")
	s := NewSpeakers(
		Driver{"gone", func(context.Context) (Speaker, error) { return nil, missing }},
		Driver{"b", func(context.Context) (Speaker, error) { return b, nil }},
		Driver{"a", func(context.Context) (Speaker, error) { opened++; return a, nil }},
	)
	voices, err := s.Voices(t.Context())
	if len(voices) != 2 || voices[0].ID != "a:x" || !errors.Is(err, missing) {
		t.Errorf("%v, %v", voices, err)
	}
	for _, c := range []struct {
		r    Request
		says string
		code fault.Code
	}{
		{Request{Text: "x", Language: "de"}, "a:x", ""},
		{Request{Text: "x", Language: "fr"}, "b:y", ""},
		{Request{Text: "x", Language: "fr", Voice: "b:y"}, "b:y", ""},
		{Request{Text: "x", Language: "fr", Voice: "a:x"}, "", fault.InvalidField},
		{Request{Text: "x", Language: "fr", Voice: "c:x"}, "", fault.InvalidField},
		{Request{Text: "x", Language: "fr", Voice: "x"}, "", fault.InvalidField},
		{Request{Text: "x", Language: "de", Voice: "gone:x"}, "", fault.MissingProgram},
		{Request{Text: "x", Language: "it"}, "", fault.MissingProgram}, // what is missing may be what speaks it
		{Request{Language: "fr"}, "", fault.MissingField},
	} {
		u, err := s.Speak(t.Context(), c.r)
		switch {
		case c.code != "":
			if !fault.Is(err, c.code) {
				t.Errorf("%+v: %v, want %s", c.r, err, c.code)
			}
		case err != nil || u.Timing.Language != c.says:
			t.Errorf("%+v: %v, %v", c.r, u, err)
		}
	}
	s.Close()
	if opened != 1 || a.closed != 1 || b.closed != 1 {
		t.Errorf("opened %d times, closed %d and %d times", opened, a.closed, b.closed)
	}
	if _, err := s.Speak(t.Context(), Request{Text: "x", Language: "de"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v after Close", err)
	}
	if _, err := NewSpeakers().Speak(t.Context(), Request{Text: "x"}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("%v without drivers", err)
	}
}
