package config

import (
	"encoding/json"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// Voices is the settings of what speaks, hears and translates, beside the voices that are built in: services that the operator
// names, and programs. They are flags of serve, worker and of the local commands that speak.
type Voices struct {
	SpeechURL     string   `name:"speech-url" placeholder:"URL" help:"OpenAI-compatible service that speaks, as in http://127.0.0.1:8880/v1."`
	SpeechKey     string   `name:"speech-key" placeholder:"KEY" help:"Its key; better in the environment or the file than on a command line."`
	SpeechModel   string   `name:"speech-model" placeholder:"NAME" help:"Its model; otherwise tts-1."`
	SpeechVoices  []string `name:"speech-voices" placeholder:"NAMES" help:"Its voices or those of speech-command; otherwise the service is asked."`
	SpeechCommand []string `name:"speech-command" placeholder:"WORD" sep:"none" help:"Program that speaks, a word at a time: {text} or standard input to {output} or standard output."`

	TranscribeURL     string   `name:"transcribe-url" placeholder:"URL" help:"OpenAI-compatible service that writes down what is said."`
	TranscribeKey     string   `name:"transcribe-key" placeholder:"KEY" help:"Its key."`
	TranscribeModel   string   `name:"transcribe-model" placeholder:"NAME" help:"Its model, otherwise whisper-1; with whisper-cli the file of its network."`
	TranscribeCommand []string `name:"transcribe-command" placeholder:"WORD" sep:"none" help:"Program that writes down what is said in {input}; whisper-cli alone is whisper.cpp."`

	TranslateURL     string   `name:"translate-url" placeholder:"URL" help:"Service that translates."`
	TranslateKey     string   `name:"translate-key" placeholder:"KEY" help:"Its key."`
	TranslateModel   string   `name:"translate-model" placeholder:"NAME" help:"Its model; otherwise gpt-4o-mini."`
	TranslateAPI     string   `name:"translate-api" default:"openai" placeholder:"NAME" help:"What it is: openai (a chat) or libretranslate."`
	TranslateCommand []string `name:"translate-command" placeholder:"WORD" sep:"none" help:"Program that translates: {text} or lines on standard input, {from}, {to}."`
}

// The kinds of translating services.
const (
	OpenAIChat     = "openai"
	LibreTranslate = "libretranslate"
)

// Validate checks the settings' words; whether the services answer is known when they are asked.
func (v Voices) Validate() error {
	var all problems
	v.check(&all)
	return all.err()
}

func (v Voices) check(all *problems) {
	for _, s := range []struct {
		name, url, key string
		command        []string
	}{
		{"speech", v.SpeechURL, v.SpeechKey, v.SpeechCommand},
		{"transcribe", v.TranscribeURL, v.TranscribeKey, v.TranscribeCommand},
		{"translate", v.TranslateURL, v.TranslateKey, v.TranslateCommand},
	} {
		if s.url != "" {
			all.check(s.name+"-url", publicURL(s.url))
		} else if s.key != "" {
			all.add(s.name+"-key", "is for a service, and %s-url names none", s.name)
		}
		if _, err := ParseCommand(s.command); err != nil {
			all.add(s.name+"-command", "%s", fault.From(err).Text)
		}
		if s.name != "speech" && s.url != "" && len(s.command) > 0 {
			all.add(s.name+"-command", "and %s-url are both set, and one is enough", s.name)
		}
	}
	all.oneOf("translate-api", v.TranslateAPI, "", OpenAIChat, LibreTranslate)
}

// Environ is the settings as variables of the environment, for a process of one's own: arguments can be read by everybody on the
// machine, and among these are keys and addresses.
func (v Voices) Environ() []string {
	list := func(words []string) string {
		if len(words) == 0 {
			return ""
		}
		b, err := json.Marshal(words)
		if err != nil { // strings always can
			return ""
		}
		return string(b)
	}
	var out []string
	for _, s := range [][2]string{
		{"SPEECH_URL", v.SpeechURL}, {"SPEECH_KEY", v.SpeechKey}, {"SPEECH_MODEL", v.SpeechModel},
		{"SPEECH_VOICES", strings.Join(v.SpeechVoices, ",")}, {"SPEECH_COMMAND", list(v.SpeechCommand)},
		{"TRANSCRIBE_URL", v.TranscribeURL}, {"TRANSCRIBE_KEY", v.TranscribeKey}, {"TRANSCRIBE_MODEL", v.TranscribeModel}, {"TRANSCRIBE_COMMAND", list(v.TranscribeCommand)},
		{"TRANSLATE_URL", v.TranslateURL}, {"TRANSLATE_KEY", v.TranslateKey}, {"TRANSLATE_MODEL", v.TranslateModel},
		{"TRANSLATE_API", v.TranslateAPI}, {"TRANSLATE_COMMAND", list(v.TranslateCommand)},
	} {
		if s[1] != "" {
			out = append(out, "TWINSYNC_"+s[0]+"="+s[1])
		}
	}
	return out
}

// ParseCommand reads a command as settings give it: a list of words, or one word that is such a list in JSON, for an environment
// variable. It never splits at spaces.
func ParseCommand(words []string) ([]string, error) {
	if len(words) != 1 || !strings.HasPrefix(strings.TrimSpace(words[0]), "[") {
		return words, nil
	}
	var out []string
	if err := json.Unmarshal([]byte(words[0]), &out); err != nil {
		return nil, fault.New(fault.InvalidField, "", `must be a list of words, in an environment variable as ["program","argument"]`).WithCause(err)
	}
	return out, nil
}
