package face

import (
	"cmp"
	"context"
	"slices"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// How often things are done, in seconds of video; frames follow from the frame rate.
const (
	seekEvery    = .12 // a quick look while nobody is there
	quickEvery   = .16 // a quick look for people who come in
	fullEvery    = .50 // a thorough look
	hardEvery    = 2.0 // a hard look while nobody is there
	textureEvery = .40
	viewEvery    = .50
)

// Confidences: below which a followed face is given up, and below which it is looked for again.
const (
	keepFace  = .45
	doubtFace = .75
)

// A face that the thorough look passes over this often while its mesh is doubtful is a ghost.
const missesAllowed = 3

// Observer looks at the frames of one stretch of a video, in order. It is not safe for
// concurrent use; stretches may be looked at side by side by an observer each. The same
// frames always give the same observations.
type Observer struct {
	lens  lens
	fps   float64
	next  int
	out   Observations
	cuts  cutter
	live  []*follow
	look  [3]int // frames since the last quick, thorough and hard look
	since int    // frames since the stretch or the shot began

	release func(*pix.Frame) // of what is held; nil: nothing is
	held    []heldFrame      // newest frames of the shot, oldest first
}

// follow is a face being followed.
type follow struct {
	track    *track
	last     sight
	moved    pix.Vec2 // from frame to frame, of the crop's centre
	misses   int
	textured int // frame of the newest texture and view
	viewed   int
}

// NewObserver begins at frame first (index in the video) of a video of fps frames per second.
func NewObserver(m *Models, first int, fps float64) *Observer {
	if !(fps > 1) {
		fps = 25
	}
	o := &Observer{lens: lens{m: m}, fps: min(fps, 240), next: first}
	o.out.First, o.out.End = first, first
	return o
}

// frames is a time in frames, at least 1.
func (o *Observer) frames(seconds float64) int { return max(1, int(seconds*o.fps+.5)) }

// Observe looks at the next frame. Without Hold the frame is not kept. All frames must have the same
// size. After an error the observer is of no further use, and what it holds is not given back.
func (o *Observer) Observe(ctx context.Context, f *pix.Frame) error {
	if o.out.W == 0 {
		o.out.W, o.out.H = f.W, f.H
	}
	if f.W != o.out.W || f.H != o.out.H {
		return fault.New(fault.Unsupported, "", "the picture's size changes from %dx%d to %dx%d", o.out.W, o.out.H, f.W, f.H)
	}
	index := o.next
	cut, unlike := o.cuts.see(index, f)
	if o.cuts.seen == 1 {
		o.out.head = o.cuts.last
	}
	if cut {
		if err := o.endShot(ctx); err != nil {
			return err
		}
		o.live, o.since = nil, 0
	}
	lost, err := o.track(ctx, f)
	if err != nil {
		return err
	}
	if err := o.seek(ctx, f, lost || unlike); err != nil {
		return err
	}
	o.live = distinct(o.live)
	for _, t := range o.live {
		note := o.record
		if t.track == nil {
			note = o.arrive
		}
		if err := note(ctx, t, f, index); err != nil {
			return err
		}
	}
	o.hold(f, index)
	o.next++
	o.since++
	o.out.End = o.next
	return nil
}

// track finds every followed face again, near where it was. It reports whether one is lost or
// doubtful.
func (o *Observer) track(ctx context.Context, f *pix.Frame) (bool, error) {
	doubt := false
	kept := o.live[:0]
	for _, t := range o.live {
		ok, err := o.follow(ctx, f, t)
		if err != nil {
			return false, err
		}
		if !ok {
			doubt = true
			continue
		}
		doubt = doubt || t.last.confidence() < doubtFace
		kept = append(kept, t)
	}
	o.live = kept
	return doubt, nil
}

// follow finds a face in the frame next to the last one it was seen in; false when it is lost.
func (o *Observer) follow(ctx context.Context, f *pix.Frame, t *follow) (bool, error) {
	sq := t.last.mesh.square()
	// Half of the last step on: a steadily moving face stays in the middle of its crop, a
	// shaken one is not overshot.
	sq.X += t.moved.X / 2
	sq.Y += t.moved.Y / 2
	s, err := o.lens.mesh(ctx, f, sq)
	if err != nil {
		return false, err
	}
	if s.presence > keepFace && s.plausible() && s.askew() {
		if s, err = o.lens.mesh(ctx, f, s.mesh.square()); err != nil {
			return false, err
		}
	}
	if !s.plausible() || s.confidence() < keepFace {
		return false, nil
	}
	now, then := s.mesh.square(), t.last.mesh.square()
	t.moved = pix.Vec2{X: now.X - then.X, Y: now.Y - then.Y}
	t.last = *s
	return true, nil
}

// seek looks for faces that are not followed yet, as hard as it is time for.
func (o *Observer) seek(ctx context.Context, f *pix.Frame, anew bool) error {
	first := o.since == 0
	alone := len(o.live) == 0
	quickly := quickEvery
	if alone {
		quickly = seekEvery
	}
	for i := range o.look {
		o.look[i]++
	}
	e := effort(-1)
	switch {
	case alone && (first || o.look[hard] >= o.frames(hardEvery)):
		e = hard
	case first || o.look[thorough] >= o.frames(fullEvery):
		e = thorough
	case anew && (alone || o.look[quick] >= 3), o.look[quick] >= o.frames(quickly):
		e = quick
	}
	if e < 0 {
		return nil
	}
	for i := range effort(len(o.look)) {
		if i <= e {
			o.look[i] = 0
		}
	}
	found, err := o.lens.detect(ctx, f, e)
	if err != nil {
		return err
	}
	o.confirm(found, e)
	met, err := o.meet(ctx, f, found)
	if err != nil || met || e < hard || len(o.live) > 0 {
		return err
	}
	return o.lens.search(ctx, f, func(found []detection) (bool, error) { return o.meet(ctx, f, found) })
}

// meet begins to follow those of the detected faces that are new and really are faces, the largest
// first. It reports whether there was one.
func (o *Observer) meet(ctx context.Context, f *pix.Frame, found []detection) (bool, error) {
	slices.SortStableFunc(found, largerFirst)
	met := false
	for i := range found {
		d := &found[i]
		if len(o.live) >= o.lens.m.options.MaxFaces || o.knows(d) {
			continue
		}
		s, err := o.lens.meet(ctx, f, d)
		if err != nil {
			return met, err
		}
		if s != nil {
			met = true
			o.live = append(o.live, &follow{last: *s, textured: -1 << 30, viewed: -1 << 30})
		}
	}
	return met, nil
}

// knows reports whether a detection is a face that is followed.
func (o *Observer) knows(d *detection) bool {
	return slices.ContainsFunc(o.live, func(t *follow) bool {
		return overlap(d.box, t.last.mesh.Bounds()) > overlapSame
	})
}

// confirm ends faces that the detector has not seen for long while their mesh is doubtful. A
// sure mesh needs no confirmation: the detector does not see profiles.
func (o *Observer) confirm(found []detection, e effort) {
	if e < thorough {
		return
	}
	o.live = slices.DeleteFunc(o.live, func(t *follow) bool {
		b := t.last.mesh.Bounds()
		if slices.ContainsFunc(found, func(d detection) bool { return overlap(d.box, b) > overlapSame/2 }) {
			t.misses = 0
			return false
		}
		t.misses++
		return t.misses >= missesAllowed && t.last.confidence() < .9
	})
}

// distinct drops faces that have slid onto another: the one followed longer stays.
func distinct(live []*follow) []*follow {
	kept := live[:0]
	for _, t := range live {
		if !slices.ContainsFunc(kept, func(k *follow) bool {
			return same(&k.last.mesh, &t.last.mesh)
		}) {
			kept = append(kept, t)
		}
	}
	return kept
}

// same reports whether two meshes of one frame can only be one face.
func same(a, b *Mesh) bool { return overlap(a.Bounds(), b.Bounds()) > .5 || distance(a, b) < .35 }

// record notes what is seen of a face in this frame.
func (o *Observer) record(ctx context.Context, t *follow, f *pix.Frame, index int) error {
	if t.track == nil || t.track.end() != index {
		t.track = &track{first: index}
		o.out.tracks = append(o.out.tracks, t.track)
	}
	s := &t.last
	sharp := sharpness(f, &s.mesh)
	t.track.seen = append(t.track.seen, pack(&s.mesh, s.confidence(), sharp))
	if index-t.textured >= o.frames(textureEvery) {
		t.textured = index
		t.track.textures = append(t.track.textures, o.lens.unwrap(f, &s.mesh, index))
		if len(t.track.textures) >= 2*TexturesPerTrack {
			t.track.textures = spread(t.track.textures, TexturesPerTrack)
		}
	}
	if index-t.viewed >= o.frames(viewEvery) {
		t.viewed = index
		v, err := o.lens.view(ctx, f, s, sharp, index)
		if err != nil {
			return err
		}
		t.track.views = append(t.track.views, v)
	}
	return nil
}

// Finish returns what was seen. The observer must not be used afterwards.
func (o *Observer) Finish() *Observations {
	if o.release != nil {
		o.giveBack(len(o.held))
	}
	o.out.tail = o.cuts.last
	o.out.cuts = o.cuts.cuts
	for _, t := range o.out.tracks {
		t.textures = spread(t.textures, TexturesPerTrack)
	}
	slices.SortStableFunc(o.out.tracks, func(a, b *track) int { return cmp.Compare(a.first, b.first) })
	out := o.out
	return &out
}
