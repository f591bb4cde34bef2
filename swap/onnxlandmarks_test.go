package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/face/patch"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/pix"
)

const fanCard = `
kind: landmarker
size: 32
inputs: [{role: target, name: input}]
outputs: [{role: points, name: points, shape: [1, 68, 3]}, {role: heatmaps, name: heatmaps, shape: [1, 68, 4, 4]}]
decoder: {name: fan, grid: 64, box: 24, full-score: 0.9}
`

// TestLandmarkerAligns: points that a landmarker gives, in its own grid, on a turned crop, move the swap by as much
// as they differ from the mesh's; unsure ones do not.
func TestLandmarkerAligns(t *testing.T) {
	l := newLoader(t)
	m := meshAt(85, 75, 6, 0, 1)
	o := face.Observation{Mesh: m, Pose: face.Pose{Roll: .3}}
	f, _ := rampFace()
	b := m.Bounds()
	side := float64(max(b.W, b.H)) * 32 / 24 // of the crop in the frame: the box takes 24 of 32 pixels
	// Every vertex of the 68 lies 5 pixels right of and 3 above the mesh's own.
	var points, heat []float32
	vertex := patch.Landmarks68()
	var moved [68][2]float64
	for i, v := range vertex {
		x, y := float64(m[v].X)+5, float64(m[v].Y)-3
		moved[i] = [2]float64{x, y}
		sin, cos := math.Sincos(.3)
		dx, dy := x-float64(b.X+b.W/2), y-float64(b.Y+b.H/2)
		u, w := (cos*dx+sin*dy)/side*32+15.5, (cos*dy-sin*dx)/side*32+15.5 // in the network's pixels
		points = append(points, float32(u*2), float32(w*2), 0)             // a grid of 64 over 32 pixels
		for k := range 16 {
			heat = append(heat, .01*float32(k))
		}
		heat[len(heat)-5] = .8
	}
	set := l.shifting(box)
	net := func(heat []float32) *infer.Network {
		return l.open(infertest.Oracle(32, infertest.Table{Name: "points", Values: points, Dims: []int64{1, 68, 3}},
			infertest.Table{Name: "heatmaps", Values: heat, Dims: []int64{1, 68, 4, 4}}), fanCard)
	}
	set.Landmarker = net(heat)
	n, err := NewNetworks(set)
	if err != nil {
		t.Fatal(err)
	}
	got, err := n.points(t.Context(), f, &o)
	if err != nil {
		t.Fatal(err)
	}
	for i, list := range [5][]int{{36, 37, 38, 39, 40, 41}, {42, 43, 44, 45, 46, 47}, {30}, {48}, {54}} {
		var want [2]float64
		for _, k := range list {
			want[0] += moved[k][0] / float64(len(list))
			want[1] += moved[k][1] / float64(len(list))
		}
		if math.Hypot(got[i][0]-want[0], got[i][1]-want[1]) > .01 {
			t.Errorf("point %d at %v, want %v", i, got[i], want)
		}
	}
	weak := append([]float32(nil), heat...)
	for i := range weak {
		weak[i] *= .5 // .4 / .9 is below one half
	}
	set.Landmarker = net(weak)
	if n, err = NewNetworks(set); err != nil {
		t.Fatal(err)
	}
	if got, err := n.points(t.Context(), f, &o); err != nil || got != patch.FivePoints(&m) {
		t.Errorf("unsure points are taken: %v, %v", got, err)
	}
}

func TestScoredPoints(t *testing.T) {
	card := infer.ModelCard{Name: "x", Outputs: []infer.CardOutput{{Role: infer.RolePoints}}, Decoder: &infer.Decoder{Name: infer.DecodeScoredPoints, Grid: 64, FullScore: .95}}
	raw := make([]float32, 3*68)
	for i := range 68 {
		raw[3*i], raw[3*i+1], raw[3*i+2] = float32(i), 64-float32(i)/2, .19
	}
	p, score, err := decodeLandmarks(card, [][]float32{raw})
	if err != nil || math.Abs(float64(score)-.2) > 1e-5 || p[32] != (pix.Vec2{X: .5, Y: .75}) {
		t.Errorf("%v, %v, %v", p[32], score, err)
	}
	if _, _, err := decodeLandmarks(card, [][]float32{raw[:200]}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("200 numbers: %v", err)
	}
}

func TestLifterIsNoLandmarkerHere(t *testing.T) {
	l := newLoader(t)
	g := new(infertest.Graph)
	in := g.Input("input", infertest.Float, 1, 5, 2)
	g.NodeTo("Concat", []string{in, g.Floats("rest", make([]float32, 63*2), 1, 63, 2)}, []string{"output"}, infertest.Attr{Name: "axis", Value: int64(1)})
	g.Output("output", infertest.Float, 1, 68, 2)
	set := l.shifting(box)
	set.Landmarker = l.open(g, `
kind: landmarker
template: {name: ffhq_512}
inputs: [{role: points, name: input, shape: [1, 5, 2]}]
outputs: [{role: points, name: output, shape: [1, 68, 2]}]
decoder: {name: lifter}
`)
	if _, err := NewNetworks(set); !fault.Is(err, fault.InvalidField) || fault.From(err).Param != "landmarker" {
		t.Errorf("%v", err)
	}
}
