package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// Why a run is ended from outside.
var (
	errShutdown = errors.New("the worker is shutting down")
	errLost     = errors.New("the lease is lost")
	errStalled  = errors.New("no progress")
)

// meter holds what a run last reported.
type meter struct {
	mu          sync.Mutex
	done, total int
	moved       time.Time // when one of them last changed
}

func (m *meter) report(done, total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if done != m.done || total != m.total {
		m.done, m.total, m.moved = done, total, time.Now()
	}
}

func (m *meter) read() (done, total int, moved time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done, m.total, m.moved
}

// run runs a segment that was leased in revision rev of its task and writes the outcome.
func (w *Worker) run(ctx context.Context, t task.Task, rev uint64, s task.Segment, log *slog.Logger) {
	// The run does not end with ctx at once, but after Grace; and always for a named cause.
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	m := &meter{moved: time.Now()}

	type outcome struct {
		res Result
		err error
	}
	ran := make(chan outcome, 1)
	var helpers sync.WaitGroup
	helpers.Go(func() {
		res, err := w.call(inner, Job{Task: t, Segment: s, Report: m.report}, log)
		ran <- outcome{res, err}
	})
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var beats sync.WaitGroup
	beats.Go(func() { w.beat(beating, t.ID, rev, s, m, cancel, log) })

	var o outcome
	var hung <-chan time.Time
	stuck := false
	leaving, grace, ended := ctx.Done(), (<-chan time.Time)(nil), inner.Done()
wait:
	for {
		select {
		case o = <-ran:
			break wait
		case <-leaving:
			leaving = nil
			grace = time.After(w.cfg.Grace)
		case <-grace:
			cancel(errShutdown)
		case <-ended:
			ended = nil
			hung = time.After(w.cfg.Patience)
		case <-hung:
			o.err, stuck = context.Cause(inner), true
			log.Error("the run does not end", "cause", o.err)
			break wait
		}
	}
	cause := context.Cause(inner)
	stop()
	beats.Wait()
	switch {
	case errors.Is(cause, errLost):
		log.Info("run ended", "cause", cause)
	case o.err != nil && errors.Is(cause, errShutdown):
		w.finish(t, s, o.res, errShutdown, log)
	case o.err != nil && errors.Is(cause, errStalled):
		w.finish(t, s, o.res, fault.New(fault.Stalled, "", "a step made no progress for %s and was given up", w.cfg.Stall), log)
	case o.err != nil && fault.Is(o.err, fault.Canceled):
		// Nobody canceled this run, so something within it ended by itself.
		w.finish(t, s, o.res, fault.New(fault.Internal, "", "internal error").WithCause(o.err), log)
	default:
		w.finish(t, s, o.res, o.err, log)
	}
	if stuck && w.cfg.OnHung != nil {
		w.cfg.OnHung()
	}
	helpers.Wait()
}

// call runs the runner. A panic in it is the failure of this segment alone; it is tried again,
// because a crash may depend on what ran beside it.
func (w *Worker) call(ctx context.Context, j Job, log *slog.Logger) (res Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			e := fault.New(fault.Internal, "", "internal error").WithCause(fmt.Errorf("panic: %v", p))
			e.Retry = true
			err = e
		}
	}()
	return w.runner.Run(ctx, j)
}

// beat renews the lease while frames advance, and ends the run when they do not, when the
// lease is lost or when the task is over. It watches the record, so that a cancellation is seen at once
// and not only with the next beat.
func (w *Worker) beat(ctx context.Context, id task.ID, rev uint64, s task.Segment, m *meter, end context.CancelCauseFunc, log *slog.Logger) {
	entries, err := w.records.kv.Watch(ctx, string(id))
	if err != nil && ctx.Err() == nil {
		log.Warn("watching the task", "error", err) // the beats see it too, only later
	}
	tick := time.NewTicker(w.cfg.Beat)
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			if entries != nil {
				for range entries { // closed soon, because ctx is over
				}
			}
			return
		case e, ok := <-entries:
			if !ok {
				entries = nil
			} else if e.Rev > rev && (e.Deleted || w.lost(e, s)) {
				end(errLost)
			}
		case <-tick.C:
			done, total, moved := m.read()
			if time.Since(moved) > w.cfg.Stall {
				end(errStalled)
			}
			now := time.Now()
			_, _, err := w.records.change(ctx, id, func(t task.Task) (task.Task, error) {
				return t.Renew(s.ID, s.Lease, done, total, now, w.cfg.LeaseTTL)
			})
			switch {
			case err == nil:
				renewed = now
			case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound), time.Since(renewed) > w.cfg.LeaseTTL:
				end(errLost)
			case ctx.Err() == nil:
				log.Warn("renewing the lease", "error", err)
			}
		}
	}
}

// lost reports whether the record says that s is not held under its lease any more.
func (w *Worker) lost(e Entry, s task.Segment) bool {
	t, err := w.records.decode(e.Value)
	if err != nil {
		return false // the next beat will say what is wrong
	}
	now, ok := t.Segment(s.ID)
	return !ok || now.State != task.Leased || now.Lease != s.Lease
}
