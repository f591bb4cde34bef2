package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// KindTalk makes somebody in a video say something else.
const KindTalk = "talk"

// Auto, in Who.Person, is whose mouth moves with the video's own sound; where there is one person, that one.
const Auto = "auto"

// Talk is the spec of a task of KindTalk.
type Talk struct {
	Video Source `json:"video"`
	// More is further footage of the person, from which mouths are taken.
	More []Source `json:"more_footage,omitempty"`
	Says []Say    `json:"says"`
	// Words is what is said in the video: a plain text, SRT or VTT. It teaches how this person moves the mouth.
	Words         *Source `json:"words,omitempty"`
	WordsLanguage string  `json:"words_language,omitempty"` // BCP 47; "" is that of the first of Says
	Detector      string  `json:"detector,omitempty"`       // an added network that helps to find faces; "" for none

	Fit      lipsync.Fit `json:"fit"`
	Loudness float64     `json:"loudness"` // integrated, in LUFS
	// Background is the loudness of the video's own sound under the voice, in LU against the voice; nil
	// leaves it out. With Sides only what differs between its left and right is kept.
	Background *float64 `json:"background,omitempty"`
	Sides      bool     `json:"sides,omitempty"`

	From   time.Duration `json:"from,omitempty"` // the part of the video that is used
	To     time.Duration `json:"to,omitempty"`   // 0 is the end
	Codec  string        `json:"codec"`
	CRF    int           `json:"crf"`
	Preset string        `json:"preset"`
}

// Say is something to be said: exactly one of Text, Script and Audio is set.
type Say struct {
	Text   string  `json:"text,omitempty"`
	Script *Source `json:"script,omitempty"` // a file with the text
	Audio  *Source `json:"audio,omitempty"`  // a recording
	// Transcript is what is said in Audio: a plain text, SRT or VTT.
	Transcript *Source `json:"transcript,omitempty"`

	Language string  `json:"language,omitempty"` // BCP 47; "" is English
	Voice    string  `json:"voice,omitempty"`    // a speech.Voice.ID; "" is the language's own
	Tempo    float64 `json:"tempo,omitempty"`    // of the speech, .5…2; 0 is 1
	Pitch    float64 `json:"pitch,omitempty"`    // likewise

	// From is where it begins in the result; 0 is after the one before. With To, the tempo is changed within
	// natural bounds so that it fits.
	From time.Duration `json:"from,omitempty"`
	To   time.Duration `json:"to,omitempty"`

	Who Who `json:"who,omitzero"`
}

// Who says which person of a video is meant. The zero value is Auto.
type Who struct {
	Person string  `json:"person,omitempty"` // Auto, Largest or a number as printed by `twinsync faces`, from 1
	Like   *Source `json:"like,omitempty"`   // a photo
	At     *Spot   `json:"at,omitempty"`     // where the face is seen
}

// Spot is a place in a frame of the video.
type Spot struct {
	X    float64       `json:"x"` // pixels, as displayed
	Y    float64       `json:"y"`
	Time time.Duration `json:"time"` // from the video's start
}

// DefaultTalk is a video whose person says one thing.
func DefaultTalk(video Source, says ...Say) Talk {
	return Talk{Video: video, Says: says, Fit: lipsync.Remap, Loudness: -16, Codec: "h264", CRF: 18, Preset: "veryfast"}
}

// Limits of a spec.
const (
	maxSays = 500
	maxMore = 8
)

// Validate says what is wrong with the spec, naming the field.
func (s Talk) Validate() error {
	switch {
	case len(s.Says) == 0:
		return fault.New(fault.MissingField, "text", "there is nothing to say").WithHint("Give a text, a script or a recording.")
	case len(s.Says) > maxSays:
		return fault.New(fault.InvalidField, "text", "takes at most %d pieces, has %d", maxSays, len(s.Says))
	case len(s.More) > maxMore:
		return fault.New(fault.InvalidField, "more-footage", "takes at most %d clips, has %d", maxMore, len(s.More))
	}
	for _, say := range s.Says {
		if err := say.validate(); err != nil {
			return err
		}
	}
	if err := s.Fit.Validate(); err != nil {
		return err
	}
	if err := validDetector(s.Detector); err != nil {
		return err
	}
	mix := media.Mix{Parts: []media.Part{{}}, Length: 1, Loudness: s.Loudness, Peak: truePeak}
	if s.Background != nil {
		mix.Background = &media.Background{Level: *s.Background}
	} else if s.Sides {
		return fault.New(fault.InvalidField, "background", "the sides are kept of a background; there is none")
	}
	if err := mix.Validate(); err != nil {
		return err
	}
	if s.From < 0 || s.To < 0 || (s.To > 0 && s.To <= s.From) {
		return fault.New(fault.InvalidField, "to", "must lie after from")
	}
	return media.WriterOptions{Codec: s.Codec, CRF: s.CRF, Preset: s.Preset}.Check()
}

func (s Say) validate() error {
	given := 0
	for _, is := range []bool{s.Text != "", s.Script != nil, s.Audio != nil} {
		if is {
			given++
		}
	}
	switch {
	case given == 0, s.Script == nil && s.Audio == nil && strings.TrimSpace(s.Text) == "":
		return fault.New(fault.MissingField, "text", "there is nothing to say").WithHint("Give a text, a script or a recording.")
	case given > 1:
		return fault.New(fault.InvalidField, "text", "text, script and audio exclude each other")
	case s.Transcript != nil && s.Audio == nil:
		return fault.New(fault.InvalidField, "transcript", "is for a recording, and there is none")
	case s.Audio != nil && s.Voice != "":
		return fault.New(fault.InvalidField, "voice", "a recording has its own voice")
	case len(s.Text) > 4*speech.TextLimit:
		return fault.New(fault.TooLong, "text", "takes at most %d characters", speech.TextLimit).WithHint("Make several videos of it.")
	case s.From < 0 || s.To < 0 || s.To > 0 && s.To <= s.From:
		return fault.New(fault.InvalidField, "to", "must lie after from")
	}
	for name, v := range map[string]float64{"tempo": s.Tempo, "pitch": s.Pitch} {
		if v != 0 && !(v >= .5 && v <= 2) {
			return fault.New(fault.InvalidField, name, "must lie between 0.5 and 2")
		}
	}
	_, err := s.Who.number()
	return err
}

// number is the person's number from 1, or 0 when the choice is another.
func (w Who) number() (int, error) {
	if w.At != nil && (math.IsNaN(w.At.X+w.At.Y) || w.At.Time < 0) {
		return 0, fault.New(fault.InvalidField, "speaker", "is no place in the video")
	}
	if w.Like != nil || w.At != nil || w.Person == "" || w.Person == Auto || w.Person == Largest {
		return 0, nil
	}
	n, err := strconv.Atoi(w.Person)
	if err != nil || n < 1 {
		return 0, fault.New(fault.InvalidField, "speaker", "%q is no choice of a person", w.Person).
			WithHint("Use auto, largest, a number from 'twinsync faces', a photo of the person, or a place.")
	}
	return n, nil
}

// TalkOrder is a task of KindTalk, ready to be submitted once customer and key are set.
func TalkOrder(s Talk) (o task.Order, err error) {
	if err := s.Validate(); err != nil {
		return o, err
	}
	return order(KindTalk, s)
}

// readTalk gives a work the spec of a talk.
func readTalk(w *work) error {
	if err := json.Unmarshal(w.job.Task.Spec, &w.talk); err != nil {
		return fmt.Errorf("task spec: %w", err)
	}
	s := w.talk
	w.footage = footage{Video: s.Video, More: s.More, Detector: s.Detector, From: s.From, To: s.To, Codec: s.Codec, CRF: s.CRF, Preset: s.Preset}
	return s.Validate()
}
