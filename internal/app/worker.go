package app

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
	"github.com/twinsync/twinsync/internal/fetch"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/media"
)

// grace is how long a worker that shuts down may go on with a segment that is nearly done.
const grace = 2 * time.Second

// WorkerRequest is what `twinsync worker` asks for.
type WorkerRequest struct {
	Config   config.Config
	ID       string    // unique among all workers; made when empty
	Attached io.Reader // the worker ends when this does; nil: it stands alone
	Log      io.Writer
}

// What a file of strangers may hold, beyond the operator's settings: both bounds are of memory.
const (
	// largestPhoto in bytes is read whole; a raw TIFF of 40 million pixels has 115 MiB.
	largestPhoto = 128 << 20
	// densest is the most frames a second, on average over the longest video allowed: slow motion is
	// filmed at up to 240, and each frame's time is kept.
	densest = 240
)

// Work runs one worker until ctx ends or the service that started it is gone.
func Work(ctx context.Context, req WorkerRequest) (err error) {
	cfg := req.Config
	if cfg.NATS == "" {
		return fault.New(fault.MissingField, "nats", "a worker needs the address of a NATS server").
			WithHint("'twinsync serve' runs workers of its own; --nats names a cluster.")
	}
	if cfg.Data, err = dataFolder(cfg); err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	log, err := newLog(req.Log, cfg.LogLevel)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if req.Attached != nil {
		go func() { // ends with the process: a read of standard input cannot be called off
			_, _ = io.Copy(io.Discard, req.Attached)
			stop()
			// The engine may be gone with the service: then there is nobody to tell the outcome.
			time.AfterFunc(orphanTime, func() { os.Exit(exitOrphan) })
		}()
	}
	store, err := jetstream.Open(ctx, jetstream.Options{URL: cfg.NATS, Token: os.Getenv(TokenEnv), Name: req.ID, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	blobs, err := blob.Open(ctx, blobURL(cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	scratch, err := blob.OpenScratch(filepath.Join(cfg.Data, "scratch"), scratchQuota)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	fcfg := fetch.DefaultConfig()
	fcfg.AllowNetworks, fcfg.MaxBytes, fcfg.TotalTimeout = cfg.Networks(), int64(cfg.MaxFile), cfg.FetchTimeout
	fetcher, err := fetch.New(fcfg)
	if err != nil {
		return err
	}
	models, err := ModelStore(cfg)
	if err != nil {
		return err
	}
	voices, err := OpenSpeakers(cfg.Voices, func() (*infer.Store, error) { return ModelStore(cfg) }, infer.Options{Provider: cfg.Device, Threads: voiceThreads})
	if err != nil {
		return err
	}
	words := openReference()
	hears, translates, err := openWords(cfg.Voices)
	if err != nil {
		return err
	}
	defer voices.Close()
	defer words.Close()
	runner, err := pipeline.New(pipeline.Config{
		Speaker: voices, Reference: words, Transcriber: hears, Translator: translates,
		Blobs: blobs, Scratch: scratch, Fetch: fetcher, Samples: cfg.Samples, Models: models,
		Infer: infer.Options{Provider: cfg.Device, Threads: 1},
		Video: media.Limits{
			MaxDuration: cfg.MaxLength, MaxPixels: cfg.MaxPixels, MaxBytes: int64(cfg.MaxFile),
			MaxFrames: max(1, int(cfg.MaxLength.Seconds()*densest)),
		},
		Photo: media.Limits{MaxPixels: cfg.MaxPixels, MaxBytes: min(int64(cfg.MaxFile), largestPhoto)},
		Log:   log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	wcfg := dispatch.DefaultWorkerConfig()
	wcfg.ID, wcfg.Grace, wcfg.Log = req.ID, grace, log
	// A run that does not return would hold its slot for ever: a process of its own is its way out.
	wcfg.OnHung = func() { os.Exit(exitHung) }
	worker, err := dispatch.NewWorker(ctx, store, runner, wcfg)
	if err != nil {
		return err
	}
	return worker.Run(ctx)
}

// orphanTime is how long a worker may go on once the service that started it is gone: its grace, and
// some for the outcome.
const orphanTime = grace + 3*time.Second

// How a worker ends that cannot end in peace.
const (
	exitHung   = 75 // it gave up a hung run
	exitOrphan = 76 // its service was gone before it could tell its outcome
)
