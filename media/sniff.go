package media

import (
	"bytes"
	"io"
	"os"
)

// IsPicture tells by its first bytes whether a file is a still picture (GIF included) of a kind
// that ReadPhoto knows.
func IsPicture(path string) bool {
	switch sniff(path) {
	case "JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC":
		return true
	}
	return false
}

// sniff names the kind of file by its first bytes: "mp4", "matroska", a picture's
// format ("JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC"), or "".
func sniff(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && n < 4 {
		return ""
	}
	return sniffBytes(head[:n])
}

func sniffBytes(b []byte) string {
	is := func(at int, s string) bool { return len(b) >= at && bytes.HasPrefix(b[at:], []byte(s)) }
	switch {
	case is(0, "\xff\xd8\xff"):
		return "JPEG"
	case is(0, "\x89PNG\r\n\x1a\n"):
		return "PNG"
	case is(0, "GIF87a"), is(0, "GIF89a"):
		return "GIF"
	case is(0, "RIFF") && is(8, "WEBP"):
		return "WebP"
	case is(0, "BM") && len(b) > 18 && bytes.Equal(b[6:10], make([]byte, 4)):
		return "BMP"
	case is(0, "II*\x00"), is(0, "MM\x00*"):
		return "TIFF"
	case is(4, "ftypavif"), is(4, "ftypavis"):
		return "AVIF"
	case is(4, "ftyphei"), is(4, "ftyphev"), is(4, "ftypmif1"), is(4, "ftypmsf1"):
		return "HEIC"
	case is(4, "ftyp"), is(4, "moov"), is(4, "mdat"), is(4, "wide"), is(4, "free"):
		return "mp4"
	case is(0, "\x1a\x45\xdf\xa3"):
		return "matroska"
	}
	return ""
}
