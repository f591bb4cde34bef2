package memory

import (
	"context"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
)

type queues struct {
	store *Store
	mu    sync.Mutex
	lines map[string]*line
}

// line is the queue of one capability.
type line struct {
	mu    sync.Mutex
	items []*item
	wake  chan struct{} // closed and replaced when there is something new
}

// item is a hint that waits (until due) or is out with a taker (until it comes again).
type item struct {
	hint dispatch.Hint
	due  time.Time // not to be delivered before
}

func (q *queues) line(ctx context.Context, capability string) (*line, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := q.store.open(); err != nil {
		return nil, err
	}
	if err := dispatch.ValidName(capability); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[capability]
	if l == nil {
		l = &line{wake: make(chan struct{})}
		q.lines[capability] = l
	}
	return l, nil
}

func (q *queues) Offer(ctx context.Context, capability string, h dispatch.Hint) error {
	l, err := q.line(ctx, capability)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, &item{hint: h})
	l.notify()
	return nil
}

func (q *queues) Take(ctx context.Context, capability string) (dispatch.Delivery, error) {
	l, err := q.line(ctx, capability)
	if err != nil {
		return nil, err
	}
	for {
		it, wake, wait := l.next(time.Now())
		if it != nil {
			return &delivery{line: l, item: it}, nil
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-wake:
		case <-timer:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-q.store.done.Done():
			return nil, fault.New(fault.Unavailable, "", "the store is closed")
		}
	}
}

// next takes the first item that is due, or says what to wait for.
func (l *line) next(now time.Time) (it *item, wake <-chan struct{}, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.items {
		d := x.due.Sub(now)
		if d <= 0 {
			x.due = now.Add(redeliver)
			return x, nil, 0
		}
		if wait == 0 || d < wait {
			wait = d
		}
	}
	return nil, l.wake, wait
}

// notify wakes every taker. l.mu is held.
func (l *line) notify() {
	close(l.wake)
	l.wake = make(chan struct{})
}

type delivery struct {
	line *line
	item *item
}

func (d *delivery) Hint() dispatch.Hint { return d.item.hint }

func (d *delivery) Done(context.Context) error {
	d.line.mu.Lock()
	defer d.line.mu.Unlock()
	for i, x := range d.line.items {
		if x == d.item {
			d.line.items = append(d.line.items[:i], d.line.items[i+1:]...)
			break
		}
	}
	return nil
}

func (d *delivery) Return(_ context.Context, delay time.Duration) error {
	d.line.mu.Lock()
	defer d.line.mu.Unlock()
	d.item.due = time.Now().Add(delay)
	d.line.notify()
	return nil
}
