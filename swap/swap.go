// Package swap makes the person in a video look like someone else. Photos become an
// Identity; an Identity and the analysis of a video become a Plan; the Plan's Stream takes
// frames in order, gives the chosen faces the other identity in place and hands them on.
//
// What it promises: samples outside the blended mask stay bit-identical; frames without the
// person pass untouched; strength 0 changes nothing; the same input gives the same output
// with any number of workers; nothing carries over a cut; a frame that cannot be done well is
// left as it was and counted with its reason.
//
// The built-in engine is "mesh": a texture and a shape from the photo, geometry, light,
// gaze, teeth and what lies in front from the footage. The recipe was found by trial; the
// file for each of its parts is named after it.
package swap

import (
	"context"
	"fmt"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Options say how a swap is to look. DefaultOptions are meant for use.
type Options struct {
	Engine   string  // what makes the pictures: EngineMesh, which "" stands for, or EngineONNX
	Strength float32 // 0 leaves the footage as it is … 1 is the other person
	Tone     float32 // 0 keeps the photo's skin tone … 1 takes the footage's, so that the neck fits
	OwnEyes  bool    // the footage's irises keep their colour, instead of taking the photo's
	Workers  int     // frames worked on at once; 0 stands for 1
	FPS      float64 // frames per second, for smoothing in time; 0 stands for 25

	Networks *Networks // what EngineONNX works with
}

// EngineMesh is the built-in engine.
const EngineMesh = "mesh"

// DefaultOptions are a full swap with the footage's skin tone.
func DefaultOptions() Options { return Options{Engine: EngineMesh, Strength: 1, Tone: 1, Workers: 1} }

// Validate reports the first option outside its range.
func (o Options) Validate() error {
	switch {
	case o.Engine != "" && o.Engine != EngineMesh && o.Engine != EngineONNX:
		return fault.New(fault.InvalidField, "engine", "there is no engine %q", o.Engine).
			WithHint("The built-in engine is %q; %q runs a network that you have added.", EngineMesh, EngineONNX)
	case (o.Engine == EngineONNX) != (o.Networks != nil):
		return fault.New(fault.InvalidField, "model", "a network is named for the engine %q, and only for it", EngineONNX).
			WithHint("Name one with --model.")
	case !(o.Strength >= 0 && o.Strength <= 1):
		return fault.New(fault.InvalidField, "strength", "must lie between 0 and 1")
	case !(o.Tone >= 0 && o.Tone <= 1):
		return fault.New(fault.InvalidField, "tone", "must lie between 0 and 1")
	case o.Workers < 0 || o.Workers > 64:
		return fault.New(fault.InvalidField, "workers", "must lie between 0 and 64")
	case !(o.FPS >= 0 && o.FPS <= 1000):
		return fault.New(fault.InvalidField, "fps", "must lie between 0 and 1000")
	}
	return nil
}

// Photo is a picture of the person to become, with the mesh found on it.
type Photo struct {
	Frame *pix.Frame
	Mesh  *face.Mesh // in coordinates of Frame
}

// Warning is something about a photo or a video that limits the result. Text is a sentence for
// the user.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Assignment gives a person of the analysis an identity.
type Assignment struct {
	Person   int // index into Analysis.People
	Identity *Identity
}

// engine turns one face of one frame into the other person. Its two steps may run in
// parallel for different frames: look reads a frame, draw changes it. A plan asks for one
// engine per track; "mesh" is the built-in one.
type engine interface {
	// look measures what smoothing in time needs from a frame.
	look(f *pix.Frame, o *face.Observation) *view
	// draw changes the face in place with the light smoothed over neighbouring views, at weight
	// 0…1. An error ends the stream; it leaves the frame as it was.
	draw(ctx context.Context, f *pix.Frame, o *face.Observation, l *light, weight float32) error
}

// Plan is everything that is constant while a video is swapped. It is safe for use by
// several Streams at once.
type Plan struct {
	options  Options
	analysis *face.Analysis
	identity map[int]*Identity // by track index
	tracks   tracks
	scratch  sync.Pool // memory of the workers
}

// NewPlan checks the assignments and options. The costly parts are made per track when a Stream
// first meets it.
func NewPlan(a *face.Analysis, assignments []Assignment, o Options) (*Plan, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(assignments) == 0 {
		return nil, fault.New(fault.MissingField, "person", "nobody is chosen to be swapped")
	}
	byPerson := map[int]*Identity{}
	for _, s := range assignments {
		if s.Person < 0 || s.Person >= len(a.People) {
			return nil, fault.New(fault.UnknownPerson, "person", "there is no person %d in the video", s.Person).
				WithHint("People count from 0 to %d.", len(a.People)-1)
		}
		if s.Identity == nil {
			return nil, fmt.Errorf("swap: person %d has no identity", s.Person)
		}
		if err := s.Identity.fits(o); err != nil {
			return nil, err
		}
		if byPerson[s.Person] != nil {
			return nil, fault.New(fault.InvalidField, "person", "person %d is chosen twice", s.Person)
		}
		byPerson[s.Person] = s.Identity
	}
	p := &Plan{options: o, analysis: a, identity: map[int]*Identity{}}
	p.scratch.New = newScratch
	for i := range a.Tracks {
		if id := byPerson[a.Tracks[i].Person]; id != nil {
			p.identity[i] = id
		}
	}
	return p, nil
}
