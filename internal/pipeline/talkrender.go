package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// talked is what a render segment of a talk leaves.
type talked struct {
	Key      string      `json:"key"` // of the encoded piece
	Range    media.Range `json:"range"`
	Drawn    int         `json:"drawn"`   // frames that got a new mouth
	Covered  int         `json:"covered"` // frames left as filmed because something lies in front of the mouth
	Provider string      `json:"provider"`
	Reused   bool        `json:"reused,omitempty"` // made by an earlier run
}

// drawnRole is what drawing one person needs.
type drawnRole struct {
	plan     *lipsync.Plan // of the segment
	mouths   *lipsync.Mouths
	renderer *lipsync.Renderer
}

// maxBase bounds the stored list of base frames: two million numbers.
const maxBase = 32 << 20

// loadBase reads which frame of the footage each frame of the result shows.
func loadBase(ctx context.Context, w *work) error {
	raw, err := w.r.cfg.Blobs.Read(ctx, w.planned.Base, maxBase)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &w.base); err != nil {
		return fmt.Errorf("stored base frames: %w", err)
	}
	if w.part.First < 0 || w.part.First >= w.part.End || w.part.End > len(w.base) {
		return fmt.Errorf("segment spec: frames %d to %d of %d", w.part.First, w.part.End, len(w.base))
	}
	return nil
}

// openResult starts what gives the frames and what takes them.
func openResult(ctx context.Context, w *work) (err error) {
	if w.in, err = w.openOrder(ctx, w.base[w.part.First:w.part.End]); err != nil {
		return w.videoFault(err)
	}
	w.free = append(w.free, func() error { w.in.Close(); return nil })
	w.pieceFile = w.scratch("piece.mp4")
	info := w.resultInfo()
	w.encoder, err = media.NewWriter(ctx, w.pieceFile, media.WriterOptions{
		Video: &info.Video, Codec: w.footage.Codec, CRF: w.footage.CRF, Preset: w.footage.Preset,
	})
	if err != nil {
		return err
	}
	w.free = append(w.free, func() error { w.encoder.Abort(); return nil }) // removes the piece, which is stored by then
	w.warn(w.encoder.Notes()...)
	return nil
}

// loadPlans reads the segment's part of every role's plan.
func loadPlans(ctx context.Context, w *work) error {
	for i, key := range w.planned.Plans {
		var d drawnRole
		if err := w.load(ctx, w.r.cfg.Blobs, key, func(in io.Reader) error {
			p, err := lipsync.ReadPlan(in)
			if err == nil {
				d.plan = p.Part(w.part.First, w.part.End)
			}
			return err
		}); err != nil {
			return err
		}
		var err error
		if d.mouths, err = w.openMouths(ctx, i); err != nil {
			return err
		}
		if d.renderer, err = lipsync.NewRenderer(&d.plan.Model); err != nil {
			return err
		}
		w.roles = append(w.roles, d)
	}
	return nil
}

// canvas is a frame on its way.
type canvas struct {
	frame *pix.Frame
	k     int // in the segment
	drawn bool
	// covered tells that something lies in front of a mouth that should have changed, which so did not.
	covered bool
}

// renderTalk draws the mouths into the segment's frames and encodes them once.
func renderTalk(ctx context.Context, w *work) error {
	total := w.part.End - w.part.First
	k, drawn, covered := 0, 0, 0
	err := inOrder(ctx, min(w.r.cfg.Threads, maxWorkers), func() (*canvas, error) {
		f, err := w.in.Read()
		if err != nil {
			return nil, err
		}
		c := &canvas{frame: f, k: k}
		k++
		return c, nil
	}, w.drawMouths, func(c *canvas) error {
		c.frame.PTS = int64(w.part.First + c.k)
		if err := w.encoder.Write(c.frame); err != nil {
			return err
		}
		w.in.Release(c.frame)
		if c.drawn {
			drawn++
		}
		if c.covered {
			covered++
		}
		w.job.Report(c.k+1, total)
		return nil
	})
	if err != nil {
		return w.videoFault(err)
	}
	if err := w.encoder.Close(); err != nil {
		return err
	}
	if n := w.in.Filled(); n > 0 {
		w.warn(fmt.Sprintf("%s: %d damaged frames repeat the one before", w.fetched.Video.Name, n))
	}
	key := w.key("piece.mp4")
	if _, err := w.r.cfg.Blobs.Put(ctx, key, w.pieceFile); err != nil {
		return err
	}
	w.out = talked{Key: key, Range: w.part.frames(), Drawn: drawn, Covered: covered, Provider: w.r.Provider()}
	return nil
}

// drawMouths gives a frame the mouths of everybody who speaks.
func (w *work) drawMouths(c *canvas) error {
	for i := range w.roles {
		d := &w.roles[i]
		want, head := &d.plan.Frames[c.k], d.plan.Head(c.k)
		if want.Mouth < 0 || !(want.Amount > 0) || head == nil {
			continue
		}
		m, err := d.plan.Mouth(d.mouths, want.Mouth)
		if err != nil {
			return err
		}
		done, err := d.renderer.Draw(c.frame, head, m, want)
		if err != nil {
			return err
		}
		c.drawn = c.drawn || done.Changed
		c.covered = c.covered || !done.Changed && done.Covered > 0
	}
	return nil
}
