package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/twinsync/twinsync/fault"
)

// Exit codes, promised in docs/1-start.md.
const (
	exitDone        = 0
	exitMissed      = 1 // bench swap --gate only
	exitUsage       = 2
	exitInput       = 3
	exitMissing     = 4
	exitFailed      = 5
	exitInterrupted = 130
)

// cli is the whole command line. Every flag is also TWINSYNC_FLAG_NAME in the
// environment and flag-name in the YAML file.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with a line per flag." placeholder:"FILE" type:"existingfile"`

	Swap      swapCmd      `cmd:"" help:"Put the face of a photo into a video. Needs no service."`
	Talk      talkCmd      `cmd:"" help:"Make the person in a video say something else. Needs no service."`
	Dub       dubCmd       `cmd:"" help:"Make the people in a video say the same in another language. Needs no service."`
	Preview   previewCmd   `cmd:"" help:"Show one frame of a swap as a picture, before anything is rendered."`
	Faces     facesCmd     `cmd:"" help:"Show who is in a video: JSON and a thumbnail per person."`
	Serve     serveCmd     `cmd:"" help:"Run the service: API, results and workers."`
	Worker    workerCmd    `cmd:"" help:"Run one worker for a service or a NATS cluster."`
	Keys      keysCmd      `cmd:"" help:"Make, list, rotate and revoke customers' keys."`
	Voices    voicesCmd    `cmd:"" help:"List the voices that texts can be spoken with."`
	Languages languagesCmd `cmd:"" help:"List the languages that texts can be spoken in."`
	Models    modelsCmd    `cmd:"" help:"Show the networks that TwinSync can use."`
	Bench     benchCmd     `cmd:"" help:"Measure speed beside plain FFmpeg, and how good swaps are."`
	Version   versionCmd   `cmd:"" help:"Print the version."`

	EspeakChild espeakChildCmd `cmd:"" hidden:"" help:"Drive the installed espeak-ng library for a process that started this one."`
}

// terminal is where a command reads and writes.
type terminal struct {
	in       *os.File
	out, err io.Writer
}

// exitNow is what kong's own exit (after --help) becomes.
type exitNow int

// run parses args, runs the command and returns the exit code.
func run(ctx context.Context, args []string, t terminal) (code int) {
	defer func() {
		if r := recover(); r != nil {
			n, ok := r.(exitNow)
			if !ok {
				panic(r)
			}
			code = int(n)
		}
	}()
	parser, err := newParser(ctx, new(cli), t)
	if err != nil {
		fmt.Fprintln(t.err, "twinsync:", err)
		return exitUsage
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(t.err, "twinsync:", err)
		fmt.Fprintln(t.err, "Run twinsync --help, or twinsync COMMAND --help.")
		return exitUsage
	}
	return report(command.Run(), t, wantsJSON(command))
}

// newParser returns the parser that fills c.
func newParser(ctx context.Context, c *cli, t terminal) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("twinsync"),
		kong.Description("Put another face into a video that already exists."),
		kong.DefaultEnvars("TWINSYNC"),
		kong.Configuration(loadYAML, configPaths()...),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(t.out, t.err),
		kong.Exit(func(n int) { panic(exitNow(n)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(t),
	)
}

// configPaths are where a YAML file is looked for when --config is not given.
func configPaths() []string {
	paths := []string{"/etc/twinsync.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(dir, "twinsync.yaml"))
	}
	return paths
}

// report prints what went wrong, as JSON where the command speaks JSON, and picks the exit code.
func report(err error, t terminal, asJSON bool) int {
	if err == nil {
		return exitDone
	}
	if u := usageError(""); errors.As(err, &u) {
		fmt.Fprintln(t.err, "twinsync:", u)
		return exitUsage
	}
	if m := missedError(""); errors.As(err, &m) {
		fmt.Fprintln(t.err, "twinsync:", m)
		return exitMissed
	}
	f := fault.From(err)
	if asJSON {
		line, jerr := json.Marshal(map[string]any{"error": map[string]string{
			"code": string(f.Code), "param": f.Param, "message": f.Text, "hint": f.Hint,
		}})
		if jerr == nil {
			fmt.Fprintln(t.out, string(line))
		}
	} else if f.Code == fault.Canceled {
		fmt.Fprintln(t.err, "twinsync: interrupted; nothing was left behind")
	} else {
		fmt.Fprintln(t.err, "twinsync:", f.Public())
	}
	if f.Code == fault.Internal && f.Err != nil {
		fmt.Fprintln(t.err, "  cause:", f.Err)
	}
	if f.Code == fault.Internal && f.Err == nil {
		fmt.Fprintln(t.err, "  the cause is in the log; swap and faces print theirs with --verbose")
	}
	return exitCode(f)
}

func exitCode(f *fault.Error) int {
	if f.Code == fault.MissingField || f.Code == fault.InvalidField {
		return exitUsage // what is a field elsewhere is a flag here
	}
	switch f.Code.Kind() {
	case fault.Stopped:
		return exitInterrupted
	case fault.Input, fault.Absent, fault.Clash, fault.Denied:
		return exitInput
	case fault.Missing:
		return exitMissing
	}
	return exitFailed
}

// jsonSpeaker is a command that may have been asked for JSON.
type jsonSpeaker interface{ speaksJSON() bool }

func wantsJSON(c *kong.Context) bool {
	node := c.Selected()
	if node == nil || !node.Target.CanAddr() {
		return false
	}
	s, ok := node.Target.Addr().Interface().(jsonSpeaker)
	return ok && s.speaksJSON()
}

// printJSON writes v as one line.
func printJSON(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(line))
	return err
}

// usageError is a wrong combination of flags that the parser cannot see.
type usageError string

func (u usageError) Error() string { return string(u) }

// missedError says which measures miss their limits.
type missedError string

func (m missedError) Error() string { return string(m) }
