package main

import (
	"context"

	"github.com/twinsync/twinsync/bench"
)

// benchCmd is `twinsync bench`.
type benchCmd struct {
	Image string   `help:"Photo of the face to put in." placeholder:"FILE" default:".cache/samples/photo.jpg"`
	Video string   `help:"Clip that the load is made of." placeholder:"FILE" default:".cache/samples/clip.mp4"`
	Runs  int      `help:"Runs of each side; the median counts." default:"3"`
	Only  []string `help:"Only these of swap, memory, start, post." placeholder:"NAME"`
	JSON  bool     `help:"Print JSON."`
}

func (c *benchCmd) speaksJSON() bool { return c.JSON }

// Run measures and prints ratios.
func (c *benchCmd) Run(ctx context.Context, t terminal) error {
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
