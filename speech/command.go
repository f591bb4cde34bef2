package speech

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// CommandOptions say which program is asked, and how. It is started as it stands, never through a shell.
type CommandOptions struct {
	// Command is the program and its arguments. In the arguments {text}, {input}, {output}, {language}, {voice}, {rate}, {from} and
	// {to} are replaced by what each driver says; a program may stand without a folder where PATH has it.
	Command []string
	// Setting begins the name of the setting in errors, "transcribe" for transcribe-command.
	Setting string
	// Timeout bounds one run; 0 is 30 minutes.
	Timeout time.Duration
}

// Bounds of a program.
const (
	commandTimeout = 30 * time.Minute
	commandOutput  = 256 << 20 // bytes of standard output or of the file that it writes
	commandArgs    = 64
	commandWait    = 2 * time.Second // for its output once it has ended
)

// placeholder is what is replaced in arguments.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// check looks at what can be known before the program runs. known are the placeholders that its driver replaces.
func (o CommandOptions) check(known ...string) error {
	param := o.param()
	switch {
	case len(o.Command) == 0 || o.Command[0] == "":
		return fault.New(fault.MissingField, param, "no program is given")
	case len(o.Command) > commandArgs:
		return fault.New(fault.InvalidField, param, "has more than %d arguments", commandArgs)
	case slices.ContainsFunc(o.Command, func(s string) bool { return strings.ContainsRune(s, 0) }):
		return fault.New(fault.InvalidField, param, "holds a zero byte")
	}
	for _, arg := range o.Command[1:] {
		for _, p := range placeholder.FindAllString(arg, -1) {
			if !slices.Contains(known, p) {
				return fault.New(fault.InvalidField, param, "has the placeholder %s, which means nothing here", printable(p)).WithHint("It may have %s.", strings.Join(known, ", "))
			}
		}
	}
	return nil
}

func (o CommandOptions) param() string { return ServiceOptions{Setting: o.Setting}.param("command") }

// has tells whether a placeholder stands in the arguments.
func (o CommandOptions) has(p string) bool {
	return slices.ContainsFunc(o.Command[1:], func(arg string) bool { return strings.Contains(arg, p) })
}

// fill replaces the placeholders; what is put in is not looked through again.
func (o CommandOptions) fill(values map[string]string) []string {
	args := make([]string, len(o.Command)-1)
	for i, arg := range o.Command[1:] {
		args[i] = placeholder.ReplaceAllStringFunc(arg, func(p string) string {
			v := strings.ReplaceAll(values[p], "\x00", "")
			if p == "{text}" && arg == p && strings.HasPrefix(v, "-") {
				return " " + v // or the program would take the text for one of its options
			}
			return v
		})
	}
	return args
}

// run starts the program, gives it stdin and returns what it prints. It and whatever it started is killed when ctx ends or its time is
// over.
//
// Errors: MissingProgram, Timeout, Canceled, TooLarge, and Unavailable with the end of what it printed as an error.
func (o CommandOptions) run(ctx context.Context, stdin []byte, values map[string]string) ([]byte, error) {
	most := o.Timeout
	if most <= 0 {
		most = commandTimeout
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.Command[0], o.fill(values)...) //nolint:gosec // the operator names it
	var stderr tail
	stdout := &bounded{most: commandOutput, full: cancel}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), stdout, &stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TWINSYNC_") }) // keys are among them
	cmd.WaitDelay = commandWait
	killGroup(cmd)
	err := cmd.Run()
	endGroup(cmd) // what it may have left running
	param := o.param()
	var missing *exec.Error
	switch {
	case (err == nil || errors.Is(err, exec.ErrWaitDelay)) && !stdout.over:
		return stdout.b.Bytes(), nil
	case outer.Err() != nil:
		return nil, fault.From(context.Cause(outer))
	case stdout.over:
		return nil, fault.New(fault.TooLarge, param, "the program prints more than %d MB", commandOutput>>20)
	case ctx.Err() != nil:
		return nil, fault.New(fault.Timeout, param, "the program did not end within %s", most).WithCause(errors.New(stderr.String()))
	case errors.As(err, &missing), errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return nil, fault.New(fault.MissingProgram, param, "the program %s cannot be started", printable(o.Command[0])).
			WithHint("Is it installed, and is %s right?", param).WithCause(err)
	}
	said := printable(lastLine(stderr.String()))
	if said != "" {
		said = ": " + said
	}
	e := fault.New(fault.Unavailable, param, "the program fails (%s)%s", err, said).WithCause(errors.New(stderr.String()))
	e.Retry = false
	return nil, e
}

// lastLine is the last line that is not empty: where programs say what is wrong.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// bounded keeps what is written to it, up to a bound.
type bounded struct {
	b    bytes.Buffer
	most int
	over bool
	full func()
}

func (w *bounded) Write(p []byte) (int, error) {
	if w.b.Len()+len(p) > w.most {
		w.over = true
		w.full()
		return 0, io.ErrShortWrite
	}
	return w.b.Write(p)
}

// readWritten reads the file that a program wrote, under the name that it was given or that with an ending.
func (o CommandOptions) readWritten(path string, endings ...string) ([]byte, error) {
	for _, e := range append([]string{""}, endings...) {
		f, err := os.Open(path + e)
		if err != nil {
			continue
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(f, commandOutput+1))
		switch {
		case err != nil:
			return nil, fault.From(err)
		case len(b) > commandOutput:
			return nil, fault.New(fault.TooLarge, o.param(), "the program writes more than %d MB", commandOutput>>20)
		}
		return b, nil
	}
	return nil, o.nonsense("wrote no file to {output}", nil)
}

// nonsense is a program that ended well and did not do what was asked.
func (o CommandOptions) nonsense(what string, cause error) error {
	e := fault.New(fault.Unavailable, o.param(), "the program %s", what).WithCause(cause)
	e.Retry = false
	return e
}

// word is a value for an argument: a language or a voice, which must not be taken for an option or a path.
func word(param, value string) error {
	if value != "" && !plainWord.MatchString(value) {
		return fault.New(fault.InvalidField, param, "%q holds characters that a program cannot be given", printable(value))
	}
	return nil
}

var plainWord = regexp.MustCompile(`^[\pL\pN][\pL\pN _.+@-]{0,127}$`)
