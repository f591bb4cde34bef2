package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Segment is a file that a Writer made, and the source's frames First ≤ n < End in it.
type Segment struct {
	Path       string
	First, End int
}

// AssembleOptions says what to join. The first segment's First and the last one's End
// are the cut: sound is cut to match.
type AssembleOptions struct {
	Segments []Segment // in order, each beginning where the one before ends
	Source   string    // the file that sound, subtitles and chapters are taken from
	Info     *Info     // of Source
	Stall    time.Duration
}

// Result says what Assemble made.
type Result struct {
	Frames   int
	Duration time.Duration // of the video
	Notes    []string      // what was changed or left out, as sentences for the user
}

// soundCopied are the sound codecs that players expect in MP4; others become AAC.
var soundCopied = map[string]bool{"aac": true, "mp3": true, "ac3": true, "eac3": true, "alac": true, "opus": true, "flac": true}

// textSubtitles are the subtitle codecs that can become MP4's own.
var textSubtitles = map[string]bool{"mov_text": true, "subrip": true, "ass": true, "ssa": true, "webvtt": true, "text": true}

// Assemble joins segments into an MP4 whose index comes first. No picture is encoded
// again: the encoded frames are copied, each at the time the source shows it, less the
// source's start (or the cut's), to within one tick of the source's time base. All of the
// source's sound tracks follow, at their own times: copied where MP4 players can expect
// it and nothing is cut, else as AAC. Text subtitles and chapters are kept; subtitles not
// in a cut. Languages and titles are kept; other metadata (places, devices) is not.
//
// The file at out appears whole, synced to disk, or not at all.
func Assemble(ctx context.Context, out string, opt AssembleOptions) (*Result, error) {
	a := &assembly{AssembleOptions: opt, out: out}
	if err := a.check(); err != nil {
		return nil, err
	}
	return a.run(ctx)
}

// assembly is one run of Assemble.
type assembly struct {
	AssembleOptions
	out        string
	first, end int
	base       int64 // the output's time zero, in ticks of the source's video
	stream     nutStreamInfo
	ticks      Rational  // the output track's time base
	order      [][]int64 // per segment, the output times of its packets, in the order they are stored
	notes      []string
}

func (a *assembly) cut() bool { return a.first > 0 || a.end < a.Info.Frames() }

// check looks at the segments and computes every packet's time.
func (a *assembly) check() error {
	if len(a.Segments) == 0 || a.Info == nil {
		return fault.New(fault.Internal, "", "nothing to assemble")
	}
	v := &a.Info.Video
	a.first, a.end = a.Segments[0].First, a.Segments[len(a.Segments)-1].End
	if a.first < 0 || a.end > a.Info.Frames() {
		return fault.New(fault.Internal, "", "segments hold frames %d to %d of %d", a.first, a.end, a.Info.Frames())
	}
	a.ticks = Rational{1, trackTimescale(v.TimeBase)}
	a.base = v.Times[a.first]
	if !a.cut() {
		a.base = min(a.base, rescale(int64(a.Info.Start), Rational{1, int64(time.Second)}, v.TimeBase))
	}
	at := a.first
	for i, s := range a.Segments {
		if s.First != at || s.End <= s.First {
			return fault.New(fault.Internal, "", "segment %d holds frames %d to %d where %d should follow", i, s.First, s.End, at)
		}
		at = s.End
		times, err := a.scan(i, s)
		if err != nil {
			return err
		}
		a.order = append(a.order, times)
	}
	return nil
}

// scan reads a segment's packet headers and gives the packets' output times. Stored
// times only tell the order: the first frame shown is frame First, and so on.
func (a *assembly) scan(i int, s Segment) ([]int64, error) {
	broken := func(err error) error {
		return fault.New(fault.Internal, "", "segment %d is damaged", i).WithCause(err)
	}
	info, stored, err := scanSegment(s.Path)
	if err != nil {
		return nil, broken(err)
	}
	if i == 0 {
		a.stream = info
	} else if info.Tag != a.stream.Tag || info.W != a.stream.W || info.H != a.stream.H || !bytes.Equal(info.Extra, a.stream.Extra) {
		return nil, broken(errors.New("encoded with other settings than the first"))
	}
	a.stream.DecodeDelay = max(a.stream.DecodeDelay, info.DecodeDelay)
	if len(stored) != s.End-s.First {
		return nil, broken(fmt.Errorf("%d frames instead of %d", len(stored), s.End-s.First))
	}
	sorted := slices.Sorted(slices.Values(stored))
	out := make([]int64, len(stored))
	for k, pts := range stored {
		at, _ := slices.BinarySearch(sorted, pts)
		if at+1 < len(sorted) && sorted[at+1] == pts {
			return nil, broken(errors.New("two frames at one time"))
		}
		out[k] = rescale(a.Info.Video.Times[s.First+at]-a.base, a.Info.Video.TimeBase, a.ticks)
	}
	return out, nil
}

// scanSegment reads a segment's stream header and the stored times of its packets.
func scanSegment(path string) (nutStreamInfo, []int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nutStreamInfo{}, nil, err
	}
	defer f.Close()
	n, err := newNUTReader(f)
	if err != nil {
		return nutStreamInfo{}, nil, err
	}
	var stored []int64
	for {
		pk, err := n.next()
		if errors.Is(err, io.EOF) {
			return n.info, stored, nil
		}
		if err == nil {
			_, err = n.r.Discard(pk.Size - len(pk.head))
		}
		if err != nil {
			return nutStreamInfo{}, nil, unexpected(err)
		}
		stored = append(stored, pk.PTS)
	}
}

// run writes the file.
func (a *assembly) run(ctx context.Context) (_ *Result, err error) {
	dir := filepath.Dir(a.out)
	t, err := os.CreateTemp(dir, ".twinsync-*.mp4")
	if err != nil {
		return nil, notWritable(a.out, err)
	}
	defer func() {
		if err != nil {
			t.Close()
			_ = os.Remove(t.Name()) // the first failure is the one to report
		}
	}()
	chapters, err := a.writeChapters(dir)
	if err != nil {
		return nil, err
	}
	if chapters != "" {
		defer os.Remove(chapters)
	}
	if err := a.mux(ctx, t.Name(), chapters); err != nil {
		return nil, err
	}
	if err := publish(t, a.out); err != nil {
		return nil, fault.From(err)
	}
	v := &a.Info.Video
	return &Result{Frames: a.end - a.first, Duration: v.TimeBase.Duration(a.endTicks() - v.Times[a.first]), Notes: a.notes}, nil
}

// endTicks is when the last frame ends, in the source's time.
func (a *assembly) endTicks() int64 {
	v := &a.Info.Video
	if a.end < len(v.Times) {
		return v.Times[a.end]
	}
	return v.End
}

// mux runs FFmpeg over the joined packets and the source.
func (a *assembly) mux(ctx context.Context, out, chapters string) error {
	p, err := start(ctx, command{name: "ffmpeg", args: a.args(out, chapters), stdin: true, stall: a.Stall, writes: true})
	if err != nil {
		return err
	}
	werr := a.feed(p)
	if werr != nil && errors.Is(werr, errNUT) {
		p.stop()
		return fault.New(fault.Internal, "", "the segments cannot be joined").WithCause(werr)
	}
	if err := p.wait(); err != nil {
		return err
	}
	if werr != nil {
		return fault.New(fault.Internal, "", "FFmpeg took no more frames").WithCause(p.said(werr))
	}
	return nil
}

// feed writes all packets as one stream.
func (a *assembly) feed(w io.Writer) error {
	s := a.stream
	s.TimeBase, s.SAR = a.ticks, a.Info.Video.SAR
	if s.SAR.Num == 0 {
		s.SAR = Rational{} // NUT's way to say unknown
	}
	n, err := newNUTWriter(w, s)
	if err != nil {
		return err
	}
	var buf []byte
	for i, seg := range a.Segments {
		if err := a.feedSegment(n, w, seg, a.order[i], &buf); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembly) feedSegment(n *nutWriter, w io.Writer, seg Segment, times []int64, buf *[]byte) error {
	f, err := os.Open(seg.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", errNUT, err)
	}
	defer f.Close()
	r, err := newNUTReader(f)
	if err != nil {
		return fmt.Errorf("%w: %w", errNUT, err)
	}
	for _, t := range times {
		pk, err := r.next()
		if err == nil {
			*buf = slices.Grow((*buf)[:0], pk.Size)[:pk.Size]
			err = r.payload(pk, *buf)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errNUT, err)
		}
		if err := n.packet(t, pk.Key, pk.Size); err != nil {
			return err
		}
		if _, err := w.Write(*buf); err != nil {
			return err
		}
	}
	return nil
}

// args is FFmpeg's command line.
func (a *assembly) args(out, chapters string) []string {
	v := &a.Info.Video
	args := []string{"-v", "error", "-hide_banner", "-y", "-copyts", "-protocol_whitelist", "file,pipe", "-f", "nut", "-i", "pipe:0"}
	from := v.TimeBase.Duration(a.base)
	to := v.TimeBase.Duration(a.endTicks())
	subtitles := a.subtitles()
	inputs := 1
	if len(a.Info.Audio)+len(subtitles) > 0 {
		inputs++
		if a.cut() && from > soundRunUp {
			args = append(args, "-seek_timestamp", "1", "-ss", micro(from-soundRunUp))
		}
		if !a.cut() {
			args = append(args, "-itsoffset", micro(-from))
		}
		args = append(args, input(a.Source)...)
	}
	chapterInput := "-1"
	if chapters != "" {
		args = append(args, "-f", "ffmetadata", "-i", fileURL(chapters))
		chapterInput = strconv.Itoa(inputs)
	}
	args = append(args, "-map", "0:v:0", "-c:v", "copy")
	if strings.EqualFold(a.stream.Tag, "HEVC") || strings.EqualFold(a.stream.Tag, "H265") {
		args = append(args, "-tag:v", "hvc1") // the name that Apple's players take
	}
	for i, t := range a.Info.Audio {
		args = append(args, a.sound(i, t, from, to)...)
	}
	for i, s := range subtitles {
		args = append(args, "-map", fmt.Sprintf("1:%d", s.Index), fmt.Sprintf("-c:s:%d", i), "mov_text")
		args = append(args, labels("s", i, s.Language, s.Title)...)
	}
	args = append(args, "-dn", "-map_metadata:g", "-1", "-map_metadata:s", "-1", "-map_chapters", chapterInput)
	// The last packet's length is all that the packets' own times do not tell.
	last := a.order[len(a.order)-1]
	k := len(last) - 1
	for i, t := range last {
		if t > last[k] {
			k = i
		}
	}
	n := a.end - a.first - len(last) + k
	args = append(args, "-bsf:v", fmt.Sprintf(`setts=pts=PTS:dts=DTS:duration=if(eq(N\,%d)\,%.9f/TB\,DURATION)`,
		n, v.TimeBase.Duration(a.endTicks()-v.Times[a.end-1]).Seconds()))
	// A late start is counted in the movie's ticks, all else in the track's.
	scale := strconv.FormatInt(trackTimescale(v.TimeBase), 10)
	return append(args, "-video_track_timescale", scale, "-movie_timescale", scale,
		"-max_muxing_queue_size", "9999", "-strict", "-2", "-fflags", "+bitexact",
		"-movflags", "+faststart", "-f", "mp4", fileURL(out))
}

// soundRunUp is decoded before a cut, so that the decoder has settled when it begins.
const soundRunUp = 2 * time.Second

// sound gives the options of one sound track.
func (a *assembly) sound(i int, t Audio, from, to time.Duration) []string {
	args := []string{"-map", fmt.Sprintf("1:%d", t.Index)}
	copied := soundCopied[t.Codec]
	switch {
	case a.cut():
		args = append(args, fmt.Sprintf("-filter:a:%d", i), fmt.Sprintf("atrim=start=%s:end=%s,asetpts=PTS-%.9f/TB", micro(from), micro(to), from.Seconds()))
		if copied {
			a.note("the sound is encoded again, as AAC, so that it can be cut to the sample")
		}
		copied = false
	case !copied:
		a.note(fmt.Sprintf("%s sound is stored as AAC, which MP4 players know", t.Codec))
	}
	if copied {
		args = append(args, fmt.Sprintf("-c:a:%d", i), "copy")
	} else {
		rate := min(96*max(t.Channels, 1), 512)
		args = append(args, fmt.Sprintf("-c:a:%d", i), "aac", fmt.Sprintf("-b:a:%d", i), strconv.Itoa(rate)+"k")
	}
	disposition := "0"
	if t.Default {
		disposition = "default"
	}
	args = append(args, fmt.Sprintf("-disposition:a:%d", i), disposition)
	return append(args, labels("a", i, t.Language, t.Title)...)
}

// note adds a note once.
func (a *assembly) note(s string) {
	if !slices.Contains(a.notes, s) {
		a.notes = append(a.notes, s)
	}
}

// subtitles are the tracks that are kept.
func (a *assembly) subtitles() []Subtitle {
	var keep []Subtitle
	for _, s := range a.Info.Subtitles {
		switch {
		case !textSubtitles[s.Codec]:
			a.note(fmt.Sprintf("%s subtitles are left out: MP4 cannot hold them", or(s.Codec, "unknown")))
		case a.cut():
			a.note("subtitles are left out of a cut")
		default:
			keep = append(keep, s)
		}
	}
	return keep
}

// labels are a track's language and title.
func labels(kind string, i int, language, title string) []string {
	var args []string
	if language != "" {
		args = append(args, fmt.Sprintf("-metadata:s:%s:%d", kind, i), "language="+language)
	}
	if title != "" {
		args = append(args, fmt.Sprintf("-metadata:s:%s:%d", kind, i), "title="+title)
	}
	return args
}

// writeChapters puts the chapters, in the output's time, into a file for FFmpeg; "" when
// there are none.
func (a *assembly) writeChapters(dir string) (string, error) {
	v := &a.Info.Video
	from, to := v.TimeBase.Duration(a.base), v.TimeBase.Duration(a.endTicks())
	escape := strings.NewReplacer(`\`, `\\`, "=", `\=`, ";", `\;`, "#", `\#`, "\n", `\`+"\n")
	b := []byte(";FFMETADATA1\n")
	n := 0
	for _, c := range a.Info.Chapters {
		s, e := max(c.Start, from), min(c.End, to)
		if e <= s {
			continue
		}
		n++
		b = fmt.Appendf(b, "[CHAPTER]\nTIMEBASE=1/1000000\nSTART=%d\nEND=%d\ntitle=%s\n",
			(s - from).Microseconds(), (e - from).Microseconds(), escape.Replace(c.Title))
	}
	if n == 0 {
		return "", nil
	}
	f, err := os.CreateTemp(dir, ".twinsync-*.chapters")
	if err != nil {
		return "", notWritable(a.out, err)
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first failure is the one to report
		return "", fault.From(err)
	}
	return f.Name(), nil
}

// micro writes a time as FFmpeg reads it, to the microsecond.
func micro(d time.Duration) string {
	return strconv.FormatInt(d.Round(time.Microsecond).Microseconds(), 10) + "us"
}

// trackTimescale is MP4's ticks per second: a multiple of the time base's, so that every
// time is exact, and fine enough for players that compute with it.
func trackTimescale(tb Rational) int64 {
	t := tb.Den
	for t < 10000 {
		t *= 2
	}
	return t
}
