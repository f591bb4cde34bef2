package media

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// How long FFmpeg may take.
const (
	stopGrace    = 4 * time.Second  // between TERM and KILL
	defaultStall = 90 * time.Second // without a byte moved before it counts as stalled
	probeTime    = 2 * time.Minute  // for one look at a file
	stderrBytes  = 64 << 10         // of FFmpeg's words kept for the log
	pipeBytes    = 1 << 20          // wanted size of a pipe's buffer
)

// What FFmpeg may use.
const (
	decodeMemory = 8 << 30  // bytes of address space for a decoder
	encodeMemory = 32 << 30 // and for an encoder, whose look-ahead holds many pictures
)

// formats are the containers that are read. Those that name other files (playlists,
// concat scripts, image sequences) are left out, so that a file cannot make FFmpeg
// open another.
const formats = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,av1,obu,ivf," +
	"flv,asf,ogg,nut,mjpeg,gif,apng,mxf,dv,rm,yuv4mpegpipe,h261,h263,vc1,wtv,gxf," +
	"wav,w64,mp3,aac,flac,ac3,eac3,amr,aiff,au,caf,wv,tta,ape,dts,truehd,mp2"

// process is one running FFmpeg or ffprobe in a process group of its own.
type process struct {
	name   string
	cmd    *exec.Cmd
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
	stdin  *os.File // nil unless asked for
	stdout *os.File // nil unless asked for
	stderr ring
	waited sync.Once
	err    error // of waiting
}

// command says what to run.
type command struct {
	name          string // "ffmpeg" or "ffprobe"
	args          []string
	stdin, stdout bool          // pipes wanted
	stall         time.Duration // 0 means defaultStall
	memory        uint64        // bytes of address space; 0 means decodeMemory
	writes        bool          // may write files
}

// errStalled is the cause when a process was given up.
var errStalled = errors.New("no byte moved in time")

// start runs a command. The caller must end it with wait or stop.
func start(ctx context.Context, c command) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.From(err)
	}
	path, err := exec.LookPath(c.name)
	if err != nil {
		return nil, fault.New(fault.MissingProgram, "", "%s is not installed", c.name).WithHint("%s", installHint()).WithCause(err)
	}
	p := &process{name: c.name, stall: c.stall}
	if p.stall <= 0 {
		p.stall = defaultStall
	}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.cmd = exec.CommandContext(p.ctx, path, c.args...)
	p.cmd.Env = environment()
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = stopGrace
	p.cmd.Cancel = func() error {
		// The whole group is asked to end; WaitDelay kills it if it does not.
		err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	if err := p.run(c); err != nil {
		p.cancel(nil)
		return nil, fault.From(err)
	}
	return p, nil
}

// run opens the pipes and starts the process.
func (p *process) run(c command) error {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	if c.stdin {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		growPipe(w)
		p.stdin, p.cmd.Stdin, theirs = w, r, append(theirs, r)
	}
	if c.stdout {
		r, w, err := os.Pipe()
		if err != nil {
			p.closePipes()
			return err
		}
		growPipe(r)
		p.stdout, p.cmd.Stdout, theirs = r, w, append(theirs, w)
	}
	if err := p.cmd.Start(); err != nil {
		p.closePipes()
		return err
	}
	memory := c.memory
	if memory == 0 {
		memory = decodeMemory
	}
	confine(p.cmd.Process.Pid, memory, c.writes)
	return nil
}

func (p *process) closePipes() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.stdout != nil {
		p.stdout.Close()
	}
}

// Read takes bytes from the process; it gives up on one that delivers none in time.
func (p *process) Read(b []byte) (int, error) {
	if err := p.stdout.SetReadDeadline(time.Now().Add(p.stall)); err != nil {
		return 0, err
	}
	n, err := p.stdout.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.cancel(errStalled)
		err = errStalled
	}
	return n, err
}

// Write gives bytes to the process; it gives up on one that takes none in time.
func (p *process) Write(b []byte) (int, error) {
	const piece = 1 << 20 // bytes per deadline
	done := 0
	for done < len(b) {
		if err := p.stdin.SetWriteDeadline(time.Now().Add(p.stall)); err != nil {
			return done, err
		}
		n, err := p.stdin.Write(b[done:min(done+piece, len(b))])
		done += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.cancel(errStalled)
			err = errStalled
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// wait closes the pipe to the process, waits for its end and gives its failure as a
// fault, or nil. It may be called more than once.
func (p *process) wait() error {
	p.waited.Do(func() {
		if p.stdin != nil {
			p.stdin.Close()
		}
		// A process that neither ends nor moves is given up as well; flushing an
		// encoder's look-ahead may take several times as long as one frame.
		t := time.AfterFunc(5*p.stall, func() { p.cancel(errStalled) })
		err := p.cmd.Wait()
		t.Stop()
		if p.stdout != nil {
			p.stdout.Close()
		}
		p.err = p.verdict(err)
		p.cancel(nil)
	})
	return p.err
}

// stop ends the process without waiting for its work. It may follow wait.
func (p *process) stop() {
	p.cancel(context.Canceled)
	p.closePipes() // a process that blocks in a write notices
	_ = p.wait()   // the verdict on work that nobody wants any more is of no use
}

// verdict turns the way a process ended into a fault. The context comes first: after
// TERM, FFmpeg's own exit status says nothing.
func (p *process) verdict(err error) error {
	if cause := context.Cause(p.ctx); cause != nil {
		if errors.Is(cause, errStalled) {
			return fault.New(fault.Stalled, "", "%s made no progress and was stopped", p.name).WithCause(p.said(cause))
		}
		return fault.From(cause)
	}
	if err == nil {
		return nil
	}
	return classify(p.name, p.stderr.String(), p.said(err))
}

// crashed reports, after wait, that the process was ended by a signal that nobody here sent.
func (p *process) crashed() bool {
	st := p.cmd.ProcessState
	if st == nil {
		return false
	}
	ws, ok := st.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled()
}

// said joins an error with what the process wrote.
func (p *process) said(err error) error {
	if s := strings.TrimSpace(p.stderr.String()); s != "" {
		return errors.Join(err, errors.New(s))
	}
	return err
}

// classify finds the fault behind FFmpeg's words.
func classify(name, said string, cause error) error {
	has := func(s string) bool { return strings.Contains(said, s) }
	switch {
	case has("No space left on device"), has("Disk quota exceeded"):
		return fault.New(fault.DiskFull, "", "no space left on the disk").
			WithHint("Free some space or choose another data folder.").WithCause(cause)
	case has("Read-only file system"):
		return fault.New(fault.NotWritable, "", "the folder is read-only").WithCause(cause)
	case has("Unrecognized option 'fps_mode'"):
		return fault.New(fault.MissingProgram, "", "the installed FFmpeg is too old: 5.1 or newer is needed").
			WithHint("%s", installHint()).WithCause(cause)
	case has("Unknown encoder"):
		return fault.New(fault.Unsupported, "codec", "the installed FFmpeg lacks this encoder").WithCause(cause)
	case has("Cannot allocate memory"):
		return fault.New(fault.TooLarge, "", "the file needs more memory than it may use").WithCause(cause)
	}
	return fault.New(fault.Internal, "", "%s ended with an error", name).WithCause(cause)
}

// installHint says how FFmpeg comes onto this machine.
func installHint() string {
	if runtime.GOOS == "darwin" {
		return "Install FFmpeg 5.1 or newer, for example with: brew install ffmpeg"
	}
	return "Install FFmpeg 5.1 or newer, for example with: sudo apt-get install ffmpeg"
}

// environment is all that FFmpeg gets to see: nothing that could change what it does
// (FFREPORT, AV_LOG_…) or that is secret.
func environment() []string {
	// Some FFmpegs are linked with OpenBLAS, for filters that are not used here. It starts threads as soon as it
	// is loaded, which spin for 20 ms of processor time.
	env := []string{"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1", "OPENBLAS_NUM_THREADS=1"}
	for _, k := range []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// input gives the arguments that open a user's file: by path only, from the list of
// formats only.
func input(path string) []string {
	return []string{"-protocol_whitelist", "file,pipe", "-format_whitelist", formats,
		"-probesize", "33554432", "-analyzeduration", "20000000", "-i", fileURL(path)}
}

// fileURL keeps a path from being read as an option or another protocol.
func fileURL(path string) string { return "file:" + path }

// output runs a command and gives what it prints, at most limit bytes.
func output(ctx context.Context, name string, args []string, limit int64) ([]byte, *process, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	p, err := start(ctx, command{name: name, args: args, stdout: true, stall: probeTime})
	if err != nil {
		return nil, nil, err
	}
	out, err := io.ReadAll(io.LimitReader(p, limit+1))
	if int64(len(out)) > limit {
		p.stop()
		return nil, p, fault.New(fault.NotMedia, "", "the file's description is absurdly long")
	}
	if werr := p.wait(); werr != nil {
		return out, p, werr
	}
	if err != nil {
		return out, p, fault.From(err)
	}
	return out, p, nil
}

// ring keeps the last bytes written to it. It is safe for one writer and readers.
type ring struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer; it never fails.
func (r *ring) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b = append(r.b, b...)
	if len(r.b) > 2*stderrBytes {
		r.b = append(r.b[:0], r.b[len(r.b)-stderrBytes:]...)
	}
	return len(b), nil
}

// String is the last stderrBytes written.
func (r *ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.b[max(0, len(r.b)-stderrBytes):])
}
