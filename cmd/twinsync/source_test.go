package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// TestClipAsSource: a clip gives the face as its best frames do, whoever else is in it.
func TestClipAsSource(t *testing.T) {
	out, temp := apart(t)
	two := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Anton, testmedia.Carl}, W: 640, H: 320, Frames: 15, Pan: 6}).Path
	var results [][]string
	for _, person := range []string{"--source-person=1", "--source-person=2"} {
		target := filepath.Join(out, "o.mp4")
		got := swapJSON(t.Context(), two, tinyClip(t), target, person, "--to=0.4s")
		if got.code != exitDone {
			t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
		}
		var r app.SwapReport
		got.last(t, &r)
		if r.Report.Swap.Swapped != 10 {
			t.Errorf("%d of 10 frames swapped", r.Report.Swap.Swapped)
		}
		results = append(results, decoded(t, target))
	}
	if slices.Equal(results[0], results[1]) {
		t.Error("both people of the source give the same picture")
	}
	empty(t, temp)
}
