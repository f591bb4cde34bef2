package speech

import (
	"slices"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

// wide is library with what the texts below need.
func wide() *espeakVoices {
	v := library()
	v.base = append(v.base, []espeakBase{{"ru", "zle/ru", "Russian"}, {"it", "roa/it", "Italian"}, {"ko", "ko", "Korean"}, {"ar", "sem/ar", "Arabic"}, {"ja", "jpx/ja", "Japanese"}, {"hi", "inc/hi", "Hindi"}}...)
	slices.SortFunc(v.base, func(a, b espeakBase) int { return strings.Compare(a.code, b.code) })
	return v
}

// spokenText is what the library is given, pieces of other voices in brackets.
func spokenText(t *testing.T, text, lang string) (string, prepared, error) {
	t.Helper()
	voices := wide()
	voice, err := voices.choose("", lang)
	if err != nil {
		t.Fatal(err)
	}
	p, err := prepare(text, voice, voices)
	var b strings.Builder
	for i, x := range p.pieces {
		if len(x.text) != len(x.origin) {
			t.Fatalf("%d characters with %d origins", len(x.text), len(x.origin))
		}
		if i > 0 {
			b.WriteString(" [" + x.voice + "] ")
		}
		b.WriteString(string(x.text))
	}
	return b.String(), p, err
}

func TestTextIsWrittenOut(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		{"en", "Dr. Smith, e.g. this, i.e. that, etc.", "Dr. Smith, for example this, that is that, etc."},
		{"en", "It costs $5.20 or £3.50 (€20).", "It costs 5 dollars 20 or 3 pounds 50 (20 euros)."},
		{"en", "5 €, $1, $1.5 million and a $3M budget", "5 euros, 1 dollar, 1.5 million dollars and a 3 million dollars budget"},
		{"en", "3–4 apples, 10-12 km, 10–15%", "3 to 4 apples, 10 to 12 kilometers, 10 to 15%"},
		{"en-US", "2024-05-06 and 05/07/2024", "May 6th, 2024 and May 7th, 2024"},
		{"en-GB", "05/07/2024", "July 5th, 2024"},
		{"en", "10:30, 12:00, 3:05 pm, 9:00 am", "10 30, 12 o'clock, 3 oh 5 pm, 9 am"},
		{"en", "in 1984 and 1905 and 1900, the 1990s, 2024", "in 19 84 and 19 oh 5 and 19 hundred, the 19 nineties, 2024"},
		{"en", "25°C, 5km, 1 kg", "25 degrees Celsius, 5 kilometers, 1 kilogram"},
		{"en", "user@example.com or https://www.example.com/a?b=1", "user at example dot com or example dot com"},
		{"en", "#1 and #hashtag by @user", "number 1 and hashtag by user"},
		{"en", "1/2 cup, 50/50, 24/7", "½ cup, 50 50, twenty-four seven"},
		{"en", "“Hello” don’t say `x`", "Hello don't say 'x'"},
		{"en", "Hello 😀 you 👍🏽 ❤️ 🇩🇪 👩‍👩‍👧!", "Hello you !"},
		{"en", "Henry VIII, Chapter III, World War II, I am", "Henry the 8th, Chapter 3, World War 2, I am"},
		{"en", "St. John, No. 5. No way.", "saint John, number 5. No way."},
		{"en", "call 555-1234 and/or", "call 555 1234 and or"},
		{"en", "Hello—world *bold* _x_", "Hello— world bold x"},
		{"en", "a\x00b\u200bc\u202ed caf\u0065\u0301", "abcd café"},
		{"en", "ＡＢＣ １２", "ABC 12"},
		{"zh", "１０：３０，５０％", "10点30分，百分之50"},
		{"de", "Dr. Müller, z. B. so, d.h. anders usw. Ja.", "Doktor Müller, zum Beispiel so, das heißt anders und so weiter. Ja."},
		{"de", "5,20 € für 3–4 Äpfel", "5 Euro 20 für 3 bis 4 Äpfel"},
		{"de", "um 10:30 Uhr am 06.05.2024, der 1. Mai", "um 10 Uhr 30 am sechsten Mai 2024, der erste Mai"},
		{"de", "25 °C, 5 km/h, 1.234,5", "25 Grad Celsius, 5 Kilometer pro Stunde, 1.234,5"},
		{"es", "Sr. Pérez, p. ej. 5,20 € el 06/05/2024 a las 10:30", "Sr. Pérez, por ejemplo 5 euros 20 el 6 de mayo de 2024 a las 10 y 30"},
		{"es", "EE. UU. 1.º 2.ª 5 km", "Estados Unidos primero segunda 5 kilómetros"},
		{"fr", "M. Dupont, p. ex. 5,20 € le 1er mai, XIXe", "monsieur Dupont, par exemple 5 euros 20 le premier mai, dix-neuvième"}, //nolint:misspell // French
		{"fr", "10h30, c.-à-d. n° 5, 01/05/2024", "10 heures 30, c'est-à-dire numéro 5, premier mai 2024"},
		{"it", "Sig. Rossi, ecc. 5,20 € alle 10:30", "signor Rossi, eccetera 5 euro 20 alle 10 e 30"},
		{"pt-BR", "Sr. Silva R$ 5,20 às 10h30", "senhor Silva 5 reais 20 às 10 e 30"},
		{"ru", "и т. д. 5,20 ₽", "и так далее 5 рублей 20"},
		{"zh", "你好，世界！2024年10:30，20%", "你好，世界！二零二四年10点30分，百分之20"},
		{"zh", "银行行长长大了，在银，行", "yin2 hang2 hang2 zhang3 zhang3 da4 了，在银，行"},
		{"zh", "还是这个地方。", "还是这个 di4 fang1。"},
		{"ko", "20% 할인", "20 퍼센트 할인"},
		{"ar", "20%", "20 بِالمِئَة"},
		// Other scripts go to voices that read them; Latin is read by most.
		{"en", "Привет means hello", "Привет [gmw/en-US] means hello"},
		{"zh", "我用iPhone打电话", "我用 [gmw/en-US] iPhone [sit/cmn-Latn-pinyin] 打电话"},
		{"ru", "мой iPhone", "мой iPhone"},
		{"de", "東京 ist 1 Stadt", "東京 [gmw/de] ist 1 Stadt"},
	} {
		got, _, err := spokenText(t, c.text, c.lang)
		if err != nil || got != c.want {
			t.Errorf("%s %q:\n got %q (%v)\nwant %q", c.lang, c.text, got, err, c.want)
		}
	}
}

func TestTextTellsItsLanguage(t *testing.T) {
	for text, want := range map[string]string{"Hello": "", "Привет iPhone": "ru", "Hello Привет": "ru", "Hello there, да": "", "你好": "zh", "今日は": "ja", "안녕": "ko", "مرحبا": "ar", "नमस्ते": "hi", "Γειά": "el", "123 !": "", "": ""} {
		if got := writtenIn(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTextKeepsWords(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		want       []string
	}{
		{"en", "  Hello — my “world”, … it's\n$5.20 (now)!", []string{"Hello —", "my", "“world”, …", "it's", "$5.20", "(now)!"}},
		{"en", "Hello—world", []string{"Hello—", "world"}},
		{"fr", "« Bonjour » ça va ?", []string{"« Bonjour »", "ça", "va ?"}},
		{"zh", "“你好”，iPhone 15。(好)", []string{"“你", "好”，", "iPhone", "15。", "(好)"}},
		{"de", "z. B. 5 €", []string{"z.", "B.", "5", "€"}},
	} {
		_, p, err := spokenText(t, c.text, c.lang)
		if err != nil || !slices.Equal(p.words, c.want) {
			t.Errorf("%q: %q (%v), want %q", c.text, p.words, err, c.want)
		}
	}
}

func TestTextRefused(t *testing.T) {
	for _, c := range []struct {
		name, lang, text string
		code             fault.Code
		says             string
	}{
		{"empty", "en", " \u3000\n", fault.MissingField, "empty"},
		{"only marks", "en", "… — !?", fault.InvalidField, "nothing"},
		{"only emoji", "en", "😀 👍🏽", fault.InvalidField, "nothing"},
		{"a script without a voice", "en", "hi សួស្តី there", fault.Unsupported, "ស"},
		{"a script whose voice is not installed", "en", "ქართული", fault.Unsupported, "ქ"},
		{"too long", "en", strings.Repeat("a ", TextLimit), fault.TooLong, "20000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := spokenText(t, c.text, c.lang)
			f := fault.From(err)
			if f == nil || f.Code != c.code || f.Param != "text" || !strings.Contains(f.Public(), c.says) {
				t.Errorf("%v, want %s about %q", err, c.code, c.says)
			}
		})
	}
}

// Whatever is written, nothing breaks, and what is given to the library comes from the user's words in their order.
func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"Hello", "$5.20 3–4 10:30", "你好 iPhone", "z. B. 5 €", "XIXe R$ 5 6. Mai", "日本語3時", "é́\u200d", "Привет"} {
		for _, lang := range []string{"en", "de", "zh", "fr", "ja"} {
			f.Add(s, lang)
		}
	}
	voices := wide()
	f.Fuzz(func(t *testing.T, text, lang string) {
		voice, err := voices.choose("", lang)
		if err != nil {
			return
		}
		p, err := prepare(text, voice, voices)
		if err != nil {
			return
		}
		last := -1
		for _, x := range p.pieces {
			if len(x.text) != len(x.origin) {
				t.Fatalf("%d characters with %d origins", len(x.text), len(x.origin))
			}
			for _, o := range x.origin {
				if o >= len(p.words) || o >= 0 && o < last {
					t.Fatalf("%q: word %d of %d after %d", text, o, len(p.words), last)
				}
				last = max(last, o)
			}
			if strings.ContainsRune(string(x.text), 0) {
				t.Fatalf("%q: a zero is left", text)
			}
		}
	})
}
