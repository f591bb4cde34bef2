package media_test

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
)

// sings is a tone that swells and has sharp peaks, as speech has.
func sings(seconds, amplitude, crest float64) []float32 {
	s := make([]float32, int(seconds*media.MixRate))
	for i := range s {
		t := float64(i) / media.MixRate
		v := amplitude * math.Sin(2*math.Pi*220*t) * (.6 + .4*math.Sin(2*math.Pi*3*t))
		if i%9600 < 24 { // a click five times a second
			v += amplitude * crest * math.Sin(2*math.Pi*float64(i%9600)/24)
		}
		s[i] = float32(v)
	}
	return s
}

func wav(t *testing.T, name string, samples []float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := media.WriteWAV(path, media.MixRate, samples); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMixLoudness: whatever comes in, loudness and peak are right in what the file decodes to, and the length
// is exact.
func TestMixLoudness(t *testing.T) {
	for name, c := range map[string]struct {
		samples []float32
		target  float64
	}{
		"quiet":  {sings(4, .004, 1), -16},
		"loud":   {sings(4, .9, .5), -16},
		"clicks": {sings(4, .05, 9), -16},
		"soft":   {sings(4, .3, 1), -23},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "mix.m4a")
			length := 5200 * time.Millisecond
			got, err := media.MixSound(t.Context(), out, media.Mix{
				Parts: []media.Part{{Path: wav(t, "a.wav", c.samples), At: 700 * time.Millisecond}}, Length: length,
				Loudness: c.target, Peak: -1,
			})
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Loudness-c.target) > .5 || got.Peak > -1 || got.Silent {
				t.Errorf("%+v, want %g LUFS within .5 and at most -1 dBTP", got, c.target)
			}
			if (name == "clicks") != got.Limited {
				t.Errorf("limited: %v", got.Limited)
			}
			info, err := media.ProbeSound(t.Context(), out, media.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := media.ReadSound(t.Context(), out, info.Tracks, media.SoundOptions{Rate: media.MixRate})
			if err != nil {
				t.Fatal(err)
			}
			if d := float64(len(s))/media.MixRate - length.Seconds(); math.Abs(d) > .022 {
				t.Errorf("%.4f s too long", d)
			}
			if at := firstLoud(s, .01); math.Abs(at-.7) > .004 {
				t.Errorf("the part begins at %.4f s, not at .7", at)
			}
		})
	}
}

// firstLoud is when a sound first exceeds a share of its highest sample.
func firstLoud(s []float32, share float64) float64 {
	var top float64
	for _, v := range s {
		top = max(top, math.Abs(float64(v)))
	}
	for i, v := range s {
		if math.Abs(float64(v)) > share*top {
			return float64(i) / media.MixRate
		}
	}
	return -1
}

// TestMixSilence: silence is not raised, and said to be silence.
func TestMixSilence(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "mix.m4a")
	got, err := media.MixSound(t.Context(), out, media.Mix{
		Parts: []media.Part{{Path: wav(t, "a.wav", make([]float32, media.MixRate))}}, Length: 2 * time.Second, Loudness: -16, Peak: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Silent || got.Loudness > -69 || math.IsInf(got.Peak, 0) {
		t.Errorf("%+v", got)
	}
}

// TestMixBackground: the background lies under the voice by as much as was asked, over and over.
func TestMixBackground(t *testing.T) {
	t.Parallel()
	hum := make([]float32, media.MixRate*3/2)
	for i := range hum {
		hum[i] = float32(.02 * math.Sin(2*math.Pi*600*float64(i)/media.MixRate))
	}
	m := media.Mix{
		Parts:      []media.Part{{Path: wav(t, "a.wav", sings(2, .3, 0))}},
		Background: &media.Background{Path: wav(t, "b.wav", hum), Level: -20},
		Length:     4 * time.Second, Loudness: -16, Peak: -1,
	}
	out := filepath.Join(t.TempDir(), "mix.m4a")
	if _, err := media.MixSound(t.Context(), out, m); err != nil {
		t.Fatal(err)
	}
	info, err := media.ProbeSound(t.Context(), out, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := media.ReadSound(t.Context(), out, info.Tracks, media.SoundOptions{Rate: media.MixRate})
	if err != nil {
		t.Fatal(err)
	}
	rms := func(from, to float64) float64 {
		var sum float64
		part := s[int(from*media.MixRate):int(to*media.MixRate)]
		for _, v := range part {
			sum += float64(v) * float64(v)
		}
		return 10 * math.Log10(sum/float64(len(part))+1e-12)
	}
	if d := rms(.2, 1.8) - rms(2.5, 3.9); d < 17 || d > 23 {
		t.Errorf("the background is %.1f dB below the voice, not about 20", d)
	}
}

func TestMixRefuses(t *testing.T) {
	t.Parallel()
	good := media.Mix{Parts: []media.Part{{}}, Length: time.Second, Loudness: -16, Peak: -1}
	for field, change := range map[string]func(*media.Mix){
		"loudness":   func(m *media.Mix) { m.Loudness = math.NaN() },
		"peak":       func(m *media.Mix) { m.Peak = 3 },
		"background": func(m *media.Mix) { m.Background = &media.Background{Level: 6} },
	} {
		m := good
		change(&m)
		if err := m.Validate(); !fault.Is(err, fault.InvalidField) || fault.From(err).Param != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
