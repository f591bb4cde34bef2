package media

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

// nutBytes reads NUT's numbers from memory or from a stream, keeping the first error.
type nutBytes struct {
	b   []byte
	r   *bufio.Reader
	err error
}

func (b *nutBytes) fail(what string) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: %s", errNUT, what)
	}
}

// ReadByte implements io.ByteReader.
func (b *nutBytes) ReadByte() (byte, error) {
	if b.r != nil {
		return b.r.ReadByte()
	}
	if len(b.b) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	c := b.b[0]
	b.b = b.b[1:]
	return c, nil
}

func (b *nutBytes) v() uint64 {
	if b.err != nil {
		return 0
	}
	var v uint64
	v, b.err = getV(b)
	return v
}

func (b *nutBytes) s() int64 {
	v := b.v() + 1
	if v&1 != 0 {
		return -int64(v >> 1)
	}
	return int64(v >> 1)
}

func (b *nutBytes) bytes() []byte {
	n := b.v()
	if b.err != nil {
		return nil
	}
	if n > uint64(len(b.b)) {
		b.fail("field longer than its header")
		return nil
	}
	out := append([]byte(nil), b.b[:n]...)
	b.b = b.b[n:]
	return out
}

// getV reads a number of seven bits a byte, most significant first; at most 63 bits.
func getV(r io.ByteReader) (uint64, error) {
	var v uint64
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if v > math.MaxUint64>>7 {
			return 0, fmt.Errorf("%w: number over 64 bits", errNUT)
		}
		v = v<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			return v, nil
		}
	}
}
