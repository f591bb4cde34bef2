package swap

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/pix"
)

// previewed asks for one frame of a clip.
func previewed(t *testing.T, v *Preview, frames []*pix.Frame, at int) (before, after *pix.Frame, r FrameReport) {
	t.Helper()
	first, end := v.Window(at, len(frames))
	if at < first || at >= end || first < at-lookAhead || end > at+lookAhead+1 {
		t.Fatalf("frame %d needs %d to %d", at, first, end)
	}
	i := first
	before, after, r, err := v.Frame(t.Context(), first, at, end, func() (*pix.Frame, error) {
		i++
		return frames[i-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return before, after, r
}

func TestPreviewShowsWhatWillBeRendered(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 16, paleFace)
	plan := planFor(t, footage, someone(t), func(o *Options) { o.Workers = 2 })
	rendered, reports := run(t, plan, footage.copies(), 0, 16)
	v := plan.NewPreview()
	defer v.Close()
	for _, at := range []int{0, 7, 15, 3} {
		untouched := footage.copies()
		before, after, r := previewed(t, v, untouched, at)
		if !sameFrames([]*pix.Frame{after}, rendered[at:at+1]) {
			t.Errorf("frame %d looks otherwise when it is rendered", at)
		}
		if !sameFrames([]*pix.Frame{before}, footage.frames[at:at+1]) || !sameFrames(untouched, footage.frames) {
			t.Errorf("frame %d: what was read is changed", at)
		}
		if d := cmp.Diff(reports[at], r); d != "" {
			t.Error(d)
		}
	}
}

func TestPreviewOfNobodyIsTheFrame(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 8, paleFace)
	footage.analysis.Tracks[0].Faces = footage.analysis.Tracks[0].Faces[:4]
	plan := planFor(t, footage, someone(t), nil)
	v := plan.NewPreview()
	if first, end := v.Window(6, 8); first != 6 || end != 7 {
		t.Errorf("a frame without a face needs %d to %d", first, end)
	}
	before, after, r := previewed(t, v, footage.frames, 6)
	if !sameFrames([]*pix.Frame{before}, []*pix.Frame{after}) || len(r.Faces) != 0 {
		t.Error("a frame without a face is changed")
	}
	previewed(t, v, footage.frames, 2)
	v.Close()
	if len(plan.tracks.by) != 0 {
		t.Error("an engine is kept after Close")
	}
}

func TestPreviewFails(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 4, paleFace)
	v := planFor(t, footage, someone(t), nil).NewPreview()
	defer v.Close()
	broken := errors.New("broken")
	if _, _, _, err := v.Frame(t.Context(), 0, 1, 4, func() (*pix.Frame, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("a reader's error becomes %v", err)
	}
	if _, _, _, err := v.Frame(t.Context(), 0, 1, 4, func() (*pix.Frame, error) { return nil, io.EOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a missing frame is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	i := 0
	if _, _, _, err := v.Frame(ctx, 0, 1, 4, func() (*pix.Frame, error) { i++; return footage.frames[i-1], nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
