package dispatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/internal/task"
)

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// TestRotaIsFair: among customers that wait all the time, what each is given differs by no more
// than the largest costs, whoever else comes and goes.
func TestRotaIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &rota{}
		always := []string{"a", "b", "c"}[:rapid.IntRange(2, 3).Draw(t, "always")]
		cost := map[string]float64{}
		for _, c := range []string{"a", "b", "c", "x", "y"} {
			cost[c] = float64(rapid.IntRange(1, 300).Draw(t, "cost"))
		}
		given := map[string]float64{}
		for range rapid.IntRange(10, 200).Draw(t, "turns") {
			candidates := slices.Clone(always)
			for _, c := range []string{"x", "y"} {
				if rapid.Bool().Draw(t, "comes") {
					candidates = append(candidates, c)
				}
			}
			r.forget()
			c := r.next(candidates)
			if !slices.Contains(candidates, c) {
				t.Fatalf("the turn of %q, who does not wait", c)
			}
			r.charge(c, cost[c])
			given[c] += cost[c]
			for _, a := range always {
				for _, b := range candidates {
					// A guest may not get more either, but for its own first turn.
					if given[b]-given[a] > cost[a]+cost[b] && slices.Contains(always, b) {
						t.Fatalf("%s was given %g and %s only %g", b, given[b], a, given[a])
					}
				}
			}
		}
		for _, a := range always {
			for _, x := range []string{"x", "y"} {
				if given[x] > given[a]+cost[a]+cost[x] {
					t.Fatalf("%s, who comes and goes, was given %g and %s only %g", x, given[x], a, given[a])
				}
			}
		}
	})
	if (&rota{}).next(nil) != "" {
		t.Error("somebody's turn, but nobody waits")
	}
}

// world drives a projection with random tasks as the release loop would.
type world struct {
	p     *projection
	tasks map[task.ID]task.Task
	rev   uint64
	now   time.Time
}

func (w *world) put(t task.Task) {
	w.rev++
	w.tasks[t.ID] = t
	w.p.apply(t, w.rev, w.now)
}

func (w *world) add(customer string, specs ...task.Spec) {
	id := task.ID(fmt.Sprintf("20261122_12_00_00_%018d", len(w.tasks)))
	t, err := task.New(task.Order{ID: id, Customer: customer, Kind: "k", Stage: "s", Segments: specs}, w.now)
	if err != nil {
		panic(err)
	}
	w.put(t)
}

// TestPick simulates customers, workers and failures. In every step nobody exceeds a limit and no more is
// released than there is room for; in the end everything is done, so nobody starves.
func TestPick(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{p: newProjection(), tasks: map[task.ID]task.Task{}, now: epoch}
		limit := rapid.IntRange(0, 4).Draw(t, "limit")
		room := map[string]int{"cpu": rapid.IntRange(1, 5).Draw(t, "cpu"), "gpu": rapid.IntRange(1, 3).Draw(t, "gpu")}
		rotas := map[string]*rota{"cpu": {}, "gpu": {}}
		policy := task.Policy{Attempts: 100, Base: time.Second, Max: time.Second}
		for range rapid.IntRange(1, 8).Draw(t, "tasks") {
			specs := make([]task.Spec, rapid.IntRange(1, 4).Draw(t, "segments"))
			for i := range specs {
				specs[i] = task.Spec{
					Capability: rapid.SampledFrom([]string{"cpu", "gpu"}).Draw(t, "capability"),
					Frames:     rapid.IntRange(0, 300).Draw(t, "frames"),
				}
			}
			w.add(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "customer"), specs...)
		}
		leases := 0
		for round := 0; len(w.p.waiting["cpu"])+len(w.p.waiting["gpu"])+w.p.flight["cpu"]+w.p.flight["gpu"] > 0; round++ {
			if round > 1000 {
				t.Fatalf("after %d rounds there still waits %v", round, w.p.waiting)
			}
			w.now = w.now.Add(time.Second)
			batch := map[task.ID][]due{}
			for _, c := range []string{"cpu", "gpu"} {
				for _, x := range w.p.pick(c, room[c], limit, batch, rotas[c], w.now) {
					batch[x.task] = append(batch[x.task], x)
				}
			}
			for id, xs := range batch {
				x := w.tasks[id]
				for _, s := range xs {
					var err error
					if x, err = x.Release(s.seg, w.now); err != nil {
						t.Fatalf("picked what cannot be released: %v", err)
					}
				}
				w.put(x)
			}
			w.check(t)
			for c, n := range room {
				if w.p.flight[c] > n {
					t.Fatalf("%d segments for %s released, but there is room for %d", w.p.flight[c], c, n)
				}
			}
			for c, n := range w.p.holding {
				if limit > 0 && n > limit {
					t.Fatalf("%s holds %d segments of %d", c, n, limit)
				}
			}
			// Some of the released ones are run; one in a few fails.
			for id, x := range w.tasks {
				for _, s := range x.Segments {
					if s.State != task.Ready || rapid.IntRange(0, 2).Draw(t, "later") == 0 {
						continue
					}
					leases++
					lease := fmt.Sprint(leases)
					x = mustTask(x.Lease(s.ID, "w", lease, w.now, time.Minute))
					if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
						x = mustTask(x.Fail(s.ID, lease, &task.Fault{Retry: true}, policy, 0, w.now))
					} else {
						x = mustTask(x.Complete(s.ID, lease, nil, w.now))
					}
				}
				if x.State == task.Running && x.StageDone() {
					x = mustTask(x.Succeed(task.Result{}, w.now))
				}
				w.put(x)
				_ = id
			}
			w.check(t)
		}
	})
}

func mustTask(t task.Task, err error) task.Task {
	if err != nil {
		panic(err)
	}
	return t
}

// check compares what the projection keeps step by step with one made of the records at once.
func (w *world) check(t *rapid.T) {
	t.Helper()
	fresh := newProjection()
	for _, x := range w.tasks {
		fresh.apply(x, 1, w.now)
	}
	type indexes struct {
		IDs                 []task.ID
		Counts              map[task.State]int
		Flight              map[string]int
		Holding, Unfinished map[string]int
		Waiting             map[string]map[string][]task.ID
		Leases, Offers      []segmentKey
	}
	of := func(p *projection) indexes {
		x := indexes{
			IDs: p.ids, Counts: map[task.State]int{}, Flight: map[string]int{}, Holding: p.holding,
			Unfinished: p.unfinished, Waiting: map[string]map[string][]task.ID{},
		}
		for s, n := range p.counts {
			if n != 0 {
				x.Counts[s] = n
			}
		}
		for c, n := range p.flight {
			if n != 0 {
				x.Flight[c] = n
			}
		}
		for c, by := range p.waiting {
			if len(by) > 0 {
				x.Waiting[c] = by
			}
		}
		for k := range p.leases {
			x.Leases = append(x.Leases, k)
		}
		for k := range p.offers {
			x.Offers = append(x.Offers, k)
		}
		byKey := func(a, b segmentKey) int {
			return slices.Compare([]string{string(a.task), a.seg}, []string{string(b.task), b.seg})
		}
		slices.SortFunc(x.Leases, byKey)
		slices.SortFunc(x.Offers, byKey)
		return x
	}
	if d := cmp.Diff(of(fresh), of(w.p), cmp.AllowUnexported(segmentKey{})); d != "" {
		t.Fatalf("the projection has lost its way (-want +got):\n%s", d)
	}
}

func TestProjectionKeepsTheNewest(t *testing.T) {
	w := &world{p: newProjection(), tasks: map[task.ID]task.Task{}, now: epoch}
	w.add("a", task.Spec{})
	var x task.Task
	for _, x = range w.tasks {
	}
	canceled := mustTask(x.Cancel(epoch))
	w.p.apply(canceled, 10, epoch)
	w.p.apply(x, 9, epoch) // late
	if got := w.p.list(Filter{}); len(got) != 1 || got[0].State != task.Canceled {
		t.Errorf("list = %+v", got)
	}
	w.p.remove(x.ID, 9)
	if len(w.p.list(Filter{})) != 1 {
		t.Error("removed by an old mark")
	}
	w.p.nextRound()
	w.p.sweep()
	if n := len(w.p.list(Filter{})); n != 0 || len(w.p.ids) != 0 || w.p.counts[task.Canceled] != 0 {
		t.Errorf("%d tasks that the store has not", n)
	}
}

func TestRecordForm(t *testing.T) {
	r := testRecords(t)
	for _, n := range []int{1, 500, task.MaxSegments} {
		x, err := task.New(task.Order{
			Customer: "c", Kind: "k", Stage: "render", Segments: make([]task.Spec, n),
		}, epoch)
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.encode(x)
		if err != nil {
			t.Fatal(err)
		}
		back, err := r.decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(x, back); d != "" {
			t.Errorf("%d segments change when stored: %s", n, d)
		}
		t.Logf("%d segments: %d bytes", n, len(b))
	}
}

func FuzzDecodeRecord(f *testing.F) {
	r := testRecords(f)
	f.Add([]byte(`{"id":"x"}`))
	f.Add([]byte{})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := r.decode(b)
		if err != nil {
			return
		}
		if _, err := r.encode(x); err != nil && len(b) < 1000 {
			t.Errorf("read, but cannot be written: %v", err)
		}
	})
}
