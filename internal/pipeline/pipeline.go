// Package pipeline is the runner behind the dispatcher: it says which stages a kind of task
// has, cuts a video into segments, and does the work of each as a slice of step
// functions over one context value. It reads the spec of a task and the small
// results of earlier stages, and leaves everything large in the blob store.
//
// It promises that a segment run twice gives the same frames, that what an attempt writes
// lies under a key of that attempt alone, and that an error names what the user
// called the input.
package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/fetch"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/swap"
)

// The names of stages. Which a kind of task has, and in which order, stands in kindOf.
const (
	Fetch    = "fetch"
	Voice    = "voice"
	Analyse  = "analyse"
	Join     = "join"
	Mouths   = "mouths"
	Plan     = "plan"
	Render   = "render"
	Assemble = "assemble"
)

// segmentLength is how much video one segment holds: long enough that starting
// FFmpeg twice does not matter, short enough that a killed worker costs little.
const segmentLength = 6 * time.Second

// Config is what a Runner works with.
type Config struct {
	Analyses   *blob.Store // where analyses are kept for later tasks; nil: in Blobs
	Blobs      *blob.Store
	Scratch    *blob.Scratch  // for files of running segments
	Fetch      *fetch.Fetcher // nil: addresses cannot be fetched, as in a local command
	Samples    string         // folder of samples; "" for none
	LocalFiles bool           // specs may name files of this machine; only for local commands
	Infer      infer.Options
	Models     *infer.Store // networks that were added; nil: none can be used
	// Speaker says texts; nil: only recordings can be used. Reference says words so that they can be found in a
	// sound: it knows when it says what. nil: they are not looked for. The caller closes both.
	Speaker, Reference speech.Speaker
	// Transcriber writes down what is said in a video that is dubbed, Translator translates it; nil: it has to be given.
	Transcriber speech.Transcriber
	Translator  speech.Translator
	Reuse       *blob.Store // where a dub's pieces of sound and picture are kept by what they were made of; nil: nowhere
	// SpeaksBy names what Speaker is set up with: what another set-up spoke is not used again.
	SpeaksBy   string
	Video      media.Limits
	Photo      media.Limits
	Threads    int          // of the engines; 0 is all cores
	KeepFrames int64        // bytes of decoded frames that may wait in Scratch for the render; frees them when closed
	Log        *slog.Logger // nil discards
}

// Runner runs segments. It is safe for concurrent use. Close it when done.
type Runner struct {
	cfg Config
	log *slog.Logger

	mu      sync.Mutex
	runtime *infer.Runtime
	models  *face.Models

	portraits  portraitCache
	identities identityCache
	networks   networkCache
	detectors  detectorCache
	kept       keptFrames
}

var _ dispatch.Runner = (*Runner)(nil)

// New returns a runner. The networks are loaded when they are first needed.
func New(cfg Config) (*Runner, error) {
	if cfg.Blobs == nil || cfg.Scratch == nil {
		return nil, errors.New("pipeline: a blob store and scratch space are needed")
	}
	if cfg.Analyses == nil {
		cfg.Analyses = cfg.Blobs
	}
	if cfg.Threads <= 0 {
		cfg.Threads = runtime.GOMAXPROCS(0)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{cfg: cfg, log: cfg.Log, kept: keptFrames{room: cfg.KeepFrames}}, nil
}

// Close lets go of the networks. No segment may be running.
func (r *Runner) Close() error {
	r.kept.clear()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runtime == nil {
		return nil
	}
	err := errors.Join(r.networks.close(), r.runtime.Close())
	r.runtime, r.models, r.detectors.open = nil, nil, nil
	return err
}

// Provider is what the networks run on, "" before they were needed.
func (r *Runner) Provider() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runtime == nil {
		return ""
	}
	return r.runtime.Provider()
}

// nets opens the networks at the first call.
func (r *Runner) nets() (*face.Models, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.models != nil {
		return r.models, nil
	}
	rt, err := infer.Open(r.cfg.Infer)
	if err != nil {
		return nil, err
	}
	for _, s := range rt.Skipped() {
		r.log.Debug("execution provider passed over", "provider", s.Provider, "reason", s.Reason)
	}
	m, err := face.NewModels(rt, face.DefaultOptions())
	if err != nil {
		return nil, errors.Join(err, rt.Close())
	}
	r.runtime, r.models = rt, m
	r.log.Info("networks loaded", "provider", rt.Provider(), "library", rt.Version())
	return m, nil
}

// step is one action of a segment. Steps share what they find through the work.
type step func(ctx context.Context, w *work) error

// Run does one segment: its stage's steps, with cancellation checked between them.
func (r *Runner) Run(ctx context.Context, j dispatch.Job) (dispatch.Result, error) {
	w, err := r.newWork(j)
	if err != nil {
		return dispatch.Result{}, err
	}
	defer w.close()
	i, err := w.kind.at(j.Task.Stage)
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := inTurn(ctx, w, w.kind.stages[i].steps...); err != nil {
		return dispatch.Result{}, err
	}
	data, err := json.Marshal(w.out)
	if err != nil {
		return dispatch.Result{}, fmt.Errorf("result of %s: %w", j.Segment.ID, err)
	}
	return dispatch.Result{Data: data, Warnings: w.warnings}, nil
}

// identityCache keeps the identities of the task that was rendered last, because all of its
// segments need the same ones.
type identityCache struct {
	mu   sync.Mutex
	task task.ID
	list []*swap.Identity
}

// get returns the identities of a task, made by build when they are not the ones kept.
func (c *identityCache) get(id task.ID, build func() ([]*swap.Identity, error)) ([]*swap.Identity, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list != nil && c.task == id {
		return c.list, nil
	}
	list, err := build()
	if err != nil {
		return nil, err
	}
	c.task, c.list = id, list
	return list, nil
}
