package lipsync

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/twinsync/twinsync/speech"
)

// Tables are what was learned about mouths in general, from people whose footage may be used for that: numbers
// only, no picture and no sound. Descriptors are opening, width, height and protrusion, each on a person's own
// range: 0 at the 2nd, 1 at the 98th percentile.
type Tables struct {
	// Phone gives descriptors from what is said around a frame (Context).
	Phone Linear
	// Sound gives them from what is heard around it (speech.SoundFeatures), and as a fifth number how likely it is that
	// the lips touch.
	Sound Net
	// Geometry is how mouths move that were seen to open.
	Geometry Geometry
}

// Geometry lends a moving mouth to somebody whose footage shows a closed one: displacements of lips and
// chin, never pixels.
type Geometry struct {
	Basis    [][]float64          // displacements of ShapePoints in face widths, x and y in turn; rows of length 1
	Sigma    float64              // rms length of the coefficients
	Span     [descriptors]float64 // mean distance from the 2nd to the 98th percentile of each descriptor, face widths
	Describe [][]float64          // descriptors and a constant → coefficients
	Gap      []float64            // coefficients → opening above the closed mouth's
	Ordinary [][]float64          // descriptors of ordinary speech: quantiles evenly from 0 to 1, each ascending
}

//go:embed tables.bin
var tablesFile []byte

// standard are the tables in the binary.
var standard = sync.OnceValue(func() *Tables {
	t, err := ParseTables(tablesFile)
	if err != nil {
		panic("lipsync: " + err.Error()) // part of the binary and tested: a defect of the build
	}
	return t
})

// Standard are the tables that are part of the program. They must not be changed.
func Standard() *Tables { return standard() }

// The file: the magic, then matrices as rows and columns (uint16 each) and float32 row by row, in the order of
// matrices. Little-endian.
const (
	tablesMagic   = "TSlips2\n"
	contextLength = len(contextOffsets) * contextKeys
)

var errTables = errors.New("the tables of mouths are damaged")

// matrices lists what a file holds, with the size that each must have (0: any up to 1024).
func (t *Tables) matrices() []struct {
	m          *[][]float64
	rows, cols int
} {
	type entry = struct {
		m          *[][]float64
		rows, cols int
	}
	one := func(v *[]float64) *[][]float64 { return &[][]float64{*v} }
	g := &t.Geometry
	points := 2 * len(shapePoints())
	sizes := []float64{g.Sigma, g.Span[0], g.Span[1], g.Span[2], g.Span[3]}
	return []entry{
		{one(&t.Phone.Mean), 1, contextLength}, {one(&t.Phone.Scale), 1, contextLength},
		{&t.Phone.Weights, contextLength, descriptors}, {one(&t.Phone.Offset), 1, descriptors},
		{one(&t.Sound.Mean), 1, speech.SoundFeatureLength}, {one(&t.Sound.Scale), 1, speech.SoundFeatureLength},
		{&t.Sound.Hidden, speech.SoundFeatureLength, 0}, {one(&t.Sound.Bias), 1, 0},
		{&t.Sound.Weights, 0, descriptors + 1}, {one(&t.Sound.Offset), 1, descriptors + 1},
		{&g.Basis, 0, points}, {one(&sizes), 1, 1 + descriptors}, {&g.Describe, descriptors + 1, 0}, {one(&g.Gap), 1, 0},
		{&g.Ordinary, 0, descriptors},
	}
}

// Bytes is the file that ParseTables reads.
func (t *Tables) Bytes() []byte {
	b := []byte(tablesMagic)
	for _, e := range t.matrices() {
		m := *e.m
		b = binary.LittleEndian.AppendUint16(b, uint16(len(m)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(m[0])))
		for _, r := range m {
			for _, v := range r {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			}
		}
	}
	return b
}

// ParseTables reads tables that Bytes has made.
func ParseTables(b []byte) (*Tables, error) {
	if !strings.HasPrefix(string(b), tablesMagic) {
		return nil, errTables
	}
	b = b[len(tablesMagic):]
	t := new(Tables)
	var all [][][]float64
	for _, e := range t.matrices() {
		if len(b) < 4 {
			return nil, errTables
		}
		rows, cols := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		const most = 1024
		if rows < 1 || cols < 1 || rows > most || cols > most || e.rows > 0 && rows != e.rows || e.cols > 0 && cols != e.cols || len(b) < 4*rows*cols {
			return nil, errTables
		}
		m := newRows(rows, cols)
		for r := range m {
			for c := range m[r] {
				v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
				b = b[4:]
				if math.IsNaN(v) || math.Abs(v) > 1e6 {
					return nil, errTables
				}
				m[r][c] = v
			}
		}
		all = append(all, m)
	}
	t.Phone = Linear{all[0][0], all[1][0], all[2], all[3][0]}
	t.Sound = Net{all[4][0], all[5][0], all[6], all[7][0], all[8], all[9][0]}
	sizes := all[11][0]
	t.Geometry = Geometry{Basis: all[10], Sigma: sizes[0], Span: [descriptors]float64(sizes[1:]), Describe: all[12], Gap: all[13][0], Ordinary: all[14]}
	n, units := len(t.Geometry.Basis), len(t.Sound.Bias)
	sound := len(b) == 0 && len(t.Sound.Hidden[0]) == units && len(t.Sound.Weights) == units && len(t.Geometry.Describe[0]) == n && len(t.Geometry.Gap) == n && t.Geometry.Sigma > 0
	for _, v := range slices.Concat(t.Phone.Scale, t.Sound.Scale, t.Geometry.Span[:]) {
		sound = sound && v > 0
	}
	if !sound {
		return nil, errTables
	}
	return t, nil
}

// contextOffsets are the moments around a frame that say what its mouth does, in frames of a 25th of a
// second.
var contextOffsets = [...]float64{-3, -2, -1, 0, 1, 2, 3}

// contextKeys is how many curves there are: jaw, width, round, close, teeth, silence.
const contextKeys = 6

// Context is what is said around each frame: the six curves at seven moments from 120 ms before to 120 ms
// after, moment by moment.
func Context(c *speech.Curves, fps float64) [][]float64 {
	return contextAt(c, fps, contextOffsets[:])
}

func contextAt(c *speech.Curves, fps float64, offsets []float64) [][]float64 {
	n := c.Len()
	out := newRows(n, len(offsets)*contextKeys)
	for i := range out {
		for o, d := range offsets {
			p := min(max(float64(i)+d*fps/25, 0), float64(n-1))
			a := int(p)
			b, f := min(a+1, n-1), p-float64(a)
			for k, curve := range [contextKeys][]float32{c.Jaw, c.Width, c.Round, c.Close, c.Teeth, c.Silence} {
				out[i][o*contextKeys+k] = (1-f)*float64(curve[a]) + f*float64(curve[b])
			}
		}
	}
	return out
}

// tableDescriptors are the descriptors of the hand-made table: what the curves say, on anybody's range.
func tableDescriptors(c *speech.Curves) [][]float64 {
	out := newRows(c.Len(), descriptors)
	unit := func(v float64) float64 { return min(max(v, 0), 1) }
	for i := range out {
		jaw, width, round := float64(c.Jaw[i]), float64(c.Width[i]), float64(c.Round[i])
		w := unit(.5 + .9*(width-.5))
		out[i][0], out[i][1] = jaw, w
		out[i][2] = unit(.15 + .75*jaw + .15*round)
		out[i][3] = unit(.35 + .5*round - .2*(w-.5))
	}
	return out
}

// ordinary.txt has the phones and pauses of seven sentences that are balanced over English (IEEE 1969,
// "Harvard sentences", list 1), as the built-in voice says them: IPA ("_" for a pause) and seconds.
//
//go:embed ordinary.txt
var ordinaryText string

// ordinarySpeech is how the hand-made table's descriptors are distributed over ordinary speech: one ascending
// list for each.
var ordinarySpeech = sync.OnceValue(func() [descriptors][]float64 {
	t, end := new(speech.Timing), 0.0
	for line := range strings.Lines(ordinaryText) {
		f := strings.Fields(line)
		s, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			panic("lipsync: " + err.Error()) // part of the binary and tested
		}
		if f[0] != "_" {
			t.Phones = append(t.Phones, speech.Phone{IPA: f[0], Start: end, End: end + s})
		}
		end += s
	}
	const fps = 25
	c := speech.MouthCurves(t, int(end*fps), fps, 0)
	var out [descriptors][]float64
	for i, d := range tableDescriptors(c) {
		if c.Silence[i] < speakingUpTo {
			for k, v := range d {
				out[k] = append(out[k], v)
			}
		}
	}
	for k := range out {
		slices.Sort(out[k])
	}
	return out
})
