package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/memory"
	"github.com/twinsync/twinsync/internal/task"
)

func TestLostDoubledAndLateHints(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		l := &lossy{Store: s, drop: 0.3, double: 0.3, late: 0.3}
		r := &dispatchtest.Stages{Do: func(context.Context, dispatch.Job) error {
			time.Sleep(time.Second)
			return nil
		}}
		wc := dispatch.DefaultWorkerConfig()
		wc.Slots["cpu"] = 4
		d, stop := dispatchtest.Start(t, l, r, dispatch.DefaultConfig(), wc)
		var ids []task.ID
		for i := range 20 {
			ids = append(ids, submit(t, ctx, d, fmt.Sprint("c", i%3), 3))
		}
		for _, id := range ids {
			if x := dispatchtest.Await(t, ctx, d, id); x.State != task.Succeeded || x.Retries != 0 {
				t.Errorf("%+v", x)
			}
		}
		for seg, n := range r.Runs() {
			if n != 1 {
				t.Errorf("%s was run %d times", seg, n)
			}
		}
		stop()
		l.wg.Wait()
	})
}

// TestCutOffWorker pulls a worker's cable in the middle of a segment: another one has it within
// 15 seconds, and what the first still does has no effect.
func TestCutOffWorker(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		began := make(chan string, 10)
		var lost atomic.Int64
		r := &dispatchtest.Stages{Do: func(ctx context.Context, j dispatch.Job) error {
			began <- j.Segment.Worker
			if j.Segment.Attempt > 1 {
				return nil
			}
			for i := range 60 { // the first does not know that it is cut off, until its lease is over
				j.Report(i, 60)
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					lost.Add(1)
					return nil // as if it had been done: too late
				}
			}
			return nil
		}}
		l := &lossy{Store: s}
		wc := dispatch.DefaultWorkerConfig()
		wc.ID = "first"
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("idle", 0))
		w, err := dispatch.NewWorker(ctx, l, r, wc)
		if err != nil {
			t.Fatal(err)
		}
		wctx, wstop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { _ = w.Run(wctx) })
		id := submit(t, ctx, d, "c", 1)
		if got := <-began; got != "first" {
			t.Fatalf("begun by %s", got)
		}
		time.Sleep(5 * time.Second)
		l.cut.Store(true)
		from := time.Now()
		second, err := dispatch.NewWorker(ctx, s, r, on("second", 1))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { _ = second.Run(wctx) })
		if got := <-began; got != "second" {
			t.Errorf("begun again by %s", got)
		}
		if d := time.Since(from); d > 15*time.Second || d < 5*time.Second {
			t.Errorf("begun again after %v", d)
		}
		x := dispatchtest.Await(t, ctx, d, id)
		if x.State != task.Succeeded || x.Retries != 1 {
			t.Errorf("%+v", x)
		}
		time.Sleep(time.Minute)
		if lost.Load() != 1 {
			t.Error("the cut-off worker's run was not ended")
		}
		l.cut.Store(false)
		wstop()
		wg.Wait()
		stop()
		l.wg.Wait()
	})
}

func TestReleaseWorker(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		began := make(chan string, 10)
		r := &dispatchtest.Stages{Do: func(ctx context.Context, j dispatch.Job) error {
			began <- j.Segment.Worker
			if j.Segment.Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("dead", 1))
		id := submit(t, ctx, d, "c", 1)
		<-began
		synctest.Wait()
		from := time.Now()
		if err := d.ReleaseWorker(ctx, "dead"); err != nil {
			t.Fatal(err)
		}
		<-began // by the same one, which only was said to be dead, once it signs on again
		if took := time.Since(from); took > 4*time.Second {
			t.Errorf("begun again after %v", took)
		}
		if x := dispatchtest.Await(t, ctx, d, id); x.State != task.Succeeded || x.Retries != 1 {
			t.Errorf("%+v", x)
		}
		stop()
	})
}

func TestStalledRun(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		var ends []time.Duration
		r := &dispatchtest.Stages{Do: func(ctx context.Context, j dispatch.Job) error {
			from := time.Now()
			for i := range 10 { // alive for a while, then hangs
				j.Report(i, 0)
				time.Sleep(10 * time.Second)
			}
			<-ctx.Done()
			ends = append(ends, time.Since(from))
			return ctx.Err()
		}}
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("w", 1))
		x := dispatchtest.Await(t, ctx, d, submit(t, ctx, d, "c", 1))
		if x.State != task.Failed || x.Fault.Code != fault.Stalled || x.Attempts != 4 {
			t.Errorf("%+v", x)
		}
		for _, e := range ends {
			if e < 150*time.Second || e > 156*time.Second {
				t.Errorf("given up after %v, but the last progress was at 1m30s", e)
			}
		}
		stop()
	})
}

// TestHungRun has a run that does not even end with its context: its segment goes on elsewhere and
// the process is told.
func TestHungRun(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		told, leave := make(chan struct{}), make(chan struct{})
		r := &dispatchtest.Stages{Do: func(_ context.Context, j dispatch.Job) error {
			if j.Segment.Attempt == 1 {
				<-leave
			}
			return nil
		}}
		wc := on("w", 2)
		wc.OnHung = func() { close(told) }
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), wc)
		id := submit(t, ctx, d, "c", 1)
		<-told
		if x := dispatchtest.Await(t, ctx, d, id); x.State != task.Succeeded || x.Retries != 1 {
			t.Errorf("%+v", x)
		}
		close(leave)
		stop()
	})
}

func TestPanic(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		r := &dispatchtest.Stages{Do: func(_ context.Context, j dispatch.Job) error {
			if j.Segment.Attempt == 1 {
				panic("a codec is broken")
			}
			return errors.New("a plain error")
		}}
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("w", 1))
		x := dispatchtest.Await(t, ctx, d, submit(t, ctx, d, "c", 1))
		if x.State != task.Failed || x.Fault.Code != fault.Internal || x.Attempts != 2 {
			t.Errorf("%+v", x)
		}
		stop()
	})
}

// TestShutdown stops a worker in the middle of a segment: with grace it finishes, without it
// gives the segment back at once, which counts as no failure.
func TestShutdown(t *testing.T) {
	for name, grace := range map[string]time.Duration{"at once": 0, "with grace": time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
				began := make(chan struct{}, 2)
				r := &dispatchtest.Stages{Do: func(ctx context.Context, j dispatch.Job) error {
					began <- struct{}{}
					select {
					case <-time.After(20 * time.Second):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}}
				d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("idle", 0))
				wc := on("w", 1)
				wc.Grace = grace
				w, err := dispatch.NewWorker(ctx, s, r, wc)
				if err != nil {
					t.Fatal(err)
				}
				wctx, leave := context.WithCancel(ctx)
				var wg sync.WaitGroup
				wg.Go(func() { _ = w.Run(wctx) })
				id := submit(t, ctx, d, "c", 1)
				<-began
				from := time.Now()
				leave()
				wg.Wait()
				took := time.Since(from)
				x, err := d.Get(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				if grace == 0 {
					// The dispatcher may have released it again already.
					if took > time.Second || x.Segments[0].State == task.Leased || x.Segments[0].Failures != 0 || x.Retries != 0 {
						t.Errorf("after %v: %+v", took, x.Segments[0])
					}
				} else if took != 20*time.Second || x.Stage != "sum" {
					t.Errorf("after %v at %s: %+v", took, x.Stage, x.Segments[0])
				}
				synctest.Wait()
				if n := len(d.Workers()); n != 1 {
					t.Errorf("%d workers after one has signed off", n)
				}
				stop()
			})
		})
	}
}

// TestLeaders has two dispatchers: one leads; when it is cut off the other does, and when it resigns the
// other does at once.
func TestLeaders(t *testing.T) {
	for name, resign := range map[string]bool{"cut off": false, "resigns": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
				l := &lossy{Store: s}
				r := &dispatchtest.Stages{}
				first, err := dispatch.New(ctx, l, dispatch.DefaultConfig())
				if err != nil {
					t.Fatal(err)
				}
				fctx, end := context.WithCancel(ctx)
				var wg sync.WaitGroup
				wg.Go(func() { _ = first.Run(fctx) })
				<-first.Ready()
				synctest.Wait()
				second, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("w", 1))
				dispatchtest.Await(t, ctx, second, submit(t, ctx, second, "c", 1)) // the first releases it
				if resign {
					end()
					wg.Wait()
				} else {
					l.cut.Store(true)
				}
				from := time.Now()
				dispatchtest.Await(t, ctx, second, submit(t, ctx, second, "c", 1))
				if took := time.Since(from); resign && took > 2*time.Second || took > 15*time.Second {
					t.Errorf("the second took over after %v", took)
				}
				end()
				wg.Wait()
				stop()
				l.wg.Wait()
			})
		})
	}
}

func TestExpiredTasksGo(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		var removed []task.ID
		broken := true
		dc := dispatch.DefaultConfig()
		dc.OnExpired = func(_ context.Context, x task.Task) error {
			if broken {
				broken = false
				return errors.New("the blob store is away")
			}
			removed = append(removed, x.ID)
			return nil
		}
		d, stop := dispatchtest.Start(t, s, &dispatchtest.Stages{}, dc, on("w", 1))
		x := dispatchtest.NewTask(t, "c", 1)
		x.ExpiresAt = time.Now().Add(10 * time.Minute)
		if err := d.Submit(ctx, x); err != nil {
			t.Fatal(err)
		}
		dispatchtest.Await(t, ctx, d, x.ID)
		time.Sleep(9 * time.Minute)
		if _, err := d.Get(ctx, x.ID); err != nil {
			t.Errorf("before its time: %v", err)
		}
		sub, err := d.Watch(ctx, x.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sub.Next(ctx); err != nil {
			t.Errorf("watch: %v", err)
		}
		if _, err := sub.Next(ctx); !fault.Is(err, fault.NotFound) {
			t.Errorf("watch of a task that goes: %v", err)
		}
		sub.Close()
		if _, err := d.Get(ctx, x.ID); !fault.Is(err, fault.NotFound) || len(removed) != 1 {
			t.Errorf("after its time: %v, removed %v", err, removed)
		}
		stop()
	})
}

// TestFairSharing has a customer with a hundred tasks and one who comes later with one.
func TestFairSharing(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		r := &dispatchtest.Stages{Do: func(context.Context, dispatch.Job) error {
			time.Sleep(10 * time.Second)
			return nil
		}}
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("w", 2))
		for range 100 {
			submit(t, ctx, d, "big", 1)
		}
		time.Sleep(time.Minute)
		from := time.Now()
		dispatchtest.Await(t, ctx, d, submit(t, ctx, d, "small", 1))
		// At most: two segments of the other run, two wait in the queue; then its own, whose
		// second stage waits behind two more.
		if took := time.Since(from); took > 50*time.Second {
			t.Errorf("the small customer waited %v", took)
		}
		if n := d.Active("big"); n < 80 {
			t.Errorf("only %d of the big customer's tasks are left", n)
		}
		if st := d.Stats(); st.Segments["cpu"] > 4 || st.Slots["cpu"] != 2 {
			t.Errorf("stats %+v", st)
		}
		stop()
	})
}

// TestSubscription reads slowly: it sees the last of several changes, and each task's end.
func TestSubscription(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, s *memory.Store) {
		r := &dispatchtest.Stages{Do: func(_ context.Context, j dispatch.Job) error {
			for i := range 10 {
				j.Report(i, 10)
				time.Sleep(2 * time.Second)
			}
			return nil
		}}
		d, stop := dispatchtest.Start(t, s, r, dispatch.DefaultConfig(), on("w", 1))
		all := d.Subscribe(func(x task.Task) bool { return x.Customer == "mine" })
		defer all.Close()
		mine, other := submit(t, ctx, d, "mine", 1), submit(t, ctx, d, "other", 1)
		quick, err := d.Watch(ctx, mine)
		if err != nil {
			t.Fatal(err)
		}
		var seen []float64
		for {
			x, err := quick.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, x.Progress)
			if x.State.Final() {
				break
			}
		}
		quick.Close()
		if len(seen) < 7 || seen[0] != 0 || seen[len(seen)-1] != 1 {
			t.Errorf("progress %v", seen)
		}
		dispatchtest.Await(t, ctx, d, other)
		if x, err := all.Next(ctx); err != nil || x.ID != mine || x.State != task.Succeeded || x.Segments != nil {
			t.Errorf("next = %+v, %v", x, err)
		}
		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if x, err := all.Next(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("next = %+v, %v", x, err)
		}
		stop()
	})
}

func TestConfigs(t *testing.T) {
	for name, f := range map[string]func(*dispatch.Config, *dispatch.WorkerConfig){
		"lease":    func(c *dispatch.Config, _ *dispatch.WorkerConfig) { c.LeaseTTL = 0 },
		"tick":     func(c *dispatch.Config, _ *dispatch.WorkerConfig) { c.Tick = c.LeaseTTL },
		"depth":    func(c *dispatch.Config, _ *dispatch.WorkerConfig) { c.Depth = 0 },
		"limit":    func(c *dispatch.Config, _ *dispatch.WorkerConfig) { c.Customer = -1 },
		"attempts": func(c *dispatch.Config, _ *dispatch.WorkerConfig) { c.Policy.Attempts = 0 },
		"slots":    func(_ *dispatch.Config, w *dispatch.WorkerConfig) { w.Slots = nil },
		"negative": func(_ *dispatch.Config, w *dispatch.WorkerConfig) { w.Slots = map[string]int{"cpu": -1} },
		"name":     func(_ *dispatch.Config, w *dispatch.WorkerConfig) { w.Slots = map[string]int{"c p u": 1} },
		"id":       func(_ *dispatch.Config, w *dispatch.WorkerConfig) { w.ID = "a.b" },
		"beat":     func(_ *dispatch.Config, w *dispatch.WorkerConfig) { w.Beat = w.LeaseTTL },
		"stall":    func(_ *dispatch.Config, w *dispatch.WorkerConfig) { w.Stall = 0 },
	} {
		c, w := dispatch.DefaultConfig(), dispatch.DefaultWorkerConfig()
		if c.Validate() != nil || w.Validate() != nil {
			t.Fatal("the defaults are refused")
		}
		f(&c, &w)
		if c.Validate() == nil && w.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
