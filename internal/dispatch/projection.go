package dispatch

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinsync/twinsync/internal/task"
)

// projection is what this process knows of all tasks from watching their records: enough to
// list them, to see what is due and to share it fairly, without reading the store. It may lag behind the
// records by milliseconds; nothing is decided on it alone, because every step that follows
// from it is a compare-and-set.
type projection struct {
	mu         sync.Mutex
	tasks      map[task.ID]*entry
	ids        []task.ID // sorted, which is by time of creation
	round      int       // of watching: entries of an older one are gone from the store
	counts     map[task.State]int
	subs       map[*Subscription]bool
	unfinished map[string]int // tasks by customer

	flight  map[string]int                  // ready and leased segments by capability
	holding map[string]int                  // the same by customer
	waiting map[string]map[string][]task.ID // tasks with pending segments by capability and customer, sorted
	leases  map[segmentKey]leaseSeen        // what workers hold
	offers  map[segmentKey]time.Time        // when a ready segment's hint was last known to be sent
}

type entry struct {
	sum   task.Task // summary
	rev   uint64
	round int
	work  []work // nil in a final state
}

// work is what scheduling needs of a segment.
type work struct {
	id, capability string
	state          task.SegmentState
	notBefore      time.Time
	cost           float64
}

type segmentKey struct {
	task task.ID
	seg  string
}

// leaseSeen is a lease and when this process last saw it renewed. Comparing times of its own
// clock alone makes expiry independent of how well machines' clocks agree.
type leaseSeen struct {
	worker, lease string
	until         time.Time
	seen          time.Time
}

func newProjection() *projection {
	return &projection{
		tasks: map[task.ID]*entry{}, counts: map[task.State]int{}, subs: map[*Subscription]bool{}, unfinished: map[string]int{},
		flight: map[string]int{}, holding: map[string]int{}, waiting: map[string]map[string][]task.ID{},
		leases: map[segmentKey]leaseSeen{}, offers: map[segmentKey]time.Time{},
	}
}

// apply takes a record in, unless a newer one is known already.
func (p *projection) apply(t task.Task, rev uint64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.tasks[t.ID]
	if e == nil {
		e = &entry{}
		p.tasks[t.ID] = e
		if n := len(p.ids); n == 0 || p.ids[n-1] < t.ID {
			p.ids = append(p.ids, t.ID)
		} else {
			p.ids = insert(p.ids, t.ID)
		}
	} else {
		e.round = p.round
		if rev <= e.rev {
			return
		}
		p.withdraw(e)
	}
	leases, offers := p.lift(e)
	e.sum, e.rev, e.round, e.work = t.Summary(), rev, p.round, nil
	if !t.State.Final() {
		e.work = make([]work, len(t.Segments))
		for i, s := range t.Segments {
			e.work[i] = work{s.ID, s.Capability, s.State, s.NotBefore, float64(max(1, s.FramesTotal))}
			k := segmentKey{t.ID, s.ID}
			switch s.State {
			case task.Leased:
				l := leases[k]
				if l.lease != s.Lease || !l.until.Equal(s.LeaseUntil) {
					l = leaseSeen{s.Worker, s.Lease, s.LeaseUntil, now}
				}
				p.leases[k] = l
			case task.Ready:
				if p.offers[k] = now; !offers[k].IsZero() {
					p.offers[k] = offers[k]
				}
			}
		}
	}
	p.enter(e)
	for s := range p.subs {
		s.note(e.sum)
	}
}

// remove forgets a task whose record is gone.
func (p *projection) remove(id task.ID, rev uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.tasks[id]; e != nil && rev > e.rev {
		p.drop(e)
	}
}

// sweep forgets what the round of watching that has just begun did not show.
func (p *projection) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.tasks {
		if e.round < p.round {
			p.drop(e)
		}
	}
}

func (p *projection) nextRound() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.round++
}

func (p *projection) drop(e *entry) {
	p.withdraw(e)
	p.lift(e)
	id := e.sum.ID
	delete(p.tasks, id)
	if i, ok := slices.BinarySearch(p.ids, id); ok {
		p.ids = slices.Delete(p.ids, i, i+1)
	}
	for s := range p.subs {
		s.gone(id)
	}
}

// lift takes out the leases and offers of an entry: each lives on only in a record that shows it
// again.
func (p *projection) lift(e *entry) (map[segmentKey]leaseSeen, map[segmentKey]time.Time) {
	leases, offers := map[segmentKey]leaseSeen{}, map[segmentKey]time.Time{}
	for _, w := range e.work {
		k := segmentKey{e.sum.ID, w.id}
		switch w.state {
		case task.Leased:
			leases[k] = p.leases[k]
			delete(p.leases, k)
		case task.Ready:
			offers[k] = p.offers[k]
			delete(p.offers, k)
		}
	}
	return leases, offers
}

// enter adds an entry to the indexes; withdraw takes it out again.
func (p *projection) enter(e *entry) {
	p.counts[e.sum.State]++
	if !e.sum.State.Final() {
		p.unfinished[e.sum.Customer]++
	}
	for _, w := range e.work {
		switch w.state {
		case task.Ready, task.Leased:
			p.flight[w.capability]++
			p.holding[e.sum.Customer]++
		case task.Pending:
			by := p.waiting[w.capability]
			if by == nil {
				by = map[string][]task.ID{}
				p.waiting[w.capability] = by
			}
			by[e.sum.Customer] = insert(by[e.sum.Customer], e.sum.ID)
		}
	}
}

func (p *projection) withdraw(e *entry) {
	p.counts[e.sum.State]--
	if !e.sum.State.Final() {
		if p.unfinished[e.sum.Customer]--; p.unfinished[e.sum.Customer] == 0 {
			delete(p.unfinished, e.sum.Customer)
		}
	}
	for _, w := range e.work {
		switch w.state {
		case task.Ready, task.Leased:
			p.flight[w.capability]--
			if p.holding[e.sum.Customer]--; p.holding[e.sum.Customer] == 0 {
				delete(p.holding, e.sum.Customer)
			}
		case task.Pending:
			by := p.waiting[w.capability]
			if i, ok := slices.BinarySearch(by[e.sum.Customer], e.sum.ID); ok {
				by[e.sum.Customer] = slices.Delete(by[e.sum.Customer], i, i+1)
			}
			if len(by[e.sum.Customer]) == 0 {
				delete(by, e.sum.Customer)
			}
		}
	}
}

// insert puts v into a sorted slice that may have it already.
func insert[T cmp.Ordered](s []T, v T) []T {
	i, ok := slices.BinarySearch(s, v)
	if ok {
		return s
	}
	return slices.Insert(s, i, v)
}

// Filter selects tasks for List. Its zero value is every task.
type Filter struct {
	Customer string     // "" is any
	State    task.State // "" is any
	Kind     string     // "" is any
	Before   task.ID    // the page after this task: only older ones; "" begins with the newest
	Limit    int        // tasks at most; 0 is 50, and 1000 is the most
}

func (f Filter) match(t task.Task) bool {
	return (f.Customer == "" || f.Customer == t.Customer) && (f.State == "" || f.State == t.State) &&
		(f.Kind == "" || f.Kind == t.Kind)
}

func (p *projection) list(f Filter) []task.Task {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 1000)
	p.mu.Lock()
	defer p.mu.Unlock()
	end := len(p.ids)
	if f.Before != "" {
		end, _ = slices.BinarySearch(p.ids, f.Before)
	}
	out := []task.Task{}
	for i := end - 1; i >= 0 && len(out) < f.Limit; i-- {
		if t := p.tasks[p.ids[i]].sum; f.match(t) {
			out = append(out, t)
		}
	}
	return out
}

// show gives a subscription the present state of one task, if it has not got a newer one.
func (p *projection) show(s *Subscription, id task.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.tasks[id]; e != nil {
		s.note(e.sum)
	}
}

func (p *projection) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Tasks: maps.Clone(p.counts), Segments: maps.Clone(p.flight), Waiting: map[string]int{}}
	for c, by := range p.waiting {
		for _, ids := range by {
			s.Waiting[c] += len(ids)
		}
	}
	return s
}

func (p *projection) active(customer string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unfinished[customer]
}
