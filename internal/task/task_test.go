package task_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

var (
	epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	later = fault.New(fault.Unavailable, "", "not now")
	never = fault.New(fault.NoVideo, "video_url", "no video stream in file")
)

func order(segments ...task.Spec) task.Order {
	return task.Order{
		Customer: "acme", Kind: "swap", Stage: "render", Segments: segments,
		Shares: []task.Share{{Stage: "render", Until: 0.8}, {Stage: "assemble", Until: 1}},
	}
}

func must(t task.Task, err error) task.Task {
	if err != nil {
		panic(err)
	}
	return t
}

func TestWayThrough(t *testing.T) {
	x := must(task.New(order(task.Spec{Frames: 100}, task.Spec{Frames: 300, Capability: "gpu"}), epoch))
	if x.State != task.Queued || x.Segments[0].Capability != "cpu" || x.Segments[1].ID != "render-1-1" {
		t.Fatalf("new task: %+v", x)
	}
	for i := range 2 {
		id := x.Segments[i].ID
		x = must(x.Release(id, epoch))
		x = must(x.Lease(id, "w", fmt.Sprint("l", i), epoch.Add(time.Second), time.Minute))
	}
	if x.State != task.Running || !x.StartedAt.Equal(epoch.Add(time.Second)) {
		t.Fatalf("leased task: %+v", x)
	}
	x = must(x.Renew("render-1-1", "l1", 150, 0, epoch, time.Minute))
	if x.FramesDone != 150 || x.FramesTotal != 400 || x.Progress != 0.8*150/400 {
		t.Errorf("progress = %d/%d, %g", x.FramesDone, x.FramesTotal, x.Progress)
	}
	x = must(x.Complete("render-1-1", "l1", json.RawMessage(`{"b":1}`), epoch))
	if _, err := x.Advance("assemble", []task.Spec{{}}, epoch); !fault.Is(err, fault.Conflict) {
		t.Errorf("advance before the stage is done: %v", err)
	}
	x = must(x.Complete("render-1-0", "l0", nil, epoch))
	x = must(x.Advance("assemble", []task.Spec{{}}, epoch))
	if got, want := string(x.Results["render"]), `[null,{"b":1}]`; got != want {
		t.Errorf("results = %s, want %s", got, want)
	}
	if x.Progress != 0.8 || x.FramesDone != 400 || x.Segments[0].ID != "assemble-2-0" {
		t.Errorf("next stage: %+v", x)
	}
	x = must(x.Release("assemble-2-0", epoch))
	x = must(x.Lease("assemble-2-0", "w", "l2", epoch, time.Minute))
	x = must(x.Complete("assemble-2-0", "l2", nil, epoch))
	x = must(x.Succeed(task.Result{Key: "k"}, epoch))
	if x.State != task.Succeeded || x.Progress != 1 || x.Result.Key != "k" || x.Attempts != 3 {
		t.Errorf("end: %+v", x)
	}
	var back task.Task
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(x, back); d != "" {
		t.Errorf("record changes when stored:\n%s", d)
	}
}

func TestFailure(t *testing.T) {
	leased := func() task.Task {
		x := must(task.New(order(task.Spec{}, task.Spec{}), epoch))
		x = must(x.Release("render-1-0", epoch))
		return must(x.Lease("render-1-0", "w", "l", epoch, time.Second))
	}
	p := task.Policy{Attempts: 3, Base: time.Second, Max: 3 * time.Second}

	x := must(leased().Fail("render-1-0", "l", task.FaultOf(never), p, 0, epoch))
	if x.State != task.Failed || x.Segments[0].State != task.SegmentFailed ||
		x.Segments[1].State != task.SegmentCanceled || x.Fault.Err().Public() != never.Public() {
		t.Errorf("bad input: %+v", x)
	}
	x = leased()
	for i, rest := range []time.Duration{time.Second, 2 * time.Second, 0} {
		var err error
		if i > 0 {
			at := x.Segments[0].NotBefore
			if _, err := x.Release("render-1-0", at.Add(-1)); !fault.Is(err, fault.Conflict) {
				t.Errorf("released before its time: %v", err)
			}
			x = must(x.Release("render-1-0", at))
			x = must(x.Lease("render-1-0", "w", "l", epoch, time.Second))
		}
		if x, err = x.Fail("render-1-0", "l", task.FaultOf(later), p, 0, epoch); err != nil {
			t.Fatal(err)
		}
		s := x.Segments[0]
		if rest > 0 && (s.State != task.Pending || !s.NotBefore.Equal(epoch.Add(rest))) {
			t.Errorf("after failure %d: %s until %v", i+1, s.State, s.NotBefore)
		}
		if rest == 0 && x.State != task.Failed {
			t.Errorf("the attempts are used up, but the task is %s", x.State)
		}
	}
	x = must(leased().Expire("render-1-0", "l", p, epoch))
	if s := x.Segments[0]; s.State != task.Pending || s.NotBefore.After(epoch) || s.Failures != 1 {
		t.Errorf("expired: %+v", s)
	}
	x = must(leased().Return("render-1-0", "l", epoch))
	if s := x.Segments[0]; s.State != task.Pending || s.Failures != 0 || s.Attempt != 1 {
		t.Errorf("returned: %+v", s)
	}
	if _, err := leased().Complete("render-1-0", "other", nil, epoch); !fault.Is(err, fault.Conflict) {
		t.Errorf("a stranger's lease completed the segment: %v", err)
	}
}

func TestRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := task.Policy{Attempts: 9, Base: time.Second, Max: time.Minute}
		n := rapid.IntRange(1, 200).Draw(t, "failures")
		j := rapid.Float64Range(0, 1).Draw(t, "jitter")
		full, d := p.Rest(n, 0), p.Rest(n, j)
		if full > p.Max || full < p.Base || d > full || d < full/2-1 || p.Rest(n+1, 0) < full {
			t.Fatalf("rest(%d, %g) = %v of %v", n, j, d, full)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]task.Order{
		"no customer":  {Kind: "swap", Stage: "a", Segments: []task.Spec{{}}},
		"no kind":      {Customer: "a", Stage: "a", Segments: []task.Spec{{}}},
		"no stage":     {Customer: "a", Kind: "swap", Segments: []task.Spec{{}}},
		"no segments":  {Customer: "a", Kind: "swap", Stage: "a"},
		"too many":     {Customer: "a", Kind: "swap", Stage: "a", Segments: make([]task.Spec, task.MaxSegments+1)},
		"shares fall":  {Customer: "a", Kind: "swap", Stage: "a", Segments: []task.Spec{{}}, Shares: []task.Share{{"a", .5}, {"b", .4}}},
		"share over 1": {Customer: "a", Kind: "swap", Stage: "a", Segments: []task.Spec{{}}, Shares: []task.Share{{"a", 1.5}}},
	} {
		if _, err := task.New(o, epoch); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// arrows are the only ways from one state to another.
var arrows = map[task.State][]task.State{
	task.Queued:  {task.Running, task.Canceled},
	task.Running: {task.Succeeded, task.Failed, task.Canceled},
}

var segmentArrows = map[task.SegmentState][]task.SegmentState{
	task.Pending: {task.Ready, task.SegmentCanceled},
	task.Ready:   {task.Leased, task.SegmentCanceled},
	task.Leased:  {task.Done, task.Pending, task.SegmentFailed, task.SegmentCanceled},
}

// TestStateMachine throws random transitions, legal and not, at a task and checks after each
// that only drawn arrows were taken, that a refused one changed nothing, that stale leases
// never win, and that what must hold in every state does.
func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "segments")
		x := must(task.New(order(make([]task.Spec, n)...), epoch))
		p := task.Policy{Attempts: rapid.IntRange(1, 3).Draw(t, "attempts"), Base: time.Second, Max: time.Minute}
		now, leases := epoch, []string{"none"}
		apply := func(y task.Task, err error) {
			before := x
			if err != nil {
				if !fault.Is(err, fault.Conflict) {
					t.Fatalf("refusal is no conflict: %v", err)
				}
				return
			}
			x = y
			check(t, before, x)
		}
		pick := func(t *rapid.T) (string, string) {
			s := rapid.SampledFrom(x.Segments).Draw(t, "segment")
			lease := rapid.SampledFrom(append([]string{s.Lease}, leases...)).Draw(t, "lease")
			return s.ID, lease
		}
		held := func(id, lease string) bool {
			s, _ := x.Segment(id)
			return s.State == task.Leased && s.Lease == lease && lease != ""
		}
		fenced := func(id, lease string, y task.Task, err error) {
			if (err == nil) != held(id, lease) {
				t.Fatalf("lease %q on %s: %v", lease, id, err)
			}
			apply(y, err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 5e9).Draw(t, "ns"))) },
			"start": func(t *rapid.T) {
				y, err := x.Start(now)
				apply(y, err)
			},
			"release": func(t *rapid.T) {
				id, _ := pick(t)
				y, err := x.Release(id, now)
				apply(y, err)
			},
			"lease": func(t *rapid.T) {
				id, _ := pick(t)
				leases = append(leases, fmt.Sprint("l", len(leases)))
				y, err := x.Lease(id, "w", leases[len(leases)-1], now, time.Second)
				apply(y, err)
			},
			"renew": func(t *rapid.T) {
				id, l := pick(t)
				y, err := x.Renew(id, l, rapid.IntRange(-1, 20).Draw(t, "done"), rapid.IntRange(0, 10).Draw(t, "total"), now, time.Second)
				fenced(id, l, y, err)
			},
			"complete": func(t *rapid.T) {
				id, l := pick(t)
				y, err := x.Complete(id, l, nil, now)
				if err == nil && y.StageDone() {
					if y.Step < 3 {
						y, err = y.Advance("assemble", make([]task.Spec, n), now)
					} else {
						y, err = y.Succeed(task.Result{Key: "k"}, now)
					}
					if err != nil {
						t.Fatalf("a finished stage does not move on: %v", err)
					}
				}
				fenced(id, l, y, err)
			},
			"fail": func(t *rapid.T) {
				id, l := pick(t)
				f := rapid.SampledFrom([]*fault.Error{later, later, never}).Draw(t, "fault")
				y, err := x.Fail(id, l, task.FaultOf(f), p, 0.5, now)
				fenced(id, l, y, err)
			},
			"expire": func(t *rapid.T) {
				id, l := pick(t)
				y, err := x.Expire(id, l, p, now)
				fenced(id, l, y, err)
			},
			"return": func(t *rapid.T) {
				id, l := pick(t)
				y, err := x.Return(id, l, now)
				fenced(id, l, y, err)
			},
			"advance": func(t *rapid.T) {
				if y, err := x.Advance("assemble", make([]task.Spec, n), now); err == nil {
					t.Fatalf("advanced outside of a completion: %+v", y)
				}
			},
			"cancel": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					y, err := x.Cancel(now)
					apply(y, err)
				}
			},
		})
	})
}

func check(t *rapid.T, from, to task.Task) {
	if from.State != to.State && !slices.Contains(arrows[from.State], to.State) {
		t.Fatalf("task went from %s to %s", from.State, to.State)
	}
	if from.Step == to.Step {
		for i, s := range from.Segments {
			if g := to.Segments[i]; s.State != g.State && !slices.Contains(segmentArrows[s.State], g.State) {
				t.Fatalf("segment went from %s to %s", s.State, g.State)
			}
		}
	}
	if to.Progress < from.Progress || to.Progress < 0 || to.Progress > 1 {
		t.Fatalf("progress went from %g to %g", from.Progress, to.Progress)
	}
	if (to.State == task.Succeeded) != (to.Result != nil) || (to.State == task.Failed || to.State == task.Canceled) != (to.Fault != nil) {
		t.Fatalf("%s with result %v and fault %v", to.State, to.Result, to.Fault)
	}
	if to.State.Final() != !to.FinishedAt.IsZero() {
		t.Fatalf("%s with FinishedAt %v", to.State, to.FinishedAt)
	}
	for _, s := range to.Segments {
		if (s.State == task.Leased) != !s.LeaseUntil.IsZero() || (to.State.Final() && !s.State.Final()) {
			t.Fatalf("%s task with segment %+v", to.State, s)
		}
		if s.Failures > s.Attempt {
			t.Fatalf("more failures than attempts: %+v", s)
		}
	}
}
