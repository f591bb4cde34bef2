package infer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/twinsync/twinsync/fault"
)

// CheckStep is one thing that was looked at, and what is wrong with it.
type CheckStep struct {
	What string
	Err  error // nil: it is right
}

// Check looks at everything that a network of the store needs, and goes on after a fault where it can: licence, each
// file's size and digest, names, shapes and types of all tensors against the card, the embedding matrix, other
// networks that it needs; with run, it also computes once.
//
// The error is that of a card which cannot be read, or of a canceled ctx; faults are in the steps.
func (s *Store) Check(ctx context.Context, r *Runtime, name string, run bool) ([]CheckStep, error) {
	in, err := s.Get(name)
	if err != nil {
		return nil, err
	}
	steps := []CheckStep{{fmt.Sprintf("licence %s", in.Card.Licence.ID), s.allowed(in.Card, in.Record.Accepted)}}
	for _, f := range in.Card.Files {
		steps = append(steps, CheckStep{"file " + f.Name, s.verify(ctx, in, f)})
	}
	for _, need := range in.Card.Needs() {
		_, err := s.Load(ctx, need)
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "embedding", "the network needs %s, which is not ready", need).WithCause(err).
				WithHint("Add it too: twinsync models pull %s.", need)
		}
		steps = append(steps, CheckStep{"needs " + need, err})
	}
	return append(steps, in.Card.checkFolder(ctx, r, in.Dir, run)...), ctx.Err()
}

// CheckCard is Check for a card that is in no store, its files being in a folder; only what is there is
// looked at. network is the path of the network's file where it has another name, or "".
func CheckCard(ctx context.Context, r *Runtime, c ModelCard, dir, network string, run bool) ([]CheckStep, error) {
	var steps []CheckStep
	if network != "" {
		dir = filepath.Dir(network)
		c.Files = slices.Clone(c.Files)
		for i := range c.Files {
			if c.Files[i].Role == NetworkFile {
				c.Files[i].Name = filepath.Base(network)
			}
		}
	}
	for _, f := range c.Files {
		got, size, err := fileDigest(ctx, filepath.Join(dir, f.Name))
		switch {
		case err != nil:
		case f.Size != 0 && size != f.Size:
			err = fault.New(fault.Conflict, "files", "the file is %d bytes long, the card says %d", size, f.Size)
		case f.SHA256 != "" && got != f.SHA256:
			err = fault.New(fault.Conflict, "files", "the file has the SHA-256 %s, the card says %s", got, f.SHA256)
		}
		steps = append(steps, CheckStep{"file " + f.Name, err})
	}
	return append(steps, c.checkFolder(ctx, r, dir, run)...), ctx.Err()
}

// checkFolder looks into the files that are in a folder.
func (c ModelCard) checkFolder(ctx context.Context, r *Runtime, dir string, run bool) []CheckStep {
	network := filepath.Join(dir, c.Network().Name)
	if _, err := os.Stat(network); errors.Is(err, fs.ErrNotExist) {
		return nil // told already
	}
	var steps []CheckStep
	if e := c.Embedding; e != nil && e.Transform == TransformMatrix {
		_, err := c.Matrix(dir)
		steps = append(steps, CheckStep{"embedding matrix 512×512", err})
	}
	if f, ok := c.File(ConverterFile); ok {
		steps = append(steps, checkNetwork(ctx, r, filepath.Join(dir, f.Name), c.converter(f), "converter", run)...)
	}
	return append(steps, checkNetwork(ctx, r, network, c, "network", run)...)
}

// checkNetwork opens a file as its card describes it and, with run, computes once.
func checkNetwork(ctx context.Context, r *Runtime, path string, c ModelCard, what string, run bool) []CheckStep {
	g, err := openGraph(path)
	if err != nil {
		return []CheckStep{{what, err}}
	}
	if err := g.checkExternal(c); err != nil {
		return []CheckStep{{what + "'s weights", err}}
	}
	b, err := bind(c, g)
	if err != nil {
		return []CheckStep{{what + "'s tensors", err}}
	}
	var steps []CheckStep
	for _, side := range []struct {
		name string
		all  []boundTensor
	}{{"input", b.inputs}, {"output", b.outputs}} {
		for _, t := range side.all {
			steps = append(steps, CheckStep{fmt.Sprintf("%s's %s %s is %s %s", what, side.name, t.Name, t.element, shapeText(t.Shape)), nil})
		}
	}
	n, err := r.OpenFile(path, c)
	steps = append(steps, CheckStep{what + " loads", err})
	if err != nil {
		return steps
	}
	if run {
		steps = append(steps, CheckStep{fmt.Sprintf("%s computes with %s", what, n.Provider()), n.try(ctx)})
	}
	if err := n.Close(); err != nil {
		steps = append(steps, CheckStep{what + " closes", err})
	}
	return steps
}

// try computes once from a smooth pattern and wants numbers.
func (n *Network) try(ctx context.Context) error {
	in, out := n.Buffers()
	for i, spec := range n.card.Inputs {
		for k := range in[i] {
			in[i][k] = float32(0.5 * math.Sin(0.37*float64(k)))
		}
		if spec.Role == RoleWeight || spec.Role == RoleMorph {
			for k := range in[i] {
				in[i][k] = float32(spec.Value)
			}
		}
	}
	if err := n.Run(ctx, in, out); err != nil {
		return err
	}
	for i, t := range n.outputs {
		if slices.ContainsFunc(out[i], func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }) {
			return fault.New(fault.Unsupported, "file", "output %s holds what is no number", t.Name).
				WithHint("With weights of 16 bits, try a file of 32 bits or another provider.")
		}
	}
	return nil
}
