package pix

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCoderKnownColours(t *testing.T) {
	// ITU-R BT.709 and BT.601 primaries in 8-bit limited range, rounded.
	for _, c := range []struct {
		name    string
		colour  Colour
		rgb     [3]float32
		y, u, v float64
	}{
		{"709 white", Colour{}, [3]float32{255, 255, 255}, 235, 128, 128},
		{"709 red", Colour{}, [3]float32{255, 0, 0}, 63, 102, 240},
		{"601 red", Colour{Matrix: BT601}, [3]float32{255, 0, 0}, 81, 90, 240},
		{"601 blue", Colour{Matrix: BT601}, [3]float32{0, 0, 255}, 41, 240, 110},
		{"full black", Colour{Full: true}, [3]float32{0, 0, 0}, 0, 128, 128},
	} {
		k := NewCoder(c.colour)
		y, u, v := k.YUV(c.rgb[0], c.rgb[1], c.rgb[2])
		for i, d := range []float64{float64(y) - c.y, float64(u) - c.u, float64(v) - c.v} {
			if math.Abs(d) > .6 {
				t.Errorf("%s: component %d off by %.2f", c.name, i, d)
			}
		}
		r, g, b := k.RGB(y, u, v)
		for i, d := range []float32{r - c.rgb[0], g - c.rgb[1], b - c.rgb[2]} {
			if math.Abs(float64(d)) > 1e-3 {
				t.Errorf("%s: channel %d does not come back: off by %v", c.name, i, d)
			}
		}
	}
}

func TestCurveComesBack(t *testing.T) {
	for _, tr := range []Transfer{SDR, HLG, PQ} {
		c := NewCurve(tr)
		for v := float32(0); v <= 255; v += .25 {
			if tr == PQ && v < 20 {
				continue // below a ten-thousandth of paper white nothing is told apart
			}
			if d := c.Code(c.Log(v)) - v; math.Abs(float64(d)) > .15 {
				t.Fatalf("transfer %d: %v comes back as %v", tr, v, v+d)
			}
		}
		if c.Code(100) > 255.01 || c.Code(-100) > .01 {
			t.Errorf("transfer %d does not clip", tr)
		}
	}
}

func TestPaperWhite(t *testing.T) {
	// ITU-R BT.2408: reference white is 75 % HLG and 58 % PQ.
	for _, c := range []struct {
		tr   Transfer
		code float64
	}{{SDR, 1}, {HLG, .75}, {PQ, .58}} {
		if l := toLight(c.tr, c.code); math.Abs(l-1) > .02 {
			t.Errorf("transfer %d: light of paper white is %.3f", c.tr, l)
		}
	}
}

func TestGamutComesBack(t *testing.T) {
	r, g, b := Narrow(Widen(.8, .3, .1))
	for i, d := range []float32{r - .8, g - .3, b - .1} {
		if math.Abs(float64(d)) > 1e-3 {
			t.Errorf("channel %d off by %v", i, d)
		}
	}
}

// layouts are all forms of frames that FFmpeg may deliver, with odd sizes.
func layouts() []Layout {
	var all []Layout
	for _, depth := range []int{8, 10, 12} {
		for _, sub := range [][2]int{{1, 1}, {1, 0}, {0, 0}} {
			all = append(all, Layout{W: 53, H: 41, SubX: sub[0], SubY: sub[1], Depth: depth})
		}
		all = append(all, Layout{W: 53, H: 41, Depth: depth, Mono: true})
	}
	return all
}

func noisyFrame(l Layout, full bool) *Frame {
	f := NewFrame(l, Colour{Full: full})
	rng := rand.New(rand.NewPCG(4, uint64(l.Depth)))
	for _, p := range f.Planes {
		for y := range p.H {
			for x := range p.W {
				p.Set(x, y, rng.IntN(1<<l.Depth)) // illegal values too: cameras write them
			}
		}
	}
	return f
}

func TestReplaceKeepsWhatIsEqual(t *testing.T) {
	for _, l := range layouts() {
		for _, full := range []bool{false, true} {
			t.Run(fmt.Sprint(l, full), func(t *testing.T) {
				f := noisyFrame(l, full).Clone()
				want := f.Clone()
				box := Rect{7, 3, 44, 38}
				before := f.RGB(box)
				after := before.Clone()
				f.Replace(box, before, after, false)
				if d := cmp.Diff(want, f); d != "" {
					t.Fatalf("an equal picture changed samples: %s", d)
				}
				inner := Rect{20, 15, 30, 25}
				for y := inner.Y0; y < inner.Y1; y++ {
					for x := inner.X0; x < inner.X1; x++ {
						after.C[0][(y-box.Y0)*after.W+x-box.X0] += 90
					}
				}
				f.Replace(box, before, after, false)
				changed := 0
				for i, p := range f.Planes {
					reach := inner
					if i > 0 {
						reach = f.ChromaRect(inner.Grow(1 << l.SubX >> 1))
					}
					for y := range p.H {
						for x := range p.W {
							if p.At(x, y) == want.Planes[i].At(x, y) {
								continue
							}
							changed++
							if x < reach.X0 || x >= reach.X1 || y < reach.Y0 || y >= reach.Y1 {
								t.Fatalf("plane %d changed outside at (%d, %d)", i, x, y)
							}
						}
					}
				}
				if changed < 50 {
					t.Errorf("only %d samples changed", changed)
				}
			})
		}
	}
}

func TestReplaceMeetsTheColour(t *testing.T) {
	for _, l := range layouts() {
		f := NewFrame(l, Colour{Matrix: BT601})
		box := Rect{10, 10, 40, 30}
		before := f.RGB(box)
		after := before.Clone()
		for p := range after.C[0] {
			after.C[0][p], after.C[1][p], after.C[2][p] = 180, 90, 60
		}
		f.Replace(box, before, after, false)
		got := f.RGB(Rect{20, 16, 24, 20})
		want := [3]float64{180, 90, 60}
		if l.Mono {
			want = [3]float64{113.5, 113.5, 113.5}
		}
		for c := range want {
			if d := float64(got.C[c][5]) - want[c]; math.Abs(d) > 2 { // blue is rounded in steps of 2
				t.Errorf("%v: channel %d off by %.2f", l, c, d)
			}
		}
	}
}

func TestAddStaysLegal(t *testing.T) {
	f := NewFrame(Layout{W: 4, H: 1, Depth: 8, Mono: true}, Colour{})
	for x, v := range []int{20, 230, 250, 5} {
		f.Planes[0].Set(x, 0, v)
	}
	f.Add(0, 0, 0, Map{4, 1, []float32{-40, 40, 40, -40}})
	want := []uint8{16, 235, 250, 5} // what was legal stays legal, what was not goes no farther
	if d := cmp.Diff(want, f.Planes[0].P8); d != "" {
		t.Error(d)
	}
}

func TestRGBOfFlatFrame(t *testing.T) {
	for _, l := range layouts() {
		if l.Mono {
			continue
		}
		f := NewFrame(l, Colour{})
		k := NewCoder(f.Colour)
		y, u, v := k.YUV(200, 120, 80)
		for i, s := range []float32{y, u, v} {
			f.Planes[i].fill(int(s*float32(int(1)<<(l.Depth-8)) + .5))
		}
		p := f.RGB(f.Bounds())
		for i := range p.C[0] {
			for c, want := range []float32{200, 120, 80} {
				if math.Abs(float64(p.C[c][i]-want)) > 1.8 {
					t.Fatalf("%v: channel %d of pixel %d is %v, want %v", l, c, i, p.C[c][i], want)
				}
			}
		}
	}
}
