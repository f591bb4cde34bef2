package face

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/pix"
)

func product(a, b *Shape) (s float64) {
	for i := range a {
		s += float64(a[i].X)*float64(b[i].X) + float64(a[i].Y)*float64(b[i].Y) + float64(a[i].Z)*float64(b[i].Z)
	}
	return s
}

// moved is a shape with shares of components added.
func moved(s Shape, t *ExpressionTable, shares ...float32) Shape {
	for k, e := range shares {
		for i, c := range &t.Components[k] {
			s[i] = pix.Vec3{X: s[i].X + e*c.X, Y: s[i].Y + e*c.Y, Z: s[i].Z + e*c.Z}
		}
	}
	return s
}

// TestExpressionTable: what the committed table promises.
func TestExpressionTable(t *testing.T) {
	x := Expressions()
	if len(expressionFile) > 100_000 || len(x.Components) < 8 {
		t.Errorf("%d components in %d bytes", len(x.Components), len(expressionFile))
	}
	for a := range x.Components {
		for b := range x.Components {
			want := 0.
			if a == b {
				want = 1
			}
			if got := product(&x.Components[a], &x.Components[b]); math.Abs(got-want) > .002 {
				t.Errorf("components %d·%d is %.4f, not %v", a, b, got, want)
			}
		}
	}
	// A small movement of the head (shift, turn, change of size) is no expression.
	for axis := range 7 {
		var head Shape
		for i, p := range &x.Neutral {
			head[i] = [7]pix.Vec3{{X: 1}, {Y: 1}, {Z: 1}, {Y: -p.Z, Z: p.Y}, {X: p.Z, Z: -p.X}, {X: -p.Y, Y: p.X}, p}[axis]
		}
		k := 1 / math.Sqrt(product(&head, &head))
		for c := range x.Components {
			if got := k * product(&head, &x.Components[c]); math.Abs(got) > .002 {
				t.Errorf("component %d holds %.4f of movement %d of the head", c, got, axis)
			}
		}
	}
	// The neutral face is at rest and symmetric.
	relaxed := x.Relaxed(&x.Neutral)
	for i, p := range &relaxed {
		if d := p.X - x.Neutral[i].X; d > 1e-4 || d < -1e-4 {
			t.Fatalf("the neutral face moves at point %d", i)
		}
		if q := x.Neutral[Canonical().Mirror[i]]; math.Abs(float64(q.X+p.X)) > .02 || math.Abs(float64(q.Y-p.Y)) > .02 {
			t.Errorf("point %d at %v, its mirror image at %v", i, p, q)
		}
	}
}

// TestRelaxed: an opened mouth is closed for the greater part, a different person stays one.
func TestRelaxed(t *testing.T) {
	x := Expressions()
	talking := moved(x.Neutral, x, 2*x.Spread[0])
	if got := x.Shares(&talking)[0] / (2 * x.Spread[0]); got < .6 || got > 1.02 {
		t.Errorf("%.2f of the widest movement is found", got)
	}
	// Wider jaw and higher forehead: nobody's expression.
	other := x.Neutral
	for i, p := range &other {
		other[i].X += .06 * p.X
		if p.Y < 0 {
			other[i].Y += .05 * p.Y
		}
	}
	relaxed := x.Relaxed(&other)
	var kept, was float64
	for i := range other {
		kept += math.Hypot(float64(relaxed[i].X-x.Neutral[i].X), float64(relaxed[i].Y-x.Neutral[i].Y))
		was += math.Hypot(float64(other[i].X-x.Neutral[i].X), float64(other[i].Y-x.Neutral[i].Y))
	}
	if kept < .8*was {
		t.Errorf("only %.2f of a person's own shape stays", kept/was)
	}
}

func TestExpressionFile(t *testing.T) {
	x := Expressions()
	if got, err := ParseExpressions(x.Bytes()); err != nil {
		t.Error(err)
	} else if d := cmp.Diff(x.Spread, got.Spread); d != "" || len(got.reader) != len(x.Components) {
		t.Error(d)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"cut off":   func(b []byte) []byte { return b[:len(b)-1] },
		"too long":  func(b []byte) []byte { return append(b, 0) },
		"foreign":   func(b []byte) []byte { b[0]++; return b },
		"miscounts": func(b []byte) []byte { b[len(expressionMagic)]++; return b },
		"no spread": func(b []byte) []byte { clear(b[len(b)-4:]); return b },
		"no step":   func(b []byte) []byte { copy(b[len(expressionMagic)+1:], "\xff\xff\xff\x7f"); return b }, // NaN
	} {
		if _, err := ParseExpressions(damage(slices.Clone(expressionFile))); err == nil {
			t.Errorf("%s: read without a complaint", name)
		}
	}
}
