package swap

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/pix"
)

// graphFor is a network with just the inputs and outputs that a card names: pictures come out as they went in, masks
// are 1, everything is class 1, embeddings are noise, points lie in the middle and are sure.
func graphFor(t *testing.T, c infer.ModelCard) *infertest.Graph {
	t.Helper()
	g := new(infertest.Graph)
	side := func(own int) int64 { return int64(cmp.Or(own, c.Size, 64)) } // 64 where only the file says it
	picture := func(layout string, s, channels int64) []int64 {
		if layout == infer.NHWC {
			return []int64{1, s, s, channels}
		}
		return []int64{1, channels, s, s}
	}
	types := map[infer.Element]infertest.Type{infer.Float32: infertest.Float, infer.Float64: infertest.Double}
	target := ""
	for i, in := range c.Inputs {
		name := in.Name
		if name == "" {
			name = fmt.Sprint("in", i)
		}
		dims := in.Shape
		if in.Picture() {
			dims = picture(in.Layout, side(in.Size), 3)
		}
		g.Input(name, types[in.Type], dims...)
		if in.Role == infer.RoleTarget {
			target = name
		}
	}
	zero := func() string {
		mean := g.Node("ReduceMean", []string{target}, infertest.Attr{Name: "keepdims", Value: int64(0)})
		return g.Node("Mul", []string{mean, g.Floats(fmt.Sprint("zero", mean), []float32{0})})
	}
	for i, out := range c.Outputs {
		name := out.Name
		if name == "" {
			name = fmt.Sprint("out", i)
		}
		if out.Role == infer.RoleImage {
			g.NodeTo("Identity", []string{target}, []string{name})
			g.Output(name, infertest.Float, picture(out.Layout, side(out.Size), 3)...)
			continue
		}
		dims, value := out.Shape, func(int) float32 { return 1 }
		switch out.Role {
		case infer.RoleMask, infer.RoleTargetMask:
			dims = picture(out.Layout, side(out.Size), 1)
		case infer.RoleEmbedding:
			value = func(k int) float32 { return float32(k*k%17) - 8 }
		case infer.RoleClasses:
			plane := int(dims[2] * dims[3])
			value = func(k int) float32 { return float32(b2i(k/plane == 1)) }
		case infer.RolePoints:
			value = func(int) float32 { return float32(c.Decoder.Grid) / 2 }
			if dims == nil {
				dims = []int64{1, 3 * 68}
			}
		}
		if dims == nil {
			dims = []int64{1, infer.EmbeddingSize}
		}
		n := 1
		for _, d := range dims {
			n *= int(d)
		}
		values := make([]float32, n)
		for k := range values {
			values[k] = value(k)
		}
		g.NodeTo("Add", []string{g.Floats(name+"_table", values, dims...), zero()}, []string{name})
		g.Output(name, infertest.Float, dims...)
	}
	return g
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestEveryPublishedCardRuns: each card of the published networks that this engine runs, with a network of its very
// inputs and outputs, does what its numbers say: (x − mean)/std on the way in, its range on the way out.
func TestEveryPublishedCardRuns(t *testing.T) {
	cards, err := infer.PublishedCards()
	if err != nil {
		t.Fatal(err)
	}
	l := newLoader(t)
	open := func(c infer.ModelCard) *infer.Network {
		n, err := l.rt.OpenBytes(graphFor(t, c).Bytes(), c)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		return n
	}
	byName := map[string]infer.ModelCard{}
	for _, c := range cards {
		byName[c.Name] = c
	}
	f, m := rampFace()
	photo := plain(200, 150, 120)
	const x, y = 85, 75
	seen := colourAt(f, x, y)
	// through is what a card's numbers make of a colour.
	passed := func(c infer.ModelCard, v [3]float64) (w [3]float64) {
		in, _ := c.Input(infer.RoleTarget)
		out, _ := c.Output(infer.RoleImage)
		for k := range w {
			n := (v[k]/255*in.Scale - in.Mean[k]) / in.Std[k]
			w[k] = 255 * min(1, max(0, (n-out.Range[0])/(out.Range[1]-out.Range[0])))
		}
		return w
	}
	ran := map[infer.ModelKind]int{}
	for _, c := range cards {
		if c.Size > 1024 || !slices.Contains([]infer.ModelKind{infer.Swapper, infer.Enhancer, infer.Occluder, infer.Parser, infer.Landmarker}, c.Kind) {
			continue
		}
		if c.Kind == infer.Landmarker && c.Decoder.Name == infer.DecodeLifter {
			continue
		}
		set, want := NetworkSet{}, seen
		if c.Kind == infer.Swapper {
			set.Swapper = open(c)
			if e := c.Embedding; e != nil {
				set.Recogniser = open(byName[e.Recogniser])
				if e.Converter != "" {
					k := byName[e.Converter]
					set.Converter = l.openGraph(infertest.Converter(noiseMatrix(512*512, 5)), k)
				}
				if e.Transform == infer.TransformMatrix {
					set.Matrix = noiseMatrix(512*512, 4)
				}
			}
			want = passed(c, seen)
		} else {
			set = l.still(box)
			n := open(c)
			switch c.Kind {
			case infer.Enhancer:
				set.Enhancer = n
				sharp := passed(c, seen)
				for k := range want {
					want[k] += float64(c.Blend) / 100 * (sharp[k] - want[k])
				}
			case infer.Occluder:
				set.Occluder = n
			case infer.Parser:
				set.Parser = n
			case infer.Landmarker:
				set.Landmarker = n
			}
		}
		if c.Kind == infer.Landmarker { // all its points are one, unlike the mesh's
			nets, err := NewNetworks(set)
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			if p, err := nets.points(t.Context(), f, &faceIn(1, &m).Tracks[0].Faces[0]); err != nil || p == patch.FivePoints(&m) {
				t.Errorf("%s: %v, %v", c.Name, p, err)
			}
			ran[c.Kind]++
			continue
		}
		out, report := through(t, set, faceIn(1, &m), photo, f)
		if !report.Faces[0].Swapped {
			t.Errorf("%s: %+v", c.Name, report)
		}
		wantColour(t, c.Name, colourAt(out, x, y), want, 1)
		ran[c.Kind]++
	}
	for kind, least := range map[infer.ModelKind]int{infer.Swapper: 15, infer.Enhancer: 8, infer.Occluder: 3, infer.Parser: 2, infer.Landmarker: 2} {
		if ran[kind] < least {
			t.Errorf("only %d cards of the kind %s were run", ran[kind], kind)
		}
	}
}

func (l loader) openGraph(g *infertest.Graph, c infer.ModelCard) *infer.Network {
	l.t.Helper()
	n, err := l.rt.OpenBytes(g.Bytes(), c)
	if err != nil {
		l.t.Fatalf("%s: %v", c.Name, err)
	}
	return n
}

// TestNetworksAndWorkers: the same pictures with one worker and with four, and strength in between.
func TestNetworksAndWorkers(t *testing.T) {
	l := newLoader(t)
	n, err := NewNetworks(l.shifting(box))
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := n.Identity(t.Context(), []Photo{plain(255, 255, 255)})
	if err != nil {
		t.Fatal(err)
	}
	footage := newClip(smallLayout, pix.Colour{}, 10, paleFace)
	rendered := func(workers int, strength float32) []*pix.Frame {
		o := DefaultOptions()
		o.Engine, o.Networks, o.Workers, o.Strength = EngineONNX, n, workers, strength
		p, err := NewPlan(footage.analysis, []Assignment{{0, id}}, o)
		if err != nil {
			t.Fatal(err)
		}
		out, _ := run(t, p, footage.copies(), 0, 10)
		return out
	}
	one := rendered(1, 1)
	if !sameFrames(one, rendered(4, 1)) {
		t.Error("four workers give another picture")
	}
	if !sameFrames(footage.frames, rendered(1, 0)) {
		t.Error("strength 0 changes something")
	}
	v := footage.analysis.Tracks[0].Faces[4].Mesh[4]
	x, y := int(v.X+.5), int(v.Y+.5)
	if a, b := green(footage.frames[4], one[4], x, y), green(footage.frames[4], rendered(1, .5)[4], x, y); a < .9 || b < .4 || b > .6 {
		t.Errorf("strength 1 gives %.2f, a half %.2f", a, b)
	}
}
