package main

import (
	"strings"
	"testing"

	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

func TestVoicesAndLanguages(t *testing.T) {
	speechtest.Espeak(t) // or says that espeak-ng is not installed
	var v struct{ Voices []speech.Voice }
	o := twinsync(t.Context(), "voices", "--language=pt-BR", "--json")
	o.last(t, &v)
	if o.code != exitDone || len(v.Voices) != 2 || v.Voices[0].ID != "espeak:pt-br" || !v.Voices[0].Timed {
		t.Errorf("%+v", o)
	}
	var l struct{ Languages []speech.Language }
	o = twinsync(t.Context(), "languages", "--json")
	o.last(t, &l)
	if o.code != exitDone || len(l.Languages) < 80 {
		t.Errorf("%d languages: %+v", len(l.Languages), o)
	}
	if o = twinsync(t.Context(), "languages"); o.code != exitDone || !strings.Contains(o.out, "Brazilian Portuguese") {
		t.Errorf("%+v", o)
	}
	if o = twinsync(t.Context(), "voices", "--language=de"); o.code != exitDone || !strings.Contains(o.out, "espeak:de+f3") || !strings.Contains(o.err, "espeak:de+f1") {
		t.Errorf("%+v", o)
	}
	var f failure
	o = twinsync(t.Context(), "voices", "--language=xx", "--json")
	if o.last(t, &f); o.code != exitUsage || f.Error.Param != "--language" {
		t.Errorf("%+v", o)
	}
}
