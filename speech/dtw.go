package speech

import (
	"context"
	"math"
)

// Warping in time (Sakoe and Chiba, 1978), from coarse to fine (Salvador and Chan's FastDTW, 2007): both
// clips are shrunk by two until the whole plane is small, and each finer level only looks around
// the path of the coarser one. Memory and time grow with the length, not with its square.
const (
	warpWhole  = 500 // frames of the longer clip up to which the whole plane is searched
	warpRadius = 40  // frames to each side of the coarser path that the finer level looks at
)

// warp says for each frame of a which frame of b it is, ascending, and how far the two are from each other along
// the way.
func warp(ctx context.Context, a, b *features) (rows []int32, far float32, err error) {
	if a.n <= warpWhole && b.n <= warpWhole || a.n < 4 || b.n < 4 {
		return warpWithin(ctx, a, b, func(int) (int, int) { return 0, b.n })
	}
	coarse, _, err := warp(ctx, a.halved(), b.halved())
	if err != nil {
		return nil, 0, err
	}
	return warpWithin(ctx, a, b, func(i int) (int, int) {
		// A row may lie anywhere between its coarser neighbours, and a radius beyond.
		k := i / 2
		from := int(coarse[min(max(k-warpRadius/2, 0), len(coarse)-1)]) * 2
		to := int(coarse[min(k+warpRadius/2, len(coarse)-1)])*2 + 2
		return max(0, from-warpRadius), min(b.n, to+warpRadius)
	})
}

// warpSpoken is warp for two recordings of the same words that may pause in different places: quiet frames are
// left out, and lie where what is said before them lies.
func warpSpoken(ctx context.Context, a, b *features) ([]int32, error) {
	x, at := a.spoken()
	y, from := b.spoken()
	if x.n == 0 || y.n == 0 {
		rows, _, err := warp(ctx, a, b)
		return rows, err
	}
	short, _, err := warp(ctx, x, y)
	if err != nil {
		return nil, err
	}
	rows := make([]int32, a.n)
	for k, i := range at {
		rows[i] = from[short[k]]
	}
	next := 0
	for i := range rows {
		if next < len(at) && int(at[next]) == i {
			next++
		} else if i > 0 {
			rows[i] = rows[i-1]
		}
	}
	return rows, nil
}

// spoken are the frames that are not quiet, and which ones they are.
func (f *features) spoken() (*features, []int32) {
	out := &features{}
	var at []int32
	for i, l := range f.loudnesses() {
		if l != quiet {
			out.data = append(out.data, f.row(i)...)
			at = append(at, int32(i))
			out.n++
		}
	}
	return out, at
}

// halved is every two frames' mean.
func (f *features) halved() *features {
	h := &features{n: f.n / 2, data: make([]float32, f.n/2*heard)}
	for i := range h.n {
		x, y, out := f.row(2*i), f.row(2*i+1), h.row(i)
		for k := range out {
			out[k] = (x[k] + y[k]) / 2
		}
	}
	return h
}

// warpWithin finds the path of least distance with steps along both or either, where row i of a may only
// meet the rows of b from its window's start to before its end. Windows ascend; the first holds the first row
// of b and the last the last.
func warpWithin(ctx context.Context, a, b *features, window func(i int) (int, int)) ([]int32, float32, error) {
	if a.n == 0 || b.n == 0 {
		return make([]int32, a.n), 0, ctx.Err()
	}
	const along, down, right = 0, 1, 2
	from := make([]int, a.n)
	steps := make([][]uint8, a.n)
	inf := float32(math.Inf(1))
	before, now := make([]float32, b.n+1), make([]float32, b.n+1) // at j+1: the cost up to b's row j
	for j := range before {
		before[j] = inf
	}
	lastFrom, lastTo := 0, 0 // of the row before
	for i := range a.n {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		lo, hi := window(i)
		if i == 0 {
			lo = 0
		} else {
			lo = min(max(lo, lastFrom), lastTo-1) // stay in touch with the row before
		}
		if i == a.n-1 {
			hi = b.n
		}
		hi = max(hi, lastTo, lo+1)
		from[i], steps[i] = lo, make([]uint8, hi-lo)
		row := a.row(i)
		for j := lastTo; j < hi; j++ {
			before[j+1] = inf
		}
		now[lo] = inf
		for j := lo; j < hi; j++ {
			cost, step := before[j], uint8(along)
			if i == 0 && j == 0 {
				cost = 0
			}
			if before[j+1] < cost {
				cost, step = before[j+1], down
			}
			if now[j] < cost {
				cost, step = now[j], right
			}
			now[j+1] = cost + distance(row, b.row(j))
			steps[i][j-lo] = step
		}
		before, now = now, before
		lastFrom, lastTo = lo, hi
	}
	path := make([]int32, a.n)
	for i, j := a.n-1, b.n-1; i >= 0 && j >= 0; {
		path[i] = int32(j)
		switch steps[i][j-from[i]] {
		case along:
			i, j = i-1, j-1
		case down:
			i--
		default:
			j--
		}
	}
	return path, before[b.n], ctx.Err()
}

func distance(a, b []float32) float32 {
	a, b = a[:heard], b[:heard]
	var s float32
	for k := range heard {
		d := a[k] - b[k]
		s += d * d
	}
	return float32(math.Sqrt(float64(s)))
}
