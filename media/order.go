package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// OrderOptions say where frames come from that are read in an order of one's own.
type OrderOptions struct {
	Kept    []Kept        // frames that wait already decoded; they are read from there
	Dir     string        // a folder for frames that are played backwards, needed where there are such
	Most    int64         // bytes that may lie in Dir at a time; 0 means a gigabyte. One frame always may
	Threads int           // of the decoder; 0 lets it choose
	Ahead   int           // frames read before they are asked for; 0 means 2
	Stall   time.Duration // without a byte before the decoder is given up; 0 means 90 s
}

// OpenOrder reads a video's frames in any order: forward as it plays, repeated or left out, and backwards. It
// decodes forward only: of what is played backwards, as much as fits into Dir is decoded at once, from
// a keyframe on where there is one, and read from its end. A frame's PTS is its time in the video. The Reader gives as many
// frames as order names and must be closed.
func OpenOrder(ctx context.Context, path string, info *Info, order []int, opt OrderOptions) (*Reader, error) {
	if len(order) == 0 || slices.Min(order) < 0 || slices.Max(order) >= info.Frames() {
		return nil, fault.New(fault.Internal, "", "frames that the video does not have cannot be read")
	}
	if opt.Most <= 0 {
		opt.Most = 1 << 30
	}
	r := newReader(ctx, info, ReadOptions{End: len(order), Ahead: opt.Ahead})
	o := &orderly{OrderOptions: opt, r: r, path: path, info: info}
	for _, k := range opt.Kept {
		if k.First < 0 || k.First >= k.End || k.End > info.Frames() {
			r.cancel()
			return nil, fault.New(fault.Internal, "", "kept frames %d to %d cannot be read", k.First, k.End)
		}
	}
	r.run(func(ctx context.Context) error { return o.send(ctx, order) })
	return r, nil
}

// orderly is one run of OpenOrder.
type orderly struct {
	OrderOptions
	r     *Reader
	path  string
	info  *Info
	files int // of Dir, so far
}

// send gives all frames, one run after the other.
func (o *orderly) send(ctx context.Context, order []int) error {
	filled := map[int]bool{}
	for len(order) > 0 {
		n, k := o.nextRun(order)
		run := order[:n]
		order = order[n:]
		var err error
		switch {
		case k >= 0:
			if !filled[k] {
				o.r.count(o.Kept[k].Filled, 0)
				filled[k] = true
			}
			err = o.fromFile(ctx, o.Kept[k], run)
		case run[0] > run[n-1]:
			err = o.backwards(ctx, run)
		default:
			err = o.forward(ctx, run)
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// nextRun is how many frames can be read in one way, and where they are kept: −1 when they must be decoded.
func (o *orderly) nextRun(order []int) (n, kept int) {
	kept = o.keptAt(order[0])
	way := 0
	for n = 1; n < len(order); n++ {
		d := order[n] - order[n-1]
		switch {
		case o.keptAt(order[n]) != kept:
			return n, kept
		case kept >= 0 || d == 0:
			continue
		case d > 0 && way < 0, d < 0 && way > 0, d > forwardGap:
			return n, kept
		case d > 0:
			way = 1
		default:
			way = -1
		}
	}
	return n, kept
}

// forwardGap is how many frames are decoded for nothing rather than beginning at a keyframe again.
const forwardGap = 60

func (o *orderly) keptAt(frame int) int {
	return slices.IndexFunc(o.Kept, func(k Kept) bool { return k.First <= frame && frame < k.End })
}

// fromFile sends frames that lie decoded in a file.
func (o *orderly) fromFile(ctx context.Context, k Kept, run []int) error {
	f, err := os.Open(k.Path)
	if err != nil {
		return fault.From(err)
	}
	defer f.Close() // only read
	for _, n := range run {
		g := o.r.take()
		raw := rawBytes(g)
		if _, err := f.ReadAt(raw, int64(len(raw))*int64(n-k.First)); err != nil {
			return fault.From(fmt.Errorf("kept frame %d: %w", n, err))
		}
		g.PTS = o.info.Video.Times[n]
		if !o.r.send(ctx, readResult{frame: g}) {
			return nil
		}
	}
	return nil
}

// forward sends frames whose numbers do not fall, as they are decoded.
func (o *orderly) forward(ctx context.Context, run []int) error {
	in, err := OpenReader(ctx, o.path, o.info, ReadOptions{First: run[0], End: run[len(run)-1] + 1, Threads: o.Threads, Stall: o.Stall, pool: o.r})
	if err != nil {
		return err
	}
	defer func() {
		in.Close()
		o.r.count(in.Filled(), 0)
	}()
	at := run[0] - 1
	var have *pix.Frame
	for i, n := range run {
		for at < n {
			o.r.Release(have)
			if have, err = in.Read(); err != nil {
				return err
			}
			at++
		}
		f := have
		if i+1 < len(run) && run[i+1] == n { // shown again: the receiver may change what it gets
			f = o.r.take()
			copy(rawBytes(f), rawBytes(have))
			f.PTS = have.PTS
		} else {
			have = nil
		}
		if !o.r.send(ctx, readResult{frame: f}) {
			return nil
		}
	}
	return nil
}

// backwards decodes frames whose numbers do not rise block by block, the last block first.
func (o *orderly) backwards(ctx context.Context, run []int) error {
	most := max(1, int(o.Most/KeptSize(o.info.Video.Layout, 1)))
	for len(run) > 0 {
		high := run[0]
		low := max(run[len(run)-1], high-most+1)
		// From a keyframe on nothing is decoded in vain. What is left below it comes with the next block.
		if k, found := slices.BinarySearch(o.info.Video.Keys, low); !found && low > run[len(run)-1] && k < len(o.info.Video.Keys) && o.info.Video.Keys[k] <= (low+high)/2 {
			low = o.info.Video.Keys[k]
		}
		n := 1
		for n < len(run) && run[n] >= low {
			n++
		}
		if err := o.block(ctx, low, high, run[:n]); err != nil || ctx.Err() != nil {
			return err
		}
		run = run[n:]
	}
	return nil
}

// block decodes frames low to high into a file and sends those of run.
func (o *orderly) block(ctx context.Context, low, high int, run []int) error {
	o.files++
	path := filepath.Join(o.Dir, fmt.Sprintf("backwards-%d", o.files))
	defer os.Remove(path) // not there where nothing was kept
	in, err := OpenReader(ctx, o.path, o.info, ReadOptions{First: low, End: high + 1, Threads: o.Threads, Stall: o.Stall, Keep: path, pool: o.r})
	if err != nil {
		return err
	}
	for err == nil {
		var f *pix.Frame
		if f, err = in.Read(); err == nil {
			o.r.Release(f)
		}
	}
	in.Close()
	if !errors.Is(err, io.EOF) {
		return err
	}
	k, ok := in.Kept()
	if !ok {
		return fault.New(fault.DiskFull, "", "no room for frames that are played backwards").
			WithHint("Free some space or choose another data folder.")
	}
	o.r.count(k.Filled, 0)
	return o.fromFile(ctx, k, run)
}
