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
	if e := in.Card.Embedding; e != nil {
		steps = append(steps, s.checkNeeds(ctx, in)...)
	}
	return append(steps, in.Card.checkFolder(ctx, r, in.Dir, run)...), ctx.Err()
}

// checkNeeds follows an embedding from the recogniser through the converter to the swapper: each must be there, of
// its kind, and take as many numbers as the one before gives.
func (s *Store) checkNeeds(ctx context.Context, in Installed) []CheckStep {
	type link struct {
		name string
		kind ModelKind
	}
	links := []link{{in.Card.Embedding.Recogniser, Recogniser}}
	if c := in.Card.Embedding.Converter; c != "" {
		links = append(links, link{c, Converter})
	}
	var steps []CheckStep
	numbers := 0 // that the embedding holds so far; 0 is not known
	for _, l := range links {
		takes, gives, err := s.checkNeed(ctx, l.name, l.kind)
		if err == nil && numbers != 0 && takes != 0 && takes != numbers {
			err = bad("embedding", "%s takes %d numbers, the one before it gives %d", l.name, takes, numbers)
		}
		numbers = gives
		steps = append(steps, CheckStep{"needs " + l.name, err})
	}
	if _, own := in.Card.File(ConverterFile); own || numbers == 0 {
		return steps
	}
	wants := 0
	if in.Card.Embedding.Transform == TransformMatrix {
		wants = EmbeddingSize
	} else if i := in.Card.InputIndex(RoleSourceEmbedding); i >= 0 {
		if b, err := in.bind(); err == nil { // a file that does not fit its card is told elsewhere
			wants = b.inputs[b.card.InputIndex(RoleSourceEmbedding)].Len()
		}
	}
	if wants != 0 && wants != numbers {
		steps = append(steps, CheckStep{"embedding", bad("embedding", "the network takes %d numbers, %s gives %d", wants, links[len(links)-1].name, numbers)})
	}
	return steps
}

// checkNeed loads another network and tells how many numbers of an embedding it takes and gives.
func (s *Store) checkNeed(ctx context.Context, name string, kind ModelKind) (takes, gives int, err error) {
	in, err := s.Load(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return 0, 0, fault.New(fault.NotFound, "embedding", "the network needs %s, which is not ready", name).WithCause(err).
			WithHint("Add it too: %s.", Obtain(name))
	}
	if err != nil {
		return 0, 0, err
	}
	if in.Card.Kind != kind {
		return 0, 0, bad("embedding", "%s is a %s, not a %s", name, in.Card.Kind, kind)
	}
	b, err := in.bind()
	if err != nil {
		return 0, 0, err
	}
	if kind == Converter {
		takes = b.inputs[0].Len()
	}
	return takes, b.outputs[0].Len(), nil
}

// bind holds a network's file against its card.
func (i Installed) bind() (*binding, error) {
	g, err := openGraph(i.Path(i.Card.Network()))
	if err != nil {
		return nil, err
	}
	return bind(i.Card, g)
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
	if c.Kind == Voice {
		return checkVoiceNetwork(ctx, r, path, c, g, run)
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
