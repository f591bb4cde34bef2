package face

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

func TestTilesCoverTheFrame(t *testing.T) {
	for _, c := range []struct {
		w, h int
		side float32
	}{{1920, 1080, 1080}, {1920, 1080, 540}, {1080, 1920, 1080}, {3840, 2160, 1080}, {640, 640, 320}, {500, 300, 300}} {
		all := tiles(c.w, c.h, c.side)
		face := c.side / 3 // as wide as the overlap: must lie whole in one tile wherever it is
		for y := face / 2; y < float32(c.h)-face/2; y += 7 {
			for x := face / 2; x < float32(c.w)-face/2; x += 7 {
				inside := false
				for _, q := range all {
					inside = inside || x-face/2 >= q.X-q.Side/2-1 && x+face/2 <= q.X+q.Side/2+1 &&
						y-face/2 >= q.Y-q.Side/2-1 && y+face/2 <= q.Y+q.Side/2+1
				}
				if !inside {
					t.Fatalf("%dx%d in tiles of %g: a face at %g, %g is cut", c.w, c.h, c.side, x, y)
				}
			}
		}
		if len(all) > 60 {
			t.Errorf("%dx%d in tiles of %g: %d looks", c.w, c.h, c.side, len(all))
		}
	}
}

func TestMergeAveragesWhatOverlaps(t *testing.T) {
	at := func(x, score float32) detection {
		d := detection{box: Box{x, 10, 100, 100}, score: score}
		for k := range d.keys {
			d.keys[k] = pix.Vec2{X: x + float32(k), Y: 10}
		}
		return d
	}
	a, b := at(0, .9), at(20, .6)
	b.sure = true
	got := merge([]detection{at(300, .7), b, a})
	if len(got) != 2 {
		t.Fatalf("%d detections", len(got))
	}
	if x := got[0].box.X; x < 7.9 || x > 8.1 || got[0].score != .9 || !got[0].sure {
		t.Errorf("merged: %+v", got[0])
	}
	if x := got[0].keys[5].X; x < 12.9 || x > 13.1 {
		t.Errorf("key point at %g", x)
	}
	if got[1].box.X != 300 || got[1].keys[0].X != 300 {
		t.Errorf("the lone one: %+v", got[1])
	}
	if merge(nil) != nil {
		t.Error("something out of nothing")
	}
}

func TestOverlap(t *testing.T) {
	a := Box{0, 0, 10, 10}
	for _, c := range []struct {
		b    Box
		want float32
	}{{a, 1}, {Box{5, 0, 10, 10}, 1. / 3}, {Box{10, 0, 5, 5}, 0}, {Box{2, 2, 5, 5}, .25}} {
		if got := overlap(a, c.b); got < c.want-1e-6 || got > c.want+1e-6 {
			t.Errorf("overlap with %v is %g, want %g", c.b, got, c.want)
		}
	}
}
