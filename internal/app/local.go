package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/memory"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/swap"
)

// Limits of local commands: generous, but a damaged file must not claim the machine.
var (
	localVideo = media.Limits{MaxDuration: 12 * time.Hour, MaxPixels: 8192 * 8192, MaxFrames: 2_000_000}
	localPhoto = media.Limits{MaxPixels: 16384 * 16384, MaxBytes: 512 << 20}
)

// scratchQuota bounds what running segments may keep on the disk.
const scratchQuota = 256 << 30

// local runs one task in this process, with the same pipeline as the service.
type local struct {
	dir     string
	unlock  func() error // of dir
	blobs   *blob.Store
	kept    *blob.Store // analyses of earlier runs
	reuse   *blob.Store // pieces of earlier runs
	scratch *blob.Scratch
	runner  *pipeline.Runner
	voices  *speech.Speakers
	words   *speech.Speakers // that say words so that they are found in a sound
	log     *slog.Logger
}

// LocalOptions say what a local command runs on.
type LocalOptions struct {
	Provider string        // execution provider, see package infer
	Threads  int           // of the engines; 0 is all cores
	Models   ModelsRequest // where added networks are, for the engine onnx
	Voices   config.Voices // that speak beside those that are built in
	Reuse    string        // a folder where pieces are kept by what they were made of; "" for none
	Log      *slog.Logger  // nil discards
}

// openLocal makes the scratch folder and the runner. Analyses are kept in the user's cache
// folder, so that a second run on the same video does not look again. networks tells whether added ones
// are needed.
func openLocal(ctx context.Context, o LocalOptions, networks bool) (_ *local, err error) {
	l := &local{log: o.Log}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if err := sweepRunDirs(os.TempDir()); err != nil {
		l.log.Warn("what a killed run left cannot be removed", "error", err)
	}
	if l.dir, l.unlock, err = newRunDir(os.TempDir()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.blobs, err = blob.Open(ctx, filepath.Join(l.dir, "blobs")); err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = l.dir // without a home there is nothing to keep it in
	}
	cache = filepath.Join(cache, "twinsync")
	if l.kept, err = blob.Open(ctx, cache); err != nil {
		return nil, err
	}
	if l.scratch, err = blob.OpenScratch(filepath.Join(l.dir, "scratch"), scratchQuota); err != nil {
		return nil, err
	}
	var models *infer.Store
	if networks {
		if models, err = o.Models.store(); err != nil {
			return nil, err
		}
	}
	if o.Reuse != "" {
		if l.reuse, err = blob.Open(ctx, o.Reuse); err != nil {
			return nil, err
		}
	}
	if l.voices, err = OpenSpeakers(o.Voices, o.Models.store, infer.Options{Provider: o.Provider, Threads: voiceThreads}); err != nil {
		return nil, err
	}
	l.words = openReference()
	hears, translates, err := openWords(o.Voices)
	if err != nil {
		return nil, err
	}
	l.runner, err = pipeline.New(pipeline.Config{
		Speaker: l.voices, Reference: l.words, Transcriber: hears, Translator: translates, Reuse: l.reuse,
		SpeaksBy: fmt.Sprintf("%q %q %q", o.Voices.SpeechURL, o.Voices.SpeechModel, o.Voices.SpeechCommand),
		Blobs:    l.blobs, Analyses: l.kept, Scratch: l.scratch, LocalFiles: true, Models: models,
		Infer: infer.Options{Provider: o.Provider, Threads: 1},
		Video: localVideo, Photo: localPhoto, Threads: o.Threads, KeepFrames: roomForFrames(l.dir), Log: l.log,
	})
	return l, err
}

// close removes everything that the run left in the scratch folder.
func (l *local) close() {
	var errs []error
	if l.runner != nil {
		errs = append(errs, l.runner.Close())
	}
	if l.voices != nil {
		l.voices.Close()
	}
	if l.words != nil {
		l.words.Close()
	}
	if l.scratch != nil {
		errs = append(errs, l.scratch.Close())
	}
	for _, s := range []*blob.Store{l.blobs, l.kept, l.reuse} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	errs = append(errs, os.RemoveAll(l.dir), l.unlock())
	if err := errors.Join(errs...); err != nil {
		l.log.Warn("something of the run is left behind", "folder", l.dir, "error", err)
	}
}

// run submits the order, works on it and waits for its end. show is called from one goroutine.
func (l *local) run(ctx context.Context, o task.Order, show func(Progress)) (t task.Task, err error) {
	o.Customer = "local"
	t, err = task.New(o, time.Now())
	if err != nil {
		return t, err
	}
	store := memory.New()
	defer func() { err = errors.Join(err, store.Close()) }()
	dcfg := dispatch.DefaultConfig()
	dcfg.Sole, dcfg.Log = true, l.log
	d, err := dispatch.New(ctx, store, dcfg)
	if err != nil {
		return t, err
	}
	wcfg := dispatch.DefaultWorkerConfig()
	wcfg.Beat, wcfg.Log = 200*time.Millisecond, l.log // a beat is what moves the progress bar
	worker, err := dispatch.NewWorker(ctx, store, l.runner, wcfg)
	if err != nil {
		return t, err
	}
	background, stop := context.WithCancelCause(ctx)
	ended := make(chan struct{}, 2)
	for _, run := range []func(context.Context) error{d.Run, worker.Run} {
		go func() {
			stop(run(background)) // whoever ends first ends the other and the wait below
			ended <- struct{}{}
		}()
	}
	defer func() {
		stop(nil)
		<-ended
		<-ended
	}()
	watch, err := d.Watch(ctx, t.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return t, err
	}
	if watch == nil {
		watch = d.Subscribe(func(s task.Task) bool { return s.ID == t.ID })
	}
	defer watch.Close()
	if err := d.Submit(ctx, t); err != nil {
		return t, err
	}
	meter := newMeter()
	for {
		s, err := watch.Next(background)
		if cause := context.Cause(background); err != nil && ctx.Err() == nil && cause != nil {
			return t, cause
		}
		if err != nil {
			return t, err
		}
		if !s.State.Final() {
			show(meter.progress(s))
			continue
		}
		if t, err = d.Get(ctx, t.ID); err != nil {
			return t, err
		}
		if t.State == task.Succeeded {
			return t, nil
		}
		return t, t.Fault.Err()
	}
}

// SwapRequest is what `twinsync swap` asks for.
type SwapRequest struct {
	Spec  pipeline.Swap
	Out   string
	Local LocalOptions
}

// SwapReport is what `twinsync swap` answers.
type SwapReport struct {
	Out      string          `json:"out"`
	Bytes    int64           `json:"bytes"`
	SHA256   string          `json:"sha256"`
	Seconds  float64         `json:"seconds"`     // that it took
	Peak     int64           `json:"peak_memory"` // of this process in bytes, FFmpeg not counted; 0 where the system does not tell
	Warnings []string        `json:"warnings,omitempty"`
	Report   pipeline.Report `json:"report"`
}

// reasons in words.
var reasons = map[swap.Reason]string{
	swap.TurnedAway: "turned away from the camera",
	swap.Covered:    "covered by something",
	swap.TooSmall:   "too small",
	swap.Uncertain:  "not seen clearly",
	swap.NoView:     "never seen clearly in this shot",
	swap.TurnedOff:  "strength 0",
}

// Print writes the report for people.
func (r SwapReport) Print(w io.Writer) {
	s := r.Report.Swap
	fmt.Fprintf(w, "%s: %d of %d frames swapped in %.1f s\n", r.Out, s.Swapped, s.Frames, r.Seconds)
	for _, l := range s.Left {
		fmt.Fprintf(w, "  frames %d to %d: person %d left as filmed (%s)\n", l.First, l.End-1, l.Person, reasons[l.Reason])
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "  note:", warning)
	}
}

// Swap renders a video on this machine. The output appears whole or not at all.
func Swap(ctx context.Context, req SwapRequest, show func(Progress)) (SwapReport, error) {
	begin := time.Now()
	o, err := pipeline.Order(req.Spec)
	if err != nil {
		return SwapReport{}, err
	}
	out, err := newOutput(req.Out)
	if err != nil {
		return SwapReport{}, err
	}
	defer out.discard()
	l, err := openLocal(ctx, req.Local, req.Spec.Engine.Name == swap.EngineONNX || req.Spec.Detector != "")
	if err != nil {
		return SwapReport{}, err
	}
	defer l.close()
	t, err := l.run(ctx, o, show)
	if err != nil {
		return SwapReport{}, err
	}
	r := SwapReport{Out: req.Out, Bytes: t.Result.Bytes, SHA256: t.Result.SHA256, Warnings: t.Warnings}
	if err := json.Unmarshal(t.Result.Report, &r.Report); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	if err := out.keep(ctx, l.blobs, t.Result.Key); err != nil {
		return r, err
	}
	r.Seconds, r.Peak = time.Since(begin).Seconds(), peakMemory()
	return r, nil
}

// output is a file that appears under its name only when it is whole, with the rights that the
// user's umask gives to new files.
type output struct {
	path, part string
	mode       fs.FileMode
}

// newOutput proves that the folder can be written before any work is done.
func newOutput(path string) (*output, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fault.New(fault.NotWritable, "out", "%s is a folder", path).WithHint("Name a file, as in result.mp4.")
	}
	part := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:10]+".part")
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666) //nolint:gosec // the user's umask says who may read
	if err != nil {
		return nil, outFault(path, err)
	}
	st, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(part)
		return nil, outFault(path, err)
	}
	return &output{path: path, part: part, mode: st.Mode().Perm()}, nil
}

// keep moves the result into place.
func (o *output) keep(ctx context.Context, blobs *blob.Store, key string) error {
	if err := os.Remove(o.part); err != nil {
		return outFault(o.path, err)
	}
	if err := blobs.Get(ctx, key, o.part); err != nil {
		return outFault(o.path, err)
	}
	if err := os.Chmod(o.part, o.mode); err != nil {
		return outFault(o.path, err)
	}
	if err := os.Rename(o.part, o.path); err != nil {
		return outFault(o.path, err)
	}
	return nil
}

// discard removes what is not whole. After keep it does nothing.
func (o *output) discard() { os.Remove(o.part) }

func outFault(path string, err error) error {
	if f := fault.From(err); f.Code != fault.Internal {
		return f.WithParam("out")
	}
	text := "the output cannot be written"
	if errors.Is(err, os.ErrNotExist) {
		text = fmt.Sprintf("there is no folder %s", filepath.Dir(path))
	}
	return fault.New(fault.NotWritable, "out", "%s", text).WithHint("Choose another file or folder.").WithCause(err)
}
