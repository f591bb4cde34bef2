package media

import (
	"encoding/binary"
	"unsafe"

	"github.com/twinsync/twinsync/pix"
)

// littleEndian says whether this machine keeps samples as FFmpeg's …le formats do.
func littleEndian() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1 //nolint:gosec // the first byte of two
}

// frameBytes is the size of a raw picture: planes packed tightly, in order.
func frameBytes(l pix.Layout) int {
	cw, ch := l.ChromaSize()
	n := l.W*l.H + 2*cw*ch
	if l.Depth > 8 {
		n *= 2
	}
	return n
}

// newRawFrame returns a frame whose planes lie in one block, in order, as raw video has
// them; rawBytes gives that block.
func newRawFrame(l pix.Layout, c pix.Colour) *pix.Frame {
	f := &pix.Frame{Layout: l, Colour: c}
	var b8 []uint8
	var b16 []uint16
	if l.Depth > 8 {
		b16 = make([]uint16, frameBytes(l)/2)
	} else {
		b8 = make([]uint8, frameBytes(l))
	}
	cw, ch := l.ChromaSize()
	at := 0
	for i := range f.Planes {
		w, h := l.W, l.H
		if i > 0 {
			w, h = cw, ch
		}
		p := pix.Plane{W: w, H: h, Stride: w}
		// The first plane's capacity reaches to the end of the block: rawBytes needs that.
		if b16 != nil {
			p.P16 = b16[at : at+w*h]
		} else {
			p.P8 = b8[at : at+w*h]
		}
		at += w * h
		f.Planes[i] = p
	}
	return f
}

// rawBytes gives the block behind a frame of newRawFrame as bytes; samples of more than
// 8 bits are in this machine's order. It is nil for a frame whose planes lie apart.
func rawBytes(f *pix.Frame) []byte {
	n := frameBytes(f.Layout)
	y, c := f.Planes[0].W*f.Planes[0].H, f.Planes[1].W*f.Planes[1].H
	for _, p := range f.Planes {
		if p.Stride != p.W {
			return nil
		}
	}
	if f.Depth <= 8 {
		b := f.Planes[0].P8
		if cap(b) < n || !follows(b[:n], f.Planes[1].P8, y) || !follows(b[:n], f.Planes[2].P8, y+c) {
			return nil
		}
		return b[:n]
	}
	b := f.Planes[0].P16
	if n /= 2; cap(b) < n || !follows(b[:n], f.Planes[1].P16, y) || !follows(b[:n], f.Planes[2].P16, y+c) {
		return nil
	}
	return bytesOf(b[:n])
}

// follows reports whether part lies in block at this place; an empty part always does.
func follows[T uint8 | uint16](block, part []T, at int) bool {
	return len(part) == 0 || at < len(block) && &block[at] == &part[0]
}

// bytesOf views samples as the bytes they consist of.
func bytesOf(s []uint16) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 2*len(s)) //nolint:gosec // len(s) samples are 2·len(s) bytes
}

// swapSamples turns little-endian samples into big-endian ones or back, in place.
func swapSamples(s []uint16) {
	for i, v := range s {
		s[i] = v<<8 | v>>8
	}
}

// appendPlane appends a plane's samples row by row, little endian.
func appendPlane(dst []byte, p pix.Plane) []byte {
	for y := range p.H {
		if p.P16 == nil {
			dst = append(dst, p.P8[y*p.Stride:y*p.Stride+p.W]...)
			continue
		}
		row := p.P16[y*p.Stride : y*p.Stride+p.W]
		if littleEndian() {
			dst = append(dst, bytesOf(row)...)
			continue
		}
		for _, v := range row {
			dst = binary.LittleEndian.AppendUint16(dst, v)
		}
	}
	return dst
}
