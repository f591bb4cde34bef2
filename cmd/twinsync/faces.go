package main

import (
	"context"
	"fmt"

	"github.com/twinsync/twinsync/internal/app"
)

// facesCmd is `twinsync faces`.
type facesCmd struct {
	Video string `help:"The clip." required:"" placeholder:"FILE"`
	Out   string `help:"Folder for faces.json and a thumbnail per person; made when it does not exist." required:"" placeholder:"DIR"`
	detectorFlag
	storeFlags
	engineFlags
	JSON bool `help:"One JSON object a line, the list of people last."`
}

func (c *facesCmd) speaksJSON() bool { return c.JSON }

// Run analyses the clip and prints who is in it.
func (c *facesCmd) Run(ctx context.Context, t terminal) error {
	local := c.options(t)
	local.Models = c.request()
	bar := newProgress(t, c.JSON)
	found, err := app.Faces(ctx, app.FacesRequest{Video: c.Video, Out: c.Out, Detector: c.Detector, Local: local}, bar.show)
	bar.close()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, found)
	}
	for _, p := range found.People {
		fmt.Fprintf(t.out, "person %d: in %d of %d frames, %s\n", p.Number, p.Frames, found.Frames, p.Thumbnail)
	}
	fmt.Fprintf(t.out, "written to %s\n", found.File)
	return nil
}
