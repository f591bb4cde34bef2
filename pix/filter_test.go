package pix

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func noise(seed uint64, w, h int) Map {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := NewMap(w, h)
	for i := range m.Pix {
		m.Pix[i] = rng.Float32()
	}
	return m
}

// plainGauss is the definition of Blur in two dimensions.
func plainGauss(m Map, sigma float64) Map {
	o := NewMap(m.W, m.H)
	r := int(4*sigma) + 1
	for y := range m.H {
		for x := range m.W {
			var sum, weight float64
			for j := -r; j <= r; j++ {
				for i := -r; i <= r; i++ {
					k := math.Exp(-float64(i*i+j*j) / (2 * sigma * sigma))
					sx, sy := min(max(x+i, 0), m.W-1), min(max(y+j, 0), m.H-1)
					sum += k * float64(m.Pix[sy*m.W+sx])
					weight += k
				}
			}
			o.Pix[y*m.W+x] = float32(sum / weight)
		}
	}
	return o
}

func worst(a, b Map) (d float64) {
	for i := range a.Pix {
		d = max(d, math.Abs(float64(a.Pix[i]-b.Pix[i])))
	}
	return d
}

func TestBlurIsGaussian(t *testing.T) {
	for _, c := range []struct{ sigma, tolerance float64 }{
		{.6, .004}, {1.5, .004}, {2.4, .004}, {3.1, .015}, {4, .015}, {7.5, .015},
	} {
		t.Run(fmt.Sprint(c.sigma), func(t *testing.T) {
			m := noise(3, 97, 79)
			for i := range m.Pix { // a step on the noise
				if i%m.W > 47 {
					m.Pix[i]++
				}
			}
			want := plainGauss(m, c.sigma)
			got := m.Blurred(float32(c.sigma))
			Blur(m, m, float32(c.sigma))
			if worst(got, m) > 0 {
				t.Error("in place gives another result")
			}
			margin := 0 // repeated boxes see the border a little differently
			if c.sigma >= wideSigma {
				margin = int(3 * c.sigma)
			}
			for y := margin; y < m.H-margin; y++ {
				for x := margin; x < m.W-margin; x++ {
					if d := math.Abs(float64(got.Row(y)[x] - want.Row(y)[x])); d > c.tolerance {
						t.Fatalf("(%d, %d) differs from the definition by %.4f", x, y, d)
					}
				}
			}
			if d := worst(got, want); d > .1 {
				t.Errorf("at the border: differs from the definition by %.4f", d)
			}
		})
	}
}

func TestLowPassIgnoresWhatHasNoWeight(t *testing.T) {
	m, w := NewMap(48, 48), NewMap(48, 48)
	for i := range m.Pix {
		if x := i % 48; x < 20 {
			m.Pix[i], w.Pix[i] = 3, 1
		} else {
			m.Pix[i] = 1000 // hair, glasses, whatever
		}
	}
	out := LowPass([]Map{m}, w, 3)[0]
	for i, v := range out.Pix {
		if math.Abs(float64(v)-3) > 1e-3 {
			t.Fatalf("pixel %d is %v, want 3", i, v)
		}
	}
}

func TestDistanceEqualsDefinition(t *testing.T) {
	m := noise(5, 23, 17)
	inside := func(i int) bool { return m.Pix[i] > .97 }
	d := NewMap(m.W, m.H)
	Distance(d, inside)
	for i := range d.Pix {
		want := math.Inf(1)
		for j := range d.Pix {
			if inside(j) {
				want = min(want, math.Hypot(float64(i%m.W-j%m.W), float64(i/m.W-j/m.W)))
			}
		}
		if math.Abs(float64(d.Pix[i])-want) > 1e-4 {
			t.Fatalf("pixel %d: %v, want %v", i, d.Pix[i], want)
		}
	}
	Distance(d, func(int) bool { return false })
	if d.Pix[0] < 23 {
		t.Errorf("nothing inside: distance %v", d.Pix[0])
	}
}

func TestMorphology(t *testing.T) {
	m := NewMap(60, 40)
	m.FillDisc(Vec2{30, 20}, 10)
	if g := m.Grow(4); g.Pix[20*60+43] != 1 || g.Pix[20*60+46] != 0 {
		t.Error("growing by 4 does not reach 4 pixels farther")
	}
	if s := m.Grow(-4); s.Pix[20*60+35] != 1 || s.Pix[20*60+38] != 0 {
		t.Error("shrinking by 4 does not take 4 pixels")
	}
	hair := m.Clone()
	hair.FillLine([]Vec2{{0, 20}, {59, 20}}, 2)
	if o := hair.Open(3); o.Pix[20*60+5] != 0 || o.Pix[20*60+30] != 1 {
		t.Error("opening keeps a thin line or loses the disc")
	}
	gap := m.Clone()
	for y := range 40 {
		gap.Pix[y*60+30] = 0
	}
	if c := gap.Close(3); c.Pix[20*60+30] < .9 || c.Pix[20*60+50] != 0 {
		t.Error("closing leaves a thin gap or fills the outside")
	}
}

func TestCloseGreyEqualsDefinition(t *testing.T) {
	m := noise(9, 31, 22)
	const r = 4
	extreme := func(m Map, sign float32) Map {
		o := NewMap(m.W, m.H)
		for i := range o.Pix {
			best := float32(math.Inf(-1))
			for dy := -r; dy <= r; dy++ {
				half := int(math.Sqrt(float64(r*r-dy*dy)) + .5)
				for dx := -half; dx <= half; dx++ {
					x, y := i%m.W+dx, i/m.W+dy
					if x >= 0 && y >= 0 && x < m.W && y < m.H {
						best = max(best, sign*m.Pix[y*m.W+x])
					}
				}
			}
			o.Pix[i] = sign * best
		}
		return o
	}
	if d := worst(m.CloseGrey(r), extreme(extreme(m, 1), -1)); d > 0 {
		t.Errorf("differs from the definition by %v", d)
	}
}

func TestComponents(t *testing.T) {
	rows := []string{"##..#", "#...#", "..#..", "##.##"}
	labels, n := Components(5, 4, func(i int) bool { return rows[i/5][i%5] == '#' })
	if n != 5 {
		t.Errorf("%d regions, want 5", n)
	}
	if labels[0] != labels[5] || labels[0] == labels[4] || labels[2] != 0 {
		t.Errorf("labels %v", labels)
	}
}

func TestPolygon(t *testing.T) {
	square := []Vec2{{10, 10}, {20, 10}, {20, 20}, {10, 20}}
	for _, c := range []struct {
		p    Vec2
		want float64
	}{{Vec2{15, 15}, 5}, {Vec2{15, 11}, 1}, {Vec2{15, 8}, -2}, {Vec2{23, 24}, -5}, {Vec2{10, 15}, 0}} {
		if d := SignedDistance(square, c.p); math.Abs(float64(d)-c.want) > 1e-5 {
			t.Errorf("distance of %v = %v, want %v", c.p, d, c.want)
		}
	}
	m := FillPolygon(32, 32, square, 0, 1)
	area := 0.0
	for _, v := range m.Pix {
		area += float64(v)
	}
	if math.Abs(area-100) > 1 {
		t.Errorf("area %.2f, want 100", area)
	}
	nan := float32(math.NaN())
	FillPolygon(8, 8, []Vec2{{nan, 0}, {1e30, 2}, {2, -1e30}}, 1, 1) // must not hang or crash
}

func TestInpaintContinuesARamp(t *testing.T) {
	m, hole := NewMap(40, 40), NewMap(40, 40)
	for i := range m.Pix {
		m.Pix[i] = float32(i % 40)
	}
	hole.FillDisc(Vec2{20, 20}, 7)
	want := m.Clone()
	for i, v := range hole.Pix {
		if v > .5 {
			m.Pix[i] = -500
		}
	}
	Inpaint(m, hole)
	if d := worst(m, want); d > 1.5 {
		t.Errorf("a ramp is continued with an error of %.2f steps", d)
	}
}

func TestResample(t *testing.T) {
	m := NewMap(65, 33)
	for y := range m.H {
		for x := range m.W {
			m.Pix[y*m.W+x] = float32(x + 2*y)
		}
	}
	small := NewMap(17, 9)
	Resample(small, m)
	for y := 1; y < 8; y++ { // a ramp stays a ramp away from the border
		for x := 1; x < 16; x++ {
			if d := small.Pix[y*17+x] - float32(4*x+8*y); math.Abs(float64(d)) > 1e-3 {
				t.Fatalf("(%d, %d) off by %v", x, y, d)
			}
		}
	}
	big := NewMap(130, 66)
	Scale(big, m)
	if d := big.Pix[30*130+60] - (29.75 + 2*14.75); math.Abs(float64(d)) > 1e-3 {
		t.Errorf("scaled up: off by %v", d)
	}
}

func TestBicubicHitsPixelsAndParabolas(t *testing.T) {
	m := NewMap(12, 12)
	for i := range m.Pix {
		x, y := float32(i%12), float32(i/12)
		m.Pix[i] = x*x - 3*y + x*y
	}
	for _, p := range []Vec2{{3, 4}, {4.25, 5.5}, {6.9, 3.1}} {
		want := p.X*p.X - 3*p.Y + p.X*p.Y
		if d := m.Bicubic(p.X, p.Y) - want; math.Abs(float64(d)) > 1e-3 {
			t.Errorf("at %v: off by %v", p, d)
		}
	}
}

func TestBlendOfFullMaskIsTheDifference(t *testing.T) {
	for _, size := range [][2]int{{64, 48}, {37, 53}, {5, 4}, {3, 9}} {
		d, one := noise(2, size[0], size[1]), NewMap(size[0], size[1])
		for i := range one.Pix {
			one.Pix[i] = 1
		}
		if e := worst(Blend(d.Clone(), one, 4), d); e > 1e-5 {
			t.Errorf("%v: reconstructed with an error of %v", size, e)
		}
	}
}

func TestBlendPassesCoarseSoftlyAndFineSharply(t *testing.T) {
	d, mask := NewMap(128, 64), NewMap(128, 64)
	for i := range d.Pix {
		d.Pix[i] = 50 // a pure change of colour
		if i%128 < 64 {
			mask.Pix[i] = 1
		}
	}
	out := Blend(d, mask, 4)
	row := out.Row(32)
	if row[8] < 49 || row[120] > 1 {
		t.Errorf("far from the seam: %v and %v, want 50 and 0", row[8], row[120])
	}
	for x := 1; x < 128; x++ {
		if math.Abs(float64(row[x]-row[x-1])) > 6 {
			t.Fatalf("the seam jumps by %v at %d", row[x]-row[x-1], x)
		}
	}
}

func BenchmarkBlur64(b *testing.B) {
	m := noise(1, 64, 64)
	for b.Loop() {
		Blur(m, m, 4.5)
	}
}

func BenchmarkBlend(b *testing.B) {
	d, mask := noise(1, 360, 440), noise(2, 360, 440)
	for b.Loop() {
		Blend(d, mask, 4)
	}
}

func TestWarpEqualsBicubic(t *testing.T) {
	const step = 4
	src := noise(8, 45, 37)
	dx, dy := NewMap(13, 11), NewMap(13, 11)
	for i := range dx.Pix {
		x, y := i%13, i/13
		if x > 4 { // the left part stands still
			dx.Pix[i], dy.Pix[i] = 5*float32(math.Sin(float64(x))), 3*float32(math.Cos(float64(x+y)))
		}
	}
	dst := NewMap(45, 37)
	Warp(dst, src, dx, dy, step)
	linear := NewMap(45, 37)
	WarpLinear(linear, src, dx, dy, step)
	for y := range 37 {
		for x := range 45 {
			if x < 16 && dst.Row(y)[x] != src.Row(y)[x] {
				t.Fatalf("(%d, %d) stands still but changed", x, y)
			}
			gx, gy := float32(x)/step, float32(y)/step
			want := src.Bicubic(float32(x)+dx.Bilinear(gx, gy), float32(y)+dy.Bilinear(gx, gy))
			if d := dst.Row(y)[x] - want; math.Abs(float64(d)) > .03 { // 1/64 pixel on noise
				t.Fatalf("(%d, %d) off by %v", x, y, d)
			}
			want = src.Bilinear(float32(x)+dx.Bilinear(gx, gy), float32(y)+dy.Bilinear(gx, gy))
			if d := linear.Row(y)[x] - want; math.Abs(float64(d)) > .03 {
				t.Fatalf("linear: (%d, %d) off by %v", x, y, d)
			}
		}
	}
}

func BenchmarkWarp(b *testing.B) {
	src, dst := noise(1, 460, 600), NewMap(460, 600)
	dx, dy := noise(2, 120, 160), noise(3, 120, 160)
	for b.Loop() {
		Warp(dst, src, dx, dy, 4)
	}
}

func TestBilinearRowEqualsBilinear(t *testing.T) {
	m := noise(6, 9, 7)
	row := make([]float32, 60)
	for _, y := range []float32{-3, 0, 2.3, 6, 9} {
		m.BilinearRow(row, -1, y, .25)
		for i, v := range row {
			if want := m.Bilinear(-1+float32(i)*.25, y); math.Abs(float64(v-want)) > 1e-6 {
				t.Fatalf("at %d, %v: %v, want %v", i, y, v, want)
			}
		}
	}
}
