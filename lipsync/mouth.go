package lipsync

import (
	"math"
	"slices"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Similarity carries points of a frame, in pixels, into face space: Scale·R·p + T.
type Similarity struct {
	Scale float32
	R     [9]float32 // rotation, row by row
	T     pix.Vec3
}

// To is where a point of the frame lies in face space.
func (s *Similarity) To(p pix.Vec3) pix.Vec3 {
	r := &s.R
	return pix.Vec3{
		X: s.Scale*(r[0]*p.X+r[1]*p.Y+r[2]*p.Z) + s.T.X,
		Y: s.Scale*(r[3]*p.X+r[4]*p.Y+r[5]*p.Z) + s.T.Y,
		Z: s.Scale*(r[6]*p.X+r[7]*p.Y+r[8]*p.Z) + s.T.Z,
	}
}

// Back is the point of the frame that lies at p in face space. Scale must not be 0.
func (s *Similarity) Back(p pix.Vec3) pix.Vec3 {
	r, k := &s.R, 1/s.Scale
	x, y, z := (p.X-s.T.X)*k, (p.Y-s.T.Y)*k, (p.Z-s.T.Z)*k
	return pix.Vec3{
		X: r[0]*x + r[3]*y + r[6]*z,
		Y: r[1]*x + r[4]*y + r[7]*z,
		Z: r[2]*x + r[5]*y + r[8]*z,
	}
}

// Head is one face in one frame: the mesh as it was seen, mouth points without any smoothing
// over time, and the way from the frame to face space, which may be smoothed.
type Head struct {
	Mesh face.Mesh
	Pose Similarity
}

// Mouth is one filmed mouth.
type Mouth struct {
	Head
	Box    pix.Rect   // of its frame, even at the upper left
	Pixels *pix.Frame // the samples of that box as they were filmed: W and H are the box's
	Shape  []float32  // the coefficients that Model.Basis gives it
}

// Model is what drawing must know of a person.
type Model struct {
	Ref face.Shape // the median mesh in face space
	// Basis has a row per coefficient: x and y of each of ShapePoints in turn, in face widths per unit.
	Basis [][]float32
	// Borrowed says that the basis comes from other people: shapes may then be wider than any mouth
	// that was filmed, and what is seen in them has to be painted.
	Borrowed bool
	// Closed is the opening, in face widths, that the mesh reads where this person's lips touch.
	Closed float32
	// Usual tells what lies in front of the face; nil where it is unknown: then nothing is looked for.
	Usual *Usual
}

// ShapePoints are the vertices of lips and chin whose places make a mouth's shape, in the order of
// Model.Basis.
func ShapePoints() []int { return slices.Clone(shapePoints()) }

var shapePoints = sync.OnceValue(func() []int {
	return append(lipPoints(), 152, 148, 377, 176, 400, 199, 175, 200, 18, 83, 313)
})

// lipPoints are the vertices of both lips, ascending.
func lipPoints() []int {
	p := []int{76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 408, 304, 303, 302, 11, 72, 73, 74, 184,
		62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 407, 272, 271, 268, 12, 38, 41, 42, 183}
	p = append(append(p, face.InnerLips()...), face.OuterLips()...)
	slices.Sort(p)
	return slices.Compact(p)
}

// Around a mouth: what is shown of a filmed mouth reaches showSide mouth widths to either side of its
// middle, showUp of the way to the base of the nose and showDown of that to the chin, and is
// fully shown within 1−showSoft of it.
const (
	showSide, showUp, showDown, showSoft = 1.05, .92, 1.0, .40
	boxSlack                             = 1.1  // of that, because people's faces differ
	boxMargin                            = .025 // face widths
)

// shown is how much of a filmed mouth is seen at each vertex, 0…1, on a face of this shape; slack
// widens the place.
func shown(ref *face.Shape, slack float32) (share [face.MeshPoints]float32) {
	p := newPlace(ref)
	for i, v := range ref {
		r := p.radius(v, slack*showSide, slack*showUp, slack*showDown)
		share[i] = pix.SmoothStep((1-r)/showSoft, 0, 1)
	}
	for _, i := range lipPoints() {
		share[i] = 1
	}
	return share
}

// place is where a mouth lies in a face without a pose.
type place struct {
	x, y     float32 // middle between the corners
	width    float32 // corner to corner
	up, down float32 // to the base of the nose and to the chin
}

func newPlace(ref *face.Shape) place {
	a, b := ref[61], ref[291]
	y := (a.Y + b.Y) / 2
	return place{
		x: (a.X + b.X) / 2, y: y,
		width: float32(math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y))),
		up:    y - ref[2].Y, down: ref[152].Y - y,
	}
}

// radius is 0 in the middle of the mouth and 1 on an egg that reaches side mouth widths to either side, up
// of the way to the nose and down of that to the chin.
func (p *place) radius(v pix.Vec3, side, up, down float32) float32 {
	dx, dy := (v.X-p.x)/(side*p.width), v.Y-p.y
	if dy < 0 {
		dy /= up * p.up
	} else {
		dy /= down * p.down
	}
	return float32(math.Sqrt(float64(dx*dx + dy*dy)))
}

// boxPoints are the vertices around what can be shown of anybody's mouth.
var boxPoints = sync.OnceValue(func() []int {
	c := face.Canonical()
	share := shown(&c.Vertices, boxSlack)
	var points []int
	for _, t := range trianglesWhere(func(i uint16) bool { return share[i] > 0 }) {
		points = append(points, int(t[0]), int(t[1]), int(t[2]))
	}
	slices.Sort(points)
	return slices.Compact(points)
})

// trianglesWhere are those of the mesh with at least one such vertex.
func trianglesWhere(has func(i uint16) bool) (list [][3]uint16) {
	for _, t := range face.Canonical().Triangles {
		if has(t[0]) || has(t[1]) || has(t[2]) {
			list = append(list, t)
		}
	}
	return list
}

// mouthBox is the part of a picture that must be kept of a mouth so that it can be drawn elsewhere. Its
// upper left is even; it is empty where the mouth lies outside.
func mouthBox(m *face.Mesh, picture pix.Rect) pix.Rect {
	return boxAround(m.Points(), boxPoints(), boxMargin*faceWidth(m.Points()), picture)
}

// faceWidth is the distance from ear to ear as the picture shows it, in its pixels.
func faceWidth(m *[face.MeshPoints]pix.Vec3) float32 {
	a, b := m[234], m[454]
	return float32(math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)))
}

// boxAround is the box of whole pixels around some vertices, margin wider, within a picture and even
// at its upper left.
func boxAround(m *[face.MeshPoints]pix.Vec3, points []int, margin float32, picture pix.Rect) pix.Rect {
	lo, hi := m[points[0]].XY(), m[points[0]].XY()
	for _, i := range points {
		p := m[i]
		lo.X, lo.Y, hi.X, hi.Y = min(lo.X, p.X), min(lo.Y, p.Y), max(hi.X, p.X), max(hi.Y, p.Y)
	}
	whole := func(v float32, n int) int { return int(math.Floor(float64(pix.Clamp(v, -4, float32(n+4))))) }
	r := pix.Rect{X0: whole(lo.X-margin, picture.X1) &^ 1, Y0: whole(lo.Y-margin, picture.Y1) &^ 1,
		X1: whole(hi.X+margin, picture.X1) + 2, Y1: whole(hi.Y+margin, picture.Y1) + 2}
	return r.Intersect(picture)
}
