package media

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// MixRate is the rate in samples per second of the sound that is written.
const MixRate = 48000

// Bounds of what ConvertSound changes.
const (
	leastTempo, mostTempo = .5, 2
	leastPitch, mostPitch = .5, 2
)

// ConvertOptions say how ConvertSound changes a sound.
type ConvertOptions struct {
	SoundOptions         // Rate is ignored
	Tempo        float64 // above 1 is faster, the pitch stays; 0 is 1
	Pitch        float64 // above 1 is higher, the tempo stays; 0 is 1
}

// ConvertSound writes a file's sound as a WAV of one or two channels at MixRate, so that whatever follows counts the same
// samples. Two channels that cancel each other, or one of which is silent, stay as they are. Its faults are
// ReadSound's, NotWritable and DiskFull, and Unsupported where this FFmpeg cannot change the pitch.
func ConvertSound(ctx context.Context, in string, tracks []Audio, out string, opt ConvertOptions) error {
	if opt.Track < 0 || opt.Track >= len(tracks) {
		return fault.New(fault.Internal, "", "sound track %d of %d cannot be read", opt.Track, len(tracks))
	}
	t := tracks[opt.Track]
	filter, err := opt.filter()
	if err != nil {
		return err
	}
	args := append([]string{"-v", "error", "-hide_banner", "-nostdin", "-y", "-copyts"}, input(in)...)
	args = append(args, "-map", "0:"+strconv.Itoa(t.Index), "-vn", "-sn", "-dn", "-af", filter,
		"-ac", strconv.Itoa(min(max(t.Channels, 1), 2)), "-map_metadata", "-1", "-fflags", "+bitexact", "-c:a", "pcm_f32le")
	if opt.Most > 0 { // a little more, so that what is too long can be told
		args = append(args, "-t", strconv.FormatFloat(opt.Most.Seconds()+1, 'f', 6, 64))
	}
	p, err := start(ctx, command{name: "ffmpeg", args: append(args, "-f", "wav", fileURL(out)), stall: opt.Stall, writes: true})
	if err != nil {
		return err
	}
	werr := p.wait()
	n, serr := wavSamples(out)
	switch {
	case werr != nil && strings.Contains(p.stderr.String(), "No such filter: 'rubberband'"):
		return fault.New(fault.Unsupported, "pitch", "the installed FFmpeg cannot change the pitch: it lacks rubberband").WithCause(werr)
	case werr != nil && (!fault.Is(werr, fault.Internal) || p.crashed()):
		return werr
	case serr != nil || n == 0:
		return fault.New(fault.NotMedia, "", "nothing of the sound can be decoded").WithCause(p.said(errors.Join(werr, serr)))
	case opt.Most > 0 && float64(n)/MixRate > opt.Most.Seconds()+.5:
		return soundTooLong(opt.Most+1e9, opt.Most)
	}
	return nil
}

// filter is the chain of one conversion.
func (o ConvertOptions) filter() (string, error) {
	for _, b := range []struct {
		name           string
		v, least, most float64
	}{{"tempo", o.Tempo, leastTempo, mostTempo}, {"pitch", o.Pitch, leastPitch, mostPitch}} {
		if b.v != 0 && !(b.v >= b.least && b.v <= b.most) {
			return "", fault.New(fault.InvalidField, b.name, "must lie between %g and %g", b.least, b.most)
		}
	}
	f := fmt.Sprintf("aresample=%d:async=1", MixRate)
	if o.Zero >= 0 {
		f = fmt.Sprintf("asetpts=PTS-%.9f/TB,atrim=start=0,%s:first_pts=0", o.Zero.Seconds(), f)
	} else {
		f += ",asetpts=PTS-STARTPTS"
	}
	tempo, pitch := or1(o.Tempo), or1(o.Pitch)
	switch {
	case pitch != 1:
		f += fmt.Sprintf(",rubberband=tempo=%g:pitch=%g:formant=preserved:channels=together", tempo, pitch)
	case tempo != 1:
		f += fmt.Sprintf(",atempo=%g", tempo)
	}
	return f, nil
}

func or1(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

// WriteWAV writes one channel of samples from −1 to 1 as a WAV of 32-bit floats (RIFF, format 3).
func WriteWAV(path string, rate int, samples []float32) (err error) {
	if rate <= 0 || len(samples) > (math.MaxUint32-1024)/4 {
		return fault.New(fault.Internal, "", "%d samples at %d Hz do not fit into a WAV", len(samples), rate)
	}
	f, err := os.Create(path)
	if err != nil {
		return notWritable(path, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fault.From(cerr)
		}
	}()
	w := bufio.NewWriterSize(f, 64<<10)
	size := uint32(4 * len(samples)) //nolint:gosec // checked above
	head := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, 4+8+16+8+4+8+size)...)
	head = append(head, "WAVEfmt "...)
	for _, v := range []uint32{16, 1<<16 | 3, uint32(rate), uint32(4 * rate), 32<<16 | 4} { //nolint:gosec // rates are small
		head = binary.LittleEndian.AppendUint32(head, v)
	}
	head = append(head, "fact"...)
	head = binary.LittleEndian.AppendUint32(head, 4)
	head = binary.LittleEndian.AppendUint32(head, size/4)
	head = append(head, "data"...)
	head = binary.LittleEndian.AppendUint32(head, size)
	if _, err := w.Write(head); err != nil {
		return fault.From(err)
	}
	var b [4]byte
	for _, v := range samples {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		if _, err := w.Write(b[:]); err != nil {
			return fault.From(err)
		}
	}
	if err := w.Flush(); err != nil {
		return fault.From(err)
	}
	return nil
}

// wavSamples counts the samples of each channel in a WAV that FFmpeg or WriteWAV wrote.
func wavSamples(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() // only read
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var head [12]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return 0, errors.New("no WAV")
	}
	block := int64(0)
	for at := int64(12); ; {
		var c [8]byte
		if _, err := f.ReadAt(c[:], at); err != nil {
			return 0, errors.New("a WAV without data")
		}
		size := int64(binary.LittleEndian.Uint32(c[4:]))
		switch string(c[:4]) {
		case "fmt ":
			var b [16]byte
			if _, err := f.ReadAt(b[:], at+8); err != nil {
				return 0, err
			}
			block = int64(binary.LittleEndian.Uint16(b[12:]))
		case "data":
			if block == 0 {
				return 0, errors.New("a WAV without a format")
			}
			return min(size, st.Size()-at-8) / block, nil
		}
		at += 8 + size + size&1
	}
}

// SoundLength is the length in seconds of a WAV that ConvertSound or WriteWAV wrote at this rate.
func SoundLength(path string, rate int) (float64, error) {
	n, err := wavSamples(path)
	if err != nil {
		return 0, fault.New(fault.Internal, "", "a sound file of ours cannot be read").WithCause(err)
	}
	return float64(n) / float64(rate), nil
}
