package media

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Part is a sound at its place in a mix.
type Part struct {
	Path string        // a WAV at MixRate, as ConvertSound writes it
	At   time.Duration // of its first sample, from the mix' beginning
}

// Background is sound that goes on under the voice, over and over where it is shorter than the mix.
type Background struct {
	Path  string  // a WAV at MixRate
	Level float64 // its loudness in LU against the mix' target, −60…0
	// Sides keeps only what differs between left and right: music and rooms recorded in stereo stay, a voice
	// in the middle goes. It needs two channels that differ.
	Sides bool
	// Gain is a WAV of one channel at any rate, as WriteWAV writes it, by which it is multiplied over time, after Level has
	// been measured without it; "" for 1 throughout.
	Gain string
}

// Mix says what sound to make.
type Mix struct {
	Parts      []Part
	Background *Background   // nil: none
	Length     time.Duration // of the whole; silence where no part is
	Loudness   float64       // integrated, in LUFS (ITU-R BS.1770-4, EBU R 128), −40…−5
	Peak       float64       // highest true peak in dBTP, −9…0
	Stall      time.Duration // without a sign of life before FFmpeg is given up; 0 means 90 s
}

// Mixed says what a mix measures, as it is decoded again.
type Mixed struct {
	Loudness float64 `json:"loudness"` // LUFS; −70 and less is silence
	Peak     float64 `json:"peak"`     // dBTP
	Limited  bool    `json:"limited"`  // peaks were held back
	Silent   bool    `json:"silent"`   // there was nothing to bring to a loudness
}

// Loudness from which on a sound counts as one: the absolute gate of ITU-R BS.1770-4.
const gateLoudness = -70

// quietest stands for everything softer, in LUFS and dBTP.
const quietest = -120

// mixRounds is how often gain and ceiling may be put right: encoding moves peaks by up to a decibel and
// holding peaks back takes loudness.
const mixRounds = 4

// Tolerances of a finished mix.
const (
	loudnessWithin = .3 // LU
	ceilingStep    = .2 // dB beyond what was too much
)

// Validate says what cannot be made.
func (m Mix) Validate() error {
	switch {
	case m.Length <= 0 || len(m.Parts) == 0:
		return fault.New(fault.Internal, "", "a mix of nothing")
	case !(m.Loudness >= -40 && m.Loudness <= -5):
		return fault.New(fault.InvalidField, "loudness", "must lie between -40 and -5 LUFS")
	case !(m.Peak >= -9 && m.Peak <= 0):
		return fault.New(fault.InvalidField, "peak", "must lie between -9 and 0 dBTP")
	case m.Background != nil && !(m.Background.Level >= -60 && m.Background.Level <= 0):
		return fault.New(fault.InvalidField, "background", "must lie between -60 and 0 LU")
	}
	return nil
}

// MixSound puts sounds together, brings them to a loudness and writes them as AAC in an MP4 at out:
// one gain for the whole, peaks held back where they would rise above the limit, everything measured on what
// the file decodes to. A mix without anything loud enough to be measured is written as it is.
func MixSound(ctx context.Context, out string, m Mix) (*Mixed, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".twinsync-mix-")
	if err != nil {
		return nil, notWritable(out, err)
	}
	defer os.RemoveAll(dir)
	dry := filepath.Join(dir, "dry.wav")
	voice, err := m.join(ctx, dry)
	if err != nil {
		return nil, err
	}
	x := &mixing{Mix: m, dry: dry, out: out, gain: m.Loudness - voice.loudness, ceiling: math.Inf(1)}
	if voice.loudness <= gateLoudness {
		x.gain = 0
	}
	if m.Background != nil {
		if x.back, err = m.backGain(ctx); err != nil {
			return nil, err
		}
	}
	return x.run(ctx, voice)
}

// level is what ebur128 measures.
type level struct{ loudness, peak float64 }

// join writes the parts, each at its place, as one WAV, and measures it.
func (m Mix) join(ctx context.Context, out string) (level, error) {
	args := []string{"-y"}
	var chain, names strings.Builder
	for i, p := range m.Parts {
		args = append(args, input(p.Path)...)
		at := int64(math.Round(p.At.Seconds() * MixRate))
		fmt.Fprintf(&chain, "[%d:a]adelay=%dS:all=1[p%d];", i, max(at, 0), i)
		fmt.Fprintf(&names, "[p%d]", i)
	}
	fmt.Fprintf(&chain, "%samix=inputs=%d:normalize=0:duration=longest,apad,atrim=end_sample=%d,%s[out]",
		names.String(), len(m.Parts), m.samples(), measure)
	args = append(args, "-filter_complex", chain.String(), "-map", "[out]", "-c:a", "pcm_f32le", "-f", "wav", fileURL(out))
	return m.measured(ctx, args)
}

func (m Mix) samples() int64 { return int64(math.Round(m.Length.Seconds() * MixRate)) }

// measure is the filter whose summary readLevel reads. Whether frames are logged is said so that they are not.
const measure = "ebur128=peak=true:framelog=verbose"

// filters of the background, before its gain.
func (b *Background) filters() string {
	if b.Sides {
		return "pan=stereo|c0=.5*c0-.5*c1|c1=.5*c1-.5*c0"
	}
	return "anull"
}

// backGain is the gain in dB that brings the background to its level.
func (m Mix) backGain(ctx context.Context) (float64, error) {
	l, err := m.measured(ctx, append(input(m.Background.Path), "-af", m.Background.filters()+","+measure, "-f", "null", "-"))
	if err != nil {
		return 0, err
	}
	if l.loudness <= gateLoudness {
		return math.Inf(-1), nil // nothing to hear
	}
	return m.Loudness + m.Background.Level - l.loudness, nil
}

// measured runs FFmpeg over sound and reads what the filter measure has found.
func (m Mix) measured(ctx context.Context, args []string) (level, error) {
	p, err := start(ctx, command{name: "ffmpeg", args: append([]string{"-v", "info", "-hide_banner", "-nostdin", "-nostats"}, args...),
		stall: m.Stall, writes: true})
	if err != nil {
		return level{}, err
	}
	if err := p.wait(); err != nil {
		return level{}, err
	}
	l, ok := readLevel(p.stderr.String())
	if !ok {
		return level{}, fault.New(fault.Internal, "", "the loudness cannot be measured").WithCause(p.said(errors.New("no summary of ebur128")))
	}
	return l, nil
}

// readLevel finds the last summary of ebur128 in what FFmpeg wrote.
func readLevel(said string) (level, bool) {
	i := strings.LastIndex(said, "Integrated loudness:")
	if i < 0 {
		return level{}, false
	}
	number := func(label, unit string) (float64, bool) {
		_, rest, ok := strings.Cut(said[i:], label)
		if !ok {
			return 0, false
		}
		word, _, ok := strings.Cut(rest, unit)
		if !ok {
			return 0, false
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		return v, err == nil && !math.IsNaN(v)
	}
	l, ok1 := number("I:", "LUFS")
	p, ok2 := number("Peak:", "dBFS")
	// Silence has no logarithm.
	return level{loudness: max(l, quietest), peak: max(p, quietest)}, ok1 && ok2
}

// mixing is one run of MixSound.
type mixing struct {
	Mix
	dry, out   string
	gain, back float64 // dB
	ceiling    float64 // dBTP of the limiter; +Inf: none
}

// run encodes and measures until loudness and peak are right.
func (x *mixing) run(ctx context.Context, voice level) (*Mixed, error) {
	silent := voice.loudness <= gateLoudness
	if voice.peak+x.gain > x.Peak {
		x.ceiling = x.Peak - ceilingStep
	}
	for round := 1; ; round++ {
		if err := x.encode(ctx); err != nil {
			return nil, err
		}
		l, err := x.measured(ctx, append(input(x.out), "-af", measure, "-f", "null", "-"))
		if err != nil {
			return nil, err
		}
		off := x.Loudness - l.loudness
		loud := silent || math.Abs(off) <= loudnessWithin
		if loud && l.peak <= x.Peak || round == mixRounds {
			return &Mixed{Loudness: l.loudness, Peak: l.peak, Limited: !math.IsInf(x.ceiling, 1), Silent: silent}, nil
		}
		if !loud {
			x.gain += off
			x.back += off
		}
		if over := l.peak - x.Peak; over > 0 {
			x.ceiling = min(x.ceiling, x.Peak) - over - ceilingStep
		} else if voice.peak+x.gain > x.Peak {
			x.ceiling = min(x.ceiling, x.Peak-ceilingStep)
		}
	}
}

// encode writes the mix with the gains as they are.
func (x *mixing) encode(ctx context.Context) error {
	args := append([]string{"-v", "error", "-hide_banner", "-nostdin", "-y"}, input(x.dry)...)
	chain := fmt.Sprintf("[0:a]volume=%.4fdB:precision=float", x.gain)
	if x.Background != nil && !math.IsInf(x.back, -1) {
		args = append(append(args, "-stream_loop", "-1"), input(x.Background.Path)...)
		chain += fmt.Sprintf("[v];[1:a]%s,atrim=end_sample=%d,volume=%.4fdB:precision=float", x.Background.filters(), x.samples(), x.back)
		if x.Background.Gain != "" {
			args = append(args, input(x.Background.Gain)...)
			chain += fmt.Sprintf(",aformat=sample_fmts=fltp:sample_rates=%d:channel_layouts=stereo[u];[2:a]aresample=%d,pan=stereo|c0=c0|c1=c0,aformat=sample_fmts=fltp,apad[g];[u][g]amultiply",
				MixRate, MixRate)
		}
		chain += "[b];[v][b]amix=inputs=2:normalize=0:duration=first"
	}
	if !math.IsInf(x.ceiling, 1) {
		// Four times the rate shows the peaks between samples (ITU-R BS.1770-4, annex 2).
		chain += fmt.Sprintf(",aresample=%d,alimiter=limit=%.6f:attack=2:release=60:level=0:latency=1,aresample=%d",
			4*MixRate, math.Pow(10, x.ceiling/20), MixRate)
	}
	chain += fmt.Sprintf(",apad,atrim=end_sample=%d[out]", x.samples())
	args = append(args, "-filter_complex", chain, "-map", "[out]", "-map_metadata", "-1", "-fflags", "+bitexact",
		"-c:a", "aac", "-b:a", "160k", "-f", "mp4", fileURL(x.out))
	p, err := start(ctx, command{name: "ffmpeg", args: args, stall: x.Stall, writes: true})
	if err != nil {
		return err
	}
	return p.wait()
}
