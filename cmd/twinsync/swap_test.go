package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// swapJSON runs `twinsync swap --json`.
func swapJSON(ctx context.Context, image, video, out string, more ...string) outcome {
	return twinsync(ctx, append([]string{"swap", "--image", image, "--video", video, "--out", out, "--json"}, more...)...)
}

// TestSwap: one clip through the whole program, twice: the second time its analysis is there.
func TestSwap(t *testing.T) {
	out, temp := apart(t)
	clip := tinyClip(t)
	target := filepath.Join(out, "o.mp4")
	var first []string
	for _, stages := range []string{"fetch analyse join render assemble", "fetch join render assemble"} {
		got := swapJSON(t.Context(), photo(t), clip, target)
		if got.code != exitDone || got.err != "" {
			t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
		}
		var r app.SwapReport
		got.last(t, &r)
		st, err := os.Stat(target)
		if err != nil {
			t.Fatal(err)
		}
		if r.Out != target || r.Bytes != st.Size() || len(r.SHA256) != 64 || r.Seconds <= 0 ||
			r.Report.Swap.Frames != 25 || r.Report.Swap.Swapped != 25 || r.Report.Provider == "" || len(r.Report.People) != 1 || r.Report.People[0].Frames != 25 {
			t.Errorf("report %+v, %+v", r, r.Report.Swap)
		}
		if st.Mode().Perm() != 0o644 {
			t.Errorf("mode %v", st.Mode())
		}
		if s := stagesOf(t, got.out); s != stages {
			t.Errorf("stages %q, want %q", s, stages)
		}
		frames := decoded(t, target)
		if len(frames) != 25 {
			t.Errorf("%d frames come out of 25", len(frames))
		}
		if first != nil && !equal(first, frames) {
			t.Error("a second run gives other frames")
		}
		first = frames
		in, sound := look(t, clip, "a"), look(t, target, "a")
		if sound == nil || sound.frames != in.frames || sound.duration != in.duration {
			t.Errorf("sound %+v, want %+v", sound, in)
		}
		if v := look(t, target, "v"); v.w != 320 || v.h != 240 || v.duration != look(t, clip, "v").duration {
			t.Errorf("video %+v", v)
		}
	}
	if equal(first, decoded(t, clip)) {
		t.Error("the result is the clip")
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	empty(t, out)
	empty(t, temp)
}

// stagesOf lists the stages that the progress of a run named, in order.
func stagesOf(t *testing.T, out string) string {
	t.Helper()
	var names []string
	last := -1.0
	for line := range strings.Lines(out) {
		var p struct {
			Progress *struct {
				Stage    string
				Fraction float64
			}
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%q is no JSON: %v", line, err)
		}
		if p.Progress == nil {
			continue
		}
		if p.Progress.Fraction < last || p.Progress.Fraction > 1 {
			t.Errorf("progress falls from %v to %v", last, p.Progress.Fraction)
		}
		last = p.Progress.Fraction
		if len(names) == 0 || names[len(names)-1] != p.Progress.Stage {
			names = append(names, p.Progress.Stage)
		}
	}
	return strings.Join(names, " ")
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// TestSwapForPeople: the report in words, the notes, and the options that change the picture.
func TestSwapForPeople(t *testing.T) {
	out, temp := apart(t)
	clip, target := tinyClip(t), filepath.Join(out, "o.mp4")
	crowd := filepath.Join(t.TempDir(), "crowd.png")
	ffmpeg(t, "-i", photo(t), "-i", testmedia.Photo(t, testmedia.Bea), "-filter_complex",
		"[0]scale=-2:600[a];[1]scale=-2:400,pad=iw:600[b];[a][b]hstack", "-frames:v", "1", crowd)
	for _, c := range []struct {
		name   string
		image  string
		args   []string
		frames int
		words  []string
	}{
		{"several faces in the photo", crowd, nil, 25, []string{"25 of 25 frames swapped", "note: " + crowd + ": the photo shows 2 faces; the largest is used"}},
		{"a part", photo(t), []string{"--from=0.2s", "--to=0.6s"}, 10, []string{"10 of 10 frames swapped"}},
		{"strength 0 leaves the frames", photo(t), []string{"--strength=0"}, 25, []string{"0 of 25 frames swapped", "frames 0 to 24: person 1 left as filmed (strength 0)"}},
		{"a photo of the person", photo(t), []string{"--person", testmedia.Photo(t, testmedia.Bea)}, 25, []string{"25 of 25 frames swapped"}},
		{"a list", "", []string{"--map", photo(t) + "=1"}, 25, []string{"25 of 25 frames swapped"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"swap", "--video", clip, "--out", target}
			if c.image != "" {
				args = append(args, "--image", c.image)
			}
			got := twinsync(t.Context(), append(args, c.args...)...)
			if got.code != exitDone {
				t.Fatalf("exit %d: %s", got.code, got.err)
			}
			for _, w := range c.words {
				if !strings.Contains(got.out, w) {
					t.Errorf("printed %q, want %q", got.out, w)
				}
			}
			if !strings.Contains(got.err, "render") || strings.ContainsAny(got.err, "\r\x1b") {
				t.Errorf("progress where there is no terminal: %q", got.err)
			}
			if n := len(decoded(t, target)); n != c.frames {
				t.Errorf("%d frames, want %d", n, c.frames)
			}
			if err := os.Remove(target); err != nil {
				t.Fatal(err)
			}
			empty(t, out)
			empty(t, temp)
		})
	}
}

// bomb is a PNG of a few bytes that claims to be enormous.
func bomb() []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		body := append([]byte(kind), data...)
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data))))
		b.Write(binary.BigEndian.AppendUint32(body, crc32.ChecksumIEEE(body)))
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 60000), 60000)
	chunk("IHDR", append(size, 8, 2, 0, 0, 0))
	chunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})
	chunk("IEND", nil)
	return b.Bytes()
}

// noise is bytes that are nothing.
func noise() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 50_000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// badFiles are inputs that are wrong, each in a way of its own.
type badFiles struct{ dir string }

func (f badFiles) path(name string) string { return filepath.Join(f.dir, name) }

func makeBadFiles(t *testing.T) badFiles {
	t.Helper()
	f := badFiles{t.TempDir()}
	clip := tinyClip(t)
	whole, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(photo(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty.mp4": nil, "empty.jpg": nil, "text.mp4": []byte("this is a text\n"), "text.jpg": []byte("this is a text\n"),
		"noise.mp4": noise(), "noise.jpg": noise(), "cut.mp4": whole[:len(whole)*6/10], "cut.png": picture[:len(picture)/2], "bomb.png": bomb(),
		"page.mp4": []byte("<!DOCTYPE html><html><body>Sign in</body></html>"),
	} {
		if err := os.WriteFile(f.path(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(f.path("folder.mp4"), 0o700); err != nil {
		t.Fatal(err)
	}
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s=640x480", "-frames:v", "1", f.path("noface.png"))
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "libx264", "-preset", "ultrafast", "-shortest", f.path("noface.mp4"))
	ffmpeg(t, "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", f.path("sound.mp4"))
	ffmpeg(t, "-i", photo(t), "-vf", "scale=40:-2", f.path("small.png"))
	// Thirteen hours in a frame a minute.
	ffmpeg(t, "-f", "lavfi", "-i", "color=s=64x64:r=1/60:d=46800", "-c:v", "libx264", "-preset", "ultrafast", f.path("long.mp4"))
	return f
}

// TestBadInput: every wrong input has a code and a sentence of its own, names what the user
// typed, and leaves nothing behind.
func TestBadInput(t *testing.T) {
	out, temp := apart(t)
	f := makeBadFiles(t)
	good, clip := photo(t), tinyClip(t)
	target := filepath.Join(out, "o.mp4")
	sentences := map[string]string{}
	for _, c := range []struct {
		name, image, video, out string
		more                    []string
		code, param, words      string
	}{
		{"no such photo", f.path("none.jpg"), clip, "", nil, "not_found", f.path("none.jpg"), "there is no such file"},
		{"no such video", good, f.path("none.mp4"), "", nil, "not_found", f.path("none.mp4"), "there is no such file"},
		{"a folder as photo", f.path("folder.mp4"), clip, "", nil, "not_media", f.path("folder.mp4"), "is a folder"},
		{"a folder as video", good, f.path("folder.mp4"), "", nil, "not_media", f.path("folder.mp4"), "is a folder"},
		{"an empty photo", f.path("empty.jpg"), clip, "", nil, "empty_file", f.path("empty.jpg"), "the file is empty"},
		{"an empty video", good, f.path("empty.mp4"), "", nil, "empty_file", f.path("empty.mp4"), "the file is empty"},
		{"text as photo", f.path("text.jpg"), clip, "", nil, "not_media", f.path("text.jpg"), "no picture"},
		{"text as video", good, f.path("text.mp4"), "", nil, "not_media", f.path("text.mp4"), "no video"},
		{"a page as video", good, f.path("page.mp4"), "", nil, "not_media", f.path("page.mp4"), "no video"},
		{"random bytes as photo", f.path("noise.jpg"), clip, "", nil, "not_media", f.path("noise.jpg"), "no picture"},
		{"random bytes as video", good, f.path("noise.mp4"), "", nil, "not_media", f.path("noise.mp4"), "no video"},
		{"a clip without a face as source", f.path("noface.mp4"), clip, "", nil, "no_face_in_video", f.path("noface.mp4"), "no face"},
		{"sound as source", f.path("sound.mp4"), clip, "", nil, "not_media", f.path("sound.mp4"), "no picture"},
		{"a source clip of half a day", f.path("long.mp4"), clip, "", nil, "too_long", f.path("long.mp4"), "too long"},
		{"nobody of that number in the source", clip, clip, "", []string{"--source-person=2"}, "unknown_person", clip, "no person 2"},
		{"a number for a photo", good, clip, "", []string{"--source-person=2"}, "invalid_field", "source-person", "no clip"},
		{"photos of two people", good, clip, "", []string{"--image", testmedia.Photo(t, testmedia.Bea)}, "face_unusable", testmedia.Photo(t, testmedia.Bea), "another person than"},
		{"a photo as video", good, good, "", nil, "not_media", good, "a picture"},
		{"a truncated photo", f.path("cut.png"), clip, "", nil, "truncated_file", f.path("cut.png"), "incomplete"},
		{"a truncated video", good, f.path("cut.mp4"), "", nil, "truncated_file", f.path("cut.mp4"), "incomplete"},
		{"sound alone", good, f.path("sound.mp4"), "", nil, "no_video_stream", f.path("sound.mp4"), "no video stream"},
		{"no face in the photo", f.path("noface.png"), clip, "", nil, "no_face_in_photo", f.path("noface.png"), "no face"},
		{"a small face in the photo", f.path("small.png"), clip, "", nil, "face_too_small", f.path("small.png"), "only"},
		{"no face in the video", good, f.path("noface.mp4"), "", nil, "no_face_in_video", f.path("noface.mp4"), "no face"},
		{"an enormous photo", f.path("bomb.png"), clip, "", nil, "too_large", f.path("bomb.png"), "too large"},
		{"a video of half a day", good, f.path("long.mp4"), "", nil, "too_long", f.path("long.mp4"), "too long"},
		{"nobody of that number", good, clip, "", []string{"--person=7"}, "unknown_person", "person", "no person 7"},
		{"nobody of that face", good, clip, "", []string{"--person", good}, "unknown_person", good, "not found in the video"},
		{"an empty part", good, clip, "", []string{"--from=5s"}, "invalid_field", "from", "no frame"},
		{"no such folder", good, clip, filepath.Join(out, "none", "o.mp4"), nil, "not_writable", "out", "no folder"},
		{"a folder as output", good, clip, out, nil, "not_writable", "out", "is a folder"},
		{"a file as folder", good, clip, filepath.Join(good, "o.mp4"), nil, "not_writable", "out", "cannot be written"},
		{"a folder that cannot be written", good, clip, "/proc/o.mp4", nil, "not_writable", "out", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasPrefix(c.out, "/proc/") && runtime.GOOS != "linux" {
				t.Skip("/proc is Linux's")
			}
			where := c.out
			if where == "" {
				where = target
			}
			want := exitInput
			if c.code == "invalid_field" {
				want = exitUsage
			}
			got := swapJSON(t.Context(), c.image, c.video, where, c.more...)
			if got.code != want || got.err != "" {
				t.Errorf("exit %d, want %d; log %q", got.code, want, got.err)
			}
			var e failure
			got.last(t, &e)
			if e.Error.Code != c.code || e.Error.Param != c.param || !strings.Contains(e.Error.Message, c.words) {
				t.Errorf("error %+v, want %s of %s with %q", e.Error, c.code, c.param, c.words)
			}
			sentences[e.Error.Code+e.Error.Message] = c.name
			empty(t, out)
			empty(t, temp)
		})
	}
	if len(sentences) < 18 {
		t.Errorf("only %d sentences for all of this: %v", len(sentences), sentences)
	}
}

// TestBadInputInWords: without --json the sentence goes to standard error.
func TestBadInputInWords(t *testing.T) {
	out, temp := apart(t)
	video := write(t, "text.mp4", []byte("a text"))
	got := twinsync(t.Context(), "swap", "--image", photo(t), "--video", video, "--out", filepath.Join(out, "o.mp4"))
	if got.code != exitInput || got.out != "" || !strings.Contains(got.err, "\ntwinsync: "+video+": ") {
		t.Errorf("%+v", got)
	}
	empty(t, out)
	empty(t, temp)
}

// TestOutputStays: a failed run leaves an earlier result as it was.
func TestOutputStays(t *testing.T) {
	out, _ := apart(t)
	target := filepath.Join(out, "o.mp4")
	if err := os.WriteFile(target, []byte("earlier"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := swapJSON(t.Context(), photo(t), write(t, "text.mp4", []byte("a text")), target); got.code != exitInput {
		t.Fatalf("%+v", got)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "earlier" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestPipeAsInput: what is no plain file is refused before it is waited for.
func TestPipeAsInput(t *testing.T) {
	out, temp := apart(t)
	pipe := filepath.Join(t.TempDir(), "pipe.mp4")
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	var e failure
	got := swapJSON(t.Context(), photo(t), pipe, filepath.Join(out, "o.mp4"))
	got.last(t, &e)
	if got.code != exitInput || e.Error.Code != "not_media" || e.Error.Param != pipe {
		t.Errorf("%+v", got)
	}
	empty(t, out)
	empty(t, temp)
}

// TestInterrupt: wherever it strikes, an interrupted run ends with 130 and leaves nothing.
func TestInterrupt(t *testing.T) {
	out, temp := apart(t)
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 100, Pan: 8, Sound: true}).Path
	for _, stage := range []string{"fetch", "analyse", "render"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var err output
			printed := &trigger{word: `"stage":"` + stage + `"`, pull: cancel}
			code := run(ctx, []string{"swap", "--image", photo(t), "--video", clip, "--out", filepath.Join(out, "o.mp4"), "--json"},
				terminal{in: os.Stdin, out: printed, err: &err})
			if !printed.pulled || code != exitInterrupted || !strings.Contains(printed.String(), `"code":"canceled"`) {
				t.Errorf("exit %d, want %d: %s %s", code, exitInterrupted, printed.String(), err.String())
			}
			empty(t, out)
			empty(t, temp)
		})
	}
}

// trigger pulls when a word is printed.
type trigger struct {
	output
	word   string
	pull   func()
	pulled bool
}

func (g *trigger) Write(p []byte) (int, error) {
	if !g.pulled && bytes.Contains(p, []byte(g.word)) {
		g.pulled = true
		g.pull()
	}
	return g.output.Write(p)
}

// TestInterruptedProcess: the same by a real signal to a real process; no FFmpeg of it goes on.
func TestInterruptedProcess(t *testing.T) {
	out, temp := apart(t)
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 100, Pan: 8, Sound: true}).Path
	cmd := program(t.Context(), "swap", "--image", photo(t), "--video", clip, "--out", filepath.Join(out, "o.mp4"))
	printed := &trigger{word: "render", pull: func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}}
	cmd.Stderr = printed
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("%v: %s", err, printed.String())
	}
	if !strings.Contains(printed.String(), "interrupted; nothing was left behind") {
		t.Errorf("printed %q", printed.String())
	}
	empty(t, out)
	empty(t, temp)
}

// TestFullDisk runs the program where the disk has room for 300 kB, once for the result and once for
// the temporary files.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a small disk of one's own needs Linux's namespaces")
	}
	clip, image := tinyClip(t), photo(t)
	if err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).Run(); err != nil {
		t.Skipf("this user may not mount a small disk: %v", err)
	}
	for _, c := range []struct {
		name string
		size int // kB
	}{{"result", 8}, {"temporary files", 300}} {
		t.Run(c.name, func(t *testing.T) {
			out, temp := t.TempDir(), t.TempDir()
			small := out
			if c.name == "temporary files" {
				small = temp
			}
			var printed output
			cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"-rm", "sh", "-c",
				`mount -t tmpfs -o size="$1"k none "$2" && shift 2 && "$@"; code=$?; ls -A "$0" >&2; exit $code`,
				small, strconv.Itoa(c.size), small, os.Args[0]},
				"swap", "--image", image, "--video", clip, "--out", filepath.Join(out, "o.mp4"), "--json")...)
			cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+temp, "XDG_CACHE_HOME="+t.TempDir())
			var left bytes.Buffer
			cmd.Stdout, cmd.Stderr = &printed, &left
			err := cmd.Run()
			var e failure
			outcome{out: printed.String()}.last(t, &e)
			if cmd.ProcessState.ExitCode() != exitInput || e.Error.Code != "disk_full" {
				t.Errorf("%v: %s", err, printed.String())
			}
			if left.Len() > 0 {
				t.Errorf("left on the small disk: %s", left.String())
			}
			empty(t, out)
			empty(t, temp)
		})
	}
}

// TestFaces: who is in a clip, as JSON with a picture of each; a failed run makes no folder.
func TestFaces(t *testing.T) {
	out, temp := apart(t)
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Anton, testmedia.Bea}, W: 480, H: 240, FaceSize: 220, Frames: 12}).Path
	dir := filepath.Join(out, "who")
	got := twinsync(t.Context(), "faces", "--video", clip, "--out", dir, "--json")
	if got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	var found app.FacesFound
	got.last(t, &found)
	if found.Frames != 12 || len(found.People) != 2 {
		t.Fatalf("found %+v", found)
	}
	for i, p := range found.People {
		if p.Number != i+1 || p.Frames != 12 || p.First != 0 || filepath.Dir(p.Thumbnail) != dir {
			t.Errorf("person %+v", p)
		}
		if s := look(t, p.Thumbnail, "v"); s == nil || s.w < 60 || s.w > 320 || s.h > 320 {
			t.Errorf("thumbnail %+v", s)
		}
	}
	raw, err := os.ReadFile(found.File)
	if err != nil || !json.Valid(raw) {
		t.Errorf("%s: valid %v, %v", found.File, json.Valid(raw), err)
	}
	empty(t, temp)

	for _, c := range []struct{ video, code string }{
		{filepath.Join(out, "none.mp4"), "not_found"},
		{write(t, "text.mp4", []byte("a text")), "not_media"},
	} {
		var e failure
		none := filepath.Join(out, "a", "b")
		got := twinsync(t.Context(), "faces", "--video", c.video, "--out", none, "--json")
		got.last(t, &e)
		if got.code != exitInput || e.Error.Code != c.code {
			t.Errorf("%+v", got)
		}
		if _, err := os.Stat(filepath.Dir(none)); err == nil {
			t.Error("a failed run has made its folder")
		}
	}
	empty(t, temp)
}
