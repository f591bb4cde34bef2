package pipeline

import (
	"context"
	"encoding/json"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// madeBy names the way in which pieces are made; another one makes what was kept worthless.
const madeBy = "dub-1"

// reusedSpeech is what say says, or what it said for an earlier run, sample by sample.
func (w *work) reusedSpeech(ctx context.Context, r speech.Request, say func() (*speech.Utterance, error)) (*speech.Utterance, bool, error) {
	kept := w.r.cfg.Reuse
	if kept == nil {
		u, err := say()
		return u, false, err
	}
	name, err := digestOf(madeBy, "speech", r)
	if err != nil {
		return nil, false, err
	}
	sound, times := "said/"+name+".wav", "said/"+name+".json"
	if raw, err := kept.Read(ctx, times, maxTiming); err == nil {
		u := &speech.Utterance{}
		if u.Timing, err = readKept(raw); err == nil {
			file := w.scratch("reused.wav")
			if err = kept.Get(ctx, sound, file); err == nil {
				if u.Sound, err = wholeSound(ctx, file); err == nil {
					return u, true, nil
				}
			}
		}
		w.r.log.Warn("a kept piece of speech cannot be used", "error", err)
	} else if !fault.Is(err, fault.NotFound) {
		return nil, false, err
	}
	u, err := say()
	if err != nil {
		return nil, false, err
	}
	file := w.scratch("reused.wav")
	if err := media.WriteWAV(file, u.Sound.Rate, u.Sound.Samples); err != nil {
		return nil, false, err
	}
	if _, err := kept.Put(ctx, sound, file); err != nil {
		return nil, false, err
	}
	raw, err := json.Marshal(u.Timing)
	if err != nil {
		return nil, false, err
	}
	_, err = kept.Write(ctx, times, raw) // last, so that it stands for both
	return u, false, err
}

// readKept reads a timing; null is none.
func readKept(raw []byte) (t *speech.Timing, err error) { return t, json.Unmarshal(raw, &t) }

// wholeSound reads a WAV that WriteWAV wrote, at its own rate.
func wholeSound(ctx context.Context, path string) (s speech.Sound, err error) {
	info, err := media.ProbeSound(ctx, path, media.Limits{})
	if err != nil {
		return s, err
	}
	s.Rate = info.Tracks[0].SampleRate
	s.Samples, err = media.ReadSound(ctx, path, info.Tracks, media.SoundOptions{Rate: s.Rate, Zero: -1})
	return s, err
}
