package patch

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// TestBoxMaskByDefinition compares with sums over a sampled Gaussian. The numbers at 256 pixels and
// blur 0.3 (border 19, sigma 9.5) are those of the field.
func TestBoxMaskByDefinition(t *testing.T) {
	const n, border, sigma = 256, 19, 9.5
	profile := func(low, high int) []float64 {
		p := make([]float64, n)
		for x := range p {
			sum, all := 0.0, 0.0
			for d := -60; d <= 60; d++ {
				w := math.Exp(-float64(d*d) / 2 / sigma / sigma)
				all += w
				if at := min(max(x+d, 0), n-1); at >= low && at < n-high {
					sum += w
				}
			}
			p[x] = sum / all
		}
		rest := max(p[0], p[n-1])
		for x, v := range p {
			p[x] = max(0, (v-rest)/(1-rest))
		}
		return p
	}
	for _, c := range []struct {
		padding                  [4]float64
		top, right, bottom, left int
	}{{[4]float64{}, border, border, border, border}, {[4]float64{10, 20, 0, 30}, 25, 51, border, 76}} {
		m := BoxMask(infer.BoxMask{Blur: .3, Padding: c.padding}, n)
		across, down := profile(c.left, c.right), profile(c.top, c.bottom)
		for y := 0; y < n; y += 5 {
			for x := 0; x < n; x += 3 {
				if got, want := float64(m.Row(y)[x]), across[x]*down[y]; math.Abs(got-want) > .002 {
					t.Fatalf("padding %v: (%d, %d) = %.4f, want %.4f", c.padding, x, y, got, want)
				}
			}
		}
	}
}

func TestNoBoxMaskReachesTheEdge(t *testing.T) {
	for _, n := range []int{8, 96, 512} {
		for _, blur := range []float64{0, .05, .3, 1} {
			m := BoxMask(infer.BoxMask{Blur: blur}, n)
			for i := range n {
				for _, v := range []float32{m.Row(0)[i], m.Row(n - 1)[i], m.Row(i)[0], m.Row(i)[n-1]} {
					if v != 0 {
						t.Fatalf("n=%d, blur %v: %v at the edge", n, blur, v)
					}
				}
			}
			if v := m.Row(n / 2)[n/2]; blur <= .3 && v < .99 {
				t.Errorf("n=%d, blur %v: %v in the middle", n, blur, v)
			}
		}
	}
}

func TestSoftenedShrinksToWhereItWasSure(t *testing.T) {
	m := pix.NewMap(64, 64)
	for i := range m.Pix {
		if i%64 >= 32 {
			m.Pix[i] = 1
		}
	}
	got := Softened(m, infer.MaskRule{Sigma: 5, Remap: infer.RemapClip})
	for _, x := range []int{20, 31, 34, 38, 44, 60} {
		// The Gaussian's integral over the half-plane, then clipped at one half and doubled.
		phi := .5 * math.Erfc(-(float64(x)-31.5)/5/math.Sqrt2)
		if want := (max(phi, .5) - .5) * 2; math.Abs(float64(got.Row(30)[x])-want) > .02 {
			t.Errorf("x=%d: %v, want %v", x, got.Row(30)[x], want)
		}
	}
	if same := Softened(m.Clone(), infer.MaskRule{}); same.Row(3)[32] != 1 || same.Row(3)[31] != 0 {
		t.Error("a rule without blur or remap changes the mask")
	}
}

func TestHull(t *testing.T) {
	got := Hull([]pix.Vec2{{X: 1, Y: 1}, {X: 0, Y: 0}, {X: 4, Y: 0}, {X: 2, Y: 1}, {X: 4, Y: 3}, {X: 0, Y: 3}, {X: 2, Y: 0}})
	if len(got) != 4 {
		t.Fatalf("%v", got)
	}
	area := float32(0)
	for i, p := range got {
		q := got[(i+1)%len(got)]
		area += (p.X*q.Y - q.X*p.Y) / 2
	}
	if area != 12 && area != -12 {
		t.Errorf("area %v of %v", area, got)
	}
}

// TestAreasHoldWhatTheyName: where the parts of the face lie decides, not the list of numbers.
func TestAreasHoldWhatTheyName(t *testing.T) {
	m := meshAt(200, 200, 10, 0, 1)
	const n = 200
	sq := pix.Square{X: 200, Y: 200, Side: 240}
	at := func(mask pix.Map, vertex int) float32 {
		p := sq.ToCrop(n, m[vertex].XY())
		return mask.Bilinear(p.X, p.Y)
	}
	const mouth, chin, bridge, cheek = 13, 199, 6, 50
	for _, c := range []struct {
		area    string
		in, out []int
	}{
		{infer.AreaMouth, []int{mouth}, []int{chin, bridge, cheek, 1}},
		{infer.AreaLower, []int{mouth, chin}, []int{bridge, 10}},
		{infer.AreaUpper, []int{bridge}, []int{mouth, chin, 10}},
	} {
		mask := AreaMask(c.area, &m, sq, n)
		for _, v := range c.in {
			if at(mask, v) < .6 {
				t.Errorf("%s: vertex %d has %v", c.area, v, at(mask, v))
			}
		}
		for _, v := range c.out {
			if at(mask, v) > .05 {
				t.Errorf("%s: vertex %d has %v", c.area, v, at(mask, v))
			}
		}
	}
}

func TestLandmarks68AreMirrorSymmetric(t *testing.T) {
	pairs := map[int]int{}
	for i := range 17 {
		pairs[i] = 16 - i
	}
	for i := range 5 {
		pairs[17+i], pairs[31+i] = 26-i, 35-i
	}
	for i, j := range map[int]int{27: 27, 28: 28, 29: 29, 30: 30, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46,
		48: 54, 49: 53, 50: 52, 51: 51, 55: 59, 56: 58, 57: 57, 60: 64, 61: 63, 62: 62, 65: 67, 66: 66} {
		pairs[i] = j
	}
	c := face.Canonical()
	for i, j := range pairs {
		a, b := c.Vertices[Landmarks68()[i]], c.Vertices[Landmarks68()[j]]
		if math.Hypot(float64(a.X+b.X), float64(a.Y-b.Y)) > .02 {
			t.Errorf("points %d and %d lie at %v and %v", i, j, a, b)
		}
	}
}
