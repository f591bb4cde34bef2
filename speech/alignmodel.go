package speech

import (
	"context"
	"math"
)

// Phones' models: one diagonal Gaussian each over what is heard, fitted to the one speaker of the
// recording; three states in a row make a phone last 30 ms at least.
const (
	statesPerPhone = 3
	// varianceFloor keeps a model of few frames from being surer than speech is, in units of the clip's own
	// variance.
	varianceFloor = 0.08
	// fewFrames and fewOfClass: below so many frames a phone is judged by its class's model, and that by
	// the model of all.
	fewFrames  = 8
	fewOfClass = 3
	// followPhones is how many items to each side of the last path the next may move.
	followPhones = 60
)

// gaussian is a diagonal normal density, laid out for speed.
type gaussian struct {
	mean, scale [heard]float32 // scale is 1/variance
	base        float32        // the sum of the logarithms of the variances
}

// at is twice the negative logarithm of the density, without its constant.
func (g *gaussian) at(x []float32) float32 {
	x = x[:heard]
	s := g.base
	for k := range heard {
		d := x[k] - g.mean[k]
		s += d * d * g.scale[k]
	}
	return s
}

// sums gathers what a gaussian is fitted to.
type sums struct {
	n            int
	sum, squares [heard]float64
}

func (s *sums) add(x []float32) {
	s.n++
	for k, v := range x {
		s.sum[k] += float64(v)
		s.squares[k] += float64(v) * float64(v)
	}
}

func (s *sums) plus(o *sums) {
	s.n += o.n
	for k := range heard {
		s.sum[k] += o.sum[k]
		s.squares[k] += o.squares[k]
	}
}

func (s *sums) minus(o *sums) {
	s.n -= o.n
	for k := range heard {
		s.sum[k] -= o.sum[k]
		s.squares[k] -= o.squares[k]
	}
}

func (s *sums) gaussian() *gaussian {
	g := &gaussian{}
	n := float64(max(s.n, 1))
	for k := range heard {
		mean := s.sum[k] / n
		variance := max(varianceFloor, s.squares[k]/n-mean*mean)
		g.mean[k], g.scale[k] = float32(mean), float32(1/variance)
		g.base += float32(math.Log(variance))
	}
	return g
}

// fit makes a model for each of the script's phones from the frames that the path gives them.
func fit(f *features, s *script, path []int32) []*gaussian {
	phones := make([]sums, len(s.names))
	for i, k := range path {
		phones[s.items[k].phone].add(f.row(i))
	}
	// The quiet part of what lies between cues is a pause like those inside them.
	if between := &phones[nameBetween]; between.n > 0 {
		loud := float32(between.sum[0] / float64(between.n))
		for i, k := range path {
			if s.items[k].phone == nameBetween && f.row(i)[0] < loud {
				phones[namePause].add(f.row(i))
			}
		}
	}
	var classes [Visemes]sums
	var all sums
	for p := range phones {
		classes[VisemeOf(s.names[p])].plus(&phones[p])
		all.plus(&phones[p])
	}
	models := make([]*gaussian, len(phones))
	for p := range phones {
		switch class := &classes[VisemeOf(s.names[p])]; {
		case phones[p].n >= fewFrames:
			models[p] = phones[p].gaussian()
		case class.n >= fewOfClass:
			models[p] = class.gaussian()
		default:
			models[p] = all.gaussian()
		}
	}
	return models
}

// follow finds the most likely path through the script's states (Viterbi, 1967), near a path that is known and
// within the script's windows. A pause is one state and may be left out; a phone has statesPerPhone. Where
// there is no such path the known one is all there is.
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
	heardAs := make([]float32, len(models))
	stamp := make([]int, len(models))
	for i := range f.n {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		lo, hi := low[i], high[i]
		steps[i] = make([]uint8, hi-lo)
		row := f.row(i)
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
			if cost < worst {
				p := s.items[k].phone
				if stamp[p] != i+1 {
					heardAs[p], stamp[p] = models[p].at(row), i+1
					if p == nameBetween { // whatever it is, it may also be a pause
						heardAs[p] = min(heardAs[p], models[namePause].at(row))
					}
				}
				cost += heardAs[p]
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
