package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// The codecs that can be written.
const (
	H264 = "h264"
	HEVC = "hevc"
	AV1  = "av1"
)

// Constant quality used where none is asked for, at about the same visual quality.
const (
	crfH264 = 18
	crfHEVC = 20
	crfAV1  = 25
)

// defaultPreset favours speed: at CRF 18 the slower presets save bytes, not quality.
const defaultPreset = "veryfast"

// presets are the names that are taken, with what they mean to SVT-AV1 and libaom.
var presets = map[string]struct{ svt, aom string }{
	"ultrafast": {"12", "8"}, "superfast": {"11", "8"}, "veryfast": {"10", "8"}, "faster": {"9", "7"}, "fast": {"8", "6"},
	"medium": {"7", "5"}, "slow": {"5", "4"}, "slower": {"4", "3"}, "veryslow": {"3", "2"},
}

// WriterOptions says how to encode. All segments of one output need the same options.
type WriterOptions struct {
	Video   *Video        // of the source: its layout, colour, aspect ratio, times and rate are kept
	Codec   string        // H264, HEVC or AV1; "" means H264
	CRF     int           // constant quality, 1…51 (AV1: 1…63); 0 means the codec's default
	Preset  string        // x264's names, "ultrafast" to "veryslow"; "" means "veryfast"
	Threads int           // of the encoder; 0 lets it choose
	Stall   time.Duration // without a byte taken before the encoder is given up; 0 means 90 s
}

// Check says whether the options can be met at all, without starting anything.
func (o WriterOptions) Check() error {
	top := 51
	switch o.Codec {
	case "", H264, HEVC:
	case AV1:
		top = 63
	default:
		return fault.New(fault.InvalidField, "codec", "unknown codec %q", o.Codec).WithHint("Use h264, hevc or av1.")
	}
	if _, ok := presets[o.Preset]; !ok && o.Preset != "" {
		return fault.New(fault.InvalidField, "preset", "unknown preset %q", o.Preset).
			WithHint("Use one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow.")
	}
	if o.CRF < 0 || o.CRF > top {
		return fault.New(fault.InvalidField, "crf", "must lie between 1 and %d", top)
	}
	return nil
}

// lacking is the fault of an FFmpeg without the encoder.
func (e encoding) lacking(codec string, cause error) error {
	return fault.New(fault.Unsupported, "codec", "the installed FFmpeg cannot encode %s: it lacks %s", or(codec, H264), e.encoder).
		WithHint("Choose another codec, or install an FFmpeg built with %s.", e.encoder).WithCause(cause)
}

// Writer encodes one segment into a file that Assemble reads. It is for one goroutine.
type Writer struct {
	p    *process
	nut  *nutWriter
	opt  WriterOptions
	enc  encoding
	path string
	buf  []byte

	neutral []byte // chroma that grey frames lack
	first   int64
	last    int64
	n       int
	err     error
}

// NewWriter starts an encoder. The file at path is replaced; the name's ending does not
// matter. What the encoder cannot keep is in Notes. Faults: MissingProgram, InvalidField,
// NotWritable. That the installed FFmpeg lacks the encoder (Unsupported) shows when frames are
// written, or at Close.
//
// The Writer must be ended with Close or Abort.
func NewWriter(ctx context.Context, path string, opt WriterOptions) (*Writer, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	enc, err := chooseEncoding(ctx, opt)
	if err != nil {
		return nil, err
	}
	// FFmpeg would say it too, but not in words that can be told apart.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, notWritable(path, err)
	}
	if err := f.Close(); err != nil {
		return nil, notWritable(path, err)
	}
	p, err := start(ctx, command{name: "ffmpeg", args: enc.args(path, opt), stdin: true, stall: opt.Stall,
		memory: encodeMemory, writes: true})
	if err != nil {
		return nil, err
	}
	return &Writer{p: p, opt: opt, enc: enc, path: path}, nil
}

// notWritable is the fault of a place that cannot be written to.
func notWritable(path string, err error) error {
	if e := fault.From(err); e.Code != fault.Internal {
		return e
	}
	return fault.New(fault.NotWritable, "", "cannot write to %s", filepath.Base(filepath.Dir(path))).WithCause(err)
}

// Notes says, in sentences for the user, what of the source the encoder cannot keep.
func (w *Writer) Notes() []string { return w.enc.notes }

// Write encodes a frame at its own PTS, in ticks of the source's time base. Frames must
// have the source's layout and ascending times. The frame is not kept.
func (w *Writer) Write(f *pix.Frame) error {
	if w.err != nil {
		return w.err
	}
	if f.Layout != w.opt.Video.Layout {
		w.err = fault.New(fault.Internal, "", "frame of %s in a video of %s", f.Layout, w.opt.Video.Layout)
		return w.err
	}
	if w.n > 0 && f.PTS <= w.last {
		w.err = fault.New(fault.Internal, "", "frame times must ascend: %d after %d", f.PTS, w.last)
		return w.err
	}
	if err := w.write(f); err != nil {
		w.err = w.failed(err)
	}
	return w.err
}

func (w *Writer) write(f *pix.Frame) error {
	if w.n == 0 {
		w.first = f.PTS
		var err error
		w.nut, err = newNUTWriter(w.p, nutStreamInfo{Tag: rawTag(w.enc.pipe), TimeBase: w.opt.Video.TimeBase, W: f.W, H: f.H})
		if err != nil {
			return err
		}
		if f.Mono {
			w.neutral = neutralChroma(w.enc.pipe)
		}
	}
	w.n, w.last = w.n+1, f.PTS
	if err := w.nut.packet(f.PTS-w.first, true, frameBytes(w.enc.pipe)); err != nil {
		return err
	}
	if err := w.writePlanes(f); err != nil || w.neutral == nil {
		return err
	}
	_, err := w.p.Write(w.neutral)
	return err
}

// neutralChroma is the chroma of a grey picture, as bytes. It is made here because
// FFmpeg's own conversion takes every grey picture for full range.
func neutralChroma(l pix.Layout) []byte {
	f := pix.NewFrame(l, pix.Colour{})
	return appendPlane(appendPlane(nil, f.Planes[1]), f.Planes[2])
}

func (w *Writer) writePlanes(f *pix.Frame) error {
	if raw := rawBytes(f); raw != nil && (f.Depth == 8 || littleEndian()) {
		_, err := w.p.Write(raw)
		return err
	}
	w.buf = w.buf[:0]
	for _, p := range f.Planes {
		w.buf = appendPlane(w.buf, p)
	}
	_, err := w.p.Write(w.buf)
	return err
}

// failed finds why the encoder took no more: its own words tell more than a broken pipe.
func (w *Writer) failed(err error) error {
	if errors.Is(err, errNUT) {
		w.p.stop()
		return fault.From(err)
	}
	if werr := w.ended(); werr != nil {
		return werr
	}
	return fault.New(fault.Internal, "", "the encoder ended early").WithCause(w.p.said(err))
}

// ended waits for the encoder's end and gives its failure.
func (w *Writer) ended() error {
	err := w.p.wait()
	if fault.Is(err, fault.Unsupported) {
		return w.enc.lacking(w.opt.Codec, err)
	}
	return err
}

// Frames is the number of frames written.
func (w *Writer) Frames() int { return w.n }

// Close finishes the segment. After an error the file is gone.
func (w *Writer) Close() error {
	if w.err == nil && w.n == 0 {
		w.err = fault.New(fault.Internal, "", "a segment without frames")
	}
	if w.err != nil {
		w.Abort()
		return w.err
	}
	if w.err = w.ended(); w.err == nil {
		w.err = w.verify()
	}
	if w.err != nil {
		_ = os.Remove(w.path) // the first failure is the one to report
	}
	return w.err
}

// verify makes sure that what was written is there: FFmpeg may end content after less.
func (w *Writer) verify() error {
	_, stored, err := scanSegment(w.path)
	if err == nil && len(stored) != w.n {
		err = fmt.Errorf("%d frames of %d", len(stored), w.n)
	}
	if err != nil {
		return fault.New(fault.Internal, "", "the encoder lost frames").WithCause(w.p.said(err))
	}
	return nil
}

// Abort ends the encoder and removes the file. It may follow Close, which it then undoes.
func (w *Writer) Abort() {
	w.p.stop()
	_ = os.Remove(w.path) // nothing more can be done where even that fails
	if w.err == nil {
		w.err = fault.New(fault.Canceled, "", "canceled")
	}
}

// encoding is how a source's video will be encoded.
type encoding struct {
	encoder string
	pipe    pix.Layout // what the encoding process is given: the source's, with chroma
	layout  pix.Layout // what is encoded
	notes   []string
}

// chooseEncoding picks encoder and pixel format.
func chooseEncoding(ctx context.Context, opt WriterOptions) (encoding, error) {
	l := opt.Video.Layout
	e := encoding{pipe: l}
	if l.Mono {
		e.pipe.Mono, e.pipe.SubX, e.pipe.SubY = false, 1, 1
		e.notes = append(e.notes, "grey video is stored with empty chroma, which more players know")
	}
	l = e.pipe
	e.layout = l
	odd := l.W%2 != 0 || l.H%2 != 0
	maxDepth, only420 := 12, false
	switch opt.Codec {
	case HEVC:
		e.encoder = "libx265"
	case AV1:
		// Only here is there a choice; whether the others are there shows when they are started.
		have, err := encoders(ctx)
		if err != nil {
			return e, err
		}
		// SVT-AV1 is fast but knows only 4:2:0 of even size, 64 pixels and more.
		e.encoder = "libaom-av1"
		if have["libsvtav1"] && !odd && l.SubX == 1 && l.SubY == 1 && l.Depth <= 10 && min(l.W, l.H) >= 64 {
			e.encoder, maxDepth, only420 = "libsvtav1", 10, true
		}
	default:
		e.encoder, maxDepth = "libx264", 10
	}
	if only420 {
		e.layout.SubX, e.layout.SubY = 1, 1
	}
	if l.Depth > maxDepth {
		e.layout.Depth = maxDepth
		e.notes = append(e.notes, fmt.Sprintf("%d bit samples are stored with %d bit: %s cannot hold more", l.Depth, maxDepth, or(opt.Codec, H264)))
	}
	// Subsampled H.264 and HEVC cannot even crop to an odd size (ITU-T H.264, 7.4.2.1.1:
	// crop units are chroma samples), so the size is kept by giving up subsampling.
	if odd && e.encoder != "libaom-av1" && (e.layout.SubX == 1 && l.W%2 != 0 || e.layout.SubY == 1 && l.H%2 != 0) {
		e.layout.SubX, e.layout.SubY = 0, 0
		e.notes = append(e.notes, fmt.Sprintf("the odd size %d × %d is kept by storing chroma as 4:4:4, which fewer players know", l.W, l.H))
	}
	return e, nil
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// encoders asks FFmpeg which of the encoders it has.
func encoders(ctx context.Context) (map[string]bool, error) {
	out, _, err := output(ctx, "ffmpeg", []string{"-v", "error", "-hide_banner", "-nostdin", "-encoders"}, 1<<20)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 2 && strings.HasPrefix(f[0], "V") {
			have[f[1]] = true
		}
	}
	return have, nil
}

// args is FFmpeg's command line.
func (e encoding) args(path string, opt WriterOptions) []string {
	v := opt.Video
	a := []string{"-v", "error", "-hide_banner", "-y", "-protocol_whitelist", "file,pipe",
		"-probesize", "32", "-analyzeduration", "0", "-f", "nut", "-i", "pipe:0", "-map", "0:v:0",
		"-filter_threads", "1", "-vf", e.filters(v), "-fps_mode", "passthrough", "-enc_time_base", v.TimeBase.String(),
		"-c:v", e.encoder}
	if opt.Threads > 0 {
		a = append(a, "-threads", strconv.Itoa(opt.Threads))
	}
	for _, t := range []struct{ option, value string }{
		{"-color_range", v.Tags.Range}, {"-color_primaries", v.Tags.Primaries}, {"-color_trc", v.Tags.Transfer},
		{"-colorspace", v.Tags.Matrix}, {"-chroma_sample_location", v.Tags.ChromaLocation},
	} {
		if t.value != "" {
			a = append(a, t.option, t.value)
		}
	}
	preset := or(opt.Preset, defaultPreset)
	rate := v.AvgRate
	if rate.Float() <= 0 || rate.Float() > 1000 {
		rate = Rational{25, 1}
	}
	switch e.encoder {
	case "libx264":
		// The rate goes into the headers only; said here, it is the same in all segments.
		p := []string{"fps=" + rate.String(), "open-gop=0"}
		if v.Mastering != "" {
			p = append(p, "mastering-display="+v.Mastering)
		}
		if v.LightLevel != "" {
			p = append(p, "cll="+v.LightLevel)
		}
		a = append(a, "-crf", crf(opt.CRF, crfH264), "-preset", preset, "-x264-params", strings.Join(p, ":"))
	case "libx265":
		p := []string{"fps=" + rate.String(), "open-gop=0", "log-level=error", "info=0"}
		if opt.Threads > 0 {
			p = append(p, "pools="+strconv.Itoa(opt.Threads))
		}
		if v.Mastering != "" {
			p = append(p, "master-display="+v.Mastering)
		}
		if v.LightLevel != "" {
			p = append(p, "max-cll="+v.LightLevel)
		}
		if v.Colour.Transfer == pix.PQ {
			p = append(p, "hdr10=1", "repeat-headers=0")
		}
		a = append(a, "-crf", crf(opt.CRF, crfHEVC), "-preset", preset, "-x265-params", strings.Join(p, ":"))
	case "libsvtav1":
		p := []string{"fps-num=" + strconv.FormatInt(rate.Num, 10), "fps-denom=" + strconv.FormatInt(rate.Den, 10)}
		if opt.Threads > 0 {
			p = append(p, "lp="+strconv.Itoa(opt.Threads))
		}
		a = append(a, "-crf", crf(opt.CRF, crfAV1), "-preset", presets[preset].svt, "-g", "240", "-svtav1-params", strings.Join(p, ":"))
	default:
		a = append(a, "-crf", crf(opt.CRF, crfAV1), "-b:v", "0", "-cpu-used", presets[preset].aom, "-row-mt", "1", "-g", "240")
	}
	return append(a, "-avoid_negative_ts", "disabled", "-f", "nut", "-write_index", "0", fileURL(path))
}

func crf(asked, standard int) string {
	if asked == 0 {
		asked = standard
	}
	return strconv.Itoa(asked)
}

// filters sets what raw pictures on a pipe cannot say, and converts where the encoder must.
func (e encoding) filters(v *Video) string {
	tag := func(s string) string { return or(s, "unknown") }
	f := []string{
		fmt.Sprintf("setparams=range=%s:color_primaries=%s:color_trc=%s:colorspace=%s",
			tag(v.Tags.Range), tag(v.Tags.Primaries), tag(v.Tags.Transfer), tag(v.Tags.Matrix)),
		fmt.Sprintf("setsar=sar=%d/%d:max=100000", v.SAR.Num, v.SAR.Den),
	}
	if e.layout != e.pipe {
		f = append(f, "scale=flags=bicubic+accurate_rnd+full_chroma_int")
	}
	return strings.Join(append(f, "format="+planar(e.layout)), ",")
}
