package speech_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

// Every language says its words in their order and reads them instead of spelling them.
func TestEspeakLanguages(t *testing.T) {
	e := speechtest.Espeak(t)
	for _, c := range []struct {
		lang, text string
		words      int
		has        string   // of the phones, without stress and spaces
		never      []string // what spelling would sound like
	}{
		{"en-US", "My papa bought 3–4 apples for $5.20.", 7, "pɑːpə", []string{"dæʃ"}},
		{"es", "Mi mamá compró 3 manzanas por 5,20 €.", 8, "mama", []string{"koma"}},
		{"de", "Über z. B. 5 Äpfel freut sich Dr. Müller.", 9, "tsʊmbaɪʃpiːl", nil},
		{"fr", "Bonjour, M. Dupont, ça va bien ?", 6, "bɔ̃ʒuʁ", nil},
		{"it", "La mamma beve l’acqua.", 4, "mamma", nil},
		{"pt-BR", "O menino comprou pão às 10h30.", 6, "menin", []string{"aɡa"}},
		{"ru", "Мама мыла раму, и т. д.", 6, "mam", nil},
		{"zh", "你好，世界！我们去银行。", 9, "jinχaŋ", []string{"θ", "tʃaɪ", "ɕiŋ"}},
		{"ja", "私は毎日日本語を話します。", 4, "wätäɕiwä", []string{"tʃaɪ", "θ", "lɛt"}},
		{"hi", "नमस्ते दुनिया, आप कैसे हैं?", 5, "", []string{"lɛtə"}},
		{"ar", "مَرْحَبًا بِالعالَم، كَيفَ حالُك؟", 4, "marħaban", []string{"lɛtə"}},
		{"ar", "شكرا جزيلا، أنا أتكلم اللغة العربية.", 6, "ʃakaradʒazila", []string{"ʃk", "tk"}},
		{"tr", "Merhaba dünya, nasılsın Dr. Ahmet?", 5, "dɔktɔr", nil},
		{"ko", "안녕하세요, 만나서 반갑습니다.", 3, "ɐnnjʌŋ", []string{"lɛtə"}},
		{"pl", "Dzień dobry, np. 5,20 zł.", 5, "napʃɨkwat", nil},
		{"uk", "Привіт, світе!", 2, "privit", nil},
		{"el", "Γειά σου κόσμε.", 3, "jasukosme", nil},
		{"vi", "Xin chào thế giới.", 4, "tʃaːw", nil},
		{"id", "Selamat pagi dunia.", 3, "səlamatpaɡi", nil},
		{"sw", "Habari ya dunia.", 3, "habari", nil},
	} {
		t.Run(c.lang, func(t *testing.T) {
			u := say(t, e, speech.Request{Text: c.text, Language: c.lang})
			if len(u.Timing.Words) != c.words {
				t.Errorf("%d words, want %d: %q", len(u.Timing.Words), c.words, texts(u))
			}
			joined := strings.Join(texts(u), "")
			if want := strings.Join(strings.Fields(c.text), ""); strings.ReplaceAll(joined, " ", "") != want {
				t.Errorf("words %q of %q", joined, want)
			}
			said := ipa(u)
			if !strings.Contains(said, c.has) {
				t.Errorf("%q is not in %s", c.has, said)
			}
			for _, n := range c.never {
				if strings.Contains(said, n) {
					t.Errorf("%q is in %s", n, said)
				}
			}
		})
	}
}

// In a long text the words stay at their phones: every repetition takes as long as the first.
func TestEspeakLongText(t *testing.T) {
	e := speechtest.Espeak(t)
	for lang, s := range map[string]string{
		"en": "The quick brown fox jumps over 12 lazy dogs. “Really?” she asked — and he said: yes! ",
		"ru": "Привет, как твои дела? Мы идём в магазин; там есть 25 яблок. ",
		"hi": "नमस्ते दुनिया, आप कैसे हैं? मैं ठीक हूँ और घर जा रहा हूँ। ",
		"ar": "مرحبا بالعالم، كيف حالك؟ أنا بخير، شكرا جزيلا. ",
		"zh": "你好，世界。我们今天去北京，买了25个苹果！",
		"fr": "L’été dernier, nous avons visité l’Égypte : c’était génial ! ",
	} {
		const times = 20
		u := say(t, e, speech.Request{Text: strings.Repeat(s, times), Language: lang})
		all := u.Timing.Words
		if len(all)%times != 0 {
			t.Errorf("%s: %d words in %d repetitions", lang, len(all), times)
			continue
		}
		per := len(all) / times
		for i := range all {
			a, b := all[i%per], all[i]
			if late := math.Abs((a.End - a.Start) - (b.End - b.Start)); a.Text != b.Text || late > .15 {
				t.Errorf("%s: %+v and %+v", lang, a, b)
				break
			}
		}
	}
}

// Two scripts in one text are said by two voices, in one utterance without a hole.
func TestEspeakMixedScripts(t *testing.T) {
	e := speechtest.Espeak(t)
	u := say(t, e, speech.Request{Text: "我用iPhone打电话 and говорю по-русски", Language: "zh", Voice: "espeak:+f3"})
	want := []string{"我", "用", "iPhone", "打", "电", "话", "and", "говорю", "по-русски"}
	if got := texts(u); !slices.Equal(got, want) {
		t.Errorf("words %q, want %q", got, want)
	}
	if got := ipa(u); !strings.Contains(got, "aɪfoʊn") || !strings.Contains(got, "russkʲ") {
		t.Errorf("phones %s", got)
	}
	for i, w := range u.Timing.Words[1:] {
		if gap := w.Start - u.Timing.Words[i].End; gap > .2 {
			t.Errorf("%.2f s of silence before %q", gap, w.Text)
		}
	}
	_, err := e.Speak(t.Context(), speech.Request{Text: "hi សួស្តី", Language: "en"})
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("%v", err)
	}
}
