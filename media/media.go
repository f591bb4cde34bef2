// Package media is the project's only door to FFmpeg: it says what a file holds
// (Probe), reads its pictures as planar YUV with their true presentation times
// (OpenReader), encodes one segment (NewWriter), joins segments with the source's
// sound (Assemble), and reads and writes still pictures (ReadPhoto, WriteJPEG).
//
// What it promises:
//   - Frames are counted and timed by the container, never by a rate: the frames that
//     a player shows are read, each once, at the time the file gives it; a frame that
//     cannot be decoded is replaced by its neighbour and counted, so that sound stays
//     in sync.
//   - Pictures keep their size, sample aspect ratio, chroma format, bit depth, range and
//     colour tags. Where that is impossible, a note says what became of them.
//   - FFmpeg runs as a subprocess in a process group of its own, without a shell, with
//     only local files and pipes, a list of allowed containers, limits on memory and
//     files, and a watch that ends it when it no longer moves.
//   - Every failure is a *fault.Error. No file is left half-written.
//
// The package needs FFmpeg 5.1 or newer (ffmpeg and ffprobe) in PATH.
package media

import (
	"fmt"
	"math/big"
	"slices"
	"sort"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Limits bounds what is accepted. A zero field sets no bound.
type Limits struct {
	MaxDuration time.Duration // of a video
	MaxPixels   int           // per picture, width × height
	MaxBytes    int64         // of the file
	MaxFrames   int           // of a video
}

// Rational is a fraction, used for time bases (seconds per tick), frame rates and
// aspect ratios. Den is never 0 in a value that this package returns, except in a
// rate that is unknown, which is 0/0.
type Rational struct{ Num, Den int64 }

// Float is the fraction's value, 0 when it is unknown.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

// String writes the fraction as FFmpeg does: "30000/1001".
func (r Rational) String() string { return fmt.Sprintf("%d/%d", r.Num, r.Den) }

// Duration is the time that this many ticks of the time base r last, to the nearest nanosecond.
func (r Rational) Duration(ticks int64) time.Duration {
	return time.Duration(rescale(ticks, r, Rational{1, int64(time.Second)}))
}

// rescale converts ticks of one time base to another, to the nearest tick, halves
// away from zero. Both time bases must be positive.
func rescale(ticks int64, from, to Rational) int64 {
	if from == to {
		return ticks
	}
	n := new(big.Int).Mul(big.NewInt(ticks), new(big.Int).Mul(big.NewInt(from.Num), big.NewInt(to.Den)))
	d := new(big.Int).Mul(big.NewInt(from.Den), big.NewInt(to.Num))
	twice := new(big.Int).Lsh(n, 1)
	if n.Sign() < 0 {
		twice.Sub(twice, d)
	} else {
		twice.Add(twice, d)
	}
	return twice.Quo(twice, d.Lsh(d, 1)).Int64()
}

// ColourTags are a stream's colour properties by FFmpeg's names ("bt709",
// "smpte2084", "tv", …), "" where the file does not say. They are written to the
// output as they are.
type ColourTags struct {
	Range, Primaries, Transfer, Matrix, ChromaLocation string
}

// Video is the video stream that is worked on: the first that is no cover art.
type Video struct {
	Index  int    // of the stream in the file
	Codec  string // FFmpeg's name, as "h264"
	PixFmt string // FFmpeg's name of the stored pixel format

	Layout pix.Layout // of the frames that a Reader gives: rotation applied
	Colour pix.Colour // likewise; guessed by size where the file does not say (ITU-T H.273 leaves it open)
	Tags   ColourTags // as stored
	SAR    Rational   // sample aspect ratio as displayed; 0/1 when the file does not say

	Mastering  string // HDR mastering display as x265 writes it, "" when there is none
	LightLevel string // HDR content light level "max,average", "" when there is none

	Rotation   int  // degrees clockwise (0, 90, 180, 270) that the stored pictures are turned by
	Mirrored   bool // the display matrix also mirrors
	Interlaced bool // stored as fields; a Reader gives them deinterlaced, one frame per stored frame

	TimeBase Rational // seconds per tick of Times
	Rate     Rational // nominal frame rate
	AvgRate  Rational // average frame rate

	// Times are the presentation times in ticks of TimeBase, strictly ascending, of
	// the frames that a player shows: edit lists are respected.
	Times []int64
	End   int64 // time at which the last frame ends
	Keys  []int // indices into Times of frames that decoding can start at, ascending; [0] is 0
	// Untimed says that the file holds no times, as a raw stream; Times then follow
	// from the rate, and reading always starts at the beginning.
	Untimed bool
}

// Audio is one sound track.
type Audio struct {
	Index      int
	Codec      string
	Channels   int
	SampleRate int
	Language   string // ISO 639-2, "" when the file does not say
	Title      string
	Default    bool
}

// Subtitle is one subtitle track.
type Subtitle struct {
	Index    int
	Codec    string
	Language string
	Title    string
}

// Chapter is a named stretch, in the same time as Video.Times.
type Chapter struct {
	Start, End time.Duration
	Title      string
}

// Info is what Probe found out about a file. It can be stored as JSON.
type Info struct {
	Format   string // FFmpeg's name of the container
	Size     int64  // bytes
	Duration time.Duration
	// Start is the file's time zero: an output's times are the source's less Start.
	// It is 0 except for containers that begin at an arbitrary time, as transport streams.
	Start     time.Duration
	Video     Video
	Audio     []Audio
	Subtitles []Subtitle
	Chapters  []Chapter
	Notes     []string // what will be changed on purpose, as sentences for the user
}

// Frames is the number of frames shown.
func (i *Info) Frames() int { return len(i.Video.Times) }

// Time is when frame n is shown, from the file's start; n may equal Frames, for the
// end of the last one.
func (i *Info) Time(n int) time.Duration {
	t := i.Video.End
	if n < len(i.Video.Times) {
		t = i.Video.Times[n]
	}
	return i.Video.TimeBase.Duration(t) - i.Start
}

// Trim gives the range of frames First ≤ n < End shown from one time to another, both
// counted from the file's start; to = 0 means the end. A frame belongs to the range
// when it begins in it.
func (i *Info) Trim(from, to time.Duration) (first, end int, err error) {
	n := i.Frames()
	if from < 0 || to < 0 || to > 0 && to <= from {
		return 0, 0, fault.New(fault.InvalidField, "to", "the end of the cut must lie after its beginning")
	}
	// A little grace, so that 0.2 means the frame stored at 0.19998.
	grace := min(i.Video.TimeBase.Duration(1)/2, 500*time.Microsecond)
	first = sort.Search(n, func(k int) bool { return i.Time(k) >= from-grace })
	end = n
	if to > 0 {
		end = sort.Search(n, func(k int) bool { return i.Time(k) >= to-grace })
	}
	if first >= end {
		return 0, 0, fault.New(fault.InvalidField, "from", "no frame lies in this cut").
			WithHint("The video lasts %.2f s.", i.Time(n).Seconds())
	}
	return first, end, nil
}

// Range is a stretch of frames First ≤ n < End.
type Range struct{ First, End int }

// Split divides frames first…end-1 into ranges of about the given length. Cuts fall on
// keyframes where one lies within half that length of the wanted place, so that
// decoding a range needs little run-up; a range is never longer than twice the length.
func (i *Info) Split(first, end int, length time.Duration) []Range {
	var out []Range
	for at := first; at < end; {
		want := sort.Search(end, func(k int) bool { return k > at && i.Time(k) >= i.Time(at)+length })
		cut := i.nearestKey(want, length/2)
		if cut <= at {
			cut = want
		}
		// What is left over would be a splinter: it joins this range. A cut before it between
		// keyframes would be worse, as everything from the keyframe on is decoded twice.
		if cut >= end || i.Time(end)-i.Time(cut) < length/2 {
			cut = end
		}
		out = append(out, Range{at, cut})
		at = cut
	}
	return out
}

// nearestKey is the keyframe nearest in time to frame n, or -1 when none is within reach.
func (i *Info) nearestKey(n int, reach time.Duration) int {
	best, dist := -1, reach+1
	k, _ := slices.BinarySearch(i.Video.Keys, n)
	for _, j := range []int{k - 1, k} {
		if j < 0 || j >= len(i.Video.Keys) {
			continue
		}
		if d := (i.Time(i.Video.Keys[j]) - i.Time(n)).Abs(); d < dist {
			best, dist = i.Video.Keys[j], d
		}
	}
	return best
}
