package speech

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/twinsync/twinsync/fault"
)

// openAIPrefix begins the IDs of the voices of OpenAI-compatible services.
const openAIPrefix = "openai:"

// openAIText is the most characters of one call, as OpenAI's reference of POST /audio/speech says.
const openAIText = 4096

// OpenAIOptions say how an OpenAI-compatible service is asked; many programs that run on one's own machine are such services.
type OpenAIOptions struct {
	ServiceOptions
	// Model is the service's name of what speaks, hears or translates; "" is "tts-1", "whisper-1" or "gpt-4o-mini".
	Model string
	// Voices are the names of its voices. Where there are none, the service is asked (GET /audio/voices, which some
	// have), and after that those of OpenAI's own service are listed, without refusing others.
	Voices []string
}

// OpenAISpeaker has texts said by an OpenAI-compatible service: POST {URL}/audio/speech. It never knows when what is said.
type OpenAISpeaker struct {
	service *service
	options OpenAIOptions

	mu     sync.Mutex
	voices []string
	closed bool // nothing but these are voices
}

// OpenOpenAISpeaker checks the options; the service is asked at the first need.
func OpenOpenAISpeaker(o OpenAIOptions) (*OpenAISpeaker, error) {
	s, err := newService(o.ServiceOptions)
	if err != nil {
		return nil, err
	}
	if o.Model == "" {
		o.Model = "tts-1"
	}
	return &OpenAISpeaker{service: s, options: o, voices: slices.Clone(o.Voices), closed: len(o.Voices) > 0}, nil
}

// OpenAIDriver is such a service as a Driver.
func OpenAIDriver(o OpenAIOptions) Driver {
	return Driver{Prefix: strings.TrimSuffix(openAIPrefix, ":"), Open: func(context.Context) (Speaker, error) { return OpenOpenAISpeaker(o) }}
}

// Close ends its connections.
func (s *OpenAISpeaker) Close() { s.service.close() }

// Voices lists them by name; each speaks any language that the service knows.
func (s *OpenAISpeaker) Voices(ctx context.Context) ([]Voice, error) {
	names, _, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Voice, len(names))
	for i, n := range names {
		out[i] = Voice{ID: openAIPrefix + n, Name: n}
	}
	sortVoices(out)
	return out, nil
}

// names are the voices; closed tells that there are no others.
func (s *OpenAISpeaker) names(ctx context.Context) (names []string, closed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.voices != nil {
		return s.voices, s.closed, nil
	}
	var heard struct {
		Voices []json.RawMessage `json:"voices"`
	}
	err = s.service.askJSON(ctx, call{method: http.MethodGet, path: "/audio/voices", bearer: true}, nil, &heard)
	if err != nil {
		// A service that has no such call says so in many ways; one that is out of reach or refuses the key says it here too.
		if f := fault.From(err); f.Code == fault.Unreachable || f.Code == fault.InvalidKey || f.Code == fault.Timeout || f.Code == fault.Canceled || f.Code == fault.ForbiddenAddress {
			return nil, false, err
		}
	}
	for _, raw := range heard.Voices {
		var name string
		var object struct{ ID, Name string }
		if json.Unmarshal(raw, &name) != nil && json.Unmarshal(raw, &object) == nil {
			if name = object.ID; name == "" {
				name = object.Name
			}
		}
		if validVoiceName(name) && !slices.Contains(s.voices, name) && len(s.voices) < 10_000 {
			s.voices = append(s.voices, name)
		}
	}
	if s.closed = len(s.voices) > 0; !s.closed {
		s.voices = []string{"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"}
	}
	return s.voices, s.closed, nil
}

// validVoiceName tells whether a name can be shown and asked for.
func validVoiceName(name string) bool {
	return name != "" && len(name) <= 128 && printable(name) == name
}

// Speak says a text, in several calls where it is long. Without a voice the first one says it. The service finds out the
// language by itself.
//
// Errors: fault.MissingField, InvalidField, TooLong for the text; InvalidField for the voice; those of the service (InvalidKey,
// Unreachable, Unavailable, Timeout, Unsupported); NotMedia where it answers no sound, MissingProgram without FFmpeg.
func (s *OpenAISpeaker) Speak(ctx context.Context, r Request) (*Utterance, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	text := cleanText(r.Text)
	if err := checkText(text); err != nil {
		return nil, err
	}
	names, closed, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	voice := strings.TrimPrefix(r.Voice, openAIPrefix)
	switch {
	case voice == "":
		voice = names[0]
	case closed && !slices.Contains(names, voice), !validVoiceName(voice):
		return nil, fault.New(fault.InvalidField, "voice", "the service has no voice %q", printable(voice)).WithHint("twinsync voices lists them.")
	}
	pieces := cutText(text, openAIText)
	sounds := make([]Sound, len(pieces))
	for i, p := range pieces {
		if sounds[i], err = s.say(ctx, p.text, voice, orOne(r.Rate)); err != nil {
			return nil, err
		}
	}
	sound, err := pitched(ctx, joinSounds(sounds, pieces), r.Pitch)
	if err != nil {
		return nil, err
	}
	return &Utterance{Sound: sound}, nil
}

// say is one call.
func (s *OpenAISpeaker) say(ctx context.Context, text, voice string, speed float64) (Sound, error) {
	request := map[string]any{"model": s.options.Model, "input": text, "voice": voice, "response_format": "wav"}
	if speed != 1 { // some services know no such field
		request["speed"] = speed
	}
	body, err := json.Marshal(request)
	if err != nil {
		return Sound{}, err
	}
	a, err := s.service.ask(ctx, call{
		method: http.MethodPost, path: "/audio/speech", kind: "application/json", body: body, accept: "audio/*", limit: soundAnswer, bearer: true,
	})
	if err != nil {
		return Sound{}, err
	}
	if a.kind == "application/json" || strings.HasPrefix(a.kind, "text/") || len(a.body) == 0 {
		return Sound{}, s.service.nonsense("no sound", errors.New(printable(a.kind+" "+s.service.detail(a.body))))
	}
	sound, err := decodeSound(ctx, a.body)
	if err != nil {
		return Sound{}, s.service.badSound(err)
	}
	return sound, nil
}

// badSound names the service in the error of a sound that cannot be read.
func (s *service) badSound(err error) error {
	switch f := fault.From(err); f.Code {
	case fault.NotMedia, fault.Empty, fault.NoSound, fault.Truncated:
		return s.nonsense("a sound that cannot be read", err)
	case fault.TooLong, fault.TooLarge:
		return f.WithParam("text")
	}
	return err
}

var _ Speaker = (*OpenAISpeaker)(nil)
