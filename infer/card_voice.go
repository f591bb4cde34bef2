package infer

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
)

// VoiceRule is how a network that speaks is fed.
type VoiceRule struct {
	// Engine is VoicePiper or VoiceKokoro.
	Engine string `yaml:"engine" json:"engine"`
	// Language of the voice, BCP 47; for Piper left out, its file's.
	Language string `yaml:"language,omitempty" json:"language,omitempty"`
	// Gender is "female", "male" or "".
	Gender string `yaml:"gender,omitempty" json:"gender,omitempty"`
	// Phonemes names the voice of espeak-ng whose phonemes the network reads, as in en-us; for Piper left out, its file's.
	Phonemes string `yaml:"phonemes,omitempty" json:"phonemes,omitempty"`
	// Rate in samples per second, for Kokoro 24000 unless given; Piper's file says it.
	Rate int `yaml:"rate,omitempty" json:"rate,omitempty"`
	// Speaker is the number of the speaker, in a network of several.
	Speaker int `yaml:"speaker,omitempty" json:"speaker,omitempty"`
	// Hop is how many samples one unit of the output durations is.
	Hop int `yaml:"hop,omitempty" json:"hop,omitempty"`
	// Noise is how much of the network's own randomness is used, 0…1. With 0, which it is unless given, the same words
	// always sound the same.
	Noise float64 `yaml:"noise,omitempty" json:"noise,omitempty"`
}

// The engines of voices.
const (
	// VoicePiper is VITS as Piper exports it: tokens [1, n], lengths [1], scales [3] (noise, length, width), with several speakers
	// also speaker [1]; audio. The file of the role config is its JSON.
	VoicePiper = "piper"
	// VoiceKokoro is StyleTTS 2 as Kokoro exports it: tokens [1, n], style [1, 256], speed [1]; audio. The file of the role config
	// is a JSON with its vocabulary, those of the role style are its voices, a row of 256 for each number of tokens.
	VoiceKokoro = "kokoro"
)

// StyleSize is the numbers of a style of Kokoro's.
const StyleSize = 256

// The roles of a voice's tensors and files.
const (
	RoleTokens    Role = "tokens"    // in: the numbers of phonemes
	RoleLengths   Role = "lengths"   // in: how many there are
	RoleScales    Role = "scales"    // in: noise, length, noise of lengths
	RoleSpeaker   Role = "speaker"   // in: who of several
	RoleStyle     Role = "style"     // in: how they speak
	RoleSpeed     Role = "speed"     // in: 1 is their own tempo
	RoleAudio     Role = "audio"     // out: samples, −1…1
	RoleDurations Role = "durations" // out: of each token, in units of Hop

	ConfigFile FileRole = "config" // a voice's JSON
	StyleFile  FileRole = "style"  // a voice of Kokoro's, .bin or .npy
)

func voiceInputs() []Role {
	return []Role{RoleTokens, RoleLengths, RoleScales, RoleSpeaker, RoleStyle, RoleSpeed}
}

var espeakName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,31}$`)

// checkVoice: the rule, and the files that its engine needs.
func (c ModelCard) checkVoice() error {
	v := c.Voice
	if (v != nil) != (c.Kind == Voice) {
		return bad("voice", "is for networks of the kind voice, which need it")
	}
	styles, configs := 0, 0
	for i, f := range c.Files {
		switch f.Role {
		case StyleFile:
			styles++
			if e := filepath.Ext(f.Name); e != ".bin" && e != ".npy" {
				return bad(fmt.Sprintf("files[%d].name", i), "a style is a .bin or .npy file")
			}
		case ConfigFile:
			configs++
		}
	}
	if v == nil {
		if styles+configs > 0 {
			return bad("files", "those of the roles config and style are for voices")
		}
		return nil
	}
	switch {
	case v.Engine != VoicePiper && v.Engine != VoiceKokoro:
		return bad("voice.engine", "is %q, must be %s or %s", short(v.Engine), VoicePiper, VoiceKokoro)
	case configs != 1:
		return lacking("files", "one must have the role %s: the voice's JSON", ConfigFile)
	case (styles > 0) != (v.Engine == VoiceKokoro):
		return bad("files", "those of the role %s are for %s, which needs one", StyleFile, VoiceKokoro)
	case v.Engine == VoiceKokoro && (v.Language == "" || v.Phonemes == ""):
		return lacking("voice.language", "language and phonemes must be said for %s", VoiceKokoro)
	case v.Language != "" && !espeakName.MatchString(v.Language), v.Phonemes != "" && !espeakName.MatchString(v.Phonemes):
		return bad("voice.language", "and phonemes are written as en-US and en-us")
	case v.Gender != "" && v.Gender != "female" && v.Gender != "male":
		return bad("voice.gender", "is %q, must be female or male", short(v.Gender))
	case v.Rate != 0 && (v.Rate < 8000 || v.Rate > 96_000):
		return bad("voice.rate", "must be from 8000 to 96000 samples a second")
	case v.Speaker < 0 || v.Speaker > 100_000:
		return bad("voice.speaker", "must be from 0 to 100000")
	case v.Hop < 0 || v.Hop > 1<<16:
		return bad("voice.hop", "must be from 0 to %d samples", 1<<16)
	case !within(v.Noise, 0, 1):
		return bad("voice.noise", "must be from 0 to 1")
	}
	wanted := []Role{RoleTokens, RoleLengths, RoleScales}
	if v.Engine == VoiceKokoro {
		wanted = []Role{RoleTokens, RoleStyle, RoleSpeed}
	}
	for _, r := range wanted {
		if _, ok := c.Input(r); !ok {
			return lacking("inputs", "one must have the role %s", r)
		}
	}
	for i, in := range c.Inputs {
		if !slices.Contains(wanted, in.Role) && (in.Role != RoleSpeaker || v.Engine != VoicePiper) {
			return bad(fmt.Sprintf("inputs[%d].role", i), "%s reads no %s", v.Engine, in.Role)
		}
		whole := in.Role == RoleTokens || in.Role == RoleLengths || in.Role == RoleSpeaker
		if want := map[bool]Element{true: Int64, false: Float32}[whole]; in.Type != want {
			return bad(fmt.Sprintf("inputs[%d].type", i), "is %s, must be %s for %s", in.Type, want, in.Role)
		}
	}
	return nil
}

// boundVoice is a voice's card held against its file: the tensors in the card's order.
type boundVoice struct {
	card            ModelCard
	inputs, outputs []graphTensor
}

// bindVoice compares a voice's card with a file. Lengths are open in such files, so that only names, types and what is fixed can be
// compared.
func bindVoice(c ModelCard, g *graph) (*boundVoice, error) {
	b := &boundVoice{card: c}
	for i, in := range c.Inputs {
		t, err := voiceTensor("input", i, in.Name, in.Type, g.inputs)
		if err != nil {
			return nil, err
		}
		if n := len(t.shape); t.shaped && (n < 1 || n > 3) {
			return nil, bad(fmt.Sprintf("inputs[%d].shape", i), "input %s is %s in the file", t.name, shapeText(t.shape))
		}
		fixed := map[Role]int64{RoleScales: 3, RoleStyle: StyleSize, RoleLengths: 1, RoleSpeaker: 1, RoleSpeed: 1}[in.Role]
		if n := len(t.shape); n > 0 && fixed > 0 && t.shape[n-1] > 0 && t.shape[n-1] != fixed {
			return nil, bad(fmt.Sprintf("inputs[%d].shape", i), "input %s is %s in the file; the %s of a voice are %d numbers", t.name, shapeText(t.shape), in.Role, fixed)
		}
		b.inputs = append(b.inputs, t)
	}
	for i, out := range c.Outputs {
		t, err := voiceTensor("output", i, out.Name, out.Type, g.outputs)
		if err != nil {
			return nil, err
		}
		b.outputs = append(b.outputs, t)
	}
	for _, t := range g.inputs {
		if !slices.ContainsFunc(b.inputs, func(have graphTensor) bool { return have.name == t.name }) {
			return nil, bad("inputs", "the file also reads the input %q (%s), which the card does not name", short(t.name), shapeText(t.shape))
		}
	}
	for i, t := range b.inputs {
		if slices.ContainsFunc(b.inputs[:i], func(have graphTensor) bool { return have.name == t.name }) {
			return nil, bad(fmt.Sprintf("inputs[%d].name", i), "%q is there twice", short(t.name))
		}
	}
	return b, nil
}

// voiceTensor finds one of the file's tensors and compares its type.
func voiceTensor(side string, i int, name string, element Element, have []graphTensor) (graphTensor, error) {
	at := fmt.Sprintf("%ss[%d]", side, i)
	place := i
	if name != "" {
		place = slices.IndexFunc(have, func(t graphTensor) bool { return t.name == name })
	}
	if place < 0 || place >= len(have) {
		return graphTensor{}, bad(at+".name", "the file has no such %s", side).WithHint("Its %ss are %s.", side, tensorNames(have))
	}
	t := have[place]
	if !tensorName.MatchString(t.name) || t.name == "" {
		return t, bad(at+".name", "the file's %s has a name that cannot be used", side)
	}
	if got := elementText(t.element); got != string(element) {
		return t, bad(at+".type", "%s %s is %s in the file, the card says %s", side, t.name, got, element)
	}
	return t, nil
}
