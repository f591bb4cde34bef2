package lipsync

import (
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// TestDrawLeavesTheBackground opens a mouth wide before a striped wall: the neck moves with the jaw, the wall does not.
func TestDrawLeavesTheBackground(t *testing.T) {
	m := puppet()
	h := headAt(m, 120, 110, 120, 0)
	before := skinFrame(3, 0, 0)
	// Beside the jaw and the neck there is a wall of blue stripes.
	wall := func(x, y int) bool {
		fx, fy := float32(x), float32(y)
		return fy > h.Mesh[58].Y && (fx < h.Mesh[150].X-4 || fx > h.Mesh[379].X+4) || fx < h.Mesh[234].X-3 || fx > h.Mesh[454].X+3
	}
	for p, v := range [3]int{120, 160, 90} {
		q, k := before.Planes[p], 1
		if p > 0 {
			k = 2
		}
		for y := range q.H {
			for x := range q.W {
				if wall(k*x, k*y) {
					s := v
					if p == 0 && y/5%2 == 0 {
						s += 60
					}
					q.Set(x, y, s)
				}
			}
		}
	}
	f := before.Clone()
	mouth := filmed(skinFrame(4, 0, 0), headAt(m, 120, 110, 120, 0, .12, 0), .12, 0)
	if _, err := renderer(t, m).Draw(f, h, mouth, &Frame{Amount: 1, Exact: 1, Shape: []float32{.12, 0}}); err != nil {
		t.Fatal(err)
	}
	var far, neck, farMoved, neckMoved int
	oval := make([]pix.Vec2, 0, 36)
	for _, i := range face.Oval() {
		oval = append(oval, h.Mesh[i].XY())
	}
	for y := range f.H {
		for x := range f.W {
			d := -pix.SignedDistance(oval, pix.Vec2{X: float32(x), Y: float32(y)})
			moved := f.Planes[0].At(x, y) != before.Planes[0].At(x, y)
			switch {
			case d > 30 && wall(x, y):
				far++
				if moved {
					farMoved++
				}
			case d > 5 && d < 20 && !wall(x, y) && float32(y) > h.Mesh[152].Y:
				neck++
				if moved {
					neckMoved++
				}
			}
		}
	}
	if far < 1000 || farMoved*100 > far {
		t.Errorf("%d of %d samples of the wall have moved", farMoved, far)
	}
	if neck < 100 || neckMoved*2 < neck {
		t.Errorf("only %d of %d samples of the neck have moved", neckMoved, neck)
	}
}
