package lipsync

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Collector takes mouths out of the frames of one stretch of a clip and writes them as they were filmed
// to a file that OpenMouths reads at random. One goroutine at a time.
type Collector struct {
	out   *bufio.Writer
	a     *face.Analysis
	picks map[int][]int  // tracks by frame
	usual map[int]*Usual // by person, so far as it was needed
	look  look
	clip  int
	at    int64
	index []Filmed
	err   error
}

// NewCollector collects the picks that lie in the stretch. a may be no more than a window around it
// (face.ReadAnalysisWindow). clip tells footage apart: 0 is the video that will speak, 1 and more are
// further clips of the same person.
func NewCollector(out io.Writer, clip int, a *face.Analysis, picks []Pick) *Collector {
	c := &Collector{out: bufio.NewWriterSize(out, 1<<16), a: a, clip: clip, picks: map[int][]int{},
		usual: map[int]*Usual{}}
	for _, p := range picks {
		c.picks[p.Frame] = append(c.picks[p.Frame], p.Track)
	}
	c.write([]byte(mouthsMagic))
	return c
}

// Wants reports whether a frame holds a mouth to be kept, so that others need not be decoded.
func (c *Collector) Wants(frame int) bool { return len(c.picks[frame]) > 0 }

// Add takes what is wanted of a frame, but no mouth that something lies in front of. The frame is not kept.
func (c *Collector) Add(frame int, f *pix.Frame) error {
	for _, track := range c.picks[frame] {
		o, neutral := c.find(track, frame)
		if o == nil {
			continue
		}
		box := mouthBox(&o.Mesh, f.Bounds())
		if box.Empty() || c.covered(f, o, c.a.Tracks[track].Person) {
			continue
		}
		m := Filmed{Clip: c.clip, Frame: frame, Track: track, Mesh: o.Mesh, Pose: o.Pose, Confidence: o.Confidence,
			Sharpness: o.Sharpness, Box: box, Colour: f.Colour, Layout: f.Layout, Thumb: makeThumb(f, neutral, &o.Pose), offset: c.at}
		m.Layout.W, m.Layout.H = box.W(), box.H()
		sum := crc32.New(castagnoli)
		for i := range f.Planes {
			r := box
			if i > 0 {
				r = f.ChromaRect(box)
			}
			if i == 0 || !f.Mono {
				c.plane(&f.Planes[i], r, sum)
			}
		}
		m.sum = sum.Sum32()
		c.index = append(c.index, m)
	}
	return c.err
}

// covered reports whether something lies in front of a mouth.
func (c *Collector) covered(f *pix.Frame, o *face.Observation, person int) bool {
	u, ok := c.usual[person]
	if !ok {
		u = NewUsual(c.a, person)
		c.usual[person] = u
	}
	if u == nil {
		return false
	}
	c.look.see(f, &o.Mesh)
	return u.hides(&c.look)
}

func (c *Collector) find(track, frame int) (*face.Observation, *face.Shape) {
	if track < 0 || track >= len(c.a.Tracks) {
		return nil, nil
	}
	t := &c.a.Tracks[track]
	if len(t.Faces) == 0 {
		return nil, nil
	}
	if k := frame - t.Faces[0].Frame; k >= 0 && k < len(t.Faces) {
		return &t.Faces[k], &t.Neutral
	}
	return nil, nil
}

func (c *Collector) write(b []byte) {
	if c.err == nil {
		_, c.err = c.out.Write(b)
		c.at += int64(len(b))
	}
}

// plane writes a box of a plane row by row.
func (c *Collector) plane(p *pix.Plane, r pix.Rect, sum io.Writer) {
	var wide []byte
	for y := r.Y0; y < r.Y1; y++ {
		at := y*p.Stride + r.X0
		row := wide[:0]
		if p.P16 != nil {
			for _, v := range p.P16[at : at+r.W()] {
				row = binary.LittleEndian.AppendUint16(row, v)
			}
			wide = row
		} else {
			row = p.P8[at : at+r.W()]
		}
		_, _ = sum.Write(row) // a hash never fails
		c.write(row)
	}
}

// Close writes the index. The file is of no use without it.
func (c *Collector) Close() error {
	start := c.at
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(c.index)))
	for i := range c.index {
		b = c.index[i].append(b)
	}
	c.write(b)
	foot := binary.LittleEndian.AppendUint64(nil, uint64(start))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(b)))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(b, castagnoli))
	c.write(append(foot, mouthsMagic...))
	if c.err == nil {
		c.err = c.out.Flush()
	}
	if c.err != nil {
		return fmt.Errorf("mouths: %w", c.err)
	}
	c.err = errors.New("closed")
	return nil
}
