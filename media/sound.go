package media

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// SoundInfo says what sound a file holds.
type SoundInfo struct {
	Format   string        // FFmpeg's name of the container
	Size     int64         // bytes
	Duration time.Duration // as the file says; 0 when it does not
	Start    time.Duration // the file's time zero
	Tracks   []Audio       // at least one
}

// Track is the index in Tracks of the one that players play: the first marked so, else the first.
func (s *SoundInfo) Track() int { return defaultTrack(s.Tracks) }

// Track is the index in Audio of the track that players play: the first marked so, else the first.
func (i *Info) Track() int { return defaultTrack(i.Audio) }

func defaultTrack(tracks []Audio) int {
	for i, t := range tracks {
		if t.Default {
			return i
		}
	}
	return 0
}

// ProbeSound reads what sound a file holds: a recording, or a video with sound.
//
// Its faults: NotFound, Empty, NotMedia, Truncated, NoSound (pictures only), TooLarge, TooLong,
// MissingProgram, Stalled, Timeout.
func ProbeSound(ctx context.Context, path string, lim Limits) (*SoundInfo, error) {
	size, err := checkFile(path, lim)
	if err != nil {
		return nil, err
	}
	d, err := describe(ctx, path)
	if err != nil {
		if fault.Is(err, fault.NotMedia) {
			return nil, fault.New(fault.NotMedia, "", "the file is no sound that can be read").
				WithHint("Use WAV, MP3, AAC, FLAC, Ogg or a video with sound.").WithCause(err)
		}
		return nil, err
	}
	info := &SoundInfo{Format: d.Format.Name, Size: size, Duration: seconds(d.Format.Duration), Tracks: d.tracks()}
	if s := seconds(d.Format.Start); s > 0 {
		info.Start = s
	}
	switch {
	case len(info.Tracks) == 0 && len(d.Streams) == 0:
		return nil, fault.New(fault.NotMedia, "", "the file is no sound that can be read").
			WithHint("Use WAV, MP3, AAC, FLAC, Ogg or a video with sound.")
	case len(info.Tracks) == 0:
		return nil, fault.New(fault.NoSound, "", "there is no sound in the file")
	case lim.MaxDuration > 0 && info.Duration > lim.MaxDuration:
		return nil, soundTooLong(info.Duration, lim.MaxDuration)
	}
	return info, nil
}

func soundTooLong(d, most time.Duration) error {
	return fault.New(fault.TooLong, "", "the sound is too long: %s of at most %s", d.Round(time.Second), most)
}

// SoundOptions say what of a file's sound to read.
type SoundOptions struct {
	Track int // index in SoundInfo.Tracks or Info.Audio
	Rate  int // samples per second wanted, > 0
	// Zero is the time of the file at which the first sample lies, as Info.Start or the time of a cut; what
	// begins later has silence before it. Sound that is not tied to a picture begins where it begins: < 0.
	Zero  time.Duration
	Most  time.Duration // longer sound is a fault.TooLong; 0 sets no bound
	Stall time.Duration // without a byte before the decoder is given up; 0 means 90 s
}

// ReadSound decodes a file's sound to one channel of samples from −1 to 1 (beyond where the file goes
// beyond), opt.Rate of them a second. tracks are those that Probe or ProbeSound found.
//
// Of two channels the mean is taken, unless one of them is silent, or they cancel each other (one of them was
// wired the wrong way round): then the louder one alone. More channels are mixed by FFmpeg's
// rule for their layout (ITU-R BS.775: centre and fronts at .707, no bass channel).
//
// Its faults: NotMedia (nothing can be decoded), TooLong, MissingProgram, Stalled, Canceled.
func ReadSound(ctx context.Context, path string, tracks []Audio, opt SoundOptions) ([]float32, error) {
	if opt.Track < 0 || opt.Track >= len(tracks) || opt.Rate <= 0 {
		return nil, fault.New(fault.Internal, "", "sound track %d of %d at %d Hz cannot be read", opt.Track, len(tracks), opt.Rate)
	}
	t := tracks[opt.Track]
	channels := 1
	if t.Channels == 2 {
		channels = 2
	}
	filter := fmt.Sprintf("aresample=%d:async=1", opt.Rate)
	if opt.Zero >= 0 {
		filter = fmt.Sprintf("asetpts=PTS-%.9f/TB,atrim=start=0,%s:first_pts=0", opt.Zero.Seconds(), filter)
	}
	args := append([]string{"-v", "error", "-hide_banner", "-nostdin", "-copyts"}, input(path)...)
	args = append(args, "-map", "0:"+strconv.Itoa(t.Index), "-vn", "-sn", "-dn",
		"-af", filter, "-ac", strconv.Itoa(channels), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1")
	p, err := start(ctx, command{name: "ffmpeg", args: args, stdout: true, stall: opt.Stall})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	most := math.MaxInt
	if opt.Most > 0 {
		most = int(opt.Most.Seconds()*float64(opt.Rate)) + 1
	}
	sound, err := readSamples(p, channels, most)
	if errors.Is(err, errTooMany) {
		return nil, soundTooLong(opt.Most+time.Second, opt.Most)
	}
	if err != nil {
		return nil, fault.From(err)
	}
	// A file that breaks off plays as far as it goes.
	werr := p.wait()
	if len(sound[0]) == 0 {
		if werr != nil && !fault.Is(werr, fault.Internal) {
			return nil, werr
		}
		return nil, fault.New(fault.NotMedia, "", "nothing of the sound can be decoded").WithCause(p.said(werr))
	}
	if werr != nil && (!fault.Is(werr, fault.Internal) || p.crashed()) {
		return nil, werr
	}
	if channels == 1 {
		return sound[0], nil
	}
	return oneChannel(sound[0], sound[1]), nil
}

// errTooMany says that there are more samples than allowed.
var errTooMany = errors.New("more samples than allowed")

// readSamples reads interleaved 32-bit floats. What is no number becomes silence.
func readSamples(r io.Reader, channels, most int) ([2][]float32, error) {
	var out [2][]float32
	buf := make([]byte, 64<<10)
	have := 0
	frame := 4 * channels
	for {
		n, err := r.Read(buf[have:])
		have += n
		whole := have / frame * frame
		for i := 0; i < whole; i += 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(buf[i:]))
			if v != v || v > 1e6 || v < -1e6 {
				v = 0
			}
			c := i / 4 % channels
			out[c] = append(out[c], v)
		}
		copy(buf, buf[whole:have])
		have -= whole
		switch {
		case len(out[0]) > most:
			return out, errTooMany
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, err
		}
	}
}

// cancels is the share of the channels' energy that their mean must keep, else they cancel each other;
// channels without anything in common keep half.
const cancels = .1

// oneChannel mixes two into the first.
func oneChannel(l, r []float32) []float32 {
	var el, er, em float64
	for i, a := range l {
		b := r[i]
		m := (a + b) / 2
		el += float64(a) * float64(a)
		er += float64(b) * float64(b)
		em += float64(m) * float64(m)
	}
	const silent = 1e-4 // 40 dB below the other
	switch {
	case er <= silent*el, em < cancels*(el+er)/2 && el >= er:
		return l
	case el <= silent*er, em < cancels*(el+er)/2:
		return r
	}
	for i := range l {
		l[i] = (l[i] + r[i]) / 2
	}
	return l
}
