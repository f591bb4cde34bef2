package swap

import (
	"context"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// leastLandmarkScore is the share of a landmarker's full score below which its points are not believed and the
// mesh's are taken (FaceFusion's limit).
const leastLandmarkScore = .5

// points are the five points of a face in a frame: the mesh's, which are smoothed over time, or those of a
// landmarker, which sees each frame alone.
func (n *Networks) points(ctx context.Context, f *pix.Frame, o *face.Observation) (infer.FivePoints, error) {
	own := patch.FivePoints(&o.Mesh)
	net := n.Landmarker
	if net == nil {
		return own, nil
	}
	card := net.Card()
	side := patch.Side(net, infer.RoleTarget)
	b := o.Mesh.Bounds()
	sq := pix.Square{
		X: b.X + b.W/2, Y: b.Y + b.H/2, Angle: o.Pose.Roll,
		Side: max(b.W, b.H) * float32(float64(side)/card.Decoder.Box),
	}
	if !(sq.Side > 1) {
		return own, nil
	}
	target, _ := card.Input(infer.RoleTarget)
	in := make([]float32, patch.InputLen(net, infer.RoleTarget))
	patch.Encode(in, patch.Cut(f, sq, side), target)
	out, err := patch.Run(ctx, net, 1, map[infer.Role][]float32{infer.RoleTarget: in})
	if err != nil {
		return own, err
	}
	p, score, err := decodeLandmarks(card, out)
	if err != nil || !(score >= leastLandmarkScore) {
		return own, err
	}
	for i := range p {
		v := sq.ToFrame(side, pix.Vec2{X: p[i].X * float32(side), Y: p[i].Y * float32(side)})
		if !(v.X > -1e5 && v.X < 1e5 && v.Y > -1e5 && v.Y < 1e5) {
			return own, nil
		}
		p[i] = v
	}
	return fiveOf68(p), nil
}

// decodeLandmarks reads 68 points as shares of the picture's side, and how sure the network is, 1 being the
// card's full score.
func decodeLandmarks(card infer.ModelCard, out [][]float32) (p [68]pix.Vec2, score float32, err error) {
	raw := out[card.OutputIndex(infer.RolePoints)]
	if len(raw) != 3*68 {
		return p, 0, fault.New(fault.Unsupported, "landmarker", "%s gives %d numbers, not 68 points of three", card.Name, len(raw))
	}
	grid := float32(card.Decoder.Grid)
	for i := range p {
		p[i] = pix.Vec2{X: raw[3*i] / grid, Y: raw[3*i+1] / grid}
	}
	sum := float32(0)
	switch card.Decoder.Name {
	case infer.DecodeFAN: // the mean of the heatmaps' maxima
		maps := out[card.OutputIndex(infer.RoleHeatmaps)]
		if len(maps) == 0 || len(maps)%68 != 0 {
			return p, 0, fault.New(fault.Unsupported, "landmarker", "%s gives heatmaps of %d numbers, not of 68 points", card.Name, len(maps))
		}
		each := len(maps) / 68
		for i := range p {
			best := maps[i*each]
			for _, v := range maps[i*each : (i+1)*each] {
				best = max(best, v)
			}
			sum += best
		}
	default: // infer.DecodeScoredPoints
		for i := range p {
			sum += raw[3*i+2]
		}
	}
	return p, sum / 68 / float32(card.Decoder.FullScore), nil
}

// fiveOf68 are the points of templates among the 68: the middle of each eye's contour, the nose tip and the
// corners of the mouth.
func fiveOf68(p [68]pix.Vec2) infer.FivePoints {
	middle := func(first, last int) (c [2]float64) {
		for _, v := range p[first : last+1] {
			c[0] += float64(v.X) / float64(last-first+1)
			c[1] += float64(v.Y) / float64(last-first+1)
		}
		return c
	}
	return infer.FivePoints{middle(36, 41), middle(42, 47), middle(30, 30), middle(48, 48), middle(54, 54)}
}

// checkLandmarker refuses landmarkers that read no picture.
func checkLandmarker(n *infer.Network) error {
	if n == nil {
		return nil
	}
	switch d := n.Card().Decoder; {
	case d == nil || d.Name != infer.DecodeFAN && d.Name != infer.DecodeScoredPoints:
		return fault.New(fault.InvalidField, "landmarker", "%s does not find points in a picture", n.Card().Name).
			WithHint("Name a landmarker with the decoder %s or %s.", infer.DecodeFAN, infer.DecodeScoredPoints)
	}
	return nil
}
