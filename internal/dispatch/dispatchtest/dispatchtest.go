// Package dispatchtest holds the promises of dispatch.Store as tests, which every adapter passes, and
// runs tasks over it.
package dispatchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/task"
)

// Run checks stores that open makes. Each call must give an empty one, or one whose
// names no other test uses; closing it is Run's.
func Run(t *testing.T, open func(t *testing.T) dispatch.Store) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, context.Context, dispatch.Store)
	}{
		{"Records", records}, {"CompareAndSet", compareAndSet}, {"Names", names}, {"Keys", keys},
		{"Watch", watch}, {"WatchScopes", watchScopes}, {"Queue", queue}, {"QueueReturn", queueReturn},
		{"QueueShares", queueShares}, {"Tasks", tasks}, {"TaskFails", taskFails}, {"TaskCanceled", taskCanceled},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			s := open(t)
			c.f(t, ctx, s)
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

func bucket(t *testing.T, ctx context.Context, s dispatch.Store, name string) dispatch.KV {
	t.Helper()
	kv, err := s.Bucket(ctx, name)
	if err != nil {
		t.Fatalf("bucket: %v", err)
	}
	return kv
}

func is(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func records(t *testing.T, ctx context.Context, s dispatch.Store) {
	kv := bucket(t, ctx, s, "things")
	_, _, err := kv.Get(ctx, "a")
	is(t, "get of nothing", err, fault.NotFound)
	_, err = kv.Update(ctx, "a", []byte("x"), 1)
	is(t, "update of nothing", err, fault.NotFound)
	is(t, "delete of nothing", kv.Delete(ctx, "a", 1), fault.NotFound)

	r1, err := kv.Create(ctx, "a", []byte("one"))
	ok(t, "create", err)
	_, err = kv.Create(ctx, "a", []byte("other"))
	is(t, "second create", err, fault.Conflict)
	r2, err := kv.Update(ctx, "a", []byte("two"), r1)
	ok(t, "update", err)
	if r2 <= r1 || r1 == 0 {
		t.Errorf("revisions %d, %d do not grow", r1, r2)
	}
	for _, rev := range []uint64{0, r1, r2 + 1} {
		_, err = kv.Update(ctx, "a", []byte("x"), rev)
		is(t, fmt.Sprintf("update of revision %d", rev), err, fault.Conflict)
		is(t, fmt.Sprintf("delete of revision %d", rev), kv.Delete(ctx, "a", rev), fault.Conflict)
	}
	v, rev, err := kv.Get(ctx, "a")
	ok(t, "get", err)
	if string(v) != "two" || rev != r2 {
		t.Errorf("got %q at %d, want two at %d", v, rev, r2)
	}
	// The same bucket opened again is the same; another one is not.
	if v, _, err := bucket(t, ctx, s, "things").Get(ctx, "a"); err != nil || string(v) != "two" {
		t.Errorf("opened again: %q, %v", v, err)
	}
	_, _, err = bucket(t, ctx, s, "others").Get(ctx, "a")
	is(t, "another bucket", err, fault.NotFound)

	ok(t, "delete", kv.Delete(ctx, "a", r2))
	_, _, err = kv.Get(ctx, "a")
	is(t, "get of the deleted", err, fault.NotFound)
	_, err = kv.Update(ctx, "a", []byte("x"), r2)
	is(t, "update of the deleted", err, fault.NotFound)
	r3, err := kv.Create(ctx, "a", nil)
	ok(t, "create after delete", err)
	if v, rev, err := kv.Get(ctx, "a"); err != nil || len(v) != 0 || rev != r3 || r3 <= r2 {
		t.Errorf("created again: %q at %d after %d, %v", v, rev, r2, err)
	}
	big := make([]byte, 900<<10)
	for i := range big {
		big[i] = byte(i * 7)
	}
	_, err = kv.Create(ctx, "big", big)
	ok(t, "create of 900 KiB", err)
	if v, _, err := kv.Get(ctx, "big"); err != nil || !cmp.Equal(v, big) {
		t.Errorf("900 KiB came back as %d bytes, %v", len(v), err)
	}
}

// compareAndSet counts from several goroutines: not one step may be lost.
func compareAndSet(t *testing.T, ctx context.Context, s dispatch.Store) {
	kv := bucket(t, ctx, s, "counters")
	_, err := kv.Create(ctx, "n", []byte("0"))
	ok(t, "create", err)
	const hands, steps = 6, 15
	var wg sync.WaitGroup
	for range hands {
		wg.Go(func() {
			for done := 0; done < steps; {
				v, rev, err := kv.Get(ctx, "n")
				if err != nil {
					t.Errorf("get: %v", err)
					return
				}
				n, err := strconv.Atoi(string(v))
				if err != nil {
					t.Errorf("value %q", v)
					return
				}
				_, err = kv.Update(ctx, "n", []byte(strconv.Itoa(n+1)), rev)
				if err == nil {
					done++
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("update: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if v, _, err := kv.Get(ctx, "n"); err != nil || string(v) != strconv.Itoa(hands*steps) {
		t.Errorf("counted %s, want %d (%v)", v, hands*steps, err)
	}
}

func names(t *testing.T, ctx context.Context, s dispatch.Store) {
	for _, n := range []string{"", "A", "a b", "a.b", "a/b", "-a", "a*", "ä"} {
		_, err := s.Bucket(ctx, n)
		is(t, fmt.Sprintf("bucket %q", n), err, fault.InvalidField)
	}
	kv := bucket(t, ctx, s, "names")
	for _, k := range []string{"", ".", "a.", ".a", "a..b", "a b", "a*", "a.>", "ä", "a/b", "a\n"} {
		_, err := kv.Create(ctx, k, nil)
		is(t, fmt.Sprintf("create %q", k), err, fault.InvalidField)
		_, _, err = kv.Get(ctx, k)
		is(t, fmt.Sprintf("get %q", k), err, fault.InvalidField)
	}
	q, err := s.Queue(ctx)
	ok(t, "queue", err)
	is(t, "offer to a bad name", q.Offer(ctx, "a.b", dispatch.Hint{}), fault.InvalidField)
	_, err = q.Take(ctx, "*")
	is(t, "take from a bad name", err, fault.InvalidField)
}

func keys(t *testing.T, ctx context.Context, s dispatch.Store) {
	kv := bucket(t, ctx, s, "lists")
	revs := map[string]uint64{}
	for _, k := range []string{"c.z", "b", "a.x.1", "a.x.2", "a.y", "ab", "gone"} {
		rev, err := kv.Create(ctx, k, []byte(k))
		ok(t, "create", err)
		revs[k] = rev
	}
	ok(t, "delete", kv.Delete(ctx, "gone", revs["gone"]))
	for prefix, want := range map[string][]string{
		"":       {"a.x.1", "a.x.2", "a.y", "ab", "b", "c.z"},
		"a":      {"a.x.1", "a.x.2", "a.y", "ab"},
		"a.":     {"a.x.1", "a.x.2", "a.y"},
		"a.x":    {"a.x.1", "a.x.2"},
		"a.x.1":  {"a.x.1"},
		"gone":   {},
		"nobody": {},
	} {
		got, err := kv.Keys(ctx, prefix)
		ok(t, "keys", err)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("keys of %q (-want +got):\n%s", prefix, d)
		}
	}
}

func read(t *testing.T, ctx context.Context, ch <-chan dispatch.Entry) dispatch.Entry {
	t.Helper()
	select {
	case e, ok := <-ch:
		if !ok {
			t.Fatal("the watch was closed")
		}
		return e
	case <-ctx.Done():
		t.Fatal("the watch shows nothing")
	}
	return dispatch.Entry{}
}

func watch(t *testing.T, ctx context.Context, s dispatch.Store) {
	kv := bucket(t, ctx, s, "watched")
	r1, err := kv.Create(ctx, "a", []byte("1"))
	ok(t, "create", err)
	r2, err := kv.Create(ctx, "b", []byte("2"))
	ok(t, "create", err)

	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	ch, err := kv.Watch(inner, "")
	ok(t, "watch", err)
	got := []dispatch.Entry{read(t, ctx, ch), read(t, ctx, ch), read(t, ctx, ch)}
	want := []dispatch.Entry{{Key: "a", Value: []byte("1"), Rev: r1}, {Key: "b", Value: []byte("2"), Rev: r2}, {}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("present values (-want +got):\n%s", d)
	}
	r3, err := kv.Update(ctx, "a", []byte("3"), r1)
	ok(t, "update", err)
	if d := cmp.Diff(dispatch.Entry{Key: "a", Value: []byte("3"), Rev: r3}, read(t, ctx, ch)); d != "" {
		t.Errorf("update (-want +got):\n%s", d)
	}
	ok(t, "delete", kv.Delete(ctx, "b", r2))
	if e := read(t, ctx, ch); e.Key != "b" || !e.Deleted || e.Rev <= r3 {
		t.Errorf("delete came as %+v", e)
	}
	cancel()
	for range ch { // must end, or the test's deadline ends it
	}
}

func watchScopes(t *testing.T, ctx context.Context, s dispatch.Store) {
	kv := bucket(t, ctx, s, "scoped")
	one, err := kv.Watch(ctx, "a.b")
	ok(t, "watch a key", err)
	below, err := kv.Watch(ctx, "a.")
	ok(t, "watch a prefix", err)
	_, err = kv.Watch(ctx, "a*")
	is(t, "watch a pattern", err, fault.InvalidField)
	for _, ch := range []<-chan dispatch.Entry{one, below} {
		if e := read(t, ctx, ch); e.Key != "" {
			t.Errorf("an empty bucket shows %+v", e)
		}
	}
	for _, k := range []string{"ab", "a", "a.b.c", "a.b"} {
		_, err := kv.Create(ctx, k, nil)
		ok(t, "create", err)
	}
	if e := read(t, ctx, one); e.Key != "a.b" {
		t.Errorf("the watch of a.b shows %s", e.Key)
	}
	if a, b := read(t, ctx, below), read(t, ctx, below); a.Key != "a.b.c" || b.Key != "a.b" {
		t.Errorf("the watch of a. shows %s, %s", a.Key, b.Key)
	}
}

func hint(i int) dispatch.Hint {
	return dispatch.Hint{Task: task.ID(fmt.Sprint("t", i)), Segment: "s"}
}

func take(t *testing.T, ctx context.Context, q dispatch.Queue, capability string, want dispatch.Hint) dispatch.Delivery {
	t.Helper()
	d, err := q.Take(ctx, capability)
	ok(t, "take", err)
	if d.Hint() != want {
		t.Fatalf("took %v, want %v", d.Hint(), want)
	}
	return d
}

func queue(t *testing.T, ctx context.Context, s dispatch.Store) {
	q, err := s.Queue(ctx)
	ok(t, "queue", err)
	for i := range 3 {
		ok(t, "offer", q.Offer(ctx, "cpu", hint(i)))
	}
	ok(t, "offer", q.Offer(ctx, "gpu", hint(9)))
	take(t, ctx, q, "gpu", hint(9))
	for i := range 3 {
		ok(t, "done", take(t, ctx, q, "cpu", hint(i)).Done(ctx))
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if d, err := q.Take(short, "cpu"); err == nil {
		t.Errorf("took %v, which is done", d.Hint())
	} else if short.Err() == nil || ctx.Err() != nil {
		t.Errorf("take ended before its context: %v", err)
	}
	// One who waits gets what comes.
	got := make(chan dispatch.Delivery, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		d, err := q.Take(ctx, "cpu")
		if err != nil {
			t.Errorf("take: %v", err)
		}
		got <- d
	})
	ok(t, "offer", q.Offer(ctx, "cpu", hint(5)))
	if d := <-got; d != nil && d.Hint() != hint(5) {
		t.Errorf("took %v", d.Hint())
	}
}

func queueReturn(t *testing.T, ctx context.Context, s dispatch.Store) {
	q, err := s.Queue(ctx)
	ok(t, "queue", err)
	ok(t, "offer", q.Offer(ctx, "cpu", hint(1)))
	ok(t, "return", take(t, ctx, q, "cpu", hint(1)).Return(ctx, 0))
	const delay = 300 * time.Millisecond
	from := time.Now()
	ok(t, "return", take(t, ctx, q, "cpu", hint(1)).Return(ctx, delay))
	ok(t, "done", take(t, ctx, q, "cpu", hint(1)).Done(ctx))
	if d := time.Since(from); d < delay {
		t.Errorf("returned for %v, came after %v", delay, d)
	}
}

// queueShares lets takers compete: each hint comes to one of them.
func queueShares(t *testing.T, ctx context.Context, s dispatch.Store) {
	q, err := s.Queue(ctx)
	ok(t, "queue", err)
	const hints, takers = 60, 4
	seen := make(chan dispatch.Hint, hints)
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range takers {
		wg.Go(func() {
			for {
				d, err := q.Take(inner, "cpu")
				if inner.Err() != nil {
					return
				}
				if err != nil {
					t.Errorf("take: %v", err)
					return
				}
				if err := d.Done(inner); err != nil {
					t.Errorf("done: %v", err)
				}
				seen <- d.Hint()
			}
		})
	}
	for i := range hints {
		ok(t, "offer", q.Offer(ctx, "cpu", hint(i)))
	}
	got := map[dispatch.Hint]int{}
	for range hints {
		select {
		case h := <-seen:
			got[h]++
		case <-ctx.Done():
			t.Fatalf("%d of %d hints came", len(got), hints)
		}
	}
	cancel()
	wg.Wait()
	if len(got) != hints {
		t.Errorf("%d different hints of %d", len(got), hints)
	}
}

func closed(t *testing.T, ctx context.Context, s dispatch.Store) {
	kv := bucket(t, ctx, s, "closing")
	q, err := s.Queue(ctx)
	ok(t, "queue", err)
	ch, err := kv.Watch(ctx, "")
	ok(t, "watch", err)
	read(t, ctx, ch)
	ok(t, "close", s.Close())
	for range ch { // must end
	}
	_, _, err = kv.Get(ctx, "a")
	is(t, "get", err, fault.Unavailable)
	_, err = kv.Create(ctx, "a", nil)
	is(t, "create", err, fault.Unavailable)
	_, err = kv.Keys(ctx, "")
	is(t, "keys", err, fault.Unavailable)
	_, err = kv.Watch(ctx, "")
	is(t, "watch", err, fault.Unavailable)
	is(t, "offer", q.Offer(ctx, "cpu", hint(1)), fault.Unavailable)
	_, err = q.Take(ctx, "cpu")
	is(t, "take", err, fault.Unavailable)
}

func data(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
