package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
)

func TestVoices(t *testing.T) {
	for words, v := range map[string]Voices{
		"speech-url":         {SpeechURL: "example.com"},
		"speech-key":         {SpeechKey: "k"},
		"transcribe-url":     {TranscribeURL: "https://me@example.com"},
		"transcribe-command": {TranscribeURL: "http://x", TranscribeCommand: []string{"a"}},
		"translate-command":  {TranslateCommand: []string{"[1"}},
		"translate-api":      {TranslateAPI: "babel"},
	} {
		if err := v.Validate(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v, want %s", v, err, words)
		}
	}
	if err := (Voices{}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestVoicesReachWorkers: what a worker process reads from its environment is what the service was given.
func TestVoicesReachWorkers(t *testing.T) {
	want := Voices{
		SpeechURL: "http://a/v1", SpeechKey: "k,1", SpeechModel: "m", SpeechVoices: []string{"x", "y"}, SpeechCommand: []string{"say", "a,b", "{text}"},
		TranscribeModel: "w", TranscribeCommand: []string{"one"},
		TranslateURL: "http://c", TranslateKey: "k3", TranslateModel: "t", TranslateAPI: LibreTranslate,
	}
	for _, v := range want.Environ() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	var cli struct {
		Config `embed:""`
	}
	p, err := kong.New(&cli, kong.DefaultEnvars("TWINSYNC"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(nil); err != nil {
		t.Fatal(err)
	}
	for _, list := range []*[]string{&want.SpeechCommand, &want.TranscribeCommand} {
		words := []string{}
		for _, w := range *list {
			words = append(words, `"`+w+`"`)
		}
		*list = []string{"[" + strings.Join(words, ",") + "]"}
	}
	if d := cmp.Diff(want, cli.Voices); d != "" {
		t.Error(d)
	}
	if slices.ContainsFunc((Voices{}).Environ(), func(string) bool { return true }) {
		t.Error("settings that nobody made are handed on")
	}
}

func TestParseCommand(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"a", "b c"}, []string{"a", "b c"}},
		{[]string{"a b"}, []string{"a b"}},
		{[]string{`["a", "b c"]`}, []string{"a", "b c"}},
		{nil, nil},
	} {
		got, err := ParseCommand(c.in)
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%q: %v %s", c.in, err, d)
		}
	}
	if _, err := ParseCommand([]string{`["a", 7]`}); !fault.Is(err, fault.InvalidField) {
		t.Error(err)
	}
}
