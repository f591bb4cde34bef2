package swap

import (
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// numbered is a picture whose samples all differ.
func numbered(n int) *pix.RGB {
	p := pix.NewRGB(n, n)
	for c := range p.C {
		for i := range p.C[c] {
			p.C[c][i] = float32((i*7+c*31)%256) * .99
		}
	}
	return p
}

func TestBoostTakesEveryKthPixel(t *testing.T) {
	p := numbered(12)
	for _, k := range []int{1, 2, 3, 4} {
		n := 12 / k
		tiles := apart(p, k)
		if len(tiles) != k*k {
			t.Fatalf("%d pictures", len(tiles))
		}
		for j := range k {
			for i := range k {
				for y := range n {
					for x := range n {
						if got, want := tiles[j*k+i].C[1][y*n+x], p.C[1][(y*k+j)*12+x*k+i]; got != want {
							t.Fatalf("k=%d: picture (%d, %d) at (%d, %d) is %v, want %v", k, j, i, x, y, got, want)
						}
					}
				}
			}
		}
		back := together(tiles, k)
		for c := range p.C {
			for i, v := range p.C[c] {
				if back.C[c][i] != v {
					t.Fatalf("k=%d does not come back", k)
				}
			}
		}
	}
}
