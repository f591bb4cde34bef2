package lipsync

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

func TestPosedReachesTheWantedShape(t *testing.T) {
	model := puppet()
	s, err := newShaper(model)
	if err != nil {
		t.Fatal(err)
	}
	h := headAt(model, 200, 180, 150, .3)
	m := &Mouth{Head: *headAt(model, 90, 100, 80, -.2, .03, 0), Shape: []float32{.03, 0}}
	for _, c := range []struct{ exact, amount, want float32 }{
		{1, 1, .10}, {0, 1, .03}, {.5, 1, .065}, {1, .5, .05}, {0, .5, .015},
	} {
		to := s.posed(h, m, []float32{.10, 0}, c.exact, c.amount)
		rest := opening(func(i int) pix.Vec3 { return model.Ref[i] })
		got := opening(func(i int) pix.Vec3 { return h.Pose.To(to[i]) }) - rest
		if math.Abs(float64(got-c.want)) > .012 {
			t.Errorf("exact %v, amount %v: the lips are %.3f apart, not %.3f", c.exact, c.amount, got, c.want)
		}
		for _, i := range []int{1, 10, 33, 263, 234, 454} { // nose, forehead, eyes, ears
			if to[i] != h.Mesh[i] {
				t.Errorf("vertex %d has moved", i)
			}
		}
	}
}

func TestSpreadMovesWhatItShall(t *testing.T) {
	s, err := newShaper(puppet())
	if err != nil {
		t.Fatal(err)
	}
	k := len(s.points)
	sum := func(v int) (own, all float32) {
		for c, share := range s.spread[v*k : v*k+k] {
			all += share
			if s.points[c] == v {
				own = share
			}
		}
		return own, all
	}
	for _, v := range []int{14, 17, 152, 61} {
		if _, all := sum(v); math.Abs(float64(all-1)) > .05 {
			t.Errorf("lip or chin vertex %d moves by %.3f when all do", v, all)
		}
	}
	for _, v := range anchors() {
		if _, all := sum(v); math.Abs(float64(all)) > .05 {
			t.Errorf("anchor %d moves by %.3f", v, all)
		}
	}
	if _, all := sum(204); all < .2 || all > .95 { // beside the mouth's corner
		t.Errorf("the skin beside the mouth moves by %.3f", all)
	}
}

func TestTeethKeepTheirSize(t *testing.T) {
	var light [profileSteps]float32 // teeth, dark, teeth
	for k := range light {
		if light[k] = 180; k >= 10 && k < 24 {
			light[k] = 20
		}
	}
	for _, r := range []float32{.3, .75, 1, 1.2, 2, 5} {
		p := give(light, r)
		for i := 1; i < len(p); i++ {
			if p[i] < p[i-1] {
				t.Fatalf("opening × %v: turns back at step %d", r, i)
			}
		}
		if p[0] != 0 || math.Abs(float64(p[profileSteps]-1)) > 1e-5 {
			t.Errorf("opening × %v: ends at %v and %v", r, p[0], p[profileSteps])
		}
		if r < .7 { // there teeth must go under the lips
			continue
		}
		for _, height := range []float32{.1, .2} { // in shares of the filmed opening, from either lip
			if got := p.at(height / r); math.Abs(float64(got-height)) > .035 {
				t.Errorf("opening × %v: upper teeth %v high are shown as high as %v", r, height, got)
			}
			if got := 1 - p.at(1-height/r); math.Abs(float64(got-height)) > .035 {
				t.Errorf("opening × %v: lower teeth %v high are shown as high as %v", r, height, got)
			}
		}
	}
}

func TestSimilarityComesBack(t *testing.T) {
	h := headAt(puppet(), 50, 60, 90, .7)
	p := pix.Vec3{X: 3, Y: -20, Z: 11}
	q := h.Pose.To(h.Pose.Back(p))
	if math.Abs(float64(p.X-q.X))+math.Abs(float64(p.Y-q.Y))+math.Abs(float64(p.Z-q.Z)) > 1e-3 {
		t.Errorf("%v comes back as %v", p, q)
	}
}
