package pix

import "fmt"

// Matrix names how YUV is made from RGB (ITU-T H.273, matrix coefficients).
type Matrix uint8

// The matrices.
const (
	BT709 Matrix = iota
	BT601
	BT2020
)

// Transfer names how code values stand for light (ITU-T H.273, transfer characteristics).
type Transfer uint8

// The transfers. SDR covers BT.709, BT.601 and sRGB, which differ too little to matter here.
const (
	SDR Transfer = iota
	HLG
	PQ
)

// Colour says how the samples of a frame are to be understood.
type Colour struct {
	Matrix    Matrix
	Transfer  Transfer
	WideGamut bool // BT.2020 primaries
	Full      bool // full range (0…255) instead of limited (16…235)
}

// Layout is the geometry of a frame's planes.
type Layout struct {
	W, H       int  // of the picture and of the luma plane
	SubX, SubY int  // log2 of the chroma subsampling: 4:2:0 is 1, 1; 4:2:2 is 1, 0; 4:4:4 is 0, 0
	Depth      int  // bits per sample: 8, 10 or 12
	Mono       bool // luma only
}

// ChromaSize is the size of the U and V planes; 0, 0 without chroma.
func (l Layout) ChromaSize() (w, h int) {
	if l.Mono {
		return 0, 0
	}
	return (l.W + 1<<l.SubX - 1) >> l.SubX, (l.H + 1<<l.SubY - 1) >> l.SubY
}

// String names the layout as in "1920x1080 4:2:0 8 bit".
func (l Layout) String() string {
	sub := "4:2:0"
	switch {
	case l.Mono:
		sub = "4:0:0"
	case l.SubX == 0 && l.SubY == 0:
		sub = "4:4:4"
	case l.SubY == 0:
		sub = "4:2:2"
	}
	return fmt.Sprintf("%dx%d %s %d bit", l.W, l.H, sub, l.Depth)
}

// Plane is one component of a frame, row by row. Exactly one of P8 (8 bit) and
// P16 (more, in the low bits) is set.
type Plane struct {
	W, H   int
	Stride int // samples from one row to the next
	P8     []uint8
	P16    []uint16
}

// Frame is one picture as planar YUV, from decoder to encoder.
// Chroma samples are sited as H.264 does by default: left, midway between rows.
type Frame struct {
	Layout
	Colour
	PTS    int64    // presentation time in ticks of the stream's time base
	Planes [3]Plane // Y, U, V
}

// NewFrame returns a black frame of this layout with planes of its own.
func NewFrame(l Layout, c Colour) *Frame {
	f := &Frame{Layout: l, Colour: c}
	cw, ch := l.ChromaSize()
	for i := range f.Planes {
		w, h := l.W, l.H
		if i > 0 {
			w, h = cw, ch
		}
		p := Plane{W: w, H: h, Stride: w}
		if l.Depth > 8 {
			p.P16 = make([]uint16, w*h)
		} else {
			p.P8 = make([]uint8, w*h)
		}
		f.Planes[i] = p
		switch {
		case i > 0:
			p.fill(1 << (l.Depth - 1))
		case !c.Full:
			p.fill(16 << (l.Depth - 8))
		}
	}
	return f
}

// fill sets every sample.
func (p Plane) fill(v int) {
	for i := range p.P8 {
		p.P8[i] = uint8(v)
	}
	for i := range p.P16 {
		p.P16[i] = uint16(v)
	}
}

// At is the sample at (x, y), which must lie inside.
func (p Plane) At(x, y int) int {
	if p.P16 != nil {
		return int(p.P16[y*p.Stride+x])
	}
	return int(p.P8[y*p.Stride+x])
}

// Set stores a sample at (x, y), which must lie inside.
func (p Plane) Set(x, y, v int) {
	if p.P16 != nil {
		p.P16[y*p.Stride+x] = uint16(v)
		return
	}
	p.P8[y*p.Stride+x] = uint8(v)
}

// Clone returns a copy that shares nothing with f.
func (f *Frame) Clone() *Frame {
	c := *f
	for i, p := range f.Planes {
		c.Planes[i].P8 = append([]uint8(nil), p.P8...)
		c.Planes[i].P16 = append([]uint16(nil), p.P16...)
	}
	return &c
}
