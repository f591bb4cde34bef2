package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// swapCmd is `twinsync swap`.
type swapCmd struct {
	Video string `help:"The clip." required:"" placeholder:"FILE"`
	Out   string `help:"The result, an MP4." required:"" placeholder:"FILE"`

	faceFlags
	From time.Duration `help:"Start of the part to render, as in 1m2.5s." default:"0s"`
	To   time.Duration `help:"End of the part to render; 0 is the end of the clip." default:"0s"`

	networkFlags
	encodeFlags
	engineFlags
	JSON bool `help:"One JSON object a line, the report last."`
}

// encodeFlags say how the result is written.
type encodeFlags struct {
	Codec  string `help:"Video codec: ${enum}." enum:"h264,hevc,av1" default:"h264"`
	CRF    int    `name:"crf" help:"Quality: lower is better and larger." default:"18"`
	Preset string `help:"Encoder preset, as the encoder names it." default:"veryfast"`
}

// engineFlags say what the networks run on.
type engineFlags struct {
	Provider string `help:"What the networks run on: ${enum}." enum:"auto,cuda,coreml,directml,cpu" default:"auto"`
	Threads  int    `help:"Threads for the engines; 0 is all cores." default:"0"`
	Verbose  bool   `help:"Log what is done to standard error." short:"v"`
}

// options hands the flags on.
func (f engineFlags) options(t terminal) app.LocalOptions {
	o := app.LocalOptions{Provider: f.Provider, Threads: f.Threads}
	if f.Verbose {
		o.Log = slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return o
}

func (c *swapCmd) speaksJSON() bool { return c.JSON }

// Run swaps the face and prints the report.
func (c *swapCmd) Run(ctx context.Context, t terminal) error {
	spec, err := c.spec()
	if err != nil {
		return err
	}
	local := c.options(t)
	local.Models = c.request()
	bar := newProgress(t, c.JSON)
	report, err := app.Swap(ctx, app.SwapRequest{Spec: spec, Out: c.Out, Local: local}, bar.show)
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

// spec turns the flags into what the pipeline is to do.
func (c *swapCmd) spec() (pipeline.Swap, error) {
	s := pipeline.Swap{
		Video:  pipeline.Source{Path: c.Video, Field: c.Video},
		Engine: c.engine(), Detector: c.Detector, Strength: c.Strength, Tone: c.Tone, OwnEyes: c.OwnEyes,
		From: c.From, To: c.To,
		Codec: c.Codec, CRF: c.CRF, Preset: c.Preset,
	}
	var err error
	s.Faces, err = c.faces()
	return s, err
}
