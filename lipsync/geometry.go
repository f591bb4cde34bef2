package lipsync

import (
	"errors"
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Where a mouth moves a face: fully within 1−moveSoft of an egg that reaches moveSide mouth widths to
// either side, moveUp of the way to the base of the nose and moveDown of that to the chin.
const (
	moveSide, moveUp, moveDown, moveSoft = 1.25, 1.02, 2.2, .45
	// spreadSoft keeps the spread's equations well conditioned, in face widths.
	spreadSoft = .004
)

// anchors are vertices that a mouth does not move: base of the nose, cheeks, angle of the jaw.
func anchors() []int {
	return []int{2, 94, 98, 327, 97, 326, 205, 425, 50, 280, 117, 346, 132, 361, 58, 288, 93, 323, 1, 4, 64, 294}
}

// shaper moves meshes of one person to wanted mouths.
type shaper struct {
	move   [face.MeshPoints]float32 // how much of a mouth's movement each vertex takes part in
	basis  [][]float32              // as Model.Basis
	spread []float32                // MeshPoints rows, a column per shape point: the share in its displacement
	points []int
}

// newShaper prepares a person.
func newShaper(m *Model) (*shaper, error) {
	s := &shaper{basis: m.Basis, points: shapePoints()}
	for _, row := range m.Basis {
		if len(row) != 2*len(s.points) {
			return nil, errors.New("a row of the mouth basis has the wrong length")
		}
	}
	p := newPlace(&m.Ref)
	if !(p.width > 0 && p.up > 0 && p.down > 0) {
		return nil, errors.New("the person's mesh is no face")
	}
	for i, v := range m.Ref {
		s.move[i] = pix.SmoothStep((1-p.radius(v, moveSide, moveUp, moveDown))/moveSoft, 0, 1)
	}
	return s, s.solve(&m.Ref)
}

// solve finds how the displacement of lips and chin spreads over the other vertices: by radial basis functions
// with a linear kernel, in the plane of the face, where the anchors stay. (Moving lips and chin
// alone folds the skin between them.)
func (s *shaper) solve(ref *face.Shape) error {
	ctl := append(append([]int(nil), s.points...), anchors()...)
	n := len(ctl)
	far := func(a, b int) float64 {
		return math.Hypot(float64(ref[a].X-ref[b].X), float64(ref[a].Y-ref[b].Y))
	}
	// [Φ 1; 1ᵀ 0] and the identity beside it.
	a := make([][]float64, n+1)
	for r := range a {
		a[r] = make([]float64, 2*(n+1))
		a[r][n+1+r] = 1
		for c := range n + 1 {
			switch {
			case r == n && c == n:
			case r == n || c == n:
				a[r][c] = 1
			case r == c:
				a[r][c] = -spreadSoft
			default:
				a[r][c] = far(ctl[r], ctl[c])
			}
		}
	}
	if !invert(a) {
		return errors.New("the person's mesh is no face")
	}
	k := len(s.points)
	s.spread = make([]float32, face.MeshPoints*k)
	for v := range face.MeshPoints {
		row := make([]float64, k)
		for r := range n + 1 {
			phi := 1.0
			if r < n {
				phi = far(v, ctl[r])
			}
			for c := range row {
				row[c] += phi * a[r][n+1+c]
			}
		}
		for c, x := range row {
			s.spread[v*k+c] = float32(x)
		}
	}
	return nil
}

// invert turns the left half of a into the identity, and so the identity in the right half into the
// inverse, by elimination with row pivots; false when there is none.
func invert(a [][]float64) bool {
	n := len(a)
	for c := range n {
		p := c
		for r := c + 1; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		if !(math.Abs(a[p][c]) > 1e-12) {
			return false
		}
		a[c], a[p] = a[p], a[c]
		inv := 1 / a[c][c]
		for k := range a[c] {
			a[c][k] *= inv
		}
		for r := range n {
			f := a[r][c]
			if r == c || f == 0 {
				continue
			}
			for k := range a[r] {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	return true
}

// posed is the head of a frame with another mouth on it: m's own shape moved exact of the way to the
// coefficients want (nil: as it was filmed), put on the head's pose where mouths move a
// face, and the head's own mesh elsewhere. amount below 1 goes only that far from the head's own mouth.
func (s *shaper) posed(h *Head, m *Mouth, want []float32, exact, amount float32) (out [face.MeshPoints]pix.Vec3) {
	var dx, dy []float32
	if exact > 0 && len(want) > 0 {
		dx, dy = s.displacement(m.Shape, want, exact)
	}
	k := len(s.points)
	for i := range out {
		p := h.Mesh[i]
		if w := s.move[i] * amount; w > 0 {
			q := m.Pose.To(m.Mesh[i])
			for c, share := range s.spread[i*k : i*k+len(dx)] {
				q.X += share * dx[c]
				q.Y += share * dy[c]
			}
			q = h.Pose.Back(q)
			p = pix.Vec3{X: p.X + w*(q.X-p.X), Y: p.Y + w*(q.Y-p.Y), Z: p.Z + w*(q.Z-p.Z)}
		}
		out[i] = p
	}
	return out
}

// displacement is how far the shape points move from one set of coefficients towards another.
func (s *shaper) displacement(from, to []float32, share float32) (dx, dy []float32) {
	k := len(s.points)
	dx, dy = make([]float32, k), make([]float32, k)
	for r := range min(len(s.basis), len(from), len(to)) {
		d := share * (to[r] - from[r])
		row := s.basis[r]
		for c := range dx {
			dx[c] += d * row[2*c]
			dy[c] += d * row[2*c+1]
		}
	}
	return dx, dy
}
