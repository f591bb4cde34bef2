package lipsync

import "math"

// How movements are learned for those whose footage shows a closed mouth only.
const (
	lentSize   = 12  // components: what people do with their mouths differs more than what one of them does
	lentFrames = 150 // of one clip at most, so that a long one does not outweigh the others
	lentSteps  = 100 // quantiles of ordinary speech
)

// NewGeometry learns from people who were seen to speak how mouths move.
func NewGeometry(people []*Watched) Geometry {
	var g Geometry
	var both, moves, unit, gaps [][]float64
	mean := make([]float64, descriptors)
	for _, w := range people {
		for k := range mean {
			g.Span[k] += (w.High[k] - w.Low[k]) / float64(len(people))
		}
		frames := make([]int, len(w.Lips))
		for i := range frames {
			frames[i] = i
		}
		for _, i := range some(frames, lentFrames) {
			d, back := make([]float64, len(w.Closed)), make([]float64, len(w.Closed))
			for k, v := range w.Lips[i] {
				d[k] = v - w.Closed[k]
				back[k] = -d[k]
			}
			// With their opposites the moves are spread about the closed mouth, not about their mean.
			both = append(both, d, back)
			moves = append(moves, d)
			unit = append(unit, w.Descriptors[i])
			gaps = append(gaps, []float64{gapOfLips(w.Lips[i]) - gapOfLips(w.Closed)})
		}
	}
	_, g.Basis = principal(both, lentSize)
	shapes := make([][]float64, len(moves))
	for i, d := range moves {
		shapes[i] = times(g.Basis, d)
		g.Sigma += dot(shapes[i], shapes[i]) / float64(len(moves))
	}
	g.Sigma = math.Sqrt(g.Sigma)
	g.Describe = fitPlain(unit, shapes)
	// Without a constant: the closed mouth's opening is its own.
	n := len(g.Basis)
	gram, cross := newRows(n, n), newRows(n, 1)
	for r, c := range shapes {
		for i, a := range c {
			for j := range i + 1 {
				gram[i][j] += a * c[j]
			}
			cross[i][0] += a * gaps[r][0]
		}
	}
	for i := range gram {
		gram[i][i] += 1e-9 * (gram[i][i] + 1)
	}
	for _, v := range solve(gram, cross) {
		g.Gap = append(g.Gap, v[0])
	}
	g.Ordinary = newRows(lentSteps, descriptors)
	for _, w := range people {
		for k := range descriptors {
			var col []float64
			for _, d := range w.Descriptors {
				col = append(col, d[k])
			}
			col = sorted(col)
			for i := range g.Ordinary {
				g.Ordinary[i][k] += quantile(col, float64(i)/(lentSteps-1)) / float64(len(people))
			}
		}
	}
	return g
}

// gapOfLips is the opening in x and y of ShapePoints.
func gapOfLips(v []float64) float64 {
	at := map[int]int{}
	for i, p := range shapePoints() {
		at[p] = 2 * i
	}
	var sum float64
	for _, g := range gapPairs {
		a, b := at[g[0]], at[g[1]]
		sum += math.Hypot(v[a]-v[b], v[a+1]-v[b+1]) / float64(len(gapPairs))
	}
	return sum
}

// Lend is where lips and chin of a closed mouth go for descriptors from 0 to 1: x and y of ShapePoints.
func (g *Geometry) Lend(closed, unit []float64) []float64 {
	out := append([]float64(nil), closed...)
	for k, row := range g.Basis {
		c := g.Describe[descriptors][k]
		for d, v := range unit {
			c += v * g.Describe[d][k]
		}
		for i, v := range row {
			out[i] += c * v
		}
	}
	return out
}
