package lipsync

import (
	"context"
	"math"
	"testing"
)

func TestNetIsWhatItSays(t *testing.T) {
	n := Net{
		Mean: []float64{1, 2}, Scale: []float64{2, .5},
		Hidden: [][]float64{{.3, -.2, 0}, {.1, .4, 1}}, Bias: []float64{0, .5, -.1},
		Weights: [][]float64{{1}, {-2}, {.5}}, Offset: []float64{.25},
	}
	// z = (1, −1)
	want := .25 + math.Tanh(.3-.1) - 2*math.Tanh(-.2-.4+.5) + .5*math.Tanh(-1-.1)
	if got := n.Rows([][]float64{{3, 1.5}})[0][0]; math.Abs(got-want) > 1e-12 {
		t.Errorf("%g instead of %g", got, want)
	}
	if n.Bias[0] != 0 || n.Offset[0] != .25 {
		t.Error("a net changes when it is used")
	}
}

// Movements that were learned from one person bring a closed mouth to where that person's lips were.
func TestMovementsAreLearned(t *testing.T) {
	words := sentence(12)
	w, err := Watch(context.Background(), Footage{Analysis: talking(300, 0, words), FPS: 25, Timing: words})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGeometry([]*Watched{w})
	var still, off, gap float64
	for i, lips := range w.Lips {
		lent := g.Lend(w.Closed, w.Descriptors[i])
		for k := range lips {
			still += (lips[k] - w.Closed[k]) * (lips[k] - w.Closed[k])
			off += (lips[k] - lent[k]) * (lips[k] - lent[k])
		}
		gap = max(gap, math.Abs(gapOfLips(lips)-gapOfLips(lent)))
	}
	if off > .02*still || gap > .01 {
		t.Errorf("%.1f %% of the movement are missing, the opening is wrong by up to %.4f", 100*off/still, gap)
	}
	if d := g.Span[0] - (w.High[0] - w.Low[0]); math.Abs(d) > 1e-12 {
		t.Errorf("the range of one person is off by %g", d)
	}
	for k := range descriptors {
		for i := 1; i < len(g.Ordinary); i++ {
			if g.Ordinary[i][k] < g.Ordinary[i-1][k] {
				t.Fatalf("quantiles of descriptor %d fall", k)
			}
		}
	}
}

// What is heard is only ever a likelihood, and smoothing keeps one row per frame.
func TestHeardStaysInRange(t *testing.T) {
	words := sentence(4)
	n := 100
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, len(Standard().Sound.Mean))
		for k := range rows[i] {
			rows[i][k] = 3 * math.Sin(float64(i*(k+1))+words.Phones[0].Start)
		}
	}
	unit, touch := Standard().Heard(rows, 25)
	if len(unit) != n || len(unit[0]) != descriptors || len(touch) != n {
		t.Fatalf("%d rows of %d, %d touches", len(unit), len(unit[0]), len(touch))
	}
	for _, p := range touch {
		if !(p >= 0 && p <= 1) {
			t.Fatalf("a likelihood of %g", p)
		}
	}
}
