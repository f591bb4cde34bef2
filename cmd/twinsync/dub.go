package main

import (
	"context"
	"slices"
	"time"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// dubCmd is `twinsync dub`.
type dubCmd struct {
	Video string `help:"The clip." required:"" placeholder:"FILE"`
	Out   string `help:"The result, an MP4; its captions are written beside it as SRT and VTT." required:"" placeholder:"FILE"`
	To    string `help:"The language to dub into, as in de or pt-BR." required:"" placeholder:"CODE"`
	From  string `help:"The language of the clip; otherwise that of the words." placeholder:"CODE"`

	SourceSRT string `name:"source-srt" help:"What is said in the clip, as SRT or VTT; otherwise a transcriber is asked. Also teaches how the person moves the mouth." placeholder:"FILE"`
	TargetSRT string `name:"target-srt" help:"What is to be said instead, as SRT or VTT; otherwise a translator is asked." placeholder:"FILE"`
	Keep      string `help:"Folder for everything in between. What is corrected there is used by the next run with it, which makes only what changed." placeholder:"DIR"`

	Voice    string            `help:"Voice, from 'twinsync voices'." placeholder:"ID"`
	VoiceOf  map[string]string `help:"Voices of single speakers of the subtitles; may repeat." placeholder:"NAME=ID"`
	Speaker  string            `help:"Who speaks, as in talk: auto, largest, a number, a place or a photo." default:"auto" placeholder:"WHO"`
	PersonOf map[string]string `help:"Who of the clip single speakers of the subtitles are; may repeat." placeholder:"NAME=WHO"`

	MoreFootage []string `help:"Another clip of the same person, to take mouths from; may repeat." placeholder:"FILE" sep:"none"`
	Loudness    level    `help:"Loudness of the result in LUFS." default:"-16"`
	Background  level    `help:"Loudness of the clip's own sound while somebody is dubbed, in LU against the voice; 0 leaves it out everywhere." default:"-18"`
	Sides       bool     `help:"Of the clip's own sound, keep only what differs between left and right, where voices mostly are not."`

	Start time.Duration `help:"Start of the part of the clip to use, as in 1m2.5s." default:"0s"`
	End   time.Duration `help:"End of that part; 0 is the end of the clip." default:"0s"`

	detectorFlag
	storeFlags
	config.Voices
	encodeFlags
	engineFlags
	JSON bool `help:"One JSON object a line, the report last."`
}

func (c *dubCmd) speaksJSON() bool { return c.JSON }

// Run dubs and prints the report.
func (c *dubCmd) Run(ctx context.Context, t terminal) error {
	spec := c.spec()
	local := c.options(t)
	local.Models, local.Voices = c.request(), c.Voices
	bar := newProgress(t, c.JSON)
	report, err := app.Dub(ctx, app.DubRequest{Spec: spec, Out: c.Out, Keep: c.Keep, Local: local}, bar.show)
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
func (c *dubCmd) spec() pipeline.Dub {
	s := pipeline.DefaultDub(*file(c.Video), c.To)
	s.Original, s.Source, s.Target = c.From, file(c.SourceSRT), file(c.TargetSRT)
	s.Detector, s.Loudness, s.Sides = c.Detector, float64(c.Loudness), c.Sides
	s.From, s.To = c.Start, c.End
	s.Codec, s.CRF, s.Preset = c.Codec, c.CRF, c.Preset
	s.Background = nil
	if c.Background != 0 {
		under := float64(c.Background)
		s.Background = &under
	}
	for _, f := range c.MoreFootage {
		s.More = append(s.More, *file(f))
	}
	names := []string{""}
	for name := range c.VoiceOf {
		names = append(names, name)
	}
	for name := range c.PersonOf {
		if _, both := c.VoiceOf[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		p := pipeline.Character{Name: name, Voice: c.VoiceOf[name]}
		if p.Voice == "" {
			p.Voice = c.Voice
		}
		who := c.PersonOf[name]
		if who == "" {
			who = c.Speaker
		}
		p.Who = speaker(who)
		s.Cast = append(s.Cast, p)
	}
	return s
}
