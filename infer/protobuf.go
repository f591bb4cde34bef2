package infer

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// protobuf reads messages of the protobuf wire format (protobuf.dev/programming-guides/encoding) out of a
// file, without loading what it passes over: networks are hundreds of megabytes of weights and a
// few thousand small fields. Files are hostile: every length is held against its message.
type protobuf struct {
	r    io.ReaderAt
	size int64
	left int // fields that may still be read

	window []byte // bytes of the file from at on
	at     int64
}

// maxFields is more fields than any network has; a file made of empty ones would be read for hours.
const maxFields = 1 << 24

var errProtobuf = errors.New("the file is no ONNX network, or it is damaged")

func newProtobuf(r io.ReaderAt, size int64) *protobuf {
	return &protobuf{r: r, size: size, left: maxFields}
}

// The wire types that are in use.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// field is one field of a message: a number v, or the bytes of the file in [from, to).
type field struct {
	number   int
	wire     int
	v        uint64
	from, to int64
}

// fields calls do for every field of the message in [from, to).
func (p *protobuf) fields(from, to int64, do func(field) error) error {
	for pos := from; pos < to; {
		if p.left--; p.left < 0 {
			return fmt.Errorf("more than %d fields: %w", maxFields, errProtobuf)
		}
		key, next, err := p.varint(pos, to)
		if err != nil {
			return err
		}
		f := field{number: int(key >> 3), wire: int(key & 7)}
		if key>>3 == 0 || key>>3 > 1<<29-1 {
			return errProtobuf
		}
		switch f.wire {
		case wireVarint:
			if f.v, next, err = p.varint(next, to); err != nil {
				return err
			}
			f.from, f.to = next, next
		case wireBytes:
			n, start, err := p.varint(next, to)
			if err != nil {
				return err
			}
			if n > uint64(to-start) {
				return errProtobuf
			}
			f.from, f.to = start, start+int64(n)
			next = f.to
		case wireFixed32, wireFixed64:
			width := int64(4)
			if f.wire == wireFixed64 {
				width = 8
			}
			if to-next < width {
				return errProtobuf
			}
			f.from, f.to = next, next+width
			next = f.to
		default: // groups are not in use any more
			return errProtobuf
		}
		if err := do(f); err != nil {
			return err
		}
		pos = next
	}
	return nil
}

// varint reads a number at pos and gives the place after it.
func (p *protobuf) varint(pos, end int64) (uint64, int64, error) {
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		if pos >= end {
			return 0, 0, errProtobuf
		}
		b, err := p.byteAt(pos)
		if err != nil {
			return 0, 0, err
		}
		pos++
		if shift == 63 && b > 1 {
			return 0, 0, errProtobuf
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, pos, nil
		}
	}
	return 0, 0, errProtobuf
}

func (p *protobuf) byteAt(pos int64) (byte, error) {
	if pos < p.at || pos >= p.at+int64(len(p.window)) {
		if p.window == nil {
			p.window = make([]byte, 16<<10)
		}
		p.window = p.window[:cap(p.window)]
		n, err := p.r.ReadAt(p.window, pos)
		p.window, p.at = p.window[:n], pos
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = errProtobuf
			}
			return 0, err
		}
	}
	return p.window[pos-p.at], nil
}

// bytes reads a field of at most limit bytes.
func (p *protobuf) bytes(f field, limit int64) ([]byte, error) {
	n := f.to - f.from
	if f.wire != wireBytes || n > limit {
		return nil, errProtobuf
	}
	b := make([]byte, n)
	if _, err := p.r.ReadAt(b, f.from); err != nil && (!errors.Is(err, io.EOF) || n > 0) {
		return nil, fmt.Errorf("%w: %w", errProtobuf, err)
	}
	return b, nil
}

// text reads a name.
func (p *protobuf) text(f field) (string, error) {
	b, err := p.bytes(f, 4096)
	return string(b), err
}

// numbers calls do for the integers of a repeated field, packed or not.
func (p *protobuf) numbers(f field, do func(int64) error) error {
	if f.wire == wireVarint {
		return do(int64(f.v))
	}
	if f.wire != wireBytes {
		return errProtobuf
	}
	for pos := f.from; pos < f.to; {
		v, next, err := p.varint(pos, f.to)
		if err != nil {
			return err
		}
		if p.left--; p.left < 0 || v > math.MaxInt64 {
			return errProtobuf
		}
		if err := do(int64(v)); err != nil {
			return err
		}
		pos = next
	}
	return nil
}
