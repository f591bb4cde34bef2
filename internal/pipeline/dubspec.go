package pipeline

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/lipsync"
)

// KindDub makes the people of a video say what they say in another language.
const KindDub = "dub"

// Words is the stage in which a dub gets its words: written down, translated.
const Words = "words"

// Dub is the spec of a task of KindDub.
type Dub struct {
	Video Source   `json:"video"`
	More  []Source `json:"more_footage,omitempty"` // of the person, from which mouths are taken

	Language string `json:"language"`           // BCP 47, into which it is dubbed
	Original string `json:"original,omitempty"` // that of the video; "" is what the words or the transcriber say
	// Source is what is said in the video, and Target the same in Language: SRT or VTT. Without Target, Source is translated;
	// without both, what is said is written down first.
	Source *Source `json:"source,omitempty"`
	Target *Source `json:"target,omitempty"`

	// Cast says who speaks the cues of a speaker, and with which voice. The one with the Name "" is for all others.
	Cast []Character `json:"cast,omitempty"`
	// Recordings are said instead of what the voice makes of a cue.
	Recordings []Recording `json:"recordings,omitempty"`

	Detector string  `json:"detector,omitempty"` // an added network that helps to find faces; "" for none
	Loudness float64 `json:"loudness"`           // integrated, in LUFS
	// Background is the loudness of the video's own sound while somebody is dubbed, in LU against the voice; in between it
	// is as loud as the voice. nil leaves it out. With Sides only what differs between its left and right is kept.
	Background *float64 `json:"background,omitempty"`
	Sides      bool     `json:"sides,omitempty"`

	From   time.Duration `json:"from,omitempty"` // the part of the video that is used
	To     time.Duration `json:"to,omitempty"`   // 0 is the end
	Codec  string        `json:"codec"`
	CRF    int           `json:"crf"`
	Preset string        `json:"preset"`
}

// Character is somebody who speaks in a video.
type Character struct {
	Name  string `json:"name,omitempty"`  // as the subtitles call the speaker
	Voice string `json:"voice,omitempty"` // a speech.Voice.ID; "" is the language's own
	Who   Who    `json:"who,omitzero"`
}

// Recording is a recording of one cue's text.
type Recording struct {
	Text  string `json:"text"`
	Sound Source `json:"sound"`
}

// DefaultDub is a video in another language.
func DefaultDub(video Source, language string) Dub {
	under := -18.0
	return Dub{Video: video, Language: language, Background: &under, Loudness: -16, Codec: "h264", CRF: 18, Preset: "veryfast"}
}

// maxSegments bounds the cues of a dub: the record of a task names each of them.
const maxSegments = 1000

// Validate says what is wrong with the spec, naming the field.
func (s Dub) Validate() error {
	switch {
	case s.Language == "":
		return fault.New(fault.MissingField, "to", "there is no language to dub into").WithHint("Name one, as in de or pt-BR; 'twinsync languages' lists them.")
	case len(s.Recordings) > maxSegments:
		return fault.New(fault.InvalidField, "recordings", "takes at most %d recordings, has %d", maxSegments, len(s.Recordings))
	case len(s.Cast) > maxSays:
		return fault.New(fault.InvalidField, "cast", "takes at most %d speakers, has %d", maxSays, len(s.Cast))
	}
	seen := map[string]bool{}
	for _, c := range s.Cast {
		if seen[c.Name] {
			return fault.New(fault.InvalidField, "cast", "the speaker %q is named twice", c.Name)
		}
		seen[c.Name] = true
		if _, err := c.Who.number(); err != nil {
			return err
		}
	}
	t := s.talk()
	t.Says = []Say{{Text: "x"}} // its words come later
	return t.Validate()
}

// talk is the talk that a dub becomes, without its words.
func (s Dub) talk() Talk {
	return Talk{
		Video: s.Video, More: s.More, WordsLanguage: s.Original, Detector: s.Detector, Fit: lipsync.Silence,
		Loudness: s.Loudness, Background: s.Background, Sides: s.Sides, From: s.From, To: s.To, Codec: s.Codec, CRF: s.CRF, Preset: s.Preset,
	}
}

// characters are the cast with somebody for everybody who is not in it, who comes last.
func (s Dub) characters() []Character {
	var list []Character
	other := Character{}
	for _, c := range s.Cast {
		if c.Name == "" {
			other = c
		} else {
			list = append(list, c)
		}
	}
	return append(list, other)
}

// DubOrder is a task of KindDub, ready to be submitted once customer and key are set.
func DubOrder(s Dub) (o task.Order, err error) {
	if err := s.Validate(); err != nil {
		return o, err
	}
	return order(KindDub, s)
}

// readDub gives a work the spec of a dub.
func readDub(w *work) error {
	if err := json.Unmarshal(w.job.Task.Spec, &w.dub); err != nil {
		return fmt.Errorf("task spec: %w", err)
	}
	s := w.dub
	w.talk = s.talk()
	w.footage = footage{Video: s.Video, More: s.More, Detector: s.Detector, From: s.From, To: s.To, Codec: s.Codec, CRF: s.CRF, Preset: s.Preset}
	return s.Validate()
}

// castSays fills in who says what, as the stage of the voice has found it.
func (w *work) castSays() error {
	cast := w.dub.characters()
	for _, s := range w.voiced.Says {
		if s.Character < 0 || s.Character >= len(cast) || s.Character >= len(w.fetched.Cast) {
			return fmt.Errorf("result of the voice: character %d of %d", s.Character, len(cast))
		}
		w.talk.Says = append(w.talk.Says, Say{Who: cast[s.Character].Who})
		w.fetched.Says = append(w.fetched.Says, w.fetched.Cast[s.Character])
	}
	return nil
}
