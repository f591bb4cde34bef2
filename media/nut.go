package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Frames travel between FFmpeg and this process in NUT, FFmpeg's own container,
// because it alone carries raw pictures with exact times on a pipe: its time base is
// free (Matroska's is a millisecond in FFmpeg 5.1, raw video has none at all). This is
// the part of NUT version 3 that one video stream needs; source: nut.txt, "NUT Open
// Container Format", in FFmpeg's nut.git.

// The start codes of NUT's packets.
const (
	nutID        = "nut/multimedia container\x00"
	nutMain      = 0x4E4D7A561F5F04AD
	nutStream    = 0x4E5311405BF2F9DB
	nutSyncpoint = 0x4E4BE4ADEECA4569
	nutIndex     = 0x4E58DD672F23E64E
	nutInfo      = 0x4E49AB68B596BA78
)

// The flags of a NUT frame.
const (
	nutKey        = 1
	nutEOR        = 2
	nutCodedPTS   = 8
	nutStreamID   = 16
	nutSizeMSB    = 32
	nutChecksum   = 64
	nutReserved   = 128
	nutSMData     = 256
	nutHeaderIdx  = 1024
	nutMatchTime  = 2048
	nutCoded      = 4096
	nutInvalid    = 8192
	nutVersion    = 3
	nutPTSShift   = 7       // bits of a time that may be coded short; the writer never does
	maxNUTHeader  = 1 << 20 // bytes; headers are a few hundred
	maxNUTPayload = 1 << 30 // bytes; an 8K 4:4:4 16 bit picture is 200 MB
)

var errNUT = errors.New("malformed NUT stream")

// nutStreamInfo describes the stream: what its header holds.
type nutStreamInfo struct {
	Tag         string // four-character code
	TimeBase    Rational
	W, H        int
	SAR         Rational
	DecodeDelay int    // frames that are reordered
	Extra       []byte // the codec's private data
}

// nutPacket says what follows in the stream: read exactly Size bytes of payload next.
type nutPacket struct {
	PTS  int64
	Key  bool
	Size int
	head []byte // elided first bytes of the payload, already part of Size
}

type nutCode struct {
	flags             int
	mul, lsb          int
	ptsDelta          int64
	reserved, headIdx int
	stream            int
}

// nutReader reads one video stream.
type nutReader struct {
	r       *bufio.Reader
	codes   [256]nutCode
	bases   []Rational
	elision [][]byte
	shift   uint
	last    int64
	info    nutStreamInfo
	seen    bool // the stream header
}

// newNUTReader reads the headers.
func newNUTReader(r io.Reader) (*nutReader, error) {
	n := &nutReader{r: bufio.NewReaderSize(r, 64<<10)}
	id := make([]byte, len(nutID))
	if _, err := io.ReadFull(n.r, id); err != nil {
		return nil, err
	}
	if string(id) != nutID {
		return nil, fmt.Errorf("%w: no identifier", errNUT)
	}
	for !n.seen {
		code, err := n.startCode()
		if err != nil {
			return nil, err
		}
		if err := n.header(code); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *nutReader) startCode() (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(n.r, b[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b[:]), nil
}

// header reads one packet that is no frame.
func (n *nutReader) header(code uint64) error {
	size, err := getV(n.r)
	if err != nil {
		return err
	}
	if size > maxNUTHeader || size < 4 {
		return fmt.Errorf("%w: header of %d bytes", errNUT, size)
	}
	if size > 4096 {
		if _, err := n.r.Discard(4); err != nil {
			return err
		}
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(n.r, body); err != nil {
		return err
	}
	b := &nutBytes{b: body[:size-4]}
	switch code {
	case nutMain:
		n.mainHeader(b)
	case nutStream:
		n.streamHeader(b)
	case nutSyncpoint:
		n.syncpoint(b)
	case nutIndex, nutInfo:
	default:
		return fmt.Errorf("%w: unknown start code %x", errNUT, code)
	}
	return b.err
}

func (n *nutReader) mainHeader(b *nutBytes) {
	if v := b.v(); b.err == nil && v != nutVersion {
		b.err = fmt.Errorf("%w: version %d", errNUT, v)
		return
	}
	if streams := b.v(); b.err == nil && streams != 1 {
		b.err = fmt.Errorf("%w: %d streams", errNUT, streams)
		return
	}
	b.v() // max_distance
	bases := b.v()
	for i := uint64(0); i < bases && b.err == nil; i++ {
		r := Rational{int64(b.v()), int64(b.v())}
		if r.Num <= 0 || r.Den <= 0 {
			b.fail("time base")
		}
		n.bases = append(n.bases, r)
	}
	var pts int64
	mul, stream, headIdx := 1, 0, 0
	for i := 0; i < 256 && b.err == nil; {
		flags, fields := int(b.v()), int(b.v())
		size, res := 0, 0
		if fields > 0 {
			pts = b.s()
		}
		if fields > 1 {
			mul = int(b.v())
		}
		if fields > 2 {
			stream = int(b.v())
		}
		if fields > 3 {
			size = int(b.v())
		}
		if fields > 4 {
			res = int(b.v())
		}
		count := mul - size
		if fields > 5 {
			count = int(b.v())
		}
		if fields > 6 {
			b.s() // match time delta
		}
		if fields > 7 {
			headIdx = int(b.v())
		}
		for j := 8; j < fields && b.err == nil; j++ {
			b.v()
		}
		if count <= 0 || count > 256 {
			b.fail("frame code table")
		}
		for j := 0; j < count && i < 256; i++ {
			if i == 'N' {
				n.codes[i].flags = nutInvalid
				continue
			}
			n.codes[i] = nutCode{flags: flags, mul: mul, lsb: size + j, ptsDelta: pts,
				reserved: res, headIdx: headIdx, stream: stream}
			j++
		}
	}
	n.elision = [][]byte{nil}
	for heads := b.v(); heads > 0 && b.err == nil; heads-- {
		n.elision = append(n.elision, b.bytes())
	}
}

func (n *nutReader) streamHeader(b *nutBytes) {
	b.v() // stream id; there is but one
	if class := b.v(); b.err == nil && class != 0 {
		b.fail("stream is no video")
	}
	n.info.Tag = string(b.bytes())
	base := b.v()
	if base >= uint64(len(n.bases)) {
		b.fail("time base index")
		return
	}
	n.info.TimeBase = n.bases[base]
	n.shift = uint(b.v())
	if n.shift > 62 {
		b.fail("pts shift")
		return
	}
	b.v() // max pts distance
	n.info.DecodeDelay = int(b.v())
	b.v() // flags
	n.info.Extra = b.bytes()
	n.info.W, n.info.H = int(b.v()), int(b.v())
	n.info.SAR = Rational{int64(b.v()), int64(b.v())}
	n.seen = b.err == nil
}

func (n *nutReader) syncpoint(b *nutBytes) {
	t := int64(b.v()) // FFmpeg stores a decoding time before 0 as its two's complement
	if len(n.bases) == 0 || !n.seen {
		b.fail("syncpoint before headers")
		return
	}
	count := int64(len(n.bases))
	base := (t%count + count) % count
	n.last = rescale((t-base)/count, n.bases[base], n.info.TimeBase)
}

// next reads up to the next frame's payload; io.EOF at the end of the stream.
func (n *nutReader) next() (nutPacket, error) {
	for {
		c, err := n.r.ReadByte()
		if err != nil {
			return nutPacket{}, err
		}
		if c != 'N' {
			return n.frame(c)
		}
		if err := n.r.UnreadByte(); err != nil {
			return nutPacket{}, err
		}
		code, err := n.startCode()
		if err != nil {
			return nutPacket{}, unexpected(err)
		}
		if err := n.header(code); err != nil {
			return nutPacket{}, unexpected(err)
		}
	}
}

func (n *nutReader) frame(c byte) (nutPacket, error) {
	code := n.codes[c]
	b := &nutBytes{r: n.r}
	flags := code.flags
	if flags&nutCoded != 0 {
		flags ^= int(b.v())
	}
	if flags&(nutInvalid|nutSMData) != 0 {
		b.fail("frame code")
	}
	if flags&nutStreamID != 0 {
		b.v()
	}
	pts := n.last + code.ptsDelta
	if flags&nutCodedPTS != 0 {
		coded := int64(b.v())
		if coded < 1<<n.shift {
			mask := int64(1)<<n.shift - 1
			delta := n.last - mask/2
			pts = (coded-delta)&mask + delta
		} else {
			pts = coded - 1<<n.shift
		}
	}
	size := uint64(code.lsb)
	if flags&nutSizeMSB != 0 {
		msb := b.v()
		if msb > maxNUTPayload {
			b.fail("frame size")
		}
		size += uint64(code.mul) * msb
	}
	if flags&nutMatchTime != 0 {
		b.s()
	}
	idx := uint64(code.headIdx)
	if flags&nutHeaderIdx != 0 {
		idx = b.v()
	}
	reserved := uint64(code.reserved)
	if flags&nutReserved != 0 {
		reserved = b.v()
	}
	for ; reserved > 0 && b.err == nil; reserved-- {
		b.v()
	}
	if idx >= uint64(len(n.elision)) || size > maxNUTPayload {
		b.fail("frame")
	}
	if flags&nutChecksum != 0 && b.err == nil {
		_, b.err = n.r.Discard(4)
	}
	if b.err != nil {
		return nutPacket{}, unexpected(b.err)
	}
	p := nutPacket{PTS: pts, Key: flags&nutKey != 0, Size: int(size)}
	// Pictures of more than 4096 bytes are never elided (nut.txt, elision_header).
	if p.Size <= 4096 {
		p.head = n.elision[idx]
		if len(p.head) > p.Size {
			return nutPacket{}, fmt.Errorf("%w: frame shorter than its elided header", errNUT)
		}
	}
	n.last = pts
	return p, nil
}

// payload reads a packet's bytes into dst, which must be of its size.
func (n *nutReader) payload(p nutPacket, dst []byte) error {
	k := copy(dst, p.head)
	_, err := io.ReadFull(n.r, dst[k:])
	return unexpected(err)
}

// unexpected turns an end of file in the middle of something into an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

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
