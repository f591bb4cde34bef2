package face

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Files of this package are: four letters, a kind, a version, a zstd frame, and the SHA-256 of
// all before. Numbers inside are little-endian or base-128 varints; meshes are whole steps,
// written as differences to the frame before.
const (
	magic            = "TSFA"
	kindObservations = 'O'
	kindAnalysis     = 'A'
	formatVersion    = 3
	headerLen        = len(magic) + 1 + 2

	// Limits of what is read: about two hours of one face. A file beyond them is refused
	// before memory is taken for it.
	maxFile    = 512 << 20
	maxPayload = 1 << 30
	maxFrames  = 1 << 26
	maxVector  = 4096 // length of an embedding
)

// errCorrupt is the cause of every refusal of a damaged file.
var errCorrupt = errors.New("face data is damaged")

// writer encodes into a buffered, compressed, checksummed stream. The first error sticks.
type writer struct {
	w   *bufio.Writer
	err error
	buf [binary.MaxVarintLen64]byte
}

func (w *writer) raw(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}
func (w *writer) uint(v int) { w.raw(binary.AppendUvarint(w.buf[:0], uint64(v))) }
func (w *writer) int(v int)  { w.raw(binary.AppendVarint(w.buf[:0], int64(v))) }
func (w *writer) float(v float32) {
	w.raw(binary.LittleEndian.AppendUint32(w.buf[:0], math.Float32bits(v)))
}
func (w *writer) bytes(b []byte) { w.uint(len(b)); w.raw(b) }

// counted counts what passes to w.
type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// encode writes a file of this kind whose content body writes.
func encode(out io.Writer, kind byte, body func(*writer)) (int64, error) {
	sum := sha256.New()
	to := &counted{w: out}
	both := io.MultiWriter(to, sum)
	header := binary.LittleEndian.AppendUint16(append([]byte(magic), kind), formatVersion)
	if _, err := both.Write(header); err != nil {
		return to.n, err
	}
	// One goroutine's worth: the caller's own, so that nothing outlives the call.
	z, err := zstd.NewWriter(both, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return to.n, err
	}
	w := &writer{w: bufio.NewWriter(z)}
	body(w)
	err = errors.Join(w.err, w.w.Flush(), z.Close())
	if err == nil {
		_, err = to.Write(sum.Sum(nil))
	}
	return to.n, err
}

// decode reads a file of this kind, checks it and hands its content to body.
func decode(in io.Reader, kind byte, body func(*reader)) error {
	damaged := func(err error) error {
		return fault.New(fault.Internal, "", "the stored face analysis cannot be read").
			WithHint("Delete it; it is made again when it is needed.").WithCause(err)
	}
	file, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return err
	}
	if len(file) > maxFile || len(file) < headerLen+sha256.Size || string(file[:len(magic)]) != magic || file[len(magic)] != kind {
		return damaged(errCorrupt)
	}
	if v := binary.LittleEndian.Uint16(file[len(magic)+1:]); v != formatVersion {
		return damaged(fmt.Errorf("version %d, not %d", v, formatVersion))
	}
	end := len(file) - sha256.Size
	if sha256.Sum256(file[:end]) != [sha256.Size]byte(file[end:]) {
		return damaged(errCorrupt)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload))
	if err != nil {
		return err
	}
	defer z.Close()
	payload, err := z.DecodeAll(file[headerLen:end], nil)
	if err != nil {
		return damaged(err)
	}
	r := &reader{b: payload}
	body(r)
	if r.bad || len(r.b) != 0 {
		return damaged(errCorrupt)
	}
	return nil
}

// reader decodes what writer wrote. Damage sets bad, and zeros follow. It never allocates more than
// a small multiple of the bytes that are left.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) raw(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// uint reads a number of at most limit.
func (r *reader) uint(limit int) int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64(limit) {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

func (r *reader) int() int {
	v, n := binary.Varint(r.b)
	if n <= 0 || v > math.MaxInt32 || v < math.MinInt32 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// float reads a finite number.
func (r *reader) float() float32 {
	b := r.raw(4)
	if b == nil {
		return 0
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if v != v || v > math.MaxFloat32 || v < -math.MaxFloat32 {
		r.fail()
		return 0
	}
	return v
}

// count reads the number of items that follow, each at least size bytes long.
func (r *reader) count(size int) int { return r.uint(len(r.b) / size) }

func (r *reader) bytes() []byte { return append([]byte(nil), r.raw(r.count(1))...) }

// mesh writes p; last is the observation before it in the track, or nil.
func (w *writer) mesh(p, last *packed) {
	var zero packed
	if last == nil || last.step != p.step {
		last = &zero
	}
	w.float(p.step)
	w.float(p.origin.X)
	w.float(p.origin.Y)
	w.float(p.confidence)
	w.float(p.sharpness)
	for c := range 3 {
		for i := range p.points {
			w.int(int(p.points[i][c]) - int(last.points[i][c]))
		}
	}
}

// meshBytes is the least that a mesh takes.
const meshBytes = 20 + 3*AllPoints

func (r *reader) mesh(last *packed) packed {
	p := packed{step: r.float(), origin: pix.Vec2{X: r.float(), Y: r.float()}, confidence: r.float(), sharpness: r.float()}
	if !(p.step > 0) {
		r.fail()
	}
	var zero packed
	if last == nil || last.step != p.step {
		last = &zero
	}
	for c := range 3 {
		for i := range p.points {
			v := int(last.points[i][c]) + r.int()
			if v > math.MaxInt16 || v < math.MinInt16 {
				r.fail()
				return packed{}
			}
			p.points[i][c] = int16(v)
		}
	}
	return p
}

func (w *writer) texture(t *Texture) {
	w.uint(t.Frame)
	w.uint(t.N)
	w.bytes(t.RGB)
	w.bytes(t.Seen)
	w.bytes(t.Eyes.Iris[:])
	w.bytes(t.Eyes.White[:])
}

func (r *reader) texture() Texture {
	t := Texture{Frame: r.uint(maxFrames), N: r.uint(4096), RGB: r.bytes(), Seen: r.bytes()}
	iris, white := r.bytes(), r.bytes()
	if len(t.RGB) != 3*t.N*t.N || len(t.Seen) != t.N*t.N || len(iris) != 3 || len(white) != 3 {
		r.fail()
		return t
	}
	t.Eyes = EyeColours{[3]uint8(iris), [3]uint8(white)}
	return t
}
