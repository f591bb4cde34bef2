package app

import (
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/speech"
)

// OpenSpeakers gives the voices that are there to use: those that are built in, and the operator's. Nothing is started or asked before
// it is needed. models has the voices that were added as networks, which o runs; nil for none. Close it.
func OpenSpeakers(v config.Voices, models func() (*infer.Store, error), o infer.Options) (*speech.Speakers, error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	drivers := []speech.Driver{speech.EspeakDriver(speech.EspeakOptions{})}
	if models != nil {
		drivers = append(drivers, speech.CardDriver(speech.CardOptions{Store: models, Infer: o}))
	}
	if v.SpeechURL != "" {
		drivers = append(drivers, speech.OpenAIDriver(speech.OpenAIOptions{
			ServiceOptions: speech.ServiceOptions{URL: v.SpeechURL, Key: v.SpeechKey, Setting: "speech"}, Model: v.SpeechModel, Voices: v.SpeechVoices,
		}))
	}
	if len(v.SpeechCommand) > 0 {
		o, err := command("speech", v.SpeechCommand)
		if err != nil {
			return nil, err
		}
		voices := v.SpeechVoices
		if v.SpeechURL != "" {
			voices = nil // they are the service's
		}
		drivers = append(drivers, speech.CommandDriver(o, voices))
	}
	return speech.NewSpeakers(drivers...), nil
}

// openReference gives the voice that says words so that they can be found in a sound: the one that knows when it says
// what. Close it.
func openReference() *speech.Speakers {
	return speech.NewSpeakers(speech.EspeakDriver(speech.EspeakOptions{}))
}

// OpenTranscriber gives what writes down what is said. Nothing is asked before it is needed.
//
// Errors: those of the settings; fault.Unsupported where there is none.
func OpenTranscriber(v config.Voices) (speech.Transcriber, error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	service := speech.ServiceOptions{URL: v.TranscribeURL, Key: v.TranscribeKey, Setting: "transcribe"}
	switch {
	case v.TranscribeURL != "":
		return speech.OpenOpenAITranscriber(speech.OpenAIOptions{ServiceOptions: service, Model: v.TranscribeModel})
	case len(v.TranscribeCommand) > 0:
		o, err := command("transcribe", v.TranscribeCommand)
		if err != nil {
			return nil, err
		}
		return speech.OpenCommandTranscriber(o, v.TranscribeModel)
	}
	return nil, fault.New(fault.Unsupported, "transcribe-url", "nothing is set up that writes down what is said").
		WithHint("Set --transcribe-url to an OpenAI-compatible service or --transcribe-command to a program such as whisper-cli, or give the words as SRT, VTT or text.")
}

// OpenTranslator gives what translates. Nothing is asked before it is needed.
//
// Errors: those of the settings; fault.Unsupported where there is none.
func OpenTranslator(v config.Voices) (speech.Translator, error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	service := speech.ServiceOptions{URL: v.TranslateURL, Key: v.TranslateKey, Setting: "translate"}
	switch {
	case v.TranslateURL != "" && v.TranslateAPI == config.LibreTranslate:
		return speech.OpenLibreTranslate(service)
	case v.TranslateURL != "":
		return speech.OpenOpenAITranslator(speech.OpenAIOptions{ServiceOptions: service, Model: v.TranslateModel})
	case len(v.TranslateCommand) > 0:
		o, err := command("translate", v.TranslateCommand)
		if err != nil {
			return nil, err
		}
		return speech.OpenCommandTranslator(o)
	}
	return nil, fault.New(fault.Unsupported, "translate-url", "nothing is set up that translates").
		WithHint("Set --translate-url to an OpenAI-compatible chat or a LibreTranslate server or --translate-command to a program, or give the translation as SRT or VTT.")
}

// openWords gives what writes down and what translates, nil for what is not set up.
func openWords(v config.Voices) (hears speech.Transcriber, translates speech.Translator, err error) {
	if v.TranscribeURL != "" || len(v.TranscribeCommand) > 0 {
		if hears, err = OpenTranscriber(v); err != nil {
			return nil, nil, err
		}
	}
	if v.TranslateURL != "" || len(v.TranslateCommand) > 0 {
		if translates, err = OpenTranslator(v); err != nil {
			return nil, nil, err
		}
	}
	return hears, translates, nil
}

// command is a program of the settings.
func command(setting string, words []string) (speech.CommandOptions, error) {
	words, err := config.ParseCommand(words)
	return speech.CommandOptions{Command: words, Setting: setting}, err
}

// OpenVoices is OpenSpeakers for a command that has the places of added networks.
func OpenVoices(v config.Voices, models ModelsRequest) (*speech.Speakers, error) {
	return OpenSpeakers(v, models.store, infer.Options{Provider: models.Provider, Threads: voiceThreads})
}

// voiceThreads is how many cores a network that speaks may use: nothing else runs while it does.
const voiceThreads = 2
