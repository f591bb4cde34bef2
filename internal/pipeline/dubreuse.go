package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"runtime/debug"

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
	name, err := digestOf(madeBy, "speech", w.r.cfg.SpeaksBy, r)
	if err != nil {
		return nil, false, err
	}
	sound, times := "said/"+name+".wav", "said/"+name+".json"
	if raw, err := kept.Read(ctx, times, maxTiming); err == nil {
		u := &speech.Utterance{}
		if u.Timing, err = readKept(raw); err == nil {
			file := w.scratch("reused.wav")
			if err = kept.Get(ctx, sound, file); err == nil {
				u.Sound, err = wholeSound(ctx, file)
				if err = errors.Join(err, os.Remove(file)); err == nil {
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
	file := w.scratch("kept.wav")
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

// renderDub renders a segment, or takes what an earlier run made of the very same.
func renderDub(ctx context.Context, w *work) error {
	kept := w.r.cfg.Reuse
	if kept == nil {
		return inTurn(ctx, w, openResult, renderTalk)
	}
	name, err := w.pieceDigest()
	if err != nil {
		return err
	}
	piece, about := "drawn/"+name+".mp4", "drawn/"+name+".json"
	raw, err := kept.Read(ctx, about, maxInfo)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil {
		var out talked
		file := w.scratch("kept.mp4")
		err = json.Unmarshal(raw, &out)
		if err == nil {
			err = kept.Get(ctx, piece, file)
		}
		if err == nil {
			out.Key, out.Range, out.Reused = w.key("piece.mp4"), w.part.frames(), true
			w.out = out
			_, err = w.r.cfg.Blobs.Put(ctx, out.Key, file)
			return err
		}
		w.r.log.Warn("a kept piece of the picture cannot be used", "error", err)
	}
	if err := inTurn(ctx, w, openResult, renderTalk); err != nil {
		return err
	}
	if _, err := kept.Put(ctx, piece, w.pieceFile); err != nil {
		return err
	}
	if raw, err = json.Marshal(w.out); err != nil {
		return err
	}
	_, err = kept.Write(ctx, about, raw) // last, so that it stands for both
	return err
}

// pieceDigest names everything that a segment of the picture is made of: the program, the footage and what was found in it,
// which frames of it are shown, where the mouths come from, and how it is encoded.
func (w *work) pieceDigest() (string, error) {
	var clips []string
	for _, c := range w.fetched.clips() {
		clips = append(clips, c.Video.SHA256, c.Keep)
	}
	program := ""
	if b, ok := debug.ReadBuildInfo(); ok {
		program = b.Main.Version
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
				program += " " + s.Value
			}
		}
	}
	var plans []string
	for _, d := range w.roles {
		h := sha256.New()
		if err := d.plan.Write(h); err != nil {
			return "", err
		}
		plans = append(plans, hex.EncodeToString(h.Sum(nil)))
	}
	return digestOf(madeBy, "piece", program, clips, w.joined.Roles, w.joined.Mouths, w.voiced.Rate, w.footage.Codec, w.footage.CRF, w.footage.Preset,
		w.base[w.part.First:w.part.End], plans)
}
