package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/internal/server"
	"github.com/twinsync/twinsync/internal/task"
)

// accountsBucket is where customers, keys and the audit are kept.
const accountsBucket = "accounts"

// ServeRequest is what `twinsync serve` asks for.
type ServeRequest struct {
	Config  config.Config
	Welcome bool      // make the first key and print how to begin
	Out     io.Writer // for the welcome
	Log     io.Writer
}

// service is everything that serve holds open.
type service struct {
	cfg      config.Config
	log      *slog.Logger
	engine   *jetstream.Server // nil with an external cluster
	store    *jetstream.Store
	blobs    *blob.Store
	accounts *account.Accounts
	dispatch *dispatch.Dispatcher
	http     *server.Server
	workers  *crew
}

// Serve runs the service until ctx ends.
func Serve(ctx context.Context, req ServeRequest) (err error) {
	cfg := req.Config
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
	if err := checkNetworks(ctx, cfg); err != nil {
		return err
	}
	s := &service{cfg: cfg, log: log}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.http.Start(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.dispatch.Run(gctx) })
	g.Go(func() error { return s.http.Run(gctx) })
	g.Go(func() error { return s.workers.run(gctx) })
	g.Go(func() error { return s.sweep(gctx) })
	select {
	case <-s.dispatch.Ready():
	case <-gctx.Done():
		return g.Wait()
	}
	a := s.http.Addresses()
	log.Info("ready", "api", a.API.String(), "results", a.Results.String(), "data", cfg.Data)
	if req.Welcome {
		if err := s.welcome(ctx, req.Out); err != nil {
			stop() // what runs must end before the stores are closed
			return errors.Join(err, g.Wait())
		}
	}
	return g.Wait()
}

// open opens the engine, the stores and the server, in this order.
func (s *service) open(ctx context.Context) (err error) {
	if s.cfg.NATS == "" {
		s.engine, err = jetstream.StartEmbedded(filepath.Join(s.cfg.Data, "nats"), jetstream.EmbeddedOptions{Listen: true, Log: s.log})
		if err != nil {
			return err
		}
		s.store, err = s.engine.Open(ctx)
	} else {
		s.store, err = jetstream.Open(ctx, jetstream.Options{URL: s.cfg.NATS, Name: "service", Log: s.log})
	}
	if err != nil {
		return err
	}
	if s.blobs, err = blob.Open(ctx, blobURL(s.cfg)); err != nil {
		return err
	}
	bucket, err := s.store.Bucket(ctx, accountsBucket)
	if err != nil {
		return err
	}
	s.accounts, err = account.New(account.Config{Store: bucket, Limits: account.Limits{
		RequestsPerMinute: s.cfg.RequestsPerMinute, TasksInFlight: s.cfg.TasksInFlight,
	}})
	if err != nil {
		return err
	}
	d := dispatch.DefaultConfig()
	d.Sole, d.OnExpired, d.Log = s.engine != nil, s.expire, s.log
	if s.dispatch, err = dispatch.New(ctx, s.store, d); err != nil {
		return err
	}
	s.workers = s.newCrew()
	s.http, err = server.New(s.serverConfig())
	return err
}

func (s *service) serverConfig() server.Config {
	c := server.DefaultConfig()
	c.Listen, c.ResultsListen, c.PublicURL = s.cfg.Listen, s.cfg.ResultsListen, s.cfg.PublicResultsURL
	c.SamplesDir, c.ControlDir = s.cfg.Samples, s.cfg.Data
	c.AllowNetworks = s.cfg.Networks()
	c.MaxBody, c.MaxRequests, c.Retention = int64(s.cfg.MaxBody), s.cfg.MaxRequests, s.cfg.Retention
	c.Tasks, c.Accounts, c.Keys = s.dispatch, s.accounts, s.accounts
	c.NewSwap, c.NewTalk, c.OpenResult, c.Ready = s.newSwap, s.newTalk, s.openResult, s.ready
	c.TaskCounts = func() map[task.State]int { return s.dispatch.Stats().Tasks }
	c.Version, c.Log = Version(), s.log
	return c
}

// close lets go of what open opened, in the opposite order.
func (s *service) close() error {
	var errs []error
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	return errors.Join(errs...)
}

// newSwap makes the queued task of a request to the fixed contract.
func (s *service) newSwap(_ context.Context, o server.SwapOrder) (task.Task, error) {
	spec := pipeline.DefaultSwap(source(o.Image), source(o.Video))
	spec.Engine = engineOf(s.cfg)
	order, err := pipeline.Order(spec)
	if err != nil {
		return task.Task{}, err
	}
	return s.newTask(order, o.Key)
}

// newTalk is newSwap for speech.
func (s *service) newTalk(_ context.Context, o server.TalkOrder) (task.Task, error) {
	say := pipeline.Say{Text: o.Text, Language: o.Language, Voice: o.Voice}
	if o.Text == "" {
		audio := source(o.Audio)
		say = pipeline.Say{Audio: &audio, Language: o.Language}
	}
	order, err := pipeline.TalkOrder(pipeline.DefaultTalk(source(o.Video), say))
	if err != nil {
		return task.Task{}, err
	}
	return s.newTask(order, o.Key)
}

// source is an input of a request.
func source(i server.Input) pipeline.Source {
	return pipeline.Source{Field: i.Field, URL: i.URL, Sample: i.Sample, Result: i.Result}
}

// newTask makes the task of a customer's order.
func (s *service) newTask(order task.Order, key account.Key) (task.Task, error) {
	now := time.Now()
	order.Customer, order.KeyID = key.Customer, key.ID
	if s.cfg.Retention > 0 {
		order.ExpiresAt = now.Add(s.cfg.Retention)
	}
	return task.New(order, now)
}

func (s *service) openResult(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return s.blobs.NewReader(ctx, key)
}

// ready says why no task can be taken.
func (s *service) ready(context.Context) error {
	select {
	case <-s.dispatch.Ready():
	default:
		return fault.New(fault.Unavailable, "", "the service is starting")
	}
	return nil
}

// expire removes the outputs of a task before its record goes.
func (s *service) expire(ctx context.Context, t task.Task) error {
	t, err := s.dispatch.Get(ctx, t.ID) // what is passed may be a summary
	if err != nil {
		return err
	}
	for _, key := range pipeline.KeptAnalyses(t) {
		if err := s.blobs.Delete(ctx, key); err != nil {
			return err
		}
	}
	if err := s.blobs.DeletePrefix(ctx, pipeline.ResultPrefix(t)); err != nil {
		return err
	}
	return s.blobs.DeletePrefix(ctx, pipeline.TaskPrefix(t.ID))
}

// sweepBack is how far back tasks are swept again at the start, because the service may have
// stopped between their end and their sweeping.
const sweepBack = 7 * 24 * time.Hour

// sweep removes what only running tasks needed and keeps the audit of finished ones.
func (s *service) sweep(ctx context.Context) error {
	ended := s.dispatch.Subscribe(func(t task.Task) bool { return t.State.Final() })
	defer ended.Close()
	select {
	case <-s.dispatch.Ready():
	case <-ctx.Done():
		return nil
	}
	s.sweepOld(ctx)
	for {
		t, err := ended.Next(ctx)
		if err != nil {
			return nil // the service ends; what is left is swept at the next start
		}
		s.finish(ctx, t.ID)
	}
}

// sweepOld sweeps the tasks that ended when nobody was there to do it.
func (s *service) sweepOld(ctx context.Context) {
	f := dispatch.Filter{Limit: 1000}
	for ctx.Err() == nil {
		page := s.dispatch.List(f)
		for _, t := range page {
			if t.State.Final() && time.Since(t.FinishedAt) < sweepBack {
				s.finish(ctx, t.ID)
			}
		}
		if len(page) < f.Limit {
			return
		}
		f.Before = page[len(page)-1].ID
	}
}

// finish sweeps one task. What fails is logged and tried again at the next start.
func (s *service) finish(ctx context.Context, id task.ID) {
	t, err := s.dispatch.Get(ctx, id)
	if err == nil {
		err = s.blobs.DeletePrefix(ctx, pipeline.TaskPrefix(id))
	}
	if err == nil {
		err = s.accounts.Record(ctx, account.Finished(t, pipeline.Digests(t)))
	}
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
		s.log.Warn("a finished task is not swept", "task", id, "error", err)
	}
}

// blobURL is where files are kept: in the data folder unless a store is named.
func blobURL(c config.Config) string {
	if c.Blob != "" {
		return c.Blob
	}
	return filepath.Join(c.Data, "files")
}

// dataFolder is the data folder as an absolute path, made for its owner alone.
func dataFolder(c config.Config) (string, error) {
	dir, err := c.DataDir()
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", fault.New(fault.NotWritable, "data", "the data folder cannot be found").WithHint("Name one with --data.").WithCause(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fault.New(fault.NotWritable, "data", "the data folder %s cannot be made", dir).WithHint("Name another with --data.").WithCause(err)
	}
	return dir, nil
}

// newLog writes text lines of at least this level.
func newLog(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fault.New(fault.InvalidField, "log-level", "%q is no level", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}
