package face

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// Observations are what was seen in one stretch of a video: the product of an Observer and
// the raw material of Join. They can be written and read (WriteTo, ReadObservations), since
// stretches of one video may be looked at on different machines.
type Observations struct {
	First, End int // frames First ≤ i < End
	W, H       int // of the frames; 0, 0 without any

	cuts       []int // frames within, other than First, that begin a shot
	head, tail look  // the first and the last frame, to find a cut between stretches
	tracks     []*track
}

// Faces is the number of faces seen, counted once per frame.
func (o *Observations) Faces() int {
	n := 0
	for _, t := range o.tracks {
		n += len(t.seen)
	}
	return n
}

// track is a face followed without a gap, as small as it can be kept.
type track struct {
	first    int
	seen     []packed
	textures []Texture
	views    []view
}

func (t *track) end() int { return t.first + len(t.seen) }

// view is a face's identity as one frame shows it.
type view struct {
	frame   int
	quality float32   // frontal, large and sharp views count more
	vector  []float32 // of unit length
}

// packed is a mesh in whole steps from an origin: 2.9 KB instead of 5.7.
type packed struct {
	origin     pix.Vec2
	step       float32
	points     [AllPoints][3]int16
	confidence float32
	sharpness  float32
}

// meshStep is the resolution to which meshes are kept, in pixels: a tenth of the network's noise.
const meshStep = 1.0 / 16

func pack(m *Mesh, confidence, sharp float32) packed {
	p := packed{step: meshStep, confidence: confidence, sharpness: sharp}
	b := m.Bounds()
	// Whole pixels, so that the origin itself is not rounded when it is written.
	p.origin = pix.Vec2{X: float32(math.Round(float64(b.X + b.W/2))), Y: float32(math.Round(float64(b.Y + b.H/2)))}
	var extent float32
	for _, v := range m {
		for _, d := range [3]float32{v.X - p.origin.X, v.Y - p.origin.Y, v.Z} {
			extent = max(extent, d, -d)
		}
	}
	for extent/p.step > math.MaxInt16 {
		p.step *= 2
	}
	for i, v := range m {
		for c, d := range [3]float32{v.X - p.origin.X, v.Y - p.origin.Y, v.Z} {
			p.points[i][c] = int16(math.Round(float64(d / p.step)))
		}
	}
	return p
}

func (p *packed) mesh() Mesh {
	var m Mesh
	for i, q := range p.points {
		m[i] = pix.Vec3{X: p.origin.X + p.step*float32(q[0]), Y: p.origin.Y + p.step*float32(q[1]), Z: p.step * float32(q[2])}
	}
	return m
}

// distance is the mean distance between two meshes in the picture over their eye distance: below
// .2 they can only be the same face.
func distance(a, b *Mesh) float32 {
	var sum float64
	for i := range MeshPoints {
		sum += math.Hypot(float64(a[i].X-b[i].X), float64(a[i].Y-b[i].Y))
	}
	return float32(sum / MeshPoints / math.Max(1e-3, float64(a.EyeDistance()+b.EyeDistance())/2))
}
