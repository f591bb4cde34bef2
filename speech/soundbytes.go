package speech

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
)

// Limits of sound that somebody else made or is to hear.
const (
	longestSpoken = time.Hour
	longestHeard  = 6 * time.Hour

	// mostRate is the highest rate that is kept of somebody else's sound.
	mostRate = 48_000
)

// readSoundFile reads a sound of any kind that FFmpeg knows: one channel, at its own rate, or at rate where that is not 0.
func readSoundFile(ctx context.Context, path string, rate int, most time.Duration) (Sound, error) {
	info, err := media.ProbeSound(ctx, path, media.Limits{MaxDuration: most})
	if err != nil {
		return Sound{}, err
	}
	track := info.Track()
	if rate == 0 {
		rate = min(max(info.Tracks[track].SampleRate, 8000), mostRate)
	}
	samples, err := media.ReadSound(ctx, path, info.Tracks, media.SoundOptions{Track: track, Rate: rate, Zero: -1, Most: most})
	if err != nil {
		return Sound{}, err
	}
	return Sound{rate, samples}, nil
}

// decodeSound reads a sound from memory.
func decodeSound(ctx context.Context, b []byte) (Sound, error) {
	dir, err := os.MkdirTemp("", "twinsync-sound-")
	if err != nil {
		return Sound{}, fault.From(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sound")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return Sound{}, fault.From(err)
	}
	return readSoundFile(ctx, path, 0, longestSpoken)
}

// pitched changes the pitch of a sound and leaves its tempo.
func pitched(ctx context.Context, s Sound, pitch float64) (Sound, error) {
	if orOne(pitch) == 1 {
		return s, nil
	}
	dir, err := os.MkdirTemp("", "twinsync-sound-")
	if err != nil {
		return Sound{}, fault.From(err)
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out.wav")
	if err := media.WriteWAV(in, s.Rate, s.Samples); err != nil {
		return Sound{}, err
	}
	info, err := media.ProbeSound(ctx, in, media.Limits{})
	if err != nil {
		return Sound{}, err
	}
	o := media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1}, Pitch: pitch}
	if err := media.ConvertSound(ctx, in, info.Tracks, out, o); err != nil {
		return Sound{}, err
	}
	return readSoundFile(ctx, out, s.Rate, 0)
}

// wav16 writes a sound as a WAV of 16-bit whole numbers, which everything reads.
func wav16(s Sound) []byte {
	size := uint32(2 * len(s.Samples)) //nolint:gosec // bounded by the limits of length
	b := bytes.NewBuffer(make([]byte, 0, 44+int(size)))
	b.WriteString("RIFF")
	put := func(v any) { _ = binary.Write(b, binary.LittleEndian, v) } // a buffer takes everything
	put(36 + size)
	b.WriteString("WAVEfmt ")
	put([]uint32{16, 1<<16 | 1, uint32(s.Rate), uint32(2 * s.Rate), 16<<16 | 2}) //nolint:gosec // rates are small
	b.WriteString("data")
	put(size)
	samples := make([]int16, len(s.Samples))
	for i, v := range s.Samples {
		samples[i] = int16(min(max(v, -1), 1) * 32767)
	}
	put(samples)
	return b.Bytes()
}
