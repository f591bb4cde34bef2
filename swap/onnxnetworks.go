package swap

import (
	"context"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// NetworkSet is what the "onnx" engine works with: a swapper and what its card needs, and what the
// user adds to it. All stay the caller's, who closes them when no plan uses them any more.
type NetworkSet struct {
	Swapper    *infer.Network
	Recogniser *infer.Network // of the swapper's embedding rule
	Converter  *infer.Network // likewise, of a rule with transform converter
	Matrix     []float32      // likewise, of a rule with transform matrix: 512×512 row by row, see ModelCard.Matrix

	Enhancer *infer.Network // makes the swapped face sharper; nil for none
	Occluder *infer.Network // finds what lies in front of the face; nil: what the engine itself sees of it
	Parser   *infer.Network // keeps only parts of the swapped face; nil for none
	// Landmarker finds the points by which a face is aligned; nil: the mesh has them, steadier in time.
	Landmarker *infer.Network

	// Boost is the side in pixels at which a face is swapped, one of the swapper card's; 0 is the network's own.
	Boost int
	// Away pushes the identity away from the target's own (up to ½) or towards it (down to −½), where
	// the swapper's card allows it.
	Away float32
	// Blend is the percentage of the enhancer's picture that is used; 0 is its card's.
	Blend int
}

// Networks are a NetworkSet whose parts fit together. They are safe for use by any number of plans.
type Networks struct {
	NetworkSet
	side, boost int                // pixels of the swapper's picture, and how often it goes into Boost
	templates   []infer.FivePoints // of the swapper, in pixels
	box         pix.Map            // the swapper's box mask, without pixels when it has none
	enhancerBox pix.Map
}

// NewNetworks checks that the networks fit together.
//
// Errors: fault.MissingField and fault.InvalidField, the param being the flag at fault.
func NewNetworks(set NetworkSet) (*Networks, error) {
	n := &Networks{NetworkSet: set}
	if set.Swapper == nil {
		return nil, fault.New(fault.MissingField, "model", "no swapper is named").
			WithHint("Name one with --model; 'twinsync models list' shows them.")
	}
	for _, p := range []struct {
		net   *infer.Network
		kind  infer.ModelKind
		param string
	}{
		{set.Swapper, infer.Swapper, "model"}, {set.Recogniser, infer.Recogniser, "recogniser"}, {set.Converter, infer.Converter, "converter"},
		{set.Enhancer, infer.Enhancer, "enhancer"}, {set.Occluder, infer.Occluder, "occluder"}, {set.Parser, infer.Parser, "parser"},
		{set.Landmarker, infer.Landmarker, "landmarker"},
	} {
		if p.net != nil && p.net.Card().Kind != p.kind {
			return nil, fault.New(fault.InvalidField, p.param, "%s is no %s, but a %s", p.net.Card().Name, p.kind, p.net.Card().Kind)
		}
	}
	card := set.Swapper.Card()
	if err := n.checkEmbedding(card); err != nil {
		return nil, err
	}
	if err := checkLandmarker(set.Landmarker); err != nil {
		return nil, err
	}
	n.side = patch.Side(set.Swapper, infer.RoleTarget)
	n.boost = 1
	if set.Boost != 0 && set.Boost != n.side {
		if !slices.Contains(card.Boost, set.Boost) || set.Boost%n.side != 0 {
			return nil, fault.New(fault.InvalidField, "pixel-boost", "%s cannot be run at %d pixels", card.Name, set.Boost).
				WithHint("Its card allows %v; its own side is %d.", card.Boost, n.side)
		}
		n.boost = set.Boost / n.side
	}
	if !(set.Away >= -.5 && set.Away <= .5) {
		return nil, fault.New(fault.InvalidField, "weight", "must lie between 0 and 1")
	}
	if set.Away != 0 && (card.Embedding == nil || !card.Embedding.Slider) {
		return nil, fault.New(fault.InvalidField, "weight", "%s has no such slider", card.Name).WithHint("Leave --weight out.")
	}
	if set.Blend < 0 || set.Blend > 100 {
		return nil, fault.New(fault.InvalidField, "blend", "must lie between 0 and 100 percent")
	}
	n.templates = card.Template.At(n.side)
	n.box = patch.BoxOf(card, n.side*n.boost)
	if set.Enhancer != nil {
		n.enhancerBox = patch.BoxOf(set.Enhancer.Card(), patch.Side(set.Enhancer, infer.RoleTarget))
		if n.Blend == 0 {
			n.Blend = set.Enhancer.Card().Blend
		}
	}
	return n, nil
}

// checkEmbedding checks what the swapper's embedding rule needs.
func (n *Networks) checkEmbedding(card infer.ModelCard) error {
	e := card.Embedding
	if e == nil {
		return nil
	}
	const size = infer.EmbeddingSize
	missing := func(what string) error {
		return fault.New(fault.MissingField, "model", "%s needs %s", card.Name, what)
	}
	switch {
	case n.Recogniser == nil:
		return missing("the recogniser " + e.Recogniser)
	case e.Transform == infer.TransformConverter && n.Converter == nil:
		return missing("the converter of its embedding")
	case e.Transform == infer.TransformMatrix && len(n.Matrix) != size*size:
		return missing("the matrix of its embedding")
	}
	// What one gives the next must take.
	given, from := patch.OutputLen(n.Recogniser, infer.RoleEmbedding), n.Recogniser.Card().Name
	if e.Transform == infer.TransformMatrix {
		if given != size {
			return mismatch(from, given, "the matrix of "+card.Name, size)
		}
		given = size
	}
	if e.Transform == infer.TransformConverter {
		in := patch.InputLen(n.Converter, infer.RoleEmbedding)
		if given != in {
			return mismatch(from, given, "the converter "+n.Converter.Card().Name, in)
		}
		given, from = patch.OutputLen(n.Converter, infer.RoleEmbedding), n.Converter.Card().Name
	}
	if in := patch.InputLen(n.Swapper, infer.RoleSourceEmbedding); given != in {
		return mismatch(from, given, card.Name, in)
	}
	return nil
}

func mismatch(from string, given int, to string, wanted int) error {
	return fault.New(fault.InvalidField, "model", "%s gives an embedding of %d numbers, %s wants %d", from, given, to, wanted)
}

// picture runs a network on one picture and returns the output of a role.
func picture(ctx context.Context, n *infer.Network, p *pix.RGB, role infer.Role) ([]float32, infer.CardOutput, error) {
	c := n.Card()
	target, _ := c.Input(infer.RoleTarget)
	in := make([]float32, patch.InputLen(n, infer.RoleTarget))
	patch.Encode(in, p, target)
	out, err := patch.Run(ctx, n, 1, map[infer.Role][]float32{infer.RoleTarget: in})
	if err != nil {
		return nil, infer.CardOutput{}, err
	}
	i := c.OutputIndex(role)
	return out[i], c.Outputs[i], nil
}

// squareOf is where a network looks: at its template, or where it has none at fallback.
func squareOf(n *infer.Network, p infer.FivePoints, fallback pix.Square) (pix.Square, error) {
	c := n.Card()
	if !c.Template.Set() {
		return fallback, nil
	}
	side := patch.Side(n, infer.RoleTarget)
	sq, ok := patch.Align(c.Template.At(side), p, side)
	if !ok {
		return sq, errNoExtent()
	}
	return sq, nil
}

func errNoExtent() error {
	return fault.New(fault.FaceUnusable, "", "the points of the face lie in one place")
}

// Embedding is what a recogniser says of the face with this mesh, as the network gives it: not normalised.
func Embedding(ctx context.Context, recogniser *infer.Network, f *pix.Frame, m *face.Mesh) ([]float32, error) {
	sq, err := squareOf(recogniser, patch.FivePoints(m), pix.Square{})
	if err != nil {
		return nil, err
	}
	e, _, err := picture(ctx, recogniser, patch.Cut(f, sq, patch.Side(recogniser, infer.RoleTarget)), infer.RoleEmbedding)
	if err != nil {
		return nil, err
	}
	if l := norm(e); !(l > 0) || l > 1e30 {
		return nil, fault.New(fault.Unsupported, "recogniser", "%s gives no embedding of the face", recogniser.Card().Name)
	}
	return e, nil
}

// Reach is Reach for faces that these networks change: the hull of the squares that they draw over,
// and the chroma samples across its border. A Landmarker is not asked: where its points lie elsewhere than the
// mesh's, so does the square.
func (n *Networks) Reach(o *face.Observation) []pix.Vec2 {
	points := patch.FivePoints(&o.Mesh)
	sq, ok := patch.Align(n.templates, points, n.side)
	if !ok {
		return nil
	}
	squares := []pix.Square{sq}
	if n.Enhancer != nil {
		if at, err := squareOf(n.Enhancer, points, sq); err == nil {
			squares = append(squares, at)
		}
	}
	var corners []pix.Vec2
	for _, s := range squares {
		s.Side += 2 * 3 // pixels
		for _, c := range [4]pix.Vec2{{X: -.5, Y: -.5}, {X: .5, Y: -.5}, {X: -.5, Y: .5}, {X: .5, Y: .5}} {
			corners = append(corners, s.ToFrame(1, c))
		}
	}
	return patch.Hull(corners)
}
