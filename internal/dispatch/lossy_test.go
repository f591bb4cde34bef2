package dispatch_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/memory"
	"github.com/twinsync/twinsync/internal/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lossy is a store whose queue loses, doubles and delays hints, and which can be cut off as a whole, as
// for a machine whose cable is pulled.
type lossy struct {
	dispatch.Store
	drop, double, late float64 // probabilities
	cut                atomic.Bool
	wg                 sync.WaitGroup
}

var errCut = fault.New(fault.Unavailable, "", "the cable is pulled")

func (l *lossy) Bucket(ctx context.Context, name string) (dispatch.KV, error) {
	kv, err := l.Store.Bucket(ctx, name)
	return &lossyKV{kv, l}, err
}

func (l *lossy) Queue(ctx context.Context) (dispatch.Queue, error) {
	q, err := l.Store.Queue(ctx)
	return &lossyQueue{q, l}, err
}

type lossyKV struct {
	dispatch.KV
	l *lossy
}

func (k *lossyKV) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if k.l.cut.Load() {
		return nil, 0, errCut
	}
	return k.KV.Get(ctx, key)
}

func (k *lossyKV) Update(ctx context.Context, key string, v []byte, rev uint64) (uint64, error) {
	if k.l.cut.Load() {
		return 0, errCut
	}
	return k.KV.Update(ctx, key, v, rev)
}

func (k *lossyKV) Create(ctx context.Context, key string, v []byte) (uint64, error) {
	if k.l.cut.Load() {
		return 0, errCut
	}
	return k.KV.Create(ctx, key, v)
}

func (k *lossyKV) Watch(ctx context.Context, scope string) (<-chan dispatch.Entry, error) {
	in, err := k.KV.Watch(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make(chan dispatch.Entry)
	k.l.wg.Go(func() {
		defer close(out)
		for e := range in {
			if k.l.cut.Load() {
				continue
			}
			select {
			case out <- e:
			case <-ctx.Done():
			}
		}
	})
	return out, nil
}

type lossyQueue struct {
	dispatch.Queue
	l *lossy
}

func (q *lossyQueue) Offer(ctx context.Context, capability string, h dispatch.Hint) error {
	if rand.Float64() < q.l.drop {
		return nil
	}
	times := 1
	if rand.Float64() < q.l.double {
		times = 2
	}
	for range times {
		if rand.Float64() < q.l.late {
			q.l.wg.Go(func() {
				time.Sleep(time.Duration(rand.Int64N(int64(90 * time.Second))))
				_ = q.Queue.Offer(context.WithoutCancel(ctx), capability, h)
			})
			continue
		}
		if err := q.Queue.Offer(ctx, capability, h); err != nil {
			return err
		}
	}
	return nil
}

func (q *lossyQueue) Take(ctx context.Context, capability string) (dispatch.Delivery, error) {
	if q.l.cut.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return q.Queue.Take(ctx, capability)
}

// bubble runs f with a fresh store on a clock of its own: waiting costs nothing and times are exact.
func bubble(t *testing.T, f func(t *testing.T, ctx context.Context, s *memory.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		f(t, ctx, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func submit(t *testing.T, ctx context.Context, d *dispatch.Dispatcher, customer string, n int) task.ID {
	t.Helper()
	x := dispatchtest.NewTask(t, customer, n)
	if err := d.Submit(ctx, x); err != nil {
		t.Fatal(err)
	}
	return x.ID
}

// on configures a worker with so many slots for "cpu". One without any gets a slot for which
// there is never work.
func on(id string, slots int) dispatch.WorkerConfig {
	c := dispatch.DefaultWorkerConfig()
	c.ID = id
	if c.Slots = map[string]int{"cpu": slots}; slots == 0 {
		c.Slots = map[string]int{"idle": 1}
	}
	return c
}
