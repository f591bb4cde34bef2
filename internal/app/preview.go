package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// PreviewRequest is what `twinsync preview` asks for.
type PreviewRequest struct {
	Spec   pipeline.Swap // From, To and the encoder are not used: any frame of the whole video may be shown
	At     time.Duration
	Out    string // the picture; its ending says whether it is a PNG or a JPEG
	Beside bool   // the frame as filmed to the left of it
	Local  LocalOptions
}

// PreviewReport is what `twinsync preview` answers.
type PreviewReport struct {
	Out      string        `json:"out"`
	Frame    int           `json:"frame"`
	At       float64       `json:"at"`      // time of the frame in seconds
	Seconds  float64       `json:"seconds"` // that it took once everything was there: analysis, photos, networks
	Faces    []PreviewFace `json:"faces"`
	Warnings []string      `json:"warnings,omitempty"`
}

// PreviewFace is what became of a chosen person in the frame.
type PreviewFace struct {
	Person     int     `json:"person"` // from 1
	Swapped    bool    `json:"swapped"`
	Confidence float32 `json:"confidence"`
	Reason     string  `json:"reason,omitempty"` // when not swapped
}

// Print writes the report for people.
func (r PreviewReport) Print(w io.Writer) {
	fmt.Fprintf(w, "%s: frame %d at %.2f s\n", r.Out, r.Frame, r.At)
	if len(r.Faces) == 0 {
		fmt.Fprintln(w, "  nobody who is to be replaced is in this frame")
	}
	for _, f := range r.Faces {
		if !f.Swapped {
			fmt.Fprintf(w, "  person %d is left as filmed (%s)\n", f.Person, f.Reason)
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "  note:", warning)
	}
}

// Preview shows one frame of a swap. A video that was not looked at before is analysed first, which
// the swap then need not do again; show is told how far that is.
func Preview(ctx context.Context, req PreviewRequest, show func(Progress)) (report PreviewReport, err error) {
	encode, err := pictureEncoder(req.Out)
	if err != nil {
		return report, err
	}
	req.Spec.From, req.Spec.To = 0, 0
	out, err := newOutput(req.Out)
	if err != nil {
		return report, err
	}
	defer out.discard()
	l, err := openLocal(ctx, req.Local, req.Spec.Engine.Name == swap.EngineONNX || req.Spec.Detector != "")
	if err != nil {
		return report, err
	}
	defer l.close()
	p, err := l.runner.OpenPreview(ctx, req.Spec)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	err = p.Prepare(ctx)
	if errors.Is(err, pipeline.ErrNotAnalysed) {
		order, oerr := pipeline.FacesOrder(req.Spec.Video, req.Spec.Detector)
		if oerr != nil {
			return report, oerr
		}
		if _, err := l.run(ctx, order, show); err != nil {
			return report, err
		}
		err = p.Prepare(ctx)
	}
	if err != nil {
		return report, err
	}
	begin := time.Now()
	f, err := p.Frame(ctx, req.At)
	if err != nil {
		return report, err
	}
	frames := []*pix.Frame{f.After}
	if req.Beside {
		frames = []*pix.Frame{f.Before, f.After}
	}
	if err := out.write(func(w io.Writer) error { return encode(w, sideBySide(frames)) }); err != nil {
		return report, err
	}
	report = PreviewReport{Out: req.Out, Frame: f.Index, At: f.At.Seconds(), Seconds: time.Since(begin).Seconds(), Warnings: p.Warnings()}
	for _, c := range f.Report.Faces {
		report.Faces = append(report.Faces, PreviewFace{Person: c.Person + 1, Swapped: c.Swapped, Confidence: c.Confidence, Reason: reasons[c.Reason]})
	}
	return report, nil
}

// pictureEncoder is chosen by a file's ending.
func pictureEncoder(path string) (func(io.Writer, image.Image) error, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".png":
		// Quickly: somebody waits for it.
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		return e.Encode, nil
	case ".jpg", ".jpeg":
		return func(w io.Writer, img image.Image) error {
			return jpeg.Encode(w, img, &jpeg.Options{Quality: previewQuality})
		}, nil
	}
	return nil, fault.New(fault.InvalidField, "out", "%s is no name of a picture", filepath.Base(path)).WithHint("Let it end in .png or .jpg.")
}

// previewQuality is that of a JPEG in which faces are judged.
const previewQuality = 93

// sideBySide puts frames of one size next to each other.
func sideBySide(frames []*pix.Frame) image.Image {
	first := media.Picture(frames[0], pix.Rect{}, 0)
	if len(frames) == 1 {
		return first
	}
	w, h := first.Rect.Dx(), first.Rect.Dy()
	all := image.NewRGBA(image.Rect(0, 0, w*len(frames), h))
	for i, f := range frames {
		img := first
		if i > 0 {
			img = media.Picture(f, pix.Rect{}, 0)
		}
		draw.Draw(all, image.Rect(i*w, 0, (i+1)*w, h), img, image.Point{}, draw.Src)
	}
	return all
}

// write fills the output and puts it into place.
func (o *output) write(fill func(io.Writer) error) error {
	f, err := os.Create(o.part)
	if err != nil {
		return outFault(o.path, err)
	}
	b := bufio.NewWriter(f)
	if err := errors.Join(fill(b), b.Flush(), f.Close()); err != nil {
		return outFault(o.path, err)
	}
	if err := os.Rename(o.part, o.path); err != nil {
		return outFault(o.path, err)
	}
	return nil
}
