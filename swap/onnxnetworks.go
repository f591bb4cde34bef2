package swap

import (
	"context"
	"slices"

	"github.com/twinsync/twinsync/face"
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
	n.side = pictureSide(set.Swapper, infer.RoleTarget)
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
	n.box = boxOf(card, n.side*n.boost)
	if set.Enhancer != nil {
		n.enhancerBox = boxOf(set.Enhancer.Card(), pictureSide(set.Enhancer, infer.RoleTarget))
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
	given, from := outputLen(n.Recogniser, infer.RoleEmbedding), n.Recogniser.Card().Name
	if e.Transform == infer.TransformMatrix {
		if given != size {
			return mismatch(from, given, "the matrix of "+card.Name, size)
		}
		given = size
	}
	if e.Transform == infer.TransformConverter {
		in := inputLen(n.Converter, infer.RoleEmbedding)
		if given != in {
			return mismatch(from, given, "the converter "+n.Converter.Card().Name, in)
		}
		given, from = outputLen(n.Converter, infer.RoleEmbedding), n.Converter.Card().Name
	}
	if in := inputLen(n.Swapper, infer.RoleSourceEmbedding); given != in {
		return mismatch(from, given, card.Name, in)
	}
	return nil
}

func mismatch(from string, given int, to string, wanted int) error {
	return fault.New(fault.InvalidField, "model", "%s gives an embedding of %d numbers, %s wants %d", from, given, to, wanted)
}

// boxOf is a card's box mask; without pixels when it has other masks but no box.
func boxOf(c infer.ModelCard, side int) pix.Map {
	b := c.Mask.Box
	if b == nil && c.Mask.Network == nil && c.Mask.Area == "" {
		b = customaryBox()
	}
	if b == nil {
		// Even a network's own mask may reach the edge, which must not show: one soft row of pixels.
		b = &infer.BoxMask{}
	}
	return boxMask(*b, side)
}

func inputLen(n *infer.Network, r infer.Role) int  { return n.Inputs()[n.Card().InputIndex(r)].Len() }
func outputLen(n *infer.Network, r infer.Role) int { return n.Outputs()[n.Card().OutputIndex(r)].Len() }

// pictureSide is the side in pixels of a network's input picture.
func pictureSide(n *infer.Network, r infer.Role) int {
	c := n.Card()
	i := c.InputIndex(r)
	return infer.Side(n.Inputs()[i].Len(), 3*max(1, len(c.Inputs[i].Channels)))
}

// runNetwork gives a network its inputs by role; numbers that the caller does not name take the card's value. The
// outputs come in the card's order, for count pictures.
func runNetwork(ctx context.Context, n *infer.Network, count int, inputs map[infer.Role][]float32) ([][]float32, error) {
	c := n.Card()
	in, out := make([][]float32, len(c.Inputs)), make([][]float32, len(c.Outputs))
	for i, t := range n.Inputs() {
		if in[i] = inputs[c.Inputs[i].Role]; in[i] != nil {
			continue
		}
		in[i] = make([]float32, count*t.Len())
		for k := range in[i] {
			in[i][k] = float32(c.Inputs[i].Value)
		}
	}
	for i, t := range n.Outputs() {
		if size := t.Len(); size > 0 {
			out[i] = make([]float32, count*size)
		}
	}
	if err := n.Run(ctx, in, out); err != nil {
		return nil, err
	}
	for i, o := range c.Outputs {
		if holdsNaN(out[i]) { // drawn, it would be black
			return nil, fault.New(fault.Unsupported, string(c.Kind), "%s gives a %s that holds what is no number", c.Name, o.Role).
				WithHint("With weights of 16 bits, try a file of 32 bits or another --provider.")
		}
	}
	return out, nil
}

func holdsNaN(values []float32) bool {
	return slices.ContainsFunc(values, func(v float32) bool { return v != v })
}

// picture runs a network on one picture and returns the output of a role.
func picture(ctx context.Context, n *infer.Network, p *pix.RGB, role infer.Role) ([]float32, infer.CardOutput, error) {
	c := n.Card()
	target, _ := c.Input(infer.RoleTarget)
	in := make([]float32, inputLen(n, infer.RoleTarget))
	encode(in, p, target)
	out, err := runNetwork(ctx, n, 1, map[infer.Role][]float32{infer.RoleTarget: in})
	if err != nil {
		return nil, infer.CardOutput{}, err
	}
	i := c.OutputIndex(role)
	return out[i], c.Outputs[i], nil
}

// cutOutSquare cuts a square out of a frame as SDR, 0…255, n×n pixels, on the scale of Frame.RGB: in full
// range its white is a little above 255 where samples have more than 8 bits.
func cutOutSquare(f *pix.Frame, sq pix.Square, n int) *pix.RGB {
	all := make([]float32, 3*n*n)
	white := float32(255)
	if f.Full && f.Transfer == pix.SDR {
		white = float32(int(1)<<f.Depth-1) / float32(int(1)<<(f.Depth-8))
	}
	new(pix.Sampler).Crop(all, f, sq, n, pix.SampleOptions{Hi: white, Planar: true})
	return &pix.RGB{W: n, H: n, C: [3][]float32{all[:n*n], all[n*n : 2*n*n], all[2*n*n:]}}
}

// squareOf is where a network looks: at its template, or where it has none at fallback.
func squareOf(n *infer.Network, p infer.FivePoints, fallback pix.Square) (pix.Square, error) {
	c := n.Card()
	if !c.Template.Set() {
		return fallback, nil
	}
	side := pictureSide(n, infer.RoleTarget)
	sq, ok := align(c.Template.At(side), p, side)
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
	sq, err := squareOf(recogniser, fivePoints(m), pix.Square{})
	if err != nil {
		return nil, err
	}
	e, _, err := picture(ctx, recogniser, cutOutSquare(f, sq, pictureSide(recogniser, infer.RoleTarget)), infer.RoleEmbedding)
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
	points := fivePoints(&o.Mesh)
	sq, ok := align(n.templates, points, n.side)
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
	return hull(corners)
}
