package speech

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/twinsync/twinsync/fault"
)

// child is one running child process. It is used by one goroutine at a time.
type child struct {
	cmd    *exec.Cmd
	in     *os.File      // its standard input
	out    *os.File      // its standard output
	rate   int           // samples per second of its sound
	spoke  bool          // it has said something
	gone   chan struct{} // closed when it has ended and was waited for
	stderr tail
}

// startChild starts a child and waits until it has loaded the library.
func startChild(ctx context.Context, o EspeakOptions) (*child, error) {
	command := o.Command
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{self, EspeakChild}
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		theirIn.Close()
		in.Close()
		return nil, err
	}
	c := &child{in: in, out: out, gone: make(chan struct{})}
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirIn, theirOut, &c.stderr
	c.cmd.Env = childEnvironment(os.Environ())
	err = c.cmd.Start()
	theirIn.Close() // only the child holds its ends, so that its death shows as the end of its output
	theirOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, fault.New(fault.Internal, "", "the synthesiser's process does not start").WithCause(err)
	}
	go func() {
		_ = c.cmd.Wait() // how it ended shows in what was read from it
		close(c.gone)
	}()
	opened, err := json.Marshal(wireOpen{o.Library, o.Data})
	if err == nil {
		_, err = c.ask(ctx, frameOpen, opened, func(kind byte, payload []byte) error {
			var h wireHello
			if kind != frameHello || json.Unmarshal(payload, &h) != nil || h.Rate < 8000 || h.Rate > 192_000 {
				return errProtocol
			}
			c.rate = h.Rate
			return nil
		})
	}
	if err != nil {
		c.end()
		if r := new(wireRefusal); errors.As(err, &r) {
			return nil, r.fault()
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, fault.From(cause)
		}
		return nil, fault.New(fault.Internal, "", "the synthesiser's process does not answer").WithCause(err)
	}
	return c, nil
}

// childEnvironment is what the library may know: where it and its data are, nothing of keys and addresses.
func childEnvironment(all []string) []string {
	var kept []string
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "ESPEAK_DATA_PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR":
			kept = append(kept, v)
		}
	}
	return kept
}

// ask sends one request and reads its answer; answered tells whether any of it came. Where ctx ends first
// the child is killed.
func (c *child) ask(ctx context.Context, kind byte, payload []byte, each func(byte, []byte) error) (answered bool, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
	defer stop()
	if err := writeFrame(c.in, kind, payload); err != nil {
		return false, err
	}
	for {
		kind, payload, err := readFrame(c.out)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return answered, err
		}
		answered = true
		switch kind {
		case frameDone:
			return answered, nil
		case frameRefusal:
			r := new(wireRefusal)
			if err := json.Unmarshal(payload, r); err != nil {
				return answered, err
			}
			return answered, r
		}
		if err := each(kind, payload); err != nil {
			return answered, err
		}
	}
}

// end kills the process and waits for it.
func (c *child) end() {
	c.in.Close()
	_ = c.cmd.Process.Kill()
	<-c.gone
	c.out.Close()
}

// said is the end of what it printed as an error.
func (c *child) said() string { return c.stderr.String() }

// tail keeps the last bytes written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// tailBytes is how much is kept of what a child prints.
const tailBytes = 2048

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p[max(0, len(p)-tailBytes):]...)
	t.b = t.b[max(0, len(t.b)-tailBytes):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
