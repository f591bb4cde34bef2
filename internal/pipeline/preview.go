package pipeline

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// ErrNotAnalysed says that a video must be analysed before single frames of it can be shown: any
// task on the same part of it keeps its analysis.
var ErrNotAnalysed = errors.New("pipeline: the video has not been analysed")

// Preview shows single frames of a swap before it is rendered, as they will be. Photos, video,
// analysis and what was prepared for the people in it are kept from frame to frame. It is safe for
// concurrent use and must be closed.
type Preview struct {
	mu   sync.Mutex
	w    *work
	path string // of the video
	view *swap.Preview
}

// PreviewFrame is one frame without and with the swap.
type PreviewFrame struct {
	Before, After *pix.Frame
	Index         int           // in the video
	At            time.Duration // its time
	Report        swap.FrameReport
}

// OpenPreview brings the inputs of a swap and judges the photos. Prepare must follow.
func (r *Runner) OpenPreview(ctx context.Context, s Swap) (_ *Preview, err error) {
	o, err := Order(s)
	if err != nil {
		return nil, err
	}
	o.Customer = "preview"
	t, err := task.New(o, time.Now())
	if err != nil {
		return nil, err
	}
	t.Segments[0].Lease = "preview"
	w, err := r.newWork(dispatch.Job{Task: t, Segment: t.Segments[0], Report: func(int, int) {}})
	if err != nil {
		return nil, err
	}
	p := &Preview{w: w}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	return p, inTurn(ctx, w, openEngine, fetchInputs)
}

// Prepare reads the kept analysis and makes the identities. When there is no analysis it gives
// ErrNotAnalysed, and may be called again once there is, as after any other error.
func (p *Preview) Prepare(ctx context.Context) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.w
	w.joined = joined{}
	if p.view != nil {
		p.view.Close()
		p.view = nil
	}
	if err := cutVideo(ctx, w); err != nil {
		return err
	}
	if w.fetched.Analysis == "" {
		return ErrNotAnalysed
	}
	if err := inTurn(ctx, w, joinObservations, choosePeople, buildPlan); err != nil {
		return err
	}
	if p.path, err = w.open(ctx, w.fetched.Video); err != nil {
		return err
	}
	p.view = w.plan.NewPreview()
	return nil
}

// Warnings are what the swap's task would warn of so far.
func (p *Preview) Warnings() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, text := range p.w.warnings {
		if !slices.Contains(list, text) { // what was prepared twice is said twice
			list = append(list, text)
		}
	}
	return list
}

// Frame, after Prepare, shows the frame that is seen at a time of the video. Only the frames around it are decoded.
func (p *Preview) Frame(ctx context.Context, at time.Duration) (f PreviewFrame, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info := p.w.info
	if at < 0 || at > info.Time(info.Frames()) {
		return f, fault.New(fault.InvalidField, "at", "%v lies outside of the video", at).
			WithHint("The video lasts %.2f s.", info.Time(info.Frames()).Seconds())
	}
	f.Index = frameAt(info, at)
	if g := p.w.fetched.Range; f.Index < g.First || f.Index >= g.End {
		return f, fault.New(fault.InvalidField, "at", "%v lies outside of the part that is to be rendered", at)
	}
	f.At = info.Time(f.Index)
	first, end := p.view.Window(f.Index, p.w.fetched.Range.End)
	in, err := media.OpenReader(ctx, p.path, info, media.ReadOptions{First: first, End: end, Threads: p.w.r.cfg.Threads})
	if err != nil {
		return f, p.w.videoFault(err)
	}
	defer in.Close()
	f.Before, f.After, f.Report, err = p.view.Frame(ctx, first, f.Index, end, in.Read)
	if err != nil {
		return f, p.w.videoFault(err)
	}
	return f, nil
}

// frameAt is the frame shown at a time: the last that begins by then. Times are rounded when people
// type them, so that half a millisecond does not count.
func frameAt(info *media.Info, at time.Duration) int {
	after := sort.Search(info.Frames(), func(n int) bool { return info.Time(n) > at+time.Millisecond/2 })
	return max(0, after-1)
}

// Close removes what the preview kept.
func (p *Preview) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.view != nil {
		p.view.Close()
	}
	p.w.close()
	return p.w.r.cfg.Blobs.DeletePrefix(context.Background(), TaskPrefix(p.w.job.Task.ID))
}
