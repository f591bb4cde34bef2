package main

import (
	"context"
	"strings"

	"github.com/twinsync/twinsync/bench/talk"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
)

// talkBenchCmd is `twinsync bench talk`.
type talkBenchCmd struct {
	Media     string   `help:"Folder that holds videos/." required:"" placeholder:"DIR"`
	Clips     []string `help:"Only clips whose names begin so, as v01,v09; none stands for no clip." placeholder:"NAME"`
	Only      []string `help:"Only these of dubs (clips that say something new), files (--texts and --all) and folds (halves of clips spoken with the mouths of the other half, beside the truth; clips whose words are known unless this is named)." placeholder:"PART"`
	Words     string   `help:"List of what is said in clips: what the name begins with, language, words, apart by tabs. A file with the clip's name and .srt, .vtt or .txt is used without." placeholder:"FILE"`
	Seconds   float64  `help:"Of each clip; 0 is all of it." default:"0"`
	Out       string   `help:"Folder for contact sheets, films, figures and an HTML report." placeholder:"DIR"`
	Compare   string   `help:"Table of other tools' results, or the folder with its COMPARE.tsv." placeholder:"DIR"`
	Texts     string   `help:"List of languages and words, apart by tabs: the clips say each, from file to file." placeholder:"FILE"`
	Languages []string `help:"Of that list only these." placeholder:"CODE"`
	All       bool     `help:"Also make every clip of videos/ and odd/video say something, from file to file, and list results and errors."`
	Workers   int      `help:"Frames worked on at once; 0 is all cores." default:"0"`
	Gate      bool     `help:"Exit with 1 when a measure misses its limit."`
	JSON      bool     `help:"Print JSON."`
}

func (c *talkBenchCmd) speaksJSON() bool { return c.JSON }

// Run measures and prints the tables.
func (c *talkBenchCmd) Run(ctx context.Context, t terminal) error {
	speakers, err := app.OpenSpeakers(config.Voices{}, nil, infer.Options{})
	if err != nil {
		return err
	}
	defer speakers.Close()
	r, err := talk.Run(ctx, talk.Options{
		Media: c.Media, Clips: c.Clips, Only: c.Only, Words: c.Words, Seconds: c.Seconds, Out: c.Out, Compare: c.Compare,
		Texts: c.Texts, Languages: c.Languages, Every: c.All, Speaker: speakers, Workers: c.Workers, Log: t.err,
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
