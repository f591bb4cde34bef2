package main

import (
	"context"
	"strings"

	"github.com/twinsync/twinsync/bench"
	"github.com/twinsync/twinsync/bench/quality"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
)

// benchCmd is `twinsync bench`.
type benchCmd struct {
	Speed speedBenchCmd `cmd:"" default:"withargs" help:"Measure speed and memory beside plain FFmpeg."`
	Swap  swapBenchCmd  `cmd:"" help:"Measure how good swaps are: likeness, expression, steadiness, seams; with contact sheets."`
	Talk  talkBenchCmd  `cmd:"" help:"Measure how well people are made to speak: closures, timing, pauses, likeness to truth; with contact sheets and films."`
}

// speedBenchCmd is `twinsync bench speed`, and `twinsync bench` alone.
type speedBenchCmd struct {
	Image string   `help:"Photo of the face to put in." placeholder:"FILE" default:".cache/samples/photo.jpg"`
	Video string   `help:"Clip that the load is made of." placeholder:"FILE" default:".cache/samples/clip.mp4"`
	Runs  int      `help:"Runs of each side; the median counts." default:"3"`
	Only  []string `help:"Only these of swap, talk, memory, start, post." placeholder:"NAME"`
	JSON  bool     `help:"Print JSON."`
}

func (c *speedBenchCmd) speaksJSON() bool { return c.JSON }

// Run measures and prints ratios.
func (c *speedBenchCmd) Run(ctx context.Context, t terminal) error {
	r, err := bench.Run(ctx, bench.Options{Image: c.Image, Video: c.Video, Runs: c.Runs, Only: c.Only, Log: t.err})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, r)
	}
	r.Print(t.out)
	return nil
}

// swapBenchCmd is `twinsync bench swap`.
type swapBenchCmd struct {
	Media      string   `help:"Folder that holds photos/ and videos/." required:"" placeholder:"DIR"`
	Pairs      string   `help:"Pairs as p04:v01,p02:v02, by what the files' names begin with, or a file with a line per pair." placeholder:"LIST"`
	Set        string   `help:"Of a file of pairs, only those of this group." placeholder:"NAME"`
	Frames     int      `help:"Consecutive frames of each clip." default:"18"`
	Start      int      `help:"The first of them." default:"0"`
	Recogniser []string `help:"Who judges likeness: face-res, face-embedding, all for both, or a recogniser that was added with a model card; may repeat." placeholder:"NAME" default:"face-res"`
	Out        string   `help:"Folder for contact sheets, figures and an HTML report." placeholder:"DIR"`
	Compare    string   `help:"Table of other tools' results, or the folder with its COMPARE.tsv." placeholder:"DIR"`
	Baseline   bool     `help:"Measure untouched footage after encoding: the noise of every measure."`
	Speed      bool     `help:"Also time the whole way beside plain FFmpeg: on a reference load, and on each clip." default:"true" negatable:""`
	SpeedImage string   `help:"Photo for the reference load; that of the first pair if not given." placeholder:"FILE"`
	SpeedVideo string   `help:"Clip that the reference load is made of; that of the first pair if not given." placeholder:"FILE"`
	Workers    int      `help:"Frames worked on at once; 0 is all cores." default:"0"`
	Gate       bool     `help:"Exit with 1 when a measure misses its limit."`
	JSON       bool     `help:"Print JSON."`

	networkFlags
}

func (c *swapBenchCmd) speaksJSON() bool { return c.JSON }

// Run measures and prints the tables.
func (c *swapBenchCmd) Run(ctx context.Context, t terminal) error {
	where := config.Default()
	where.Data, where.Models, where.ModelsCommercialOnly = c.Data, c.Models, c.ModelsCommercialOnly
	store, err := app.ModelStore(where)
	if err != nil {
		return err
	}
	r, err := quality.Run(ctx, quality.Options{
		Store: store,
		Media: c.Media, Pairs: c.Pairs, Set: c.Set, Frames: c.Frames, Start: c.Start, Recognisers: c.Recogniser,
		Out: c.Out, Compare: c.Compare, Engine: c.engine(), Baseline: c.Baseline, Speed: c.Speed, SpeedImage: c.SpeedImage, SpeedVideo: c.SpeedVideo, Workers: c.Workers, Log: t.err,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(t.out, r)
	} else {
		r.Print(t.out)
	}
	if failed := r.Failed(); err == nil && c.Gate && len(failed) > 0 {
		return missedError("missed: " + strings.Join(failed, "; "))
	}
	return err
}
