package face

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// scene is a picture of soft blobs, moved by (dx, dy) pixels and made brighter by a gain.
func scene(seed uint64, dx, dy int, gain float64) *pix.Frame {
	const w, h = 320, 180
	f := pix.NewFrame(pix.Layout{W: w, H: h, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	for i := range f.Planes {
		p := f.Planes[i]
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		var cells [24][24]int
		for y := range cells {
			for x := range cells[y] {
				cells[y][x] = 40 + rng.IntN(150)
			}
		}
		k := w / p.W
		for y := range p.H {
			for x := range p.W {
				v := cells[(y*k+dy+400)/30%24][(x*k+dx+400)/30%24]
				if i == 0 {
					v = min(255, int(float64(v)*gain))
				}
				p.Set(x, y, v)
			}
		}
	}
	return f
}

// mixed is a and b, w of b.
func mixed(a, b *pix.Frame, w float64) *pix.Frame {
	f := a.Clone()
	for i := range f.Planes {
		for k, v := range f.Planes[i].P8 {
			f.Planes[i].P8[k] = uint8(float64(v)*(1-w) + float64(b.Planes[i].P8[k])*w)
		}
	}
	return f
}

func TestCuts(t *testing.T) {
	repeat := func(n int, f func(i int) *pix.Frame) []*pix.Frame {
		var out []*pix.Frame
		for i := range n {
			out = append(out, f(i))
		}
		return out
	}
	still := func(seed uint64) func(int) *pix.Frame {
		return func(int) *pix.Frame { return scene(seed, 0, 0, 1) }
	}
	for name, c := range map[string]struct {
		frames []*pix.Frame
		want   []int
	}{
		"still":      {repeat(20, still(1)), nil},
		"cuts":       {slices.Concat(repeat(10, still(1)), repeat(10, still(2)), repeat(10, still(3))), []int{10, 20}},
		"quick cuts": {slices.Concat(repeat(5, still(1)), repeat(5, still(2)), repeat(5, still(1))), []int{5, 10}},
		"pan":        {repeat(30, func(i int) *pix.Frame { return scene(1, 8*i, 2*i, 1) }), nil},
		"shake":      {repeat(30, func(i int) *pix.Frame { return scene(1, 13*(i%3), 17*(i%2), 1) }), nil},
		"flicker":    {repeat(30, func(i int) *pix.Frame { return scene(1, 0, 0, []float64{1, .6, 1.4}[i/5%3]) }), nil},
		"fade":       {repeat(30, func(i int) *pix.Frame { return mixed(scene(1, 0, 0, 1), scene(2, 0, 0, 1), float64(i)/29) }), nil},
		"flash":      {slices.Concat(repeat(10, still(1)), repeat(1, func(int) *pix.Frame { return scene(9, 0, 0, 9) }), repeat(10, still(1))), nil},
		"black":      {slices.Concat(repeat(10, func(int) *pix.Frame { return scene(1, 0, 0, 0) }), repeat(10, still(2))), []int{10}},
	} {
		t.Run(name, func(t *testing.T) {
			var cut cutter
			for i, f := range c.frames {
				cut.see(i, f)
			}
			if !slices.Equal(cut.cuts, c.want) {
				t.Errorf("cuts at %v, want %v", cut.cuts, c.want)
			}
		})
	}
}

func TestGlanceReadsAllLayouts(t *testing.T) {
	for _, l := range []pix.Layout{
		{W: 1, H: 1, SubX: 1, SubY: 1, Depth: 8}, {W: 427, H: 241, Depth: 8}, {W: 64, H: 48, SubX: 1, Depth: 10},
		{W: 64, H: 48, Depth: 12}, {W: 64, H: 48, Depth: 8, Mono: true},
	} {
		f := pix.NewFrame(l, pix.Colour{})
		f.Planes[0].Set(0, 0, 200<<(l.Depth-8))
		var k look
		k.glance(f)
		if k.luma[lookW*lookH-1] != 16 && l.W > 1 {
			t.Errorf("%v: black reads %d", l, k.luma[lookW*lookH-1])
		}
		if k.cb[5] != 128 || k.cr[5] != 128 {
			t.Errorf("%v: neutral chroma reads %d, %d", l, k.cb[5], k.cr[5])
		}
	}
}

func BenchmarkCutter(b *testing.B) {
	f, g := scene(1, 0, 0, 1), scene(1, 9, 3, 1)
	var c cutter
	for i := 0; b.Loop(); i++ {
		c.see(i, []*pix.Frame{f, g}[i%2])
	}
}
