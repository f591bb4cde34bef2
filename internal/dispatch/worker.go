package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// Runner does the work. It is called by several goroutines.
type Runner interface {
	// Run does one segment. It must return soon after ctx ends. What it writes must go to a place of this
	// attempt alone (Segment.Lease names it), for another worker may be doing the same
	// segment. An error whose fault has Retry set is tried again, any other fails the task.
	Run(ctx context.Context, j Job) (Result, error)
	// Next plans from a task whose stage is done: either the next stage and its segments, or
	// the final result. It must be a function of the task alone, for it may be called more
	// than once.
	Next(ctx context.Context, t task.Task) (stage string, segments []task.Spec, final *task.Result, err error)
}

// Job is one segment to run.
type Job struct {
	Task    task.Task    // as it was when the segment was leased
	Segment task.Segment // leased by this worker
	// Report tells how far the run is. total 0 means that it is not known. A run that reports
	// nothing new for WorkerConfig.Stall is given up. It never blocks.
	Report func(framesDone, framesTotal int)
}

// Result is the outcome of one segment.
type Result struct {
	Data     json.RawMessage // small: names of blobs, numbers; kept in the record
	Warnings []string        // public sentences for the task
}

// WorkerConfig sets up a Worker. Start from DefaultWorkerConfig.
type WorkerConfig struct {
	ID    string         // unique among all workers ever; made when empty
	Slots map[string]int // segments at a time, by capability

	LeaseTTL time.Duration // must be what the dispatcher uses
	Beat     time.Duration // between renewals
	Stall    time.Duration // a run without progress for so long is given up
	Patience time.Duration // what a given-up run has to return before it counts as hung
	Grace    time.Duration // after ctx ends, how long running segments may still finish
	Policy   task.Policy
	OnHung   func()       // called when a run does not return; a child process should exit then
	Log      *slog.Logger // nil discards
}

// DefaultWorkerConfig is for one segment at a time on the CPU.
func DefaultWorkerConfig() WorkerConfig {
	return WorkerConfig{
		Slots: map[string]int{"cpu": 1}, LeaseTTL: 10 * time.Second, Beat: 3 * time.Second,
		Stall: time.Minute, Patience: 15 * time.Second, Policy: task.DefaultPolicy(),
	}
}

// Validate says what is wrong with c: fault.InvalidField.
func (c WorkerConfig) Validate() error {
	n := 0
	for capability, slots := range c.Slots {
		if err := ValidName(capability); err != nil {
			return err
		}
		if slots < 0 {
			return fault.New(fault.InvalidField, "slots", "must not be negative")
		}
		n += slots
	}
	switch {
	case n == 0:
		return fault.New(fault.InvalidField, "slots", "a worker needs at least one slot")
	case c.ID != "" && ValidName(c.ID) != nil:
		return fault.New(fault.InvalidField, "id", "must be lower-case words joined by dashes")
	case c.Beat <= 0 || c.LeaseTTL < 2*c.Beat:
		return fault.New(fault.InvalidField, "beat", "must be at most half of the lease's time")
	case c.Stall <= 0 || c.Patience <= 0 || c.Grace < 0:
		return fault.New(fault.InvalidField, "stall", "times must be more than zero")
	case c.Policy.Attempts < 1:
		return fault.New(fault.InvalidField, "attempts", "must be at least 1")
	}
	return nil
}

// Worker takes segments from the queues and runs them.
type Worker struct {
	cfg     WorkerConfig
	log     *slog.Logger
	runner  Runner
	records *records
	queue   Queue
	workers *presence
}

// NewWorker opens the buckets and queues of a store. Run must be called for it to work.
func NewWorker(ctx context.Context, s Store, r Runner, cfg WorkerConfig) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.ID == "" {
		cfg.ID = "w-" + token()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	rec, err := openRecords(ctx, s)
	if err != nil {
		return nil, err
	}
	q, err := s.Queue(ctx)
	if err != nil {
		return nil, err
	}
	p, err := openPresence(ctx, s)
	if err != nil {
		return nil, err
	}
	return &Worker{
		cfg: cfg, log: cfg.Log.With("worker", cfg.ID), runner: r, records: rec, queue: q, workers: p,
	}, nil
}

// token makes a name that no other has: 128 bits.
func token() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // has no error since Go 1.24: the program ends instead
	return fmt.Sprintf("%x", b)
}

// Run works until ctx ends. Segments that run then may finish within Grace; after that they are
// given back, so that another worker takes them at once. It returns when nothing of it
// runs any more, with nil.
func (w *Worker) Run(ctx context.Context) error {
	var slots sync.WaitGroup
	for capability, n := range w.cfg.Slots {
		for range n {
			slots.Go(func() { w.slot(ctx, capability) })
		}
	}
	// Signs of life go on while the last segments finish.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	var beats sync.WaitGroup
	beats.Go(func() { w.announce(life, ctx.Done()) })
	slots.Wait()
	stop()
	beats.Wait()
	return nil
}

// announce renews the worker's record until ctx ends. Once leaving is closed it offers no slots.
func (w *Worker) announce(ctx context.Context, leaving <-chan struct{}) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	info := WorkerInfo{ID: w.cfg.ID, Host: host, PID: os.Getpid(), Slots: maps.Clone(w.cfg.Slots), Started: time.Now().UTC()}
	tick := time.NewTicker(w.cfg.Beat)
	defer tick.Stop()
	var rev uint64
	for ctx.Err() == nil {
		info.Beat++
		next, err := w.workers.announce(ctx, info, rev)
		switch {
		case err == nil:
			rev = next
		case ctx.Err() == nil:
			w.log.Warn("sign of life", "error", err)
			if _, at, e := w.workers.kv.Get(ctx, workerPrefix+w.cfg.ID); e == nil {
				rev = at // the answer to the last one was lost
			}
		}
		select {
		case <-tick.C:
		case <-leaving:
			leaving, info.Slots = nil, nil
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := w.workers.remove(ctx, w.cfg.ID); err != nil {
		w.log.Debug("signing off", "error", err)
	}
}

// slot runs one segment after the other.
func (w *Worker) slot(ctx context.Context, capability string) {
	for rest := time.Duration(0); ctx.Err() == nil; {
		d, err := w.queue.Take(ctx, capability)
		if err != nil {
			if ctx.Err() == nil {
				rest = min(2*rest+100*time.Millisecond, 5*time.Second)
				w.log.Warn("waiting for work", "error", err)
				_ = pause(ctx, rest) // ends early only with ctx, which the loop sees
			}
			continue
		}
		rest = 0
		w.take(ctx, d)
	}
}

// take leases what a hint points at. From then on the record holds the segment, so the hint is done
// before the work begins.
func (w *Worker) take(ctx context.Context, d Delivery) {
	h := d.Hint()
	log := w.log.With("task", h.Task, "segment", h.Segment)
	if ctx.Err() != nil {
		w.settle(log, d.Return, 0)
		return
	}
	lease := token()
	t, rev, err := w.records.change(ctx, h.Task, func(t task.Task) (task.Task, error) {
		return t.Lease(h.Segment, w.cfg.ID, lease, time.Now(), w.cfg.LeaseTTL)
	})
	if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
		log.Warn("leasing", "error", err)
		w.settle(log, d.Return, time.Second)
		return
	}
	w.settle(log, func(ctx context.Context, _ time.Duration) error { return d.Done(ctx) }, 0)
	if err != nil {
		log.Debug("hint without work", "reason", err)
		return
	}
	s, _ := t.Segment(h.Segment)
	log = log.With("attempt", s.Attempt, "stage", t.Stage, "customer", t.Customer)
	log.Debug("segment begins")
	w.run(ctx, t, rev, s, log)
}

func (w *Worker) settle(log *slog.Logger, f func(context.Context, time.Duration) error, delay time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Beat)
	defer cancel()
	if err := f(ctx, delay); err != nil {
		log.Debug("settling a hint", "error", err) // it comes again and finds nothing to do
	}
}

// finish writes the outcome of a run. The lease token decides whether it still counts, so trying
// for longer than the lease lasts does no harm.
func (w *Worker) finish(t task.Task, s task.Segment, res Result, err error, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*w.cfg.LeaseTTL)
	defer cancel()
	var outcome func(task.Task) (task.Task, error)
	switch {
	case errors.Is(err, errShutdown):
		outcome = func(t task.Task) (task.Task, error) { return t.Return(s.ID, s.Lease, time.Now()) }
	case err != nil:
		log.Warn("segment failed", "error", err)
		outcome = w.failing(s, err)
	default:
		outcome = func(t task.Task) (task.Task, error) { return w.completing(ctx, t, s, res) }
	}
	rest, full := 50*time.Millisecond, false
	for {
		done, _, err := w.records.change(ctx, t.ID, outcome)
		var plan *planError
		switch {
		case err == nil:
			log.Debug("segment over", "state", done.State, "progress", done.Progress)
			return
		case errors.As(err, &plan):
			log.Warn("planning the next stage", "error", plan.err)
			outcome = w.failing(s, plan.err)
			continue
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound):
			log.Info("outcome came too late", "reason", err)
			return
		case fault.Is(err, fault.TooLong) && !full:
			full = true // the record cannot hold the result
			outcome = w.failing(s, err)
			continue
		}
		log.Warn("writing the outcome", "error", err)
		if pause(ctx, rest) != nil {
			log.Error("outcome could not be written; the segment will be run again", "error", err)
			return
		}
		rest = min(2*rest, w.cfg.Beat)
	}
}

// planError tells an error of the plan from those of the record.
type planError struct{ err error }

func (e *planError) Error() string { return "plan: " + e.err.Error() }

// completing marks the segment as done and, when it is the stage's last, moves the task on.
func (w *Worker) completing(ctx context.Context, t task.Task, s task.Segment, res Result) (task.Task, error) {
	now := time.Now()
	t, err := t.Complete(s.ID, s.Lease, res.Data, now)
	if err != nil {
		return t, err
	}
	t = t.Warn(res.Warnings...)
	if !t.StageDone() {
		return t, nil
	}
	stage, segments, final, err := w.runner.Next(ctx, t)
	if err == nil {
		if final != nil {
			t, err = t.Succeed(*final, now)
		} else {
			t, err = t.Advance(stage, segments, now)
		}
	}
	if err != nil {
		return t, &planError{err}
	}
	return t, nil
}

func (w *Worker) failing(s task.Segment, err error) func(task.Task) (task.Task, error) {
	jitter := mathrand.Float64() //nolint:gosec // chance, no secret
	return func(t task.Task) (task.Task, error) {
		return t.Fail(s.ID, s.Lease, task.FaultOf(err), w.cfg.Policy, jitter, time.Now())
	}
}
