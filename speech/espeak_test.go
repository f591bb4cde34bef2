package speech_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

// say speaks and checks what must hold for everything that is said.
func say(t *testing.T, e *speech.Espeak, r speech.Request) *speech.Utterance {
	t.Helper()
	u, err := e.Speak(t.Context(), r)
	if err != nil {
		t.Fatalf("%q: %v", r.Text, err)
	}
	checkTiming(t, u)
	return u
}

// checkTiming holds an utterance against what Timing and Sound promise.
func checkTiming(t *testing.T, u *speech.Utterance) {
	t.Helper()
	total, loud := u.Sound.Seconds(), 0.
	for _, s := range u.Sound.Samples {
		loud = max(loud, math.Abs(float64(s)))
	}
	if u.Sound.Rate != 22050 || loud < .05 || loud > 1 {
		t.Errorf("sound at %d Hz with a peak of %.3f", u.Sound.Rate, loud)
	}
	if u.Timing == nil || u.Timing.Score != 1 {
		t.Fatalf("timing %+v", u.Timing)
	}
	end, spoken := 0., 0.
	for _, p := range u.Timing.Phones {
		if p.Start < end || p.End <= p.Start || p.End > total+1e-9 {
			t.Errorf("phone %+v after %v of %v s", p, end, total)
		}
		if p.IPA == "" || strings.ContainsAny(p.IPA, "ˈˌ0123456789()_ ") {
			t.Errorf("phone %q", p.IPA)
		}
		end = p.End
		spoken += p.End - p.Start
	}
	if spoken < .5*total-.5 {
		t.Errorf("phones cover %.2f of %.2f s", spoken, total)
	}
	end = 0
	for _, w := range u.Timing.Words {
		if w.Start < end-1e-9 || w.End <= w.Start || w.End > total+1e-9 || w.Text == "" {
			t.Errorf("word %+v after %.3f of %.3f s", w, end, total)
		}
		end = w.End
	}
}

// texts are those of the words.
func texts(u *speech.Utterance) []string {
	var out []string
	for _, w := range u.Timing.Words {
		out = append(out, w.Text)
	}
	return out
}

// ipa joins the phones.
func ipa(u *speech.Utterance) string {
	var b strings.Builder
	for _, p := range u.Timing.Phones {
		b.WriteString(p.IPA)
	}
	return b.String()
}

func TestEspeakSpeaks(t *testing.T) {
	e := speechtest.Espeak(t)
	u := say(t, e, speech.Request{Text: "Hello world, this is the end of the day — really!", Language: "en"})
	want := []string{"Hello", "world,", "this", "is", "the", "end", "of", "the", "day —", "really!"}
	if got := texts(u); !slices.Equal(got, want) {
		t.Errorf("words %q, want %q", got, want)
	}
	if got := ipa(u); !strings.HasPrefix(got, "həloʊwɜːld") {
		t.Errorf("phones %s", got)
	}
	if u.Timing.Language != "en-US" {
		t.Errorf("language %q", u.Timing.Language)
	}
	// The comma is a pause, and the pause is in no word.
	if gap := u.Timing.Words[2].Start - u.Timing.Words[1].End; gap < .1 {
		t.Errorf("%.3f s of pause at the comma", gap)
	}
}

// The same request gives the same samples: the child keeps nothing of what it said before.
func TestEspeakRepeats(t *testing.T) {
	e := speechtest.Espeak(t)
	r := speech.Request{Text: "My papa bought a map.", Language: "en-GB"}
	a := say(t, e, r)
	fast := say(t, e, speech.Request{Text: r.Text, Language: "en-GB", Rate: 1.5})
	high := say(t, e, speech.Request{Text: r.Text, Language: "en-GB", Pitch: 1.6})
	other := say(t, e, speech.Request{Text: r.Text, Language: "en-GB", Voice: "espeak:+f3"})
	b := say(t, e, r)
	if !slices.Equal(a.Sound.Samples, b.Sound.Samples) || !slices.Equal(a.Timing.Phones, b.Timing.Phones) {
		t.Error("the second time differs")
	}
	if ratio := fast.Sound.Seconds() / a.Sound.Seconds(); ratio < .55 || ratio > .8 {
		t.Errorf("at 1.5 times the rate it takes %.2f of the time", ratio)
	}
	for name, x := range map[string]*speech.Utterance{"pitch": high, "variant": other} {
		if slices.Equal(x.Sound.Samples, a.Sound.Samples) {
			t.Errorf("%s changes nothing", name)
		}
	}
}

// A closure begins before the burst: on p the lips close while the vowel before is still marked.
func TestEspeakClosures(t *testing.T) {
	e := speechtest.Espeak(t)
	u := say(t, e, speech.Request{Text: "papa papa", Language: "it"})
	for i, p := range u.Timing.Phones {
		if p.IPA == "p" && i > 0 && p.End-p.Start < .05 {
			t.Errorf("p takes %.3f s at %.3f", p.End-p.Start, p.Start)
		}
	}
}

func TestEspeakRefuses(t *testing.T) {
	e := speechtest.Espeak(t)
	for _, c := range []struct {
		name  string
		r     speech.Request
		code  fault.Code
		param string
	}{
		{"no text", speech.Request{}, fault.MissingField, "text"},
		{"blank", speech.Request{Text: " \n\t "}, fault.MissingField, "text"},
		{"punctuation", speech.Request{Text: "… — !?"}, fault.InvalidField, "text"},
		{"too long", speech.Request{Text: strings.Repeat("ab ", speech.TextLimit)}, fault.TooLong, "text"},
		{"no UTF-8", speech.Request{Text: "a\xff"}, fault.InvalidField, "text"},
		{"unknown language", speech.Request{Text: "a", Language: "qqq"}, fault.InvalidField, "language"},
		{"no language", speech.Request{Text: "a", Language: "not a tag"}, fault.InvalidField, "language"},
		{"unknown voice", speech.Request{Text: "a", Voice: "espeak:nobody"}, fault.InvalidField, "voice"},
		{"unknown variant", speech.Request{Text: "a", Voice: "espeak:de+zz9"}, fault.InvalidField, "voice"},
		{"a path as voice", speech.Request{Text: "a", Voice: "espeak:../../etc/passwd"}, fault.InvalidField, "voice"},
		{"rate", speech.Request{Text: "a", Rate: 3}, fault.InvalidField, "rate"},
		{"pitch", speech.Request{Text: "a", Pitch: math.NaN()}, fault.InvalidField, "pitch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := e.Speak(t.Context(), c.r)
			f := fault.From(err)
			if f == nil || f.Code != c.code || f.Param != c.param {
				t.Fatalf("%v, want %s of %q", err, c.code, c.param)
			}
			if f.Text == "" || strings.Contains(f.Public(), "%!") {
				t.Errorf("sentence %q", f.Public())
			}
		})
	}
}

func TestEspeakMissing(t *testing.T) {
	_, err := speech.OpenEspeak(speech.EspeakOptions{Library: "/nowhere/libespeak-ng.so.1"})
	if !fault.Is(err, fault.MissingProgram) || !strings.Contains(fault.From(err).Public(), "apt-get install libespeak-ng1") {
		t.Errorf("%v", err)
	}
	_, err = speech.OpenEspeak(speech.EspeakOptions{Command: []string{"false"}})
	if err == nil || fault.Is(err, fault.MissingProgram) {
		t.Errorf("a process that ends at once: %v", err)
	}
}

func TestEspeakStops(t *testing.T) {
	e := speechtest.Espeak(t)
	long := speech.Request{Text: strings.Repeat("word after word ", speech.TextLimit/16), Language: "en"}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := e.Speak(ctx, long); !fault.Is(err, fault.Timeout) {
		t.Errorf("%v, want a timeout", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := e.Speak(ctx, long); !fault.Is(err, fault.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
	say(t, e, speech.Request{Text: "And it still speaks.", Language: "en"})
	e.Close()
	if _, err := e.Speak(t.Context(), speech.Request{Text: "a"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v after Close", err)
	}
}

// Several at once get each their own.
func TestEspeakConcurrent(t *testing.T) {
	e := speechtest.Espeak(t)
	want := map[string][]float32{}
	words := []string{"one", "seventeen", "hippopotamus", "no"}
	for _, w := range words {
		want[w] = say(t, e, speech.Request{Text: w}).Sound.Samples
	}
	errs := make(chan error)
	for range 3 {
		for _, w := range words {
			go func() {
				u, err := e.Speak(t.Context(), speech.Request{Text: w})
				if err == nil && !slices.Equal(u.Sound.Samples, want[w]) {
					err = errors.New("mixed up: " + w)
				}
				errs <- err
			}()
		}
	}
	for range 3 * len(words) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
