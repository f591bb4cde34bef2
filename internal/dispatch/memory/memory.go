// Package memory is the store of a single process: for commands that run without a service, and
// for tests. It keeps the promises of dispatch.Store and loses everything with the process.
package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
)

var (
	_ dispatch.Store = (*Store)(nil)
	_ dispatch.KV    = (*bucket)(nil)
	_ dispatch.Queue = (*queues)(nil)
)

// Store holds buckets and queues.
type Store struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	queues  *queues
	done    context.Context
	close   context.CancelFunc
	watches sync.WaitGroup
}

// redeliver is after how long a hint that was neither done nor returned comes again.
const redeliver = 10 * time.Second

// New makes an empty store.
func New() *Store {
	s := &Store{buckets: map[string]*bucket{}}
	s.done, s.close = context.WithCancel(context.Background())
	s.queues = &queues{store: s, lines: map[string]*line{}}
	return s
}

// Bucket opens a bucket.
func (s *Store) Bucket(_ context.Context, name string) (dispatch.KV, error) {
	if err := dispatch.ValidName(name); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		b = &bucket{store: s, values: map[string]value{}, watches: map[*watch]bool{}}
		s.buckets[name] = b
	}
	return b, nil
}

// Queue opens the work queues.
func (s *Store) Queue(context.Context) (dispatch.Queue, error) { return s.queues, s.open() }

// Close ends every watch and waits for them; afterwards every call is fault.Unavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	s.watches.Wait()
	return nil
}

func (s *Store) open() error {
	if s.done.Err() != nil {
		return fault.New(fault.Unavailable, "", "the store is closed")
	}
	return nil
}

type value struct {
	data []byte
	rev  uint64
}

type bucket struct {
	store   *Store
	mu      sync.Mutex
	rev     uint64
	values  map[string]value
	watches map[*watch]bool
}

func (b *bucket) check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.store.open(); err != nil {
		return err
	}
	return dispatch.ValidKey(key)
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := b.check(ctx, key); err != nil {
		return nil, 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.values[key]
	if !ok {
		return nil, 0, missing(key)
	}
	return slices.Clone(v.data), v.rev, nil
}

func (b *bucket) Create(ctx context.Context, key string, data []byte) (uint64, error) {
	if err := b.check(ctx, key); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.values[key]; ok {
		return 0, fault.New(fault.Conflict, "", "record %s exists", key)
	}
	return b.write(dispatch.Entry{Key: key, Value: slices.Clone(data)}), nil
}

func (b *bucket) Update(ctx context.Context, key string, data []byte, rev uint64) (uint64, error) {
	if err := b.check(ctx, key); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.current(key, rev); err != nil {
		return 0, err
	}
	return b.write(dispatch.Entry{Key: key, Value: slices.Clone(data)}), nil
}

func (b *bucket) Delete(ctx context.Context, key string, rev uint64) error {
	if err := b.check(ctx, key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.current(key, rev); err != nil {
		return err
	}
	b.write(dispatch.Entry{Key: key, Deleted: true})
	return nil
}

func (b *bucket) Keys(ctx context.Context, prefix string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.store.open(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	keys := []string{}
	for k := range b.values {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// current says whether rev is what key has. b.mu is held.
func (b *bucket) current(key string, rev uint64) error {
	switch v, ok := b.values[key]; {
	case !ok:
		return missing(key)
	case v.rev != rev:
		return fault.New(fault.Conflict, "", "record %s was changed by another", key)
	}
	return nil
}

// write puts e in place and tells the watches. b.mu is held.
func (b *bucket) write(e dispatch.Entry) uint64 {
	b.rev++
	e.Rev = b.rev
	if e.Deleted {
		delete(b.values, e.Key)
	} else {
		b.values[e.Key] = value{data: e.Value, rev: e.Rev}
	}
	for w := range b.watches {
		if w.follows(e.Key) {
			w.put(e)
		}
	}
	return e.Rev
}

func missing(key string) error {
	return fault.New(fault.NotFound, "", "there is no record %s", key)
}

// watch carries entries to one reader. A writer never waits for it, so its backlog is as long as
// the reader is late.
type watch struct {
	scope string
	wake  chan struct{} // of capacity 1

	mu    sync.Mutex
	queue []dispatch.Entry
}

func (w *watch) follows(key string) bool {
	return w.scope == "" || key == w.scope || w.scope[len(w.scope)-1] == '.' && strings.HasPrefix(key, w.scope)
}

func (w *watch) put(e dispatch.Entry) {
	w.mu.Lock()
	w.queue = append(w.queue, e)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watch) take() []dispatch.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queue
	w.queue = nil
	return q
}

func (b *bucket) Watch(ctx context.Context, scope string) (<-chan dispatch.Entry, error) {
	if err := dispatch.ValidScope(scope); err != nil {
		return nil, err
	}
	w := &watch{scope: scope, wake: make(chan struct{}, 1)}
	s := b.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	for k, v := range b.values {
		if w.follows(k) {
			w.queue = append(w.queue, dispatch.Entry{Key: k, Value: v.data, Rev: v.rev})
		}
	}
	slices.SortFunc(w.queue, func(x, y dispatch.Entry) int { return int(x.Rev) - int(y.Rev) })
	w.put(dispatch.Entry{})
	b.watches[w] = true
	b.mu.Unlock()

	out := make(chan dispatch.Entry)
	s.watches.Go(func() {
		defer close(out)
		defer func() {
			b.mu.Lock()
			delete(b.watches, w)
			b.mu.Unlock()
		}()
		for {
			select {
			case <-w.wake:
			case <-ctx.Done():
				return
			case <-s.done.Done():
				return
			}
			for _, e := range w.take() {
				e.Value = slices.Clone(e.Value)
				select {
				case out <- e:
				case <-ctx.Done():
					return
				case <-s.done.Done():
					return
				}
			}
		}
	})
	return out, nil
}
