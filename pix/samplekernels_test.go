package pix

import (
	"math"
	"math/rand/v2"
	"testing"
)

// atPlain is what along does, for one position.
func atPlain(r *reduced, x, y float32) float32 {
	x, y = max(0, min(x, float32(r.w-1))), max(0, min(y, float32(r.h-1)))
	ix, iy := min(int(x), r.w-2), min(int(y), r.h-2)
	dx, dy := x-float32(ix), y-float32(iy)
	top, low := r.pix[iy*r.w+ix:], r.pix[(iy+1)*r.w+ix:]
	a := top[0] + float32(dx*(top[1]-top[0]))
	b := low[0] + float32(dx*(low[1]-low[0]))
	return a + float32(dy*(b-a))
}

// TestReduceIsTheMean compares every cell with the mean of its samples, the plane's edge repeated
// outward.
func TestReduceIsTheMean(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	var r reduced
	for _, depth := range []int{8, 12} {
		f := NewFrame(Layout{W: 75, H: 41, Depth: depth, Mono: true}, Colour{})
		p := &f.Planes[0]
		for y := range p.H {
			for x := range p.W {
				p.Set(x, y, rnd.IntN(1<<depth))
			}
		}
		for factor := 1; factor <= 33; factor++ {
			for _, box := range [][4]float32{{10, 9, 50, 30}, {-40, -40, 30, 20}, {60, 30, 200, 200}, {-99, -99, 199, 199}, {500, 500, 510, 510}} {
				r.reduce(p, box[0], box[1], box[2], box[3], factor)
				skip := max(1, factor/4)
				for cy := range r.h {
					for cx := range r.w {
						sum, n := 0, 0
						for dy := (factor - 1) % skip / 2; dy < factor; dy += skip {
							for dx := (factor - 1) % skip / 2; dx < factor; dx += skip {
								sum += p.At(max(0, min(p.W-1, r.x0+cx*factor+dx)), max(0, min(p.H-1, r.y0+cy*factor+dy)))
								n++
							}
						}
						want, got := float32(sum), r.pix[cy*r.w+cx]
						if n > 1 {
							want *= 1 / float32(n)
						}
						if got != want {
							t.Fatalf("%d bit, factor %d, %v: cell %d, %d is %v, want %v", depth, factor, box, cx, cy, got, want)
						}
					}
				}
			}
		}
	}
}

func TestAlongStaysInside(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	r := reduced{w: 9, h: 5, pix: make([]float32, 45)}
	for i := range r.pix {
		r.pix[i] = rnd.Float32()
	}
	got := make([]float32, 40)
	for range 200 {
		g := grid{x: 30*rnd.Float32() - 10, y: 20*rnd.Float32() - 8, ux: 2*rnd.Float32() - 1, uy: 2*rnd.Float32() - 1}
		r.along(got, g)
		for i, v := range got {
			if want := atPlain(&r, g.x, g.y); v != want {
				t.Fatalf("sample %d: %v, want %v", i, v, want)
			}
			g.x += g.ux
			g.y += g.uy
		}
	}
	nan := float32(math.NaN())
	for _, g := range []grid{{x: nan, y: nan}, {x: 1e30, y: -1e30}, {ux: nan, uy: float32(math.Inf(1))}} {
		r.along(got, g)
		for _, v := range got {
			if !(v >= 0 && v <= 1) {
				t.Errorf("%+v gives %v", g, v)
			}
		}
	}
}
