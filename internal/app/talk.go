package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/twinsync/twinsync/internal/pipeline"
)

// TalkRequest is what `twinsync talk` asks for.
type TalkRequest struct {
	Spec   pipeline.Talk
	Out    string
	Timing string // a file for the times of words and phones, as JSON; "" for none
	Local  LocalOptions
}

// TalkReport is what `twinsync talk` answers.
type TalkReport struct {
	Out      string              `json:"out"`
	Bytes    int64               `json:"bytes"`
	SHA256   string              `json:"sha256"`
	Seconds  float64             `json:"seconds"`     // that it took
	Peak     int64               `json:"peak_memory"` // of this process in bytes, FFmpeg not counted; 0 where the system does not tell
	Warnings []string            `json:"warnings,omitempty"`
	Report   pipeline.TalkReport `json:"report"`
}

// Print writes the report for people.
func (r TalkReport) Print(w io.Writer) {
	t := r.Report
	fmt.Fprintf(w, "%s: %.1f s of speech, %d of %d frames with a new mouth, %.1f LUFS, in %.1f s\n",
		r.Out, t.Seconds, t.Drawn, t.Frames, t.Sound.Loudness, r.Seconds)
	for _, s := range t.Speakers {
		m := s.Mouth
		fmt.Fprintf(w, "  person %d: %d mouths of %.1f s of footage (%s)\n", s.Person, m.LibraryFrames, m.LibrarySeconds, m.Mode)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "  note:", warning)
	}
}

// Talk makes somebody in a video say something, on this machine. The output appears whole or not at all.
func Talk(ctx context.Context, req TalkRequest, show func(Progress)) (TalkReport, error) {
	begin := time.Now()
	o, err := pipeline.TalkOrder(req.Spec)
	if err != nil {
		return TalkReport{}, err
	}
	out, err := newOutput(req.Out)
	if err != nil {
		return TalkReport{}, err
	}
	defer out.discard()
	var timing *output
	if req.Timing != "" {
		if timing, err = newOutput(req.Timing); err != nil {
			return TalkReport{}, err
		}
		defer timing.discard()
	}
	l, err := openLocal(ctx, req.Local, req.Spec.Detector != "")
	if err != nil {
		return TalkReport{}, err
	}
	defer l.close()
	t, err := l.run(ctx, o, show)
	if err != nil {
		return TalkReport{}, err
	}
	r := TalkReport{Out: req.Out, Bytes: t.Result.Bytes, SHA256: t.Result.SHA256, Warnings: t.Warnings}
	if err := json.Unmarshal(t.Result.Report, &r.Report); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	if timing != nil {
		if err := timing.keep(ctx, l.blobs, r.Report.Timing); err != nil {
			return r, err
		}
	}
	r.Report.Timing = req.Timing
	if err := out.keep(ctx, l.blobs, t.Result.Key); err != nil {
		return r, err
	}
	r.Seconds, r.Peak = time.Since(begin).Seconds(), peakMemory()
	return r, nil
}
