package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
)

// sharedFiles lists the files of a folder of the development media, without their descriptions.
func sharedFiles(t *testing.T, folders ...string) []string {
	t.Helper()
	var all []string
	for _, folder := range folders {
		dir := testmedia.Shared(t, folder)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); ext != ".tsv" && ext != ".txt" {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all
}

// TestEveryClip swaps the first second of every clip there is: the right frames come out, at their
// times and with their sound, or the right error.
func TestEveryClip(t *testing.T) {
	long(t)
	const second = time.Second
	wrong := map[string]string{
		"audio_only.mp4": "no_video_stream", "zero_bytes.mp4": "empty_file", "text_named.mp4": "not_media", "random_bytes.mp4": "not_media",
		"truncated_no_moov.mp4": "truncated_file", "noface_testsrc_sine.mp4": "no_face_in_video", "noface_black_silence.mp4": "no_face_in_video",
		"noface_natural_scene.mp4": "no_face_in_video",
	}
	image := filepath.Join(testmedia.Shared(t, "photos"), "p04_sfhq_stubble_man.jpg")
	for _, clip := range sharedFiles(t, "videos", "odd/video") {
		t.Run(filepath.Base(clip), func(t *testing.T) {
			out, temp := apart(t)
			target := filepath.Join(out, "o.mp4")
			got := swapJSON(t.Context(), image, clip, target, "--to", second.String())
			if code := wrong[filepath.Base(clip)]; code != "" {
				var e failure
				got.last(t, &e)
				if got.code != exitInput || e.Error.Code != code || e.Error.Param != clip {
					t.Errorf("exit %d: %+v, want %s", got.code, e.Error, code)
				}
				empty(t, out)
				empty(t, temp)
				return
			}
			if got.code != exitDone {
				t.Fatalf("exit %d: %s", got.code, got.out)
			}
			var r app.SwapReport
			got.last(t, &r)
			empty(t, temp)
			info, err := media.Probe(t.Context(), clip, media.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			first, end, err := info.Trim(0, second)
			if err != nil {
				t.Fatal(err)
			}
			made, err := media.Probe(t.Context(), target, media.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(decoded(t, target)); n != end-first || made.Frames() != n || r.Report.Swap.Frames != n {
				t.Errorf("%d frames come out of %d, %d are reported", n, end-first, r.Report.Swap.Frames)
			}
			if a, b := info.Video.Layout, made.Video.Layout; a.W != b.W || a.H != b.H {
				t.Errorf("%d × %d becomes %d × %d", a.W, a.H, b.W, b.H)
			}
			for k := range min(end-first, made.Frames()) {
				was, is := info.Time(first+k)-info.Time(first), made.Time(k)-made.Time(0)
				if (was - is).Abs() > time.Millisecond {
					t.Errorf("frame %d moves from %v to %v", k, was, is)
					break
				}
			}
			if was, is := look(t, clip, "a"), look(t, target, "a"); (was == nil) != (is == nil) {
				t.Errorf("sound was %+v and is %+v", was, is)
			}
			t.Logf("%d of %d frames swapped in %.1f s; %s", r.Report.Swap.Swapped, r.Report.Swap.Frames, r.Seconds, strings.Join(r.Warnings, "; "))
		})
	}
}

// TestEveryPhoto takes every odd photo for a face: it works, or the error is the right one.
func TestEveryPhoto(t *testing.T) {
	long(t)
	wrong := map[string]string{
		"no_face_gradient.jpg": "no_face_in_photo", "no_human_dog.jpg": "no_face_in_photo", "one_pixel.png": "no_face_in_photo",
		"text.jpg": "not_media", "zero.png": "empty_file", "truncated.jpg": "truncated_file", "tiny_48px.jpg": "face_too_small",
	}
	// What may work or be refused, as long as the reason is the photo's.
	either := map[string]bool{"cartoon_3d.jpg": true, "half_face.jpg": true, "masked_mouth.jpg": true, "statue.jpg": true, "upside_down.jpg": true, "small_160px.jpg": true, "blurred.jpg": true}
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 5}).Path
	for _, image := range sharedFiles(t, "odd/photo") {
		name := filepath.Base(image)
		t.Run(name, func(t *testing.T) {
			out, temp := apart(t)
			target := filepath.Join(out, "o.mp4")
			got := swapJSON(t.Context(), image, clip, target)
			empty(t, temp)
			if got.code == exitDone && wrong[name] == "" {
				var r app.SwapReport
				got.last(t, &r)
				if n := len(decoded(t, target)); n != 5 || r.Report.Swap.Swapped != 5 {
					t.Errorf("%d frames, %d swapped", n, r.Report.Swap.Swapped)
				}
				t.Logf("works; %s", strings.Join(r.Warnings, "; "))
				return
			}
			var e failure
			got.last(t, &e)
			t.Logf("%s: %s", e.Error.Code, e.Error.Message)
			if got.code != exitInput || e.Error.Param != image || e.Error.Code != wrong[name] && !either[name] {
				t.Errorf("exit %d: %+v, want %q", got.code, e.Error, wrong[name])
			}
			empty(t, out)
		})
	}
}
