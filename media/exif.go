package media

import (
	"bytes"
	"encoding/binary"

	"github.com/twinsync/twinsync/pix"
)

// exifOrientation finds the orientation of a photo in its EXIF data: 1 (upright) to 8,
// as in Exif 2.32, tag 0x0112; 1 where there is none. JPEG's APP1, PNG's eXIf, WebP's
// EXIF chunk and TIFF itself are known.
func exifOrientation(file []byte) int {
	switch sniffBytes(file[:min(len(file), 64)]) {
	case "JPEG":
		return jpegOrientation(file)
	case "TIFF":
		return tiffOrientation(file)
	case "PNG":
		return chunkOrientation(file[8:], "eXIf", binary.BigEndian, true)
	case "WebP":
		return chunkOrientation(file[12:], "EXIF", binary.LittleEndian, false)
	}
	return 1
}

// jpegOrientation walks a JPEG's segments up to its first scan.
func jpegOrientation(b []byte) int {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // fill
			at++
			continue
		}
		if marker == 0xda || marker == 0xd9 {
			break
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 2 || at+2+size > len(b) {
			break
		}
		body := b[at+4 : at+2+size]
		if marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return tiffOrientation(body[6:])
		}
		at += 2 + size
	}
	return 1
}

// chunkOrientation walks the chunks of PNG (length, name, data, checksum) or RIFF (name,
// length, data, padding).
func chunkOrientation(b []byte, name string, order binary.ByteOrder, isPNG bool) int {
	for len(b) >= 8 {
		id, size := string(b[:4]), order.Uint32(b[4:])
		if isPNG {
			id, size = string(b[4:8]), order.Uint32(b)
		}
		if uint64(size) > uint64(len(b)-8) {
			break
		}
		body := b[8 : 8+size]
		if id == name {
			return tiffOrientation(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
		}
		skip := uint64(size) + 8 + uint64(size&1)
		if isPNG {
			skip = uint64(size) + 12
		}
		if skip > uint64(len(b)) {
			break
		}
		b = b[skip:]
	}
	return 1
}

// tiffOrientation reads tag 0x0112 of the first directory of TIFF data.
func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var o binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		o = binary.BigEndian
	}
	at := uint64(o.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	n := uint64(o.Uint16(b[at:]))
	for i := range n {
		e := at + 2 + 12*i
		if e+12 > uint64(len(b)) {
			break
		}
		if o.Uint16(b[e:]) == 0x0112 {
			if v := int(o.Uint16(b[e+8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
	}
	return 1
}

// orientFrame turns and mirrors a 4:4:4 picture of 8 bit as its EXIF orientation says.
func orientFrame(f *pix.Frame, orientation int) *pix.Frame {
	if orientation <= 1 || orientation > 8 {
		return f
	}
	l := f.Layout
	if orientation >= 5 {
		l.W, l.H = l.H, l.W
	}
	out := pix.NewFrame(l, f.Colour)
	w, h := f.W, f.H
	for y := range l.H {
		for x := range l.W {
			sx, sy := x, y
			switch orientation {
			case 2: // mirrored
				sx = w - 1 - x
			case 3: // upside down
				sx, sy = w-1-x, h-1-y
			case 4: // flipped
				sy = h - 1 - y
			case 5: // transposed
				sx, sy = y, x
			case 6: // lies on its left side: turn clockwise
				sx, sy = y, h-1-x
			case 7: // transversed
				sx, sy = w-1-y, h-1-x
			case 8: // turn counter-clockwise
				sx, sy = w-1-y, x
			}
			for i := range out.Planes {
				out.Planes[i].P8[y*l.W+x] = f.Planes[i].P8[sy*w+sx]
			}
		}
	}
	return out
}
