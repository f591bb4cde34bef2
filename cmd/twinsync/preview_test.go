package main

import (
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// TestPreview: one frame as a picture; the first time the clip is analysed, then no more.
func TestPreview(t *testing.T) {
	out, temp := apart(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea, testmedia.Carl}, W: 480, H: 240, Frames: 20, Nod: 4}).Path
	picture := func(name string) image.Image {
		t.Helper()
		f, err := os.Open(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, _, err := image.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	for _, c := range []struct {
		name, file string
		args       []string
		w, frame   int
		analysed   bool
		people     int
	}{
		{"the first time", "a.png", []string{"--at=0.5s"}, 480, 12, true, 1},
		{"again, beside the frame", "b.png", []string{"--at=0.5s", "--beside"}, 960, 12, false, 1},
		{"the end, of everybody, as JPEG", "c.jpg", []string{"--at=0.8s", "--person=all"}, 480, 19, false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := twinsync(t.Context(), append([]string{"preview", "--image", photo(t), "--video", clip, "--out", filepath.Join(out, c.file), "--json"}, c.args...)...)
			if got.code != exitDone || got.err != "" {
				t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
			}
			var r app.PreviewReport
			got.last(t, &r)
			if r.Frame != c.frame || len(r.Faces) != c.people || !r.Faces[0].Swapped || r.Seconds <= 0 {
				t.Errorf("report %+v", r)
			}
			if found := strings.Contains(got.out, "analyse"); found != c.analysed {
				t.Errorf("analysed: %v, want %v", found, c.analysed)
			}
			if b := picture(c.file).Bounds(); b.Dx() != c.w || b.Dy() != 240 {
				t.Errorf("the picture is %v", b)
			}
		})
	}
	before, changed := picture("b.png"), 0
	for y := range 240 {
		for x := range 480 {
			if before.At(x, y) != before.At(x+480, y) {
				changed++
			}
		}
	}
	if changed < 1500 || changed > 480*240/2 {
		t.Errorf("%d pixels differ between before and after", changed)
	}
	empty(t, temp)

	for _, c := range []struct {
		name, words string
		args        []string
		code        int
	}{
		{"after the end", "at: 5s lies outside of the video", []string{"--at=5s"}, exitUsage},
		{"no picture", "out: a.gif is no name of a picture", []string{"--out=a.gif"}, exitUsage},
		{"no face", "--image is missing", nil, exitUsage},
		{"nobody of that number", "no person 9", []string{"--person=9"}, exitInput},
	} {
		args := []string{"preview", "--video", clip, "--out", filepath.Join(out, "d.png")}
		if c.args != nil {
			args = append(append(args, "--image", photo(t)), c.args...)
		}
		if got := twinsync(t.Context(), args...); got.code != c.code || !strings.Contains(got.err, c.words) {
			t.Errorf("%s: exit %d, %q", c.name, got.code, got.err)
		}
	}
}
