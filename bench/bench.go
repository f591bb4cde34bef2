// Package bench measures TwinSync beside plain FFmpeg on the same machine in the same run: wall
// time as a ratio, the program's own memory, how soon the service is ready, and how fast it
// answers while it renders. Figures are medians; absolute times are printed for reading only.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Options say what is measured and on what.
type Options struct {
	Image, Video string   // a photo, and a clip of one person that the load is made of
	Runs         int      // of each side
	Only         []string // of "swap", "talk", "memory", "start", "post"; all when empty
	Log          io.Writer
}

// Result is what was measured. A figure that was not asked for is 0.
type Result struct {
	SwapRatio   float64 `json:"swap_ratio,omitempty"`   // wall time of a swap over that of plain FFmpeg
	SwapSeconds float64 `json:"swap_seconds,omitempty"` // median
	Plain       float64 `json:"plain_seconds,omitempty"`
	AgainRatio  float64 `json:"again_ratio,omitempty"` // the same, with the analysis kept from before

	TalkRatio      float64 `json:"talk_ratio,omitempty"` // as SwapRatio, of a text spoken over the whole clip
	TalkAgainRatio float64 `json:"talk_again_ratio,omitempty"`
	TalkSeconds    float64 `json:"talk_seconds,omitempty"`
	TalkPeakMB     float64 `json:"talk_peak_mb,omitempty"`

	PeakMB      float64 `json:"peak_mb,omitempty"`      // own memory, FFmpeg not counted
	PeakRatio   float64 `json:"peak_ratio,omitempty"`   // for a clip four times as long
	ReadyMS     float64 `json:"ready_ms,omitempty"`     // from start to readiness
	PostP50     float64 `json:"post_p50_ms,omitempty"`  // POST at 100 requests a second while a task renders
	PostP99     float64 `json:"post_p99_ms,omitempty"`  // likewise
	PostCount   int     `json:"post_count,omitempty"`   // requests
	PostRefused int     `json:"post_refused,omitempty"` // of them not accepted
}

// Targets that the project holds itself to.
const (
	targetSwap  = 1.7
	targetTalk  = 2.0
	targetPeak  = 400.0
	targetGrow  = 1.10
	targetReady = 500.0
	targetPost  = 50.0
)

// The reference load: 1080p at 30 frames a second with one face of about this width in pixels.
const (
	loadSeconds = 10
	longTimes   = 4
	loadFace    = 300
)

// bench is one run.
type bench struct {
	Options
	self string // this program
	dir  string
	face float64 // width of the clip's face in pixels; 0: not measured yet
}

// Run measures. It needs FFmpeg and a program built by `make build`.
func Run(ctx context.Context, o Options) (Result, error) {
	var r Result
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	for _, f := range []string{o.Image, o.Video} {
		if _, err := os.Stat(f); err != nil {
			return r, fault.New(fault.NotFound, f, "there is no such file").
				WithHint("'make bench' makes the samples; --image and --video name others.")
		}
	}
	if o.Runs < 1 {
		o.Runs = 1
	}
	b := &bench{Options: o, self: self}
	if b.dir, err = os.MkdirTemp("", "twinsync-bench-"); err != nil {
		return r, err
	}
	defer os.RemoveAll(b.dir)
	for _, part := range []struct {
		name string
		run  func(context.Context, *Result) error
	}{{"swap", b.swap}, {"talk", b.talk}, {"memory", b.memory}, {"start", b.start}, {"post", b.post}} {
		if len(o.Only) > 0 && !slices.Contains(o.Only, part.name) {
			continue
		}
		fmt.Fprintf(o.Log, "bench: %s\n", part.name)
		if err := part.run(ctx, &r); err != nil {
			return r, fmt.Errorf("bench %s: %w", part.name, err)
		}
	}
	return r, nil
}

// load makes the reference load: the clip played over and over, scaled so that its face has the
// reference width, in front of a copy of itself, blurred to nothing and turned over, that fills the 1080p
// picture, under the grain of a good camera (about 10 Mbit/s).
func (b *bench) load(ctx context.Context, seconds int) (string, error) {
	out := filepath.Join(b.dir, fmt.Sprintf("load-%d.mp4", seconds))
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	if b.face == 0 {
		var err error
		if b.face, err = b.faceWidth(ctx); err != nil {
			return "", err
		}
	}
	filter := fmt.Sprintf("[0:v]split[a][b];[a]scale=1920:1080:force_original_aspect_ratio=increase,crop=1920:1080,vflip,scale=24:14,scale=1920:1080[back];"+
		"[b]scale=trunc(iw*%[1]f/2)*2:-2,crop=min(iw\\,1920):min(ih\\,1080)[front];[back][front]overlay=(W-w)/2:(H-h)/2,noise=alls=3:allf=t,setsar=1[v]", loadFace/b.face)
	return out, b.ffmpeg(ctx, "-stream_loop", "-1", "-i", "file:"+b.Video, "-t", fmt.Sprint(seconds),
		"-filter_complex", filter, "-map", "[v]", "-map", "0:a?", "-r", "30",
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-c:a", "aac", "file:"+out)
}

// faceWidth measures the clip's face: the median width of its mesh in pixels.
func (b *bench) faceWidth(ctx context.Context) (float64, error) {
	dir := filepath.Join(b.dir, "faces")
	cmd := exec.CommandContext(ctx, b.self, "faces", "--json", "--video", b.Video, "--out", dir)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(b.dir, "cache"))
	cmd.Stderr = b.Log
	if out, err := cmd.Output(); err != nil {
		return 0, fmt.Errorf("twinsync faces: %w: %s", err, out)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "faces.json"))
	if err != nil {
		return 0, err
	}
	var found struct {
		Tracks []struct {
			Faces []struct {
				Box [4]float64 `json:"box"`
			} `json:"faces"`
		} `json:"tracks"`
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return 0, fmt.Errorf("faces.json: %w", err)
	}
	var widths []float64
	for _, t := range found.Tracks {
		for _, f := range t.Faces {
			widths = append(widths, f.Box[2])
		}
	}
	if len(widths) == 0 {
		return 0, fault.New(fault.NoFaceInVideo, b.Video, "no face was found in the video")
	}
	return median(widths), nil
}

func (b *bench) ffmpeg(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	cmd.Stderr = b.Log
	return cmd.Run()
}

// plain is the other side: FFmpeg alone, reading and writing the same.
func (b *bench) plain(ctx context.Context, in string) (float64, error) {
	begin := time.Now()
	err := b.ffmpeg(ctx, "-i", "file:"+in, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18",
		"-c:a", "copy", "-movflags", "+faststart", filepath.Join(b.dir, "plain.mp4"))
	return time.Since(begin).Seconds(), err
}

// report is the part of `twinsync swap --json` that counts here.
type report struct {
	Peak   int64 `json:"peak_memory"`
	Report struct {
		Swap struct {
			Frames  int `json:"frames"`
			Swapped int `json:"swapped"`
		} `json:"swap"`
	} `json:"report"`
}

// ours runs `twinsync swap` with a cache of its own, fresh or kept.
func (b *bench) ours(ctx context.Context, in string, fresh bool) (float64, report, error) {
	var r report
	took, err := b.command(ctx, fresh, &r, "swap", "--image", b.Image, "--video", in)
	if s := r.Report.Swap; err == nil && s.Swapped < s.Frames*9/10 {
		err = fmt.Errorf("only %d of %d frames were swapped: this clip measures nothing", s.Swapped, s.Frames)
	}
	return took, r, err
}

// command runs a command of this program that makes a video, and reads its report.
func (b *bench) command(ctx context.Context, fresh bool, report any, args ...string) (seconds float64, err error) {
	cache := filepath.Join(b.dir, "cache")
	if fresh {
		if err := os.RemoveAll(cache); err != nil {
			return 0, err
		}
	}
	cmd := exec.CommandContext(ctx, b.self, append(args, "--json", "--out", filepath.Join(b.dir, "ours.mp4"))...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache)
	cmd.Stderr = b.Log
	begin := time.Now()
	out, err := cmd.Output()
	seconds = time.Since(begin).Seconds()
	if err != nil {
		return seconds, fmt.Errorf("twinsync %s: %w: %s", args[0], err, out)
	}
	lines := splitLines(out)
	if err := json.Unmarshal(lines[len(lines)-1], report); err != nil {
		return seconds, fmt.Errorf("report of twinsync %s: %w", args[0], err)
	}
	return seconds, nil
}

func splitLines(b []byte) [][]byte {
	var lines [][]byte
	for len(b) > 0 {
		i := slices.Index(b, '\n')
		if i < 0 {
			i = len(b) - 1
		}
		lines = append(lines, b[:i+1])
		b = b[i+1:]
	}
	if lines == nil {
		lines = [][]byte{{}}
	}
	return lines
}

// swap measures both sides in turn, so that a machine that slows down slows both.
func (b *bench) swap(ctx context.Context, r *Result) error {
	in, err := b.load(ctx, loadSeconds)
	if err != nil {
		return err
	}
	var ratios, again, ours, plain []float64
	for range b.Runs {
		p, err := b.plain(ctx, in)
		if err != nil {
			return err
		}
		o, rep, err := b.ours(ctx, in, true)
		if err != nil {
			return err
		}
		k, _, err := b.ours(ctx, in, false)
		if err != nil {
			return err
		}
		ratios, again = append(ratios, o/p), append(again, k/p)
		ours, plain = append(ours, o), append(plain, p)
		r.PeakMB = max(r.PeakMB, float64(rep.Peak)/1e6)
	}
	r.SwapRatio, r.AgainRatio = median(ratios), median(again)
	r.SwapSeconds, r.Plain = median(ours), median(plain)
	return nil
}

// memory compares the peak of a clip with that of one four times as long.
func (b *bench) memory(ctx context.Context, r *Result) error {
	var peaks []float64
	for _, seconds := range []int{loadSeconds, longTimes * loadSeconds} {
		in, err := b.load(ctx, seconds)
		if err != nil {
			return err
		}
		_, rep, err := b.ours(ctx, in, true)
		if err != nil {
			return err
		}
		peaks = append(peaks, float64(rep.Peak)/1e6)
	}
	r.PeakMB = max(r.PeakMB, peaks[0], peaks[1])
	r.PeakRatio = peaks[1] / peaks[0]
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}

// Print writes the figures with the project's targets beside them.
func (r Result) Print(w io.Writer) {
	line := func(name string, value, target float64, unit string) {
		if value == 0 {
			return
		}
		mark := "within"
		if value > target {
			mark = "OVER"
		}
		fmt.Fprintf(w, "%-58s %8.2f %-2s  %s %.2f\n", name, value, unit, mark, target)
	}
	line("swap over plain FFmpeg, 10 s 1080p30, wall time", r.SwapRatio, targetSwap, "×")
	if r.AgainRatio > 0 {
		fmt.Fprintf(w, "%-58s %8.2f ×\n", "  the same footage again (its analysis is kept)", r.AgainRatio)
		fmt.Fprintf(w, "%-58s %8.2f s   plain %.2f s\n", "  in seconds on this machine", r.SwapSeconds, r.Plain)
	}
	line("talk over plain FFmpeg, the same load, wall time", r.TalkRatio, targetTalk, "×")
	if r.TalkAgainRatio > 0 {
		fmt.Fprintf(w, "%-58s %8.2f ×\n", "  the same footage again (its analysis is kept)", r.TalkAgainRatio)
		fmt.Fprintf(w, "%-58s %8.2f s   %.0f MB of its own at most\n", "  in seconds on this machine", r.TalkSeconds, r.TalkPeakMB)
	}
	line("own peak memory, FFmpeg not counted", r.PeakMB, targetPeak, "MB")
	line("  four times the length", r.PeakRatio, targetGrow, "×")
	line("service ready after its start", r.ReadyMS, targetReady, "ms")
	line("POST p99 at 100 a second while a task renders", r.PostP99, targetPost, "ms")
	if r.PostCount > 0 {
		fmt.Fprintf(w, "%-58s %8.2f ms  %d requests, %d refused\n", "  p50", r.PostP50, r.PostCount, r.PostRefused)
	}
}
