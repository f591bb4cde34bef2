package app

import (
	"context"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/swap"
)

// engineOf is the engine that the operator has chosen.
func engineOf(c config.Config) pipeline.Engine {
	if c.Engine != swap.EngineONNX {
		return pipeline.Engine{}
	}
	return pipeline.Engine{
		Name: c.Engine, Model: c.Model, Enhancer: c.Enhancer, Occluder: c.Occluder, Parser: c.Parser, Boost: c.PixelBoost,
	}
}

// checkNetworks says at the start what every task would say: that a network of the operator's choice cannot
// be used here.
func checkNetworks(ctx context.Context, c config.Config) error {
	e := engineOf(c)
	if e.Name == "" {
		return nil
	}
	store, err := ModelStore(c)
	if err != nil {
		return err
	}
	for _, n := range []struct{ setting, name string }{
		{"model", e.Model}, {"enhancer", e.Enhancer}, {"occluder", e.Occluder}, {"parser", e.Parser},
	} {
		if n.name == "" {
			continue
		}
		in, err := store.Load(ctx, n.name)
		for _, need := range in.Card.Needs() {
			if err == nil {
				_, err = store.Load(ctx, need)
			}
		}
		if err != nil {
			f := *fault.From(err)
			f.Param = n.setting
			return &f
		}
	}
	return nil
}
