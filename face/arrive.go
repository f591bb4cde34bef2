package face

import (
	"context"
	"slices"

	"github.com/twinsync/twinsync/pix"
)

// Faces that come into a running shot are found when it is time for a look, a moment late. The frames
// since the last look are therefore held, and a face that is found is followed backwards through them.

// heldBytes bounds the frames that are held: half a second of 1080p, the time between thorough looks.
const heldBytes = 64 << 20

// heldFrame is a frame that was observed already.
type heldFrame struct {
	f     *pix.Frame
	index int
}

// Hold lets the observer hold the frames that it is given for up to half a second, at most 64 MB of
// them, so that it can follow a face that comes in back to where it came from. Each is given back
// by release, in order, from within Observe, End or Finish; until then it must not be changed.
// Without Hold no frame is kept, and who comes in is seen up to half a second late.
func (o *Observer) Hold(release func(*pix.Frame)) { o.release = release }

// hold keeps a frame and gives back the oldest ones.
func (o *Observer) hold(f *pix.Frame, index int) {
	if o.release == nil {
		return
	}
	o.held = append(o.held, heldFrame{f, index})
	size := 0
	for _, p := range f.Planes {
		size += len(p.P8) + 2*len(p.P16)
	}
	most := min(o.frames(fullEvery), max(1, heldBytes/max(1, size)))
	for len(o.held) > most {
		o.giveBack(1)
	}
}

// giveBack gives the n oldest frames back.
func (o *Observer) giveBack(n int) {
	for _, h := range o.held[:n] {
		o.release(h.f)
	}
	o.held = slices.Delete(o.held, 0, n)
}

// End takes a last look at the newest frame, for those who came in after the last one. Call it after the
// last frame, before Finish.
func (o *Observer) End(ctx context.Context) error { return o.endShot(ctx) }

// endShot looks for faces in the last frame of a shot that nobody has looked for yet, and gives the
// shot's frames back.
func (o *Observer) endShot(ctx context.Context) error {
	if len(o.held) == 0 {
		return nil
	}
	last := o.held[len(o.held)-1]
	defer func() { o.giveBack(len(o.held)) }()
	if o.look[thorough] == 0 {
		return nil
	}
	found, err := o.lens.detect(ctx, last.f, thorough)
	if err != nil {
		return err
	}
	if _, err := o.meet(ctx, last.f, found); err != nil {
		return err
	}
	o.live = distinct(o.live)
	for _, t := range o.live {
		if t.track == nil {
			if err := o.arrive(ctx, t, last.f, last.index); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrive notes a face that was met in this frame, and where it came from.
func (o *Observer) arrive(ctx context.Context, t *follow, f *pix.Frame, index int) error {
	if err := o.comeFrom(ctx, t, index); err != nil {
		return err
	}
	return o.record(ctx, t, f, index)
}

// comeFrom follows a face that was met in frame index backwards through the frames that are held, until
// it is lost or runs into one that was followed there.
func (o *Observer) comeFrom(ctx context.Context, t *follow, index int) error {
	back := *t
	back.moved = pix.Vec2{}
	var seen []packed
	first := index
	for k := len(o.held) - 1; k >= 0; k-- {
		h := o.held[k]
		if h.index >= index {
			continue
		}
		ok, err := o.follow(ctx, h.f, &back)
		if err != nil {
			return err
		}
		if !ok || o.taken(&back.last.mesh, h.index) {
			break
		}
		s := &back.last
		seen = append(seen, pack(&s.mesh, s.confidence(), sharpness(h.f, &s.mesh)))
		first = h.index
	}
	if len(seen) > 0 {
		slices.Reverse(seen)
		t.track = &track{first: first, seen: seen}
		o.out.tracks = append(o.out.tracks, t.track)
	}
	return nil
}

// taken reports whether a track has this face in a frame.
func (o *Observer) taken(m *Mesh, frame int) bool {
	return slices.ContainsFunc(o.out.tracks, func(t *track) bool {
		if frame < t.first || frame >= t.end() {
			return false
		}
		other := t.seen[frame-t.first].mesh()
		return same(m, &other)
	})
}
