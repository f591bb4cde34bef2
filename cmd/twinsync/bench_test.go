package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
)

// `twinsync bench` alone stays what it was before it had subcommands.
func TestBenchAloneMeasuresSpeed(t *testing.T) {
	for _, args := range [][]string{{"bench"}, {"bench", "speed"}} {
		got := twinsync(t.Context(), append(args, "--image=there-is-none.jpg", "--video=none.mp4")...)
		if got.code != exitInput || !strings.Contains(got.err, "there-is-none.jpg") || !strings.Contains(got.err, "make bench") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// The footage itself is never the photo's person: with --gate that is exit code 1, after the table.
func TestBenchSwapGate(t *testing.T) {
	dir := t.TempDir()
	for to, from := range map[string]string{
		"photos/anton.png": testmedia.Photo(t, testmedia.Anton), "photos/bea.png": testmedia.Photo(t, testmedia.Bea),
		"videos/bea.mp4": testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, Pan: 12, Roll: .05, Frames: 12}).Path,
	} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(to)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"bench", "swap", "--media=" + dir, "--pairs=anton:bea", "--frames=3", "--baseline", "--no-speed", "--models=" + t.TempDir()}
	if got := twinsync(t.Context(), args...); got.code != exitDone || !strings.Contains(got.out, "FAIL") || !strings.Contains(got.out, "BASELINE") {
		t.Errorf("without --gate: %+v", got)
	}
	got := twinsync(t.Context(), append(args, "--gate", "--json")...)
	var r struct {
		Total struct{ Likeness []struct{ Retrieved float64 } }
	}
	got.last(t, &r)
	if got.code != exitMissed || !strings.Contains(got.err, "missed: ") || len(r.Total.Likeness) != 1 || r.Total.Likeness[0].Retrieved != 0 {
		t.Errorf("with --gate: %+v", got)
	}
	if got := twinsync(t.Context(), "bench", "swap", "--media="+t.TempDir(), "--no-speed"); got.code != exitInput || !strings.Contains(got.err, "photos/ and videos/") {
		t.Errorf("without media: %+v", got)
	}
}
