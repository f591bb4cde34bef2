package speech

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
)

// library is a few of what the library lists, as it lists them.
func library() *espeakVoices {
	v := func(name, id string, languages ...string) libraryVoice { return libraryVoice{name, languages, id, 1} }
	return newEspeakVoices(wireVoices{
		Voices: []libraryVoice{
			v("English (America)", "gmw/en-US", "en-us", "en"), v("English (Great Britain)", "gmw/en", "en-gb", "en"),
			v("German", "gmw/de", "de"), v("Spanish (Spain)", "roa/es", "es"), v("Spanish (Latin America)", "roa/es-419", "es-419", "es-mx", "es"),
			v("French (Belgium)", "roa/fr-BE", "fr-be", "fr"), v("French (France)", "roa/fr", "fr-fr", "fr"),
			v("Portuguese (Portugal)", "roa/pt", "pt", "pt-pt"), v("Portuguese (Brazil)", "roa/pt-BR", "pt-br", "pt"),
			v("Chinese (Mandarin, latin as English)", "sit/cmn", "cmn", "zh-cmn", "zh"), v("Chinese (Mandarin, latin as Pinyin)", "sit/cmn-Latn-pinyin", "cmn-latn-pinyin"),
			v("Chinese (Cantonese)", "sit/yue", "yue"), v("Chinese (Cantonese, latin as Jyutping)", "sit/yue-Latn-jyutping", "yue"),
			v("Norwegian Bokmål", "gmq/nb", "nb", "no"), v("Hebrew", "sem/he", "he"), v("Indonesian", "poz/id", "id"),
			v("needs more", "mb/mb-de1", "de"),
		},
		Variants: []libraryVoice{v("female3", "!v/f3", "variant"), v("male3", "!v/m3", "variant")},
	})
}

func TestVoiceForLanguage(t *testing.T) {
	lib := library()
	for lang, want := range map[string]string{
		"": "en-us", "en": "en-us", "EN": "en-us", "en-GB": "en-gb", "en_gb": "en-gb", "en-AU": "en-gb", "en-CA": "en-us",
		"de": "de", "de-AT": "de", "de-DE": "de", "es": "es", "es-ES": "es", "es-MX": "es-419", "es-AR": "es-419",
		"fr": "fr-fr", "fr-FR": "fr-fr", "fr-CA": "fr-fr", "fr-BE": "fr-be", "pt": "pt", "pt-BR": "pt-br", "pt-PT": "pt", "pt-AO": "pt",
		"zh": "cmn", "zh-CN": "cmn", "zh-TW": "cmn", "zh-Hant-HK": "cmn", "cmn": "cmn", "zh-Latn-pinyin": "cmn-latn-pinyin", "yue": "yue", "zh-yue": "yue",
		"no": "nb", "nb-NO": "nb", "iw": "he", "in": "id", "yue-Latn-jyutping": "yue-latn-jyutping",
	} {
		got, err := lib.choose("", lang)
		if err != nil {
			t.Errorf("%q: %v", lang, err)
		} else if b, ok := lib.find(want); !ok || got.name != b.file {
			t.Errorf("%q is spoken by %s, want %s", lang, got.name, want)
		}
	}
	for _, lang := range []string{"xx", "tlh", "english", "e", "de DE"} {
		if got, err := lib.choose("", lang); !fault.Is(err, fault.InvalidField) || fault.From(err).Param != "language" {
			t.Errorf("%q: %v, %v", lang, got, err)
		}
	}
}

func TestVoiceByID(t *testing.T) {
	lib := library()
	for id, want := range map[string]chosenVoice{
		"espeak:de":                {"gmw/de", "de"},
		"espeak:de+f3":             {"gmw/de+f3", "de"},
		"de":                       {"gmw/de", "de"},
		"espeak:+m3":               {"roa/pt-BR+m3", "pt-BR"},
		"espeak:yue-latn-jyutping": {"sit/yue-Latn-jyutping", "yue-Latn-jyutping"},
	} {
		if got, err := lib.choose(id, "pt-BR"); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", id, got, err, want)
		}
	}
}

func TestVoicesListed(t *testing.T) {
	all := library().list()
	if len(all) != 2*16 {
		t.Errorf("%d voices", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Voice) int { return strings.Compare(a.Language, b.Language) }) {
		t.Error("not by language")
	}
	ids := func(v []Voice) (out []string) {
		for _, x := range v {
			out = append(out, x.ID)
		}
		return out
	}
	for tag, want := range map[string][]string{
		"de-AT": {"espeak:de", "espeak:de+f3"},
		"pt":    {"espeak:pt-br", "espeak:pt-br+f3", "espeak:pt", "espeak:pt+f3"},
		"pt-BR": {"espeak:pt-br", "espeak:pt-br+f3"},
		"xx":    nil, "?": nil,
	} {
		got := ids(VoicesFor(all, tag))
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tag, diff)
		}
	}
	if got := VoicesFor([]Voice{{ID: "openai:alloy"}}, "de"); len(got) != 1 {
		t.Error("a voice for any language does not speak German")
	}
}

func TestLanguages(t *testing.T) {
	got := Languages(append(library().list(), Voice{ID: "openai:alloy"}))
	by := map[string]Language{}
	for _, l := range got {
		by[l.Code] = l
		if l.Name == "" || !l.Words {
			t.Errorf("%+v", l)
		}
	}
	if by["pt-BR"].Name != "Brazilian Portuguese" || by["zh"].Voices != 2 || by["he"].Note == "" || by["de"].Note != "" {
		t.Errorf("%+v", got)
	}
}
