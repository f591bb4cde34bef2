// Package dispatch runs tasks: it keeps their records, shares their segments fairly among
// customers and workers, and sees every task through to its end whatever dies on the way. It knows
// nothing of what a segment does; that is the Runner's.
//
// Records are the truth, messages are hints. Every change is one compare-and-set on
// the record of one task. A worker owns a segment only while the record shows its
// lease token; a late worker's result loses the compare-and-set. The queues carry hints
// that may be lost, doubled or late: a hint without anything to do is dropped, and a
// segment without a hint is offered again.
//
// A Dispatcher lives in the service (several may run on one store; one leads). It
// watches all records and from them releases waiting segments, takes leases from workers that
// are silent, offers hints again and removes what has expired. A Worker, in the same
// process or any other, takes hints, leases segments, runs them and writes the outcome.
package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// Config sets up a Dispatcher. Start from DefaultConfig.
type Config struct {
	// Sole says that no other dispatcher or worker of before can be using the store, as with an
	// engine embedded in this process: it leads at once, and every lease of before its start is void.
	Sole bool

	LeaseTTL  time.Duration // a lease not seen renewed for so long is taken away
	Tick      time.Duration // between looks at what time alone makes due
	Reoffer   time.Duration // a ready segment not leased after so long is offered again
	Depth     float64       // segments released for each worker slot, 1 to 2: the second waits in the queue
	Customer  int           // segments that one customer may have released at a time; 0 is no limit
	Policy    task.Policy
	OnExpired func(context.Context, task.Task) error // removes a task's outputs before its record goes; nil: nothing to remove
	Log       *slog.Logger                           // nil discards
}

// DefaultConfig redelivers the segments of a dead worker in about eleven seconds.
func DefaultConfig() Config {
	return Config{
		LeaseTTL: 10 * time.Second, Tick: 500 * time.Millisecond, Reoffer: 20 * time.Second,
		Depth: 2, Policy: task.DefaultPolicy(),
	}
}

// Validate says what is wrong with c: fault.InvalidField.
func (c Config) Validate() error {
	switch {
	case c.LeaseTTL <= 0 || c.Tick <= 0 || c.Reoffer <= 0:
		return fault.New(fault.InvalidField, "dispatch", "times must be more than zero")
	case c.Tick > c.LeaseTTL/2:
		return fault.New(fault.InvalidField, "dispatch.tick", "must be at most half of the lease's time")
	case c.Depth < 1:
		return fault.New(fault.InvalidField, "dispatch.depth", "must be at least 1")
	case c.Customer < 0:
		return fault.New(fault.InvalidField, "dispatch.customer", "must not be negative")
	case c.Policy.Attempts < 1:
		return fault.New(fault.InvalidField, "dispatch.attempts", "must be at least 1")
	}
	return nil
}

// Dispatcher is the service's side of the engine.
type Dispatcher struct {
	cfg     Config
	log     *slog.Logger
	id      string
	born    time.Time
	records *records
	workers *presence
	queue   Queue
	view    *projection
	wake    chan struct{} // of capacity 1: something may be due

	once  sync.Once
	ready chan struct{}

	rotas map[string]*rota // by capability; of the loop in Run alone
	lead  leadership
}

// New opens the buckets and queues of a store. Run must be called for anything to move.
func New(ctx context.Context, s Store, cfg Config) (*Dispatcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r, err := openRecords(ctx, s)
	if err != nil {
		return nil, err
	}
	p, err := openPresence(ctx, s)
	if err != nil {
		return nil, err
	}
	q, err := s.Queue(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Dispatcher{
		cfg: cfg, log: cfg.Log, id: "dispatcher-" + rand.Text(), born: time.Now(), records: r, workers: p, queue: q,
		view: newProjection(), wake: make(chan struct{}, 1), ready: make(chan struct{}),
		rotas: map[string]*rota{},
	}, nil
}

// Ready is closed once Run knows all tasks that the store held when it began.
func (d *Dispatcher) Ready() <-chan struct{} { return d.ready }

// Run keeps the dispatcher going until ctx ends and then waits for everything it started. It
// returns nil, for the end is wanted; trouble with the store is logged and overcome.
func (d *Dispatcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { d.follow(ctx, "tasks", d.records.kv, d.view.nextRound, d.followTasks) })
	wg.Go(func() { d.follow(ctx, "workers", d.workers.kv, func() {}, d.followWorkers) })
	wg.Go(func() { d.loop(ctx) })
	wg.Wait()
	return nil
}

// follow watches a bucket and begins again whenever the store is lost. begin is called before each
// watch: what is noted after it may be newer than the present values that the watch shows first.
func (d *Dispatcher) follow(ctx context.Context, name string, kv KV, begin func(), f func(<-chan Entry)) {
	for ctx.Err() == nil {
		begin()
		ch, err := kv.Watch(ctx, "")
		if err == nil {
			f(ch)
			err = errors.New("the watch was closed")
		}
		if ctx.Err() == nil {
			d.log.Warn("watching records again", "bucket", name, "error", err)
			_ = pause(ctx, 100*time.Millisecond) // its only error is that ctx ended, which the loop sees
		}
	}
}

func (d *Dispatcher) followTasks(ch <-chan Entry) {
	for e := range ch {
		switch {
		case e.Key == "":
			d.view.sweep()
			d.once.Do(func() { close(d.ready) })
		case e.Deleted:
			d.view.remove(task.ID(e.Key), e.Rev)
		default:
			t, err := d.records.decode(e.Value)
			if err != nil {
				d.log.Error("task record cannot be read", "task", e.Key, "error", err)
				continue
			}
			d.view.apply(t, e.Rev, time.Now())
		}
		d.nudge()
	}
}

func (d *Dispatcher) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Submit stores a queued task. When it returns nil the task will be run, whatever happens.
// An identifier that exists is fault.Conflict.
func (d *Dispatcher) Submit(ctx context.Context, t task.Task) error {
	if t.State != task.Queued {
		return fault.New(fault.Conflict, "", "only a queued task can be submitted, not one that is %s", t.State)
	}
	rev, err := d.records.create(ctx, t)
	if err != nil {
		return err
	}
	d.view.apply(t, rev, time.Now())
	d.nudge()
	return nil
}

// Get gives the whole record of a task, or fault.NotFound.
func (d *Dispatcher) Get(ctx context.Context, id task.ID) (task.Task, error) {
	t, _, err := d.records.get(ctx, id)
	return t, err
}

// List gives summaries of tasks, newest first. To page on, put the last one's identifier into
// Filter.Before.
func (d *Dispatcher) List(f Filter) []task.Task { return d.view.list(f) }

// Cancel ends a task and gives it as it then stands. Running segments stop within
// moments. A finished task is fault.Conflict, an unknown one fault.NotFound.
func (d *Dispatcher) Cancel(ctx context.Context, id task.ID) (task.Task, error) {
	return d.change(ctx, id, func(t task.Task) (task.Task, error) { return t.Cancel(time.Now()) })
}

// Delete removes the record of a finished task; one that is not is fault.Conflict. The
// caller removes its outputs.
func (d *Dispatcher) Delete(ctx context.Context, id task.ID) error {
	t, rev, err := d.records.get(ctx, id)
	if err != nil {
		return err
	}
	if !t.State.Final() {
		return fault.New(fault.Conflict, "", "a task that is %s cannot be deleted", t.State).
			WithHint("Cancel it first.")
	}
	if err := d.records.kv.Delete(ctx, string(id), rev); err != nil {
		return fmt.Errorf("delete task %s: %w", id, err)
	}
	d.view.remove(id, rev+1)
	return nil
}

// Watch follows one task; its present state comes first. Close the subscription when done.
func (d *Dispatcher) Watch(ctx context.Context, id task.ID) (*Subscription, error) {
	s := d.view.subscribe(func(t task.Task) bool { return t.ID == id })
	s.only = id
	t, rev, err := d.records.get(ctx, id)
	if err != nil {
		s.Close()
		return nil, err
	}
	d.view.apply(t, rev, time.Now())
	d.view.show(s, id)
	return s, nil
}

// Subscribe follows every task that match accepts, from now on. match gets summaries, must be quick and
// must not call the dispatcher.
func (d *Dispatcher) Subscribe(match func(task.Task) bool) *Subscription {
	return d.view.subscribe(match)
}

// ReleaseWorker takes all leases of a worker that is known to be dead, so that its
// segments run again at once.
func (d *Dispatcher) ReleaseWorker(ctx context.Context, worker string) error {
	err := d.expire(ctx, func(l leaseSeen) bool { return l.worker == worker })
	return errors.Join(err, d.workers.remove(ctx, worker))
}

// Workers lists the workers that are alive.
func (d *Dispatcher) Workers() []WorkerInfo { return d.workers.list(time.Now(), d.cfg.LeaseTTL) }

// Stats counts what there is.
type Stats struct {
	Tasks    map[task.State]int
	Segments map[string]int // released to the workers, by capability
	Waiting  map[string]int // tasks with segments that wait, by capability
	Slots    map[string]int // of live workers, by capability
}

// Stats gives the counts of this moment.
func (d *Dispatcher) Stats() Stats {
	s := d.view.stats()
	s.Slots = d.workers.slots(time.Now(), d.cfg.LeaseTTL)
	return s
}

// Active counts the tasks of a customer that are not finished.
func (d *Dispatcher) Active(customer string) int { return d.view.active(customer) }

func (d *Dispatcher) change(ctx context.Context, id task.ID, f func(task.Task) (task.Task, error)) (task.Task, error) {
	t, rev, err := d.records.change(ctx, id, f)
	if err != nil {
		return t, err
	}
	d.view.apply(t, rev, time.Now())
	d.nudge()
	return t, nil
}
