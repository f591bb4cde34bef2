package jetstream_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
	"github.com/twinsync/twinsync/internal/task"
)

// BenchmarkStart starts the server, connects and opens a dispatcher: what serve waits for.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		from := b.TempDir()
		s, err := jetstream.StartEmbedded(from, jetstream.EmbeddedOptions{Listen: true})
		if err != nil {
			b.Fatal(err)
		}
		st, err := s.Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := dispatch.New(b.Context(), st, dispatch.DefaultConfig()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkSubmit stores tasks one by one, each synced to the disk, while a worker runs them.
func BenchmarkSubmit(b *testing.B) {
	s, err := jetstream.StartEmbedded(b.TempDir(), jetstream.EmbeddedOptions{})
	if err != nil {
		b.Fatal(err)
	}
	st, err := s.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	d, stop := dispatchtest.Start(b, st, &dispatchtest.Stages{}, dispatch.DefaultConfig(), dispatch.DefaultWorkerConfig())
	var took []time.Duration
	for b.Loop() {
		x := dispatchtest.NewTask(b, "c", 4)
		from := time.Now()
		if err := d.Submit(b.Context(), x); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	stop()
	if err := st.Close(); err != nil {
		b.Error(err)
	}
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}

// TestManyRecords restarts on a hundred thousand tasks and looks at what that costs.
func TestManyRecords(t *testing.T) {
	if os.Getenv("TWINSYNC_LONG") == "" {
		t.Skip("set TWINSYNC_LONG=1 to run on 100,000 records")
	}
	const n = 100_000
	dir := filepath.Join(t.TempDir(), "engine")
	s := embedded(t, dir, jetstream.EmbeddedOptions{})
	st := open(t, s)
	d, err := dispatch.New(t.Context(), st, dispatch.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for range n / 16 {
				x := dispatchtest.NewTask(t, fmt.Sprint("c", c), 3)
				if err := d.Submit(t.Context(), x); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	stop(t, s)

	d = nil // its memory is not to be counted
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	from := time.Now()
	s = embedded(t, dir, jetstream.EmbeddedOptions{})
	st = open(t, s)
	started := time.Since(from)
	from = time.Now()
	d, end := dispatchtest.Start(t, st, &dispatchtest.Stages{}, dispatch.DefaultConfig(), dispatch.DefaultWorkerConfig())
	<-d.Ready()
	read := time.Since(from)
	runtime.GC()
	runtime.ReadMemStats(&after)
	from = time.Now()
	page := d.List(dispatch.Filter{Customer: "c3", Limit: 100})
	listed := time.Since(from)
	from = time.Now()
	x := dispatchtest.NewTask(t, "late", 1)
	if err := d.Submit(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	x = dispatchtest.Await(t, t.Context(), d, x.ID)
	t.Logf("server started in %v, %d records read in %v with %d MiB, page of %d in %v, a newcomer's task done in %v",
		started, n, read, (after.HeapAlloc-before.HeapAlloc)>>20, len(page), listed, time.Since(from))
	if len(page) != 100 || read > 20*time.Second || listed > 100*time.Millisecond || x.State != task.Succeeded {
		t.Errorf("too slow, or wrong: %d tasks listed, %s", len(page), x.State)
	}
	end()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	stop(t, s)
}
