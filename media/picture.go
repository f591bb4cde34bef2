package media

import (
	"bufio"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/image/draw"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// jpegQuality is that of thumbnails and previews.
const jpegQuality = 90

// Picture converts a part of a frame to sRGB as a screen shows it: matrix, range and
// depth are honoured, HDR is tone-mapped in a simple way (a preview, not a grade). An
// empty crop means the whole frame; one that reaches outside is cut to it. The longer
// side is scaled down to at most maxSide; 0 leaves the size.
func Picture(f *pix.Frame, crop pix.Rect, maxSide int) *image.RGBA {
	if crop.Empty() {
		crop = pix.Rect{X1: f.W, Y1: f.H}
	}
	crop = crop.Intersect(pix.Rect{X1: f.W, Y1: f.H})
	img := image.NewRGBA(image.Rect(0, 0, max(crop.W(), 1), max(crop.H(), 1)))
	if crop.Empty() {
		return img
	}
	c := newConverter(f)
	for y := crop.Y0; y < crop.Y1; y++ {
		row := img.Pix[(y-crop.Y0)*img.Stride:]
		for x := crop.X0; x < crop.X1; x++ {
			i := 4 * (x - crop.X0)
			row[i], row[i+1], row[i+2] = c.rgb(x, y)
			row[i+3] = 255
		}
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if side := max(w, h); maxSide > 0 && side > maxSide {
		k := float64(maxSide) / float64(side)
		small := image.NewRGBA(image.Rect(0, 0, max(1, int(math.Round(float64(w)*k))), max(1, int(math.Round(float64(h)*k)))))
		draw.CatmullRom.Scale(small, small.Rect, img, img.Rect, draw.Src, nil)
		return small
	}
	return img
}

// EncodeJPEG writes a part of a frame as JPEG; crop and maxSide are Picture's.
func EncodeJPEG(w io.Writer, f *pix.Frame, crop pix.Rect, maxSide int) error {
	if err := jpeg.Encode(w, Picture(f, crop, maxSide), &jpeg.Options{Quality: jpegQuality}); err != nil {
		return fault.From(err)
	}
	return nil
}

// WriteJPEG writes a part of a frame to a file, which appears whole or not at all; crop
// and maxSide are Picture's.
func WriteJPEG(path string, f *pix.Frame, crop pix.Rect, maxSide int) error {
	return writeWhole(path, func(w io.Writer) error { return EncodeJPEG(w, f, crop, maxSide) })
}

// WritePNG is WriteJPEG without loss.
func WritePNG(path string, f *pix.Frame, crop pix.Rect, maxSide int) error {
	return writeWhole(path, func(w io.Writer) error { return png.Encode(w, Picture(f, crop, maxSide)) })
}

// writeWhole fills a temporary file beside path and renames it.
func writeWhole(path string, fill func(io.Writer) error) (err error) {
	t, err := os.CreateTemp(filepath.Dir(path), ".twinsync-*"+filepath.Ext(path))
	if err != nil {
		return notWritable(path, err)
	}
	defer func() {
		if err != nil {
			t.Close()
			_ = os.Remove(t.Name()) // the first failure is the one to report
			err = fault.From(err)
		}
	}()
	b := bufio.NewWriter(t)
	if err := fill(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return publish(t, path)
}

// publish makes a temporary file durable and gives it its name, with the permissions
// that a file made in the ordinary way would have.
func publish(t *os.File, path string) error {
	if err := t.Chmod(0o644); err != nil {
		return err
	}
	if err := t.Sync(); err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := os.Rename(t.Name(), path); err != nil {
		return notWritable(path, err)
	}
	return nil
}

// converter turns one frame's samples into sRGB of 8 bit.
type converter struct {
	f           *pix.Frame
	yOff, yGain float64 // to 0…1
	cOff, cGain float64 // to −0.5…0.5
	kr, kg, kb  float64
	linear      []float64 // code value to light, for HDR; nil for SDR
	toBT709     bool
	subX, subY  int
}

// coefficients are the luma weights of a matrix (ITU-R BT.601, BT.709, BT.2020).
func coefficients(m pix.Matrix) (kr, kb float64) {
	switch m {
	case pix.BT601:
		return 0.299, 0.114
	case pix.BT2020:
		return 0.2627, 0.0593
	}
	return 0.2126, 0.0722
}

func newConverter(f *pix.Frame) *converter {
	top := float64(int(1)<<f.Depth - 1)
	c := &converter{f: f, subX: f.SubX, subY: f.SubY}
	step := float64(int(1) << (f.Depth - 8))
	if f.Full {
		c.yGain, c.cGain = 1/top, 1/top
	} else {
		c.yOff, c.yGain, c.cGain = 16*step, 1/(219*step), 1/(224*step)
	}
	c.cOff = 128 * step
	c.kr, c.kb = coefficients(f.Matrix)
	c.kg = 1 - c.kr - c.kb
	c.toBT709 = f.WideGamut
	if f.Transfer != pix.SDR {
		c.linear = make([]float64, 4096)
		for i := range c.linear {
			c.linear[i] = hdrLight(f.Transfer, float64(i)/4095)
		}
	}
	return c
}

// rgb converts the pixel at (x, y). Chroma is interpolated along rows as H.264 sites it:
// in the column of even luma samples; between rows the nearest is taken.
func (c *converter) rgb(x, y int) (r, g, b uint8) {
	yy := (float64(c.f.Planes[0].At(x, y)) - c.yOff) * c.yGain
	var u, v float64
	if !c.f.Mono {
		U, V := c.f.Planes[1], c.f.Planes[2]
		cx, cy := x>>c.subX, y>>c.subY
		u, v = float64(U.At(cx, cy)), float64(V.At(cx, cy))
		if c.subX == 1 && x&1 == 1 && cx+1 < U.W {
			u = (u + float64(U.At(cx+1, cy))) / 2
			v = (v + float64(V.At(cx+1, cy))) / 2
		}
		u, v = (u-c.cOff)*c.cGain, (v-c.cOff)*c.cGain
	}
	fr := yy + 2*(1-c.kr)*v
	fb := yy + 2*(1-c.kb)*u
	fg := (yy - c.kr*fr - c.kb*fb) / c.kg
	if c.linear != nil || c.toBT709 {
		fr, fg, fb = c.display(fr, fg, fb)
	}
	return clamp8(fr), clamp8(fg), clamp8(fb)
}

func clamp8(v float64) uint8 { return uint8(min(max(v, 0), 1)*255 + 0.5) }

// display brings wide gamut and HDR to sRGB.
func (c *converter) display(r, g, b float64) (float64, float64, float64) {
	light := func(v float64) float64 {
		v = min(max(v, 0), 1)
		if c.linear != nil {
			return c.linear[int(v*4095+0.5)]
		}
		return math.Pow(v, 2.4) // BT.1886
	}
	r, g, b = light(r), light(g), light(b)
	if c.toBT709 {
		// ITU-R BT.2087 M2, inverted: BT.2020 to BT.709 primaries.
		r, g, b = 1.6605*r-0.5876*g-0.0728*b, -0.1246*r+1.1329*g-0.0083*b, -0.0182*r-0.1006*g+1.1187*b
	}
	gamma := 2.4
	if c.linear != nil {
		// Reinhard's curve with white at the source's peak, on the brightest component,
		// which keeps the hue (Reinhard et al. 2002, equation 4).
		const white = 1000.0 / sdrWhite
		if top := max(r, g, b); top > 0 {
			k := (1 + top/(white*white)) / (1 + top)
			r, g, b = r*k, g*k, b*k
		}
		gamma = 2.2
	}
	enc := func(v float64) float64 { return math.Pow(max(v, 0), 1/gamma) }
	return enc(r), enc(g), enc(b)
}

// sdrWhite is the luminance in cd/m² that becomes the middle of the tone curve: HDR
// reference white is 203 (ITU-R BT.2408).
const sdrWhite = 203.0 / 1.6

// hdrLight gives the light of a code value relative to sdrWhite.
func hdrLight(t pix.Transfer, v float64) float64 {
	if t == pix.PQ { // SMPTE ST 2084
		const m1, m2, c1, c2, c3 = 2610.0 / 16384, 2523.0 / 4096 * 128, 3424.0 / 4096, 2413.0 / 4096 * 32, 2392.0 / 4096 * 32
		p := math.Pow(v, 1/m2)
		return 10000 * math.Pow(max(p-c1, 0)/(c2-c3*p), 1/m1) / sdrWhite
	}
	// Hybrid log-gamma (ITU-R BT.2100) on a display of 1000 cd/m²; the system gamma is
	// applied to each component, which a preview may.
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	e := v * v / 3
	if v > 0.5 {
		e = (math.Exp((v-c)/a) + b) / 12
	}
	return 1000 * math.Pow(e, 1.2) / sdrWhite
}
