package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// worded is what the stage of the words leaves: keys of speech.Transcripts as JSON, in seconds of the video.
type worded struct {
	Source string `json:"source,omitempty"` // what is said in the video; "" where only the translation is given
	Target string `json:"target"`           // what is to be said instead
}

// fetchDub brings everything that a dub needs into the store, the small things first.
func fetchDub(ctx context.Context, w *work) (err error) {
	defer w.breathe()()
	for i, c := range w.dub.characters() {
		var f saidFiles
		if c.Who.Like != nil {
			in, err := w.fetch(ctx, *c.Who.Like, "photo", fmt.Sprintf("like-%d", i))
			if err != nil {
				return err
			}
			f.Like = &in
		}
		w.fetched.Cast = append(w.fetched.Cast, f)
	}
	for _, g := range []struct {
		from *Source
		to   **input
		name string
	}{{w.dub.Source, &w.fetched.Words, "source-srt"}, {w.dub.Target, &w.fetched.Target, "target-srt"}} {
		if g.from == nil {
			continue
		}
		in, err := w.fetch(ctx, *g.from, g.name, g.name)
		if err != nil {
			return err
		}
		*g.to = &in
	}
	for i, r := range w.dub.Recordings {
		in, err := w.fetch(ctx, r.Sound, "recording", fmt.Sprintf("recording-%d", i))
		if err != nil {
			return err
		}
		w.fetched.Recordings = append(w.fetched.Recordings, in)
	}
	if w.fetched.Video, err = w.fetch(ctx, w.footage.Video, "video", "video"); err != nil {
		return err
	}
	return w.fetchMore(ctx)
}

// judgeDub looks at what was fetched before anything costly is done, and says at once when words will be missing.
func judgeDub(ctx context.Context, w *work) error {
	for _, f := range append(w.fetched.Cast, saidFiles{}) {
		if f.Like != nil {
			if _, err := w.readPhoto(ctx, *f.Like); err != nil {
				return err
			}
		}
	}
	if w.fetched.Target == nil {
		if w.fetched.Words == nil && w.r.cfg.Transcriber == nil {
			return fault.New(fault.Unsupported, "source-srt", "the words of the video are not given, and nothing is set up that writes them down").
				WithHint("Give them with --source-srt, or the translation with --target-srt, or set --transcribe-url or --transcribe-command.")
		}
		if w.r.cfg.Translator == nil && !sameTongue(w.dub.Original, w.dub.Language) {
			return fault.New(fault.Unsupported, "target-srt", "the translation is not given, and nothing is set up that translates").
				WithHint("Give it with --target-srt, or set --translate-url or --translate-command.")
		}
	}
	for _, f := range []*input{w.fetched.Words, w.fetched.Target} {
		if f != nil {
			if _, err := w.readTranscript(ctx, *f); err != nil {
				return err
			}
		}
	}
	for _, f := range w.fetched.Recordings {
		path, err := w.open(ctx, f)
		if err != nil {
			return err
		}
		if _, err := media.ProbeSound(ctx, path, w.soundLimits()); err != nil {
			return w.named(err, f.Name)
		}
	}
	return nil
}

// sameTongue tells whether a and b are known to be one language, whatever its country.
func sameTongue(a, b string) bool {
	first := func(tag string) string {
		tag, _, _ = strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
		return tag
	}
	return a != "" && first(a) == first(b)
}

// readWords gets what is said in the video: as it is given, or written down.
func readWords(ctx context.Context, w *work) (err error) {
	defer w.breathe()()
	switch {
	case w.fetched.Words != nil:
		if w.source, err = w.readTranscript(ctx, *w.fetched.Words); err != nil {
			return err
		}
	case w.fetched.Target != nil:
		return nil
	case len(w.info.Audio) == 0:
		return fault.New(fault.NoSound, w.fetched.Video.Name, "there is no sound in the video, so no words to dub").
			WithHint("Give the new words with --target-srt.")
	default:
		if w.source, err = w.r.cfg.Transcriber.Transcribe(ctx, w.video, w.dub.Original); err != nil {
			return err
		}
		if w.source.Text() == "" {
			return fault.New(fault.Empty, w.fetched.Video.Name, "no words were heard in the video").
				WithHint("Give them with --source-srt, or the new ones with --target-srt.")
		}
	}
	if w.dub.Original != "" {
		w.source.Language = w.dub.Original
	}
	return nil
}

// translateWords gets what is to be said: as it is given, or translated cue by cue, so that each keeps its place.
func translateWords(ctx context.Context, w *work) (err error) {
	defer w.breathe()()
	switch {
	case w.fetched.Target != nil:
		if w.target, err = w.readTranscript(ctx, *w.fetched.Target); err != nil {
			return err
		}
		if err := takeTimes(w.target, w.source); err != nil {
			return w.named(err, w.fetched.Target.Name)
		}
	default:
		if !timed(w.source) {
			return fault.New(fault.InvalidField, w.fetched.Words.Name, "the words of the video have no times").
				WithHint("Give them as SRT or VTT, a cue for each sentence.")
		}
		if w.target, err = w.translated(ctx); err != nil {
			return err
		}
	}
	w.target.Language = w.dub.Language
	var out worded
	if w.source != nil {
		out.Source = w.key("source.json")
		if err := w.keepTranscript(ctx, out.Source, w.source); err != nil {
			return err
		}
	}
	out.Target = w.key("target.json")
	w.out = &out
	return w.keepTranscript(ctx, out.Target, w.target)
}

// translated is the source in the other language.
func (w *work) translated(ctx context.Context) (*speech.Transcript, error) {
	out := &speech.Transcript{Language: w.dub.Language}
	var texts []string
	for i := range w.source.Cues {
		c := w.source.Cues[i]
		if c.Text = strings.Join(strings.Fields(c.Said()), " "); c.Text == "" {
			continue
		}
		c.Words = nil
		out.Cues, texts = append(out.Cues, c), append(texts, c.Text)
	}
	if sameTongue(w.source.Language, w.dub.Language) {
		return out, nil
	}
	if w.r.cfg.Translator == nil {
		return nil, fault.New(fault.Unsupported, "target-srt", "the translation is not given, and nothing is set up that translates").
			WithHint("Give it with --target-srt, or set --translate-url or --translate-command.")
	}
	got, err := w.r.cfg.Translator.Translate(ctx, texts, w.source.Language, w.dub.Language)
	if err != nil {
		return nil, err
	}
	if len(got) != len(texts) {
		return nil, fault.New(fault.Unavailable, "target-srt", "the translation has %d texts of %d", len(got), len(texts)).
			WithHint("Try again, or give it with --target-srt.")
	}
	for i := range got {
		out.Cues[i].Text = strings.TrimSpace(got[i])
	}
	return out, nil
}

// timed tells whether every cue has its time.
func timed(t *speech.Transcript) bool {
	for _, c := range t.Cues {
		if c.End <= c.Start {
			return false
		}
	}
	return true
}

// takeTimes gives cues without times those of the original, and all the speakers of the original, where they are as many.
func takeTimes(target, source *speech.Transcript) error {
	pairs := source != nil && len(source.Cues) == len(target.Cues)
	if !timed(target) {
		if !pairs || !timed(source) {
			return fault.New(fault.InvalidField, "", "the words have no times, and the original's cues are not as many").
				WithHint("Give SRT or VTT, or a paragraph for each cue of --source-srt.")
		}
		for i := range target.Cues {
			target.Cues[i].Start, target.Cues[i].End = source.Cues[i].Start, source.Cues[i].End
		}
	}
	for i := range target.Cues {
		if pairs && target.Cues[i].Speaker == "" {
			target.Cues[i].Speaker = source.Cues[i].Speaker
		}
	}
	return nil
}

// keepTranscript stores words.
func (w *work) keepTranscript(ctx context.Context, key string, t *speech.Transcript) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = w.r.cfg.Blobs.Write(ctx, key, raw)
	return err
}

// maxWords bounds stored words.
const maxWords = 64 << 20

// loadWords reads what the stage of the words left.
func loadWords(ctx context.Context, w *work) error {
	words, err := firstResult[worded](w.job.Task, Words)
	if err != nil {
		return err
	}
	for _, g := range []struct {
		key string
		to  **speech.Transcript
	}{{words.Source, &w.source}, {words.Target, &w.target}} {
		if g.key == "" {
			continue
		}
		raw, err := w.r.cfg.Blobs.Read(ctx, g.key, maxWords)
		if err != nil {
			return err
		}
		*g.to = new(speech.Transcript)
		if err := json.Unmarshal(raw, *g.to); err != nil {
			return fmt.Errorf("stored words: %w", err)
		}
	}
	return nil
}
