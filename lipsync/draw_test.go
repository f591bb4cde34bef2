package lipsync

import (
	"bytes"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// canonicalWidth is the canonical face's from vertex 234 to 454.
func canonicalWidth() float32 {
	c := face.Canonical().Vertices
	return c[454].X - c[234].X
}

// puppet is a person made for tests: the canonical face, whose first coefficient lowers the lower lip and the chin
// and whose second widens the mouth.
func puppet() *Model {
	m := new(Model)
	k := 1 / canonicalWidth()
	for i, v := range face.Canonical().Vertices {
		m.Ref[i] = pix.Vec3{X: k * v.X, Y: k * v.Y, Z: k * v.Z}
	}
	m.Basis = [][]float32{make([]float32, 2*len(shapePoints())), make([]float32, 2*len(shapePoints()))}
	lower := []int{95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375}
	for c, i := range shapePoints() {
		v := m.Ref[i]
		if v.Y > m.Ref[14].Y || slices.Contains(lower, i) {
			m.Basis[0][2*c+1] = 1
		}
		m.Basis[1][2*c] = v.X
	}
	return m
}

// headAt puts the puppet into a frame: its centre, its width in pixels and its roll.
func headAt(m *Model, x, y, width, roll float32, shape ...float32) *Head {
	sin, cos := float32(math.Sin(float64(roll))), float32(math.Cos(float64(roll)))
	h := &Head{Pose: Similarity{Scale: 1 / width, R: [9]float32{cos, sin, 0, -sin, cos, 0, 0, 0, 1}}}
	c := h.Pose.To(pix.Vec3{X: x, Y: y})
	h.Pose.T = pix.Vec3{X: -c.X, Y: -c.Y, Z: -c.Z}
	s := &shaper{basis: m.Basis, points: shapePoints()}
	dx, dy := s.displacement(make([]float32, len(shape)), shape, 1)
	at := m.Ref
	for c, i := range s.points {
		at[i].X += dx[c]
		at[i].Y += dy[c]
	}
	for i, p := range at {
		h.Mesh[i] = h.Pose.Back(p)
	}
	return h
}

// scene is a frame full of structure, with samples outside of the legal range.
func scene(l pix.Layout, seed uint32) *pix.Frame {
	f := pix.NewFrame(l, pix.Colour{})
	most := 1<<l.Depth - 1
	for p := range f.Planes {
		q := f.Planes[p]
		for y := range q.H {
			for x := range q.W {
				seed = seed*1664525 + 1013904223
				wave := .5 + .2*math.Sin(float64(x)/9) + .2*math.Cos(float64(y)/13)
				v := wave*float64(most) + (float64(seed>>16&255)-128)*float64(most)/1024
				if seed>>24 == 0 {
					v = float64(most)
				}
				q.Set(x, y, int(min(max(v, 0), float64(most))))
			}
		}
	}
	return f
}

// filmed cuts a mouth out of a frame.
func filmed(f *pix.Frame, h *Head, shape ...float32) *Mouth {
	m := &Mouth{Head: *h, Shape: shape, Box: mouthBox(&h.Mesh, f.Bounds())}
	l := f.Layout
	l.W, l.H = m.Box.W(), m.Box.H()
	m.Pixels = pix.NewFrame(l, f.Colour)
	for p, to := range m.Pixels.Planes {
		at := m.Box
		if p > 0 {
			at = f.ChromaRect(at)
		}
		for y := range to.H {
			for x := range to.W {
				to.Set(x, y, f.Planes[p].At(at.X0+x, at.Y0+y))
			}
		}
	}
	return m
}

var layouts = []pix.Layout{
	{W: 240, H: 260, SubX: 1, SubY: 1, Depth: 8},
	{W: 241, H: 263, SubX: 1, SubY: 0, Depth: 10},
	{W: 240, H: 260, Depth: 8},
	{W: 239, H: 261, SubX: 1, SubY: 1, Depth: 10},
	{W: 240, H: 260, Depth: 12, Mono: true, SubX: 1, SubY: 1},
}

func renderer(t testing.TB, m *Model) *Renderer {
	t.Helper()
	r, err := NewRenderer(m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same compares all samples where outside is true.
func same(a, b *pix.Frame, outside func(p, x, y int) bool) (differ int) {
	for p := range a.Planes {
		for y := range a.Planes[p].H {
			for x := range a.Planes[p].W {
				if a.Planes[p].At(x, y) != b.Planes[p].At(x, y) && outside(p, x, y) {
					differ++
				}
			}
		}
	}
	return differ
}

func everywhere(int, int, int) bool { return true }

func TestDrawLeavesWhatLiesOutside(t *testing.T) {
	model := puppet()
	r := renderer(t, model)
	for _, l := range layouts {
		t.Run(l.String(), func(t *testing.T) {
			before := scene(l, 1)
			h := headAt(model, 120, 120, 110, .1)
			m := filmed(scene(l, 2), headAt(model, 118, 124, 100, 0, .08, 0), .08, 0)
			f := before.Clone()
			done, err := r.Draw(f, h, m, &Frame{Amount: 1, Exact: 1, Shape: []float32{.12, .1}})
			if err != nil || !done.Changed {
				t.Fatal(done, err)
			}
			// The mesh above the base of the nose is none of a mouth's business, nor what is far from the chin.
			limit := int(h.Mesh[2].Y)
			outside := func(p, x, y int) bool {
				if p > 0 {
					x, y = x<<l.SubX, y<<l.SubY
				}
				dx, dy := float64(float32(x)-h.Mesh[152].X), float64(float32(y)-h.Mesh[152].Y)
				return y < limit-12 || math.Hypot(dx, dy) > 110
			}
			if n := same(before, f, outside); n > 0 {
				t.Errorf("%d samples changed that have nothing to do with the mouth", n)
			}
			if n := same(before, f, everywhere); n < 500 {
				t.Errorf("only %d samples changed", n)
			}
		})
	}
}

func TestDrawReproducesItsOwnFrame(t *testing.T) {
	model := puppet()
	r := renderer(t, model)
	for _, l := range layouts {
		t.Run(l.String(), func(t *testing.T) {
			before := scene(l, 3)
			h := headAt(model, 118.3, 121.7, 112, .2, .06, 0)
			f := before.Clone()
			if _, err := r.Draw(f, h, filmed(before, h, .06, 0), &Frame{Amount: 1, Exact: 1, Shape: []float32{.06, 0}}); err != nil {
				t.Fatal(err)
			}
			sum, n := 0, 0
			for p := range f.Planes {
				for y := range f.Planes[p].H {
					for x := range f.Planes[p].W {
						d := f.Planes[p].At(x, y) - before.Planes[p].At(x, y)
						sum += max(d, -d)
						n++
					}
				}
			}
			if mean := float64(sum) / float64(n) / float64(int(1)<<(l.Depth-8)); mean > .02 {
				t.Errorf("a mouth on its own frame changes a sample by %.3f steps of 8 bit on average", mean)
			}
		})
	}
}

func TestDrawNothing(t *testing.T) {
	model := puppet()
	r := renderer(t, model)
	before := scene(layouts[0], 4)
	h := headAt(model, 120, 120, 110, 0)
	m := filmed(scene(layouts[0], 5), h, 0, 0)
	for name, c := range map[string]struct {
		m    *Mouth
		want Frame
	}{
		"no mouth":  {nil, Frame{Amount: 1}},
		"amount 0":  {m, Frame{Amount: 0, Exact: 1, Shape: []float32{.1, 0}}},
		"no number": {m, Frame{Amount: float32(math.NaN()), Exact: 1}},
	} {
		f := before.Clone()
		done, err := r.Draw(f, h, c.m, &c.want)
		if err != nil || done.Changed || same(before, f, everywhere) > 0 {
			t.Errorf("%s: the frame is not as it was (%v, %v)", name, done, err)
		}
	}
}

func TestDrawDependsOnNothingElse(t *testing.T) {
	model := puppet()
	r := renderer(t, model)
	before := scene(layouts[0], 6)
	draw := func(k int) []byte {
		f := before.Clone()
		h := headAt(model, 120+float32(k), 118, 100+4*float32(k), .05*float32(k))
		m := filmed(scene(layouts[0], 7), headAt(model, 115, 122, 108, 0, .1, 0), .1, 0)
		if _, err := r.Draw(f, h, m, &Frame{Amount: .3 + .1*float32(k), Exact: .7, Shape: []float32{.02 * float32(k), 0}}); err != nil {
			t.Error(err)
		}
		return slices.Concat(f.Planes[0].P8, f.Planes[1].P8, f.Planes[2].P8)
	}
	var alone [6][]byte
	for k := range alone {
		alone[k] = draw(k)
	}
	var work sync.WaitGroup
	for n := range 24 {
		work.Go(func() {
			if k := n % len(alone); !bytes.Equal(draw(k), alone[k]) {
				t.Errorf("frame %d differs when others are drawn beside it", k)
			}
		})
	}
	work.Wait()
}

func TestDrawAtEdges(t *testing.T) {
	model := puppet()
	r := renderer(t, model)
	l := pix.Layout{W: 90, H: 70, SubX: 1, SubY: 1, Depth: 8}
	whole := filmed(scene(layouts[0], 8), headAt(model, 120, 120, 110, 0, .1, 0), .1, 0)
	for _, width := range []float32{.5, 12, 60, 300, 5000} {
		for _, x := range []float32{-1e6, 0, 45, 89} {
			for _, y := range []float32{-40, 0, 35, 69, 1e6} {
				for _, roll := range []float32{0, 2.5} {
					f := scene(l, 9)
					h := headAt(model, x, y, width, roll)
					for _, m := range []*Mouth{whole, filmed(f, h, 0, 0)} {
						if m.Box.Empty() {
							continue
						}
						if _, err := r.Draw(f, h, m, &Frame{Amount: 1, Exact: 1, Shape: []float32{.1, .1}}); err != nil {
							t.Fatalf("width %v at %v, %v: %v", width, x, y, err)
						}
					}
				}
			}
		}
	}
}

func TestDrawRefuses(t *testing.T) {
	model := puppet()
	r := renderer(t, model)
	f := scene(layouts[0], 1)
	h := headAt(model, 120, 120, 110, 0)
	nan := float32(math.NaN())
	for name, spoil := range map[string]func(h *Head, m *Mouth){
		"scale":      func(h *Head, _ *Mouth) { h.Pose.Scale = 0 },
		"tiny scale": func(_ *Head, m *Mouth) { m.Pose.Scale = 1e-42 },
		"rotation":   func(h *Head, _ *Mouth) { h.Pose.R[4] = nan },
		"mesh":       func(h *Head, _ *Mouth) { h.Mesh[14].Y = nan },
		"far":        func(_ *Head, m *Mouth) { m.Mesh[14].Y = float32(math.Inf(1)) },
		"no picture": func(_ *Head, m *Mouth) { m.Pixels = nil },
		"box":        func(_ *Head, m *Mouth) { m.Box.X1 += 2 },
	} {
		bad, m := *h, filmed(f, h, 0, 0)
		spoil(&bad, m)
		if _, err := r.Draw(f.Clone(), &bad, m, &Frame{Amount: 1}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	flat := puppet()
	flat.Ref = face.Shape{}
	if _, err := NewRenderer(flat); err == nil {
		t.Error("a face without size: no error")
	}
	short := puppet()
	short.Basis[1] = short.Basis[1][:7]
	if _, err := NewRenderer(short); err == nil {
		t.Error("a short basis: no error")
	}
}

// BenchmarkDraw draws a mouth on a face 250 pixels wide.
func BenchmarkDraw(b *testing.B) {
	m := puppet()
	l := pix.Layout{W: 512, H: 512, SubX: 1, SubY: 1, Depth: 8}
	f := scene(l, 1)
	h := headAt(m, 256, 240, 250, .05)
	var looks []look
	for k := range 12 {
		var s look
		s.see(scene(l, uint32(k)), &h.Mesh)
		looks = append(looks, s)
	}
	m.Usual = usualOf(looks)
	mouth := filmed(scene(l, 2), headAt(m, 250, 245, 245, 0, .08, 0), .08, 0)
	r := renderer(b, m)
	for b.Loop() {
		if done, err := r.Draw(f, h, mouth, &Frame{Amount: 1, Exact: .7, Shape: []float32{.12, .05}}); err != nil || !done.Changed {
			b.Fatal(done, err)
		}
	}
}
