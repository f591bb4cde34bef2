package patch

import (
	"context"
	"slices"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// InputLen is how many numbers a network's input of a role takes for one picture; the card must have it.
func InputLen(n *infer.Network, r infer.Role) int { return n.Inputs()[n.Card().InputIndex(r)].Len() }

// OutputLen is how many numbers an output of a role has for one picture, 0 where only a run tells; the card must have it.
func OutputLen(n *infer.Network, r infer.Role) int { return n.Outputs()[n.Card().OutputIndex(r)].Len() }

// Side is the side in pixels of a network's input picture.
func Side(n *infer.Network, r infer.Role) int {
	c := n.Card()
	i := c.InputIndex(r)
	return infer.Side(n.Inputs()[i].Len(), 3*max(1, len(c.Inputs[i].Channels)))
}

// Run gives a network its inputs by role; numbers that the caller does not name take the card's value. The
// outputs come in the card's order, for count pictures.
func Run(ctx context.Context, n *infer.Network, count int, inputs map[infer.Role][]float32) ([][]float32, error) {
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

// Cut cuts a square out of a frame as SDR, 0…255, n×n pixels, on the scale of Frame.RGB: in full
// range its white is a little above 255 where samples have more than 8 bits.
func Cut(f *pix.Frame, sq pix.Square, n int) *pix.RGB {
	all := make([]float32, 3*n*n)
	white := float32(255)
	if f.Full && f.Transfer == pix.SDR {
		white = float32(int(1)<<f.Depth-1) / float32(int(1)<<(f.Depth-8))
	}
	new(pix.Sampler).Crop(all, f, sq, n, pix.SampleOptions{Hi: white, Planar: true})
	return &pix.RGB{W: n, H: n, C: [3][]float32{all[:n*n], all[n*n : 2*n*n], all[2*n*n:]}}
}

// Encode writes a picture, gamma-coded 0…255, as a network's input wants it: the unsharp mask first, then
// infer.CardInput.Encode. dst is as long as the input.
func Encode(dst []float32, p *pix.RGB, in infer.CardInput) {
	in.Encode(dst, sharpened(p, in.Sharpen).C)
}

// sharpened is x + amount·(x − blur(x)), in 0…255.
func sharpened(p *pix.RGB, s infer.Sharpen) *pix.RGB {
	if s.Amount == 0 {
		return p
	}
	out := p.Clone()
	for c := range out.C {
		soft := p.Channel(c).Blurred(float32(s.Sigma))
		for i, v := range p.C[c] {
			out.C[c][i] = pix.Clamp(v+float32(s.Amount)*(v-soft.Pix[i]), 0, 255)
		}
	}
	return out
}

// Decode reads a picture from a network's output; one without pixels where it is no square.
func Decode(src []float32, out infer.CardOutput) *pix.RGB {
	c, side := out.Decode(src)
	return &pix.RGB{W: side, H: side, C: c}
}

// DecodeMask reads a mask, 0…1.
func DecodeMask(src []float32, out infer.CardOutput) pix.Map {
	m, side := out.DecodeMask(src)
	return pix.Map{W: side, H: side, Pix: m}
}
