package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// MaxPhotoSide is the longest side of a photo that ReadPhoto returns; larger ones are
// scaled down. No face needs more.
const MaxPhotoSide = 4096

// hardPhotoPixels bounds what is decoded at all where Limits say nothing: about 400 MB of samples.
const hardPhotoPixels = 100_000_000

// errForeign says that a picture is of a kind that Go's decoders do not know.
var errForeign = errors.New("not a format of the built-in decoders")

// ReadPhoto reads a still picture as a frame of 4:4:4, 8 bit, full range, BT.601: JPEG
// (grey and CMYK too), PNG, GIF (its first picture), WebP, BMP, TIFF, and AVIF or HEIC
// where the installed FFmpeg can. EXIF and HEIF orientation is applied, transparency is
// laid over white, longer sides than MaxPhotoSide are scaled down, and embedded colour
// profiles other than sRGB are ignored. The notes say what was changed.
//
// Faults: NotFound, Empty, NotMedia, Truncated, TooLarge, Unsupported.
func ReadPhoto(ctx context.Context, path string, lim Limits) (*pix.Frame, []string, error) {
	if _, err := checkFile(path, lim); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, fault.From(err)
	}
	kind := sniff(path)
	var notes []string
	var img image.Image
	var err error
	orient := 1
	switch kind {
	case "JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF":
		var data []byte
		if data, err = os.ReadFile(path); err != nil {
			return nil, nil, fault.From(err)
		}
		orient = exifOrientation(data)
		img, err = decodeBuiltIn(kind, data, lim)
		if errors.Is(err, errForeign) {
			img, err = decodeFFmpeg(ctx, path, kind, lim)
		}
	case "AVIF", "HEIC":
		img, err = decodeFFmpeg(ctx, path, kind, lim)
	default:
		return nil, nil, fault.New(fault.NotMedia, "", "the file is no picture")
	}
	if err != nil {
		return nil, nil, err
	}
	if kind == "GIF" {
		notes = append(notes, "the first picture of the GIF is used")
	}
	if o, ok := img.(interface{ Opaque() bool }); ok && !o.Opaque() {
		notes = append(notes, "transparent parts are laid over white")
	}
	b := img.Bounds()
	f := toFrame(shrink(img))
	if f.W != b.Dx() {
		notes = append(notes, fmt.Sprintf("the photo of %d × %d is scaled down to %d × %d", b.Dx(), b.Dy(), f.W, f.H))
	}
	return orientFrame(f, orient), notes, nil
}

func photoTooLarge(w, h int) error {
	return fault.New(fault.TooLarge, "", "the photo is too large: %d × %d", w, h)
}

func checkPhotoSize(w, h int, lim Limits) error {
	limit := hardPhotoPixels
	if lim.MaxPixels > 0 {
		limit = min(limit, lim.MaxPixels)
	}
	if w <= 0 || h <= 0 {
		return fault.New(fault.NotMedia, "", "the photo has no size")
	}
	if w > limit || h > limit || w*h > limit {
		return photoTooLarge(w, h)
	}
	return nil
}

// decodeBuiltIn uses Go's decoders, which are memory-safe and know CMYK; the size is
// checked before a pixel is decoded.
func decodeBuiltIn(kind string, data []byte, lim Limits) (image.Image, error) {
	type codec struct {
		config func(io.Reader) (image.Config, error)
		decode func(io.Reader) (image.Image, error)
	}
	c := map[string]codec{
		"JPEG": {jpeg.DecodeConfig, jpeg.Decode}, "PNG": {png.DecodeConfig, png.Decode},
		"GIF": {gif.DecodeConfig, gif.Decode}, "WebP": {webp.DecodeConfig, webp.Decode},
		"BMP": {bmp.DecodeConfig, bmp.Decode}, "TIFF": {tiff.DecodeConfig, tiff.Decode},
	}[kind]
	cfg, err := c.config(bytes.NewReader(data))
	if err != nil {
		return nil, photoFault(kind, data, err)
	}
	if err := checkPhotoSize(cfg.Width, cfg.Height, lim); err != nil {
		return nil, err
	}
	img, err := c.decode(bytes.NewReader(data))
	if err != nil {
		return nil, photoFault(kind, data, err)
	}
	return img, nil
}

// photoFault tells a picture cut short from one of an unknown variety and a broken one.
func photoFault(kind string, data []byte, err error) error {
	var ju jpeg.UnsupportedError
	var pu png.UnsupportedError
	var tu tiff.UnsupportedError
	switch {
	case errors.As(err, &ju), errors.As(err, &pu), errors.As(err, &tu), errors.Is(err, bmp.ErrUnsupported):
		return errForeign
	case cutShort(kind, data, err):
		return fault.New(fault.Truncated, "", "the photo is incomplete: the end of the file is missing").
			WithHint("Copy or download it again.").WithCause(err)
	case kind == "WebP":
		return errForeign // the animated and other rarer kinds are reported as plain errors
	}
	return fault.New(fault.NotMedia, "", "the photo is damaged").WithCause(err)
}

// cutShort reports whether a picture's end is missing. Not every decoder says so in its error.
func cutShort(kind string, data []byte, err error) bool {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "unexpected EOF"):
		return true
	case kind == "JPEG": // ends with the marker EOI
		return !bytes.HasSuffix(bytes.TrimRight(data, "\x00"), []byte{0xff, 0xd9})
	case kind == "PNG": // ends with the chunk IEND
		return !bytes.Contains(data, []byte("IEND"))
	case kind == "WebP" && len(data) >= 8: // RIFF says its length
		return uint64(binary.LittleEndian.Uint32(data[4:]))+8 > uint64(len(data))
	}
	return false
}

// demuxers are FFmpeg's readers of single pictures. They are named, because by itself it
// would choose one that reads the path as a pattern for many files.
var demuxers = map[string]string{"JPEG": "jpeg_pipe", "PNG": "png_pipe", "GIF": "gif", "WebP": "webp_pipe",
	"BMP": "bmp_pipe", "TIFF": "tiff_pipe", "AVIF": "mov", "HEIC": "mov"}

// decodeFFmpeg reads the first picture of a file that Go has no decoder for.
func decodeFFmpeg(ctx context.Context, path, kind string, lim Limits) (image.Image, error) {
	in := []string{"-protocol_whitelist", "file,pipe", "-f", demuxers[kind], "-i", fileURL(path)}
	out, p, err := output(ctx, "ffprobe", append([]string{"-v", "error", "-hide_banner", "-select_streams", "v:0",
		"-show_entries", "stream=width,height", "-of", "csv=p=0"}, in...), 1<<16)
	if err != nil && (p == nil || !fault.Is(err, fault.Internal)) {
		return nil, err
	}
	var w, h int
	if _, serr := fmt.Sscanf(string(bytes.TrimSpace(out)), "%d,%d", &w, &h); err != nil || serr != nil || w < 1 || h < 1 {
		return nil, fault.New(fault.Unsupported, "", "the installed FFmpeg cannot read this picture").
			WithHint("Save it as JPEG or PNG.").WithCause(errors.Join(err, serr))
	}
	if err := checkPhotoSize(w, h, lim); err != nil {
		return nil, err
	}
	side := min(max(w, h), MaxPhotoSide)
	opts := []string{"-v", "error", "-hide_banner", "-nostdin"}
	if demuxers[kind] != "mov" {
		opts = append(opts, "-noautorotate") // EXIF is applied here, HEIF's own turn by FFmpeg
	}
	out, _, err = output(ctx, "ffmpeg", append(append(opts, in...),
		"-map", "0:v:0", "-frames:v", "1", "-vf",
		fmt.Sprintf("scale=w=%d:h=%d:force_original_aspect_ratio=decrease:flags=bicubic+accurate_rnd+full_chroma_int,format=rgba", side, side),
		"-c:v", "png", "-compression_level", "1", "-f", "image2pipe", "pipe:1"), 1<<30)
	if err != nil {
		if !fault.Is(err, fault.Internal) {
			return nil, err
		}
		return nil, fault.New(fault.NotMedia, "", "the photo is damaged").WithCause(err)
	}
	img, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		return nil, fault.New(fault.NotMedia, "", "the photo is damaged").WithCause(err)
	}
	return img, nil
}

// fit is the size of a picture within MaxPhotoSide.
func fit(w, h int) (int, int) {
	side := max(w, h)
	if side <= MaxPhotoSide {
		return w, h
	}
	k := float64(MaxPhotoSide) / float64(side)
	return max(1, int(math.Round(float64(w)*k))), max(1, int(math.Round(float64(h)*k)))
}

// shrink scales a picture that is too large.
func shrink(img image.Image) image.Image {
	b := img.Bounds()
	w, h := fit(b.Dx(), b.Dy())
	if w == b.Dx() && h == b.Dy() {
		return img
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.White, image.Point{}, draw.Src)
	// Up to half the size, sampling four neighbours loses nothing; below it would alias.
	scaler := draw.ApproxBiLinear
	if b.Dx() > 2*w || b.Dy() > 2*h {
		scaler = draw.BiLinear
	}
	scaler.Scale(dst, dst.Bounds(), img, b, draw.Over, nil)
	return dst
}

// toFrame converts to YUV 4:4:4 as JFIF defines it: BT.601, full range. JPEG's own
// samples are taken as they are where they are not subsampled.
func toFrame(img image.Image) *pix.Frame {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	f := pix.NewFrame(pix.Layout{W: w, H: h, Depth: 8}, pix.Colour{Matrix: pix.BT601, Full: true})
	Y, U, V := f.Planes[0].P8, f.Planes[1].P8, f.Planes[2].P8
	switch m := img.(type) {
	case *image.Gray:
		for y := range h {
			copy(Y[y*w:(y+1)*w], m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		}
		return f // chroma is neutral already
	case *image.YCbCr:
		if m.SubsampleRatio == image.YCbCrSubsampleRatio444 {
			for y := range h {
				at := m.YOffset(b.Min.X, b.Min.Y+y)
				copy(Y[y*w:(y+1)*w], m.Y[at:at+w])
				at = m.COffset(b.Min.X, b.Min.Y+y)
				copy(U[y*w:(y+1)*w], m.Cb[at:at+w])
				copy(V[y*w:(y+1)*w], m.Cr[at:at+w])
			}
			return f
		}
		for y := range h {
			at := m.YOffset(b.Min.X, b.Min.Y+y)
			copy(Y[y*w:(y+1)*w], m.Y[at:at+w])
		}
		upsample(U, m.Cb, m.CStride, m, w, h)
		upsample(V, m.Cr, m.CStride, m, w, h)
		return f
	}
	flat, ok := img.(*image.RGBA)
	if !ok || !flat.Opaque() {
		flat = image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(flat, flat.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(flat, flat.Bounds(), img, b.Min, draw.Over)
		b = flat.Bounds()
	}
	for y := range h {
		row := flat.Pix[flat.PixOffset(b.Min.X, b.Min.Y+y):]
		for x := range w {
			i := y*w + x
			Y[i], U[i], V[i] = jfif(row[4*x], row[4*x+1], row[4*x+2])
		}
	}
	return f
}

// jfif converts one pixel (JFIF 1.02, page 3), rounded.
func jfif(r8, g8, b8 uint8) (y, u, v uint8) {
	r, g, b := int32(r8), int32(g8), int32(b8)
	yy := (19595*r + 38470*g + 7471*b + 1<<15) >> 16
	uu := (-11056*r - 21712*g + 32768*b + 257<<15) >> 16
	vv := (32768*r - 27440*g - 5328*b + 257<<15) >> 16
	return uint8(yy), uint8(min(max(uu, 0), 255)), uint8(min(max(vv, 0), 255))
}

// upsample brings a chroma plane of a JPEG to full size, bilinearly; JPEG's chroma
// samples lie in the middle of the pixels they cover (JFIF 1.02, page 4).
func upsample(dst, src []uint8, stride int, m *image.YCbCr, w, h int) {
	sx, sy := 1, 1
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		sx = 2
	case image.YCbCrSubsampleRatio420:
		sx, sy = 2, 2
	case image.YCbCrSubsampleRatio440:
		sy = 2
	case image.YCbCrSubsampleRatio411:
		sx = 4
	case image.YCbCrSubsampleRatio410:
		sx, sy = 4, 2
	}
	cw, ch := (w+sx-1)/sx, (h+sy-1)/sy
	// Weights in 1/8: positions are multiples of 1/8 of a chroma sample for sx, sy ≤ 4.
	place := func(i, s, n int) (a, b, frac int) {
		p := ((2*i+1)*8/s - 8) / 2 // in 1/8 chroma samples
		if p < 0 {
			return 0, 0, 0
		}
		a = min(p>>3, n-1)
		return a, min(a+1, n-1), p & 7
	}
	type tap struct{ a, b, f int }
	cols := make([]tap, w)
	for x := range cols {
		a, b, f := place(x, sx, cw)
		cols[x] = tap{a, b, f}
	}
	for y := range h {
		a, b, fy := place(y, sy, ch)
		r0, r1 := src[a*stride:], src[b*stride:]
		out := dst[y*w : (y+1)*w]
		for x, t := range cols {
			top := int(r0[t.a])*(8-t.f) + int(r0[t.b])*t.f
			bot := int(r1[t.a])*(8-t.f) + int(r1[t.b])*t.f
			out[x] = uint8((top*(8-fy) + bot*fy + 32) >> 6)
		}
	}
}
