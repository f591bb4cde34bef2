package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/pix"
)

// still is a swapper that changes nothing, with a recogniser that it ignores.
func (l loader) still(extra string) NetworkSet {
	m48 := noiseMatrix(48*512, 1)
	for i := range m48 {
		if i%512 < 3 {
			m48[i] = 0
		}
	}
	return NetworkSet{Swapper: l.swapper(64, 1, nil, "embedding: {recogniser: r}\n"+extra), Recogniser: l.recogniser(m48)}
}

// colourAt is a frame's colour at a place, 0…255.
func colourAt(f *pix.Frame, x, y int) [3]float64 {
	p := f.RGB(pix.Rect{X0: x, Y0: y, X1: x + 1, Y1: y + 1})
	return [3]float64{float64(p.C[0][0]), float64(p.C[1][0]), float64(p.C[2][0])}
}

func wantColour(t *testing.T, what string, got, want [3]float64, limit float64) {
	t.Helper()
	for c := range want {
		if math.Abs(got[c]-want[c]) > limit {
			t.Errorf("%s: colour %.2f, want %.2f", what, got, want)
			return
		}
	}
}

func rampFace() (*pix.Frame, face.Mesh) {
	m := meshAt(85, 75, 6, .1, 1)
	return ramp(pix.Layout{W: 171, H: 151, Depth: 12}, pix.Colour{}), m
}

// TestImageSwapper: half the target, half the mean colour of the source's own picture.
func TestImageSwapper(t *testing.T) {
	l := newLoader(t)
	f, m := rampFace()
	swapper := l.open(infertest.ImageSwapper(64, 112), `
kind: swapper
size: 64
template: {name: ffhq_512}
inputs:
  - {role: source-image, name: source, size: 112, template: {name: arcface_112_v2}}
  - {role: target, name: target}
outputs: [{role: image, name: output}]
`)
	photo := plain(220, 160, 130)
	out, _ := through(t, NetworkSet{Swapper: swapper}, faceIn(1, &m), photo, f)
	before := colourAt(f, 85, 75)
	wantColour(t, "middle", colourAt(out, 85, 75), [3]float64{(before[0] + 220) / 2, (before[1] + 160) / 2, (before[2] + 130) / 2}, .7)
}

// TestDeepSwapper: interleaved, blue first, three outputs; the picture is a negative, sharpened nowhere on a
// ramp, and shown where both masks (blue, and 1 − red) agree.
func TestDeepSwapper(t *testing.T) {
	l := newLoader(t)
	f, m := rampFace()
	swapper := l.open(infertest.DeepSwapper(64), `
kind: swapper
template: {name: dfl_whole_face}
inputs:
  - {role: target, name: "in_face:0", layout: NHWC, colour: BGR, sharpen: {amount: 0.75, sigma: 2}}
outputs:
  - {role: target-mask, layout: NHWC}
  - {role: image, layout: NHWC, colour: BGR}
  - {role: mask, layout: NHWC}
mask:
  network: {erode: 0, sigma: 0}
`)
	n, err := NewNetworks(NetworkSet{Swapper: swapper})
	if err != nil {
		t.Fatal(err)
	}
	if _, warn, err := n.Identity(t.Context(), nil); err != nil || len(warn) != 0 {
		t.Errorf("without a photo: %v, %v", warn, err)
	}
	out, _ := through(t, NetworkSet{Swapper: swapper}, faceIn(1, &m), plain(1, 2, 3), f)
	before := colourAt(f, 85, 75)
	mask := min(before[2], 255-before[0]) / 255
	var want [3]float64
	for c, v := range before {
		want[c] = v + mask*(255-v-v)
	}
	wantColour(t, "middle", colourAt(out, 85, 75), want, .8)
}

// TestOwnMask: the second output of HyperSwap's kind, used when the card says so. It is the red channel.
func TestOwnMask(t *testing.T) {
	l := newLoader(t)
	f, m := rampFace()
	m48 := make([]float32, 48*512)
	for i := range 48 {
		m48[i*512+5], m48[i*512+1] = 1, .5
	}
	photo := plain(255, 255, 255) // every field is 1: the embedding is (0, .5, 0, 0, 0, 1, 0 …)·48
	shift := 255 * .5 / math.Sqrt(1.25)
	for _, c := range []struct {
		rule  string
		boost int
	}{{box, 0}, {"mask: {network: {}, box: {blur: 0.3}}\n", 0}, {"mask: {network: {}}\nboost: [128]\n", 128}} {
		swapper := l.open(infertest.Swapper{Target: "target", Source: "source", Output: "output", Mask: "mask", Side: 64, Batch: 1}.Graph(), `
kind: swapper
size: 64
template: {name: arcface_128}
inputs: [{role: target, name: target, mean: 0.5, std: 0.5}, {role: source-embedding, name: source}]
outputs: [{role: image, name: output, range: [-1, 1]}, {role: mask, name: mask, range: [-1, 1]}]
embedding: {recogniser: r}
`+c.rule)
		out, _ := through(t, NetworkSet{Swapper: swapper, Recogniser: l.recogniser(m48), Boost: c.boost}, faceIn(1, &m), photo, f)
		before := colourAt(f, 85, 75)
		want, mask := before, 1.
		if c.rule != box {
			mask = before[0] / 255
		}
		want[1] += mask * (min(255, before[1]+shift/2) - before[1])
		wantColour(t, c.rule, colourAt(out, 85, 75), want, 1)
	}
}

// TestEnhancer: its own template and box, blended by percent, after the swap.
func TestEnhancer(t *testing.T) {
	l := newLoader(t)
	f, m := rampFace()
	enhancer := l.open(infertest.Enhancer(96, 1, .2), `
kind: enhancer
size: 96
template: {name: ffhq_512}
inputs: [{role: target, name: input, mean: 0.5, std: 0.5}]
outputs: [{role: image, name: output, range: [-1, 1]}]
blend: 80
`+box)
	set := l.still(box)
	set.Enhancer = enhancer
	before := colourAt(f, 85, 75)
	for _, blend := range []int{0, 100, 30} {
		set.Blend = blend
		out, _ := through(t, set, faceIn(1, &m), plain(200, 150, 120), f)
		share := float64(blend) / 100
		if blend == 0 {
			share = .8
		}
		var want [3]float64
		for c, v := range before {
			want[c] = v + share*.2/2*255
		}
		wantColour(t, "middle", colourAt(out, 85, 75), want, .7)
	}
	// CodeFormer's kind: its 64-bit weight takes the card's value.
	set.Blend = 100
	set.Enhancer = l.open(infertest.WeightedEnhancer(96), `
kind: enhancer
size: 96
template: {name: arcface_128}
inputs: [{role: target, name: input}, {role: weight, name: weight, shape: [1], type: float64, value: 0.1}]
outputs: [{role: image, name: output}]
`+box)
	out, _ := through(t, set, faceIn(1, &m), plain(200, 150, 120), f)
	wantColour(t, "weighted", colourAt(out, 85, 75), [3]float64{before[0] + 25.5, before[1] + 25.5, before[2] + 25.5}, .7)
}

// shifting is a swapper that adds 64 to green.
func (l loader) shifting(extra string) NetworkSet {
	m48 := make([]float32, 48*512)
	for i := range 48 {
		m48[i*512+1], m48[i*512+9] = .25, float32(math.Sqrt(1-.25*.25))
	}
	return NetworkSet{Swapper: l.swapper(64, 1, nil, "embedding: {recogniser: r}\n"+extra), Recogniser: l.recogniser(m48)}
}

// green is how far a frame's green has moved at a place, in parts of the whole shift.
func green(before, after *pix.Frame, x, y int) float64 {
	return (colourAt(after, x, y)[1] - colourAt(before, x, y)[1]) / (.25 * 255)
}

// split is a frame that is red on the left of x = 85 and blue on the right.
func split() (*pix.Frame, face.Mesh) {
	f, m := rampFace()
	k := pix.NewCoder(f.Colour)
	for y := range f.H {
		for x := range f.W {
			c := [3]float32{250, 60, 20}
			if x >= 85 {
				c = [3]float32{20, 60, 250}
			}
			a, u, v := k.YUV(c[0], c[1], c[2])
			for i, s := range [3]float32{a, u, v} {
				f.Planes[i].Set(x, y, int(16*s+.5))
			}
		}
	}
	return f, m
}

// TestOccluder: the mask is taken from the frame before the swap; here it is 1 where the frame is red.
func TestOccluder(t *testing.T) {
	l := newLoader(t)
	f, m := split()
	for name, template := range map[string]string{"the swapper's square": "", "a square of its own": "template: {name: ffhq_512}\n"} {
		set := l.shifting(box)
		set.Occluder = l.open(infertest.Occluder(64), `
kind: occluder
size: 64
inputs: [{role: target, name: input, layout: NHWC, colour: BGR}]
outputs: [{role: mask, name: output, layout: NHWC}]
mask: {sigma: 1, remap: clip}
`+template)
		out, _ := through(t, set, faceIn(1, &m), plain(255, 255, 255), f)
		if a, b := green(f, out, 70, 75), green(f, out, 100, 75); math.Abs(a-(250./255-.5)*2) > .03 || b > .01 {
			t.Errorf("%s: free side %.3f, covered side %.3f", name, a, b)
		}
	}
}

// TestParserOfAnotherSize: classes for another number of pixels than were given cannot be laid over a face.
func TestParserOfAnotherSize(t *testing.T) {
	l := newLoader(t)
	f, m := rampFace()
	for _, c := range []struct {
		dims string
		side int64
		ok   bool
	}{{"[1, 3, 64, 64]", 64, true}, {"[1, 3, 10, 10]", 10, false}} {
		set := l.shifting(box)
		set.Parser = l.open(infertest.Oracle(64, infertest.Table{Name: "output", Values: make([]float32, 3*c.side*c.side), Dims: []int64{1, 3, c.side, c.side}}),
			"kind: parser\nsize: 64\ninputs: [{role: target, name: input}]\noutputs: [{role: classes, name: output, shape: "+c.dims+"}]\nmask: {keep: [1]}\n")
		n, err := NewNetworks(set)
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := n.Identity(t.Context(), []Photo{plain(255, 255, 255)})
		if err != nil {
			t.Fatal(err)
		}
		track := &faceIn(1, &m).Tracks[0]
		e := newONNXEngine(track, id, Options{Engine: EngineONNX, Networks: n, Strength: 1}, f.Colour)
		if err := e.draw(t.Context(), f.Clone(), &track.Faces[0], nil, 1); c.ok != (err == nil) || !c.ok && !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: %v", c.dims, err)
		}
	}
}

// TestParser: the parts are found on the swapped picture. Skin where red wins against blue.
func TestParser(t *testing.T) {
	l := newLoader(t)
	f, m := split()
	set := l.shifting(box)
	set.Parser = l.open(infertest.Parser(128), `
kind: parser
size: 128
inputs: [{role: target, name: input, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}]
outputs: [{role: classes, name: output}]
mask: {keep: [1, 2, 3], sigma: 2, remap: clip}
`)
	out, _ := through(t, set, faceIn(1, &m), plain(255, 255, 255), f)
	if a, b := green(f, out, 70, 75), green(f, out, 100, 75); math.Abs(a-1) > .03 || b > .01 {
		t.Errorf("skin %.3f, hair %.3f", a, b)
	}
}

// TestAreaOfACard: only the lower face is changed.
func TestAreaOfACard(t *testing.T) {
	l := newLoader(t)
	f, m := rampFace()
	out, _ := through(t, l.shifting("mask: {area: lower-face, box: {blur: 0.1}}\n"), faceIn(1, &m), plain(255, 255, 255), f)
	at := func(v int) float64 { return green(f, out, int(m[v].X+.5), int(m[v].Y+.5)) }
	if mouth, brow := at(13), at(9); mouth < .9 || brow > .01 {
		t.Errorf("mouth %.3f, between the brows %.3f", mouth, brow)
	}
}

// TestWhatLiesInFrontStays: without an occluder the engine's own eye for objects keeps them in front.
func TestWhatLiesInFrontStays(t *testing.T) {
	l := newLoader(t)
	footage := newClip(smallLayout, pix.Colour{}, 12, paleFace)
	// A dark green card over one cheek in the last frames.
	at := func(i int) pix.Rect {
		p := footage.analysis.Tracks[0].Faces[i].Mesh[50]
		return pix.Rect{X0: int(p.X) - 20, Y0: int(p.Y) - 16, X1: int(p.X) + 12, Y1: int(p.Y) + 16}.Intersect(footage.frames[i].Bounds())
	}
	for i := 8; i < 12; i++ {
		r := at(i)
		before := footage.frames[i].RGB(r)
		after := pix.NewRGB(r.W(), r.H())
		for k := range after.C[1] {
			after.C[1][k] = 70
		}
		footage.frames[i].Replace(r, before, after, false)
	}
	n, err := NewNetworks(l.shifting(box))
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := n.Identity(t.Context(), []Photo{plain(255, 255, 255)})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.Engine, o.Networks = EngineONNX, n
	p, err := NewPlan(footage.analysis, []Assignment{{0, id}}, o)
	if err != nil {
		t.Fatal(err)
	}
	out, reports := run(t, p, footage.copies(), 0, 12)
	share := func(i, vertex int) float64 {
		v := footage.analysis.Tracks[0].Faces[i].Mesh[vertex]
		return green(footage.frames[i], out[i], int(v.X+.5), int(v.Y+.5))
	}
	const cheek, other = 50, 280
	if a, b := share(4, cheek), share(4, other); a < .85 || b < .85 {
		t.Errorf("nothing in front: cheeks %.2f and %.2f", a, b)
	}
	if a, b := share(10, cheek), share(10, other); a > .15 || b < .7 {
		t.Errorf("a card in front: cheeks %.2f and %.2f", a, b)
	}
	if !reports[10].Faces[0].Swapped {
		t.Errorf("left as filmed: %+v", reports[10].Faces[0])
	}
}

func TestSeveralPhotosAreAveragedByDirection(t *testing.T) {
	got := meanDirection([][]float32{{3, 0, 0}, {0, 1, 0}})
	for i, want := range []float64{math.Sqrt2, math.Sqrt2, 0} { // (1, 1)/√2 with the mean length 2
		if math.Abs(float64(got[i])-want) > 1e-5 {
			t.Fatalf("%v", got)
		}
	}
}

// TestNoNumbers: what a network gives that is no number is told, not drawn black.
func TestNoNumbers(t *testing.T) {
	l := newLoader(t)
	g := new(infertest.Graph)
	in := g.Input("input", infertest.Float, 1, 3, 64, 64)
	g.NodeTo("Sqrt", []string{g.Node("Sub", []string{in, g.Floats("half", []float32{.5})})}, []string{"output"})
	g.Output("output", infertest.Float, 1, 3, 64, 64)
	net := l.open(g, `
kind: enhancer
size: 64
template: {name: ffhq_512}
inputs: [{role: target, name: input}]
outputs: [{role: image, name: output}]
`)
	p := pix.NewRGB(64, 64)
	for i := range p.C {
		for k := range p.C[i] {
			p.C[i][k] = 200
		}
	}
	if _, _, err := picture(t.Context(), net, p, infer.RoleImage); err != nil {
		t.Errorf("numbers: %v", err)
	}
	p.C[1][77] = 3 // below ½ the root is no number
	if _, _, err := picture(t.Context(), net, p, infer.RoleImage); !fault.Is(err, fault.Unsupported) {
		t.Errorf("no number: %v", err)
	}
}
