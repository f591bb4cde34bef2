package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// trip takes a file through Reader, Writer and Assemble in segments of about a second.
type trip struct {
	info, got *Info
	out       string
	result    *Result
	filled    int
	notes     []string
}

func roundTrip(t *testing.T, path string, codec string, from, to time.Duration) trip {
	t.Helper()
	ctx := t.Context()
	info, err := Probe(ctx, path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	first, end, err := info.Trim(from, to)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tr := trip{info: info, out: filepath.Join(dir, "out, ünï & 'q'.mp4")}
	var segs []Segment
	for _, r := range info.Split(first, end, time.Second) {
		seg := filepath.Join(dir, "seg"+time.Duration(r.First).String())
		rd, err := OpenReader(ctx, path, info, ReadOptions{First: r.First, End: r.End})
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(ctx, seg, WriterOptions{Video: &info.Video, Codec: codec, Preset: "ultrafast", CRF: 12})
		if err != nil {
			t.Fatal(err)
		}
		for n := r.First; ; n++ {
			f, err := rd.Read()
			if errors.Is(err, io.EOF) {
				if n != r.End {
					t.Fatalf("segment %v ended at frame %d", r, n)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.PTS != info.Video.Times[n] {
				t.Fatalf("frame %d has time %d, want %d", n, f.PTS, info.Video.Times[n])
			}
			if err := w.Write(f); err != nil {
				t.Fatal(err)
			}
			rd.Release(f)
		}
		rd.Close()
		tr.filled += rd.Filled()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		tr.notes = w.Notes()
		segs = append(segs, Segment{Path: seg, First: r.First, End: r.End})
	}
	if tr.result, err = Assemble(ctx, tr.out, AssembleOptions{Segments: segs, Source: path, Info: info}); err != nil {
		t.Fatal(err)
	}
	if tr.got, err = Probe(ctx, tr.out, Limits{}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".twinsync-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v %v", left, err)
	}
	tr.checkTimes(t, first, end)
	return tr
}

// checkTimes compares every frame's time with the source's, to within one tick.
func (tr trip) checkTimes(t *testing.T, first, end int) {
	t.Helper()
	if got := tr.got.Frames(); got != end-first {
		t.Fatalf("%d frames out of %d in", got, end-first)
	}
	zero := time.Duration(0)
	if first > 0 || end < tr.info.Frames() {
		zero = tr.info.Time(first)
	}
	tick := max(tr.info.Video.TimeBase.Duration(1), tr.got.Video.TimeBase.Duration(1))
	for i := first; i <= end; i++ {
		want := tr.info.Time(i) - zero
		got := tr.got.Time(i-first) + tr.got.Start
		if i == end {
			// The last frame's end is not a frame's time; where a late start makes an edit
			// list, FFmpeg's muxer lets it end that much earlier.
			tick = 50 * time.Millisecond
		}
		if d := (got - want).Abs(); d > tick {
			t.Fatalf("frame %d of %d is shown at %v, want %v", i, end, got, want)
		}
	}
}

// sound decodes a track to 8 kHz mono, laid out so that sample n is at n/8000 s.
func sound(t *testing.T, path string, track int) []float64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "quiet", "-nostdin", "-copyts", "-i", "file:"+path,
		"-map", "0:a:"+string(rune('0'+track)), "-af", "aresample=8000:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "pipe:1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot decode the sound of %s: %v", path, err)
	}
	pcm := make([]int16, len(out)/2)
	if err := binary.Read(bytes.NewReader(out), binary.LittleEndian, pcm); err != nil {
		t.Fatal(err)
	}
	s := make([]float64, len(pcm))
	for i, v := range pcm {
		s[i] = float64(v)
	}
	return s
}

// lag finds by how many samples b comes after a, within ±400 (50 ms), and how alike they are.
func lag(a, b []float64) (int, float64) {
	best, at := -2.0, 0
	for d := -400; d <= 400; d++ {
		var ab, aa, bb float64
		for i := range a {
			if j := i + d; j >= 0 && j < len(b) {
				ab += a[i] * b[j]
				aa += a[i] * a[i]
				bb += b[j] * b[j]
			}
		}
		if c := ab / math.Sqrt(aa*bb+1e-9); c > best {
			best, at = c, d
		}
	}
	return at, best
}

// checkSound compares the sound of source and output, the source shifted by start.
func (tr trip) checkSound(t *testing.T, path string, cutFrom, cutTo time.Duration) {
	t.Helper()
	if len(tr.got.Audio) != len(tr.info.Audio) {
		t.Fatalf("%d sound tracks out of %d in", len(tr.got.Audio), len(tr.info.Audio))
	}
	for k := range tr.info.Audio {
		if a, b := tr.info.Audio[k].Language, tr.got.Audio[k].Language; a != b && (a != "" || b != "und") {
			t.Errorf("track %d: language %q, want %q", k, b, a)
		}
		a, b := sound(t, path, k), sound(t, tr.out, k)
		skip := int((tr.info.Start+cutFrom).Seconds()*8000 + 0.5)
		a = a[min(skip, len(a)):]
		if cutTo > 0 {
			a = a[:min(len(a), int((cutTo-cutFrom).Seconds()*8000))]
		}
		if d := len(b) - len(a); d < -400 || d > 400 {
			t.Errorf("track %d: %d samples, want %d", k, len(b), len(a))
		}
		a, b = a[:min(len(a), 24000)], b[:min(len(b), 24000)]
		var energy float64
		for _, v := range a {
			energy += v * v
		}
		if energy < 1e6 { // silence lines up with anything
			continue
		}
		if d, c := lag(a, b); d < -8 || d > 8 || c < 0.9 {
			t.Errorf("track %d: sound is %.1f ms late, likeness %.2f", k, float64(d)/8, c)
		}
	}
}

// long lets the tests run over everything instead of a representative few.
func long() bool { return os.Getenv("TWINSYNC_LONG") != "" }

// TestRoundTripMade takes generated clips of every awkward kind through the whole way.
func TestRoundTripMade(t *testing.T) {
	people := []string{testmedia.Anton}
	x264 := func(extra ...string) []string {
		return append([]string{"-c:v", "libx264", "-preset", "veryfast", "-crf", "20"}, extra...)
	}
	for _, c := range []struct {
		name     string
		spec     testmedia.Spec
		codec    string
		from, to time.Duration
		want     pix.Layout
		notes    bool
	}{
		{name: "variable rate with pauses", spec: testmedia.Spec{Frames: 75, Sound: true, Drop: []int{3, 4, 5, 20, 24, 25, 26, 27, 28, 29, 30, 31, 50, 51, 73}},
			want: pix.Layout{W: 640, H: 360, SubX: 1, SubY: 1, Depth: 8}},
		{name: "cut", spec: testmedia.Spec{Frames: 75, Sound: true}, from: 700 * time.Millisecond, to: 2200 * time.Millisecond,
			want: pix.Layout{W: 640, H: 360, SubX: 1, SubY: 1, Depth: 8}},
		{name: "odd size 4:2:0", spec: testmedia.Spec{W: 321, H: 181, Frames: 12, Ext: ".mkv", Codec: []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "40", "-b:v", "0"}},
			want: pix.Layout{W: 321, H: 181, Depth: 8}, notes: true},
		{name: "odd size 4:4:4", spec: testmedia.Spec{W: 321, H: 181, Frames: 12, PixFmt: "yuv444p"}, want: pix.Layout{W: 321, H: 181, Depth: 8}},
		{name: "10 bit 4:2:2, 29.97 a second, B-frames", spec: testmedia.Spec{W: 320, H: 180, Frames: 40, Rate: "30000/1001", PixFmt: "yuv422p10le", Sound: true, Codec: x264("-bf", "3", "-g", "12")},
			want: pix.Layout{W: 320, H: 180, SubX: 1, Depth: 10}},
		{name: "12 bit to hevc", spec: testmedia.Spec{W: 320, H: 180, Frames: 12, PixFmt: "yuv420p12le", Ext: ".mkv", Codec: []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"}},
			codec: HEVC, want: pix.Layout{W: 320, H: 180, SubX: 1, SubY: 1, Depth: 12}},
		{name: "av1, full range", spec: testmedia.Spec{W: 320, H: 180, Frames: 12, PixFmt: "yuvj420p", Codec: x264("-color_range", "pc")},
			codec: AV1, want: pix.Layout{W: 320, H: 180, SubX: 1, SubY: 1, Depth: 8}},
		{name: "grey", spec: testmedia.Spec{W: 320, H: 180, Frames: 8, PixFmt: "gray", Ext: ".mkv", Codec: []string{"-c:v", "ffv1"}},
			want: pix.Layout{W: 320, H: 180, SubX: 1, SubY: 1, Depth: 8}, notes: true},
		{name: "rgb", spec: testmedia.Spec{W: 320, H: 180, Frames: 8, PixFmt: "bgr0", Ext: ".mkv", Codec: []string{"-c:v", "ffv1"}},
			want: pix.Layout{W: 320, H: 180, Depth: 8}},
		{name: "transport stream, open groups", spec: testmedia.Spec{W: 320, H: 180, Frames: 60, Sound: true, Ext: ".ts", Codec: []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:open-gop=1:keyint=15:bframes=3"}},
			want: pix.Layout{W: 320, H: 180, SubX: 1, SubY: 1, Depth: 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.People = people
			m := testmedia.Clip(t, c.spec)
			tr := roundTrip(t, m.Path, c.codec, c.from, c.to)
			if tr.filled != 0 {
				t.Errorf("%d frames were filled in", tr.filled)
			}
			if c.from == 0 && tr.info.Frames() != len(m.Truth) {
				t.Errorf("%d frames found, %d made", tr.info.Frames(), len(m.Truth))
			}
			if tr.got.Video.Layout != c.want {
				t.Errorf("output is %s, want %s", tr.got.Video.Layout, c.want)
			}
			if len(tr.notes) > 0 != c.notes {
				t.Errorf("notes %q", tr.notes)
			}
			if a, b := tr.info.Video, tr.got.Video; a.Tags.Range == "pc" != (b.Tags.Range == "pc") || a.Colour.Full != b.Colour.Full {
				t.Errorf("range %q became %q", a.Tags.Range, b.Tags.Range)
			}
			first, end, err := tr.info.Trim(c.from, c.to)
			if err != nil {
				t.Fatal(err)
			}
			if c.from == 0 {
				tr.checkSound(t, m.Path, 0, 0)
			} else {
				tr.checkSound(t, m.Path, tr.info.Time(first), tr.info.Time(end))
			}
			tr.checkPictures(t, m.Path, c.from == 0)
		})
	}
}

// checkPictures compares decoded pictures of source and output by luma.
func (tr trip) checkPictures(t *testing.T, path string, whole bool) {
	t.Helper()
	if !whole || tr.info.Video.Layout.W != tr.got.Video.Layout.W {
		return
	}
	for _, n := range []int{0, tr.info.Frames() / 2, tr.info.Frames() - 1} {
		a, b := frameAt(t, path, tr.info, n), frameAt(t, tr.out, tr.got, n)
		shiftA, shiftB := a.Depth-8, b.Depth-8
		var sum float64
		for y := range a.H {
			for x := range a.W {
				d := float64(a.Planes[0].At(x, y))/float64(int(1)<<shiftA) - float64(b.Planes[0].At(x, y))/float64(int(1)<<shiftB)
				sum += d * d
			}
		}
		if psnr := 10 * math.Log10(255*255/(sum/float64(a.W*a.H)+1e-9)); psnr < 36 {
			t.Errorf("frame %d comes out with %.1f dB", n, psnr)
		}
	}
}

// frameAt reads one frame.
func frameAt(t *testing.T, path string, info *Info, n int) *pix.Frame {
	t.Helper()
	r, err := OpenReader(t.Context(), path, info, ReadOptions{First: n, End: n + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// few are the files of the development set that a short run takes.
var few = []string{"odd/video/vfr.mp4", "odd/video/edit_list_cut.mp4", "odd/video/interlaced_mpeg2.ts", "odd/video/raw.h264",
	"odd/video/vp9_opus.webm", "odd/video/two_audio_tracks.mp4", "odd/video/av_offset_audio_late_200ms.mp4",
	"odd/video/rotate90_meta_b_phone_portrait.mp4", "odd/video/truncated_faststart.mp4", "odd/video/prores422.mov",
	"odd/video/one_frame.mp4", "videos/v06_man_suit_6s.mp4"}

// TestRoundTripShared is the same over the development set: a dozen, or all of it in a
// long run.
func TestRoundTripShared(t *testing.T) {
	root := testmedia.Shared(t)
	var files []string
	for _, f := range few {
		files = append(files, filepath.Join(root, filepath.FromSlash(f)))
	}
	if long() {
		files = nil
		for _, pattern := range []string{"odd/video/*.*", "videos/*.m[op4]*"} {
			m, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, m...)
		}
	}
	tried := 0
	for _, f := range files {
		if _, err := Probe(t.Context(), f, Limits{}); err != nil {
			continue // TestProbeShared judges those
		}
		tried++
		t.Run(filepath.Base(f), func(t *testing.T) {
			tr := roundTrip(t, f, "", 0, 0)
			if tr.got.Video.Layout != tr.info.Video.Layout {
				t.Errorf("output is %s, want %s", tr.got.Video.Layout, tr.info.Video.Layout)
			}
			if a, b := tr.info.Video.Tags, tr.got.Video.Tags; a.Primaries != b.Primaries || a.Transfer != b.Transfer || a.Matrix != b.Matrix {
				t.Errorf("colour tags %v became %v", a, b)
			}
			if a, b := tr.info.Video.SAR, tr.got.Video.SAR; a.Num != 0 && a != b {
				t.Errorf("sample aspect ratio %v became %v", a, b)
			}
			tr.checkSound(t, f, 0, 0)
		})
	}
	if tried < len(few) {
		t.Errorf("only %d files could be read", tried)
	}
}
