package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/twinsync/twinsync/internal/account"
)

// maxLimiters bounds memory; only keys that exist get a limiter, so it takes as many customers to reach it.
const maxLimiters = 10_000

// limiters hold how many requests each key may still send. Each process counts for
// itself: behind n processes a key may send n times as many.
type limiters struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]*rate.Limiter
}

func newLimiters(now func() time.Time) *limiters {
	return &limiters{now: now, all: map[string]*rate.Limiter{}}
}

// take counts a request of a key. When there are too many it gives the time until the
// next is allowed.
func (l *limiters) take(k account.Key) (wait time.Duration, ok bool) {
	now := l.now()
	perSecond := rate.Limit(float64(k.Limits.RequestsPerMinute) / 60)
	l.mu.Lock()
	defer l.mu.Unlock()
	lim := l.all[k.ID]
	if lim == nil || lim.Limit() != perSecond {
		if len(l.all) >= maxLimiters {
			for id, old := range l.all {
				if old.TokensAt(now) >= float64(old.Burst()) { // has not been used for a while
					delete(l.all, id)
				}
			}
		}
		// Two seconds' worth may come at once.
		lim = rate.NewLimiter(perSecond, max(1, k.Limits.RequestsPerMinute/30))
		l.all[k.ID] = lim
	}
	r := lim.ReserveN(now, 1)
	if d := r.DelayFrom(now); d > 0 {
		r.CancelAt(now)
		return d, false
	}
	return 0, true
}
