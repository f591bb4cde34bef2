package swap

import (
	"context"
	"errors"
	"math"

	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// networkSource is a person as a swapper's card wants to see them.
type networkSource struct {
	model  string     // that it was made for: the card's name and the network's digest
	role   infer.Role // of the input; "" where the network holds its person itself
	values []float32
}

// Identity makes an identity for these networks from one or several photos of the same person. Embeddings
// are averaged by direction; a network that looks at a picture of the person gets the first photo. A
// network that was trained for one person needs no photo; those given are then not used, which the
// warning says. The identity serves plans with these networks only.
func (n *Networks) Identity(ctx context.Context, photos []Photo) (*Identity, []Warning, error) {
	card := n.Swapper.Card()
	_, image := card.Input(infer.RoleSourceImage)
	s := &networkSource{model: n.model()}
	id := &Identity{network: s}
	if card.Embedding == nil && !image {
		if len(photos) > 0 {
			return id, []Warning{{"photo_unused", "The network " + card.Name + " was trained for one person; the photo is not used."}}, nil
		}
		return id, nil, nil
	}
	if len(photos) == 0 {
		return nil, nil, fault.New(fault.MissingField, "photo", "no photo is given")
	}
	if image {
		var warn []Warning
		if len(photos) > 1 {
			warn = []Warning{{"photos_unused", "The network " + card.Name + " looks at one photo; the first is used."}}
		}
		var err error
		s.role = infer.RoleSourceImage
		s.values, err = n.sourcePicture(photos[0])
		return id, warn, err
	}
	var raw [][]float32
	for _, p := range photos {
		e, err := Embedding(ctx, n.Recogniser, p.Frame, p.Mesh)
		if err != nil {
			return nil, nil, err
		}
		raw = append(raw, e)
	}
	var err error
	s.role = infer.RoleSourceEmbedding
	s.values, err = n.transform(ctx, meanDirection(raw))
	return id, nil, err
}

// model names the swapper, so that identities outlive its closing and opening again.
func (n *Networks) model() string {
	c := n.Swapper.Card()
	return c.Name + " " + c.Network().SHA256
}

// fits tells whether the identity was made for the engine of these options.
func (id *Identity) fits(o Options) error {
	switch {
	case o.Engine != EngineONNX && id.network != nil:
		return errors.New("swap: an identity of networks is given to another engine")
	case o.Engine == EngineONNX && (id.network == nil || id.network.model != o.Networks.model()):
		return errors.New("swap: an identity was not made by these networks")
	}
	return nil
}

// sourcePicture is a photo as a network wants it that looks at a picture of the person.
func (n *Networks) sourcePicture(p Photo) ([]float32, error) {
	card := n.Swapper.Card()
	in, _ := card.Input(infer.RoleSourceImage)
	template := in.Template
	if !template.Set() {
		template = card.Template
	}
	side := patch.Side(n.Swapper, infer.RoleSourceImage)
	sq, ok := patch.Align(template.At(side), patch.FivePoints(p.Mesh), side)
	if !ok {
		return nil, errNoExtent()
	}
	values := make([]float32, patch.InputLen(n.Swapper, infer.RoleSourceImage))
	patch.Encode(values, patch.Cut(p.Frame, sq, side), in)
	return values, nil
}

// meanDirection is the mean of embeddings brought to length 1, with the mean of their lengths.
func meanDirection(all [][]float32) []float32 {
	sum := make([]float64, len(all[0]))
	length := 0.0
	for _, e := range all {
		l := norm(e)
		length += l / float64(len(all))
		for i, v := range e {
			sum[i] += float64(v) / l
		}
	}
	total := 0.0
	for _, v := range sum {
		total += v * v
	}
	out := make([]float32, len(sum))
	for i, v := range sum {
		out[i] = float32(v * length / max(math.Sqrt(total), 1e-12))
	}
	return out
}

// transform is the card's embedding rule (infer.EmbeddingRule) applied to a raw embedding.
func (n *Networks) transform(ctx context.Context, e []float32) ([]float32, error) {
	rule := n.Swapper.Card().Embedding
	if rule.Before {
		e = unit(e)
	}
	switch rule.Transform {
	case infer.TransformMatrix:
		e = timesMatrix(e, n.Matrix)
	case infer.TransformConverter:
		out, err := patch.Run(ctx, n.Converter, 1, map[infer.Role][]float32{infer.RoleEmbedding: e})
		if err != nil {
			return nil, err
		}
		e = out[n.Converter.Card().OutputIndex(infer.RoleEmbedding)]
	}
	if rule.After {
		e = unit(e)
	}
	if l := norm(e); !(l > 0) || l > 1e30 {
		return nil, fault.New(fault.Unsupported, "model", "the embedding of the photo vanishes on its way to %s", n.Swapper.Card().Name)
	}
	return e, nil
}

// timesMatrix is the row e times the matrix m, row by row.
func timesMatrix(e, m []float32) []float32 {
	sum := make([]float64, len(m)/len(e))
	for i, v := range e {
		for j, w := range m[i*len(sum) : (i+1)*len(sum)] {
			sum[j] += float64(v) * float64(w)
		}
	}
	out := make([]float32, len(sum))
	for j, v := range sum {
		out[j] = float32(v)
	}
	return out
}

// pushed is the source's embedding moved away from the target's, both as the swapper wants them:
// source·(1 − f) + target·f with f = −0.7·away, so that ±½ is ∓0.35.
func pushed(source, target []float32, away float32) []float32 {
	f := -.7 * away
	out := make([]float32, len(source))
	for i, s := range source {
		out[i] = s*(1-f) + target[i]*f
	}
	return out
}

func norm(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// unit is v brought to length 1; what has none stays.
func unit(v []float32) []float32 {
	l := norm(v)
	out := make([]float32, len(v))
	for i, x := range v {
		if l > 0 {
			out[i] = float32(float64(x) / l)
		}
	}
	return out
}
