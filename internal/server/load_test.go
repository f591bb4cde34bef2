package server

import (
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
)

// TestPostOnTheRealStore: over the embedded store, which syncs every write to the disk, a
// task is accepted, worked on and in the audit.
func TestPostOnTheRealStore(t *testing.T) {
	r := newRealRig(t)
	id := r.accept("ok.jpg")
	r.work(1)
	r.await(id, 103)
	audit, err := r.accounts.Audit(t.Context(), account.AuditFilter{Task: id})
	if err != nil || len(audit) != 1 {
		t.Errorf("audit = %+v, %v", audit, err)
	}
}

func newRealRig(t *testing.T) *rig {
	t.Helper()
	nats, err := jetstream.StartEmbedded(t.TempDir(), jetstream.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nats.Close() })
	store, err := nats.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return newRigOn(t, store, nil)
}

// TestPaceOfPost: p99 of POST is at most 50 ms at 100 requests a second.
func TestPaceOfPost(t *testing.T) {
	if os.Getenv("TWINSYNC_LONG") == "" {
		t.Skip("the pace of POST is measured with TWINSYNC_LONG=1")
	}
	r := newRealRig(t)
	// 100 requests a second for 5 seconds, each sent at its time whether or not those before it are answered.
	const n, perSecond = 500, 100
	go func() {
		for range n {
			<-r.orders
		}
	}()
	took := make([]time.Duration, n)
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		wg.Go(func() {
			begin := time.Now()
			r.accept("ok.jpg")
			took[i] = time.Since(begin)
		})
	}
	wg.Wait()
	slices.Sort(took)
	p50, p99 := took[n/2], took[n*99/100]
	t.Logf("POST at %d a second: p50 %v, p99 %v, longest %v", perSecond, p50, p99, took[n-1])
	if p99 > 50*time.Millisecond {
		t.Errorf("p99 = %v, want at most 50 ms", p99)
	}
}
