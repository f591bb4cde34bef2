package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/config"
)

// TestVoicesOfSettings: what is set is what is asked, and nothing is asked before it is needed.
func TestVoicesOfSettings(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("key %q", r.Header.Get("Authorization"))
		}
		http.NotFound(w, r)
	}))
	defer s.Close()
	v := config.Voices{SpeechURL: s.URL, SpeechKey: "k", SpeechCommand: []string{"say", "{text}"}, TranscribeCommand: []string{"whisper-cli"}, TranslateURL: s.URL, TranslateAPI: config.LibreTranslate}
	speakers, err := OpenSpeakers(v, nil, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer speakers.Close()
	for _, open := range []func() error{
		func() error { _, err := OpenTranscriber(v); return err },
		func() error { _, err := OpenTranslator(v); return err },
	} {
		if err := open(); err != nil {
			t.Error(err)
		}
	}
	if asked != 0 {
		t.Error("the service is asked before it is needed")
	}
	voices, err := speakers.Voices(t.Context())
	if err != nil && !strings.Contains(err.Error(), "espeak") {
		t.Error(err)
	}
	prefixes := map[string]bool{}
	for _, v := range voices {
		p, _, _ := strings.Cut(v.ID, ":")
		prefixes[p] = true
	}
	if !prefixes["openai"] || !prefixes["command"] {
		t.Errorf("voices of %v", prefixes)
	}
}

func TestNothingSetUp(t *testing.T) {
	if _, err := OpenTranscriber(config.Voices{}); !fault.Is(err, fault.Unsupported) || fault.From(err).Param != "transcribe-url" {
		t.Error(err)
	}
	if _, err := OpenTranslator(config.Voices{}); !fault.Is(err, fault.Unsupported) || fault.From(err).Param != "translate-url" {
		t.Error(err)
	}
	if _, err := OpenSpeakers(config.Voices{SpeechURL: "nowhere"}, nil, infer.Options{}); !fault.Is(err, fault.InvalidField) {
		t.Error(err)
	}
}
