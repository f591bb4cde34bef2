package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
)

const workersBucket = "workers"

// leaderKey is where the leading dispatcher signs, in the bucket of the workers. No worker can
// have this name, because theirs begin with workerPrefix.
const (
	leaderKey    = "leader"
	workerPrefix = "worker."
)

// WorkerInfo is a worker as it announces itself.
type WorkerInfo struct {
	ID      string         `json:"id"`
	Host    string         `json:"host"`
	PID     int            `json:"pid"`
	Slots   map[string]int `json:"slots"` // segments at a time, by capability
	Started time.Time      `json:"started"`
	Beat    int            `json:"beat"` // grows with every sign of life
}

// presence knows the workers from the records that they renew.
type presence struct {
	kv KV

	mu   sync.Mutex
	seen map[string]sign
}

type sign struct {
	info WorkerInfo
	at   time.Time
}

func openPresence(ctx context.Context, s Store) (*presence, error) {
	kv, err := s.Bucket(ctx, workersBucket)
	if err != nil {
		return nil, err
	}
	return &presence{kv: kv, seen: map[string]sign{}}, nil
}

// announce writes a sign of life of revision rev (0 for the first) and gives the next revision.
func (p *presence) announce(ctx context.Context, w WorkerInfo, rev uint64) (uint64, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return 0, fmt.Errorf("worker record: %w", err)
	}
	if rev > 0 {
		// A worker that was silent for too long has been struck off and signs on again.
		if next, err := p.kv.Update(ctx, workerPrefix+w.ID, b, rev); !fault.Is(err, fault.NotFound) {
			return next, err
		}
	}
	return p.kv.Create(ctx, workerPrefix+w.ID, b)
}

// remove strikes a worker off; one that is unknown is no error.
func (p *presence) remove(ctx context.Context, id string) error {
	p.mu.Lock()
	delete(p.seen, id)
	p.mu.Unlock()
	_, rev, err := p.kv.Get(ctx, workerPrefix+id)
	if err == nil {
		err = p.kv.Delete(ctx, workerPrefix+id, rev)
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return nil // gone, or alive after all
	}
	return err
}

func (p *presence) note(w WorkerInfo, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[w.ID] = sign{w, now}
}

func (p *presence) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, id)
}

// list gives the workers that signed within ttl, by identifier.
func (p *presence) list(now time.Time, ttl time.Duration) []WorkerInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []WorkerInfo{}
	for _, s := range p.seen {
		if now.Sub(s.at) <= ttl {
			i := s.info
			i.Slots = maps.Clone(i.Slots)
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b WorkerInfo) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// silent gives the workers that did not sign within ttl.
func (p *presence) silent(now time.Time, ttl time.Duration) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for id, s := range p.seen {
		if now.Sub(s.at) > ttl {
			out = append(out, id)
		}
	}
	return out
}

func (p *presence) slots(now time.Time, ttl time.Duration) map[string]int {
	sum := map[string]int{}
	for _, w := range p.list(now, ttl) {
		for c, n := range w.Slots {
			sum[c] += n
		}
	}
	return sum
}
