package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// ReadOptions says what to read and how.
type ReadOptions struct {
	First, End int           // frames First ≤ n < End; End = 0 means all
	Threads    int           // of the decoder; 0 lets it choose
	Ahead      int           // frames decoded before they are asked for; 0 means 2
	Keep       string        // a file, not there yet, that the frames are written to as well; see Kept
	Stall      time.Duration // without a byte before the decoder is given up; 0 means 90 s

	pool *Reader // whose frames are taken and given back; nil: the Reader has its own
}

// Reader gives a video's frames one by one, in the order and at the times of Info.
// It is for one goroutine; Release may be called from any.
type Reader struct {
	info   *Info
	opt    ReadOptions
	cancel context.CancelFunc
	frames chan readResult
	done   chan struct{} // closed when the decoding goroutine has ended

	ctx context.Context

	read int   // frames given
	err  error // what Read gives from now on

	keep *keeper // nil: nothing is kept
	kept bool    // everything was; set before done is closed

	mu             sync.Mutex
	free           []*pix.Frame
	filled, extras int
}

type readResult struct {
	frame *pix.Frame
	err   error
}

// errMissed says that decoding began too late for the first frame wanted.
var errMissed = errors.New("decoding began after the wanted frame")

// OpenReader starts to decode. It gives exactly the frames opt asks for: decoding starts
// at the keyframe before, and what comes is matched to Info's times, not counted. A frame
// that the file promises but that cannot be decoded is replaced by a copy of the one
// before it (Filled counts them); decoded pictures at times that Info does not have are
// dropped. So as many frames come as were asked for, at the right times, or an error.
//
// The Reader must be closed.
func OpenReader(ctx context.Context, path string, info *Info, opt ReadOptions) (*Reader, error) {
	if opt.End == 0 {
		opt.End = info.Frames()
	}
	if opt.First < 0 || opt.First >= opt.End || opt.End > info.Frames() {
		return nil, fault.New(fault.Internal, "", "frames %d to %d of %d cannot be read", opt.First, opt.End, info.Frames())
	}
	r := newReader(ctx, info, opt)
	run, err := r.open(r.ctx, path, r.keyBefore(opt.First, 0))
	if err != nil {
		r.cancel()
		return nil, err
	}
	if opt.Keep != "" {
		r.keep = newKeeper(opt.Keep)
	}
	r.run(func(ctx context.Context) error {
		err := r.decodeAll(ctx, path, run)
		r.kept = r.keep.end(opt.End - opt.First)
		return err
	})
	return r, nil
}

// newReader is a Reader without a source of frames.
func newReader(ctx context.Context, info *Info, opt ReadOptions) *Reader {
	if opt.Ahead <= 0 {
		opt.Ahead = 2
	}
	ctx, cancel := context.WithCancel(ctx)
	return &Reader{info: info, opt: opt, ctx: ctx, cancel: cancel,
		// A result waits in the channel, the next in the goroutine's hand.
		frames: make(chan readResult, max(opt.Ahead-1, 0)), done: make(chan struct{})}
}

// run starts the goroutine that sends the frames; Close waits for it.
func (r *Reader) run(source func(context.Context) error) {
	go func() {
		defer close(r.done)
		defer close(r.frames)
		if err := source(r.ctx); err != nil {
			r.send(r.ctx, readResult{err: err})
		}
	}()
}

// Read gives the next frame, io.EOF after the last. Hand it back with Release when it
// is no longer needed; a frame never handed back is merely garbage.
func (r *Reader) Read() (*pix.Frame, error) {
	if r.err != nil {
		return nil, r.err
	}
	res, ok := <-r.frames
	switch {
	case !ok && r.read == r.opt.End-r.opt.First:
		r.err = io.EOF
	case !ok:
		r.err = fault.From(context.Cause(r.ctx)) // only cancelling ends the frames early
	case res.err != nil:
		r.err = res.err
	default:
		r.read++
		return res.frame, nil
	}
	return nil, r.err
}

// Release hands a frame back for reuse; its samples must not be touched afterwards.
// Frames that no Reader of this video made are ignored.
func (r *Reader) Release(f *pix.Frame) {
	if f == nil || f.Layout != r.info.Video.Layout || rawBytes(f) == nil {
		return
	}
	if r.opt.pool != nil {
		r.opt.pool.Release(f)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.free, f) {
		r.free = append(r.free, f)
	}
}

// Close ends decoding and waits for it. It is safe to call more than once.
func (r *Reader) Close() {
	r.cancel()
	for range r.frames { // lets the goroutine out of its send
	}
	<-r.done
}

// Filled is the number of frames that could not be decoded and were replaced by their
// neighbour. It is final once Read has returned io.EOF or Close was called.
func (r *Reader) Filled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.filled
}

// take gives a frame from the pool.
func (r *Reader) take() *pix.Frame {
	if r.opt.pool != nil {
		return r.opt.pool.take()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.free); n > 0 {
		f := r.free[n-1]
		r.free = r.free[:n-1]
		f.Colour = r.info.Video.Colour
		return f
	}
	return newRawFrame(r.info.Video.Layout, r.info.Video.Colour)
}

// send hands a result to the reader of frames unless nobody wants it any more.
func (r *Reader) send(ctx context.Context, res readResult) bool {
	select {
	case r.frames <- res:
		return true
	case <-ctx.Done():
		return false
	}
}

// keyBefore is the index into Keys to start at for frame n, or 0 steps keys earlier.
func (r *Reader) keyBefore(n, steps int) int {
	k, found := slices.BinarySearch(r.info.Video.Keys, n)
	if !found {
		k--
	}
	return max(k-steps, 0)
}

// decoder is one run of FFmpeg.
type decoder struct {
	p   *process
	nut *nutReader
	key int // index into Keys that it started at
}

// open starts FFmpeg at a keyframe.
func (r *Reader) open(ctx context.Context, path string, key int) (*decoder, error) {
	p, err := start(ctx, command{name: "ffmpeg", args: r.args(path, key), stdout: true, stall: r.opt.Stall})
	if err != nil {
		return nil, err
	}
	return &decoder{p: p, key: key}, nil
}

// args is FFmpeg's command line: decode from a keyframe, cut by exact times, keep the
// samples, write them as NUT with the stream's own time base.
func (r *Reader) args(path string, key int) []string {
	v := &r.info.Video
	a := []string{"-v", "error", "-hide_banner", "-nostdin"}
	if r.opt.Threads > 0 {
		a = append(a, "-threads", strconv.Itoa(r.opt.Threads))
	}
	if v.Untimed {
		a = append(a, "-r", v.Rate.String())
	} else if key > 0 {
		// The seek wants microseconds: round up, lest it land one keyframe early.
		at := rescale(v.Times[v.Keys[key]], v.TimeBase, Rational{1, 1e9})
		us := int64(math.Ceil(float64(at)/1000)) + 1
		a = append(a, "-seek_timestamp", "1", "-noaccurate_seek", "-ss", fmt.Sprintf("%dus", us))
	}
	if v.Interlaced && (v.Rotation != 0 || v.Mirrored) {
		a = append(a, "-noautorotate") // the fields must be parted before the picture is turned
	}
	a = append(a, "-copyts")
	a = append(a, input(path)...)
	return append(a, "-map", "0:"+strconv.Itoa(v.Index), "-an", "-sn", "-dn",
		"-filter_threads", "1", "-vf", r.filters(), "-fps_mode", "passthrough",
		"-enc_time_base", v.TimeBase.String(), "-c:v", "rawvideo",
		"-avoid_negative_ts", "disabled", "-f", "nut", "-write_index", "0", "pipe:1")
}

// filters is the chain between decoder and pipe.
func (r *Reader) filters() string {
	v := &r.info.Video
	var f []string
	base := v.TimeBase.String()
	if v.Interlaced {
		f = append(f, "bwdif=mode=send_frame:parity=auto:deint=all")
		switch v.Rotation {
		case 90:
			f = append(f, "transpose=clock")
		case 180:
			f = append(f, "hflip", "vflip")
		case 270:
			f = append(f, "transpose=cclock")
		}
		if v.Mirrored {
			f = append(f, "hflip")
		}
	}
	f = append(f, "settb="+base)
	if v.Untimed {
		f = append(f, "setpts=N")
	}
	first, last := v.Times[r.opt.First], v.Times[r.opt.End-1]
	f = append(f,
		fmt.Sprintf("trim=start_pts=%d:end_pts=%d", first, last+1),
		fmt.Sprintf("setpts=PTS-(%d)", first))
	// Streams may change their size or format midway; frames here never do.
	scale := fmt.Sprintf("scale=%d:%d:flags=bicubic+accurate_rnd+full_chroma_int", v.Layout.W, v.Layout.H)
	st := store(v.PixFmt)
	if st.rgb {
		scale += ":out_color_matrix=bt709:out_range=tv"
	}
	return strings.Join(append(f, scale, "format="+st.target), ",")
}

// decodeAll sends every frame asked for.
func (r *Reader) decodeAll(ctx context.Context, path string, d *decoder) error {
	defer func() { d.p.stop() }()
	for steps := 1; ; steps *= 4 {
		err := r.decode(ctx, d)
		if !errors.Is(err, errMissed) {
			return err
		}
		// Nothing was sent yet: try again from further back.
		d.p.stop()
		next, err := r.open(ctx, path, r.keyBefore(r.opt.First, steps))
		if err != nil {
			return err
		}
		d = next
	}
}

// decode matches what one run of FFmpeg gives to the times wanted.
func (r *Reader) decode(ctx context.Context, d *decoder) error {
	times := r.info.Video.Times
	var have *pix.Frame // decoded and not yet sent
	var at int64        // its time, in ticks from the first
	end := false
	// The frame that was found last waits here: once sent it belongs to the receiver, who may
	// change it or hand it back, and a gap behind it is filled with a copy.
	var waiting *pix.Frame
	pass := func(next *pix.Frame) bool {
		if waiting != nil {
			r.keep.add(waiting)
		}
		ok := waiting == nil || r.send(ctx, readResult{frame: waiting})
		waiting = next
		return ok
	}
	for i := r.opt.First; i < r.opt.End; i++ {
		want := times[i] - times[r.opt.First]
		for have == nil && !end {
			f, pts, err := r.decodeOne(d)
			switch {
			case errors.Is(err, io.EOF):
				end = true
			case err != nil:
				pass(nil)
				return err
			case pts < want:
				r.Release(f)
				r.count(0, 1)
			default:
				have, at = f, pts
			}
		}
		var f *pix.Frame
		switch {
		case have != nil && at == want:
			f, have = have, nil
		case i == r.opt.First && d.key > 0:
			if have != nil {
				r.Release(have)
			}
			return errMissed
		case i == r.opt.First && have == nil:
			return r.nothing(d)
		default:
			from := waiting
			if i == r.opt.First {
				from = have
			}
			f = r.take()
			copy(rawBytes(f), rawBytes(from))
			r.count(1, 0)
		}
		f.PTS = times[i]
		if !pass(f) {
			return nil
		}
	}
	pass(nil)
	return nil
}

// nothing is the error of a file without a single picture that can be decoded.
func (r *Reader) nothing(d *decoder) error {
	err := d.p.wait()
	if err != nil && !fault.Is(err, fault.Internal) {
		return err
	}
	return fault.New(fault.NotMedia, "", "no picture of the video can be decoded").WithCause(d.p.said(err))
}

func (r *Reader) count(filled, extras int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filled += filled
	r.extras += extras
}

// decodeOne reads the next decoded frame and its time in the stream's ticks, counted
// from the first frame wanted. io.EOF when FFmpeg has no more.
func (r *Reader) decodeOne(d *decoder) (*pix.Frame, int64, error) {
	var err error
	if d.nut == nil {
		if d.nut, err = newNUTReader(d.p); err != nil {
			return nil, 0, r.broken(d, err)
		}
	}
	pk, err := d.nut.next()
	if err != nil {
		return nil, 0, r.broken(d, err)
	}
	f := r.take()
	raw := rawBytes(f)
	if pk.Size != len(raw) {
		return nil, 0, fault.New(fault.Internal, "", "a decoded picture has the wrong size").
			WithCause(fmt.Errorf("%d bytes for %s", pk.Size, r.info.Video.Layout))
	}
	if err := d.nut.payload(pk, raw); err != nil {
		r.Release(f)
		return nil, 0, r.broken(d, err)
	}
	if f.Depth > 8 && !littleEndian() {
		for _, p := range f.Planes {
			swapSamples(p.P16)
		}
	}
	return f, rescale(pk.PTS, d.nut.info.TimeBase, r.info.Video.TimeBase), nil
}

// broken says what the end of FFmpeg's output means: io.EOF where the rest of the file
// merely cannot be decoded, a fault where FFmpeg crashed, stalled or was stopped.
func (r *Reader) broken(d *decoder, err error) error {
	if errors.Is(err, errNUT) {
		d.p.stop()
		return fault.New(fault.Internal, "", "the decoder's output cannot be read").WithCause(d.p.said(err))
	}
	werr := d.p.wait()
	if werr != nil && (!fault.Is(werr, fault.Internal) || d.p.crashed()) {
		return werr
	}
	return io.EOF
}
