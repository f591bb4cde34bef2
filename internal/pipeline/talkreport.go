package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
)

// TalkReport is what a finished talk says of itself.
type TalkReport struct {
	Frames   int         `json:"frames"`
	Drawn    int         `json:"drawn"`   // frames that got a new mouth
	Covered  int         `json:"covered"` // frames left as filmed because something lies in front of the mouth
	Seconds  float64     `json:"seconds"`
	Fit      lipsync.Fit `json:"fit"`
	Sound    media.Mixed `json:"sound"`
	Says     []SaidPiece `json:"says"`
	Speakers []Speaks    `json:"speakers"`
	People   []Person    `json:"people"`
	Provider string      `json:"provider"`         // what the networks ran on
	Timing   string      `json:"timing,omitempty"` // where words and phones with their times are kept, as JSON (speech.Timing)
}

// SaidPiece is one of the things that were said.
type SaidPiece struct {
	From   float64 `json:"from"` // seconds
	To     float64 `json:"to"`
	Person int     `json:"person"` // number from 1
	// Score is how well the words fit the sound, 0…1; 0 where the words are not known.
	Score float64 `json:"score"`
	Voice string  `json:"voice,omitempty"`
}

// Speaks is somebody who speaks.
type Speaks struct {
	Person int            `json:"person"` // number from 1
	Mouth  lipsync.Report `json:"mouth"`
}

// gatherTalk brings the encoded pieces onto this machine.
func gatherTalk(ctx context.Context, w *work) (err error) {
	defer w.breathe()()
	w.r.kept.end(w.job.Task.ID) // nobody reads them any more
	if w.done, err = stageResult[talked](w.job.Task, Render); err != nil {
		return err
	}
	for i, p := range w.done {
		if err := w.r.cfg.Blobs.Get(ctx, p.Key, w.piece(i)); err != nil {
			return err
		}
	}
	return nil
}

// assembleTalk puts the pieces and the new sound together without encoding anything again.
func assembleTalk(ctx context.Context, w *work) error {
	defer w.breathe()()
	sound, err := w.open(ctx, input{Key: w.voiced.Sound})
	if err != nil {
		return err
	}
	heard, err := media.ProbeSound(ctx, sound, media.Limits{})
	if err != nil {
		return err
	}
	info := w.resultInfo()
	info.Audio = heard.Tracks
	info.Audio[0].Default = true
	w.final = w.scratch("result.mp4")
	o := media.AssembleOptions{Source: sound, Info: info}
	for i, p := range w.done {
		o.Segments = append(o.Segments, media.Segment{Path: w.piece(i), First: p.Range.First, End: p.Range.End})
	}
	made, err := media.Assemble(ctx, w.final, o)
	if err != nil {
		return err
	}
	w.warn(made.Notes...)
	if n := len(w.info.Subtitles); n > 0 {
		w.warn(fmt.Sprintf("%s: its subtitles are left out: something else is said", w.fetched.Video.Name))
	}
	return nil
}

// reportTalk says what was made of what, and keeps the words' times beside the result.
func reportTalk(ctx context.Context, w *work) error {
	r := TalkReport{
		Frames: w.voiced.Frames, Seconds: float64(w.voiced.Frames) / w.voiced.Rate.Float(), Fit: w.talk.Fit,
		Sound: *w.voiced.Mixed, People: w.joined.People, Provider: w.done[0].Provider,
	}
	for _, p := range w.done {
		r.Drawn += p.Drawn
		r.Covered += p.Covered
	}
	if r.Drawn == 0 && r.Covered == 0 && !slices.ContainsFunc(w.voiced.Says, func(s spoken) bool { return s.Silent }) {
		w.warn(fmt.Sprintf("%s: whoever speaks is not seen while they do; the picture stays as filmed", w.fetched.Video.Name))
	}
	if r.Covered > 0 {
		w.warn(fmt.Sprintf("%s: in %d frames something lies in front of the mouth; they stay as filmed", w.fetched.Video.Name, r.Covered))
	}
	person := map[int]int{}
	for i, role := range w.joined.Roles {
		r.Speakers = append(r.Speakers, Speaks{Person: role.Person + 1, Mouth: w.planned.Reports[i]})
		for _, s := range role.Says {
			person[s] = role.Person + 1
		}
	}
	for i, s := range w.voiced.Says {
		r.Says = append(r.Says, SaidPiece{From: s.At, To: s.At + s.Seconds, Person: person[i], Score: s.Score, Voice: s.Voice})
	}
	raw, err := w.r.cfg.Blobs.Read(ctx, w.planned.Timing, maxTiming)
	if err != nil {
		return err
	}
	r.Timing = fmt.Sprintf("%s/%s.timing.json", ResultPrefix(w.job.Task), w.job.Segment.Lease)
	if _, err := w.r.cfg.Blobs.Write(ctx, r.Timing, raw); err != nil {
		return err
	}
	w.report = r
	return nil
}
