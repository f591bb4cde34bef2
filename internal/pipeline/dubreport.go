package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/twinsync/twinsync/speech"
)

// DubReport is what a finished dub says of itself. Files are named by their keys in the blob store.
type DubReport struct {
	TalkReport
	Language string `json:"language"`
	Segments int    `json:"segments"`
	Natural  int    `json:"natural"` // segments within natural bounds, in their place
	// Captions of the new words, when they are said; what was said in the video, and what is said instead, as SRT.
	SRT    string `json:"srt"`
	VTT    string `json:"vtt"`
	Source string `json:"source,omitempty"`
	Target string `json:"target"`
	Voice  string `json:"voice"`  // the new voices alone, a WAV
	Pieces string `json:"pieces"` // the segments: []DubSegment as JSON
	Reused int    `json:"reused"` // segments of the picture that were made by an earlier run
}

// reportDub says what was made, and keeps the words beside the result.
func reportDub(ctx context.Context, w *work) error {
	talk, ok := w.report.(TalkReport)
	if !ok {
		return fmt.Errorf("pipeline: a dub without a talk's report")
	}
	if err := w.loadSegments(ctx); err != nil {
		return err
	}
	r := DubReport{TalkReport: talk, Language: w.dub.Language, Segments: len(w.segments)}
	for _, p := range w.done {
		if p.Reused {
			r.Reused++
		}
	}
	said := &speech.Transcript{Language: w.dub.Language}
	for i := range w.segments {
		s := &w.segments[i]
		if s.Note == "" {
			r.Natural++
		} else if i-r.Natural < 10 {
			w.warn(fmt.Sprintf("the cue at %.1f s is %s", s.Start, s.Note))
		}
		said.Cues = append(said.Cues, speech.Cue{Start: s.At, End: s.At + s.Seconds, Text: s.Text, Speaker: s.Speaker})
		key := fmt.Sprintf("%s/%s.segment-%d.wav", ResultPrefix(w.job.Task), w.job.Segment.Lease, i)
		if err := w.copyBlob(ctx, s.Sound, key); err != nil {
			return err
		}
		s.Sound = key
	}
	if bad := r.Segments - r.Natural; bad > 10 {
		w.warn(fmt.Sprintf("%d cues are too long for their places; the segments' notes name them", bad))
	}
	r.Voice = fmt.Sprintf("%s/%s.voice.wav", ResultPrefix(w.job.Task), w.job.Segment.Lease)
	if err := w.copyBlob(ctx, w.voiced.Track, r.Voice); err != nil {
		return err
	}
	var files = []struct {
		to    *string
		name  string
		write func(*bytes.Buffer) error
	}{
		{&r.SRT, "srt", func(b *bytes.Buffer) error { return said.WriteSRT(b) }},
		{&r.VTT, "vtt", func(b *bytes.Buffer) error { return said.WriteVTT(b) }},
		{&r.Target, "target.srt", func(b *bytes.Buffer) error { return w.target.WriteSRT(b) }},
		{&r.Pieces, "segments.json", func(b *bytes.Buffer) error { return json.NewEncoder(b).Encode(w.segments) }},
	}
	for _, f := range files {
		if err := w.keepFile(ctx, f.to, f.name, f.write); err != nil {
			return err
		}
	}
	if w.source != nil && timed(w.source) {
		if err := w.keepFile(ctx, &r.Source, "source.srt", func(b *bytes.Buffer) error { return w.source.WriteSRT(b) }); err != nil {
			return err
		}
	}
	w.report = r
	return nil
}

// loadSegments reads what the stage of the voice left of each cue.
func (w *work) loadSegments(ctx context.Context) error {
	raw, err := w.r.cfg.Blobs.Read(ctx, w.voiced.Dubbed, maxWords)
	if err != nil {
		return err
	}
	w.segments = nil
	if err := json.Unmarshal(raw, &w.segments); err != nil {
		return fmt.Errorf("stored segments: %w", err)
	}
	return nil
}

// keepFile writes a file beside the result.
func (w *work) keepFile(ctx context.Context, key *string, name string, write func(*bytes.Buffer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	*key = fmt.Sprintf("%s/%s.%s", ResultPrefix(w.job.Task), w.job.Segment.Lease, name)
	_, err := w.r.cfg.Blobs.Write(ctx, *key, b.Bytes())
	return err
}

// copyBlob copies what lies in the store to another key.
func (w *work) copyBlob(ctx context.Context, from, to string) error {
	file := w.scratch("copied")
	if err := w.r.cfg.Blobs.Get(ctx, from, file); err != nil {
		return err
	}
	_, err := w.r.cfg.Blobs.Put(ctx, to, file)
	return errors.Join(err, os.Remove(file))
}
