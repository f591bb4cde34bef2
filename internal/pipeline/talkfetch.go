package pipeline

import (
	"context"
	"fmt"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// saidFiles are the files that belong to a Say.
type saidFiles struct {
	Script     *input `json:"script,omitempty"`
	Audio      *input `json:"audio,omitempty"`
	Transcript *input `json:"transcript,omitempty"`
	Like       *input `json:"like,omitempty"`
}

// fetchTalk brings everything that a talk needs into the store. What is small comes first, so that what is wrong
// with it shows before a video is downloaded.
func fetchTalk(ctx context.Context, w *work) error {
	defer w.breathe()()
	get := func(s *Source, fallback, file string) (*input, error) {
		if s == nil {
			return nil, nil
		}
		in, err := w.fetch(ctx, *s, fallback, file)
		return &in, err
	}
	var err error
	for i, s := range w.talk.Says {
		var f saidFiles
		for _, g := range []struct {
			to   **input
			from *Source
			name string
		}{{&f.Script, s.Script, "script"}, {&f.Transcript, s.Transcript, "transcript"}, {&f.Audio, s.Audio, "audio"}, {&f.Like, s.Who.Like, "photo"}} {
			if *g.to, err = get(g.from, g.name, fmt.Sprintf("%s-%d", g.name, i)); err != nil {
				return err
			}
		}
		w.fetched.Says = append(w.fetched.Says, f)
	}
	if w.fetched.Words, err = get(w.talk.Words, "source-transcript", "words"); err != nil {
		return err
	}
	if w.fetched.Video, err = w.fetch(ctx, w.footage.Video, "video", "video"); err != nil {
		return err
	}
	return w.fetchMore(ctx)
}

// fetchMore brings the further footage into the store.
func (w *work) fetchMore(ctx context.Context) error {
	for i, s := range w.footage.More {
		in, err := w.fetch(ctx, s, "more-footage", fmt.Sprintf("more-%d", i+1))
		if err != nil {
			return err
		}
		w.fetched.More = append(w.fetched.More, clip{Video: in})
	}
	return nil
}

// judgeTalk looks at what was fetched before anything costly is done: recordings have sound, photos a face.
func judgeTalk(ctx context.Context, w *work) error {
	for _, f := range w.fetched.Says {
		if f.Audio != nil {
			path, err := w.open(ctx, *f.Audio)
			if err != nil {
				return err
			}
			if _, err := media.ProbeSound(ctx, path, w.soundLimits()); err != nil {
				return w.named(err, f.Audio.Name)
			}
		}
		if f.Like != nil {
			if _, err := w.readPhoto(ctx, *f.Like); err != nil {
				return err
			}
		}
	}
	return nil
}

// soundLimits are those of a recording: as long as a video may be.
func (w *work) soundLimits() media.Limits {
	return media.Limits{MaxDuration: w.r.cfg.Video.MaxDuration, MaxBytes: w.r.cfg.Video.MaxBytes}
}

// named names the input in what is the user's to mend.
func (w *work) named(err error, name string) error {
	if f := fault.From(err); f != nil && f.Code.Kind() == fault.Input {
		return f.WithParam(name)
	}
	return err
}

// cutMore divides the further footage into segments, as cutVideo does the video, which comes after.
func cutMore(ctx context.Context, w *work) error {
	for i, c := range w.fetched.More {
		info, err := w.describe(ctx, c.Video)
		if err != nil {
			return err
		}
		if w.fetched.More[i], err = w.cutClip(ctx, c.Video, info, 0, info.Frames(), i+1); err != nil {
			return err
		}
		if !sameSamples(info.Video.Layout, w.info.Video.Layout) {
			return fault.New(fault.Unsupported, c.Video.Name, "is stored with other samples than the video: %s and %s", info.Video.Layout, w.info.Video.Layout).
				WithHint("Convert it to the video's pixel format first.")
		}
	}
	return nil
}

// sameSamples tells whether a mouth of one layout can be drawn into frames of the other.
func sameSamples(a, b pix.Layout) bool {
	a.W, a.H, b.W, b.H = 0, 0, 0, 0
	return a == b
}
