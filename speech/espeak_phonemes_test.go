package speech

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
)

func TestCutClauses(t *testing.T) {
	for _, c := range []struct {
		text  string
		texts []string
		ends  string
	}{
		{"Hello, world.", []string{"Hello", "world"}, ",."},
		{"It is 3.5 or 10:30?! Yes…", []string{"It is 3.5 or 10:30", "Yes"}, "!."},
		{`"No." he said`, []string{`"No`, `" he said`}, ".\x00"},
		{"你好。世界", []string{"你好", "世界"}, ".\x00"},
		{"...", nil, ""},
	} {
		texts, ends := cutClauses([]rune(c.text))
		if d := cmp.Diff(c.texts, texts); d != "" || string(ends) != c.ends {
			t.Errorf("%q: %q %s", c.text, string(ends), d)
		}
	}
}

func TestPhonemes(t *testing.T) {
	e, err := OpenEspeak(EspeakOptions{})
	if fault.Is(err, fault.MissingProgram) {
		t.Skipf("espeak-ng is not installed (make setup installs it): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, c := range []struct {
		text, voice, language string
		want                  []clause
	}{
		{"Hello world, this is one of the better voices.", "en-us", "", []clause{{"həlˈoʊ wˈɜːld", ','}, {"ðɪs ɪz wˈʌn ʌvðə bˈɛɾɚ vˈɔɪsᵻz", '.'}}},
		{"Guten Morgen!", "", "de", []clause{{"ɡˈuːtən mˈɔɾɡən", '!'}}},
	} {
		got, err := e.phonemes(t.Context(), c.text, c.voice, c.language)
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(clause{})); d != "" || err != nil {
			t.Error(err, d)
		}
	}
	if _, err := e.phonemes(t.Context(), "…", "en-us", ""); !fault.Is(err, fault.InvalidField) {
		t.Error(err)
	}
}
