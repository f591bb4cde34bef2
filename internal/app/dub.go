package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinsync/twinsync/internal/pipeline"
)

// DubRequest is what `twinsync dub` asks for.
type DubRequest struct {
	Spec  pipeline.Dub
	Out   string
	Keep  string // a folder for everything in between, to be corrected and taken up again; "" for none
	Local LocalOptions
}

// DubReport is what `twinsync dub` answers. The files that Report names are those of this machine.
type DubReport struct {
	Out      string             `json:"out"`
	Bytes    int64              `json:"bytes"`
	SHA256   string             `json:"sha256"`
	Seconds  float64            `json:"seconds"`     // that it took
	Peak     int64              `json:"peak_memory"` // of this process in bytes, FFmpeg not counted; 0 where the system does not tell
	Warnings []string           `json:"warnings,omitempty"`
	Report   pipeline.DubReport `json:"report"`
}

// Print writes the report for people.
func (r DubReport) Print(w io.Writer) {
	d := r.Report
	fmt.Fprintf(w, "%s: %.1f s in %s, %d of %d pieces in their place at a natural tempo, %d of %d frames with a new mouth, in %.1f s\n",
		r.Out, d.Seconds, d.Language, d.Natural, d.Segments, d.Drawn, d.Frames, r.Seconds)
	fmt.Fprintf(w, "  captions: %s, %s\n", d.SRT, d.VTT)
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "  note:", warning)
	}
}

// Dub makes the people of a video say what they say in another language, on this machine. The result and its captions, which
// lie beside it under its name, appear whole or not at all.
func Dub(ctx context.Context, req DubRequest, show func(Progress)) (r DubReport, err error) {
	begin := time.Now()
	var keep *keptDub
	if req.Keep != "" {
		if keep, err = openKeptDub(req.Keep); err != nil {
			return r, err
		}
		if err := keep.takeUp(&req.Spec); err != nil {
			return r, err
		}
	}
	o, err := pipeline.DubOrder(req.Spec)
	if err != nil {
		return r, err
	}
	stem := strings.TrimSuffix(req.Out, filepath.Ext(req.Out))
	var files [3]*output
	for i, path := range []string{req.Out, stem + ".srt", stem + ".vtt"} {
		if files[i], err = newOutput(path); err != nil {
			return r, err
		}
		defer files[i].discard()
	}
	local := req.Local
	if keep != nil {
		local.Reuse = keep.reuse()
	}
	l, err := openLocal(ctx, local, req.Spec.Detector != "")
	if err != nil {
		return r, err
	}
	defer l.close()
	t, err := l.run(ctx, o, show)
	if err != nil {
		return r, err
	}
	r = DubReport{Out: req.Out, Bytes: t.Result.Bytes, SHA256: t.Result.SHA256, Warnings: t.Warnings}
	if err := json.Unmarshal(t.Result.Report, &r.Report); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	if keep != nil {
		notes, err := keep.put(ctx, l.blobs, &r.Report)
		if err != nil {
			return r, err
		}
		r.Warnings = append(r.Warnings, notes...)
	} else {
		r.Report.Source, r.Report.Target, r.Report.Pieces, r.Report.Voice = "", "", "", ""
	}
	r.Report.Timing = ""
	// The video last: where it is, everything is.
	for i, key := range []string{2: t.Result.Key, 1: r.Report.SRT, 0: r.Report.VTT} {
		if err := files[2-i].keep(ctx, l.blobs, key); err != nil {
			return r, err
		}
	}
	r.Report.SRT, r.Report.VTT = stem+".srt", stem+".vtt"
	r.Seconds, r.Peak = time.Since(begin).Seconds(), peakMemory()
	return r, nil
}
