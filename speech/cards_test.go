package speech

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

const piperCard = `card: 1
name: tiny_piper
kind: voice
licence: {id: CC0-1.0, commercial: yes}
files:
  - name: v.onnx
  - {name: v.onnx.json, role: config}
inputs:
  - {role: tokens, name: input, type: int64}
  - {role: lengths, name: input_lengths, type: int64}
  - {role: scales, name: scales}
outputs: [{role: audio, name: output}]
voice: {engine: piper, noise: 0.5}
`

const kokoroCard = `card: 1
name: tiny_kokoro
kind: voice
licence: {id: Apache-2.0, commercial: yes}
files:
  - name: k.onnx
  - {name: config.json, role: config}
  - {name: anna.bin, role: style}
  - {name: bert.npy, role: style}
inputs:
  - {role: tokens, name: tokens, type: int64}
  - {role: style, name: style}
  - {role: speed, name: speed}
outputs: [{role: audio, name: audio}, {role: durations, name: durations}]
voice: {engine: kokoro, language: en-US, phonemes: en-us, hop: 600}
`

const piperScript = `{"audio":{"sample_rate":16000},"espeak":{"voice":"en-us"},"language":{"code":"en_US"},"num_speakers":1,"phoneme_type":"espeak",
 "inference":{"noise_scale":0.2,"length_scale":2,"noise_w":0.8},
 "phoneme_id_map":{"_":[0],"^":[1],"$":[2]," ":[3],"h":[20],"ə":[59],"l":[24],"o":[27],"ʊ":[100],"ˈ":[120],"m":[25],"a":[14],"ɪ":[74],".":[10],",":[8]}}`

// cardStore is a store with one card and its files.
func cardStore(t *testing.T, card string, files map[string][]byte) func() (*infer.Store, error) {
	t.Helper()
	c, err := infer.ParseCard([]byte(card))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	store, err := infer.OpenStore(infer.StoreOptions{Dir: filepath.Join(dir, "models")})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if _, err := store.Add(t.Context(), infer.AddRequest{Card: c, Files: paths, By: "test", Now: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	return func() (*infer.Store, error) { return store, nil }
}

// cards opens a card's voice, or skips where espeak-ng is not installed.
func cards(t *testing.T, card string, files map[string][]byte) *CardSpeaker {
	t.Helper()
	e, err := OpenEspeak(EspeakOptions{})
	if fault.Is(err, fault.MissingProgram) {
		t.Skipf("espeak-ng is not installed (make setup installs it): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	s, err := OpenCardSpeaker(CardOptions{Store: cardStore(t, card, files), Infer: infer.Options{Provider: infer.CPU}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestPiperCard: the phonemes of a text are numbered as Piper does, and the scales are its own, by the tempo and the card's noise.
func TestPiperCard(t *testing.T) {
	s := cards(t, piperCard, map[string][]byte{"v.onnx": infertest.PiperVoice().Bytes(), "v.onnx.json": []byte(piperScript)})
	voices, err := s.Voices(t.Context())
	want := []Voice{{ID: "card:tiny_piper", Name: "tiny_piper", Language: "en-US", Licence: "CC0-1.0"}}
	if d := cmp.Diff(want, voices); d != "" || err != nil {
		t.Error(err, d)
	}
	for _, rate := range []float64{0, 2} {
		u, err := s.Speak(t.Context(), Request{Text: "Hello, my.", Language: "en", Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		var samples []float32
		//                          ^       h      ə      l      ˈ       o      ʊ       ,            m      a      ɪ      .      $
		for _, id := range []int64{1, 0, 20, 0, 59, 0, 24, 0, 120, 0, 27, 0, 100, 0, 8, 0, 3, 0, 25, 0, 120, 0, 14, 0, 74, 0, 10, 0, 2} {
			samples = append(samples, float32(id)*.001*2/float32(orOne(rate))+.2*.5)
		}
		if d := cmp.Diff(Sound{16000, samples}, u.Sound, cmpopts.EquateApprox(0, 1e-5)); d != "" || u.Timing != nil {
			t.Errorf("rate %g: %s", rate, d)
		}
	}
	u, err := s.Speak(t.Context(), Request{Text: "Hello. My.", Voice: "card:tiny_piper"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(u.Sound.Samples); n < int(.45*16000) {
		t.Errorf("%d samples: no pause between sentences", n)
	}
	for _, c := range []struct {
		r     Request
		code  fault.Code
		param string
	}{
		{Request{Text: ""}, fault.MissingField, "text"},
		{Request{Text: "a", Voice: "card:other"}, fault.InvalidField, "voice"},
		{Request{Text: "a", Voice: "card:../x"}, fault.InvalidField, "voice"},
		{Request{Text: "a", Voice: "card:tiny_piper/x"}, fault.InvalidField, "voice"},
		{Request{Text: "a", Language: "de"}, fault.InvalidField, "language"},
		{Request{Text: "sh", Voice: "card:tiny_piper", Rate: 9}, fault.InvalidField, "rate"},
	} {
		_, err := s.Speak(t.Context(), c.r)
		wantFault(t, err, c.code, c.param)
	}
}

// styleRows is n rows whose first numbers are 0, .001, .002 …
func styleRows(n int, scale float32) []byte {
	var b []byte
	for i := range n {
		for k := range infer.StyleSize {
			v := float32(0)
			if k == 0 {
				v = float32(i) * scale
			}
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// npy is a .npy of version 1 around rows.
func npy(rows []byte, n int) []byte {
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 1, 256), }", n)
	head += strings.Repeat(" ", 118-len(head)-1) + "\n"
	return append(append([]byte("\x93NUMPY\x01\x00\x76\x00"), head...), rows...)
}

// TestKokoroCard: tokens between zeros, the style's row for their number, and phones with the network's own durations.
func TestKokoroCard(t *testing.T) {
	files := map[string][]byte{
		"k.onnx": infertest.KokoroVoice().Bytes(), "config.json": []byte(`{"vocab":{"m":11,"ˈ":7,"a":12,"ɪ":13,".":4}}`),
		"anna.bin": styleRows(8, .001), "bert.npy": npy(styleRows(8, .01), 8),
	}
	s := cards(t, kokoroCard, files)
	voices, err := s.Voices(t.Context())
	if err != nil || len(voices) != 2 || voices[0].ID != "card:tiny_kokoro/anna" || voices[1].ID != "card:tiny_kokoro/bert" || !voices[0].Timed {
		t.Errorf("%v %v", voices, err)
	}
	for style, row := range map[string]float32{"anna": .005, "bert": .05} { // five symbols
		u, err := s.Speak(t.Context(), Request{Text: "My.", Voice: "card:tiny_kokoro/" + style, Rate: 1.5})
		if err != nil {
			t.Fatal(err)
		}
		var samples []float32
		for _, id := range []float32{0, 11, 7, 12, 13, 4, 0} {
			samples = append(samples, id*.001*1.5, row)
		}
		if d := cmp.Diff(Sound{24000, samples}, u.Sound, cmpopts.EquateApprox(0, 1e-6)); d != "" {
			t.Error(d)
		}
	}
	// A unit is 25 ms; each token takes two, the stress goes to the vowel, and the full stop is too short for a pause.
	got := tokenPhones([]string{"m", "ˈ", "a", "ɪ", "."}, []tokenSpan{{0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {4, 5, 6}}, []float32{2, 2, 2, 2, 2, 2, 2}, .025)
	want := []Phone{{"m", .05, .1}, {"a", .1, .2}, {"ɪ", .2, .3}}
	if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Error(d)
	}
	_, err = s.Speak(t.Context(), Request{Text: "Oh.", Voice: "card:tiny_kokoro/carl"})
	wantFault(t, err, fault.InvalidField, "voice")
}

// TestHostileVoices: what a voice's own files say is never believed.
func TestHostileVoices(t *testing.T) {
	replace := func(from, to string) []byte {
		if !strings.Contains(piperScript, from) {
			t.Fatalf("no %s in the script", from)
		}
		return []byte(strings.Replace(piperScript, from, to, 1))
	}
	for name, script := range map[string][]byte{
		"no JSON":   []byte("no"),
		"empty":     []byte("{}"),
		"rate":      replace("16000", "1"),
		"number":    replace("[59]", "[-1]"),
		"large":     replace("[59]", "[99999999]"),
		"many":      replace("[59]", "[1,2,3,4,5,6,7,8,9]"),
		"no pad":    replace(`"_":[0],`, ""),
		"scale":     replace(`"length_scale":2`, `"length_scale":0`),
		"pinyin":    replace(`"phoneme_type":"espeak"`, `"phoneme_type":"pinyin"`),
		"too large": bytes.Repeat([]byte(" "), scriptLimit+1),
	} {
		t.Run(name, func(t *testing.T) {
			s := cards(t, piperCard, map[string][]byte{"v.onnx": infertest.PiperVoice().Bytes(), "v.onnx.json": script})
			_, err := s.Speak(t.Context(), Request{Text: "Hello", Voice: "card:tiny_piper"})
			if f := fault.From(err); f == nil || f.Param != "voice" || f.Code != fault.Unsupported {
				t.Errorf("%v", err)
			}
			if v, err := s.Voices(t.Context()); err != nil || len(v) != 0 {
				t.Errorf("it is listed: %v %v", v, err)
			}
		})
	}
	for name, b := range map[string][]byte{"short": {1, 2, 3}, "NaN": bytes.Repeat([]byte{0xff}, 1024)} {
		t.Run(name, func(t *testing.T) {
			s := cards(t, kokoroCard, map[string][]byte{"k.onnx": infertest.KokoroVoice().Bytes(), "config.json": []byte(`{"vocab":{"m":11}}`), "anna.bin": b, "bert.npy": b})
			for _, style := range []string{"anna", "bert"} {
				_, err := s.Speak(t.Context(), Request{Text: "My", Voice: "card:tiny_kokoro/" + style})
				wantFault(t, err, fault.Unsupported, "voice")
			}
		})
	}
}
