package speech

import (
	"context"
	"math"
)

const (
	// followPhones is how many items to each side of the last path the next may move.
	followPhones = 60
	// unsaidPrice is what a frame costs more when it is taken for speech that is not in the script, in twice the
	// logarithm of likelihood: enough that the script's own words are never taken for it.
	unsaidPrice = 3
)

// costs are what a frame costs as each of a script's names, worked out when asked for.
type costs struct {
	models []*gaussian
	row    []float32
	cost   []float32
	known  []bool
	least  float32 // of all phones
	all    bool    // least is known
}

func newCosts(models []*gaussian) *costs {
	return &costs{models: models, cost: make([]float32, len(models)), known: make([]bool, len(models))}
}

// turn goes to another frame.
func (c *costs) turn(row []float32) {
	c.row, c.all = row, false
	clear(c.known)
}

// of is the frame's cost as a name. What lies between cues may be anything, a pause too.
func (c *costs) of(name int) float32 {
	if !c.known[name] {
		c.known[name] = true
		c.cost[name] = c.models[name].at(c.row)
		if name == nameBetween {
			c.cost[name] = min(c.cost[name], c.of(namePause))
		}
	}
	return c.cost[name]
}

// unsaid is the frame's cost where words may be said that are not in the script.
func (c *costs) unsaid(name int) float32 {
	if !c.all {
		c.all, c.least = true, float32(math.Inf(1))
		for p := namesSilent; p < len(c.models); p++ {
			c.least = min(c.least, c.of(p))
		}
	}
	return min(c.of(name), c.least+unsaidPrice)
}

// follow finds the most likely path through the script's states (Viterbi, 1967), near a path that is known and
// within the script's windows. A pause is one state and may be left out; a phone has statesPerPhone; before the
// first and after the last one other words may be said. Where there is no such path the known one is all there
// is.
func (s *script) follow(ctx context.Context, f *features, models []*gaussian, near []int32) ([]int32, error) {
	first := make([]int, len(s.items)+1) // each item's first state
	var item []int32                     // each state's
	for k, it := range s.items {
		first[k] = len(item)
		n := statesPerPhone
		if it.silent() {
			n = 1
		}
		for range n {
			item = append(item, int32(k))
		}
	}
	first[len(s.items)] = len(item)
	states := len(item)
	low, high := s.band(first, near, states)

	// A step of 0 stays, 1 goes on, 2 jumps over a pause.
	steps := make([][]uint8, f.n)
	worst := float32(math.Inf(1))
	before, now := make([]float32, states), make([]float32, states)
	heardAs := newCosts(models)
	for i := range f.n {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		lo, hi := low[i], high[i]
		steps[i] = make([]uint8, hi-lo)
		heardAs.turn(f.row(i))
		reach := func(j int) float32 {
			if i == 0 || j < low[i-1] || j >= high[i-1] {
				return worst
			}
			return before[j]
		}
		for j := lo; j < hi; j++ {
			k := int(item[j])
			cost, step := reach(j), uint8(0)
			if i == 0 && j <= 1 {
				cost = 0
			}
			if j >= 1 {
				if c := reach(j - 1); c < cost {
					cost, step = c, 1
				}
			}
			if j >= 2 && first[k] == j && s.items[k-1].silent() {
				if c := reach(j - 2); c < cost {
					cost, step = c, 2
				}
			}
			switch name := s.items[k].phone; {
			case cost == worst:
			case k == 0 || k == len(s.items)-1:
				cost += heardAs.unsaid(name)
			default:
				cost += heardAs.of(name)
			}
			now[j], steps[i][j-lo] = cost, step
		}
		before, now = now, before
	}
	j := states - 1
	if states-2 >= low[f.n-1] && before[states-2] < before[states-1] {
		j = states - 2
	}
	if before[j] == worst {
		return near, ctx.Err()
	}
	path := make([]int32, f.n)
	for i := f.n - 1; i >= 0; i-- {
		path[i] = item[j]
		if i > 0 {
			j -= int(steps[i][j-low[i]])
		}
	}
	return path, ctx.Err()
}

// band is which states (from low to before high) each frame may be in: those within followPhones items of the
// known path and in whose window the frame is, widened so that a walk of one state per frame fits from the first
// state to the last.
func (s *script) band(first []int, near []int32, states int) (low, high []int) {
	n, items := len(near), len(s.items)
	low, high = make([]int, n), make([]int, n)
	for i, k := range near {
		low[i] = first[max(int(k)-followPhones, 0)]
		high[i] = first[min(int(k)+followPhones+1, items)]
	}
	if s.windows != nil {
		from, to := 0, 0 // the items whose window holds the frame
		for i := range n {
			for from < items-1 && s.windows[from].last < i {
				from++
			}
			for to < items && s.windows[to].first <= i {
				to++
			}
			low[i] = first[from]
			high[i] = first[max(to, from+1)]
		}
	}
	low[0], high[0], high[n-1] = 0, max(high[0], min(2, states)), states
	for i := 1; i < n; i++ {
		low[i] = min(low[i], low[i-1]+1)
	}
	for i := n - 2; i >= 0; i-- {
		high[i] = max(high[i], high[i+1]-1)
	}
	// What cannot be reached from the start, or from which the end cannot be reached, needs no look, but
	// must not make a band empty.
	for i := range n {
		high[i] = max(high[i], low[i]+1)
	}
	return low, high
}
