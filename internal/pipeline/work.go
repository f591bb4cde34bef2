package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/swap"
)

// work is the context that the steps of one segment share.
type work struct {
	r    *Runner
	job  dispatch.Job
	kind kind
	spec Swap           // of a swap
	talk Talk           // of a talk, and what a dub becomes
	dub  Dub            // of a dub
	dir  string         // scratch folder of this attempt, removed at its end
	free []func() error // the last first

	footage   footage // of the spec
	fetched   fetched // of the first stage
	joined    joined  // of the join
	part      part    // what this segment works on
	video     string  // local path
	info      *media.Info
	analysis  *face.Analysis
	plan      *swap.Plan
	in        *media.Reader // of the segment that is rendered
	encoder   *media.Writer
	pieceFile string // what it writes
	pieces    []rendered

	// Of a talk.
	voiced  voiced
	planned planned
	more    []*face.Analysis // of the further footage
	base    []int            // the footage's frame for each of the result
	roles   []drawnRole
	done    []talked

	// Of a dub.
	source, target *speech.Transcript
	segments       []DubSegment
	said           []speech.Sound // by segment, at media.MixRate

	report   any    // what the finished task says of itself
	final    string // local path of the assembled result
	out      any    // what the record keeps of this segment
	warnings []string
}

// input is a file that a task works on.
type input struct {
	Name   string `json:"name"`           // what the user calls it
	Key    string `json:"key,omitempty"`  // in the blob store, or
	Path   string `json:"path,omitempty"` // a file of this machine
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Still  *still `json:"still,omitempty"` // set when it is a picture out of a clip
}

func (r *Runner) newWork(j dispatch.Job) (*work, error) {
	w := &work{r: r, job: j}
	var err error
	if w.kind, err = kindOf(j.Task.Kind); err != nil {
		return nil, err
	}
	if err := w.kind.read(w); err != nil {
		return nil, err
	}
	if len(j.Segment.Spec) > 0 {
		if err := json.Unmarshal(j.Segment.Spec, &w.part); err != nil {
			return nil, fmt.Errorf("segment spec: %w", err)
		}
	}
	if w.fetched, err = earlier[fetched](j.Task, Fetch); err != nil {
		return nil, err
	}
	if w.joined, err = earlier[joined](j.Task, Join); err != nil {
		return nil, err
	}
	if w.voiced, err = earlier[voiced](j.Task, Voice); err != nil {
		return nil, err
	}
	if w.planned, err = earlier[planned](j.Task, Plan); err != nil {
		return nil, err
	}
	if j.Task.Kind == KindDub {
		if err := w.castSays(); err != nil {
			return nil, err
		}
	}
	var free func() error
	if w.dir, free, err = r.cfg.Scratch.Dir(j.Segment.ID); err != nil {
		return nil, err
	}
	w.free = append(w.free, free)
	return w, nil
}

// earlier is what a stage of one segment left; nothing where it has not been done.
func earlier[T any](t task.Task, stage string) (v T, err error) {
	if _, ok := t.Results[stage]; !ok {
		return v, nil
	}
	list, err := stageResult[T](t, stage)
	if err != nil {
		return v, err
	}
	return list[0], nil
}

// close removes what the attempt left on the disk.
func (w *work) close() {
	for _, free := range slices.Backward(w.free) {
		if err := free(); err != nil {
			w.r.log.Warn("scratch files stay", "task", w.job.Task.ID, "error", err)
		}
	}
}

// key is a name in the blob store for this attempt alone.
func (w *work) key(name string) string {
	return fmt.Sprintf("%s/%s/%s", TaskPrefix(w.job.Task.ID), w.job.Segment.Lease, name)
}

// TaskPrefix is where a task keeps what nobody needs once it has ended.
func TaskPrefix(id task.ID) string { return "tasks/" + string(id) }

// scratch is a path in the folder of this attempt.
func (w *work) scratch(name string) string { return filepath.Join(w.dir, name) }

// warn keeps a sentence for the user.
func (w *work) warn(text ...string) { w.warnings = append(w.warnings, text...) }

// open gives a local path of an input, which must only be read.
func (w *work) open(ctx context.Context, in input) (string, error) {
	if in.Path != "" {
		return in.Path, nil
	}
	path, free, err := w.r.cfg.Scratch.File(ctx, w.r.cfg.Blobs, in.Key)
	if err != nil {
		return "", err
	}
	w.free = append(w.free, free)
	return path, nil
}

// breathe reports life while a step runs that cannot count its frames but is bounded by
// deadlines of its own. Call stop when the step is over.
func (w *work) breathe() (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-tick.C:
				w.job.Report(n, 0)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// openVideo fetches the clip that the segment works on and what was found out about it.
func openVideo(ctx context.Context, w *work) (err error) {
	clips := w.fetched.clips()
	if w.part.Clip < 0 || w.part.Clip >= len(clips) {
		return fmt.Errorf("segment spec: clip %d of %d", w.part.Clip, len(clips))
	}
	w.video, w.info, err = w.openClip(ctx, clips[w.part.Clip])
	return err
}

// openClip fetches a clip and what was found out about it.
func (w *work) openClip(ctx context.Context, c clip) (path string, info *media.Info, err error) {
	if path, err = w.open(ctx, c.Video); err != nil {
		return "", nil, err
	}
	raw, err := w.r.cfg.Blobs.Read(ctx, c.Info, maxInfo)
	if err != nil {
		return "", nil, err
	}
	info = new(media.Info)
	if err := json.Unmarshal(raw, info); err != nil {
		return "", nil, fmt.Errorf("stored description of the video: %w", err)
	}
	return path, info, nil
}

// maxInfo bounds the description of a video: a line for each frame of a day of video.
const maxInfo = 64 << 20

// maxFPS is the highest rate that smoothing is told; a damaged header can claim any.
const maxFPS = 1000

// fps is the video's frame rate for smoothing in time; 25 when the file does not say.
func (w *work) fps() float64 { return clipRate(w.info) }

// clipRate is a clip's frame rate, 25 when the file does not say.
func clipRate(info *media.Info) float64 {
	if f := info.Video.AvgRate.Float(); f > 0 {
		return min(f, maxFPS)
	}
	return 25
}
