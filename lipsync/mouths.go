package lipsync

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Filmed is one mouth as it was filmed; its samples are read by Mouths.Picture.
type Filmed struct {
	Clip, Frame, Track    int
	Mesh                  face.Mesh // coordinates of the whole frame
	Pose                  face.Pose
	Confidence, Sharpness float32  // of the observation
	Box                   pix.Rect // what is kept of the frame, on its chroma grid
	Layout                pix.Layout
	Colour                pix.Colour
	Thumb                 *Thumb

	offset int64
	sum    uint32
}

// Mouths are the mouths of files that collectors have written, in the order of the files. Safe for
// concurrent use.
type Mouths struct {
	all   []Filmed
	from  []io.ReaderAt // the file of each mouth
	files []*os.File
}

// A file of mouths: the magic, the planes of one mouth after the other as filmed (16-bit samples
// little-endian), the index, and at the end where the index starts (8 bytes), its length (4), its
// CRC-32C (4) and the magic again. A mouth whose planes are damaged is found by its own CRC-32C.
const (
	mouthsMagic = "TSmouth1"
	mouthsFoot  = 8 + 4 + 4 + len(mouthsMagic)
	filmedBytes = 4*(3+4+4) + 4*2 + 8 + 4 + 4*16 + 12*face.AllPoints + 3*thumbW*thumbH
	mostMouths  = 1 << 17
	mostSide    = 1 << 14
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errMouths  = errors.New("a file of mouths is damaged")
)

// OpenMouths opens files that collectors have written. Mouths count through them in this order. Damaged
// files are refused.
func OpenMouths(paths ...string) (*Mouths, error) {
	m := new(Mouths)
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			_ = m.Close()
			return nil, err
		}
		m.files = append(m.files, f)
		st, err := f.Stat()
		if err == nil {
			err = m.read(f, st.Size())
		}
		if err != nil {
			_ = m.Close()
			return nil, damagedMouths(err)
		}
	}
	return m, nil
}

func damagedMouths(err error) error {
	return fault.New(fault.Internal, "", "the stored mouths cannot be read").
		WithHint("Run the task again; they are collected anew.").WithCause(err)
}

// Close closes the files.
func (m *Mouths) Close() error {
	var err error
	for _, f := range m.files {
		err = errors.Join(err, f.Close())
	}
	m.files = nil
	return err
}

// Len is the number of mouths.
func (m *Mouths) Len() int { return len(m.all) }

// Filmed is mouth i without its samples; it must not be changed.
func (m *Mouths) Filmed(i int) *Filmed { return &m.all[i] }

// Picture reads mouth i: a frame of the box's own size, whose first sample is the one at (Box.X0, Box.Y0).
func (m *Mouths) Picture(i int) (*pix.Frame, error) {
	if i < 0 || i >= len(m.all) {
		return nil, damagedMouths(fmt.Errorf("mouth %d of %d", i, len(m.all)))
	}
	q := &m.all[i]
	b := make([]byte, planeBytes(q.Layout, pix.Rect{X1: q.Layout.W, Y1: q.Layout.H}))
	if _, err := m.from[i].ReadAt(b, q.offset); err != nil {
		return nil, damagedMouths(err)
	}
	if crc32.Checksum(b, castagnoli) != q.sum {
		return nil, damagedMouths(errMouths)
	}
	f := &pix.Frame{Layout: q.Layout, Colour: q.Colour}
	for p := range f.Planes {
		w, h := q.Layout.W, q.Layout.H
		if p > 0 {
			w, h = q.Layout.ChromaSize()
		}
		pl := pix.Plane{W: w, H: h, Stride: w}
		if n := w * h; q.Layout.Depth > 8 {
			pl.P16 = make([]uint16, n)
			for k := range pl.P16 {
				pl.P16[k] = binary.LittleEndian.Uint16(b[2*k:])
			}
			b = b[2*n:]
		} else {
			pl.P8 = b[:n:n]
			b = b[n:]
		}
		f.Planes[p] = pl
	}
	return f, nil
}

func (m *Mouths) read(f io.ReaderAt, size int64) error {
	if size < int64(len(mouthsMagic)+mouthsFoot+4) {
		return errMouths
	}
	var foot [mouthsFoot]byte
	if _, err := f.ReadAt(foot[:], size-int64(mouthsFoot)); err != nil {
		return err
	}
	start, n := binary.LittleEndian.Uint64(foot[:]), binary.LittleEndian.Uint32(foot[8:])
	if string(foot[16:]) != mouthsMagic || start > uint64(size) || start+uint64(n)+uint64(mouthsFoot) != uint64(size) {
		return errMouths
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, int64(start)); err != nil {
		return err
	}
	if n < 4 || crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(foot[12:]) {
		return errMouths
	}
	count := binary.LittleEndian.Uint32(b)
	if count > mostMouths || len(m.all)+int(count) > mostMouths || int(n) != 4+int(count)*filmedBytes {
		return errMouths
	}
	for k := range int(count) {
		q, ok := parseFilmed(b[4+k*filmedBytes:][:filmedBytes])
		if !ok || q.offset < int64(len(mouthsMagic)) || q.offset+planeBytes(q.Layout, pix.Rect{X1: q.Layout.W, Y1: q.Layout.H}) > int64(start) {
			return errMouths
		}
		m.all = append(m.all, q)
		m.from = append(m.from, f)
	}
	return nil
}

// append adds the index entry.
func (q *Filmed) append(b []byte) []byte {
	le := binary.LittleEndian
	for _, v := range []int{q.Clip, q.Frame, q.Track, q.Box.X0, q.Box.Y0, q.Box.X1, q.Box.Y1,
		q.Layout.SubX, q.Layout.SubY, q.Layout.Depth, packColour(q.Layout.Mono, q.Colour)} {
		b = le.AppendUint32(b, uint32(v))
	}
	b = le.AppendUint32(b, math.Float32bits(q.Confidence))
	b = le.AppendUint32(b, math.Float32bits(q.Sharpness))
	b = le.AppendUint64(b, uint64(q.offset))
	b = le.AppendUint32(b, q.sum)
	for _, v := range poseNumbers(&q.Pose) {
		b = le.AppendUint32(b, math.Float32bits(*v))
	}
	for i := range q.Mesh {
		p := &q.Mesh[i]
		for _, v := range [3]float32{p.X, p.Y, p.Z} {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	}
	for p := range q.Thumb {
		b = append(b, q.Thumb[p][:]...)
	}
	return b
}

// parseFilmed reads an entry of filmedBytes; not ok says that it cannot be one.
func parseFilmed(b []byte) (q Filmed, ok bool) {
	le := binary.LittleEndian
	ok = true
	whole := func(most int) int {
		v := le.Uint32(b)
		b = b[4:]
		if uint64(v) > uint64(most) {
			ok = false
			return 0
		}
		return int(v)
	}
	float := func() float32 {
		v := math.Float32frombits(le.Uint32(b))
		b = b[4:]
		if v != v || v > math.MaxFloat32 || v < -math.MaxFloat32 {
			ok = false
		}
		return v
	}
	q.Clip, q.Frame, q.Track = whole(1<<10), whole(1<<26), whole(1<<26)
	q.Box = pix.Rect{X0: whole(1 << 16), Y0: whole(1 << 16), X1: whole(1 << 16), Y1: whole(1 << 16)}
	q.Layout = pix.Layout{W: q.Box.W(), H: q.Box.H(), SubX: whole(1), SubY: whole(1), Depth: whole(12)}
	colour := whole(1<<8 - 1)
	q.Layout.Mono, q.Colour = unpackColour(colour)
	if q.Box.Empty() || q.Box.W() > mostSide || q.Box.H() > mostSide || q.Layout.Depth < 8 || q.Layout.SubX < q.Layout.SubY ||
		q.Colour.Matrix > pix.BT2020 || q.Colour.Transfer > pix.PQ {
		ok = false
	}
	q.Confidence, q.Sharpness = float(), float()
	q.offset = int64(le.Uint64(b))
	q.sum = le.Uint32(b[8:])
	b = b[12:]
	for _, v := range poseNumbers(&q.Pose) {
		*v = float()
	}
	for i := range q.Mesh {
		q.Mesh[i] = pix.Vec3{X: float(), Y: float(), Z: float()}
	}
	q.Thumb = new(Thumb)
	for p := range q.Thumb {
		b = b[copy(q.Thumb[p][:], b):]
	}
	return q, ok
}

func packColour(mono bool, c pix.Colour) int {
	v := int(c.Matrix) | int(c.Transfer)<<2
	for i, on := range []bool{mono, c.WideGamut, c.Full} {
		if on {
			v |= 16 << i
		}
	}
	return v
}

func unpackColour(v int) (mono bool, c pix.Colour) {
	return v&16 != 0, pix.Colour{Matrix: pix.Matrix(v & 3), Transfer: pix.Transfer(v >> 2 & 3), WideGamut: v&32 != 0, Full: v&64 != 0}
}

// poseNumbers lists what a pose consists of, in the order of the file.
func poseNumbers(p *face.Pose) [16]*float32 {
	r := &p.R
	return [16]*float32{&r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6], &r[7], &r[8],
		&p.Scale, &p.T.X, &p.T.Y, &p.T.Z, &p.Yaw, &p.Pitch, &p.Roll}
}
