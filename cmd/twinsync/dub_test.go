package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/speech/speechtest"
)

// subtitles writes an SRT of cues, each with its seconds.
func subtitles(t *testing.T, path string, cues ...[3]any) string {
	t.Helper()
	var b strings.Builder
	for i, c := range cues {
		stamp := func(v any) string {
			s, _ := v.(float64)
			return fmt.Sprintf("00:00:%02d,%03d", int(s), int(s*1000+.5)%1000)
		}
		fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n\n", i+1, stamp(c[0]), stamp(c[1]), c[2])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDub: words in another language, each in its place; then a correction in the folder that was kept, after which
// only what it changes is made again.
func TestDub(t *testing.T) {
	speechtest.Espeak(t) // skips where there is none
	out, temp := apart(t)
	dir := t.TempDir()
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 75, Pan: 7, Nod: 5, Sound: true}).Path
	words := subtitles(t, filepath.Join(dir, "de.srt"), [3]any{.2, 1.2, "Guten Morgen."}, [3]any{1.5, 2.9, "Wie geht es dir?"})
	target, keep := filepath.Join(out, "o.mp4"), filepath.Join(dir, "keep")
	dub := func(args ...string) app.DubReport {
		t.Helper()
		got := twinsync(t.Context(), append([]string{"dub", "--video", clip, "--to", "de", "--out", target, "--keep", keep, "--json"}, args...)...)
		if got.code != exitDone || got.err != "" {
			t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
		}
		var r app.DubReport
		got.last(t, &r)
		return r
	}
	pieces := func() (list []pipeline.DubSegment) {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(keep, "segments.json"))
		if err == nil {
			err = json.Unmarshal(raw, &list)
		}
		if err != nil {
			t.Fatal(err)
		}
		return list
	}

	r := dub("--target-srt", words)
	first := pieces()
	if r.Report.Frames != 75 || r.Report.Segments != 2 || r.Report.Drawn == 0 || len(decoded(t, target)) != 75 {
		t.Errorf("%+v", r.Report)
	}
	for i, p := range first {
		if p.At < p.Start-.51 || p.Seconds <= 0 || p.Reused || p.Rate < .9 || p.Note == "" && p.Rate > 1.24 {
			t.Errorf("piece %d: %+v", i, p)
		}
	}
	if v, a := look(t, target, "v"), look(t, target, "a"); a == nil || math.Abs(v.duration-a.duration) > .04 {
		t.Errorf("picture %v, sound %v", v, a)
	}
	for _, f := range []string{"o.srt", "o.vtt"} {
		if raw, err := os.ReadFile(filepath.Join(out, f)); err != nil || !strings.Contains(string(raw), "Guten Morgen.") {
			t.Errorf("%s: %q, %v", f, raw, err)
		}
	}

	// The words are taken from the folder, and nothing is made again.
	r = dub("--target-srt", filepath.Join(keep, "target.srt"))
	if again := pieces(); !again[0].Reused || !again[1].Reused || r.Report.Reused == 0 {
		t.Errorf("made again: %+v, %d pieces of the picture reused", again, r.Report.Reused)
	}

	// A correction, and a recording of the user's.
	subtitles(t, filepath.Join(keep, "target.srt"), [3]any{.2, 1.2, "Guten Abend."}, [3]any{1.5, 2.9, "Wie geht es dir?"})
	ffmpeg(t, "-f", "lavfi", "-i", "aevalsrc='.3*sin(2*PI*140*t)*abs(sin(5*t))':d=1.4:s=16000", filepath.Join(keep, "segments", "002.wav"))
	for range 2 { // it stays the user's
		dub()
		got := pieces()
		if got[0].Text != "Guten Abend." || got[0].Recorded || !got[1].Recorded || math.Abs(got[1].Seconds-1.4) > .02 {
			t.Errorf("%+v", got)
		}
	}
	for _, f := range []string{"o.mp4", "o.srt", "o.vtt"} {
		if err := os.Remove(filepath.Join(out, f)); err != nil {
			t.Error(err)
		}
	}
	empty(t, out)
	empty(t, temp)
}

// TestDubRefuses: what is missing is named with the flag that gives it.
func TestDubRefuses(t *testing.T) {
	out, temp := apart(t)
	dir := t.TempDir()
	clip := talkingClip(t)
	srt := subtitles(t, filepath.Join(dir, "a.srt"), [3]any{0.0, 1.0, "Hello."})
	late := subtitles(t, filepath.Join(dir, "b.srt"), [3]any{40.0, 41.0, "Hello."})
	plain, broken := filepath.Join(dir, "c.txt"), filepath.Join(dir, "d.srt")
	for path, text := range map[string]string{plain: "Hello.", broken: "1\nnever --> ever\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		args  []string
		code  fault.Code
		param string
	}{
		"no words":            {nil, fault.Unsupported, "source-srt"},
		"no translation":      {[]string{"--source-srt", srt}, fault.Unsupported, "target-srt"},
		"no times":            {[]string{"--target-srt", plain}, fault.InvalidField, plain},
		"after the video":     {[]string{"--target-srt", late}, fault.Empty, late},
		"no such file":        {[]string{"--target-srt", filepath.Join(dir, "x.srt")}, fault.NotFound, filepath.Join(dir, "x.srt")},
		"no subtitles":        {[]string{"--target-srt", broken}, fault.Empty, broken},
		"a loudness":          {[]string{"--target-srt", srt, "--loudness", "7"}, fault.InvalidField, "loudness"},
		"a part that is none": {[]string{"--target-srt", srt, "--start", "2s", "--end", "1s"}, fault.InvalidField, "to"},
	} {
		got := twinsync(t.Context(), append([]string{"dub", "--video", clip, "--to", "de", "--out", filepath.Join(out, "o.mp4"), "--json"}, c.args...)...)
		if got.code == exitDone {
			t.Errorf("%s: taken", name)
			continue
		}
		var e struct {
			Error struct{ Code, Param, Message, Hint string }
		}
		got.last(t, &e)
		if e.Error.Code != string(c.code) || e.Error.Param != c.param || e.Error.Message == "" {
			t.Errorf("%s: %+v; want %s of %s", name, e.Error, c.code, c.param)
		}
	}
	empty(t, out)
	empty(t, temp)
}

// TestDubByPrograms: words that a program writes down and another translates.
func TestDubByPrograms(t *testing.T) {
	speechtest.Espeak(t)
	out, _ := apart(t)
	dir := t.TempDir()
	heard := subtitles(t, filepath.Join(dir, "heard.srt"), [3]any{.1, .9, "one two"})
	target := filepath.Join(out, "o.mp4")
	got := twinsync(t.Context(), "dub", "--video", talkingClip(t), "--from", "en", "--to", "de", "--out", target, "--json",
		"--transcribe-command", "sh", "--transcribe-command=-c", "--transcribe-command", "cat '"+heard+"'", "--transcribe-command", "{input}",
		"--translate-command", "tr", "--translate-command", "a-z", "--translate-command", "b-za")
	if got.code != exitDone {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
	}
	raw, err := os.ReadFile(filepath.Join(out, "o.srt"))
	if err != nil || !strings.Contains(string(raw), "pof uxp") {
		t.Errorf("%q, %v", raw, err)
	}
}
