package infer_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

const voiceCard = `card: 1
name: tiny
kind: voice
licence: {id: CC0-1.0, commercial: yes}
files: [{name: v.onnx}, {name: v.json, role: config}]
inputs:
  - {role: tokens, name: input, type: int64}
  - {role: lengths, name: input_lengths, type: int64}
  - {role: scales, name: scales}
outputs: [{role: audio, name: output}]
voice: {engine: piper}
`

func TestVoiceNetwork(t *testing.T) {
	r, err := infer.Open(infer.Options{Provider: infer.CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	card, err := infer.ParseCard([]byte(voiceCard))
	if err != nil {
		t.Fatal(err)
	}
	path := infertest.PiperVoice().Write(t, t.TempDir(), "v.onnx")
	n, err := r.OpenVoice(path, card)
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range [][]int64{{5}, {1, 2, 3, 400}} {
		out, err := n.Say(t.Context(), infer.VoiceInput{Tokens: tokens, Scales: [3]float32{.25, 2, 0}})
		if err != nil || len(out.Samples) != len(tokens) || out.Durations != nil {
			t.Fatalf("%v %v", out, err)
		}
		for i, id := range tokens {
			if want := float64(id)*.002 + .25; math.Abs(float64(out.Samples[i])-want) > 1e-6 {
				t.Errorf("sample %d is %g, want %g", i, out.Samples[i], want)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		in   infer.VoiceInput
		code fault.Code
	}{
		{t.Context(), infer.VoiceInput{}, fault.Internal},
		{t.Context(), infer.VoiceInput{Tokens: make([]int64, infer.MaxTokens+1)}, fault.Internal},
		{t.Context(), infer.VoiceInput{Tokens: []int64{1}, Scales: [3]float32{float32(math.NaN()), 1, 1}}, fault.Unsupported},
		{ctx, infer.VoiceInput{Tokens: []int64{1}}, fault.Canceled},
	} {
		if _, err := n.Say(c.ctx, c.in); !fault.Is(err, c.code) {
			t.Errorf("%v, want %s", err, c.code)
		}
	}
	n.Close()
	n.Close()
	if _, err := n.Say(t.Context(), infer.VoiceInput{Tokens: []int64{1}}); err == nil {
		t.Error("a closed network speaks")
	}
	more := infertest.PiperVoice()
	more.Input("extra", infertest.Float, 1)
	if _, err := r.OpenVoice(more.Write(t, t.TempDir(), "v.onnx"), card); !fault.Is(err, fault.InvalidField) || !strings.Contains(err.Error(), "also reads the input") {
		t.Error(err)
	}
	for words, change := range map[string][2]string{
		"has no such input":      {"name: input_lengths", "name: other"},
		"in the file, the card":  {"outputs: [{role: audio, name: output}]", "outputs: [{role: audio, name: output, type: float64}]"},
		"has no such output":     {"name: output", "name: nothing"},
		"is float32, must be in": {"name: input, type: int64", "name: input"},
	} {
		changed := strings.Replace(voiceCard, change[0], change[1], 1)
		c, err := infer.ParseCard([]byte(changed))
		if err == nil {
			_, err = r.OpenVoice(path, c)
		}
		if !fault.Is(err, fault.InvalidField) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}

func TestVoiceCards(t *testing.T) {
	for words, change := range map[string][2]string{
		"voice.engine":   {"engine: piper", "engine: parrot"},
		"voice.language": {"engine: piper", "engine: piper, language: '-x'"},
		"voice.noise":    {"engine: piper", "engine: piper, noise: 2"},
		"voice.rate":     {"engine: piper", "engine: piper, rate: 1"},
		"inputs":         {"  - {role: scales, name: scales}\n", ""},
		"files":          {", {name: v.json, role: config}", ""},
		"voice":          {"voice: {engine: piper}\n", ""},
		"package.path":   {"{name: v.onnx}", "{name: v.onnx, package: {registry: npm, name: a, version: 1.0.0, path: ../x}}"},
		"package.name":   {"{name: v.onnx}", "{name: v.onnx, package: {registry: pypi, name: '--index-url', version: 1.0.0, path: x}}"},
		"package.versio": {"{name: v.onnx}", "{name: v.onnx, package: {registry: npm, name: a, version: latest, path: x}}"},
		"package.regist": {"{name: v.onnx}", "{name: v.onnx, package: {registry: attic, name: a, version: '1', path: x}}"},
	} {
		if !strings.Contains(voiceCard, change[0]) {
			t.Fatal(change[0])
		}
		_, err := infer.ParseCard([]byte(strings.Replace(voiceCard, change[0], change[1], 1)))
		if err == nil || !strings.Contains(fault.From(err).Param, words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
