// Package infer runs the neural networks that are part of TwinSync, through ONNX
// Runtime. It promises:
//
//   - the networks are inside the binary, described by Catalog, and loaded on first use;
//   - a Session is shared: any number of goroutines may call Run at once, each on its own
//     core, and nothing is allocated per run but what ONNX Runtime needs inside;
//   - what computes is what was asked for: a named Provider that cannot be used is an
//     error, and with "auto" the one chosen and the reasons against the others can be read;
//   - the native library is found without any environment variable; when it is missing the
//     error is fault.MissingProgram and says how to get it.
//
// ONNX Runtime is loaded once per process and stays loaded; runtimes opened from it share
// it, and closing the last one frees the networks.
package infer

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/fault"
)

// The execution providers.
const (
	Auto     = "auto"
	CUDA     = "cuda"
	CoreML   = "coreml"
	DirectML = "directml"
	CPU      = "cpu"
)

// Providers lists what Options.Provider accepts, in the order in which "auto" tries them.
func Providers() []string { return []string{Auto, CUDA, CoreML, DirectML, CPU} }

// Options says how networks are run. The zero value is good for everything but tests.
type Options struct {
	// Provider is one of Providers; "" is "auto".
	Provider string
	// Threads is how many cores a single Run may use; 0 is 1. The networks of this package
	// take a millisecond or two, so that many callers with a core each are faster than
	// one caller with many, and FFmpeg needs cores too.
	Threads int
	// Library is the path of ONNX Runtime's native library; "" searches for it.
	Library string
}

// DefaultOptions is what the program uses unless told otherwise.
func DefaultOptions() Options { return Options{Provider: Auto, Threads: 1} }

// Validate checks the fields; its errors name them.
func (o Options) Validate() error {
	if o.Provider != "" && !slices.Contains(Providers(), o.Provider) {
		return fault.New(fault.InvalidField, "provider", "there is no provider %q", o.Provider).
			WithHint("Choose one of %s.", strings.Join(Providers(), ", "))
	}
	if o.Threads < 0 || o.Threads > 1024 {
		return fault.New(fault.InvalidField, "threads", "%d is not between 0 and 1024", o.Threads)
	}
	return nil
}

// Skipped is a provider that "auto" passed over, and why.
type Skipped struct{ Provider, Reason string }

// Runtime owns the sessions of one configuration. Its methods may be called from any
// goroutine.
type Runtime struct {
	options  Options
	provider string
	skipped  []Skipped
	library  string

	mu       sync.Mutex
	sessions map[Model]*loading
	networks map[*Network]bool // those of model cards that are open
	closed   bool
}

// Open loads ONNX Runtime, once per process, and chooses the provider. It may be called
// many times; each Runtime has sessions of its own, so that programs share one. Once a
// library is loaded, asking for a different one is an error.
func Open(o Options) (*Runtime, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Provider == "" {
		o.Provider = Auto
	}
	o.Threads = max(o.Threads, 1)
	library, err := load(o.Library)
	if err != nil {
		return nil, err
	}
	r := &Runtime{options: o, library: library, sessions: map[Model]*loading{}, networks: map[*Network]bool{}}
	return r, r.choose()
}

// choose finds the first provider that really runs a network here.
func (r *Runtime) choose() error {
	wanted := []string{r.options.Provider}
	if r.options.Provider == Auto {
		wanted = Providers()[1:]
	}
	for _, p := range wanted {
		err := r.probe(p)
		if err == nil {
			r.provider = p
			return nil
		}
		if r.options.Provider != Auto || p == CPU {
			return fault.New(fault.MissingProgram, "provider", "networks cannot be run with %q on this machine", p).
				WithHint("Its ONNX Runtime library and drivers must be installed; or choose \"auto\" or \"cpu\".").WithCause(err)
		}
		r.skipped = append(r.skipped, Skipped{Provider: p, Reason: err.Error()})
	}
	return nil
}

// probe tries a provider. Others than the CPU are appended without complaint by some
// libraries and fail only later, so the smallest network is run once.
func (r *Runtime) probe(provider string) error {
	options, err := r.sessionOptions(provider)
	if err != nil {
		return err
	}
	defer free(options)
	if provider == CPU {
		return nil
	}
	s, err := newSession(FaceDetectShort, options)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(nil, s.buffers(s.inputs), s.buffers(s.outputs))
}

// sessionOptions are those of every session: the caller's thread computes, nothing spins.
func (r *Runtime) sessionOptions(provider string) (_ *ort.SessionOptions, err error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			free(options)
		}
	}()
	steps := []func() error{
		func() error { return options.SetIntraOpNumThreads(r.options.Threads) },
		func() error { return options.SetInterOpNumThreads(1) },
		func() error { return options.SetLogSeverityLevel(ort.LoggingLevelFatal) },
		func() error { return options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error { return options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		// One arena for all sessions, and no block laid aside for each run under way: half the
		// memory with four callers, at the same speed.
		func() error { return options.AddSessionConfigEntry("session.use_env_allocators", "1") },
		func() error { return options.SetMemPattern(false) },
		func() error { return appendProvider(options, provider) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return options, nil
}

// appendProvider makes sessions prefer a provider; the CPU needs no word.
func appendProvider(options *ort.SessionOptions, provider string) error {
	switch provider {
	case CUDA:
		cuda, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer free(cuda)
		return options.AppendExecutionProviderCUDA(cuda)
	case CoreML:
		return options.AppendExecutionProviderCoreMLV2(map[string]string{"ModelFormat": "MLProgram"})
	case DirectML:
		return options.AppendExecutionProviderDirectML(0)
	}
	return nil
}

// Provider is the one that really computes: "cuda", "coreml", "directml" or "cpu".
func (r *Runtime) Provider() string { return r.provider }

// Skipped lists the providers that "auto" tried before, with the reasons against them, in
// ONNX Runtime's words: for the log.
func (r *Runtime) Skipped() []Skipped { return slices.Clone(r.skipped) }

// Library is the path or name of the native library in use.
func (r *Runtime) Library() string { return r.library }

// Version is ONNX Runtime's own, such as "1.30.0".
func (r *Runtime) Version() string { return ort.GetVersion() }

// Session gives the one session of a network, loading it on the first call.
func (r *Runtime) Session(m Model) (*Session, error) {
	if !m.valid() {
		return nil, fault.New(fault.Internal, "", "there is no model %d", m)
	}
	l, err := r.loading(m)
	if err != nil {
		return nil, err
	}
	l.once.Do(func() {
		if l.session, l.err = r.load(m); l.err != nil {
			r.forget(m, l) // another try may find the memory that was missing
		}
	})
	return l.session, l.err
}

// loading is a session that its first user loads; different ones load side by side.
type loading struct {
	once    sync.Once
	session *Session
	err     error
}

func (r *Runtime) loading(m Model) (*loading, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed()
	}
	l := r.sessions[m]
	if l == nil {
		l = &loading{}
		r.sessions[m] = l
	}
	return l, nil
}

func (r *Runtime) forget(m Model, l *loading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[m] == l {
		delete(r.sessions, m)
	}
}

func (r *Runtime) load(m Model) (*Session, error) {
	options, err := r.sessionOptions(r.provider)
	if err != nil {
		return nil, broken(m, err)
	}
	defer free(options)
	s, err := newSession(m, options)
	if err != nil {
		return nil, broken(m, err)
	}
	return s, nil
}

// Close waits for runs under way and frees all sessions; later runs return an error.
// The runtime must not be used after it. Closing again does nothing.
func (r *Runtime) Close() error {
	r.mu.Lock()
	sessions := r.sessions
	r.closed, r.sessions = true, nil
	r.mu.Unlock()
	for _, l := range sessions {
		l.once.Do(func() { l.err = errClosed() }) // waits for one that is being loaded
		if l.session != nil {
			l.session.close()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := range r.networks {
		n.close()
		delete(r.networks, n)
	}
	return nil
}

func errClosed() error { return fault.New(fault.Internal, "", "the inference runtime is closed") }

func broken(m Model, err error) error {
	return fault.New(fault.Internal, "", "the network %s cannot be run", m).WithCause(fmt.Errorf("onnxruntime: %w", err))
}
