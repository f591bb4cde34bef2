package face

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"sync"

	"github.com/twinsync/twinsync/pix"
)

// ExpressionTable tells a face's expression from its shape. It was learned with face/learn from
// openly licensed footage and stills (NOTICE names them): what changes while people speak, blink
// and smile, against what differs between people.
type ExpressionTable struct {
	// Neutral is the mean face of the people learned from, at rest, in canonical units.
	Neutral Shape
	// Components are changes of shape that expressions are sums of, the widest first: over all
	// their coordinates of length 1 and at right angles, without any part of a movement of the head.
	Components []Shape
	// Spread is the standard deviation of each component's share while people speak.
	Spread []float32

	// reader finds the shares in a shape: the best linear estimate, learned against the variety of
	// neutral faces.
	reader []Shape
}

//go:embed expression.bin
var expressionFile []byte

var expressions = sync.OnceValue(func() *ExpressionTable {
	t, err := ParseExpressions(expressionFile)
	if err != nil {
		panic("face: " + err.Error()) // part of the binary and tested: a defect of the build
	}
	return t
})

// Expressions is the table that is part of the program. It must not be changed.
func Expressions() *ExpressionTable { return expressions() }

// Shares are the components' most likely shares in a shape of a person of whom nothing else is known,
// in canonical units. They are cautious: what could as well be the person's own is left out.
func (t *ExpressionTable) Shares(s *Shape) []float32 {
	e := make([]float32, len(t.reader))
	for k := range e {
		var sum float64
		for i, r := range &t.reader[k] {
			n := t.Neutral[i]
			sum += float64(r.X*(s[i].X-n.X) + r.Y*(s[i].Y-n.Y) + r.Z*(s[i].Z-n.Z))
		}
		e[k] = float32(sum)
	}
	return e
}

// Relaxed is the shape with its most likely expression taken out.
func (t *ExpressionTable) Relaxed(s *Shape) Shape {
	out := *s
	for k, e := range t.Shares(s) {
		for i, c := range &t.Components[k] {
			out[i].X -= e * c.X
			out[i].Y -= e * c.Y
			out[i].Z -= e * c.Z
		}
	}
	return out
}

// The file: the magic, the number of components, then shapes as a step (float32) and int16 for
// each coordinate: the neutral face less the canonical one, the components, the reader; at the end the
// spreads as float32. Little-endian.
const (
	expressionMagic = "TSexpr1\n"
	mostComponents  = 32
	shapeBytes      = 4 + 2*3*MeshPoints
)

var errExpressions = errors.New("the table of expressions is damaged")

// ParseExpressions reads a table that Bytes has made.
func ParseExpressions(b []byte) (*ExpressionTable, error) {
	head := len(expressionMagic) + 1
	if len(b) < head || string(b[:head-1]) != expressionMagic {
		return nil, errExpressions
	}
	n := int(b[head-1])
	if n < 1 || n > mostComponents || len(b) != head+(1+2*n)*shapeBytes+4*n {
		return nil, errExpressions
	}
	b = b[head:]
	sound := true
	shape := func() Shape {
		var s Shape
		step := math.Float32frombits(binary.LittleEndian.Uint32(b))
		sound = sound && step > 0 && step < 1 // no NaN either
		for i := range s {
			at := b[4+6*i:]
			v := func(k int) float32 { return step * float32(int16(binary.LittleEndian.Uint16(at[2*k:]))) }
			s[i] = pix.Vec3{X: v(0), Y: v(1), Z: v(2)}
		}
		b = b[shapeBytes:]
		return s
	}
	t := &ExpressionTable{Neutral: shape()}
	for i, c := range &Canonical().Vertices {
		p := &t.Neutral[i]
		p.X, p.Y, p.Z = p.X+c.X, p.Y+c.Y, p.Z+c.Z
	}
	for range n {
		t.Components = append(t.Components, shape())
	}
	for range n {
		t.reader = append(t.reader, shape())
	}
	if !sound {
		return nil, errExpressions
	}
	for k := range n {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))
		if !(v > 0 && v < 1e3) {
			return nil, errExpressions
		}
		t.Spread = append(t.Spread, v)
	}
	return t, nil
}

// NewExpressions makes a table from what was learned: as many readers and spreads as components.
func NewExpressions(neutral Shape, components, reader []Shape, spread []float32) *ExpressionTable {
	return &ExpressionTable{neutral, components, spread, reader}
}

// Bytes is the table as a file.
func (t *ExpressionTable) Bytes() []byte {
	b := append([]byte(expressionMagic), byte(len(t.Components)))
	add := func(s *Shape) {
		var most float64
		for _, v := range s {
			most = max(most, math.Abs(float64(v.X)), math.Abs(float64(v.Y)), math.Abs(float64(v.Z)))
		}
		step := float32(max(most, 1e-9) / math.MaxInt16)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(step))
		for _, v := range s {
			for _, c := range [3]float32{v.X, v.Y, v.Z} {
				b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(float64(c/step)))))
			}
		}
	}
	mean := t.Neutral
	for i, c := range &Canonical().Vertices {
		p := &mean[i]
		p.X, p.Y, p.Z = p.X-c.X, p.Y-c.Y, p.Z-c.Z
	}
	add(&mean)
	for k := range t.Components {
		add(&t.Components[k])
	}
	for k := range t.reader {
		add(&t.reader[k])
	}
	for _, v := range t.Spread {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
