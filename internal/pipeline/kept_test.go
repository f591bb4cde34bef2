package pipeline

import (
	"testing"

	"github.com/twinsync/twinsync/media"
)

// TestKeptFrames: room is claimed and given back exactly once, whoever comes.
func TestKeptFrames(t *testing.T) {
	k := keptFrames{room: 100}
	rng := media.Range{First: 0, End: 10}
	if _, ok := k.reserve(101); ok {
		t.Error("more than there is")
	}
	one, ok := k.reserve(60)
	if !ok {
		t.Fatal("no room")
	}
	if _, ok := k.reserve(60); ok {
		t.Error("twice the same room")
	}
	k.put("a", media.Kept{Path: "1", End: 10}, one)
	if _, _, ok := k.take("b", rng); ok {
		t.Error("another task's frames")
	}
	if _, _, ok := k.take("a", media.Range{First: 0, End: 9}); ok {
		t.Error("other frames")
	}
	two, ok := k.reserve(40)
	if !ok {
		t.Fatal("no room for the second attempt")
	}
	k.put("a", media.Kept{Path: "2", End: 10}, two) // frees the first attempt's
	f, free, ok := k.take("a", rng)
	if !ok || f.Path != "2" || k.room != 60 {
		t.Errorf("%v %+v, room %d", ok, f, k.room)
	}
	if _, _, ok := k.take("a", rng); ok {
		t.Error("taken twice")
	}
	free()
	free()
	if k.room != 100 {
		t.Errorf("room %d after everything was freed", k.room)
	}
	three, _ := k.reserve(100)
	k.put("c", media.Kept{End: 10}, three)
	k.clear()
	if _, _, ok := k.take("c", rng); ok || k.room != 100 {
		t.Errorf("something is left, room %d", k.room)
	}
}
