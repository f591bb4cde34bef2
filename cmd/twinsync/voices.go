package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/speech"
)

// voicesCmd is `twinsync voices`.
type voicesCmd struct {
	Language string `help:"Only voices for this language, such as de or pt-BR." placeholder:"TAG"`
	JSON     bool   `help:"Print JSON."`
	config.Voices
	storeFlags
}

func (c voicesCmd) speaksJSON() bool { return c.JSON }

// Run lists voices.
func (c *voicesCmd) Run(ctx context.Context, t terminal) error {
	voices, err := listVoices(ctx, t, c.Voices, c.request())
	if err != nil {
		return err
	}
	if c.Language != "" {
		if voices = speech.VoicesFor(voices, c.Language); len(voices) == 0 {
			return fault.New(fault.InvalidField, "--language", "no voice speaks %s", c.Language).WithHint("twinsync languages lists what can be spoken. Recorded sound works in any language.")
		}
	}
	if c.JSON {
		return printJSON(t.out, map[string]any{"voices": voices})
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VOICE\tLANGUAGE\tNAME\tGENDER\tTIMES")
	for _, v := range voices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, v.Language, v.Name, v.Gender, yes(v.Timed))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if id := voices[0].ID; strings.HasPrefix(id, "espeak:") {
		id, _, _ = strings.Cut(id, "+")
		fmt.Fprintf(t.err, "Voices of espeak-ng have more timbres: %s+f1 to +f5, %[1]s+m1 to +m8.\n", id)
	}
	return nil
}

// languagesCmd is `twinsync languages`.
type languagesCmd struct {
	JSON bool `help:"Print JSON."`
	config.Voices
	storeFlags
}

func (c languagesCmd) speaksJSON() bool { return c.JSON }

// Run lists languages.
func (c *languagesCmd) Run(ctx context.Context, t terminal) error {
	voices, err := listVoices(ctx, t, c.Voices, c.request())
	if err != nil {
		return err
	}
	languages := speech.Languages(voices)
	if c.JSON {
		return printJSON(t.out, map[string]any{"languages": languages})
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LANGUAGE\tNAME\tVOICES\tWORDS TIMED\tNOTE")
	for _, l := range languages {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", l.Code, l.Name, l.Voices, yes(l.Words), l.Note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(t.err, "Recorded sound drives mouths in every language, and captions can be given as SRT or VTT.")
	return nil
}

// listVoices asks all drivers; what some of them say instead of voices is printed, unless none has any.
func listVoices(ctx context.Context, t terminal, v config.Voices, models app.ModelsRequest) ([]speech.Voice, error) {
	speakers, err := app.OpenVoices(v, models)
	if err != nil {
		return nil, err
	}
	defer speakers.Close()
	voices, err := speakers.Voices(ctx)
	if err != nil && len(voices) == 0 {
		return nil, err
	}
	if err != nil {
		fmt.Fprintln(t.err, "twinsync:", fault.From(err).Public())
	}
	return voices, nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// espeakChildCmd is `twinsync espeak-child` (speech.EspeakChild), which the program starts of itself.
type espeakChildCmd struct{}

// Run answers until the program closes the connection.
func (espeakChildCmd) Run() error { return speech.ServeEspeak(os.Stdin, os.Stdout) }
