package pipeline

import (
	"context"
	"fmt"

	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// rendered is what a render segment leaves.
type rendered struct {
	Key      string       `json:"key"` // of the encoded piece
	Range    media.Range  `json:"range"`
	Report   *swap.Report `json:"report"`
	Provider string       `json:"provider"` // what the networks ran on
}

// maxWorkers bounds the frames worked on at once, each of which is held in memory.
const maxWorkers = 16

// makeIdentities makes identities of the photos, for buildPlan to find.
func makeIdentities(ctx context.Context, w *work) error {
	o, err := w.options(ctx)
	if err == nil {
		_, err = w.identities(ctx, o)
	}
	return err
}

// options are those of the engine.
func (w *work) options(ctx context.Context) (swap.Options, error) {
	o := swap.DefaultOptions()
	o.Strength, o.Tone = float32(w.spec.Strength), float32(w.spec.Tone)
	o.OwnEyes = w.spec.OwnEyes
	o.Workers, o.FPS = min(w.r.cfg.Threads, maxWorkers), w.fps()
	networks, err := w.networks(ctx)
	if networks != nil {
		o.Engine, o.Networks = swap.EngineONNX, networks
	}
	return o, err
}

// buildPlan makes identities of the photos and gives them to the chosen people.
func buildPlan(ctx context.Context, w *work) error {
	o, err := w.options(ctx)
	if err != nil {
		return err
	}
	ids, err := w.identities(ctx, o)
	if err != nil {
		return err
	}
	var list []swap.Assignment
	for _, c := range w.joined.Chosen {
		list = append(list, swap.Assignment{Person: c.Person, Identity: ids[c.Face]})
	}
	w.plan, err = swap.NewPlan(w.analysis, list, o)
	return err
}

// openStreams starts what gives the frames and what takes them, which need a moment to get going.
func openStreams(ctx context.Context, w *work) (err error) {
	if w.in, err = w.openFrames(ctx); err != nil {
		return w.videoFault(err)
	}
	w.free = append(w.free, func() error { w.in.Close(); return nil })
	w.pieceFile = w.scratch("piece.mp4")
	w.encoder, err = media.NewWriter(ctx, w.pieceFile, media.WriterOptions{
		Video: &w.info.Video, Codec: w.footage.Codec, CRF: w.footage.CRF, Preset: w.footage.Preset,
	})
	if err != nil {
		return err
	}
	w.free = append(w.free, func() error { w.encoder.Abort(); return nil }) // removes the piece, which is stored by then
	w.warn(w.encoder.Notes()...)
	return nil
}

// render draws the faces into the segment's frames and encodes them once.
func render(ctx context.Context, w *work) error {
	in, out := w.in, w.encoder
	total := w.part.End - w.part.First
	report := swap.NewReport()
	n := 0
	err := w.plan.Stream(ctx, w.part.First, w.part.End, in.Read, func(f *pix.Frame, r swap.FrameReport) error {
		if err := out.Write(f); err != nil {
			return err
		}
		in.Release(f)
		report.Add(r)
		n++
		w.job.Report(n, total)
		return nil
	})
	if err != nil {
		return w.videoFault(err)
	}
	if err := out.Close(); err != nil {
		return err
	}
	if n := in.Filled(); n > 0 {
		w.warn(fmt.Sprintf("%s: %d damaged frames from number %d on repeat the one before", w.fetched.Video.Name, n, w.part.First))
	}
	key := w.key("piece.mp4")
	if _, err := w.r.cfg.Blobs.Put(ctx, key, w.pieceFile); err != nil {
		return err
	}
	w.out = rendered{Key: key, Range: w.part.frames(), Report: report, Provider: w.r.Provider()}
	return nil
}

// openFrames reads the segment's frames: those that the analysis kept, or from the video.
func (w *work) openFrames(ctx context.Context) (*media.Reader, error) {
	if k, free, ok := w.r.kept.take(w.job.Task.ID, w.part); ok {
		w.free = append(w.free, func() error { w.r.kept.drop(free); return nil })
		in, err := media.OpenKept(ctx, k, w.info)
		if err == nil {
			return in, nil
		}
		w.r.log.Warn("kept frames are decoded again", "task", w.job.Task.ID, "error", err)
	}
	return media.OpenReader(ctx, w.video, w.info, media.ReadOptions{
		First: w.part.First, End: w.part.End, Threads: w.r.cfg.Threads,
	})
}
