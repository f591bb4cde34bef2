package speech

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/twinsync/twinsync/fault"
)

// Driver is one source of voices: a synthesiser, an endpoint, a folder of cards.
type Driver struct {
	// Prefix is what its Voice.IDs begin with, before the colon: "espeak".
	Prefix string
	// Open gives the Speaker; it is called at the first need, and again at the next one after an error. A Speaker
	// with a method Close() is closed by Speakers.Close.
	Open func(ctx context.Context) (Speaker, error)
}

// Speakers is several drivers as one Speaker: a voice's ID says whose it is. It is safe for concurrent use.
type Speakers struct {
	drivers []Driver
	mu      sync.Mutex
	open    map[string]Speaker
	closed  bool
}

// NewSpeakers joins drivers. Where a request names no voice, the first that speaks the language says it.
func NewSpeakers(drivers ...Driver) *Speakers {
	return &Speakers{drivers: drivers, open: map[string]Speaker{}}
}

// EspeakDriver is the built-in synthesiser as a Driver.
func EspeakDriver(o EspeakOptions) Driver {
	return Driver{Prefix: strings.TrimSuffix(espeakPrefix, ":"), Open: func(context.Context) (Speaker, error) { return OpenEspeak(o) }}
}

// Close closes what was opened.
func (s *Speakers) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, speaker := range s.open {
		if c, ok := speaker.(interface{ Close() }); ok {
			c.Close()
		}
	}
	clear(s.open)
}

// speaker opens a driver once.
func (s *Speakers) speaker(ctx context.Context, d Driver) (Speaker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fault.New(fault.Unavailable, "", "the voices are closed")
	}
	if speaker := s.open[d.Prefix]; speaker != nil {
		return speaker, nil
	}
	speaker, err := d.Open(ctx)
	if err != nil {
		return nil, err
	}
	s.open[d.Prefix] = speaker
	return speaker, nil
}

// Voices lists the voices of all drivers. Where some drivers do not answer, it gives the voices of the others and
// the errors, joined.
func (s *Speakers) Voices(ctx context.Context) ([]Voice, error) {
	var all []Voice
	var errs []error
	for _, d := range s.drivers {
		speaker, err := s.speaker(ctx, d)
		if err == nil {
			var voices []Voice
			if voices, err = speaker.Voices(ctx); err == nil {
				all = append(all, voices...)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	sortVoices(all)
	return all, errors.Join(errs...)
}

// Speak has the driver say it that the voice belongs to. The errors are that driver's; a voice of no driver is
// fault.InvalidField.
func (s *Speakers) Speak(ctx context.Context, r Request) (*Utterance, error) {
	if r.Voice != "" {
		prefix, _, _ := strings.Cut(r.Voice, ":")
		i := slices.IndexFunc(s.drivers, func(d Driver) bool { return d.Prefix == prefix })
		if i < 0 {
			return nil, fault.New(fault.InvalidField, "voice", "%q is none of the voices", r.Voice).WithHint("twinsync voices lists them.")
		}
		speaker, err := s.speaker(ctx, s.drivers[i])
		if err != nil {
			return nil, err
		}
		return speaker.Speak(ctx, r)
	}
	var first error
	for _, d := range s.drivers {
		speaker, err := s.speaker(ctx, d)
		if err == nil {
			var u *Utterance
			if u, err = speaker.Speak(ctx, r); err == nil {
				return u, nil
			}
		}
		if first == nil {
			first = err
		}
		// Only what another driver may do better goes on to it.
		if f := fault.From(err); f.Code != fault.MissingProgram && (f.Code != fault.InvalidField || f.Param != "language") {
			return nil, err
		}
	}
	if first == nil {
		first = fault.New(fault.Unsupported, "voice", "there is nothing that could speak")
	}
	return nil, first
}

var _ Speaker = (*Speakers)(nil)
