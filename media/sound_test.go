package media_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
)

// made has FFmpeg make a file.
func made(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-v", "error", "-y"}, args...), "file:"+path)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func readSound(t *testing.T, path string, rate int) []float32 {
	t.Helper()
	info, err := media.ProbeSound(t.Context(), path, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := media.ReadSound(t.Context(), path, info.Tracks, media.SoundOptions{Track: info.Track(), Rate: rate, Zero: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rms(s []float32) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(s), 1)))
}

// TestReadSoundChannels: every layout gives one channel in which what was said is heard.
func TestReadSoundChannels(t *testing.T) {
	const tone = "sin(2*PI*300*t)"
	for name, c := range map[string]struct {
		channels, layout string
		least, most      float64 // of the RMS of a tone of amplitude .5: .354
	}{
		"mono":        {".5*" + tone, "mono", .34, .37},
		"both":        {".5*" + tone + "|.5*" + tone, "stereo", .34, .37},
		"left only":   {".5*" + tone + "|0", "stereo", .34, .37},
		"right only":  {"0|.5*" + tone, "stereo", .34, .37},
		"wired wrong": {".5*" + tone + "|-.5*" + tone, "stereo", .34, .37},
		"two people":  {".5*" + tone + "|.5*sin(2*PI*170*t)", "stereo", .24, .26},
		"5.1 centre":  {"0|0|.5*" + tone + "|0|0|0", "5.1", .05, .37},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := made(t, "a.wav", "-f", "lavfi", "-i", "aevalsrc='"+c.channels+"':c="+c.layout+":s=44100:d=1")
			s := readSound(t, path, 16000)
			if math.Abs(float64(len(s))-16000) > 20 {
				t.Errorf("%d samples", len(s))
			}
			if r := rms(s[1000:15000]); r < c.least || r > c.most {
				t.Errorf("RMS %.3f, want %.3f to %.3f", r, c.least, c.most)
			}
		})
	}
}

// TestReadSoundZero: sound of a video that begins after the picture has silence before it, and what is
// before a cut is left out.
func TestReadSoundZero(t *testing.T) {
	t.Parallel()
	path := made(t, "a.mkv", "-itsoffset", "0.4", "-f", "lavfi", "-i", "sine=300:d=1", "-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=2",
		"-c:a", "pcm_s16le", "-c:v", "libx264")
	info, err := media.Probe(t.Context(), path, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ zero, begins, length float64 }{{0, .4, 1.4}, {.3, .1, 1.1}, {.9, 0, .5}} {
		s, err := media.ReadSound(t.Context(), path, info.Audio, media.SoundOptions{Rate: media.MixRate, Zero: time.Duration(c.zero * 1e9)})
		if err != nil {
			t.Fatal(err)
		}
		if at := firstLoud(s, .05); math.Abs(at-c.begins) > .003 || math.Abs(float64(len(s))/media.MixRate-c.length) > .003 {
			t.Errorf("zero at %g: begins at %.4f s of %.4f, want %g of %g", c.zero, at, float64(len(s))/media.MixRate, c.begins, c.length)
		}
	}
}

// TestConvertSound: tempo changes the length alone, and a canonical sound has the samples that ReadSound gives.
func TestConvertSound(t *testing.T) {
	t.Parallel()
	in := made(t, "a.mp3", "-f", "lavfi", "-i", "sine=300:d=2:r=44100")
	info, err := media.ProbeSound(t.Context(), in, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tempo := range []float64{0, 1.2, .95} {
		out := filepath.Join(t.TempDir(), "b.wav")
		err := media.ConvertSound(t.Context(), in, info.Tracks, out, media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1}, Tempo: tempo})
		if err != nil {
			t.Fatal(err)
		}
		length, err := media.SoundLength(out, media.MixRate)
		if err != nil {
			t.Fatal(err)
		}
		want := 2.0
		if tempo != 0 {
			want /= tempo
		}
		if math.Abs(length-want) > .04 {
			t.Errorf("tempo %g: %.3f s, want %.3f", tempo, length, want)
		}
		if s := readSound(t, out, media.MixRate); float64(len(s))/media.MixRate != length {
			t.Errorf("%d samples read of %.4f s", len(s), length)
		}
	}
	err = media.ConvertSound(t.Context(), in, info.Tracks, filepath.Join(t.TempDir(), "c.wav"), media.ConvertOptions{Tempo: 9})
	if !fault.Is(err, fault.InvalidField) {
		t.Errorf("tempo 9: %v", err)
	}
	err = media.ConvertSound(t.Context(), in, info.Tracks, filepath.Join(t.TempDir(), "d.wav"),
		media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1, Most: time.Second}})
	if !fault.Is(err, fault.TooLong) {
		t.Errorf("two seconds of at most one: %v", err)
	}
}

func TestProbeSoundRefuses(t *testing.T) {
	t.Parallel()
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		path string
		code fault.Code
	}{
		"nothing":  {filepath.Join(t.TempDir(), "none.wav"), fault.NotFound},
		"empty":    {write("zero.wav", ""), fault.Empty},
		"text":     {write("text.wav", "no sound at all"), fault.NotMedia},
		"pictures": {made(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1"), fault.NoSound},
	} {
		if _, err := media.ProbeSound(t.Context(), c.path, media.Limits{}); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	long := made(t, "a.wav", "-f", "lavfi", "-i", "sine=300:d=3")
	if _, err := media.ProbeSound(t.Context(), long, media.Limits{MaxDuration: time.Second}); !fault.Is(err, fault.TooLong) {
		t.Errorf("three seconds of at most one: %v", err)
	}
}

// TestSharedSounds: the odd recordings are read or refused as their list says.
func TestSharedSounds(t *testing.T) {
	dir := testmedia.Shared(t, "odd", "audio")
	seconds := map[string]float64{
		"pink_noise.wav": 2, "silence_3s.wav": 3, "speech_50ms.wav": .05, "speech_8k_mulaw.wav": 4, "speech_96k_24bit.flac": 4,
		"speech_aac.m4a": 4, "speech_clipped.wav": 4, "speech_cover_art.mp3": 4, "speech_float32.wav": 2, "speech_in_noise.wav": 5,
		"speech_opus.ogg": 4, "speech_pause2s_speech.wav": 6, "speech_vbr.mp3": 4, "speech_very_quiet.wav": 4, "tone_440hz.wav": 3,
		"truncated.mp3": 1.8, "two_speakers_LR.wav": 4, "two_speakers_mixed.wav": 4,
		"speech_raw_s16le_16k.pcm": 0, "text.wav": 0, "zero.wav": 0,
	}
	for name, want := range seconds {
		path := filepath.Join(dir, name)
		if want == 0 {
			if _, err := media.ProbeSound(t.Context(), path, media.Limits{}); fault.From(err) == nil || fault.From(err).Code.Kind() != fault.Input {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got := float64(len(readSound(t, path, 16000))) / 16000; math.Abs(got-want) > .06 {
			t.Errorf("%s: %.3f s, want %g", name, got, want)
		}
	}
}
