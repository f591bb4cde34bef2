package main

import (
	"context"
	"time"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// previewCmd is `twinsync preview`.
type previewCmd struct {
	Video  string        `help:"The clip." required:"" placeholder:"FILE"`
	At     time.Duration `help:"Which frame: the one shown at this time, as in 3.2s." default:"0s"`
	Out    string        `help:"The picture, a PNG or JPEG." required:"" placeholder:"FILE"`
	Beside bool          `help:"The frame as filmed to the left of it."`

	faceFlags
	networkFlags
	engineFlags
	JSON bool `help:"One JSON object a line, the report last."`
}

func (c *previewCmd) speaksJSON() bool { return c.JSON }

// Run shows one frame.
func (c *previewCmd) Run(ctx context.Context, t terminal) error {
	spec := pipeline.DefaultSwap(pipeline.Source{}, pipeline.Source{Path: c.Video, Field: c.Video})
	spec.Engine, spec.Detector, spec.Strength, spec.Tone = c.engine(), c.Detector, c.Strength, c.Tone
	spec.OwnEyes = c.OwnEyes
	local := c.options(t)
	local.Models = c.request()
	var err error
	if spec.Faces, err = c.faces(); err != nil {
		return err
	}
	bar := newProgress(t, c.JSON)
	report, err := app.Preview(ctx, app.PreviewRequest{Spec: spec, At: c.At, Out: c.Out, Beside: c.Beside, Local: local}, bar.show)
	bar.close()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, report)
	}
	report.Print(t.out)
	return nil
}
