package media

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// TestProbeShared judges every file of the development set that has its own truth.
func TestProbeShared(t *testing.T) {
	dir := testmedia.Shared(t, "odd", "video")
	for _, c := range []struct {
		file    string
		code    fault.Code
		frames  int
		layout  string
		rotated int
	}{
		{file: "one_frame.mp4", frames: 1, layout: "524x524 4:2:0 8 bit"},
		{file: "audio_only.mp4", code: fault.NoVideo},
		{file: "vfr.mp4", frames: 110, layout: "1080x720 4:2:0 8 bit"},
		{file: "fps60.mp4", frames: 180, layout: "1080x720 4:2:0 8 bit"},
		{file: "edit_list_cut.mp4", frames: 77, layout: "524x524 4:2:0 8 bit"},
		{file: "rotate90_meta_a.mp4", frames: 90, layout: "1080x720 4:2:0 8 bit", rotated: 270},
		{file: "rotate90_meta_b_phone_portrait.mp4", frames: 90, layout: "720x1280 4:2:0 8 bit", rotated: 90},
		{file: "rotate180_meta.mp4", frames: 90, layout: "1080x720 4:2:0 8 bit", rotated: 180},
		{file: "odd_size_427x241_yuv444.mp4", frames: 50, layout: "427x241 4:4:4 8 bit"},
		{file: "hdr_hlg_10bit_hevc.mp4", frames: 60, layout: "1080x720 4:2:0 10 bit"},
		{file: "prores422.mov", frames: 10, layout: "384x384 4:2:2 10 bit"},
		{file: "interlaced_mpeg2.ts", frames: 50, layout: "720x576 4:2:0 8 bit"},
		{file: "raw.h264", frames: 52, layout: "524x524 4:2:0 8 bit"},
		{file: "mjpeg_pcm.avi", frames: 30, layout: "524x524 4:2:0 8 bit"},
		{file: "truncated_no_moov.mp4", code: fault.Truncated},
		{file: "truncated_faststart.mp4", frames: 69, layout: "524x524 4:2:0 8 bit"},
		{file: "zero_bytes.mp4", code: fault.Empty},
		{file: "text_named.mp4", code: fault.NotMedia},
		{file: "random_bytes.mp4", code: fault.NotMedia},
		{file: "bit_errors.mp4", frames: 122, layout: "524x524 4:2:0 8 bit"},
		{file: "name with spaces, ünïcödé & (quotes)'.mp4", frames: 122, layout: "524x524 4:2:0 8 bit"},
		{file: "no such file.mp4", code: fault.NotFound},
	} {
		t.Run(c.file, func(t *testing.T) {
			info, err := Probe(t.Context(), filepath.Join(dir, c.file), Limits{})
			if c.code != "" {
				if !fault.Is(err, c.code) {
					t.Fatalf("error %v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if info.Frames() != c.frames || info.Video.Layout.String() != c.layout || info.Video.Rotation != c.rotated {
				t.Errorf("%d frames of %s, turned by %d", info.Frames(), info.Video.Layout, info.Video.Rotation)
			}
		})
	}
}

// TestProbeRefuses checks what needs no development media.
func TestProbeRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	clip := testmedia.Clip(t, testmedia.Spec{Frames: 30}).Path
	whole, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		lim        Limits
		code       fault.Code
	}{
		{"empty", write("a.mp4", ""), Limits{}, fault.Empty},
		{"text", write("b.mp4", "Lorem ipsum"), Limits{}, fault.NotMedia},
		{"picture", testmedia.Photo(t, testmedia.Bea), Limits{}, fault.NotMedia},
		{"folder", dir, Limits{}, fault.NotMedia},
		{"playlist naming another file", write("c.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://"+clip+"\n#EXT-X-ENDLIST\n"), Limits{}, fault.NotMedia},
		{"concat script naming another file", write("d.mp4", "ffconcat version 1.0\nfile '"+clip+"'\n"), Limits{}, fault.NotMedia},
		{"half a file", write("e.mp4", string(whole[:len(whole)/2])), Limits{}, fault.Truncated},
		{"too many bytes", clip, Limits{MaxBytes: 100}, fault.TooLarge},
		{"too many pixels", clip, Limits{MaxPixels: 640*360 - 1}, fault.TooLarge},
		{"too long", clip, Limits{MaxDuration: time.Second}, fault.TooLong},
		{"too many frames", clip, Limits{MaxFrames: 29}, fault.TooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Probe(t.Context(), c.path, c.lim); !fault.Is(err, c.code) {
				t.Errorf("error %v, want %s", err, c.code)
			}
		})
	}
	if _, err := Probe(t.Context(), clip, Limits{MaxBytes: 1 << 20, MaxPixels: 640 * 360, MaxDuration: 1300 * time.Millisecond, MaxFrames: 30}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}

func TestMissingProgram(t *testing.T) {
	clip := testmedia.Clip(t, testmedia.Spec{}).Path
	t.Setenv("PATH", t.TempDir())
	_, err := Probe(t.Context(), clip, Limits{})
	if !fault.Is(err, fault.MissingProgram) || !strings.Contains(fault.From(err).Public(), "nstall") {
		t.Errorf("error %v", err)
	}
}

// TestReadAnyRange reads ranges of a stream with B-frames and several keyframes and
// wants exactly those frames, with the very samples of a read from the beginning.
func TestReadAnyRange(t *testing.T) {
	for name, codec := range map[string][]string{
		"closed groups": {"-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "3"},
		"open groups":   {"-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "3", "-x264-params", "open-gop=1"},
		"intra refresh": {"-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-intra-refresh", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			m := testmedia.Clip(t, testmedia.Spec{W: 160, H: 90, Frames: 60, Pan: 20, Codec: codec, Drop: []int{13, 14, 40}})
			info, err := Probe(t.Context(), m.Path, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if len(info.Video.Keys) == 0 || info.Frames() != 57 {
				t.Fatalf("%d frames, keys %v", info.Frames(), info.Video.Keys)
			}
			all := readAll(t, m.Path, info, ReadOptions{})
			for _, r := range []Range{{0, 1}, {5, 9}, {11, 13}, {12, 24}, {23, 57}, {56, 57}} {
				got := readAll(t, m.Path, info, ReadOptions{First: r.First, End: r.End, Threads: 1, Ahead: 3})
				if len(got) != r.End-r.First {
					t.Fatalf("%v: %d frames", r, len(got))
				}
				for i, f := range got {
					want := all[r.First+i]
					if f.PTS != want.PTS {
						t.Errorf("%v: frame %d has time %d, want %d", r, i, f.PTS, want.PTS)
					}
					if name == "intra refresh" {
						continue // such streams settle only some frames after where they begin
					}
					if d := cmp.Diff(want.Planes[0].P8, f.Planes[0].P8); d != "" {
						t.Fatalf("%v: frame %d has other samples", r, i)
					}
				}
			}
		})
	}
}

// readAll keeps clones, so that what is released is reused meanwhile.
func readAll(t *testing.T, path string, info *Info, opt ReadOptions) []*pix.Frame {
	t.Helper()
	r, err := OpenReader(t.Context(), path, info, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []*pix.Frame
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Clone())
		for i := range f.Planes { // whoever reads may write: nothing later must show it
			clear(f.Planes[i].P8)
			clear(f.Planes[i].P16)
		}
		r.Release(f)
		r.Release(f) // twice does no harm
	}
	if r.Filled() != 0 {
		t.Errorf("%d frames were filled in", r.Filled())
	}
	return out
}

// TestReadCanceled stops in the middle: never an end of file.
func TestReadCanceled(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{Frames: 60})
	info, err := Probe(t.Context(), m.Path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := OpenReader(ctx, m.Path, info, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 60 {
		if _, err = r.Read(); err != nil {
			break
		}
	}
	if !fault.Is(err, fault.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

// TestStalled stops FFmpeg itself: a process that no longer moves is given up.
func TestStalled(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{W: 1280, H: 720, Frames: 60})
	info, err := Probe(t.Context(), m.Path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{info: info, opt: ReadOptions{End: info.Frames()}}
	p, err := start(t.Context(), command{name: "ffmpeg", args: r.args(m.Path, 0), stdout: true, stall: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, p); !errors.Is(err, errStalled) {
		t.Fatalf("read: %v", err)
	}
	// TERM waits behind STOP; KILL does not.
	if err := p.wait(); !fault.Is(err, fault.Stalled) || !fault.From(err).Retry {
		t.Errorf("error %v, want stalled", err)
	}
}

// TestWriterFaults covers what goes wrong while encoding.
func TestWriterFaults(t *testing.T) {
	v := &Video{Layout: pix.Layout{W: 640, H: 360, SubX: 1, SubY: 1, Depth: 8}, TimeBase: Rational{1, 25}, SAR: Rational{0, 1}, AvgRate: Rational{25, 1}}
	frame := func(pts int64) *pix.Frame {
		f := pix.NewFrame(v.Layout, v.Colour)
		for i := range f.Planes[0].P8 {
			f.Planes[0].P8[i] = uint8(i * 7919 >> 3)
		}
		f.PTS = pts
		return f
	}
	t.Run("disk full", func(t *testing.T) {
		if _, err := os.Stat("/dev/full"); err != nil {
			t.Skip("this system has no /dev/full")
		}
		link := filepath.Join(t.TempDir(), "full")
		if err := os.Symlink("/dev/full", link); err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(t.Context(), link, WriterOptions{Video: v, Preset: "ultrafast", CRF: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			if err = w.Write(frame(int64(i))); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Close()
		} else {
			w.Abort()
		}
		if !fault.Is(err, fault.DiskFull) {
			t.Errorf("error %v, want disk full", err)
		}
	})
	t.Run("no such folder", func(t *testing.T) {
		if _, err := NewWriter(t.Context(), filepath.Join(t.TempDir(), "no", "seg"), WriterOptions{Video: v}); !fault.Is(err, fault.NotWritable) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("times must ascend", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "seg")
		w, err := NewWriter(t.Context(), path, WriterOptions{Video: v})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(frame(5)); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(frame(5)); !fault.Is(err, fault.Internal) {
			t.Errorf("error %v", err)
		}
		if err := w.Close(); err == nil {
			t.Error("closing forgot the error")
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Error("the broken segment is still there")
		}
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		path := filepath.Join(t.TempDir(), "seg")
		w, err := NewWriter(ctx, path, WriterOptions{Video: v})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(frame(0)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := w.Close(); !fault.Is(err, fault.Canceled) {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Error("the segment is still there")
		}
	})
	t.Run("encoder missing", func(t *testing.T) {
		dir := t.TempDir()
		script := "#!/bin/sh\necho \"Unknown encoder 'libx265'\" >&2\nexit 1\n"
		if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		w, err := NewWriter(t.Context(), filepath.Join(dir, "seg"), WriterOptions{Video: v, Codec: HEVC})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 { // the first may still fit into the pipe
			if err = w.Write(frame(int64(i))); err != nil {
				break
			}
		}
		w.Abort()
		if f := fault.From(err); f.Code != fault.Unsupported || f.Param != "codec" || !strings.Contains(f.Public(), "libx265") {
			t.Errorf("error %v, want that the encoder is missing", err)
		}
	})
	for _, o := range []WriterOptions{{Codec: "divx"}, {Preset: "placebo"}, {CRF: 52}, {CRF: -1}} {
		if err := o.Check(); !fault.Is(err, fault.InvalidField) {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}

// TestAssembleFaults: nothing is left behind when segments do not fit.
func TestAssembleFaults(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{Frames: 10})
	info, err := Probe(t.Context(), m.Path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	seg := filepath.Join(dir, "seg")
	w, err := NewWriter(t.Context(), seg, WriterOptions{Video: &info.Video, Preset: "ultrafast"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range readAll(t, m.Path, info, ReadOptions{}) {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.mp4")
	for name, segs := range map[string][]Segment{
		"none":             nil,
		"a gap":            {{seg, 0, 4}, {seg, 5, 10}},
		"too few frames":   {{seg, 0, 9}},
		"beyond the end":   {{seg, 1, 11}},
		"no such segment":  {{seg + "x", 0, 10}},
		"not a segment":    {{m.Path, 0, 10}},
		"source went away": {{seg, 0, 10}},
	} {
		source := m.Path
		in := *info
		if name == "source went away" {
			source = filepath.Join(dir, "gone.mp4")
			in.Audio = []Audio{{Index: 1, Codec: "aac", Channels: 2}}
		}
		if _, err := Assemble(t.Context(), out, AssembleOptions{Segments: segs, Source: source, Info: &in}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
	_, err = Assemble(t.Context(), filepath.Join(dir, "no", "out.mp4"), AssembleOptions{Segments: []Segment{{seg, 0, 10}}, Source: m.Path, Info: info})
	if !fault.Is(err, fault.NotWritable) {
		t.Errorf("error %v, want not writable", err)
	}
}

func TestStore(t *testing.T) {
	for _, c := range []struct {
		stored, target string
		full, noted    bool
	}{
		{"yuv420p", "yuv420p", false, false}, {"yuvj420p", "yuvj420p", true, false}, {"yuvj422p", "yuvj422p", true, false},
		{"yuv422p10le", "yuv422p10le", false, false}, {"yuv444p12le", "yuv444p12le", false, false}, {"nv12", "yuv420p", false, false},
		{"p010le", "yuv420p10le", false, false}, {"yuva420p", "yuv420p", false, true}, {"yuv411p", "yuv422p", false, true},
		{"yuvj440p", "yuvj444p", true, true}, {"yuv420p16le", "yuv420p12le", false, true}, {"yuv420p9le", "yuv420p10le", false, false},
		{"gray", "gray", false, false}, {"gray16le", "gray12le", false, true}, {"gbrp10le", "yuv444p10le", false, true},
		{"bgr0", "yuv444p", false, true}, {"pal8", "yuv444p", false, true}, {"yuv420p10be", "yuv420p10le", false, false},
	} {
		s := store(c.stored)
		if s.target != c.target || s.full != c.full || (s.note != "") != c.noted {
			t.Errorf("%s: %+v", c.stored, s)
		}
		if got := strings.Replace(s.target, "yuvj", "yuv", 1); planar(s.layout) != got {
			t.Errorf("%s: layout %v is %s, not %s", c.stored, s.layout, planar(s.layout), got)
		}
	}
}

func TestRing(t *testing.T) {
	var r ring
	for range 3000 {
		if _, err := r.Write([]byte(strings.Repeat("x", 99) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if s := r.String(); len(s) != stderrBytes || !strings.HasSuffix(s, "the end") {
		t.Errorf("%d bytes kept", len(s))
	}
}
