package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
