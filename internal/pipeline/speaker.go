package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/lipsync"
)

// role is one person of the video who says something.
type role struct {
	Person int   `json:"person"`         // index into Analysis.People
	Says   []int `json:"says"`           // indices into Talk.Says
	More   []int `json:"more,omitempty"` // the person's index in each further clip, −1 where not in it
}

// dominates is how many times the time and size on screen of the next person somebody must have to be taken where no
// mouth moves with the sound.
const dominates = 2.5

// chooseSpeakers decides who says what.
func chooseSpeakers(ctx context.Context, w *work) error {
	if len(w.analysis.People) == 0 {
		return fault.New(fault.NoFaceInVideo, w.fetched.Video.Name, "no face was found in the video").
			WithHint("The face should be at least about 40 pixels wide and turned to the camera.")
	}
	auto := -1
	for i, s := range w.talk.Says {
		person, err := w.speaker(ctx, s.Who, w.fetched.Says[i].Like, &auto)
		if err != nil {
			return err
		}
		k := slices.IndexFunc(w.joined.Roles, func(r role) bool { return r.Person == person })
		if k < 0 {
			k = len(w.joined.Roles)
			w.joined.Roles = append(w.joined.Roles, role{Person: person})
			if px := w.widest(person); px < smallFace {
				w.warn(fmt.Sprintf("%s: the face of person %d is at most %.0f pixels wide; little of the mouth can be seen", w.fetched.Video.Name, person+1, px))
			}
		}
		w.joined.Roles[k].Says = append(w.joined.Roles[k].Says, i)
	}
	return nil
}

// speaker is the person that a choice means. auto keeps what was found by the sound.
func (w *work) speaker(ctx context.Context, who Who, like *input, auto *int) (int, error) {
	people := len(w.analysis.People)
	number, err := who.number()
	switch {
	case err != nil:
		return 0, err
	case like != nil:
		return w.alike(ctx, *like)
	case who.At != nil:
		return w.personAt(*who.At)
	case number > people:
		return 0, fault.New(fault.UnknownPerson, "speaker", "there is no person %d; %d found in the video", number, people).
			WithHint("'twinsync faces' shows who is in it.")
	case number > 0:
		return number - 1, nil
	case who.Person == Largest || people == 1:
		return 0, nil
	}
	if *auto < 0 {
		if *auto, err = w.whoSpeaks(ctx); err != nil {
			return 0, err
		}
	}
	return *auto, nil
}

// personAt is whose face is at a place.
func (w *work) personAt(s Spot) (int, error) {
	frame := frameAt(w.info, s.Time)
	best, near := -1, math.Inf(1)
	for i := range w.analysis.Tracks {
		t := &w.analysis.Tracks[i]
		for k := range t.Faces {
			o := &t.Faces[k]
			if o.Frame != frame {
				continue
			}
			// Inside of the face, or as near to it as half of its width.
			d := math.Hypot(s.X-float64(o.Box.X+o.Box.W/2), s.Y-float64(o.Box.Y+o.Box.H/2))
			if d < float64(max(o.Box.W, o.Box.H)) && d < near {
				best, near = t.Person, d
			}
		}
	}
	if best < 0 {
		return 0, fault.New(fault.UnknownPerson, "speaker", "nobody's face is at %.0f, %.0f at %.2f s", s.X, s.Y, s.Time.Seconds()).
			WithHint("'twinsync faces' shows who is in the video and where.")
	}
	return best, nil
}

// whoSpeaks finds out whose mouth moves with the video's sound; where nobody's does, who is by far most seen.
func (w *work) whoSpeaks(ctx context.Context) (int, error) {
	sound, err := w.filmedSound(ctx, w.video, w.info)
	if err != nil {
		return 0, w.videoFault(err)
	}
	people := len(w.analysis.People)
	if sound != nil && !silent(*sound) {
		best, top := -1, 0.0
		for p := range people {
			f := lipsync.Footage{Analysis: w.analysis, Person: p, FPS: w.fps(), Sound: sound}
			switch r, sure, err := lipsync.Moves(ctx, f); {
			case fault.Is(err, fault.NoUsableMouth):
			case err != nil:
				return 0, err
			case sure && r > top:
				best, top = p, r
			}
		}
		if best >= 0 {
			w.warn(fmt.Sprintf("%s: of %d people, person %d speaks in the video and is made to speak", w.fetched.Video.Name, people, best+1))
			return best, nil
		}
	}
	seen := make([]float64, people)
	for i := range w.analysis.Tracks {
		t := &w.analysis.Tracks[i]
		for k := range t.Faces {
			seen[t.Person] += float64(t.Faces[k].Box.W)
		}
	}
	order := make([]int, people)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if seen[a] > seen[b] {
			return -1
		}
		if seen[a] < seen[b] {
			return 1
		}
		return 0
	})
	if seen[order[0]] >= dominates*seen[order[1]] {
		w.warn(fmt.Sprintf("%s: of %d people, person %d is most seen and is made to speak", w.fetched.Video.Name, people, order[0]+1))
		return order[0], nil
	}
	return 0, fault.New(fault.WhichPerson, w.fetched.Video.Name, "%d people are in the video, and nothing tells which of them is meant", people).
		WithHint("Name one: a number from 'twinsync faces', largest, a photo, or a place in the picture (--speaker).")
}

// joinMore joins and keeps the analyses of the further footage and finds the speakers in it.
func joinMore(ctx context.Context, w *work) error {
	for i, c := range w.fetched.More {
		_, info, err := w.openClip(ctx, c)
		if err != nil {
			return err
		}
		a, err := w.joinClip(ctx, i+1, info)
		if err != nil {
			return err
		}
		key, err := w.keepClip(ctx, i+1, a)
		if err != nil {
			return err
		}
		w.joined.More = append(w.joined.More, key)
		met := false
		for k := range w.joined.Roles {
			r := &w.joined.Roles[k]
			best, near := -1, infer.SamePerson
			for p := range a.People {
				if d := face.Apart(w.analysis.People[r.Person].Embedding, a.People[p].Embedding); d < near {
					best, near = p, d
				}
			}
			r.More = append(r.More, best)
			met = met || best >= 0
		}
		if !met {
			return fault.New(fault.UnknownPerson, c.Video.Name, "the person who is to speak was not found in the further footage").
				WithHint("Leave it out, or give footage of the same person.")
		}
		w.more = append(w.more, a)
	}
	return nil
}
