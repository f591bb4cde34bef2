package testmedia_test

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"os/exec"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
)

// TestClipLiesWhereTruthSays decodes a clip's frames and looks for known points of the
// portrait at the places that the truth names.
func TestClipLiesWhereTruthSays(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, Frames: 12, Pan: 30, Nod: 10, Zoom: 0.1, Roll: 0.3,
		PixFmt: "yuv444p", Codec: []string{"-c:v", "libx264", "-qp", "1"}, Drop: []int{4}})
	if len(m.Truth) != 11 || m.Index[4] != 5 {
		t.Fatalf("%d frames, index %v", len(m.Truth), m.Index)
	}
	src, err := exec.Command("ffmpeg", "-v", "error", "-i", "file:"+testmedia.Photo(t, testmedia.Bea), "-pix_fmt", "rgba", "-f", "image2pipe", "-c:v", "png", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	photo, err := png.Decode(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := exec.Command("ffmpeg", "-v", "error", "-i", "file:"+m.Path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	size := 640 * 360 * 4
	if len(raw) != size*len(m.Truth) {
		t.Fatalf("%d bytes for %d frames", len(raw), len(m.Truth))
	}
	for n, places := range m.Truth {
		img := &image.RGBA{Pix: raw[n*size : (n+1)*size], Stride: 640 * 4, Rect: image.Rect(0, 0, 640, 360)}
		var off, count float64
		for y := 100; y < 350; y += 7 {
			for x := 100; x < 350; x += 7 {
				fx, fy := places[0].At(float64(x), float64(y))
				px, py := int(math.Round(fx)), int(math.Round(fy))
				if px < 0 || py < 0 || px >= 640 || py >= 360 {
					continue
				}
				_, g, _, _ := photo.At(x, y).RGBA()
				_, h, _, _ := img.At(px, py).RGBA()
				off += math.Abs(float64(g>>8) - float64(h>>8))
				count++
			}
		}
		// Half a pixel of rounding on a sharp portrait costs about this much; a wrong
		// place costs 40 and more.
		if mean := off / count; count < 500 || mean > 12 {
			t.Errorf("frame %d: mean difference %.1f at %v points", n, mean, count)
		}
	}
}

func TestCuts(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Anton, testmedia.Bea}, Cuts: []int{4, 8}, Frames: 10})
	for n, want := range []string{"anton", "anton", "anton", "anton", "bea", "bea", "bea", "bea", "", ""} {
		got := ""
		if len(m.Truth[n]) > 0 {
			got = m.Truth[n][0].Person
		}
		if got != want {
			t.Errorf("frame %d shows %q, want %q", n, got, want)
		}
	}
}
