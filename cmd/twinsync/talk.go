package main

import (
	"context"
	"time"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/lipsync"
)

// talkCmd is `twinsync talk`.
type talkCmd struct {
	Video string `help:"The clip." required:"" placeholder:"FILE"`
	Out   string `help:"The result, an MP4." required:"" placeholder:"FILE"`

	Text       string `help:"What the person is to say." placeholder:"WORDS"`
	Script     string `help:"A file with it: plain text, SRT or VTT." placeholder:"FILE"`
	Audio      string `help:"A recording, or a video with sound, that the person is to say." placeholder:"FILE"`
	Transcript string `help:"The words of --audio: plain text, SRT or VTT. Lips are much better with it." placeholder:"FILE"`
	Cast       string `help:"Instead of those: a JSON file with a list of things to say, each with its speaker." placeholder:"FILE"`

	Language string  `help:"Language of the words, as in en, de or pt-BR." placeholder:"CODE"`
	Voice    string  `help:"Voice for the words, from 'twinsync voices'." placeholder:"ID"`
	Tempo    float64 `help:"Tempo of the speech, 0.5 to 2." default:"1"`
	Pitch    float64 `help:"Pitch of the speech, 0.5 to 2." default:"1"`

	Speaker string `help:"Who speaks: auto (whose mouth moves with the clip's sound), largest, a number from 'twinsync faces', a place X,Y or X,Y@TIME in the picture, or a photo of the person." default:"auto" placeholder:"WHO"`

	SourceTranscript string   `help:"The words that are said in the clip: plain text, SRT or VTT. Teaches how this person moves the mouth." placeholder:"FILE"`
	SourceLanguage   string   `help:"Their language; otherwise --language." placeholder:"CODE"`
	MoreFootage      []string `help:"Another clip of the same person, to take mouths from; may repeat." placeholder:"FILE" sep:"none"`

	Fit        string `help:"When voice and clip differ in length: ${enum}." enum:"remap,bounce,loop,cut_off,silence" default:"remap"`
	Loudness   level  `help:"Loudness of the result in LUFS." default:"-16"`
	Background level  `help:"Loudness of the clip's own sound under the voice, in LU against it, as in -20; 0 leaves it out." default:"0"`
	Sides      bool   `help:"With --background: only what differs between left and right, where voices mostly are not."`

	From   time.Duration `help:"Start of the part of the clip to use, as in 1m2.5s." default:"0s"`
	To     time.Duration `help:"End of that part; 0 is the end of the clip." default:"0s"`
	Timing string        `help:"Also write when each word and phone is said, as JSON." placeholder:"FILE"`

	detectorFlag
	storeFlags
	config.Voices
	encodeFlags
	engineFlags
	JSON bool `help:"One JSON object a line, the report last."`
}

func (c *talkCmd) speaksJSON() bool { return c.JSON }

// Run makes the person talk and prints the report.
func (c *talkCmd) Run(ctx context.Context, t terminal) error {
	spec, err := c.spec()
	if err != nil {
		return err
	}
	local := c.options(t)
	local.Models, local.Voices = c.request(), c.Voices
	bar := newProgress(t, c.JSON)
	report, err := app.Talk(ctx, app.TalkRequest{Spec: spec, Out: c.Out, Timing: c.Timing, Local: local}, bar.show)
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
func (c *talkCmd) spec() (pipeline.Talk, error) {
	s := pipeline.DefaultTalk(*file(c.Video))
	s.Words, s.WordsLanguage = file(c.SourceTranscript), c.SourceLanguage
	s.Detector, s.Fit, s.Loudness, s.Sides = c.Detector, lipsync.Fit(c.Fit), float64(c.Loudness), c.Sides
	s.From, s.To = c.From, c.To
	s.Codec, s.CRF, s.Preset = c.Codec, c.CRF, c.Preset
	if c.Background != 0 {
		under := float64(c.Background)
		s.Background = &under
	}
	for _, f := range c.MoreFootage {
		s.More = append(s.More, *file(f))
	}
	if c.Cast != "" {
		if c.Text != "" || c.Script != "" || c.Audio != "" || c.Transcript != "" {
			return s, usageError("--cast stands instead of --text, --script, --audio and --transcript")
		}
		var err error
		s.Says, err = readCast(c.Cast, castDefaults{language: c.Language, voice: c.Voice, tempo: c.Tempo, pitch: c.Pitch, who: c.Speaker})
		return s, err
	}
	if c.Text == "" && c.Script == "" && c.Audio == "" {
		return s, usageError("there is nothing to say: give --text, --script or --audio")
	}
	s.Says = []pipeline.Say{{
		Text: c.Text, Script: file(c.Script), Audio: file(c.Audio), Transcript: file(c.Transcript),
		Language: c.Language, Voice: c.Voice, Tempo: c.Tempo, Pitch: c.Pitch, Who: speaker(c.Speaker),
	}}
	return s, nil
}

// file is a file of this machine as an input; nil for none.
func file(path string) *pipeline.Source {
	if path == "" {
		return nil
	}
	return &pipeline.Source{Path: path, Field: path}
}
