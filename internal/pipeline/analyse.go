package pipeline

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/media"
)

// analysed is what a segment of the analysis leaves.
type analysed struct {
	Key string `json:"key"` // of the observations
}

// decodedAhead is how many frames may wait to be looked at: frames in which faces are searched take several times as
// long as those in which they are followed, and the decoder need not stand still meanwhile. With 12 no more was gained.
const decodedAhead = 8

// observeToSwap is observe for a task that swaps. A local command, in whose process the frames will be rendered as well,
// makes the identities beside it: at the start of the render they would keep one core busy and the encoder waiting.
func observeToSwap(ctx context.Context, w *work) error {
	if !w.r.cfg.LocalFiles {
		return observe(ctx, w)
	}
	_, err := abreast(ctx, w, []step{observe}, []step{makeIdentities})
	return err
}

// observe looks at every frame of the segment.
func observe(ctx context.Context, w *work) error {
	nets, err := w.watchers(ctx)
	if err != nil {
		return err
	}
	path, keep := w.keepFrames()
	in, err := media.OpenReader(ctx, w.video, w.info, media.ReadOptions{
		First: w.part.First, End: w.part.End, Threads: w.r.cfg.Threads, Keep: path, Ahead: decodedAhead,
	})
	if err != nil {
		keep(nil)
		return w.videoFault(err)
	}
	defer func() {
		in.Close()
		keep(in)
	}()
	o := face.NewObserver(nets, w.part.First, w.fps())
	o.Hold(in.Release)
	total := w.part.End - w.part.First
	for n := 0; ; n++ {
		f, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return w.videoFault(err)
		}
		if err := o.Observe(ctx, f); err != nil {
			return err
		}
		w.job.Report(n+1, total)
	}
	if err := o.End(ctx); err != nil {
		return err
	}
	key := w.key("observations")
	if err := w.store(ctx, func(out io.Writer) error {
		_, err := o.Finish().WriteTo(out)
		return err
	}, place{w.r.cfg.Blobs, key}); err != nil {
		return err
	}
	w.out = analysed{Key: key}
	return nil
}

// place is where something is stored.
type place struct {
	to  *blob.Store
	key string
}

// store writes a file by write, once, and brings it to every place.
func (w *work) store(ctx context.Context, write func(io.Writer) error, places ...place) error {
	f, err := os.CreateTemp(w.dir, "out-")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	for _, p := range places {
		if _, err := p.to.Put(ctx, p.key, f.Name()); err != nil {
			return err
		}
	}
	return nil
}

// videoFault names the video in what is the user's to mend.
func (w *work) videoFault(err error) error {
	if f := fault.From(err); f.Code.Kind() == fault.Input {
		return f.WithParam(w.fetched.Video.Name)
	}
	return err
}
