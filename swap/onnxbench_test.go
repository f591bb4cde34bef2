package swap

import (
	"fmt"
	"testing"

	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/pix"
)

// BenchmarkONNX is what the engine adds to the network's own time: a 300 pixel face in 1080p, networks that
// compute nothing.
func BenchmarkONNX(b *testing.B) {
	rt, err := infer.Open(infer.Options{Provider: infer.CPU})
	if err != nil {
		b.Fatal(err)
	}
	defer rt.Close()
	m := meshAt(960, 540, 21, .1, 1)
	f := ramp(pix.Layout{W: 1920, H: 1080, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	a := faceIn(1, &m)
	for _, side := range []int64{128, 256, 512} {
		c, err := infer.ParseCard(fmt.Appendf(nil, `card: 1
name: still
kind: swapper
licence: {id: CC0-1.0, commercial: yes}
files: [{name: x.onnx}]
size: %d
template: {name: arcface_128}
inputs: [{role: target, name: in_face}]
outputs: [{role: image, name: output}]
mask: {box: {blur: 0.3}}
`, side))
		if err != nil {
			b.Fatal(err)
		}
		g := new(infertest.Graph)
		g.NodeTo("Identity", []string{g.Input("in_face", infertest.Float, 1, 3, side, side)}, []string{"output"})
		g.Output("output", infertest.Float, 1, 3, side, side)
		net, err := rt.OpenBytes(g.Bytes(), c)
		if err != nil {
			b.Fatal(err)
		}
		n, err := NewNetworks(NetworkSet{Swapper: net})
		if err != nil {
			b.Fatal(err)
		}
		id, _, err := n.Identity(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		e := newONNXEngine(&a.Tracks[0], id, Options{Engine: EngineONNX, Networks: n, Strength: 1}, f.Colour)
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.draw(b.Context(), f, &a.Tracks[0].Faces[0], nil, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
