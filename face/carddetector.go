package face

import (
	"context"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// WithDetector is m with a detector of a model card that helps to find faces: what it proposes joins
// what the detectors of this package propose wherever they look thoroughly, and the mesh network
// decides as ever. The card's network must stay open as long as the result is used.
//
// Errors: fault.InvalidField when the network is no detector.
func (m *Models) WithDetector(n *infer.Network) (*Models, error) {
	card := n.Card()
	if card.Kind != infer.Detector || card.Decoder == nil {
		return nil, fault.New(fault.InvalidField, "detector", "%s is no detector, but a %s", card.Name, card.Kind)
	}
	with := *m
	with.helper = &cardDetector{net: n, card: card, side: infer.Side(n.Inputs()[card.InputIndex(infer.RoleTarget)].Len(), 3)}
	return &with, nil
}

// cardDetector is a detector described by a card.
type cardDetector struct {
	net  *infer.Network
	card infer.ModelCard
	side int // pixels of its picture
}

// candidate is what a published detector says of a face, in pixels of its picture: opposite corners of the box, and
// the five points of templates.
type candidate struct {
	x0, y0, x1, y1 float32
	points         [5]pix.Vec2
	score          float32
}

// mostCandidates bounds what one picture is believed to show.
const mostCandidates = 256

// look appends what the detector finds in the whole frame. As these networks expect it, the frame lies in the upper
// left of the picture, the rest is black, and it is shrunk where it is larger but never enlarged.
func (d *cardDetector) look(ctx context.Context, l *lens, f *pix.Frame, found []detection) ([]detection, error) {
	n := d.side
	side := float32(max(f.W, f.H, n))
	sq := pix.Square{X: (side - 1) / 2, Y: (side - 1) / 2, Side: side}
	in := l.buffer(&l.picture, 3*n*n)
	l.sampler.Crop(in, f, sq, n, pix.SampleOptions{Hi: 255, Planar: true, Black: true})
	inputs, outputs := d.net.Buffers()
	d.card.Inputs[d.card.InputIndex(infer.RoleTarget)].Encode(inputs[d.card.InputIndex(infer.RoleTarget)],
		[3][]float32{in[:n*n], in[n*n : 2*n*n], in[2*n*n:]})
	if err := d.net.Run(ctx, inputs, outputs); err != nil {
		return nil, err
	}
	all, err := d.decode(outputs)
	if err != nil {
		return nil, err
	}
	for _, c := range strongest(all, float32(d.card.Decoder.Overlap)) {
		if x := c.detection(sq, n); x.plausible(sq) {
			found = append(found, x)
		}
	}
	return found, nil
}

// decode reads the outputs as the card's decoder says.
func (d *cardDetector) decode(outputs [][]float32) (all []candidate, err error) {
	least := float32(d.card.Decoder.Threshold)
	switch d.card.Decoder.Name {
	case infer.DecodeYOLOFace:
		return decodeYOLO(outputs[d.card.OutputIndex(infer.RoleRows)], least)
	case infer.DecodeSCRFD, infer.DecodeYuNet:
		for _, stride := range []int{8, 16, 32} {
			level := level{stride: stride, side: d.side, anchors: max(1, d.card.Decoder.Anchors)}
			for i, o := range d.card.Outputs {
				if o.Stride != stride {
					continue
				}
				switch o.Role {
				case infer.RoleScores:
					level.scores = outputs[i]
				case infer.RoleObjectness:
					level.objectness = outputs[i]
				case infer.RoleBoxes:
					level.boxes = outputs[i]
				case infer.RolePoints:
					level.points = outputs[i]
				}
			}
			found, err := level.decode(d.card.Decoder.Name == infer.DecodeYuNet, least)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	return nil, fault.New(fault.Unsupported, "detector", "%s has the decoder %q, which is none of detectors", d.card.Name, d.card.Decoder.Name)
}

// detection is a candidate in the frame. Detectors with five points know no ears; nothing here reads them.
func (c *candidate) detection(sq pix.Square, n int) detection {
	a, b := sq.ToFrame(n, pix.Vec2{X: c.x0, Y: c.y0}), sq.ToFrame(n, pix.Vec2{X: c.x1, Y: c.y1})
	d := detection{box: Box{a.X, a.Y, b.X - a.X, b.Y - a.Y}, score: c.score}
	for i, p := range c.points[:3] {
		d.keys[i] = sq.ToFrame(n, p)
	}
	mouth := pix.Vec2{X: (c.points[3].X + c.points[4].X) / 2, Y: (c.points[3].Y + c.points[4].Y) / 2}
	d.keys[3] = sq.ToFrame(n, mouth)
	d.keys[4], d.keys[5] = pix.Vec2{X: a.X, Y: d.keys[0].Y}, pix.Vec2{X: b.X, Y: d.keys[1].Y}
	return d
}

// plausible drops boxes that are none: networks may say anything.
func (d *detection) plausible(sq pix.Square) bool {
	inside := func(v float32) bool { return v > -4*sq.Side && v < 4*sq.Side }
	for _, k := range d.keys {
		if !inside(k.X) || !inside(k.Y) {
			return false
		}
	}
	return inside(d.box.X) && inside(d.box.Y) && d.box.W > 1 && d.box.H > 1 && d.box.W < 4*sq.Side && d.box.H < 4*sq.Side
}
