package swap

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/twinsync/twinsync/pix"
)

// Preview shows single frames of a plan as its Stream would draw them, for a look before anything
// is rendered. What was prepared for a track is kept from frame to frame until Close. It is safe
// for concurrent use, and works on one frame at a time.
type Preview struct {
	plan *Plan

	mu      sync.Mutex
	engines map[int]*trackEngine
}

// NewPreview begins a preview, which must be closed.
func (p *Plan) NewPreview() *Preview { return &Preview{plan: p, engines: map[int]*trackEngine{}} }

// Close lets go of what was prepared.
func (v *Preview) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.engines {
		v.plan.tracks.release(i)
	}
	clear(v.engines)
}

// Window is the frames first ≤ i < end that Frame needs to draw frame at of a video of that many:
// those over which its light is smoothed, as far as they show a face that is swapped.
func (v *Preview) Window(at, frames int) (first, end int) {
	first, end = at, at+1
	for i := range v.plan.analysis.Tracks {
		t := &v.plan.analysis.Tracks[i]
		if v.plan.identity[i] == nil || len(t.Faces) == 0 {
			continue
		}
		begin := t.Faces[0].Frame
		if stop := begin + len(t.Faces); at >= begin && at < stop {
			first, end = min(first, max(begin, at-lookAhead)), max(end, min(stop, at+lookAhead+1))
		}
	}
	return max(0, first), min(end, frames)
}

// Frame draws frame at. next gives the frames from first on; it is called until end or io.EOF, and
// the frames it gives are not changed. The result is a copy.
func (v *Preview) Frame(ctx context.Context, first, at, end int, next func() (*pix.Frame, error)) (before, after *pix.Frame, r FrameReport, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s := &stream{plan: v.plan, ctx: ctx, fail: fail, gate: make(chan struct{}, max(1, v.plan.options.Workers)), engines: v.engines}
	defer s.work.Wait()
	for i := first; i < end; i++ {
		f, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, r, err
		}
		if i == at {
			before, f = f, f.Clone()
		}
		s.take(i, f)
	}
	if before == nil {
		return nil, nil, r, io.ErrUnexpectedEOF
	}
	s.draw(at)
	drawn := s.slots[at-s.base]
	select {
	case <-drawn.drawn:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return nil, nil, r, context.Cause(ctx)
	}
	return before, drawn.frame, drawn.report, nil
}
