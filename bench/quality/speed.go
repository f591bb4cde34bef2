package quality

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/twinsync/twinsync/bench"
)

// Speed is the whole way (decode, analyse, swap, encode) beside plain FFmpeg, each with an empty cache. How much
// slower a swap is depends on how much of the picture is face: the reference load says what is promised,
// the clips say what these take.
type Speed struct {
	Reference number       `json:"reference_ratio"` // wall time over plain FFmpeg's, on the reference load
	Clips     []SpeedOfOne `json:"clips"`
}

// SpeedOfOne is one clip's first seconds.
type SpeedOfOne struct {
	Clip      string  `json:"clip"`
	Frames    int     `json:"frames"`
	Wall      float64 `json:"wall_s"`
	CPU       float64 `json:"cpu_s"` // user and system, FFmpeg's included
	PlainWall float64 `json:"plain_wall_s"`
	PlainCPU  float64 `json:"plain_cpu_s"`
}

// speedSeconds is how much of each clip is timed.
const speedSeconds = 4

// timeAll times the reference load and every clip of the pairs.
func (r *runner) timeAll(ctx context.Context) (*Speed, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &Speed{Reference: number(math.NaN())}
	image, video := r.SpeedImage, r.SpeedVideo
	if image == "" || video == "" {
		first := r.report.Pairs[0]
		image, video = r.lib.photo(first.Photo), r.lib.clip(first.Clip)
	}
	load, err := bench.Run(ctx, bench.Options{Image: image, Video: video, Runs: 1, Only: []string{"swap"}, Log: r.Log})
	if err != nil {
		return nil, err
	}
	s.Reference = number(load.SwapRatio)
	timed := map[string]bool{}
	for _, p := range r.report.Pairs {
		if timed[p.Clip] {
			continue
		}
		timed[p.Clip] = true
		fmt.Fprintf(r.Log, "bench: time of %s\n", p.Clip)
		one, err := r.timeClip(ctx, self, p)
		if err != nil {
			return nil, fmt.Errorf("time of %s: %w", p.Clip, err)
		}
		s.Clips = append(s.Clips, one)
	}
	return s, nil
}

// timeClip times the first seconds of a clip.
func (r *runner) timeClip(ctx context.Context, self string, p *Pair) (SpeedOfOne, error) {
	one := SpeedOfOne{Clip: p.Clip}
	dir, err := os.MkdirTemp("", "twinsync-bench-")
	if err != nil {
		return one, err
	}
	defer os.RemoveAll(dir)
	cut := filepath.Join(dir, "cut"+filepath.Ext(p.Clip))
	ffmpeg := func(args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	}
	if _, _, err := clock(ffmpeg("-i", "file:"+r.lib.clip(p.Clip), "-t", fmt.Sprint(speedSeconds), "-c", "copy", "-dn", "-sn", "file:"+cut)); err != nil {
		return one, err
	}
	if one.PlainWall, one.PlainCPU, err = clock(ffmpeg("-i", "file:"+cut, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18",
		"-movflags", "+faststart", "file:"+filepath.Join(dir, "plain.mp4"))); err != nil {
		return one, err
	}
	out := filepath.Join(dir, "ours.mp4")
	cmd := exec.CommandContext(ctx, self, "swap", "--json", "--image", r.lib.photo(p.Photo), "--video", cut, "--out", out)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	report, err := os.Create(filepath.Join(dir, "report"))
	if err != nil {
		return one, err
	}
	defer report.Close()
	cmd.Stdout = report
	if one.Wall, one.CPU, err = clock(cmd); err != nil {
		return one, err
	}
	one.Frames, err = framesIn(report)
	return one, err
}

// stopTime is what a program that is stopped has to tidy up before it is killed.
const stopTime = 10 * time.Second

// clock runs a program and gives its wall and CPU time in seconds, that of the programs it ran included.
func clock(cmd *exec.Cmd) (wall, cpu float64, err error) {
	begin := time.Now()
	if cmd.Stdout == nil {
		cmd.Stdout = io.Discard
	}
	var said tail
	cmd.Stderr = &said
	if cmd.Cancel != nil { // made with a context: what is stopped tidies up its files and its own programs
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = stopTime
	}
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, said)
	}
	state := cmd.ProcessState
	return time.Since(begin).Seconds(), (state.UserTime() + state.SystemTime()).Seconds(), nil
}

// tail keeps the end of what a program says.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	*t = (*t)[max(0, len(*t)-2000):]
	return len(p), nil
}

// framesIn reads the number of frames from the report, the last line that `twinsync swap --json` prints.
func framesIn(f *os.File) (int, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var last struct {
		Report struct {
			Swap struct {
				Frames int `json:"frames"`
			} `json:"swap"`
		} `json:"report"`
	}
	for d := json.NewDecoder(f); d.More(); {
		if err := d.Decode(&last); err != nil {
			return 0, fmt.Errorf("report of twinsync swap: %w", err)
		}
	}
	return last.Report.Swap.Frames, nil
}
