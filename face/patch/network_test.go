package patch

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// numbered is a picture whose samples all differ.
func numbered(n int) *pix.RGB {
	p := pix.NewRGB(n, n)
	for c := range p.C {
		for i := range p.C[c] {
			p.C[c][i] = float32((i*7+c*31)%256) * .99
		}
	}
	return p
}

func TestEncodeByDefinition(t *testing.T) {
	const n = 6
	p := numbered(n)
	for _, in := range []infer.CardInput{
		{Layout: infer.NCHW, Colour: infer.RGB, Scale: 1, Std: infer.Triple{1, 1, 1}},
		{Layout: infer.NCHW, Colour: infer.RGB, Scale: 1, Mean: infer.Triple{.485, .456, .406}, Std: infer.Triple{.229, .224, .225}},
		{Layout: infer.NCHW, Colour: infer.BGR, Scale: 255, Mean: infer.Triple{127.5, 127.5, 127.5}, Std: infer.Triple{128, 128, 128}},
		{Layout: infer.NHWC, Colour: infer.BGR, Scale: 1, Std: infer.Triple{1, 1, 1}},
		{Layout: infer.NHWC, Colour: infer.RGB, Scale: 1, Mean: infer.Triple{.5, .4, .3}, Std: infer.Triple{.5, .6, .7}},
		{Layout: infer.NCHW, Colour: infer.BGR, Scale: 1, Std: infer.Triple{1, 1, 1}, Channels: []string{infer.LowerHalfZero, infer.WholeFace}},
	} {
		groups := max(1, len(in.Channels))
		got := make([]float32, 3*groups*n*n)
		Encode(got, p, in)
		for g := range groups {
			for y := range n {
				for x := range n {
					for k := range 3 { // the network's channel
						channel := k
						if in.Colour == infer.BGR {
							channel = []int{2, 1, 0}[k]
						}
						want := (float64(p.C[channel][y*n+x])/255*in.Scale - in.Mean[k]) / in.Std[k]
						if in.Channels != nil && in.Channels[g] == infer.LowerHalfZero && y >= n/2 {
							want = 0
						}
						i := (3*g+k)*n*n + y*n + x
						if in.Layout == infer.NHWC {
							i = (y*n+x)*3*groups + 3*g + k
						}
						if math.Abs(float64(got[i])-want) > 1e-4*max(1, math.Abs(want)) {
							t.Fatalf("%+v: (%d, %d) of channel %d = %v, want %v", in, x, y, k, got[i], want)
						}
					}
				}
			}
		}
	}
}

func TestDecodeUndoesEncode(t *testing.T) {
	const n = 5
	p := numbered(n)
	for _, layout := range []string{infer.NCHW, infer.NHWC} {
		for _, colour := range []string{infer.RGB, infer.BGR} {
			raw := make([]float32, 3*n*n)
			Encode(raw, p, infer.CardInput{Layout: layout, Colour: colour, Scale: 1, Mean: infer.Triple{.5, .5, .5}, Std: infer.Triple{.5, .5, .5}})
			got := Decode(raw, infer.CardOutput{Layout: layout, Colour: colour, Range: [2]float64{-1, 1}})
			for c := range p.C {
				for i, want := range p.C[c] {
					if d := got.C[c][i] - want; d > .01 || d < -.01 {
						t.Fatalf("%s %s: sample %d of channel %d came back as %v, want %v", layout, colour, i, c, got.C[c][i], want)
					}
				}
			}
		}
	}
	cut := Decode([]float32{-3, 5, float32(math.NaN())}, infer.CardOutput{Layout: infer.NCHW, Range: [2]float64{0, 1}})
	if cut.C[0][0] != 0 || cut.C[1][0] != 255 || cut.C[2][0] != 0 {
		t.Errorf("not cut off: %v", cut.C)
	}
}

func TestSharpenByDefinition(t *testing.T) {
	// A step edge: at a distance of 0.5 pixels from it, blur(σ=2) differs by Φ(−.25) of the step.
	p := pix.NewRGB(41, 41)
	for c := range p.C {
		for i := range p.C[c] {
			p.C[c][i] = 100
			if i%41 > 20 {
				p.C[c][i] = 140
			}
		}
	}
	got := sharpened(p, infer.Sharpen{Amount: .75, Sigma: 2}).C[1][20*41+20]
	want := 100 - .75*40*.5*math.Erfc(.25/math.Sqrt2)
	if math.Abs(float64(got)-want) > .3 {
		t.Errorf("beside the edge %v, want %v", got, want)
	}
}
