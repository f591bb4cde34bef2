package media

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Kept says where a Reader has left the frames that it gave, so that they need not be decoded a second
// time: raw, one after the other, in this machine's byte order.
type Kept struct {
	Path       string
	First, End int // frames First ≤ n < End of the video
	Filled     int // of them, copies of the frame before (Reader.Filled)
}

// KeptSize is how many bytes n frames of a layout take.
func KeptSize(l pix.Layout, n int) int64 { return int64(frameBytes(l)) * int64(n) }

// keeper writes the frames of a Reader to a file. What goes wrong with the file ends the keeping,
// not the reading.
type keeper struct {
	f    *os.File
	path string
	n    int // frames written
}

// newKeeper begins a file that must not exist yet; nil where that fails.
func newKeeper(path string) *keeper {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil
	}
	return &keeper{f: f, path: path}
}

// keepPiece is how many bytes are written at once. Linux keeps what is written in pieces of memory as large as the
// write; of large ones few lie ready, and writes of 4 MB take up to five times as long.
const keepPiece = 64 << 10

// add writes a frame.
func (k *keeper) add(f *pix.Frame) {
	if k == nil || k.f == nil {
		return
	}
	for piece := range slices.Chunk(rawBytes(f), keepPiece) {
		if _, err := k.f.Write(piece); err != nil {
			k.drop()
			return
		}
	}
	k.n++
}

// drop ends the keeping and gives the space back.
func (k *keeper) drop() {
	k.f.Close() // what it holds is thrown away
	k.f = nil
	_ = os.Remove(k.path) // the folder it lies in is removed with the work
}

// end reports whether all n frames are in the file; where they are not, the file is gone.
func (k *keeper) end(n int) bool {
	if k == nil || k.f == nil {
		return false
	}
	if k.n != n || k.f.Close() != nil {
		k.drop()
		return false
	}
	k.f = nil
	return true
}

// Kept tells where the frames are that ReadOptions.Keep asked to keep. It is false where they were not
// all given, or not all could be written: then nothing is left of them. Call it after Close.
func (r *Reader) Kept() (Kept, bool) {
	if !r.kept {
		return Kept{}, false
	}
	return Kept{Path: r.opt.Keep, First: r.opt.First, End: r.opt.End, Filled: r.Filled()}, true
}

// OpenKept reads what an earlier Reader of the same video kept: the same frames at the same times.
// The file stays; the caller removes it. A file of another size is a fault.Internal.
//
// The Reader must be closed.
func OpenKept(ctx context.Context, k Kept, info *Info) (*Reader, error) {
	f, err := os.Open(k.Path)
	if err != nil {
		return nil, fault.From(err)
	}
	st, err := f.Stat()
	if err == nil && (k.First < 0 || k.First >= k.End || k.End > info.Frames() ||
		st.Size() != KeptSize(info.Video.Layout, k.End-k.First)) {
		err = fault.New(fault.Internal, "", "kept frames %d to %d are not all there", k.First, k.End)
	}
	if err != nil {
		f.Close() // only read
		return nil, fault.From(err)
	}
	r := newReader(ctx, info, ReadOptions{First: k.First, End: k.End})
	r.filled = k.Filled
	r.run(func(ctx context.Context) error {
		defer f.Close() // only read
		for n := k.First; n < k.End; n++ {
			g := r.take()
			raw := rawBytes(g)
			if _, err := f.ReadAt(raw, int64(len(raw))*int64(n-k.First)); err != nil {
				return fault.From(fmt.Errorf("kept frame %d: %w", n, err))
			}
			g.PTS = info.Video.Times[n]
			if !r.send(ctx, readResult{frame: g}) {
				return nil
			}
		}
		return nil
	})
	return r, nil
}
