package pix

import (
	"fmt"
	"math"
	"testing"
)

// ramp is a frame whose RGB at luma position (x, y) is known: smooth, so that subsampled
// chroma loses nothing.
func rampRGB(l Layout, x, y float64) (r, g, b float64) {
	u, v := x/float64(l.W), y/float64(l.H)
	if l.Mono {
		return .2 + .5*u, .2 + .5*u, .2 + .5*u
	}
	return .2 + .5*u, .3 + .4*v, .6 - .3*u
}

func rampFrame(l Layout, c Colour) *Frame {
	f := NewFrame(l, c)
	kr, kb := .2126, .0722
	switch c.Matrix {
	case BT601:
		kr, kb = .299, .114
	case BT2020:
		kr, kb = .2627, .0593
	}
	unit := float64(int(1) << (l.Depth - 8))
	code := func(x, y float64, plane int) int {
		r, g, b := rampRGB(l, x, y)
		luma := kr*r + (1-kr-kb)*g + kb*b
		v := [3]float64{luma, (b - luma) / (2 * (1 - kb)), (r - luma) / (2 * (1 - kr))}[plane]
		if c.Full {
			top := float64(int(1)<<l.Depth - 1)
			v *= top
			if plane > 0 {
				v += 128 * unit
			}
		} else if plane == 0 {
			v = (16 + 219*v) * unit
		} else {
			v = (128 + 224*v) * unit
		}
		return int(math.Round(v))
	}
	for i, p := range f.Planes {
		sx, sy := 1.0, 1.0
		if i > 0 {
			sx, sy = float64(int(1)<<l.SubX), float64(int(1)<<l.SubY)
		}
		for y := range p.H {
			for x := range p.W {
				p.Set(x, y, code(float64(x)*sx, float64(y)*sy+(sy-1)/2, i))
			}
		}
	}
	return f
}

func TestCropSeesTheColourThatIsThere(t *testing.T) {
	var s Sampler
	const n = 48
	dst := make([]float32, 3*n*n)
	for _, l := range []Layout{
		{W: 320, H: 240, SubX: 1, SubY: 1, Depth: 8}, {W: 321, H: 241, SubX: 1, SubY: 1, Depth: 10},
		{W: 320, H: 240, SubX: 1, Depth: 8}, {W: 320, H: 240, SubX: 1, Depth: 10},
		{W: 319, H: 240, Depth: 8}, {W: 320, H: 240, Depth: 12}, {W: 320, H: 240, Depth: 8, Mono: true},
	} {
		for _, c := range []Colour{{}, {Full: true}, {Matrix: BT601}, {Matrix: BT2020, Full: true}} {
			f := rampFrame(l, c)
			for _, sq := range []Square{
				{X: 150, Y: 120, Side: 30}, {X: 150, Y: 120, Side: 48, Angle: .4},
				{X: 160, Y: 118, Side: 75, Angle: -.9}, {X: 150, Y: 120, Side: 150, Angle: 2},
			} {
				t.Run(fmt.Sprintf("%v full=%v matrix=%d side=%v", l, c.Full, c.Matrix, sq.Side), func(t *testing.T) {
					s.Crop(dst, f, sq, n, SampleOptions{})
					for _, p := range []Vec2{{0, 0}, {47, 0}, {13, 40}, {24, 24}, {47, 47}} {
						at := sq.ToFrame(n, p)
						r, g, b := rampRGB(l, float64(at.X), float64(at.Y))
						i := 3 * (int(p.Y)*n + int(p.X))
						for k, want := range []float64{r, g, b} {
							if d := math.Abs(float64(dst[i+k]) - want); d > .012 {
								t.Errorf("at %v channel %d: %.4f, want %.4f", p, k, dst[i+k], want)
							}
						}
						if back := sq.ToCrop(n, at); math.Hypot(float64(back.X-p.X), float64(back.Y-p.Y)) > 1e-3 {
							t.Errorf("ToCrop(ToFrame(%v)) = %v", p, back)
						}
					}
				})
			}
		}
	}
}

func TestCropPosition(t *testing.T) {
	// A ramp of 1 luma step per pixel tells the position to a fraction of a pixel.
	f := NewFrame(Layout{W: 200, H: 200, SubX: 1, SubY: 1, Depth: 8}, Colour{Full: true})
	for y := range 200 {
		for x := range 200 {
			f.Planes[0].Set(x, y, x)
		}
	}
	var s Sampler
	for _, side := range []float32{20, 32, 47, 64, 96, 130} {
		const n = 32
		dst := make([]float32, 3*n*n)
		sq := Square{X: 100, Y: 100, Side: side, Angle: .3}
		s.Crop(dst, f, sq, n, SampleOptions{})
		for _, p := range []Vec2{{1, 1}, {30, 2}, {16, 16}, {7, 29}} {
			got := 255 * dst[3*(int(p.Y)*n+int(p.X))]
			if want := sq.ToFrame(n, p).X; math.Abs(float64(got-want)) > .05 {
				t.Errorf("side %g, %v: position %.3f, want %.3f", side, p, got, want)
			}
		}
	}
}

func TestCropAverages(t *testing.T) {
	// Stripes one sample wide are grey from afar.
	f := NewFrame(Layout{W: 640, H: 640, SubX: 1, SubY: 1, Depth: 8}, Colour{Full: true})
	for y := range 640 {
		for x := range 640 {
			f.Planes[0].Set(x, y, 255*(x&1))
		}
	}
	var s Sampler
	const n = 64
	dst := make([]float32, 3*n*n)
	s.Crop(dst, f, Square{X: 320, Y: 320, Side: 256, Angle: .2}, n, SampleOptions{})
	for i, v := range dst {
		if v < .3 || v > .7 {
			t.Fatalf("value %d is %.2f: aliased", i, v)
		}
	}
}

func TestCropEdgesAndOptions(t *testing.T) {
	l := Layout{W: 64, H: 48, SubX: 1, SubY: 1, Depth: 8}
	f := rampFrame(l, Colour{})
	var s Sampler
	const n = 32
	base, got := make([]float32, 3*n*n), make([]float32, 3*n*n)
	sq := Square{X: 0, Y: 0, Side: 40, Angle: .1}
	s.Crop(base, f, sq, n, SampleOptions{})
	if r, _, _ := rampRGB(l, 0, 0); math.Abs(float64(base[0])-r) > .02 {
		t.Errorf("corner beyond the edge is %.3f, want the edge's %.3f", base[0], r)
	}
	for name, c := range map[string]struct {
		o  SampleOptions
		at func(x, y, ch int) int
		f  func(v float32) float32
	}{
		"range":  {SampleOptions{Lo: -1, Hi: 1}, func(x, y, ch int) int { return 3*(y*n+x) + ch }, func(v float32) float32 { return 2*v - 1 }},
		"planar": {SampleOptions{Planar: true}, func(x, y, ch int) int { return ch*n*n + y*n + x }, func(v float32) float32 { return v }},
		"bgr":    {SampleOptions{BGR: true}, func(x, y, ch int) int { return 3*(y*n+x) + 2 - ch }, func(v float32) float32 { return v }},
		"mirror": {SampleOptions{Mirror: true}, func(x, y, ch int) int { return 3*(y*n+n-1-x) + ch }, func(v float32) float32 { return v }},
	} {
		s.Crop(got, f, sq, n, c.o)
		for y := range n {
			for x := range n {
				for ch := range 3 {
					if d := got[c.at(x, y, ch)] - c.f(base[3*(y*n+x)+ch]); d > 1e-6 || d < -1e-6 {
						t.Fatalf("%s: (%d, %d) channel %d differs by %g", name, x, y, ch, d)
					}
				}
			}
		}
	}
	s.Crop(got, f, sq, n, SampleOptions{Lo: -1, Hi: 1, Black: true})
	if got[0] != -1 || got[3*(n*n-1)] == -1 {
		t.Errorf("outside %g, inside %g", got[0], got[3*(n*n-1)])
	}
	// Wholly outside, tiny and huge: nothing to see, but nothing breaks.
	for _, sq := range []Square{{X: -5000, Y: 90000, Side: 30}, {X: 30, Y: 20, Side: .01}, {X: 30, Y: 20, Side: 1e6}} {
		s.Crop(got, f, sq, n, SampleOptions{})
	}
}

func TestCropOfTinyFrames(t *testing.T) {
	var s Sampler
	for _, l := range []Layout{{W: 1, H: 1, SubX: 1, SubY: 1, Depth: 8}, {W: 1, H: 2, Depth: 10}, {W: 3, H: 1, SubX: 1, Depth: 8}} {
		dst := make([]float32, 3*16*16)
		f := NewFrame(l, Colour{})
		f.Planes[0].fill(16 << (l.Depth - 8))
		s.Crop(dst, f, Square{Side: 9, Angle: 1}, 16, SampleOptions{})
		for _, v := range dst {
			if v > .01 {
				t.Fatalf("%v: black reads %g", l, v)
			}
		}
	}
}

func TestHDRLooksLikeSDR(t *testing.T) {
	// BT.2408: reference white is code .58 in PQ and .75 in HLG; 18 % grey .38 and .38.
	for _, c := range []struct {
		transfer    Transfer
		white, grey float64
	}{{PQ, .58, .38}, {HLG, .75, .38}} {
		h := newHDRCurve(c.transfer)
		w, _, _ := h.sdr(float32(c.white), float32(c.white), float32(c.white), true)
		g, _, _ := h.sdr(float32(c.grey), float32(c.grey), float32(c.grey), true)
		top, _, _ := h.sdr(1, 1, 1, true)
		if w < .85 || w > .98 || top < w || top > 1.001 {
			t.Errorf("transfer %d: white %.3f, peak %.3f", c.transfer, w, top)
		}
		if g < .35 || g > .55 {
			t.Errorf("transfer %d: middle grey %.3f", c.transfer, g)
		}
	}
}

func BenchmarkCrop192(b *testing.B) {
	for _, side := range []float32{192, 300, 450, 900} {
		f := rampFrame(Layout{W: 1920, H: 1080, SubX: 1, SubY: 1, Depth: 8}, Colour{})
		var s Sampler
		dst := make([]float32, 3*192*192)
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			for b.Loop() {
				s.Crop(dst, f, Square{X: 900, Y: 500, Side: side, Angle: .2}, 192, SampleOptions{})
			}
		})
	}
}

func BenchmarkCropWholeFrame128(b *testing.B) {
	f := rampFrame(Layout{W: 1920, H: 1080, SubX: 1, SubY: 1, Depth: 8}, Colour{})
	var s Sampler
	dst := make([]float32, 3*128*128)
	for b.Loop() {
		s.Crop(dst, f, Square{X: 960, Y: 540, Side: 1920}, 128, SampleOptions{Black: true})
	}
}
