package face

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// five are points for a box: where they lie does not matter, only that each comes back.
func five(x, y float32) (p [5]pix.Vec2) {
	for i := range p {
		p[i] = pix.Vec2{X: x + 3*float32(i), Y: y - 2*float32(i)}
	}
	return p
}

func sameCandidate(t *testing.T, got, want candidate) {
	t.Helper()
	far := func(a, b float32) bool { return math.Abs(float64(a-b)) > .01 }
	bad := far(got.x0, want.x0) || far(got.y0, want.y0) || far(got.x1, want.x1) || far(got.y1, want.y1) || far(got.score, want.score)
	for i, p := range want.points {
		bad = bad || far(got.points[i].X, p.X) || far(got.points[i].Y, p.Y)
	}
	if bad {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestDecodeYOLO(t *testing.T) {
	want := candidate{x0: 100, y0: 40, x1: 180, y1: 160, points: five(120, 90), score: .9}
	const n = 7
	rows := make([]float32, 20*n)
	set := func(value int, v float32) { rows[value*n+4] = v }
	for i, v := range []float32{140, 100, 80, 120, .9} {
		set(i, v)
	}
	for k, p := range want.points {
		set(5+3*k, p.X)
		set(6+3*k, p.Y)
		set(7+3*k, 99) // how sure it is of a point: not used
	}
	rows[4*n+2] = .5 // not above the threshold
	got, err := decodeYOLO(rows, .5)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	sameCandidate(t, got[0], want)
	if _, err := decodeYOLO(rows[:19], .5); !fault.Is(err, fault.Unsupported) {
		t.Errorf("19 numbers: %v", err)
	}
}

// TestDecodeAnchors writes a face into the tables by the definition in the card format and reads it back.
func TestDecodeAnchors(t *testing.T) {
	const side, stride = 64, 16 // 4×4 cells
	want := candidate{x0: 10, y0: 4, x1: 41, y1: 50, points: five(20, 30), score: .72}
	const col, row = 1, 2
	for _, c := range []struct {
		yunet   bool
		anchors int
		anchor  int
	}{{false, 2, 1}, {false, 1, 0}, {true, 1, 0}} {
		n := 16 * c.anchors
		l := level{stride: stride, side: side, anchors: c.anchors, scores: make([]float32, n), boxes: make([]float32, 4*n), points: make([]float32, 10*n)}
		i := (row*4+col)*c.anchors + c.anchor
		ax, ay := float32(col*stride), float32(row*stride)
		if c.yunet {
			l.objectness = make([]float32, n)
			for k := range l.objectness {
				l.objectness[k] = .1
			}
			l.scores[i], l.objectness[i] = .9, .8
			copy(l.boxes[4*i:], []float32{
				((want.x0+want.x1)/2 - ax) / stride, ((want.y0+want.y1)/2 - ay) / stride,
				float32(math.Log(float64(want.x1-want.x0) / stride)), float32(math.Log(float64(want.y1-want.y0) / stride)),
			})
		} else {
			l.scores[i] = .72
			copy(l.boxes[4*i:], []float32{(ax - want.x0) / stride, (ay - want.y0) / stride, (want.x1 - ax) / stride, (want.y1 - ay) / stride})
		}
		for k, p := range want.points {
			l.points[10*i+2*k], l.points[10*i+2*k+1] = (p.X-ax)/stride, (p.Y-ay)/stride
		}
		got, err := l.decode(c.yunet, .5)
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v: %v, %v", c, got, err)
		}
		sameCandidate(t, got[0], want)
		l.boxes = l.boxes[1:]
		if _, err := l.decode(c.yunet, .5); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%+v: boxes of another number: %v", c, err)
		}
	}
}

func TestStrongestOfThoseThatOverlap(t *testing.T) {
	at := func(x, score float32) candidate { return candidate{x0: x, y0: 0, x1: x + 10, y1: 10, score: score} }
	// 0 and 3 overlap by 70/130 = .54, 0 and 6 by 40/160 = .25.
	got := strongest([]candidate{at(6, .6), at(3, .7), at(0, .8), at(50, .5), at(0, float32(math.NaN()))}, .4)
	var xs []float32
	for _, c := range got {
		if c.score == c.score {
			xs = append(xs, c.x0)
		}
	}
	if fmt.Sprint(xs) != "[0 6 50]" {
		t.Errorf("%v", got)
	}
	many := make([]candidate, 5000)
	for i := range many {
		many[i] = at(float32(20*i), .9)
	}
	if got := strongest(many, .4); len(got) != mostCandidates {
		t.Errorf("%d stay", len(got))
	}
}

// blind is a detector of this package that sees nothing.
type blind struct{}

func (blind) Run(_ context.Context, _, outputs [][]float32) error {
	for _, o := range outputs {
		clear(o)
	}
	return nil
}

// TestCardDetectorHelps: a face that only the card's detector proposes, in pixels of its own picture, is where the
// package's own detector finds it, and the mesh lies on it.
func TestCardDetectorHelps(t *testing.T) {
	own := models(t, DefaultOptions())
	f := portrait(t, testmedia.Anton)
	base := &lens{m: own}
	seen, err := base.detect(t.Context(), f, thorough)
	if err != nil || len(seen) == 0 {
		t.Fatalf("%v, %v", seen, err)
	}
	rt, err := infer.Open(infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Close() })
	const side = 128
	k := side / float32(max(f.W, f.H, side)) // the frame lies in the upper left
	point := func(v pix.Vec2) (float32, float32) { return k*(v.X+.5) - .5, k*(v.Y+.5) - .5 }
	d := seen[0]
	cx, cy := point(pix.Vec2{X: d.box.X + d.box.W/2, Y: d.box.Y + d.box.H/2})
	rows := []float32{cx, cy, k * d.box.W, k * d.box.H, .9}
	for _, i := range []int{0, 1, 2, 3, 3} {
		x, y := point(d.keys[i])
		rows = append(rows, x, y, 1)
	}
	card, err := infer.ParseCard([]byte(`card: 1
name: oracle
kind: detector
licence: {id: CC0-1.0, commercial: yes}
files: [{name: x.onnx}]
size: 128
inputs: [{role: target, name: input, colour: BGR}]
outputs: [{role: rows, name: rows, shape: [1, 20, 1]}]
decoder: {name: yoloface, threshold: 0.5, overlap: 0.4}
`))
	if err != nil {
		t.Fatal(err)
	}
	net, err := rt.OpenBytes(infertest.Oracle(side, infertest.Table{Name: "rows", Values: rows, Dims: []int64{1, 20, 1}}).Bytes(), card)
	if err != nil {
		t.Fatal(err)
	}
	deaf := *own
	deaf.short, deaf.full = blind{}, blind{}
	with, err := deaf.WithDetector(net)
	if err != nil {
		t.Fatal(err)
	}
	l := &lens{m: with}
	if found, err := (&lens{m: &deaf}).detect(t.Context(), f, thorough); err != nil || len(found) != 0 {
		t.Fatalf("the package's own detectors are not blind: %v, %v", found, err)
	}
	found, err := l.detect(t.Context(), f, thorough)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if o := overlap(found[0].box, d.box); o < .98 {
		t.Errorf("box %+v, want %+v", found[0].box, d.box)
	}
	for i := range 4 {
		if math.Hypot(float64(found[0].keys[i].X-d.keys[i].X), float64(found[0].keys[i].Y-d.keys[i].Y)) > .05 {
			t.Errorf("point %d at %v, want %v", i, found[0].keys[i], d.keys[i])
		}
	}
	a, err := l.meet(t.Context(), f, &found[0])
	if err != nil || a == nil {
		t.Fatalf("the mesh does not lie on it: %v", err)
	}
	// Together they see one face, not two.
	both, err := own.WithDetector(net)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := (&lens{m: both}).detect(t.Context(), f, thorough); err != nil || len(found) != len(seen) {
		t.Errorf("with both: %d faces, alone %d (%v)", len(found), len(seen), err)
	}
	if _, err := own.WithDetector(recogniserNetwork(t, rt)); !fault.Is(err, fault.InvalidField) {
		t.Errorf("a recogniser as detector: %v", err)
	}
}

func recogniserNetwork(t *testing.T, rt *infer.Runtime) *infer.Network {
	t.Helper()
	card, err := infer.ParseCard([]byte(`card: 1
name: faces
kind: recogniser
licence: {id: CC0-1.0, commercial: yes}
files: [{name: x.onnx}]
size: 16
template: {name: arcface_112_v2}
inputs: [{role: target, name: input}]
outputs: [{role: embedding, name: output}]
`))
	if err != nil {
		t.Fatal(err)
	}
	n, err := rt.OpenBytes(infertest.Recogniser(16, make([]float32, 48*512)).Bytes(), card)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPublishedDetectors: each published detector's card, with a network of its inputs and outputs that sees one
// face at the first cell of the coarsest grid, finds it and nothing else.
func TestPublishedDetectors(t *testing.T) {
	cards, err := infer.PublishedCards()
	if err != nil {
		t.Fatal(err)
	}
	rt, err := infer.Open(infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Close() })
	own := models(t, DefaultOptions())
	f := pix.NewFrame(pix.Layout{W: 640, H: 480, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	ran := 0
	for _, c := range cards {
		if c.Kind != infer.Detector {
			continue
		}
		ran++
		var tables []infertest.Table
		for i, o := range c.Outputs {
			table := infertest.Table{Name: o.Name, Dims: o.Shape}
			if table.Name == "" {
				table.Name = fmt.Sprint("out", i)
			}
			if o.Role == infer.RoleRows {
				n := int(o.Shape[2])
				table.Values = make([]float32, 20*n)
				for k, v := range []float32{100, 100, 200, 200, .9} {
					table.Values[k*n] = v
				}
				tables = append(tables, table)
				continue
			}
			n := c.Size / o.Stride * (c.Size / o.Stride) * max(1, c.Decoder.Anchors)
			each := map[infer.Role]int{infer.RoleScores: 1, infer.RoleObjectness: 1, infer.RoleBoxes: 4, infer.RolePoints: 10}[o.Role]
			table.Values, table.Dims = make([]float32, n*each), []int64{int64(n), int64(each)}
			if c.Decoder.Name == infer.DecodeYuNet {
				table.Dims = []int64{1, int64(n), int64(each)}
			}
			if o.Stride == 32 {
				switch {
				case o.Role == infer.RoleScores || o.Role == infer.RoleObjectness:
					table.Values[0] = .95
				case o.Role == infer.RoleBoxes && c.Decoder.Name == infer.DecodeYuNet: // centre 100, side 200
					copy(table.Values, []float32{100. / 32, 100. / 32, float32(math.Log(200. / 32)), float32(math.Log(200. / 32))})
				case o.Role == infer.RoleBoxes: // from 0 to 200
					copy(table.Values, []float32{0, 0, 200. / 32, 200. / 32})
				}
			}
			tables = append(tables, table)
		}
		net, err := rt.OpenBytes(infertest.Oracle(int64(c.Size), tables...).Bytes(), c)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		with, err := own.WithDetector(net)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		found, err := with.helper.look(t.Context(), &lens{m: with}, f, nil)
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", c.Name, found, err)
			continue
		}
		k := 640 / float32(c.Size)
		if b := found[0].box; overlap(b, Box{0, 0, 200 * k, 200 * k}) < .98 {
			t.Errorf("%s: %+v", c.Name, b)
		}
	}
	if ran < 4 {
		t.Errorf("only %d cards were run", ran)
	}
}
