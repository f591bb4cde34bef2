package pipeline

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// TestKeptFrames: room is claimed and given back exactly once, whoever comes.
func TestKeptFrames(t *testing.T) {
	k := keptFrames{room: 100}
	rng := part{First: 0, End: 10}
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
	k.put("a", rng, media.Kept{Path: "1", End: 10}, one)
	if _, _, ok := k.take("b", rng); ok {
		t.Error("another task's frames")
	}
	if _, _, ok := k.take("a", part{First: 0, End: 9}); ok {
		t.Error("other frames")
	}
	two, ok := k.reserve(40)
	if !ok {
		t.Fatal("no room for the second attempt")
	}
	k.put("a", rng, media.Kept{Path: "2", End: 10}, two) // frees the first attempt's
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
	k.put("c", rng, media.Kept{End: 10}, three)
	k.clear()
	if _, _, ok := k.take("c", rng); ok || k.room != 100 {
		t.Errorf("something is left, room %d", k.room)
	}
}

// TestRenderReadsWhatWasKept: the frames of a segment come back from its analysis, once, and their
// space with them; without them, or where they are damaged, they are decoded.
func TestRenderReadsWhatWasKept(t *testing.T) {
	clip := testmedia.Clip(t, testmedia.Spec{W: 160, H: 90, Frames: 20, Pan: 20}).Path
	info, err := media.Probe(t.Context(), clip, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const room = 1 << 20
	w := newTestWork(t, func(c *Config) { c.KeepFrames = room })
	w.video, w.info, w.part = clip, info, part{First: 3, End: 17}
	frames := func(in *media.Reader) (all []*pix.Frame) {
		t.Helper()
		defer in.Close()
		for {
			f, err := in.Read()
			if errors.Is(err, io.EOF) {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, f.Clone())
			in.Release(f)
		}
	}
	keep := func() (path string, all []*pix.Frame) {
		t.Helper()
		path, done := w.keepFrames()
		in, err := media.OpenReader(t.Context(), clip, info, media.ReadOptions{First: 3, End: 17, Keep: path})
		if err != nil {
			t.Fatal(err)
		}
		all = frames(in)
		done(in)
		return path, all
	}
	open := func() []*pix.Frame {
		t.Helper()
		in, err := w.openFrames(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return frames(in)
	}

	path, want := keep()
	if path == "" || len(want) != 14 || w.r.kept.room == room {
		t.Fatalf("%d frames in %q", len(want), path)
	}
	// What is read must be what was kept: a sample changed there shows.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	changed := want[0].Planes[0].P8[0] ^ 255
	if _, err := f.WriteAt([]byte{changed}, 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	want[0].Planes[0].P8[0] = changed
	if d := cmp.Diff(want, open()); d != "" {
		t.Error(d)
	}
	w.close()
	w.r.kept.removed.Wait()
	if _, err := os.Stat(path); !os.IsNotExist(err) || w.r.kept.room != room {
		t.Errorf("the frames stay: %v, room %d of %d", err, w.r.kept.room, room)
	}

	want[0].Planes[0].P8[0] ^= 255
	if d := cmp.Diff(want, open()); d != "" {
		t.Errorf("decoded again: %s", d)
	}
	path, _ = keep()
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, open()); d != "" {
		t.Errorf("from a damaged file: %s", d)
	}

	// An analysis that ends early keeps nothing, nor does a task that renders nothing, nor one without room.
	path, done := w.keepFrames()
	in, err := media.OpenReader(t.Context(), clip, info, media.ReadOptions{First: 3, End: 17, Keep: path})
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	done(in)
	if _, _, ok := w.r.kept.take(w.job.Task.ID, w.part); ok {
		t.Error("a part is kept")
	}
	w.job.Task.Kind = KindFaces
	if path, _ := w.keepFrames(); path != "" {
		t.Error("frames are kept that nobody will render")
	}
	w.job.Task.Kind = KindSwap
	w.r.kept.room = 1000
	if path, _ := w.keepFrames(); path != "" {
		t.Error("more is kept than there is room for")
	}
}
