package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
)

// Kinds of task: KindSwap puts other faces into a video, KindFaces finds out who is in it.
const (
	KindSwap  = "swap"
	KindFaces = "faces"
)

// Source says where an input comes from; exactly one of URL, Path, Result and Sample is set.
type Source struct {
	URL    string `json:"url,omitempty"`    // http or https
	Path   string `json:"path,omitempty"`   // a file of this machine; local commands only
	Result string `json:"result,omitempty"` // a result of this installation: its key in the blob store
	Sample string `json:"sample,omitempty"` // a sample of this installation: its path below the folder of samples
	Field  string `json:"field,omitempty"`  // what the user called it, for messages: "image_url"
}

// name is how messages call the input.
func (s Source) name(fallback string) string {
	switch {
	case s.Field != "":
		return s.Field
	case s.Path != "":
		return filepath.Base(s.Path)
	}
	return fallback
}

// Face is one face to put in: photos of one person, and whom they replace.
type Face struct {
	Photos []Source `json:"photos"`
	// Clips allows clips among the photos: of each, the frames are taken that show the person best.
	Clips bool `json:"clips,omitempty"`
	// SourcePerson is whom to take from a clip: a number as printed by `twinsync faces`; 0 is
	// the one most seen.
	SourcePerson int `json:"source_person,omitempty"`
	// Person is whom to replace: "largest" (most time on screen times size), "all", or a
	// number as printed by `twinsync faces` (from 1). "" with Like set.
	Person string `json:"person,omitempty"`
	// Like is a photo of whom to replace.
	Like *Source `json:"like,omitempty"`
}

// Words for Face.Person.
const (
	Largest = "largest"
	All     = "all"
)

// number is the person's number from 1, or 0 when the choice is a word or a photo.
func (f Face) number() (int, error) {
	if f.Like != nil || f.Person == Largest || f.Person == All {
		return 0, nil
	}
	n, err := strconv.Atoi(f.Person)
	if err != nil || n < 1 {
		return 0, fault.New(fault.InvalidField, "person", "%q is no choice of a person", f.Person).
			WithHint("Use largest, all, a number from 'twinsync faces', or a photo of the person.")
	}
	return n, nil
}

// whom is the choice of a person in words.
func (f Face) whom() string {
	switch f.Person {
	case Largest:
		return "the person most seen"
	case All:
		return "everybody"
	}
	return "person " + f.Person
}

// Swap is the spec of a task of KindSwap.
type Swap struct {
	Faces    []Face        `json:"faces"`
	Video    Source        `json:"video"`
	Engine   Engine        `json:"engine,omitzero"`
	Detector string        `json:"detector,omitempty"` // an added network that helps to find faces; "" for none
	Strength float64       `json:"strength"`           // 0…1, how much of the new face
	Tone     float64       `json:"tone"`               // 1 keeps the clip's skin tone, 0 takes the photo's
	OwnEyes  bool          `json:"own_eyes,omitempty"` // the clip's eyes keep their colour
	From     time.Duration `json:"from,omitempty"`
	To       time.Duration `json:"to,omitempty"` // 0 is the end
	Codec    string        `json:"codec"`
	CRF      int           `json:"crf"`
	Preset   string        `json:"preset"`
}

// DefaultSwap is the swap of one photo into the person most seen in the video.
func DefaultSwap(photo, video Source) Swap {
	return Swap{
		Faces: []Face{{Photos: []Source{photo}, Person: Largest}},
		Video: video, Strength: 1, Tone: 1,
		Codec: "h264", CRF: 18, Preset: "veryfast",
	}
}

// Limits of a spec.
const (
	maxFaces  = 16
	maxPhotos = 8
)

// Validate says what is wrong with the spec, naming the field.
func (s Swap) Validate() error {
	if len(s.Faces) == 0 || len(s.Faces) > maxFaces {
		return fault.New(fault.InvalidField, "faces", "needs 1 to %d faces to put in, has %d", maxFaces, len(s.Faces))
	}
	taken := map[string]bool{}
	for _, f := range s.Faces {
		if len(f.Photos) == 0 || len(f.Photos) > maxPhotos {
			return fault.New(fault.InvalidField, "photos", "needs 1 to %d photos of each person, has %d", maxPhotos, len(f.Photos))
		}
		if _, err := f.number(); err != nil {
			return err
		}
		if f.SourcePerson < 0 {
			return fault.New(fault.InvalidField, "source-person", "people count from 1")
		}
		if f.Like == nil {
			if taken[f.Person] {
				return fault.New(fault.InvalidField, "person", "%s is given two faces", f.whom())
			}
			taken[f.Person] = true
		}
	}
	if err := s.Engine.Validate(); err != nil {
		return err
	}
	if err := validDetector(s.Detector); err != nil {
		return err
	}
	for name, v := range map[string]float64{"strength": s.Strength, "tone": s.Tone} {
		if math.IsNaN(v) || v < 0 || v > 1 {
			return fault.New(fault.InvalidField, name, "must lie between 0 and 1")
		}
	}
	if s.From < 0 || s.To < 0 || (s.To > 0 && s.To <= s.From) {
		return fault.New(fault.InvalidField, "to", "must lie after from")
	}
	// The encoder would say the same, but only after the analysis.
	return media.WriterOptions{Codec: s.Codec, CRF: s.CRF, Preset: s.Preset}.Check()
}

// footage is what every kind of task says of the video that it works on and of how the result is written.
type footage struct {
	Video    Source
	More     []Source // of the same person
	Detector string
	From, To time.Duration
	Codec    string
	CRF      int
	Preset   string
}

// decodeSwap reads the spec out of a task record.
func decodeSwap(t task.Task) (Swap, error) {
	var s Swap
	if err := json.Unmarshal(t.Spec, &s); err != nil {
		return s, fmt.Errorf("task spec: %w", err)
	}
	if t.Kind == KindFaces {
		return s, nil
	}
	return s, s.Validate()
}

// readSwap gives a work the spec of a swap, or of a search for faces, which is one without faces.
func readSwap(w *work) (err error) {
	if w.spec, err = decodeSwap(w.job.Task); err != nil {
		return err
	}
	s := w.spec
	w.footage = footage{Video: s.Video, Detector: s.Detector, From: s.From, To: s.To, Codec: s.Codec, CRF: s.CRF, Preset: s.Preset}
	return nil
}
