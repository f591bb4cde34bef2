package media

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

func TestOrientationMatrix(t *testing.T) {
	for _, c := range []struct {
		rows    string
		degrees int
		mirror  bool
	}{
		{"00000000: 65536 0 0\n00000001: 0 65536 0\n00000002: 0 0 1073741824", 0, false},
		{"00000000: 0 65536 0\n00000001: -65536 0 0\n00000002: 47185920 0 1073741824", 90, false},
		{"00000000: -65536 0 0\n00000001: 0 -65536 0\n00000002: 0 0 1073741824", 180, false},
		{"00000000: 0 -65536 0\n00000001: 65536 0 0\n00000002: 0 0 1073741824", 270, false},
		{"00000000: -65536 0 0\n00000001: 0 65536 0\n00000002: 0 0 1073741824", 180, true},
		{"nonsense", 0, false},
	} {
		if d, m := orientation(c.rows); d != c.degrees || m != c.mirror {
			t.Errorf("%q: %d, %v", c.rows, d, m)
		}
	}
}

// TestSamplesView: the bytes of samples are little endian on the pipe, whatever the machine.
func TestSamplesView(t *testing.T) {
	l := pix.Layout{W: 3, H: 2, SubX: 1, SubY: 1, Depth: 10}
	f := newRawFrame(l, pix.Colour{})
	n := 0
	for _, p := range f.Planes {
		for i := range p.P16 {
			n++
			p.P16[i] = uint16(n)
		}
	}
	want := make([]byte, 0, 20)
	for i := 1; i <= 10; i++ {
		want = append(want, byte(i), 0)
	}
	var got []byte
	for _, p := range f.Planes {
		got = appendPlane(got, p)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if littleEndian() {
		if d := cmp.Diff(want, rawBytes(f)); d != "" {
			t.Error(d)
		}
	}
	if rawBytes(pix.NewFrame(l, pix.Colour{})) != nil {
		t.Error("planes that lie apart have no common bytes")
	}
	swapSamples(f.Planes[0].P16)
	if f.Planes[0].P16[0] != 0x100 {
		t.Error("samples are not swapped")
	}
}

// TestPictureColour converts known colours back from every matrix, range and depth.
func TestPictureColour(t *testing.T) {
	for _, m := range []pix.Matrix{pix.BT709, pix.BT601, pix.BT2020} {
		for _, full := range []bool{false, true} {
			for _, depth := range []int{8, 10, 12} {
				l := pix.Layout{W: 4, H: 4, SubX: 1, SubY: 1, Depth: depth}
				f := pix.NewFrame(l, pix.Colour{Matrix: m, Full: full})
				kr, kb := coefficients(m)
				r, g, b := 0.8, 0.4, 0.2
				y := kr*r + (1-kr-kb)*g + kb*b
				u, v := (b-y)/(2*(1-kb)), (r-y)/(2*(1-kr))
				step := float64(int(1) << (depth - 8))
				for i, x := range []float64{16*step + 219*step*y, 128*step + 224*step*u, 128*step + 224*step*v} {
					if full {
						top := float64(int(1)<<depth - 1)
						x = [3]float64{top * y, 128*step + top*u, 128*step + top*v}[i]
					}
					p := f.Planes[i]
					for yy := range p.H {
						for xx := range p.W {
							p.Set(xx, yy, int(math.Round(x)))
						}
					}
				}
				img := Picture(f, pix.Rect{}, 0)
				got := img.RGBAAt(3, 3)
				for i, d := range []float64{float64(got.R) - 255*r, float64(got.G) - 255*g, float64(got.B) - 255*b} {
					if math.Abs(d) > 2.5 {
						t.Errorf("matrix %d, full %v, %d bit: component %d is off by %.1f", m, full, depth, i, d)
					}
				}
			}
		}
	}
	f := pix.NewFrame(pix.Layout{W: 100, H: 50, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	if b := Picture(f, pix.Rect{X0: -5, Y0: 10, X1: 70, Y1: 90}, 35).Bounds(); b.Dx() != 35 || b.Dy() != 20 {
		t.Errorf("crop is %v", b)
	}
	path := filepath.Join(t.TempDir(), "t.jpg")
	if err := WriteJPEG(path, f, pix.Rect{}, 0); err != nil {
		t.Fatal(err)
	}
	if g, _, err := ReadPhoto(t.Context(), path, Limits{}); err != nil || g.W != 100 || g.H != 50 || g.Planes[0].P8[0] > 2 {
		t.Errorf("black comes back as %v: %v", g, err)
	}
	if err := WritePNG(filepath.Join(t.TempDir(), "no", "t.png"), f, pix.Rect{}, 0); !fault.Is(err, fault.NotWritable) {
		t.Errorf("error %v", err)
	}
}
