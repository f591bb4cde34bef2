package dispatch

import (
	"context"
	"sync"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// Subscription delivers changes of state and progress as summaries of tasks. It never holds up the
// dispatcher: of several changes that a slow reader misses it gets the last, and of every
// task the final state comes for certain. Close it when done.
type Subscription struct {
	p     *projection
	match func(task.Task) bool
	wake  chan struct{} // of capacity 1

	mu    sync.Mutex
	news  map[task.ID]task.Task
	order []task.ID
	only  task.ID // the one task of Watch
	lost  bool    // it is gone
}

// subscribe follows the tasks that match from now on.
func (p *projection) subscribe(match func(task.Task) bool) *Subscription {
	s := &Subscription{
		p: p, match: match, wake: make(chan struct{}, 1), news: map[task.ID]task.Task{},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subs[s] = true
	return s
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	delete(s.p.subs, s)
}

// Next waits for the next change. It returns fault.NotFound when the one task that is watched is
// gone, and ctx's error when that ends first.
func (s *Subscription) Next(ctx context.Context) (task.Task, error) {
	for {
		s.mu.Lock()
		if len(s.order) > 0 {
			id := s.order[0]
			s.order = s.order[1:]
			t := s.news[id]
			delete(s.news, id)
			s.mu.Unlock()
			return t, nil
		}
		gone := s.lost
		s.mu.Unlock()
		if gone {
			return task.Task{}, fault.New(fault.NotFound, "taskID", "there is no such task")
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return task.Task{}, ctx.Err()
		}
	}
}

// note is called with the projection locked.
func (s *Subscription) note(t task.Task) {
	if !s.match(t) {
		return
	}
	s.mu.Lock()
	if _, ok := s.news[t.ID]; !ok {
		s.order = append(s.order, t.ID)
	}
	s.news[t.ID] = t
	s.mu.Unlock()
	s.signal()
}

// gone is called with the projection locked.
func (s *Subscription) gone(id task.ID) {
	if s.only != id {
		return
	}
	s.mu.Lock()
	s.lost = true
	s.mu.Unlock()
	s.signal()
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
