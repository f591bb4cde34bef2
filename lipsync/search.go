package lipsync

import (
	"context"
	"math"
	"slices"

	"github.com/twinsync/twinsync/speech"
)

// Costs of the search, from the reference trial, which found that halving or doubling any of them
// moves the result by less than its noise, except the share of jumps.
const (
	candidates   = 60
	costOpening  = .5
	costClosure  = 3.0 // per spread of the opening above the closed eighth, where lips must meet
	closedEighth = .12
	mustClose    = .4
	costContext  = .3
	costPose     = .12
	poseSpread   = .12 // radians
	costBlur     = .3
	costJoin     = .7
	costLook     = .25
	costJump     = .8 // the trial had .35; with this a fifth fewer jumps, and the same agreement with the words
	costRepeat   = .12
	holdJump     = 4 // times costJump, in pauses: one mouth is held
)

// searchOffsets are the moments whose sounds are compared, in frames of a 25th of a second.
var searchOffsets = []float64{-2, 0, 2}

// wanted is what the search looks for in each output frame.
type wanted struct {
	shapes [][]float64
	curves *speech.Curves
	pause  []float64
	turn   [][3]float64 // pose of the head that receives the mouth
	seen   []bool       // whether there is one
	cut    []bool       // whether the frame before belongs elsewhere: nothing is carried over
	scene  []int        // the same for frames that belong together, with the face or without it
	fps    float64
}

// mouthsOf are the frames that can be shown: those whose pixels are kept.
func (l *library) mouthsOf() []int {
	var out []int
	for i := range l.list {
		if l.list[i].film >= 0 {
			out = append(out, i)
		}
	}
	return out
}

// search finds the mouths (indices into list) for all output frames: the cheapest path by dynamic programming
// (Viterbi), over the best candidates of each frame.
func (l *library) search(ctx context.Context, w *wanted) ([]int, error) {
	films := l.mouthsOf()
	n := len(w.shapes)
	if n == 0 || len(films) == 0 {
		return make([]int, n), nil
	}
	s := newSearcher(l, films, w)
	k := min(candidates, len(films))
	cand := make([][]int, n) // into films
	cost := make([][]float64, n)
	row := make([]float64, len(films))
	still := make([]float64, len(films)) // summed over pauses
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.costs(i, row)
		if w.pause[i] > .5 {
			for j, v := range row {
				still[j] += v
			}
			continue
		}
		cand[i] = cheapest(row, k)
		cost[i] = pick(row, cand[i])
	}
	// Pauses share their candidates, so that one mouth can be held through all of each.
	common := cheapest(still, k)
	for i := range n {
		if cand[i] == nil {
			s.costs(i, row)
			cand[i] = common
			cost[i] = pick(row, common)
		}
	}
	best := slices.Clone(cost[0])
	back := make([][]int32, n)
	for i := 1; i < n; i++ {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		next := make([]float64, k)
		back[i] = make([]int32, k)
		for b, to := range cand[i] {
			least, from := math.Inf(1), 0
			for a, was := range cand[i-1] {
				c := best[a]
				if !w.cut[i] {
					c += s.join(was, to, w.pause[i] > .5)
				}
				if c < least {
					least, from = c, a
				}
			}
			next[b], back[i][b] = least+cost[i][b], int32(from)
		}
		best = next
	}
	at := 0
	for b, v := range best {
		if v < best[at] {
			at = b
		}
	}
	path := make([]int, n)
	for i := n - 1; i >= 0; i-- {
		path[i] = films[cand[i][at]]
		if i > 0 {
			at = int(back[i][at])
		}
	}
	return path, nil
}

func pick(row []float64, at []int) []float64 {
	out := make([]float64, len(at))
	for i, k := range at {
		out[i] = row[k]
	}
	return out
}

// cheapest are the indices of the k least values, ascending by value; of equal ones the first.
func cheapest(row []float64, k int) []int {
	limit := math.Inf(1)
	heap := make([]int, 0, 2*k)
	less := func(a, b int) int {
		switch {
		case row[a] < row[b]:
			return -1
		case row[a] > row[b]:
			return 1
		}
		return a - b
	}
	for i, v := range row {
		if v >= limit {
			continue
		}
		if heap = append(heap, i); len(heap) == cap(heap) {
			slices.SortFunc(heap, less)
			heap = heap[:k]
			limit = row[heap[k-1]]
		}
	}
	slices.SortFunc(heap, less)
	return heap[:min(k, len(heap))]
}

// searcher holds what costs are made of, per film.
type searcher struct {
	l       *library
	w       *wanted
	films   []int
	sigma2  float64
	spread  float64 // of the opening
	above   []float64
	blur    []float64
	context [][]float64 // nil where the film's words are unknown
	wish    [][]float64
	next    []int // the film that follows by nature; −1
}

func newSearcher(l *library, films []int, w *wanted) *searcher {
	s := &searcher{l: l, w: w, films: films, sigma2: l.sigma * l.sigma}
	_, std := meanStd(column(l.column(0)), 1)
	s.spread = std[0] + 1e-6
	low := quantile(sorted(l.column(0)), closedEighth)
	var sharp []float64
	for _, i := range films {
		sharp = append(sharp, l.list[i].look.sharp)
	}
	usual := max(quantile(sorted(sharp), .5), 1e-6)
	// Context counts only where every clip's words are known: else the unknown ones would seem to fit best.
	contexts := make([][][]float64, len(l.clips))
	known := true
	for ci := range l.clips {
		known = known && l.clips[ci].curves != nil
	}
	for ci := range l.clips {
		if c := &l.clips[ci]; known {
			contexts[ci] = contextAt(c.curves, c.FPS, searchOffsets)
		}
	}
	place := make(map[int]int, len(films))
	for k, i := range films {
		place[i] = k
	}
	for _, i := range films {
		f := &l.list[i]
		s.above = append(s.above, max(0, (f.desc[0]-low)/s.spread))
		s.blur = append(s.blur, costBlur*max(0, 1-f.look.sharp/usual))
		var c []float64
		if rows := contexts[f.clip]; rows != nil {
			c = rows[min(f.tick, len(rows)-1)]
		}
		s.context = append(s.context, c)
		// At another frame rate the mouth that follows is the one a frame of the output later.
		step := max(1, int(math.Round(l.clips[f.clip].FPS/w.fps)))
		next := -1
		if j := i + step; j < len(l.list) && l.list[j].clip == f.clip && l.list[j].track == f.track && l.list[j].face.Frame == f.face.Frame+step {
			if k, ok := place[j]; ok {
				next = k
			}
		}
		s.next = append(s.next, next)
	}
	s.wish = contextAt(w.curves, w.fps, searchOffsets)
	return s
}

// costs fills row with what it costs to show each film in output frame i, whoever comes before.
func (s *searcher) costs(i int, row []float64) {
	l, w := s.l, s.w
	shape := w.shapes[i]
	open := l.opening(shape)
	closing := float64(w.curves.Close[i]) > mustClose
	for k, f := range s.films {
		q := &l.list[f]
		var d float64
		for c, v := range shape {
			x := v - q.shape[c]
			d += x * x
		}
		d /= s.sigma2
		x := (open - q.desc[0]) / s.spread
		d += costOpening * x * x
		if closing {
			d += costClosure * s.above[k]
		}
		if c := s.context[k]; c != nil {
			var e float64
			for j, v := range s.wish[i] {
				e += (v - c[j]) * (v - c[j])
			}
			d += costContext * e
		}
		if w.seen[i] {
			var e float64
			for c := range q.turn {
				x := w.turn[i][c] - q.turn[c]
				e += x * x
			}
			d += costPose * e / (poseSpread * poseSpread)
		}
		row[k] = d + s.blur[k]
	}
}

// join is what it costs that film b follows film a.
func (s *searcher) join(a, b int, hold bool) float64 {
	if a == b {
		if hold {
			return 0
		}
		return costRepeat
	}
	extra := 0.0
	if hold {
		extra = holdJump * costJump
	}
	if s.next[a] == b {
		return extra
	}
	from := a
	if s.next[a] >= 0 {
		from = s.next[a]
	}
	x, y := &s.l.list[s.films[from]], &s.l.list[s.films[b]]
	var shape, look float64
	for k, v := range x.shape {
		shape += (v - y.shape[k]) * (v - y.shape[k])
	}
	for k, v := range x.look.code {
		look += (v - y.look.code[k]) * (v - y.look.code[k])
	}
	return costJoin*shape/s.sigma2 + costLook*look + costJump + extra
}
