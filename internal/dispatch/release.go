package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// expiryEvery is how often tasks that have outlived ExpiresAt are looked for.
const expiryEvery = time.Minute

// loop does what is due whenever a record changes and whenever time may have made something due.
func (d *Dispatcher) loop(ctx context.Context) {
	select {
	case <-d.ready:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(d.cfg.Tick)
	defer tick.Stop()
	defer d.resign(ctx)
	first, swept := true, time.Now()
	for {
		timed := first
		if !first {
			select {
			case <-ctx.Done():
				return
			case <-d.wake:
			case <-tick.C:
				timed = true
			}
		}
		if !d.leads(ctx, timed) {
			first = false
			continue
		}
		var errs []error
		if timed {
			now := time.Now()
			errs = append(errs, d.expire(ctx, func(l leaseSeen) bool {
				// With a store of its own everything happens by this machine's clock, so a lease that
				// was renewed since this dispatcher was made belongs to a worker of now, which may have
				// been quicker than the first look.
				old := l.until.Before(d.born.Add(d.cfg.LeaseTTL))
				return now.Sub(l.seen) > d.cfg.LeaseTTL || first && d.cfg.Sole && old
			}))
			errs = append(errs, d.reoffer(ctx, first))
			for _, w := range d.workers.silent(now, d.cfg.LeaseTTL) {
				errs = append(errs, d.workers.remove(ctx, w))
			}
			if now.Sub(swept) > expiryEvery {
				swept = now
				errs = append(errs, d.sweepExpired(ctx, now))
			}
		}
		errs = append(errs, d.release(ctx))
		if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
			// Nothing is lost: what could not be done is still due at the next tick.
			d.log.Warn("dispatching", "error", err)
		}
		first = false
	}
}

// due is a pending segment that is to be released.
type due struct {
	segmentKey
	customer, capability string
	cost                 float64
}

// release hands waiting segments to the workers: for each capability as many as there is room for,
// customer by customer in fair turns, of each customer the oldest task first.
func (d *Dispatcher) release(ctx context.Context) error {
	now := time.Now()
	batch := map[task.ID][]due{}
	var order []task.ID
	for capability, slots := range d.workers.slots(now, d.cfg.LeaseTTL) {
		r := d.rotas[capability]
		if r == nil {
			r = &rota{}
			d.rotas[capability] = r
		}
		for _, x := range d.view.pick(capability, int(float64(slots)*d.cfg.Depth), d.cfg.Customer, batch, r, now) {
			if batch[x.task] == nil {
				order = append(order, x.task)
			}
			batch[x.task] = append(batch[x.task], x)
		}
	}
	var errs []error
	for _, id := range order {
		if err := d.releaseTask(ctx, id, batch[id], now); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// releaseTask marks segments of one task as ready in one write and offers them.
func (d *Dispatcher) releaseTask(ctx context.Context, id task.ID, segs []due, now time.Time) error {
	var done []due
	_, err := d.change(ctx, id, func(t task.Task) (task.Task, error) {
		done = done[:0]
		for _, s := range segs {
			next, err := t.Release(s.seg, now)
			if err != nil {
				continue // canceled, or released by another dispatcher: nothing to do
			}
			t, done = next, append(done, s)
		}
		if len(done) == 0 {
			return t, errSame
		}
		return t, nil
	})
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil // deleted meanwhile
		}
		return err
	}
	var errs []error
	for _, s := range done {
		errs = append(errs, d.offer(ctx, s.segmentKey, s.capability))
	}
	return errors.Join(errs...)
}

// pick chooses what is to be released. taken are choices for other capabilities, which count for the
// customers' limits too.
func (p *projection) pick(capability string, room, limit int, taken map[task.ID][]due, r *rota, now time.Time) []due {
	p.mu.Lock()
	defer p.mu.Unlock()
	if room -= p.flight[capability]; room <= 0 {
		return nil
	}
	by := p.waiting[capability]
	holding := map[string]int{}
	for _, xs := range taken {
		for _, x := range xs {
			holding[x.customer]++
		}
	}
	// Each customer's due segments come one by one, oldest task first.
	type line struct {
		tasks []task.ID
		i, j  int // the next task and the next segment of it
	}
	lines := map[string]*line{}
	next := func(customer string) (due, bool) {
		l := lines[customer]
		if l == nil {
			l = &line{tasks: by[customer]}
			lines[customer] = l
		}
		for ; l.i < len(l.tasks); l.i, l.j = l.i+1, 0 {
			for e := p.tasks[l.tasks[l.i]]; l.j < len(e.work); {
				w := e.work[l.j]
				if w.state == task.Pending && w.capability == capability && !w.notBefore.After(now) {
					return due{segmentKey{e.sum.ID, w.id}, customer, capability, w.cost}, true
				}
				l.j++
			}
		}
		return due{}, false
	}
	var candidates []string
	for c := range by {
		if _, ok := next(c); ok {
			candidates = append(candidates, c)
		}
	}
	r.forget()
	var out []due
	for room > 0 {
		candidates = slices.DeleteFunc(candidates, func(c string) bool {
			_, ok := next(c)
			return !ok || limit > 0 && p.holding[c]+holding[c] >= limit
		})
		c := r.next(candidates)
		if c == "" {
			break
		}
		x, _ := next(c)
		lines[c].j++
		r.charge(c, x.cost)
		holding[c]++
		room--
		out = append(out, x)
	}
	return out
}

// expire takes away the leases that late names.
func (d *Dispatcher) expire(ctx context.Context, late func(leaseSeen) bool) error {
	var errs []error
	for k, l := range d.view.held(late) {
		var taken bool
		_, err := d.change(ctx, k.task, func(t task.Task) (task.Task, error) {
			taken = false
			s, ok := t.Segment(k.seg)
			if !ok || s.State != task.Leased || s.Lease != l.lease || !s.LeaseUntil.Equal(l.until) {
				return t, errSame // over, or renewed in the last moment
			}
			taken = true
			return t.Expire(k.seg, l.lease, d.cfg.Policy, time.Now())
		})
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) {
			errs = append(errs, err)
			continue
		}
		if !taken {
			continue
		}
		d.log.Warn("lease taken away", "task", k.task, "segment", k.seg, "worker", l.worker)
	}
	return errors.Join(errs...)
}

func (p *projection) held(late func(leaseSeen) bool) map[segmentKey]leaseSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[segmentKey]leaseSeen{}
	for k, l := range p.leases {
		if late(l) {
			out[k] = l
		}
	}
	return out
}

// reoffer sends the hints of ready segments again that nobody leased, or at the start all.
func (d *Dispatcher) reoffer(ctx context.Context, all bool) error {
	var errs []error
	for k, capability := range d.view.unheard(time.Now(), d.cfg.Reoffer, all) {
		errs = append(errs, d.offer(ctx, k, capability))
	}
	return errors.Join(errs...)
}

// offer sends a hint; one that could not be sent is due again at the next tick.
func (d *Dispatcher) offer(ctx context.Context, k segmentKey, capability string) error {
	err := d.queue.Offer(ctx, capability, Hint{Task: k.task, Segment: k.seg})
	if err != nil {
		d.view.unsent(k)
	}
	return err
}

// longAgo stands for the time of an offer that was never sent.
var longAgo = time.Unix(0, 0)

func (p *projection) unsent(k segmentKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.offers[k]; ok {
		p.offers[k] = longAgo
	}
}

// unheard gives ready segments offered longer than age ago and counts them as offered now.
func (p *projection) unheard(now time.Time, age time.Duration, all bool) map[segmentKey]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[segmentKey]string{}
	for k, at := range p.offers {
		if !all && now.Sub(at) < age {
			continue
		}
		p.offers[k] = now
		for _, w := range p.tasks[k.task].work {
			if w.id == k.seg {
				out[k] = w.capability
			}
		}
	}
	return out
}

// sweepExpired removes tasks whose time is over.
func (d *Dispatcher) sweepExpired(ctx context.Context, now time.Time) error {
	var errs []error
	for _, t := range d.view.expired(now) {
		if d.cfg.OnExpired != nil {
			if err := d.cfg.OnExpired(ctx, t); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		if err := d.Delete(ctx, t.ID); err != nil && !fault.Is(err, fault.NotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (p *projection) expired(now time.Time) []task.Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []task.Task
	for _, e := range p.tasks {
		if t := e.sum; t.State.Final() && !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(now) {
			out = append(out, t)
		}
	}
	return out
}

// leadership is the lock that lets one of several dispatchers act. It is a courtesy, not a
// guarantee: two that believe to lead for a moment cannot do harm, because every step is a
// compare-and-set.
type leadership struct {
	held  bool
	rev   uint64    // of the leader's record as last seen
	since time.Time // when that revision was first seen, or written
}

type leaderRecord struct {
	ID   string `json:"id"`
	Beat int64  `json:"beat"`
}

// leads says whether this dispatcher may act. The lock is taken and renewed only in timed rounds.
func (d *Dispatcher) leads(ctx context.Context, timed bool) bool {
	l := &d.lead
	now := time.Now()
	if l.held && now.Sub(l.since) < d.cfg.LeaseTTL/3 {
		return true
	}
	if !timed {
		return l.held && now.Sub(l.since) < d.cfg.LeaseTTL
	}
	b, err := json.Marshal(leaderRecord{ID: d.id, Beat: now.UnixNano()})
	if err != nil {
		return false
	}
	kv := d.workers.kv
	_, rev, err := kv.Get(ctx, leaderKey)
	switch {
	case fault.Is(err, fault.NotFound):
		rev, err = kv.Create(ctx, leaderKey, b)
	case err != nil:
	case l.held && rev == l.rev, d.cfg.Sole, rev == l.rev && now.Sub(l.since) > d.cfg.LeaseTTL:
		rev, err = kv.Update(ctx, leaderKey, b, rev)
	default:
		if rev != l.rev {
			l.rev, l.since = rev, now
		}
		l.held = false
		return false
	}
	if err != nil {
		// The store is away or another was quicker: lead on only while the last renewal is fresh.
		l.held = l.held && !fault.Is(err, fault.Conflict) && now.Sub(l.since) < d.cfg.LeaseTTL
		return l.held
	}
	l.held, l.rev, l.since = true, rev, now
	return true
}

// resign gives the lock up, so that another dispatcher need not wait for its end.
func (d *Dispatcher) resign(ctx context.Context) {
	if !d.lead.held {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := d.workers.kv.Delete(ctx, leaderKey, d.lead.rev); err != nil {
		d.log.Debug("the lock of the leader stays until it expires", "error", err)
	}
}

// followWorkers keeps the list of workers.
func (d *Dispatcher) followWorkers(ch <-chan Entry) {
	for e := range ch {
		id, ok := strings.CutPrefix(e.Key, workerPrefix)
		if !ok {
			continue
		}
		var w WorkerInfo
		if e.Deleted {
			d.workers.forget(id)
		} else if err := json.Unmarshal(e.Value, &w); err != nil || w.ID != id {
			d.log.Error("worker record cannot be read", "worker", id, "error", err)
		} else {
			d.workers.note(w, time.Now())
		}
		d.nudge()
	}
}
