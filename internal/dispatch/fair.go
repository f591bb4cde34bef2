package dispatch

import "maps"

// rota decides whose turn it is. Each customer has a clock that advances by the cost of
// what it was given; the one whose clock is furthest behind comes next. A customer that returns after
// a rest starts at the common clock, so nobody saves up turns. (Start-time fair queueing: Goyal,
// Vin and Cheng, SIGCOMM 1996.) Over any time in which two customers both wait, what they get
// differs by no more than the cost of one segment of each.
type rota struct {
	clock float64            // that of the latest turn
	until map[string]float64 // by customer; absent means not ahead of clock
}

// next gives the candidate whose turn it is, or "" when there is none.
func (r *rota) next(candidates []string) string {
	best, at := "", 0.0
	for _, c := range candidates {
		if v := r.at(c); best == "" || v < at || v == at && c < best {
			best, at = c, v
		}
	}
	return best
}

// charge notes that customer was given a segment of this cost (more than 0).
func (r *rota) charge(customer string, cost float64) {
	if r.until == nil {
		r.until = map[string]float64{}
	}
	v := r.at(customer)
	r.clock = max(r.clock, v)
	r.until[customer] = v + cost
}

// forget drops customers that a newcomer would equal, so that the map does not grow for ever.
func (r *rota) forget() {
	maps.DeleteFunc(r.until, func(_ string, v float64) bool { return v <= r.clock })
}

func (r *rota) at(customer string) float64 { return max(r.until[customer], r.clock) }
