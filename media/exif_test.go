package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// withEXIF puts an orientation into a JPEG, as cameras do.
func withEXIF(jpg []byte, orientation int, order binary.AppendByteOrder) []byte {
	tiff := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 1)
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, uint16(orientation))
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	body := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte(nil), jpg[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), jpg[2:]...)
}

// TestPhotoOrientation stores an upright picture the way each orientation says and wants
// it upright again.
func TestPhotoOrientation(t *testing.T) {
	// Upright: red top left, green top right, blue bottom left, white bottom right.
	const w, h = 32, 16
	upright := func(x, y int) color.RGBA {
		switch {
		case x < w/2 && y < h/2:
			return color.RGBA{255, 0, 0, 255}
		case y < h/2:
			return color.RGBA{0, 255, 0, 255}
		case x < w/2:
			return color.RGBA{0, 0, 255, 255}
		}
		return color.RGBA{255, 255, 255, 255}
	}
	// Where row 0 and column 0 of the stored picture lie upright (Exif 2.32, 4.6.4).
	stored := map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return w - 1 - y, x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return y, h - 1 - x },
	}
	for o := 1; o <= 8; o++ {
		sw, sh := w, h
		if o >= 5 {
			sw, sh = h, w
		}
		img := image.NewRGBA(image.Rect(0, 0, sw, sh))
		for y := range sh {
			for x := range sw {
				img.SetRGBA(x, y, upright(stored[o](x, y)))
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 98}); err != nil {
			t.Fatal(err)
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			path := filepath.Join(t.TempDir(), "p.jpg")
			if err := os.WriteFile(path, withEXIF(b.Bytes(), o, order), 0o600); err != nil {
				t.Fatal(err)
			}
			f, _, err := ReadPhoto(t.Context(), path, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if f.W != w || f.H != h {
				t.Fatalf("orientation %d: %d × %d", o, f.W, f.H)
			}
			c := newConverter(f)
			for _, p := range []image.Point{{4, 4}, {w - 5, 4}, {4, h - 5}, {w - 5, h - 5}} {
				r, g, bl := c.rgb(p.X, p.Y)
				want := upright(p.X, p.Y)
				if far(r, want.R) || far(g, want.G) || far(bl, want.B) {
					t.Errorf("orientation %d at %v: %d %d %d, want %v", o, p, r, g, bl, want)
				}
			}
		}
	}
}

func far(a, b uint8) bool { return int(a)-int(b) > 12 || int(b)-int(a) > 12 }

func FuzzOrientation(f *testing.F) {
	f.Add(withEXIF([]byte{0xff, 0xd8, 0xff, 0xd9}, 6, binary.BigEndian))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x04eXIfII*\x00"))
	f.Add([]byte("RIFF\x10\x00\x00\x00WEBPEXIF\x04\x00\x00\x00II*\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := exifOrientation(b); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
	})
}

// TestReadPhotoFiles reads every photo of the development set.
func TestReadPhotoFiles(t *testing.T) {
	dir := testmedia.Shared(t, "odd", "photo")
	for _, c := range []struct {
		file string
		w, h int
		code fault.Code
	}{
		{"exif_orientation6.jpg", 891, 891, ""}, {"gray.jpg", 891, 891, ""}, {"cmyk.jpg", 891, 891, ""},
		{"progressive.jpg", 891, 891, ""}, {"rgba.png", 512, 512, ""}, {"rgb16.png", 320, 320, ""}, {"palette.png", 512, 512, ""},
		{"face.webp", 600, 600, ""}, {"face.bmp", 400, 400, ""}, {"face.tiff", 400, 400, ""}, {"face.avif", 512, 512, ""},
		{"animated.gif", 512, 512, ""}, {"one_pixel.png", 1, 1, ""}, {"huge_6000px.jpg", MaxPhotoSide, MaxPhotoSide, ""},
		{"truncated.jpg", 0, 0, fault.Truncated}, {"text.jpg", 0, 0, fault.NotMedia}, {"zero.png", 0, 0, fault.Empty},
		{"absent.jpg", 0, 0, fault.NotFound},
	} {
		t.Run(c.file, func(t *testing.T) {
			f, _, err := ReadPhoto(t.Context(), filepath.Join(dir, c.file), Limits{})
			if c.code != "" {
				if !fault.Is(err, c.code) {
					t.Fatalf("error %v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.W != c.w || f.H != c.h || f.SubX != 0 || !f.Full {
				t.Errorf("got %s", f.Layout)
			}
		})
	}
	if _, _, err := ReadPhoto(t.Context(), filepath.Join(dir, "gray.jpg"), Limits{MaxPixels: 1000}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

// TestReadPhotoUpright compares the mirrored and turned copies with each other: read
// rightly, they show the same picture.
func TestReadPhotoUpright(t *testing.T) {
	dir := testmedia.Shared(t, "odd", "photo")
	a, _, err := ReadPhoto(t.Context(), filepath.Join(dir, "exif_orientation6.jpg"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exif_orientation2_mirror.jpg", "cmyk.jpg", "progressive.jpg"} {
		b, _, err := ReadPhoto(t.Context(), filepath.Join(dir, name), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for i := range a.Planes[0].P8 {
			d := float64(a.Planes[0].P8[i]) - float64(b.Planes[0].P8[i])
			sum += d * d
		}
		if mse := sum / float64(len(a.Planes[0].P8)); mse > 30 {
			t.Errorf("%s differs from its turned copy by %.0f", name, mse)
		}
	}
}
