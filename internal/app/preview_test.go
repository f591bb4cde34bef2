package app

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// TestPreviewIsPreparedAgain: what was prepared once, or failed halfway, does not stand in the way.
func TestPreviewIsPreparedAgain(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 6}).Path
	spec := pipeline.DefaultSwap(pipeline.Source{Path: testmedia.Photo(t, testmedia.Anton), Field: "photo"}, pipeline.Source{Path: clip, Field: "clip"})
	l, err := openLocal(t.Context(), LocalOptions{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	order, err := pipeline.FacesOrder(spec.Video, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.run(t.Context(), order, func(Progress) {}); err != nil {
		t.Fatal(err)
	}
	p, err := l.runner.OpenPreview(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 2 {
		if err := p.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := p.Frame(t.Context(), 0)
		if err != nil || len(f.Report.Faces) != 1 {
			t.Fatalf("%+v, %v", f.Report, err)
		}
	}
	said := p.Warnings()
	slices.Sort(said)
	if len(slices.Compact(slices.Clone(said))) != len(said) {
		t.Errorf("said twice: %q", said)
	}
}

// BenchmarkPreview: a frame of a 1080p clip with a face of 300 pixels, far from a keyframe, after the
// analysis. "open" judges the photo and makes the identity, "first" prepares the person, "next" is every
// further frame of the same person; all with the picture written.
func BenchmarkPreview(b *testing.B) {
	b.Setenv("XDG_CACHE_HOME", b.TempDir())
	clip := testmedia.Clip(b, testmedia.Spec{People: []string{testmedia.Bea}, W: 1920, H: 1080, Frames: 100, FaceSize: 640, Pan: 20, Nod: 10}).Path
	photo := testmedia.Photo(b, testmedia.Anton)
	spec := pipeline.DefaultSwap(pipeline.Source{Path: photo, Field: "photo"}, pipeline.Source{Path: clip, Field: "clip"})
	l, err := openLocal(b.Context(), LocalOptions{}, false)
	if err != nil {
		b.Fatal(err)
	}
	defer l.close()
	p, err := l.runner.OpenPreview(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Prepare(b.Context()); !errors.Is(err, pipeline.ErrNotAnalysed) {
		b.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	order, err := pipeline.FacesOrder(spec.Video, "")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.run(b.Context(), order, func(Progress) {}); err != nil {
		b.Fatal(err)
	}
	open := func() {
		if p, err = l.runner.OpenPreview(b.Context(), spec); err != nil {
			b.Fatal(err)
		}
		if err := p.Prepare(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	frame := func(n int) {
		f, err := p.Frame(b.Context(), time.Duration(n)*40*time.Millisecond)
		if err != nil {
			b.Fatal(err)
		}
		if err := media.WriteJPEG(filepath.Join(b.TempDir(), "f.jpg"), f.After, pix.Rect{}, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			open()
			if err := p.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			open()
			b.StartTimer()
			frame(90)
			b.StopTimer()
			if err := p.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("next", func(b *testing.B) {
		open()
		defer p.Close()
		frame(10)
		for n := 0; b.Loop(); n++ {
			frame(40 + n%50)
		}
	})
}
