package speech

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

// sentences are from the Harvard list (IEEE, 1969).
var sentences = []string{
	"The birch canoe slid on the smooth planks.", "Glue the sheet to the dark blue background.", "It's easy to tell the depth of a well.",
	"These days a chicken leg is a rare dish.", "Rice is often served in round bowls.", "The juice of lemons makes fine punch.",
	"The box was thrown beside the parked truck.", "The hogs were fed chopped corn and garbage.", "Four hours of steady work faced us.",
	"A large size in stockings is hard to sell.", "The boy was there when the sun rose.", "A rod is used to catch pink salmon.",
	"The source of the huge river is the clear spring.", "Kick the ball straight and follow through.", "Help the woman get back to her feet.",
	"A pot of tea helps to pass the evening.", "Smoky fires lack flame and heat.", "The soft cushion broke the man's fall.",
	"The salt breeze came across from the sea.", "The girl at the booth sold fifty bonds.",
}

func openVoices(t *testing.T) *Espeak {
	t.Helper()
	e, err := OpenEspeak(EspeakOptions{})
	if fault.Is(err, fault.MissingProgram) {
		t.Skipf("espeak-ng is not installed (make setup installs it): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// noisy adds white noise so many decibels below the sound.
func noisy(s Sound, decibels float64) Sound {
	var power float64
	for _, x := range s.Samples {
		power += square(float64(x))
	}
	level := math.Sqrt(3*power/float64(len(s.Samples))) * math.Pow(10, -decibels/20)
	out := Sound{Rate: s.Rate, Samples: make([]float32, len(s.Samples))}
	seed := uint32(7)
	for i, x := range s.Samples {
		seed = seed*1664525 + 1013904223
		out.Samples[i] = x + float32(level*(float64(seed)/(1<<31)-1))
	}
	return out
}

// onsets are how far the starts of p, b and m are from the nearest ones found, in ms, ascending.
func onsets(truth, got *Timing) []float64 {
	var out []float64
	for _, p := range truth.Phones {
		if VisemeOf(p.IPA) != VisemeClosed {
			continue
		}
		best := math.Inf(1)
		for _, q := range got.Phones {
			if VisemeOf(q.IPA) == VisemeClosed {
				best = math.Min(best, 1000*math.Abs(q.Start-p.Start))
			}
		}
		out = append(out, best)
	}
	slices.Sort(out)
	return out
}

// TestAlignAcrossVoices aligns other voices of the synthesiser, whose times are known to the sample, to its plain
// one: another vocal tract, another synthesis, another speed and pitch, in noise.
func TestAlignAcrossVoices(t *testing.T) {
	e := openVoices(t)
	ctx := context.Background()
	say := func(text, voice string, rate, pitch float64) *Utterance {
		u, err := e.Speak(ctx, Request{Text: text, Language: "en-US", Voice: voice, Rate: rate, Pitch: pitch})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	text := strings.Join(sentences[:3], " ")
	ref, wrong := say(text, "", 0, 0), say(strings.Join(sentences[10:13], " "), "", 0, 0)
	for _, c := range []struct {
		voice           string
		rate, pitch, db float64
	}{
		{"espeak:+f3", 1.15, 1, 60}, {"espeak:+klatt3", 0.85, 1, 60}, {"espeak:+m4", 1.2, 0.8, 20}, {"espeak:+f5", 0.8, 1.4, 15},
	} {
		u := say(text, c.voice, c.rate, c.pitch)
		s := noisy(u.Sound, c.db)
		got, err := Align(ctx, s, ref, AlignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		same, off := agreement(u.Timing, got, s.Seconds()), onsets(u.Timing, got)
		t.Logf("%-14s speed %.2f, noise −%.0f dB: agrees in %.1f %%, closures begin %.0f ms off, score %.2f", c.voice, c.rate, c.db,
			100*same, off[len(off)/2], got.Score)
		if same < 0.75 || off[len(off)/2] > 20 || got.Score < ScoreFits {
			t.Errorf("%s: agrees in %.1f %%, closures begin %.0f ms off, score %.2f", c.voice, 100*same, off[len(off)/2], got.Score)
		}
		if got, err = Align(ctx, s, wrong, AlignOptions{}); err != nil {
			t.Fatal(err)
		}
		if got.Score >= ScoreFits {
			t.Errorf("%s: other words score %.2f", c.voice, got.Score)
		}
	}
}

// flitePhones are the names that flite prints.
var flitePhones = map[string]string{"aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
	"dh": "ð", "eh": "ɛ", "er": "ɜ", "ey": "eɪ", "f": "f", "g": "g", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m",
	"n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v",
	"w": "w", "y": "j", "z": "z", "zh": "ʒ", "pau": ""}

// fliteSays speaks a sentence with flite, which prints when each phone ends.
func fliteSays(t *testing.T, voice, text string) *Utterance {
	t.Helper()
	path := filepath.Join(t.TempDir(), "said.wav")
	out, err := exec.Command("flite", "-voice", voice, "-t", text, "-psdur", "-o", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || len(b) < 44 {
		t.Fatal(len(b), err)
	}
	u := &Utterance{Sound: Sound{Rate: int(binary.LittleEndian.Uint32(b[24:]))}, Timing: &Timing{}}
	for b = b[44:]; len(b) >= 2; b = b[2:] { // flite writes a plain header of 44 bytes
		u.Sound.Samples = append(u.Sound.Samples, float32(int16(binary.LittleEndian.Uint16(b)))/32768)
	}
	words := bufio.NewScanner(bytes.NewReader(out))
	words.Split(bufio.ScanWords)
	for last := 0.0; words.Scan(); {
		name, at, _ := strings.Cut(words.Text(), ":")
		end, err := strconv.ParseFloat(at, 64)
		ipa, known := flitePhones[name]
		if err != nil || !known {
			t.Fatalf("flite says %q", words.Text())
		}
		if ipa != "" && end > last {
			u.Timing.Phones = append(u.Timing.Phones, Phone{IPA: ipa, Start: last, End: end})
		}
		last = end
	}
	return u
}

// after is several utterances without anything between them.
func after(all []*Utterance) *Utterance {
	out := &Utterance{Sound: Sound{Rate: all[0].Sound.Rate}, Timing: &Timing{}}
	for _, u := range all {
		at := out.Sound.Seconds()
		out.Sound.Samples = append(out.Sound.Samples, u.Sound.Samples...)
		for _, p := range u.Timing.Phones {
			out.Timing.Phones = append(out.Timing.Phones, Phone{p.IPA, p.Start + at, p.End + at})
		}
	}
	return out
}

// TestAlignToKnownTimes measures against another maker's synthesiser: the limits of the project's task.
func TestAlignToKnownTimes(t *testing.T) {
	if os.Getenv("TWINSYNC_LONG") != "1" {
		t.Skip("takes half a minute: TWINSYNC_LONG=1 runs it")
	}
	if _, err := exec.LookPath("flite"); err != nil {
		t.Skip("flite is not installed (apt install flite)")
	}
	e := openVoices(t)
	ctx := context.Background()
	refs := make([]*Utterance, len(sentences))
	for i, text := range sentences {
		var err error
		if refs[i], err = e.Speak(ctx, Request{Text: text, Language: "en-US"}); err != nil {
			t.Fatal(err)
		}
	}
	said := map[string][]*Utterance{}
	voices := []string{"slt", "rms", "awb", "kal16"}
	for _, v := range voices {
		for _, text := range sentences {
			said[v] = append(said[v], fliteSays(t, v, text))
		}
	}
	for _, amount := range []struct {
		sentences   int
		agrees, off float64 // at least, at most
	}{{1, 0.70, 20}, {3, 0.75, 20}, {20, 0.80, 16}} {
		for _, v := range voices {
			var same, score, times, seconds, wrong float64
			var begins []float64
			for from := 0; from+amount.sentences <= len(sentences); from += amount.sentences {
				to := from + amount.sentences
				u := after(said[v][from:to])
				got, err := Align(ctx, u.Sound, joined(refs[from:to]), AlignOptions{})
				if err != nil {
					t.Fatal(err)
				}
				begins = append(begins, onsets(u.Timing, got)...)
				same, score, times, seconds = same+agreement(u.Timing, got, u.Sound.Seconds()), score+got.Score, times+1, seconds+u.Sound.Seconds()
				other := slices.Concat(refs[:from], refs[to:])
				if len(other) == 0 {
					other = slices.Clone(refs)
					slices.Reverse(other)
				}
				if got, err = Align(ctx, u.Sound, joined(other[:amount.sentences]), AlignOptions{}); err != nil {
					t.Fatal(err)
				}
				wrong += got.Score
			}
			slices.Sort(begins)
			same, score, wrong = same/times, score/times, wrong/times
			off := begins[len(begins)/2]
			t.Logf("%-5s %4.1f s: agrees in %.1f %%, closures begin %.0f ms off, score %.2f, wrong words %.2f", v, seconds/times, 100*same, off, score, wrong)
			if same < amount.agrees || off > amount.off || score < 0.7 || wrong >= ScoreFits {
				t.Errorf("%s, %d sentences: agrees in %.1f %%, closures begin %.0f ms off, score %.2f, wrong words %.2f", v, amount.sentences, 100*same, off, score, wrong)
			}
		}
	}
}
