package swap

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// mostHeld is how many frames a Stream holds at most.
const mostHeld = 8

// Stream pulls the frames first ≤ i < end of the video from next, swaps the chosen faces in
// place and hands every frame on to emit, in order. next returns io.EOF when there are
// no more; fewer than end - first are no error. next and emit are called from the caller's
// goroutine only. At most eight frames are held; light is smoothed over four frames on either
// side, within [first, end), one shot and one track.
func (p *Plan) Stream(ctx context.Context, first, end int, next func() (*pix.Frame, error),
	emit func(*pix.Frame, FrameReport) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	s := &stream{plan: p, ctx: ctx, fail: fail, gate: make(chan struct{}, max(1, p.options.Workers)),
		engines: map[int]*trackEngine{}}
	defer s.close()
	defer fail(nil)
	limit := min(mostHeld, lookAhead+1+cap(s.gate))
	read, drawn, emitted := first, first, first // the next frame to read, draw, emit
	for ended := false; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ended = ended || read >= end; !ended {
			f, err := next()
			switch {
			case errors.Is(err, io.EOF):
				ended = true
			case err != nil:
				return err
			default:
				s.take(read, f)
				read++
			}
		}
		for drawn < read && (ended || drawn+lookAhead < read) {
			s.draw(drawn)
			drawn++
		}
		for emitted < drawn && (ended || read-emitted >= limit) {
			r := s.slots[emitted-s.base]
			select {
			case <-r.drawn:
			case <-ctx.Done():
			}
			if ctx.Err() != nil { // a face that could not be drawn must not leave
				return context.Cause(ctx)
			}
			f := r.frame
			r.frame = nil
			if err := emit(f, r.report); err != nil {
				return err
			}
			emitted++
			s.forget(emitted - lookAhead)
		}
		if ended && emitted == read {
			return nil
		}
	}
}

// stream is one run of Plan.Stream.
type stream struct {
	plan    *Plan
	ctx     context.Context
	fail    context.CancelCauseFunc // ends the run with an error
	gate    chan struct{}           // as many places as there are workers
	work    sync.WaitGroup
	slots   []*slot // frames base, base+1, …
	base    int
	started bool
	engines map[int]*trackEngine // held by this run, by track index
}

// slot is a frame on its way. looked and drawn are closed when its views and its picture are done.
type slot struct {
	frame         *pix.Frame
	index         int
	faces         []*faceJob
	looked, drawn chan struct{}
	report        FrameReport
}

// faceJob is one chosen face in one frame.
type faceJob struct {
	track  int
	engine *trackEngine
	seen   *face.Observation
	view   *view // nil when the track cannot be swapped
}

// close waits for everything that runs and lets go of the engines.
func (s *stream) close() {
	s.work.Wait()
	for i := range s.engines {
		s.plan.tracks.release(i)
	}
}

// take starts looking at a frame.
func (s *stream) take(index int, f *pix.Frame) {
	if !s.started {
		s.started, s.base = true, index
	}
	r := &slot{frame: f, index: index, looked: make(chan struct{}), drawn: make(chan struct{})}
	r.report.Index = index
	for i := range s.plan.analysis.Tracks {
		t := &s.plan.analysis.Tracks[i]
		id := s.plan.identity[i]
		if id == nil || len(t.Faces) == 0 {
			continue
		}
		k := index - t.Faces[0].Frame
		if k >= len(t.Faces) {
			if s.engines[i] != nil && k >= len(t.Faces)+mostHeld {
				delete(s.engines, i)
				s.plan.tracks.release(i)
			}
			continue
		}
		if k < 0 {
			continue
		}
		if s.engines[i] == nil {
			s.engines[i] = s.plan.tracks.hold(i)
		}
		r.faces = append(r.faces, &faceJob{track: i, engine: s.engines[i], seen: &t.Faces[k]})
	}
	s.slots = append(s.slots, r)
	if len(r.faces) == 0 || s.plan.options.Strength == 0 {
		close(r.looked)
		return
	}
	s.work.Go(func() {
		defer close(r.looked)
		if !s.enter() {
			return
		}
		defer s.leave()
		for _, j := range r.faces {
			if e := j.engine.get(s.plan, j.track, f.Colour); e != nil {
				j.view = e.look(f, j.seen)
			}
		}
	})
}

// enter takes a worker's place; false when the run has been canceled.
func (s *stream) enter() bool {
	select {
	case s.gate <- struct{}{}:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *stream) leave() { <-s.gate }

// draw starts drawing a frame whose neighbours have been taken.
func (s *stream) draw(index int) {
	r := s.slots[index-s.base]
	if len(r.faces) == 0 || s.plan.options.Strength == 0 {
		for _, j := range r.faces {
			r.report.Faces = append(r.report.Faces, FaceReport{Person: s.person(j), Reason: TurnedOff})
		}
		close(r.drawn)
		return
	}
	lo, hi := max(0, index-s.base-lookAhead), min(len(s.slots), index-s.base+lookAhead+1)
	around := append([]*slot(nil), s.slots[lo:hi]...)
	s.work.Go(func() {
		defer close(r.drawn)
		for _, n := range around {
			select {
			case <-n.looked:
			case <-s.ctx.Done():
				return
			}
		}
		if !s.enter() {
			return
		}
		defer s.leave()
		r.report.Faces = make([]FaceReport, len(r.faces))
		for _, i := range s.farFirst(r.faces) {
			r.report.Faces[i] = s.drawFace(r, r.faces[i], around)
		}
	})
}

// drawFace swaps one face of a frame, or says why not.
func (s *stream) drawFace(r *slot, j *faceJob, around []*slot) FaceReport {
	report := FaceReport{Person: s.person(j)}
	if j.view == nil {
		report.Reason = NoView
		return report
	}
	var views []*view
	var seen []*face.Observation
	at := 0
	for _, n := range around {
		var v *view
		var o *face.Observation
		for _, k := range n.faces {
			if k.track == j.track {
				v, o = k.view, k.seen
			}
		}
		if n == r {
			at = len(views)
		}
		views, seen = append(views, v), append(seen, o)
	}
	fps := s.plan.options.FPS
	if fps <= 0 {
		fps = 25
	}
	sigma := min(max(lightFrames*fps/25, .7), lookAhead*.75)
	report.Confidence, report.Reason = trust(seen, views, at, sigma)
	if report.Confidence < leastTrust {
		return report
	}
	report.Swapped, report.Reason = true, ""
	weight := pix.SmoothStep(report.Confidence, leastTrust, fullTrust)
	if near := s.inFront(r.index, j.track, reach(j.seen, r.frame)); len(near) > 0 {
		defer keepInFront(r.frame, near)()
	}
	if err := j.engine.get(s.plan, j.track, r.frame.Colour).draw(s.ctx, r.frame, j.seen, smoothLight(views, at, sigma), weight); err != nil {
		s.fail(err)
	}
	return report
}

func (s *stream) person(j *faceJob) int { return s.plan.analysis.Tracks[j.track].Person }

// forget drops slots before index; they have been emitted and no later frame looks back to them.
func (s *stream) forget(index int) {
	for s.base < index {
		s.slots[0] = nil
		s.slots = s.slots[1:]
		s.base++
	}
}

// tracks holds the engines in use, each made once by whoever needs it first and dropped
// when the last Stream that works on its track lets go.
type tracks struct {
	mu sync.Mutex
	by map[int]*trackEngine
}

// trackEngine is an engine that is made on first use.
type trackEngine struct {
	holders int
	once    sync.Once
	engine  engine
}

func (t *tracks) hold(i int) *trackEngine {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[int]*trackEngine{}
	}
	e := t.by[i]
	if e == nil {
		e = &trackEngine{}
		t.by[i] = e
	}
	e.holders++
	return e
}

func (t *tracks) release(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.by[i]; e != nil {
		if e.holders--; e.holders == 0 {
			delete(t.by, i)
		}
	}
}

// get makes the engine when it is first needed; nil when the track cannot be swapped.
func (e *trackEngine) get(p *Plan, track int, c pix.Colour) engine {
	e.once.Do(func() {
		if p.options.Engine == EngineONNX {
			e.engine = newONNXEngine(&p.analysis.Tracks[track], p.identity[track], p.options, c)
			return
		}
		if m := newMeshEngine(&p.analysis.Tracks[track], p.identity[track], p.options, c, &p.scratch); m != nil {
			e.engine = m
		}
	})
	return e.engine
}
