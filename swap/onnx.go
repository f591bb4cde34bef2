package swap

import (
	"context"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// EngineONNX runs a published network, described by a model card: Options.Networks.
//
// Per face and frame: the mesh's five points are laid on the network's template, the square around the
// face is cut out at the network's size (times the pixel boost), the network makes the other person's
// face of it, an enhancer may make that sharper, and it is laid over the frame where all masks
// agree. What is not masked keeps its samples to the bit. When to leave a face as filmed is decided as for
// "mesh", and what the analysis sees in front of a face stays in front.
const EngineONNX = "onnx"

// onnxEngine swaps the faces of one track.
type onnxEngine struct {
	networks *Networks
	source   *networkSource
	options  Options
	target   *target // what lies in front is seen by; nil when the track shows too little of the face
	curve    *pix.Curve
	light    *lightGrid
}

// newONNXEngine prepares a track for frames of this colour.
func newONNXEngine(t *face.Track, id *Identity, o Options, c pix.Colour) *onnxEngine {
	e := &onnxEngine{networks: o.Networks, source: id.network, options: o, curve: pix.NewCurve(c.Transfer)}
	if g, ok := newTarget(t, e.curve); ok {
		e.target = g
		e.light = &lightGrid{weight: pix.NewMap(lightSide, lightSide)}
		pix.Resample(e.light.weight, g.weight)
	}
	return e
}

// look implements engine.
func (e *onnxEngine) look(f *pix.Frame, o *face.Observation) *view {
	if e.target == nil {
		return &view{seen: 1}
	}
	return e.target.measure(f, o, e.curve, e.light)
}

// draw implements engine.
func (e *onnxEngine) draw(ctx context.Context, f *pix.Frame, o *face.Observation, l *light, weight float32) error {
	weight *= e.options.Strength
	if weight <= 0 {
		return nil
	}
	n := e.networks
	points, err := n.points(ctx, f, o)
	if err != nil {
		return err
	}
	sq, ok := patch.Align(n.templates, points, n.side)
	if !ok || patch.SquareBox(sq, f.Bounds()).Empty() {
		return nil
	}
	source, err := e.sourceFor(ctx, f, o)
	if err != nil {
		return err
	}
	swapped, masks, err := n.swap(ctx, patch.Cut(f, sq, n.side*n.boost), source)
	if err != nil {
		return err
	}
	p := &patch.Patch{Picture: swapped, Square: sq, Weight: weight}
	for _, m := range masks {
		p.Masks = append(p.Masks, patch.Shade{Map: m, Square: sq})
	}
	p.Masks = append(p.Masks, patch.Shade{Map: n.box, Square: sq})
	if area := n.Swapper.Card().Mask.Area; area != "" {
		p.Masks = append(p.Masks, patch.Shade{Map: patch.AreaMask(area, &o.Mesh, sq, n.side*n.boost), Square: sq})
	}
	front, err := e.inFront(ctx, f, o, l, points, sq)
	if err != nil {
		return err
	}
	p.Masks = append(p.Masks, front...)
	if n.Parser != nil {
		s, err := n.parse(ctx, f, p, points, sq)
		if err != nil {
			return err
		}
		p.Masks = append(p.Masks, s)
	}
	patches := []*patch.Patch{p}
	if n.Enhancer != nil {
		q, err := n.enhance(ctx, f, p, points, sq)
		if err != nil {
			return err
		}
		// What lies in front of the face is not the enhancer's business either.
		q.Masks = append(q.Masks, front...)
		patches = append(patches, q)
	}
	patch.Lay(f, patches, e.target != nil && e.target.grey)
	return nil
}

// sourceFor is the swapper's source for one frame: pushed away from the face that is there, if asked for.
func (e *onnxEngine) sourceFor(ctx context.Context, f *pix.Frame, o *face.Observation) ([]float32, error) {
	n := e.networks
	if n.Away == 0 || e.source.role != infer.RoleSourceEmbedding {
		return e.source.values, nil
	}
	own, err := Embedding(ctx, n.Recogniser, f, &o.Mesh)
	if err != nil {
		return nil, err
	}
	if own, err = n.transform(ctx, own); err != nil {
		return nil, err
	}
	return pushed(e.source.values, own, n.Away), nil
}

// mostAtOnce is how many tiles of a pixel boost run at once at most: enough to fill a graphics processor, and its
// memory holds so many pictures of the largest networks.
const mostAtOnce = 16

// swap runs the swapper on an aligned picture of side·boost pixels. masks are the network's own, if its card
// wants them used.
func (n *Networks) swap(ctx context.Context, p *pix.RGB, source []float32) (swapped *pix.RGB, masks []pix.Map, err error) {
	card := n.Swapper.Card()
	target, _ := card.Input(infer.RoleTarget)
	tiles := apart(p, n.boost)
	most := mostAtOnce
	if !n.Swapper.Batch() {
		most = 1
	}
	size := patch.InputLen(n.Swapper, infer.RoleTarget)
	made := make([]*pix.RGB, 0, len(tiles))
	own := make([]pix.Map, 0, len(tiles))
	for first := 0; first < len(tiles); first += most {
		each := min(most, len(tiles)-first)
		in := make([]float32, each*size)
		for k, t := range tiles[first : first+each] {
			patch.Encode(in[k*size:(k+1)*size], t, target)
		}
		inputs := map[infer.Role][]float32{infer.RoleTarget: in}
		for range each {
			for _, r := range []infer.Role{infer.RoleSourceEmbedding, infer.RoleSourceImage} {
				if _, wants := card.Input(r); wants {
					inputs[r] = append(inputs[r], source...)
				}
			}
		}
		out, err := patch.Run(ctx, n.Swapper, each, inputs)
		if err != nil {
			return nil, nil, err
		}
		for k := range each {
			i := card.OutputIndex(infer.RoleImage)
			made = append(made, patch.Decode(part(out[i], k, each), card.Outputs[i]))
			if rule := card.Mask.Network; rule != nil {
				masks, err := ownMasks(card, out, k, each)
				if err != nil {
					return nil, nil, err
				}
				own = append(own, networkMask(masks, *rule))
			}
		}
	}
	for _, t := range made {
		if t.W == 0 || t.W != made[0].W {
			return nil, nil, noSquare("model", card.Name)
		}
	}
	return together(made, n.boost), meanMask(own), nil
}

// part is the numbers of picture k of count.
func part(all []float32, k, count int) []float32 {
	n := len(all) / count
	return all[k*n : (k+1)*n]
}

// ownMasks are the masks that the network gave for picture k of count.
func ownMasks(card infer.ModelCard, out [][]float32, k, count int) (masks []pix.Map, err error) {
	for i, o := range card.Outputs {
		if o.Role == infer.RoleMask || o.Role == infer.RoleTargetMask {
			m := patch.DecodeMask(part(out[i], k, count), o)
			if m.W == 0 || len(masks) > 0 && m.W != masks[0].W {
				return nil, noSquare("model", card.Name)
			}
			masks = append(masks, m)
		}
	}
	return masks, nil
}

// noSquare: where a file leaves the size of an output open, only a run shows that it is not what was meant.
func noSquare(param, name string) error {
	return fault.New(fault.Unsupported, param, "%s does not give a square picture", name).
		WithHint("Check its card with 'twinsync models check %s'.", name)
}

// meanMask is the mean of the masks of all tiles: each saw the whole face.
func meanMask(all []pix.Map) []pix.Map {
	if len(all) == 0 {
		return nil
	}
	m := pix.NewMap(all[0].W, all[0].H)
	for _, o := range all {
		for i, v := range o.Pix {
			m.Pix[i] += v / float32(len(all))
		}
	}
	return []pix.Map{m}
}

// inFront are the masks of what lies in front of the face: an occluder's, or what the engine itself sees.
func (e *onnxEngine) inFront(ctx context.Context, f *pix.Frame, o *face.Observation, l *light, points infer.FivePoints, sq pix.Square) ([]patch.Shade, error) {
	net := e.networks.Occluder
	if net == nil {
		if l == nil || len(l.object.Pix) == 0 {
			return nil, nil
		}
		return []patch.Shade{{Map: objectMask(l.object, &o.Mesh, sq), Square: sq}}, nil
	}
	at, err := squareOf(net, points, sq)
	if err != nil {
		return nil, err
	}
	raw, out, err := picture(ctx, net, patch.Cut(f, at, patch.Side(net, infer.RoleTarget)), infer.RoleMask)
	if err != nil {
		return nil, err
	}
	m := patch.DecodeMask(raw, out)
	if m.W == 0 {
		return nil, noSquare("occluder", net.Card().Name)
	}
	return []patch.Shade{{Map: patch.Softened(m, net.Card().Mask), Square: at}}, nil
}

// parse finds the parts of the swapped face that are kept.
func (n *Networks) parse(ctx context.Context, f *pix.Frame, p *patch.Patch, points infer.FivePoints, sq pix.Square) (patch.Shade, error) {
	at, err := squareOf(n.Parser, points, sq)
	if err != nil {
		return patch.Shade{}, err
	}
	side := patch.Side(n.Parser, infer.RoleTarget)
	seen := patch.Cut(f, at, side)
	whole := *p
	whole.Masks, whole.Weight = nil, 1 // the parser judges the network's whole picture
	whole.Paint(seen, at)
	raw, out, err := picture(ctx, n.Parser, seen, infer.RoleClasses)
	if err != nil {
		return patch.Shade{}, err
	}
	if len(raw) == 0 || len(raw)%(side*side) != 0 {
		return patch.Shade{}, noSquare("parser", n.Parser.Card().Name)
	}
	m := n.Parser.Card().Mask
	return patch.Shade{Map: patch.Softened(keptClasses(raw, side, out.Layout == infer.NHWC, m.Keep), m), Square: at}, nil
}

// enhance makes a sharper picture of the frame with the patch on it, at the enhancer's own template.
func (n *Networks) enhance(ctx context.Context, f *pix.Frame, p *patch.Patch, points infer.FivePoints, sq pix.Square) (*patch.Patch, error) {
	at, err := squareOf(n.Enhancer, points, sq)
	if err != nil {
		return nil, err
	}
	side := patch.Side(n.Enhancer, infer.RoleTarget)
	seen := patch.Cut(f, at, side)
	p.Paint(seen, at)
	raw, out, err := picture(ctx, n.Enhancer, seen, infer.RoleImage)
	if err != nil {
		return nil, err
	}
	sharp := patch.Decode(raw, out)
	if sharp.W == 0 {
		return nil, noSquare("enhancer", n.Enhancer.Card().Name)
	}
	return &patch.Patch{Picture: sharp, Square: at, Masks: []patch.Shade{{Map: n.enhancerBox, Square: at}}, Weight: p.Weight * float32(n.Blend) / 100}, nil
}
