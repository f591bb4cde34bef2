package speech

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// EspeakOptions say how espeak-ng is reached. The zero value works in every program that answers the
// subcommand EspeakChild with ServeEspeak.
type EspeakOptions struct {
	// Command starts the child process; nil starts this program again with EspeakChild.
	Command []string
	// Library is the path of the shared library; "" looks where packages install it.
	Library string
	// Data is the folder of espeak-ng-data; "" is the library's own.
	Data string
}

// Limits of one request.
const (
	// TextLimit is the longest text in characters: some twenty minutes of speech.
	TextLimit = 20_000
	// speakTime is what saying the longest text may take. The library makes a minute of sound in about
	// half a second.
	speakTime = 2 * time.Minute
	// soundLimit bounds the samples that a child may send: an hour at 22,050 Hz.
	soundLimit = 22_050 * 3600
	// eventLimit bounds its events.
	eventLimit = 64 * TextLimit
)

// naturalSpeed is the speed in words per minute that Rate 1 stands for: people talk at 150 to 170, the
// library's own 175 is a little hasty for lips.
const naturalSpeed = 165

// Espeak is the espeak-ng synthesiser: robotic, over a hundred languages, and it knows exactly when it says
// which phone and which word. It runs in a child process, a fresh one for every text: the library keeps its
// oscillators' phases from one text to the next, and the same request shall give the same samples.
// (Ending and starting the library inside a process hangs it, in 1.51.) It is safe for concurrent use; texts are
// said one after the other.
type Espeak struct {
	options EspeakOptions
	mu      sync.Mutex // held for one request
	child   *child     // nil: not running
	voices  *espeakVoices
	closed  bool
}

// OpenEspeak starts the synthesiser, so that a missing library shows at once: fault.MissingProgram. Close it.
func OpenEspeak(o EspeakOptions) (*Espeak, error) {
	e := &Espeak{options: o}
	ctx, cancel := context.WithTimeout(context.Background(), speakTime)
	defer cancel()
	if err := e.list(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Close ends the child process. Requests under way fail; later ones too.
func (e *Espeak) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.drop()
}

// drop ends the child; e.mu is held.
func (e *Espeak) drop() {
	if e.child != nil {
		e.child.end()
		e.child = nil
	}
}

// Voices lists a voice and a female variant of it for every language that the library has.
func (e *Espeak) Voices(ctx context.Context) ([]Voice, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.list(ctx); err != nil {
		return nil, err
	}
	return e.voices.list(), nil
}

// list asks the library for its voices once; e.mu is held, or e is not shared yet.
func (e *Espeak) list(ctx context.Context) error {
	if e.voices != nil {
		return nil
	}
	var heard wireVoices
	err := e.ask(ctx, frameVoices, nil, func(kind byte, payload []byte) error {
		if kind != frameVoices {
			return errProtocol
		}
		return json.Unmarshal(payload, &heard)
	})
	if err != nil {
		return err
	}
	e.voices = newEspeakVoices(heard)
	if len(e.voices.base) == 0 {
		return missingEspeak("the library has no voices")
	}
	return nil
}

// Speak says a text. Without a language and a voice it is the one that the letters tell, or English. Word.Text are the words as the user wrote them, with their punctuation.
//
// Errors: fault.MissingField and InvalidField for "text", "language" and "voice", TooLong for the text,
// Unsupported for characters that the voice cannot say, MissingProgram where espeak-ng is not installed.
func (e *Espeak) Speak(ctx context.Context, r Request) (*Utterance, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.list(ctx); err != nil {
		return nil, err
	}
	if r.Language == "" {
		r.Language = writtenIn(r.Text)
	}
	voice, err := e.voices.choose(r.Voice, r.Language)
	if err != nil {
		return nil, err
	}
	text, err := prepare(r.Text, voice, e.voices)
	if err != nil {
		return nil, err
	}
	if e.child != nil && e.child.spoke {
		e.drop()
	}
	u := utterance{language: voice.language, words: text.words}
	request := wireSpeak{
		Speed: min(max(int(math.Round(naturalSpeed*orOne(r.Rate))), 80), 450),
		// The library's pitch 0…100 runs exponentially from half to twice its own.
		Pitch: min(max(int(math.Round(50+50*math.Log2(orOne(r.Pitch)))), 0), 100),
	}
	for i, piece := range text.pieces {
		if base, _, _ := strings.Cut(piece.voice, "+"); base != arabicVoice {
			continue
		}
		request.Voice, request.Text = piece.voice, string(piece.text)
		said, err := e.say(ctx, request)
		if err != nil {
			return nil, err
		}
		e.drop() // what was tried leaves no trace in what is said
		text.pieces[i] = easeArabic(piece, phonesOf(said, piece))
	}
	for _, piece := range text.pieces {
		request.Voice, request.Text = piece.voice, string(piece.text)
		said, err := e.say(ctx, request)
		if err != nil {
			return nil, err
		}
		u.add(said, piece)
	}
	return u.finish()
}

// checkRequest refuses what no voice could say.
func checkRequest(r Request) error {
	for name, x := range map[string]float64{"rate": r.Rate, "pitch": r.Pitch} {
		if x != 0 && !(x >= .5 && x <= 2) {
			return fault.New(fault.InvalidField, name, "%g is not between 0.5 and 2", x)
		}
	}
	return nil
}

func orOne(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// said is what the library made of one text.
type said struct {
	rate    int
	samples []float32
	events  []espeakEvent
}

// say has one text said; e.mu is held.
func (e *Espeak) say(ctx context.Context, r wireSpeak) (said, error) {
	payload, err := json.Marshal(r)
	if err != nil {
		return said{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, speakTime)
	defer cancel()
	var s said
	err = e.ask(ctx, frameSpeak, payload, func(kind byte, payload []byte) error {
		switch kind {
		case frameSound:
			if len(s.samples)+len(payload)/2 > soundLimit {
				return errProtocol
			}
			for i := 0; i+1 < len(payload); i += 2 {
				s.samples = append(s.samples, float32(int16(binary.LittleEndian.Uint16(payload[i:])))/(1<<15))
			}
			return nil
		case frameEvents:
			var events []espeakEvent
			if err := json.Unmarshal(payload, &events); err != nil {
				return err
			}
			if len(s.events)+len(events) > eventLimit {
				return errProtocol
			}
			s.events = append(s.events, events...)
			return nil
		}
		return errProtocol
	})
	if err != nil {
		return said{}, err
	}
	s.rate, e.child.spoke = e.child.rate, true
	return s, nil
}

// errProtocol is a child that does not keep to the protocol.
var errProtocol = errors.New("unexpected frame")

// ask sends a request and hands the frames of its answer to each, up to the last. A child that dies is
// started anew and asked once more: it may have died of the text before. e.mu is held.
func (e *Espeak) ask(ctx context.Context, kind byte, payload []byte, each func(byte, []byte) error) error {
	if e.closed {
		return fault.New(fault.Unavailable, "", "the synthesiser is closed")
	}
	for fresh := false; ; {
		if err := context.Cause(ctx); err != nil {
			return fault.From(err)
		}
		if e.child == nil {
			fresh = true
			c, err := startChild(ctx, e.options)
			if err != nil {
				return err
			}
			e.child = c
		}
		answered, err := e.child.ask(ctx, kind, payload, each)
		var refusal *wireRefusal
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refusal):
			return refusal.fault()
		}
		stderr := e.child.said()
		e.drop()
		if cause := context.Cause(ctx); cause != nil {
			return fault.From(cause)
		}
		if fresh || answered {
			return fault.New(fault.Unavailable, "", "espeak-ng broke off").WithCause(fmt.Errorf("%w: %s", err, stderr))
		}
	}
}

// fault is the refusal as users see it.
func (r *wireRefusal) fault() error {
	switch r.Reason {
	case refusedLibrary, refusedData:
		return missingEspeak(r.Detail)
	case refusedVoice:
		return fault.New(fault.InvalidField, "voice", "espeak-ng has no voice %q", r.Detail).WithHint("twinsync voices lists them.")
	}
	return fault.New(fault.Internal, "", "espeak-ng refuses a request").WithCause(r)
}

// missingEspeak says what to install.
func missingEspeak(detail string) error {
	return fault.New(fault.MissingProgram, "", "espeak-ng, which speaks texts, is not installed").
		WithHint("Install it (Debian, Ubuntu: sudo apt-get install libespeak-ng1; Fedora: espeak-ng; macOS: brew install espeak-ng), or give recorded sound instead of a text.").
		WithCause(errors.New(detail))
}

var _ Speaker = (*Espeak)(nil)
