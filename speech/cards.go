package speech

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// cardPrefix begins the IDs of the voices of model cards: "card:NAME", for Kokoro "card:NAME/STYLE".
const cardPrefix = "card:"

// mostLoaded is how many voices are kept loaded: a Piper voice takes some 150 MB.
const mostLoaded = 3

// CardOptions say where the networks are that speak, and what runs them.
type CardOptions struct {
	// Store has the networks; it is called at the first need.
	Store func() (*infer.Store, error)
	// Infer says how they are run.
	Infer infer.Options
	// Espeak gives the phonemes that they read.
	Espeak EspeakOptions
}

// CardSpeaker says texts with networks of model cards of the kind voice: Piper's and Kokoro's. The words are turned into phonemes by
// espeak-ng. It is safe for concurrent use; texts are said one after the other.
type CardSpeaker struct {
	options CardOptions

	mu      sync.Mutex
	store   *infer.Store
	runtime *infer.Runtime
	espeak  *Espeak
	loaded  []*cardVoice // the last used one last
}

// OpenCardSpeaker opens the store. Networks are loaded at the first need.
func OpenCardSpeaker(o CardOptions) (*CardSpeaker, error) {
	store, err := o.Store()
	if err != nil {
		return nil, err
	}
	return &CardSpeaker{options: o, store: store}, nil
}

// CardDriver is the voices of cards as a Driver.
func CardDriver(o CardOptions) Driver {
	return Driver{Prefix: strings.TrimSuffix(cardPrefix, ":"), Open: func(context.Context) (Speaker, error) { return OpenCardSpeaker(o) }}
}

// Close frees the networks.
func (s *CardSpeaker) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.loaded {
		v.network.Close()
	}
	s.loaded = nil
	if s.runtime != nil {
		_ = s.runtime.Close() // nothing can be done about it
		s.runtime = nil
	}
	if s.espeak != nil {
		s.espeak.Close()
		s.espeak = nil
	}
}

// Voices lists those that may be used, by language and name.
func (s *CardSpeaker) Voices(context.Context) ([]Voice, error) {
	list, err := s.store.List(false)
	if err != nil {
		return nil, err
	}
	var out []Voice
	for _, l := range list {
		if l.Card.Kind != infer.Voice || l.State != infer.StateReady {
			continue
		}
		in, err := s.store.Get(l.Name)
		if err != nil {
			continue // it has gone just now
		}
		script, err := readScript(in)
		if err != nil {
			continue // models check says what is wrong with it
		}
		for _, style := range script.styles(in.Card) {
			v := Voice{ID: cardPrefix + l.Name, Name: cmp.Or(l.Card.Title, l.Name), Language: script.language, Gender: l.Card.Voice.Gender, Licence: l.Card.Licence.ID, Timed: timedCard(in.Card)}
			if style != "" {
				v.ID, v.Name = v.ID+"/"+style, v.Name+", "+style
			}
			out = append(out, v)
		}
	}
	sortVoices(out)
	return out, nil
}

// timedCard tells whether a network says how long each phoneme is.
func timedCard(c infer.ModelCard) bool {
	_, ok := c.Output(infer.RoleDurations)
	return ok && c.Voice.Hop > 0
}

// Speak says a text, sentence by sentence. Without a voice, the first of the language says it.
//
// Errors: fault.MissingField, InvalidField, TooLong, Unsupported for the text; InvalidField for voice and language; MissingProgram without
// espeak-ng or ONNX Runtime; those of the network's files.
func (s *CardSpeaker) Speak(ctx context.Context, r Request) (*Utterance, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	if err := checkText(r.Text); err != nil {
		return nil, err
	}
	id := r.Voice
	if id == "" || id == cardPrefix {
		voices, err := s.Voices(ctx)
		if err != nil {
			return nil, err
		}
		if voices = VoicesFor(voices, cmp.Or(r.Language, "en")); len(voices) == 0 {
			return nil, fault.New(fault.InvalidField, "language", "no added voice speaks %s", printable(cmp.Or(r.Language, "en"))).WithHint("twinsync voices lists what can be spoken.")
		}
		id = voices[0].ID
	}
	name, style, _ := strings.Cut(strings.TrimPrefix(id, cardPrefix), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.voice(ctx, name, style)
	if err != nil {
		return nil, err
	}
	return v.speak(ctx, s.espeak, r)
}

// voice loads one, or gives it where it is loaded; s.mu is held.
func (s *CardSpeaker) voice(ctx context.Context, name, style string) (*cardVoice, error) {
	if err := infer.ValidModelName("voice", name); err != nil {
		return nil, err
	}
	in, err := s.store.Load(ctx, name)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, fault.New(fault.InvalidField, "voice", "there is no added voice %q", name).WithHint("twinsync voices lists them; %s adds it.", infer.Obtain(name)).WithCause(err)
	case err != nil:
		return nil, err
	case in.Card.Kind != infer.Voice:
		return nil, fault.New(fault.InvalidField, "voice", "the network %q is a %s and does not speak", name, in.Card.Kind).WithHint("twinsync voices lists those that do.")
	}
	if s.espeak == nil {
		if s.espeak, err = OpenEspeak(s.options.Espeak); err != nil {
			return nil, err
		}
	}
	digest := in.Card.Network().SHA256
	i := slices.IndexFunc(s.loaded, func(v *cardVoice) bool { return v.card.Name == name && v.digest == digest && v.style == style })
	if i >= 0 {
		v := s.loaded[i]
		s.loaded = append(slices.Delete(s.loaded, i, i+1), v)
		return v, nil
	}
	script, err := readScript(in)
	if err != nil {
		return nil, err
	}
	v := &cardVoice{card: in.Card, digest: digest, style: style, script: script}
	if v.rows, err = readStyle(in, style); err != nil {
		return nil, err
	}
	if s.runtime == nil {
		if s.runtime, err = infer.Open(s.options.Infer); err != nil {
			return nil, err
		}
	}
	if v.network, err = s.runtime.OpenVoice(in.Path(in.Card.Network()), in.Card); err != nil {
		return nil, err
	}
	if s.loaded = append(s.loaded, v); len(s.loaded) > mostLoaded {
		s.loaded[0].network.Close()
		s.loaded = slices.Delete(s.loaded, 0, 1)
	}
	return v, nil
}

var _ Speaker = (*CardSpeaker)(nil)
