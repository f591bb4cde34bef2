package account

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// memory is a Store in a map.
type memory struct {
	mu   sync.Mutex
	rev  uint64
	all  map[string]record
	gets int
	down error // when set, every call fails with it
}

type record struct {
	value []byte
	rev   uint64
}

func (m *memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gets++
	r, ok := m.all[key]
	switch {
	case m.down != nil:
		return nil, 0, m.down
	case !ok:
		return nil, 0, fault.New(fault.NotFound, "", "no record")
	}
	return r.value, r.rev, nil
}

func (m *memory) Create(_ context.Context, key string, value []byte) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return 0, m.down
	}
	if _, ok := m.all[key]; ok {
		return 0, fault.New(fault.Conflict, "", "exists")
	}
	return m.put(key, value), nil
}

func (m *memory) Update(_ context.Context, key string, value []byte, rev uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return 0, m.down
	}
	if m.all[key].rev != rev {
		return 0, fault.New(fault.Conflict, "", "changed")
	}
	return m.put(key, value), nil
}

func (m *memory) put(key string, value []byte) uint64 {
	if m.all == nil {
		m.all = map[string]record{}
	}
	m.rev++
	m.all[key] = record{slices.Clone(value), m.rev}
	return m.rev
}

func (m *memory) Keys(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for k := range m.all {
		if strings.HasPrefix(k, prefix) {
			names = append(names, k)
		}
	}
	return names, m.down
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.mu.Unlock()
}
