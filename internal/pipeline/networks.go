package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/swap"
)

// networkCache keeps the networks of the engine that was used last open, because all segments of a task, and
// often the next task, need the same. Networks are large: others are closed as soon as nobody uses them.
type networkCache struct {
	mu   sync.Mutex
	open map[Engine]*openNetworks
}

// openNetworks are networks in use by some segments, or waiting for the next.
type openNetworks struct {
	users    int
	networks *swap.Networks
	close    []func() error
}

// get opens an engine's networks, or finds them open. The caller calls release when it uses them no more.
func (c *networkCache) get(e Engine, open func() (*openNetworks, error)) (n *swap.Networks, release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.open[e]
	if o == nil {
		if err := c.closeIdle(); err != nil { // first, so that there is room
			return nil, nil, err
		}
		if o, err = open(); err != nil {
			return nil, nil, err
		}
		if c.open == nil {
			c.open = map[Engine]*openNetworks{}
		}
		c.open[e] = o
	}
	o.users++
	return o.networks, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		o.users--
	}, nil
}

// closeIdle closes what nobody uses. c.mu is held.
func (c *networkCache) closeIdle() error {
	var errs []error
	for e, o := range c.open {
		if o.users == 0 {
			errs = append(errs, o.closeAll())
			delete(c.open, e)
		}
	}
	return errors.Join(errs...)
}

// close closes all that are left, which nobody may use.
func (c *networkCache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closeIdle()
}

func (o *openNetworks) closeAll() error {
	var errs []error
	for _, f := range o.close {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// networks gives the networks of the task's engine, nil for the built-in one. They are this attempt's until
// it ends.
func (w *work) networks(ctx context.Context) (*swap.Networks, error) {
	e := w.spec.Engine
	if !e.onnx() {
		return nil, nil
	}
	n, release, err := w.r.networks.get(e, func() (*openNetworks, error) {
		defer w.breathe()() // hundreds of megabytes are read
		return w.r.openNetworks(ctx, e)
	})
	if err != nil {
		return nil, err
	}
	w.free = append(w.free, func() error { release(); return nil })
	return n, nil
}

// openNetworks opens all that an engine needs.
func (r *Runner) openNetworks(ctx context.Context, e Engine) (*openNetworks, error) {
	if r.cfg.Models == nil {
		return nil, fault.New(fault.Unsupported, "engine", "this installation has no place for networks")
	}
	if _, err := r.nets(); err != nil { // the runtime
		return nil, err
	}
	return e.open(ctx, r.runtime, r.cfg.Models, r.log)
}

// Open opens the engine's networks from a store, for use outside of tasks; none for the built-in engine. They
// must not be used after close.
func (e Engine) Open(ctx context.Context, rt *infer.Runtime, store *infer.Store) (n *swap.Networks, closeAll func() error, err error) {
	if !e.onnx() {
		return nil, func() error { return nil }, nil
	}
	o, err := e.open(ctx, rt, store, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	return o.networks, o.closeAll, nil
}

func (e Engine) open(ctx context.Context, rt *infer.Runtime, store *infer.Store, log *slog.Logger) (_ *openNetworks, err error) {
	o := &openNetworks{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.closeAll())
		}
	}()
	add := func(n *infer.Network, err error) (*infer.Network, error) {
		if n != nil {
			o.close = append(o.close, n.Close)
			log.Info("network loaded", "model", n.Card().Name, "provider", n.Provider())
		}
		return n, err
	}
	load := func(field, name string) (*infer.Network, error) {
		if name == "" {
			return nil, nil
		}
		n, err := add(store.Open(ctx, rt, name))
		return n, named(err, field)
	}
	set := swap.NetworkSet{Boost: e.Boost, Away: float32(e.Away), Blend: e.Blend}
	in, err := store.Load(ctx, e.Model)
	if err != nil {
		return nil, named(err, "model")
	}
	for _, p := range []struct {
		to          **infer.Network
		field, name string
	}{{&set.Swapper, "model", e.Model}, {&set.Enhancer, "enhancer", e.Enhancer}, {&set.Occluder, "occluder", e.Occluder}, {&set.Parser, "parser", e.Parser}, {&set.Landmarker, "landmarker", e.Landmarker}} {
		if *p.to, err = load(p.field, p.name); err != nil {
			return nil, err
		}
	}
	if rule := in.Card.Embedding; rule != nil {
		if set.Recogniser, err = load("model", rule.Recogniser); err != nil {
			return nil, err
		}
		if set.Converter, err = load("model", rule.Converter); err != nil {
			return nil, err
		}
		if set.Converter == nil {
			if set.Converter, err = add(in.OpenConverter(rt)); err != nil {
				return nil, named(err, "model")
			}
		}
		if set.Matrix, err = in.Matrix(); err != nil {
			return nil, named(err, "model")
		}
	}
	o.networks, err = swap.NewNetworks(set)
	return o, err
}

// named says which setting an error of the store is about.
func named(err error, field string) error {
	if err == nil {
		return nil
	}
	f := *fault.From(err)
	f.Param = field
	return &f
}

// openEngine finds out whether the task's networks can be used before anything costly is done.
func openEngine(ctx context.Context, w *work) error {
	if _, err := w.networks(ctx); err != nil || w.footage.Detector == "" {
		return err
	}
	_, err := w.watchers(ctx)
	return err
}
