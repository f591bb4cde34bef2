package lipsync

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// A plan's file: the magic, a zstd frame, and the CRC-32C of all before. Inside, numbers are little-endian:
// the report as JSON, the model, the mouths, then per output frame what it shows and the head that receives
// it. Meshes are whole sixteenths of a pixel, as in the analysis that they come from.
const (
	planMagic   = "TSplan1\n"
	mostPlan    = 1 << 30
	mostFrames  = 1 << 22
	mostReport  = 1 << 20
	headStep    = 1. / 16
	poseFloats  = 13
	frameBytes  = 4 + 4 + 4 + 4 + 1
	mouthsBytes = 4 + similarityBytes

	similarityBytes = 4 * poseFloats
)

var errPlan = errors.New("the plan is damaged")

// Write writes the plan so that ReadPlan gives it back.
func (p *Plan) Write(out io.Writer) error {
	var b []byte
	le := binary.LittleEndian
	float := func(v float32) { b = le.AppendUint32(b, math.Float32bits(v)) }
	whole := func(v int) { b = le.AppendUint32(b, uint32(int32(v))) }
	similar := func(s *Similarity) {
		for _, v := range similarityNumbers(s) {
			float(*v)
		}
	}
	report, err := json.Marshal(&p.Report)
	if err != nil {
		return err
	}
	whole(len(report))
	b = append(b, report...)
	for i := range p.Model.Ref {
		float(p.Model.Ref[i].X)
		float(p.Model.Ref[i].Y)
		float(p.Model.Ref[i].Z)
	}
	whole(len(p.Model.Basis))
	for _, r := range p.Model.Basis {
		for _, v := range r {
			float(v)
		}
	}
	float(p.Model.Closed)
	b = append(b, flag(p.Model.Borrowed), flag(p.Model.Usual != nil))
	if u := p.Model.Usual; u != nil {
		for k := range u.Median {
			for i := range u.Median[k] {
				float(u.Median[k][i])
				float(u.Spread[k][i])
			}
		}
	}
	uses := p.Uses()
	whole(len(uses))
	for _, i := range uses {
		m := p.mouths[i]
		whole(i)
		similar(&m.pose)
		for _, v := range m.shape {
			float(v)
		}
	}
	whole(len(p.Frames))
	for k := range p.Frames {
		f := &p.Frames[k]
		whole(f.Base)
		whole(f.Mouth)
		float(f.Amount)
		float(f.Exact)
		b = append(b, flag(f.Shape != nil))
		for _, v := range f.Shape {
			float(v)
		}
		h := &p.heads[k]
		b = append(b, flag(h.seen))
		if h.seen {
			b = appendHead(b, &h.head)
		}
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }()
	file := z.EncodeAll(b, []byte(planMagic))
	_, err = out.Write(le.AppendUint32(file, crc32.Checksum(file, castagnoli)))
	return err
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// appendHead packs a head: where its mesh begins, the points as steps from there, the pose.
func appendHead(b []byte, h *Head) []byte {
	le := binary.LittleEndian
	box := h.Mesh.Bounds()
	x, y := float32(math.Round(float64(box.X+box.W/2))), float32(math.Round(float64(box.Y+box.H/2)))
	step := float32(headStep)
	var extent float32
	for _, v := range h.Mesh {
		extent = max(extent, v.X-x, x-v.X, v.Y-y, y-v.Y, v.Z, -v.Z)
	}
	for extent/step > math.MaxInt16 {
		step *= 2
	}
	for _, v := range [3]float32{step, x, y} {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range h.Mesh {
		for _, d := range [3]float32{v.X - x, v.Y - y, v.Z} {
			b = le.AppendUint16(b, uint16(int16(math.Round(float64(d/step)))))
		}
	}
	for _, v := range similarityNumbers(&h.Pose) {
		b = le.AppendUint32(b, math.Float32bits(*v))
	}
	return b
}

func similarityNumbers(s *Similarity) [poseFloats]*float32 {
	r := &s.R
	return [poseFloats]*float32{&s.Scale, &r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6], &r[7], &r[8], &s.T.X, &s.T.Y, &s.T.Z}
}

// ReadPlan reads what Write wrote. Damaged or foreign data is an error, whatever it contains.
func ReadPlan(in io.Reader) (*Plan, error) {
	damaged := func(err error) error {
		return fault.New(fault.Internal, "", "the stored plan of the mouth cannot be read").
			WithHint("Run the task again; it is made anew.").WithCause(err)
	}
	file, err := io.ReadAll(io.LimitReader(in, mostPlan+1))
	if err != nil {
		return nil, err
	}
	end := len(file) - 4
	if len(file) > mostPlan || end < len(planMagic) || !bytes.HasPrefix(file, []byte(planMagic)) ||
		crc32.Checksum(file[:end], castagnoli) != binary.LittleEndian.Uint32(file[end:]) {
		return nil, damaged(errPlan)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostPlan))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	b, err := z.DecodeAll(file[len(planMagic):end], nil)
	if err != nil {
		return nil, damaged(err)
	}
	r := &planReader{b: b}
	p := r.plan()
	if r.bad || len(r.b) != 0 {
		return nil, damaged(fmt.Errorf("%w at %d bytes from its end", errPlan, len(r.b)))
	}
	return p, nil
}

// planReader decodes; damage sets bad, and zeros follow.
type planReader struct {
	b   []byte
	bad bool
}

func (r *planReader) raw(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, max(0, min(n, 8)))
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *planReader) whole(least, most int) int {
	v := int(int32(binary.LittleEndian.Uint32(r.raw(4))))
	if v < least || v > most {
		r.bad = true
		return least
	}
	return v
}

// count reads how many items of at least size bytes follow.
func (r *planReader) count(size int) int {
	if r.bad {
		return 0
	}
	return r.whole(0, (len(r.b)-4)/size)
}

func (r *planReader) float() float32 {
	v := math.Float32frombits(binary.LittleEndian.Uint32(r.raw(4)))
	if v != v || v > 1e9 || v < -1e9 {
		r.bad = true
		return 0
	}
	return v
}

func (r *planReader) flag() bool {
	v := r.raw(1)[0]
	r.bad = r.bad || v > 1
	return v == 1
}

func (r *planReader) floats(n int) []float32 {
	if n < 0 || 4*n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = r.float()
	}
	return out
}

func (r *planReader) similarity() Similarity {
	var s Similarity
	for _, v := range similarityNumbers(&s) {
		*v = r.float()
	}
	if !(s.Scale > 0) {
		r.bad = true
		s.Scale = 1
	}
	return s
}

func (r *planReader) head() Head {
	var h Head
	step, x, y := r.float(), r.float(), r.float()
	b := r.raw(6 * face.AllPoints)
	if r.bad || !(step > 0) {
		r.bad = true
		return h
	}
	for i := range h.Mesh {
		at := func(k int) float32 { return step * float32(int16(binary.LittleEndian.Uint16(b[6*i+2*k:]))) }
		h.Mesh[i] = pix.Vec3{X: x + at(0), Y: y + at(1), Z: at(2)}
	}
	h.Pose = r.similarity()
	return h
}

func (r *planReader) plan() *Plan {
	p := &Plan{mouths: map[int]plannedMouth{}}
	if err := json.Unmarshal(slices.Clone(r.raw(r.whole(0, mostReport))), &p.Report); err != nil {
		r.bad = true
		return p
	}
	for i := range p.Model.Ref {
		p.Model.Ref[i] = pix.Vec3{X: r.float(), Y: r.float(), Z: r.float()}
	}
	size := r.whole(1, 64)
	for range size {
		p.Model.Basis = append(p.Model.Basis, r.floats(2*len(shapePoints())))
	}
	p.Model.Closed = r.float()
	p.Model.Borrowed = r.flag()
	if r.flag() {
		u := new(Usual)
		for k := range u.Median {
			for i := range u.Median[k] {
				u.Median[k][i], u.Spread[k][i] = r.float(), r.float()
			}
		}
		p.Model.Usual = u
	}
	for n := r.count(mouthsBytes); n > 0 && !r.bad; n-- {
		i := r.whole(0, mostMouths)
		p.mouths[i] = plannedMouth{r.similarity(), r.floats(size)}
	}
	n := min(r.count(frameBytes), mostFrames)
	p.Frames, p.heads = make([]Frame, n), make([]planHead, n)
	for k := 0; k < n && !r.bad; k++ {
		f := Frame{Base: r.whole(0, math.MaxInt32), Mouth: r.whole(-1, mostMouths), Amount: r.float(), Exact: r.float()}
		if r.flag() {
			f.Shape = r.floats(size)
		}
		if _, ok := p.mouths[f.Mouth]; f.Mouth >= 0 && (!ok || f.Shape == nil) {
			r.bad = true
		}
		if !(f.Amount >= 0 && f.Amount <= 1 && f.Exact >= 0 && f.Exact <= 1) {
			r.bad = true
		}
		p.Frames[k] = f
		if r.flag() {
			p.heads[k] = planHead{true, r.head()}
		}
	}
	return p
}
