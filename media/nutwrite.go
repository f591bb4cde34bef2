package media

import (
	"encoding/binary"
	"fmt"
	"io"
)

// nutWriter writes one video stream.
type nutWriter struct {
	w         io.Writer
	buf, sync []byte
}

// newNUTWriter writes the headers.
func newNUTWriter(w io.Writer, s nutStreamInfo) (*nutWriter, error) {
	n := &nutWriter{w: w}
	var head []byte
	head = putV(head, nutVersion)
	head = putV(head, 1)     // streams
	head = putV(head, 32768) // max_distance
	head = putV(head, 1)     // time bases
	head = putV(head, uint64(s.TimeBase.Num))
	head = putV(head, uint64(s.TimeBase.Den))
	// One row of frame codes: everything is coded with each frame.
	head = putV(head, nutCoded)
	head = putV(head, 6)
	head = putV(head, 0)   // pts delta, as a signed number
	head = putV(head, 1)   // size multiplier
	head = putV(head, 0)   // stream
	head = putV(head, 0)   // size remainder
	head = putV(head, 0)   // reserved
	head = putV(head, 255) // all codes but 'N'
	head = putV(head, 0)   // no elided headers
	out := nutPack([]byte(nutID), nutMain, head)

	var str []byte
	str = putV(str, 0) // id
	str = putV(str, 0) // video
	str = putBytes(str, []byte(s.Tag))
	str = putV(str, 0) // time base
	str = putV(str, nutPTSShift)
	str = putV(str, 1) // max pts distance: every frame has a checksum
	str = putV(str, uint64(s.DecodeDelay))
	str = putV(str, 0) // flags
	str = putBytes(str, s.Extra)
	str = putV(str, uint64(s.W))
	str = putV(str, uint64(s.H))
	str = putV(str, uint64(s.SAR.Num))
	str = putV(str, uint64(s.SAR.Den))
	str = putV(str, 0) // colour space unknown
	out = nutPack(out, nutStream, str)
	_, err := w.Write(out)
	return n, err
}

// packet writes a frame's header; exactly size bytes of payload must follow.
// pts must not be negative.
func (n *nutWriter) packet(pts int64, key bool, size int) error {
	if pts < 0 || size < 0 {
		return fmt.Errorf("%w: packet with pts %d, size %d", errNUT, pts, size)
	}
	flags := uint64(nutCodedPTS | nutSizeMSB | nutChecksum)
	if key {
		flags |= nutKey
	}
	// A syncpoint before each frame: FFmpeg takes a frame further than max_distance
	// behind the last one for damaged.
	n.sync = putV(n.sync[:0], uint64(pts)) // in time base 0 of one
	n.sync = putV(n.sync, 0)               // nothing behind is needed
	b := nutPack(n.buf[:0], nutSyncpoint, n.sync)
	at := len(b)
	b = append(b, 0) // frame code
	b = putV(b, flags)
	b = putV(b, uint64(pts)+1<<nutPTSShift)
	b = putV(b, uint64(size))
	b = binary.BigEndian.AppendUint32(b, nutCRC(b[at:]))
	n.buf = b
	_, err := n.w.Write(b)
	return err
}

// nutPack appends a packet of headers with its length and checksums.
func nutPack(dst []byte, code uint64, body []byte) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, code)
	size := len(body) + 4
	dst = putV(dst, uint64(size))
	if size > 4096 {
		dst = binary.BigEndian.AppendUint32(dst, nutCRC(dst[start:]))
	}
	dst = append(dst, body...)
	return binary.BigEndian.AppendUint32(dst, nutCRC(body))
}

// putV appends a number of seven bits a byte, most significant first.
func putV(dst []byte, v uint64) []byte {
	shift := uint(0)
	for v>>shift >= 0x80 {
		shift += 7
	}
	for ; shift > 0; shift -= 7 {
		dst = append(dst, byte(v>>shift)|0x80)
	}
	return append(dst, byte(v&0x7f))
}

func putBytes(dst, b []byte) []byte { return append(putV(dst, uint64(len(b))), b...) }

// nutCRC is NUT's checksum: CRC-32 with polynomial 0x04C11DB7, most significant bit
// first, from 0 and not inverted. Only short headers pass through it.
func nutCRC(b []byte) uint32 {
	var crc uint32
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
