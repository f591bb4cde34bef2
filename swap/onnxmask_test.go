package swap

import (
	"testing"

	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

func TestKeptClasses(t *testing.T) {
	// Three classes on 2×2 pixels; the strongest are 2, 0, 1, 2.
	planes := []float32{0, 9, 1, 0, 1, 3, 8, -1, 5, 2, 7, .5}
	pixels := []float32{0, 1, 5, 9, 3, 2, 1, 8, 7, 0, -1, .5}
	for name, m := range map[string]pix.Map{
		"planes": keptClasses(planes, 2, false, []int{1, 2}), "pixels": keptClasses(pixels, 2, true, []int{1, 2}),
	} {
		for i, want := range []float32{1, 0, 1, 1} {
			if m.Pix[i] != want {
				t.Errorf("%s: %v", name, m.Pix)
				break
			}
		}
	}
}

func TestNetworkMaskIsTheLeastAndShrinks(t *testing.T) {
	a, b := pix.NewMap(9, 9), pix.NewMap(9, 9)
	for i := range a.Pix {
		a.Pix[i], b.Pix[i] = 1, 1
	}
	a.Pix[4*9+4], b.Pix[0] = 0, .5
	m := networkMask([]pix.Map{a, b}, infer.NetworkMask{Erode: 2})
	for y := range 9 {
		for x := range 9 {
			want := float32(1) // a cross twice is a diamond of radius 2
			if x+y <= 2 {
				want = .5
			}
			if abs(x-4)+abs(y-4) <= 2 {
				want = 0
			}
			if got := m.Row(y)[x]; got != want {
				t.Errorf("(%d, %d) = %v, want %v", x, y, got, want)
			}
		}
	}
	if a.Pix[0] != 1 {
		t.Error("the network's own numbers were changed")
	}
}

func abs(v int) int { return max(v, -v) }

func TestObjectMask(t *testing.T) {
	m := meshAt(100, 100, 6, 0, 1)
	object := pix.NewMap(targetSide, targetSide)
	for i := range object.Pix {
		if i%targetSide < targetSide/2 { // over the picture's left half of the face
			object.Pix[i] = 1
		}
	}
	sq := pix.Square{X: 100, Y: 100, Side: 180}
	mask := objectMask(object, &m, sq)
	left, right := sq.ToCrop(objectSide, m[50].XY()), sq.ToCrop(objectSide, m[280].XY())
	if left.X > right.X {
		t.Fatal("vertex 50 is on the picture's right")
	}
	if a, b := mask.Bilinear(left.X, left.Y), mask.Bilinear(right.X, right.Y); a > .02 || b < .98 {
		t.Errorf("covered cheek %v, free cheek %v", a, b)
	}
	if v := mask.Row(64)[1]; v > .1 {
		t.Errorf("beyond the covered cheek %v: the object ends at the face's edge", v)
	}
}
