package dispatchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/task"
)

// Stages is a Runner of two stages for tests: first "work", whose segments Do does, then "sum", which
// counts the results; the task's report is that count. Its zero value does nothing in each segment.
type Stages struct {
	Do func(ctx context.Context, j dispatch.Job) error

	mu   sync.Mutex
	runs map[string]int
}

var _ dispatch.Runner = (*Stages)(nil)

// Run calls Do and notes the run.
func (r *Stages) Run(ctx context.Context, j dispatch.Job) (dispatch.Result, error) {
	r.mu.Lock()
	if r.runs == nil {
		r.runs = map[string]int{}
	}
	r.runs[string(j.Task.ID)+"/"+j.Segment.ID]++
	r.mu.Unlock()
	if j.Task.Stage == "sum" {
		var parts []json.RawMessage
		if err := json.Unmarshal(j.Task.Results["work"], &parts); err != nil {
			return dispatch.Result{}, err
		}
		return dispatch.Result{Data: data(len(parts)), Warnings: []string{"summed"}}, nil
	}
	if r.Do != nil {
		if err := r.Do(ctx, j); err != nil {
			return dispatch.Result{}, err
		}
	}
	return dispatch.Result{Data: data(j.Segment.Index)}, nil
}

// Next goes from "work" to "sum" to the end.
func (r *Stages) Next(_ context.Context, t task.Task) (string, []task.Spec, *task.Result, error) {
	if t.Stage == "work" {
		return "sum", []task.Spec{{}}, nil, nil
	}
	return "", nil, &task.Result{Key: "out/" + string(t.ID), Report: t.Segments[0].Result}, nil
}

// Runs says how often each segment ("task/segment") was run.
func (r *Stages) Runs() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for k, n := range r.runs {
		out[k] = n
	}
	return out
}

// NewTask makes a task for Stages with n segments of work.
func NewTask(t testing.TB, customer string, n int) task.Task {
	t.Helper()
	x, err := task.New(task.Order{
		Customer: customer, Kind: "test", Stage: "work", Segments: make([]task.Spec, n),
		Shares: []task.Share{{Stage: "work", Until: 0.9}, {Stage: "sum", Until: 1}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Start runs a dispatcher and a worker on s until stop is called, which waits for both.
func Start(t testing.TB, s dispatch.Store, r dispatch.Runner, dc dispatch.Config, wc dispatch.WorkerConfig) (d *dispatch.Dispatcher, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := dispatch.New(ctx, s, dc)
	if err != nil {
		t.Fatal(err)
	}
	w, err := dispatch.NewWorker(ctx, s, r, wc)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Errorf("dispatcher: %v", err)
		}
	})
	wg.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return d, sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
}

// Await waits until a task is final and gives its record.
func Await(t testing.TB, ctx context.Context, d *dispatch.Dispatcher, id task.ID) task.Task {
	t.Helper()
	sub, err := d.Watch(ctx, id)
	if err != nil {
		t.Fatalf("watch %s: %v", id, err)
	}
	defer sub.Close()
	for {
		x, err := sub.Next(ctx)
		if err != nil {
			last, _ := d.Get(context.WithoutCancel(ctx), id)
			t.Fatalf("%s: %v; it stands at %+v", id, err, last)
		}
		if x.State.Final() {
			x, err = d.Get(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
	}
}

func config() (dispatch.Config, dispatch.WorkerConfig) {
	dc, wc := dispatch.DefaultConfig(), dispatch.DefaultWorkerConfig()
	dc.Tick = 20 * time.Millisecond
	wc.Slots = map[string]int{"cpu": 3}
	wc.Policy.Base = time.Millisecond
	return dc, wc
}

func tasks(t *testing.T, ctx context.Context, s dispatch.Store) {
	r := &Stages{Do: func(_ context.Context, j dispatch.Job) error {
		j.Report(1, 1)
		if j.Segment.Index == 1 && j.Segment.Attempt < 3 {
			return fault.New(fault.Unavailable, "", "not yet")
		}
		return nil
	}}
	dc, wc := config()
	d, stop := Start(t, s, r, dc, wc)
	defer stop()
	var ids []task.ID
	for i := range 5 {
		x := NewTask(t, fmt.Sprint("c", i%2), 3)
		ok(t, "submit", d.Submit(ctx, x))
		is(t, "submit twice", d.Submit(ctx, x), fault.Conflict)
		ids = append(ids, x.ID)
	}
	for _, id := range ids {
		x := Await(t, ctx, d, id)
		if x.State != task.Succeeded || string(x.Result.Report) != "3" || x.Progress != 1 || len(x.Warnings) != 1 {
			t.Errorf("ended as %+v", x)
		}
		if x.Attempts != 6 || x.Retries != 2 {
			t.Errorf("%d attempts and %d retries, want 6 and 2", x.Attempts, x.Retries)
		}
	}
	if got := d.List(dispatch.Filter{Customer: "c0"}); len(got) != 3 {
		t.Errorf("%d tasks of c0", len(got))
	}
	page := d.List(dispatch.Filter{Limit: 2})
	rest := d.List(dispatch.Filter{Before: page[1].ID})
	if len(page) != 2 || len(rest) != 3 || page[0].ID < page[1].ID || page[1].ID < rest[0].ID {
		t.Errorf("pages %v, %v", page, rest)
	}
	ok(t, "delete", d.Delete(ctx, ids[0]))
	_, err := d.Get(ctx, ids[0])
	is(t, "get of the deleted", err, fault.NotFound)
	_, err = d.Cancel(ctx, ids[0])
	is(t, "cancel of the deleted", err, fault.NotFound)
	_, err = d.Cancel(ctx, ids[1])
	is(t, "cancel of the finished", err, fault.Conflict)
	if n := len(d.Workers()); n != 1 {
		t.Errorf("%d workers", n)
	}
}

func taskFails(t *testing.T, ctx context.Context, s dispatch.Store) {
	stopped := make(chan struct{})
	r := &Stages{Do: func(ctx context.Context, j dispatch.Job) error {
		if j.Segment.Index == 0 {
			return fault.New(fault.NoVideo, "video_url", "no video stream in file")
		}
		<-ctx.Done() // the other one is ended, because the task is over
		close(stopped)
		return ctx.Err()
	}}
	dc, wc := config()
	d, stop := Start(t, s, r, dc, wc)
	defer stop()
	x := NewTask(t, "c", 2)
	x.Segments = x.Segments[:2]
	ok(t, "submit", d.Submit(ctx, x))
	x = Await(t, ctx, d, x.ID)
	if x.State != task.Failed || x.Fault.Code != fault.NoVideo || x.Attempts > 2 {
		t.Errorf("ended as %+v", x)
	}
	if x.Attempts == 2 {
		select {
		case <-stopped:
		case <-ctx.Done():
			t.Error("the other segment was not ended")
		}
	}
	is(t, "delete", d.Delete(ctx, "20230423_11_23_05_1027912345678901"), fault.NotFound)
}

func taskCanceled(t *testing.T, ctx context.Context, s dispatch.Store) {
	began, ended := make(chan struct{}), make(chan struct{})
	r := &Stages{Do: func(ctx context.Context, _ dispatch.Job) error {
		close(began)
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	}}
	dc, wc := config()
	d, stop := Start(t, s, r, dc, wc)
	defer stop()
	x := NewTask(t, "c", 1)
	ok(t, "submit", d.Submit(ctx, x))
	<-began
	is(t, "delete of the running", d.Delete(ctx, x.ID), fault.Conflict)
	from := time.Now()
	_, err := d.Cancel(ctx, x.ID)
	ok(t, "cancel", err)
	<-ended
	if took := time.Since(from); took > wc.Beat {
		t.Errorf("the run ended only after %v: with the beat, not with the record", took)
	}
	if x = Await(t, ctx, d, x.ID); x.State != task.Canceled || x.Fault.Code != fault.Canceled {
		t.Errorf("ended as %+v", x)
	}
}
