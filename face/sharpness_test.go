package face

import (
	"math/rand/v2"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// TestSharpnessCounts compares with the definition: sort and take the middle.
func TestSharpnessCounts(t *testing.T) {
	for _, depth := range []int{8, 10, 12} {
		f := pix.NewFrame(pix.Layout{W: 90, H: 70, SubX: 1, SubY: 1, Depth: depth}, pix.Colour{})
		r := rand.New(rand.NewPCG(1, uint64(depth)))
		for y := range f.H {
			for x := range f.W {
				f.Planes[0].Set(x, y, r.IntN(1<<depth))
			}
		}
		for _, side := range []float32{9, 40, 41, 66} {
			var m Mesh
			for i := range m {
				m[i] = pix.Vec3{X: 45 + side*(r.Float32()-.5), Y: 35 + side*(r.Float32()-.5)}
			}
			b := m.Bounds()
			var v []float32
			for y := int(b.Y + .2*b.H); y <= int(b.Y+.8*b.H); y++ {
				for x := int(b.X + .2*b.W); x <= int(b.X+.8*b.W); x++ {
					p := &f.Planes[0]
					d := 4*p.At(x, y) - p.At(x-1, y) - p.At(x+1, y) - p.At(x, y-1) - p.At(x, y+1)
					v = append(v, float32(max(d, -d)))
				}
			}
			want := median(v) / float32(int(1)<<(depth-8))
			if got := sharpness(f, &m); got != want {
				t.Errorf("%d bit, %v: %v, want %v", depth, side, got, want)
			}
		}
	}
}
