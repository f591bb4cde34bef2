package swap

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/pix"
)

// loader opens tiny networks by the text of their cards.
type loader struct {
	t  *testing.T
	rt *infer.Runtime
}

func newLoader(t *testing.T) loader {
	t.Helper()
	rt, err := infer.Open(infer.Options{Provider: infer.CPU})
	if err != nil {
		t.Fatalf("%v (run make setup)", err)
	}
	t.Cleanup(func() { rt.Close() })
	return loader{t, rt}
}

func (l loader) open(g *infertest.Graph, card string) *infer.Network {
	l.t.Helper()
	c, err := infer.ParseCard([]byte("card: 1\nname: tiny\nlicence: {id: CC0-1.0, commercial: yes}\nfiles: [{name: tiny.onnx}]\n" + card))
	if err != nil {
		l.t.Fatal(err)
	}
	n, err := l.rt.OpenBytes(g.Bytes(), c)
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// recogniser is like ArcFace: x/127.5 − 1, five points at arcface_112_v2.
func (l loader) recogniser(matrix []float32) *infer.Network {
	return l.open(infertest.Recogniser(112, matrix), `
kind: recogniser
size: 112
template: {name: arcface_112_v2}
inputs: [{role: target, name: input, mean: 0.5, std: 0.5}]
outputs: [{role: embedding, name: output}]
`)
}

// noise is a matrix without pattern, the same every time.
func noiseMatrix(n int, seed uint32) []float32 {
	m := make([]float32, n)
	for i := range m {
		seed = seed*1664525 + 1013904223
		m[i] = float32(seed>>8)/(1<<24) - .5
	}
	return m
}

const box = "mask: {box: {blur: 0.3}}\n"

// swapper is like inswapper (plain, mean 0, std 1) with extra lines of its card.
func (l loader) swapper(side, batch int64, emap []float32, extra string) *infer.Network {
	return l.open(infertest.Swapper{Target: "target", Source: "source", Output: "output", Side: side, Batch: batch, Emap: emap}.Graph(), fmt.Sprintf(`
kind: swapper
size: %d
template: {name: arcface_128}
inputs: [{role: target, name: target}, {role: source-embedding, name: source}]
outputs: [{role: image, name: output}]
`, side)+extra)
}

// ramp is a frame whose luma and chroma are linear in the place, so that no resampling changes it.
func ramp(l pix.Layout, c pix.Colour) *pix.Frame {
	f := pix.NewFrame(l, c)
	unit := float64(int(1) << (l.Depth - 8))
	for i, p := range f.Planes {
		sx, sy := 1., 1.
		if i > 0 {
			sx, sy = float64(int(1)<<l.SubX), float64(int(1)<<l.SubY)
		}
		for y := range p.H {
			for x := range p.W {
				v := 70 + .3*float64(x) + .15*float64(y)
				if i > 0 {
					v = 118 + .05*sx*float64(x) - .04*sy*float64(y) + 8*float64(i-1)
				}
				p.Set(x, y, int(v*unit+.5))
			}
		}
	}
	return f
}

// faceIn is one face in frames without texture: the network has the say.
func faceIn(frames int, m *face.Mesh) *face.Analysis {
	t := face.Track{}
	for i := range frames {
		t.Faces = append(t.Faces, face.Observation{Frame: i, Mesh: *m, Pose: face.FitPose(m), Box: m.Bounds(), Confidence: 1, Sharpness: 2})
	}
	t.Neutral, _ = face.Decompose(m)
	t.Scale = t.Faces[0].Pose.Scale
	return &face.Analysis{Tracks: []face.Track{t}, People: []face.Person{{Frames: frames}}}
}

// through runs one frame through a plan with these networks.
func through(t *testing.T, set NetworkSet, a *face.Analysis, photo Photo, f *pix.Frame) (*pix.Frame, FrameReport) {
	t.Helper()
	n, err := NewNetworks(set)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := n.Identity(t.Context(), []Photo{photo})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.Engine, o.Networks = EngineONNX, n
	p, err := NewPlan(a, []Assignment{{0, id}}, o)
	if err != nil {
		t.Fatal(err)
	}
	out, reports := run(t, p, []*pix.Frame{f.Clone()}, 0, 1)
	// Beyond the reach nothing may change.
	outline := n.Reach(&a.Tracks[0].Faces[0])
	for y := range f.H {
		for x := range f.W {
			if f.Planes[0].At(x, y) != out[0].Planes[0].At(x, y) && pix.SignedDistance(outline, pix.Vec2{X: float32(x), Y: float32(y)}) < 0 {
				t.Fatalf("luma changed at (%d, %d), outside of the square", x, y)
			}
			if f.Mono || x%(1<<f.SubX) != 0 || y%(1<<f.SubY) != 0 {
				continue
			}
			for i := 1; i < 3; i++ {
				cx, cy := x>>f.SubX, y>>f.SubY
				if f.Planes[i].At(cx, cy) != out[0].Planes[i].At(cx, cy) && pix.SignedDistance(outline, pix.Vec2{X: float32(x), Y: float32(y)}) < 0 {
					t.Fatalf("plane %d changed at (%d, %d), outside of the square", i, cx, cy)
				}
			}
		}
	}
	return out[0], reports[0]
}

// plain is a photo of one colour; the mesh says where the face is.
func plain(r, g, b float32) Photo {
	f := pix.NewFrame(pix.Layout{W: 200, H: 200, Depth: 12}, pix.Colour{Full: true})
	k := pix.NewCoder(f.Colour)
	y, u, v := k.YUV(r, g, b)
	for i, s := range [3]float32{y, u, v} {
		for j := range f.Planes[i].P16 {
			f.Planes[i].P16[j] = uint16(16*s + .5)
		}
	}
	m := meshAt(100, 100, 8, 0, 1)
	return Photo{Frame: f, Mesh: &m}
}

var layouts = []struct {
	layout pix.Layout
	colour pix.Colour
}{
	{pix.Layout{W: 170, H: 150, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{}},
	{pix.Layout{W: 171, H: 151, SubX: 1, SubY: 1, Depth: 10}, pix.Colour{Matrix: pix.BT601}},
	{pix.Layout{W: 171, H: 151, SubX: 1, Depth: 10}, pix.Colour{Full: true}},
	{pix.Layout{W: 171, H: 151, Depth: 12}, pix.Colour{}},
	{pix.Layout{W: 171, H: 151, Depth: 8, Mono: true}, pix.Colour{}},
	{pix.Layout{W: 170, H: 150, SubX: 1, SubY: 1, Depth: 10}, pix.Colour{Matrix: pix.BT2020, Transfer: pix.HLG, WideGamut: true}},
	{pix.Layout{W: 170, H: 150, SubX: 1, SubY: 1, Depth: 10}, pix.Colour{Matrix: pix.BT2020, Transfer: pix.PQ, WideGamut: true}},
}

// TestIdentityNetworkChangesNothing: cut out, normalised, run, de-normalised and laid back, a smooth
// frame is what it was, whatever its layout, size, turn and pixel boost.
func TestIdentityNetworkChangesNothing(t *testing.T) {
	l := newLoader(t)
	recogniser := l.recogniser(noiseMatrix(48*512, 1))
	// The first three numbers of the embedding vanish, so that nothing is added.
	emap := make([]float32, 512*512)
	for i := range 512 {
		for j := 3; j < 512; j++ {
			emap[i*512+j] = float32((i*j)%7) - 3
		}
	}
	const rule = "embedding: {recogniser: r, transform: matrix, initializer: last, normalise-after: true}\nboost: [64, 128, 256]\n" + box
	for _, c := range layouts {
		for _, boost := range []int{64, 128, 256} {
			t.Run(fmt.Sprint(c.layout, c.colour.Transfer, boost), func(t *testing.T) {
				m := meshAt(85, 75, 6, .1, 1)
				f := ramp(c.layout, c.colour)
				set := NetworkSet{Swapper: l.swapper(64, infertest.Any, emap, rule), Recogniser: recogniser, Matrix: emap, Boost: boost}
				out, report := through(t, set, faceIn(1, &m), plain(200, 150, 120), f)
				if len(report.Faces) != 1 || !report.Faces[0].Swapped {
					t.Fatalf("%+v", report)
				}
				unit := 1 << (c.layout.Depth - 8)
				limit := unit // rounding of the frame itself
				if c.colour.Transfer != pix.SDR {
					limit = 3 * unit // the tone tables
				}
				for i, p := range f.Planes {
					for y := range p.H {
						for x := range p.W {
							if d := abs(p.At(x, y) - out.Planes[i].At(x, y)); d > limit {
								t.Fatalf("plane %d changed by %d at (%d, %d)", i, d, x, y)
							}
						}
					}
				}
			})
		}
	}
}

// TestSourceReachesTheFrame follows a photo's colour through recogniser, matrix and network into the frame
// and compares with the same arithmetic done here: one batch or tile by tile.
func TestSourceReachesTheFrame(t *testing.T) {
	l := newLoader(t)
	m48, emap := noiseMatrix(48*512, 7), noiseMatrix(512*512, 9)
	for i := range emap { // large enough an effect on the three channels
		if i%512 < 3 {
			emap[i] *= 2
		}
	}
	photo := plain(200, 150, 120)
	shift := matrixShift(photo, m48, emap)
	const rule = "embedding: {recogniser: r, transform: matrix, initializer: last, normalise-after: true}\nboost: [32, 96, 160]\n" + box
	for _, c := range []struct {
		batch int64
		boost int
	}{{1, 0}, {1, 96}, {infertest.Any, 96}, {infertest.Any, 160}} { // 1, 9, 9 and 25 tiles, 16 at once
		m := meshAt(85, 75, 6, .1, 1)
		f := ramp(layouts[3].layout, layouts[3].colour) // 4:4:4, 12 bit
		set := NetworkSet{Swapper: l.swapper(32, c.batch, emap, rule), Recogniser: l.recogniser(m48), Matrix: emap, Boost: c.boost}
		out, _ := through(t, set, faceIn(1, &m), photo, f)
		checkShift(t, f, out, 85, 75, shift)
	}
}

// matrixShift is what an embedding makes of a plain photo adds to red, green and blue, 0…255, in float64.
func matrixShift(photo Photo, m48, emap []float32) [3]float64 {
	k := pix.NewCoder(photo.Frame.Colour)
	at := func(i int) float32 { return float32(photo.Frame.Planes[i].P16[0]) / 16 }
	r, g, b := k.RGB(at(0), at(1), at(2))
	e := make([]float64, 512)
	for i := range 48 {
		v := float64([3]float32{r, g, b}[i/16])/127.5 - 1
		for j := range e {
			e[j] += v * float64(m48[i*512+j])
		}
	}
	normalise := func(v []float64) {
		s := 0.0
		for _, x := range v {
			s += x * x
		}
		for i := range v {
			v[i] /= math.Sqrt(s)
		}
	}
	normalise(e)
	latent := e
	if emap != nil {
		latent = make([]float64, 512)
		for i, v := range e {
			for j := range latent {
				latent[j] += v * float64(emap[i*512+j])
			}
		}
		normalise(latent)
	}
	return [3]float64{255 * latent[0], 255 * latent[1], 255 * latent[2]}
}

// checkShift looks at the pixel in the middle of the mask, where the network's picture is all there is.
func checkShift(t *testing.T, before, after *pix.Frame, x, y int, want [3]float64) {
	t.Helper()
	if math.Abs(want[0])+math.Abs(want[1])+math.Abs(want[2]) < 10 {
		t.Fatalf("the shift %v is too small to tell", want)
	}
	box := pix.Rect{X0: x &^ 1, Y0: y &^ 1, X1: x&^1 + 2, Y1: y&^1 + 2}
	a, b := before.RGB(box), after.RGB(box)
	for c := range want {
		if got := float64(b.C[c][0] - a.C[c][0]); math.Abs(got-want[c]) > .6 {
			t.Errorf("channel %d moved by %.2f, want %.2f", c, got, want[c])
		}
	}
}

// TestSliderMovesTheSource: source·(1−f) + target·f with f = ∓0.35 at the ends, the target's own
// embedding taken through the same matrix.
func TestSliderMovesTheSource(t *testing.T) {
	l := newLoader(t)
	m48, emap := noiseMatrix(48*512, 7), noiseMatrix(512*512, 9)
	for i := range emap {
		if i%512 < 3 {
			emap[i] *= 2
		}
	}
	const rule = "embedding: {recogniser: r, transform: matrix, initializer: last, normalise-after: true, slider: true}\n" + box
	photo, target := plain(200, 150, 120), plain(90, 120, 160)
	source, own := matrixShift(photo, m48, emap), matrixShift(target, m48, emap)
	for _, away := range []float32{-.5, .25, .5} {
		set := NetworkSet{Swapper: l.swapper(32, 1, emap, rule), Recogniser: l.recogniser(m48), Matrix: emap, Away: away}
		f := target.Frame
		out, _ := through(t, set, faceIn(1, target.Mesh), photo, f)
		var want [3]float64
		for c := range want {
			factor := -.7 * float64(away)
			want[c] = source[c]*(1-factor) + own[c]*factor
		}
		checkShift(t, f, out, 100, 100, want)
	}
	if _, err := NewNetworks(NetworkSet{Swapper: l.swapper(32, 1, emap, strings.ReplaceAll(rule, ", slider: true", "")),
		Recogniser: l.recogniser(m48), Matrix: emap, Away: .2}); !fault.Is(err, fault.InvalidField) {
		t.Errorf("a card without a slider: %v", err)
	}
}

// TestConverterRule: e/‖e‖ through a converter network, not normalised after, as Ghost wants it.
func TestConverterRule(t *testing.T) {
	l := newLoader(t)
	m48, c512 := noiseMatrix(48*512, 3), make([]float32, 512*512)
	for i := range 512 { // number j of the result is three times number 511−j
		c512[i*512+511-i] = 3
	}
	converter := l.open(infertest.Converter(c512), `
kind: converter
inputs: [{role: embedding, name: input, shape: [1, 512]}]
outputs: [{role: embedding, name: output, shape: [1, 512]}]
`)
	photo := plain(200, 150, 120)
	m := meshAt(85, 75, 6, .1, 1)
	f := ramp(layouts[3].layout, layouts[3].colour)
	swapper := l.open(infertest.Swapper{Target: "target", Source: "source", Output: "781", Side: 64, Batch: 1}.Graph(), `
kind: swapper
size: 64
template: {name: arcface_112_poses}
inputs: [{role: target, name: target, mean: 0.5, std: 0.5}, {role: source-embedding, name: source}]
outputs: [{role: image, name: "781", range: [-1, 1]}]
embedding: {recogniser: r, transform: converter, converter: c}
`+box)
	out, _ := through(t, NetworkSet{Swapper: swapper, Recogniser: l.recogniser(m48), Converter: converter}, faceIn(1, &m), photo, f)
	// The plain embedding, mirrored and threefold; the network's numbers span 2 for 255 steps.
	mirrored := make([]float32, 48*512)
	for i := range 48 {
		for j := range 512 {
			mirrored[i*512+j] = m48[i*512+511-j]
		}
	}
	want := matrixShift(photo, mirrored, nil)
	for c := range want {
		want[c] *= 3. / 2
	}
	checkShift(t, f, out, 85, 75, want)
}

// TestRecogniserSeesTheFaceInPlace: a photo with a slope of light, turned and scaled; each of the
// 4×4 fields must have the light of its own place.
func TestRecogniserSeesTheFaceInPlace(t *testing.T) {
	l := newLoader(t)
	matrix := make([]float32, 48*512)
	for i := range 48 {
		matrix[i*512+i] = 1
	}
	for _, k := range []float64{.9, 2.6} {
		const angle, x0, y0 = .4, 150, 40
		f := pix.NewFrame(pix.Layout{W: 520, H: 480, Depth: 12}, pix.Colour{Full: true})
		light := func(x, y float64) float64 { return 20 + .3*x + .2*y }
		for y := range f.H {
			for x := range f.W {
				f.Planes[0].Set(x, y, int(16*light(float64(x), float64(y))+.5))
			}
		}
		mesh := meshWith(placed(template("arcface_112_v2").At(112)[0], k, angle, x0, y0))
		e, err := Embedding(t.Context(), l.recogniser(matrix), f, mesh)
		if err != nil {
			t.Fatal(err)
		}
		sin, cos := math.Sincos(angle)
		for i := range 16 {
			u, v := float64(i%4)*28+13.5, float64(i/4)*28+13.5 // the field's middle
			want := light(k*(cos*u-sin*v)+x0, k*(sin*u+cos*v)+y0)/127.5 - 1
			if math.Abs(float64(e[i])-want) > .004 { // half a step of 255
				t.Errorf("%v: field %d has %.4f, want %.4f", k, i, e[i], want)
			}
		}
	}
}

func TestNetworksMustFit(t *testing.T) {
	l := newLoader(t)
	m48 := noiseMatrix(48*512, 1)
	r := l.recogniser(m48)
	const rule = "embedding: {recogniser: r}\nboost: [32, 64]\n" + box
	plainSwapper := l.swapper(32, 1, nil, rule)
	matrixSwapper := l.swapper(32, 1, nil, "embedding: {recogniser: r, transform: matrix, initializer: last}\n")
	for _, c := range []struct {
		name  string
		set   NetworkSet
		param string
		code  fault.Code
	}{
		{"nothing", NetworkSet{}, "model", fault.MissingField},
		{"a recogniser as swapper", NetworkSet{Swapper: r}, "model", fault.InvalidField},
		{"no recogniser", NetworkSet{Swapper: plainSwapper}, "model", fault.MissingField},
		{"no matrix", NetworkSet{Swapper: matrixSwapper, Recogniser: r}, "model", fault.MissingField},
		{"a swapper as enhancer", NetworkSet{Swapper: plainSwapper, Recogniser: r, Enhancer: plainSwapper}, "enhancer", fault.InvalidField},
		{"a boost of another card", NetworkSet{Swapper: plainSwapper, Recogniser: r, Boost: 96}, "pixel-boost", fault.InvalidField},
		{"weight out of range", NetworkSet{Swapper: plainSwapper, Recogniser: r, Away: 2}, "weight", fault.InvalidField},
		{"blend out of range", NetworkSet{Swapper: plainSwapper, Recogniser: r, Blend: 101}, "blend", fault.InvalidField},
	} {
		_, err := NewNetworks(c.set)
		if f := fault.From(err); f == nil || f.Code != c.code || f.Param != c.param {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	n, err := NewNetworks(NetworkSet{Swapper: plainSwapper, Recogniser: r, Boost: 64})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.Identity(t.Context(), nil); !fault.Is(err, fault.MissingField) {
		t.Errorf("no photo: %v", err)
	}
	m := meshAt(85, 75, 6, 0, 1)
	o := DefaultOptions()
	if o.Engine, o.Networks = EngineONNX, n; o.Validate() != nil {
		t.Error(o.Validate())
	}
	if _, err := NewPlan(faceIn(1, &m), []Assignment{{0, someone(t)}}, o); err == nil {
		t.Error("an identity of the mesh engine is accepted")
	}
	o.Networks = nil
	if err := o.Validate(); !fault.Is(err, fault.InvalidField) {
		t.Errorf("without networks: %v", err)
	}
}

// TestNetworkRunsAreCanceled: the stream ends with the context's error and no frame leaves half done.
func TestCanceledRunEndsTheStream(t *testing.T) {
	l := newLoader(t)
	m48 := noiseMatrix(48*512, 1)
	n, err := NewNetworks(NetworkSet{Swapper: l.swapper(32, 1, nil, "embedding: {recogniser: r}\n"), Recogniser: l.recogniser(m48)})
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := n.Identity(t.Context(), []Photo{plain(200, 150, 120)})
	if err != nil {
		t.Fatal(err)
	}
	m := meshAt(85, 75, 6, 0, 1)
	o := DefaultOptions()
	o.Engine, o.Networks = EngineONNX, n
	p, err := NewPlan(faceIn(30, &m), []Assignment{{0, id}}, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	emitted := 0
	err = p.Stream(ctx, 0, 30, func() (*pix.Frame, error) { return ramp(layouts[0].layout, layouts[0].colour), nil },
		func(*pix.Frame, FrameReport) error { emitted++; cancel(); return nil })
	if !fault.Is(err, fault.Canceled) || emitted > 2 {
		t.Errorf("%v after %d frames", err, emitted)
	}
	// A network that is gone ends the stream with its error.
	if err := n.Swapper.Close(); err != nil {
		t.Fatal(err)
	}
	err = p.Stream(t.Context(), 0, 30, func() (*pix.Frame, error) { return ramp(layouts[0].layout, layouts[0].colour), nil },
		func(*pix.Frame, FrameReport) error { t.Error("a frame left that could not be drawn"); return nil })
	if !fault.Is(err, fault.Internal) {
		t.Errorf("with a closed network: %v", err)
	}
}
