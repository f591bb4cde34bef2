package main

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// swapCmd is `twinsync swap`.
type swapCmd struct {
	Image []string `help:"Photo or clip of the face to put in; repeat for several of the same person." placeholder:"FILE" sep:"none"`
	Video string   `help:"The clip." required:"" placeholder:"FILE"`
	Out   string   `help:"The result, an MP4." required:"" placeholder:"FILE"`

	Person string   `help:"Whom to replace: largest, all, a number from 'twinsync faces', or a photo of the person." default:"largest" placeholder:"WHO"`
	Map    []string `help:"Another photo for another person; may repeat. Instead of --image and --person." placeholder:"PHOTO=WHO" sep:"none"`

	SourcePerson int `help:"Whom to take from an --image that is a clip: a number from 'twinsync faces'; 0 is the one most seen." default:"0" placeholder:"N"`

	Strength float64       `help:"How much of the new face, 0 to 1." default:"1"`
	Tone     float64       `help:"Whose skin tone: 1 the clip's, 0 the photo's." default:"1"`
	From     time.Duration `help:"Start of the part to render, as in 1m2.5s." default:"0s"`
	To       time.Duration `help:"End of the part to render; 0 is the end of the clip." default:"0s"`

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
		Engine: c.engine(), Strength: c.Strength, Tone: c.Tone,
		From: c.From, To: c.To,
		Codec: c.Codec, CRF: c.CRF, Preset: c.Preset,
	}
	switch {
	case len(c.Map) > 0 && len(c.Image) > 0:
		return s, usageError("--map and --image cannot be used together")
	case len(c.Map) > 0:
		for _, m := range c.Map {
			photo, who, ok := cutLast(m, "=")
			if !ok || photo == "" || who == "" {
				return s, usageError("--map wants PHOTO=WHO, as in --map anna.jpg=2")
			}
			s.Faces = append(s.Faces, whom(who, photo))
		}
	case len(c.Image) > 0:
		s.Faces = []pipeline.Face{whom(c.Person, c.Image...)}
	default:
		return s, usageError("--image is missing: the photo of the face to put in")
	}
	for i := range s.Faces {
		s.Faces[i].Clips, s.Faces[i].SourcePerson = true, c.SourcePerson
	}
	return s, nil
}

// whom puts photos and the choice of a person together: what is neither a word nor a
// number is the name of a photo.
func whom(who string, photos ...string) pipeline.Face {
	var f pipeline.Face
	for _, photo := range photos {
		f.Photos = append(f.Photos, pipeline.Source{Path: photo, Field: photo})
	}
	_, err := strconv.Atoi(who)
	if who == pipeline.Largest || who == pipeline.All || err == nil {
		f.Person = who
	} else {
		f.Like = &pipeline.Source{Path: who, Field: who}
	}
	return f
}

// cutLast is strings.Cut at the last separator, so that a file name may contain it.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
