package fetch

import (
	"bytes"
	"mime"
	"strings"
)

// sniffLen is how many first bytes decide what a file is: three packets of the
// longest transport stream kind (204 bytes each) fit.
const sniffLen = 640

// sniff names the media type of a file by its first bytes, or "" when it is no
// picture, film or sound that is known. Only containers whose bytes identify
// them are known; playlists, which can name further addresses, are not among them.
func sniff(b []byte) string {
	at := func(off int, magic string) bool {
		return len(b) >= off+len(magic) && string(b[off:off+len(magic)]) == magic
	}
	switch {
	case at(0, "\xff\xd8\xff"):
		return "image/jpeg"
	case at(0, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case at(0, "GIF87a"), at(0, "GIF89a"):
		return "image/gif"
	case at(0, "RIFF") && at(8, "WEBP"):
		return "image/webp"
	case at(0, "BM") && len(b) >= 18 && b[15] == 0 && b[16] == 0 && b[17] == 0:
		return "image/bmp" // the header after it is shorter than 256 bytes
	case at(0, "II*\x00"), at(0, "MM\x00*"):
		return "image/tiff"
	case at(0, "\xff\x0a"), at(0, "\x00\x00\x00\x0cJXL \r\n\x87\n"):
		return "image/jxl"
	case at(4, "ftyp"):
		return ftyp(b)
	case at(4, "moov"), at(4, "mdat"), at(4, "wide"), at(4, "free"), at(4, "skip"), at(4, "pnot"), at(4, "styp"), at(4, "moof"):
		return "video/quicktime"
	case at(0, "\x1a\x45\xdf\xa3"):
		if bytes.Contains(b, []byte("webm")) {
			return "video/webm"
		}
		return "video/x-matroska"
	case at(0, "RIFF") && at(8, "AVI "):
		return "video/x-msvideo"
	case at(0, "RIFF") && at(8, "WAVE"), at(0, "RF64") && at(8, "WAVE"):
		return "audio/wav"
	case at(0, "FLV\x01"):
		return "video/x-flv"
	case at(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
		return "video/x-ms-asf"
	case at(0, "OggS"):
		return "application/ogg"
	case at(0, "\x00\x00\x01\xba"), at(0, "\x00\x00\x01\xb3"):
		return "video/mpeg"
	case at(0, "\x00\x00\x00\x01"), at(0, "\x00\x00\x01") && len(b) > 3 && b[3]&0x80 == 0:
		return "video/x-raw" // H.264 or HEVC without a container
	case at(0, "\x06\x0e\x2b\x34\x02\x05\x01\x01"):
		return "application/mxf"
	case at(0, "YUV4MPEG2 "):
		return "video/x-yuv4mpeg"
	case at(0, "DKIF\x00\x00"):
		return "video/x-ivf"
	case at(0, "fLaC"):
		return "audio/flac"
	case at(0, "ID3"):
		return "audio/mpeg"
	case at(0, "FORM") && (at(8, "AIFF") || at(8, "AIFC")):
		return "audio/aiff"
	case at(0, "caff\x00\x01"):
		return "audio/x-caf"
	case at(0, "#!AMR"):
		return "audio/amr"
	case packets(b, 0, 188), packets(b, 4, 192), packets(b, 0, 204):
		return "video/mp2t"
	case len(b) >= 4 && b[0] == 0xff && mpegAudio(b[1], b[2]):
		return "audio/mpeg"
	}
	return ""
}

// ftyp names an ISO base media file by its major brand (ISO/IEC 14496-12 4.3).
func ftyp(b []byte) string {
	if len(b) < 12 {
		return "video/mp4"
	}
	switch brand := string(b[8:12]); brand {
	case "avif", "avis":
		return "image/avif"
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
		return "image/heic"
	case "qt  ":
		return "video/quicktime"
	case "M4A ", "M4B ":
		return "audio/mp4"
	}
	return "video/mp4"
}

// packets reports whether transport stream packets of this size start at off
// (ISO/IEC 13818-1 2.4.3.2); one sync byte alone could be chance.
func packets(b []byte, off, size int) bool {
	n := 0
	for i := off; i < len(b) && n < 3; i += size {
		if b[i] != 0x47 {
			return false
		}
		n++
	}
	return n == 3
}

// mpegAudio reports whether the two bytes after 0xff can continue the header of
// an MPEG audio or ADTS frame (ISO/IEC 11172-3 2.4.1.3, 13818-7 6.2).
func mpegAudio(b1, b2 byte) bool {
	if b1&0xe0 != 0xe0 {
		return false
	}
	if b1&0xf6 == 0xf0 { // ADTS: layer 0
		return b2>>2&0xf < 13 // sampling rate index
	}
	return b1>>3&3 != 1 && b1>>1&3 != 0 && b2>>4 != 15 && b2>>4 != 0 && b2>>2&3 != 3
}

// looksLike says in words what bytes that are no media seem to be.
func looksLike(b []byte) string {
	head := strings.ToLower(string(bytes.TrimLeft(b, " \t\r\n\xef\xbb\xbf")))
	switch {
	case strings.HasPrefix(head, "<!doctype html"), strings.HasPrefix(head, "<html"), strings.HasPrefix(head, "<head"):
		return "a web page"
	case strings.HasPrefix(head, "<"):
		return "an XML or SVG document"
	case strings.HasPrefix(head, "#extm3u"):
		return "a playlist"
	case strings.HasPrefix(head, "{"), strings.HasPrefix(head, "["):
		return "a JSON document"
	case strings.HasPrefix(head, "%pdf"):
		return "a PDF document"
	case strings.HasPrefix(head, "pk\x03\x04"), strings.HasPrefix(head, "\x1f\x8b"):
		return "a compressed archive"
	}
	for _, c := range b {
		if c < 9 || c > 13 && c < 32 {
			return "no picture, video or sound that is known"
		}
	}
	return "plain text"
}

// refusedType reports whether a server's declared Content-Type rules the file
// out whatever its bytes are: a page that a browser would run is no media file.
// Wrong but harmless declarations (text/plain for an unknown ending) are common
// and decided by the bytes.
func refusedType(declared string) bool {
	t, _, err := mime.ParseMediaType(declared)
	if err != nil {
		return false
	}
	switch t {
	case "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "application/json",
		"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "application/dash+xml":
		return true
	}
	return false
}
