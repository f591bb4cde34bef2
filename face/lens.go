package face

import (
	"context"
	"math"

	"github.com/twinsync/twinsync/pix"
)

// The mesh network's input in pixels (RGB, 0…1), and how far its crop reaches beyond the
// face's box (MediaPipe: 1.5).
const (
	meshSide   = 192
	cropMargin = 1.5
)

// lens looks at frames with the networks. It owns the buffers for it: one per goroutine.
type lens struct {
	m       *Models
	sampler pix.Sampler

	picture, boxes, scores, points, presence []float32
}

func (l *lens) buffer(b *[]float32, n int) []float32 {
	if cap(*b) < n {
		*b = make([]float32, n)
	}
	return (*b)[:n]
}

// sight is a face as the mesh network sees it.
type sight struct {
	mesh     Mesh
	pose     Pose
	presence float32 // of a face, by the network
	misfit   float32 // mean distance of rigid points from the canonical face, over the eye distance
	inside   float32 // share of the mesh's points within the picture
	view     pix.Square
}

// mesh runs the mesh network over one square.
func (l *lens) mesh(ctx context.Context, f *pix.Frame, sq pix.Square) (*sight, error) {
	s := &sight{view: sq}
	if err := l.meshOnce(ctx, f, sq, false, s); err != nil {
		return nil, err
	}
	if l.m.options.Mirror {
		var other sight
		if err := l.meshOnce(ctx, f, sq, true, &other); err != nil {
			return nil, err
		}
		s.presence = (s.presence + other.presence) / 2
		for i := range s.mesh {
			a, b := s.mesh[i], other.mesh[i]
			s.mesh[i] = pix.Vec3{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2, Z: (a.Z + b.Z) / 2}
		}
	}
	s.judge(f)
	return s, nil
}

func (l *lens) meshOnce(ctx context.Context, f *pix.Frame, sq pix.Square, mirror bool, s *sight) error {
	count := l.m.meshPoints
	in := l.buffer(&l.picture, 3*meshSide*meshSide)
	points, presence := l.buffer(&l.points, 3*count), l.buffer(&l.presence, 1)
	l.sampler.Crop(in, f, sq, meshSide, pix.SampleOptions{Mirror: mirror})
	if err := l.m.mesh.Run(ctx, [][]float32{in}, [][]float32{points, presence}); err != nil {
		return err
	}
	s.presence = presence[0]
	k := sq.Side / meshSide
	sin, cos := math.Sincos(float64(sq.Angle))
	for i := range count {
		j := i
		if mirror {
			j = mirrored(i)
		}
		// The network's coordinates are those of pixel corners: 0…192 across the crop.
		x, y, z := points[3*j]-meshSide/2, points[3*j+1]-meshSide/2, points[3*j+2]
		if mirror {
			x = -x
		}
		s.mesh[i] = pix.Vec3{
			X: sq.X + k*(float32(cos)*x-float32(sin)*y),
			Y: sq.Y + k*(float32(sin)*x+float32(cos)*y),
			Z: k * z,
		}
	}
	if count < AllPoints {
		s.mesh.guessIrises()
	}
	return nil
}

// mirrored is the point on the other side of the face, irises included.
func mirrored(i int) int {
	if i < MeshPoints {
		return int(Canonical().Mirror[i])
	}
	// Centre, then right, top, left and bottom in the picture: mirrored, right and left change.
	ring := [5]int{0, 3, 2, 1, 4}
	eye, k := (i-MeshPoints)/5, (i-MeshPoints)%5
	return MeshPoints + 5*(1-eye) + ring[k]
}

// guessIrises puts the irises at the middle of the eyes' openings, for the mesh network that
// does not see them. The ring has the average iris' size (11.7 mm).
func (m *Mesh) guessIrises() {
	pose := FitPose(m)
	r := .585 * pose.Scale
	for e, list := range [2][]int{EyeRight(), EyeLeft()} {
		var c pix.Vec3
		for _, i := range list {
			c.X += m[i].X / 16
			c.Y += m[i].Y / 16
			c.Z += m[i].Z / 16
		}
		o := MeshPoints + 5*e
		for k := range 5 {
			m[o+k] = c
		}
		m[o+1].X += r
		m[o+2].Y -= r
		m[o+3].X -= r
		m[o+4].Y += r
	}
}

// judge fills what follows from the mesh.
func (s *sight) judge(f *pix.Frame) {
	s.pose = FitPose(&s.mesh)
	c := Canonical()
	var sum, weight float32
	in := 0
	for i := range MeshPoints {
		p := s.mesh[i]
		if p.X >= 0 && p.Y >= 0 && p.X <= float32(f.W-1) && p.Y <= float32(f.H-1) {
			in++
		}
		if w := c.Rigid[i]; w >= 1 {
			q := s.pose.At(c.Vertices[i])
			sum += w * float32(math.Hypot(float64(p.X-q.X), float64(p.Y-q.Y)))
			weight += w
		}
	}
	s.inside = float32(in) / MeshPoints
	s.misfit = sum / weight / max(1e-3, s.mesh.EyeDistance())
}

// Below this a mesh is no face. Measured over real clips: see TestMeshOfFaces.
const (
	maxMisfit   = .16
	leastInside = .15 // share of points within the picture
)

// plausible reports whether the mesh has the shape of a face that is in the picture.
func (s *sight) plausible() bool {
	return s.misfit <= maxMisfit && s.inside >= leastInside && s.pose.Scale > .1
}

// confidence is how sure it is that a face is here and the mesh lies on it.
func (s *sight) confidence() float32 {
	c := s.presence * min(1, .5+.5*s.inside)
	if s.misfit > maxMisfit/2 {
		c *= max(0, 1-(s.misfit-maxMisfit/2)/(maxMisfit/2)*.5)
	}
	return max(0, min(1, c))
}

// square is where to look for the face next: turned with the eyes, 1.5 times the mesh's extent
// along the turned axes.
func (m *Mesh) square() pix.Square {
	a, b := m[33], m[263]
	angle := math.Atan2(float64(b.Y-a.Y), float64(b.X-a.X))
	sin64, cos64 := math.Sincos(angle)
	sin, cos := float32(sin64), float32(cos64)
	x0, y0, x1, y1 := float32(1e9), float32(1e9), float32(-1e9), float32(-1e9)
	for _, p := range m[:MeshPoints] {
		u, v := cos*p.X+sin*p.Y, cos*p.Y-sin*p.X
		x0, x1, y0, y1 = min(x0, u), max(x1, u), min(y0, v), max(y1, v)
	}
	u, v := (x0+x1)/2, (y0+y1)/2
	return pix.Square{X: cos*u - sin*v, Y: sin*u + cos*v,
		Side: cropMargin * max(x1-x0, y1-y0), Angle: float32(angle)}
}

// A mesh that lies this far beside the middle of its crop (over the crop's side), is so much larger or
// smaller than expected, or is no clear face is worth a second look: a jump of the camera, or a jump
// cut. Under a hard shake (a fifth of the face's crop per frame) the first look is off by 2 to 18 pixels, and
// less sure when it is far off; the second one by half a pixel.
const (
	mostShift = .08
	mostZoom  = 1.25
	clearFace = .99
)

// askew reports whether the crop was badly placed for what was found in it.
func (s *sight) askew() bool {
	sq := s.mesh.square()
	zoom := sq.Side / s.view.Side
	shift := math.Hypot(float64(sq.X-s.view.X), float64(sq.Y-s.view.Y)) / float64(s.view.Side)
	return s.presence < clearFace || shift > mostShift || zoom > mostZoom || zoom < 1/mostZoom
}

// settleRounds of the mesh network bring a face found by the detector to rest: its box is not
// the mesh's.
const settleRounds = 3

// settle runs the mesh network from a rough square until the mesh fits its own crop.
func (l *lens) settle(ctx context.Context, f *pix.Frame, sq pix.Square) (*sight, error) {
	var s *sight
	for range settleRounds {
		var err error
		if s, err = l.mesh(ctx, f, sq); err != nil {
			return nil, err
		}
		if s.presence < .1 || !s.plausible() {
			break
		}
		sq = s.mesh.square()
	}
	return s, nil
}

// The detectors also fire on faces that stand on their head, though weakly, and the mesh network then
// takes mouth for eyes; and they take a dog's face for a human one. What they say of the crop that
// the mesh asks for tells the difference. Measured with the full range network on the shared
// photos and clips: right meshes .58 to .85 (a masked face the least), wrong way up .09 to .47, the
// dog .02.
const (
	plainScore   = .85 // detections in the whole picture from here on are never the wrong way up
	secondScore  = .35
	secondUnsure = .55 // in a tile or a turned picture
)

// secondMargin is how much wider than the mesh's crop the detector's second look is: it was
// trained on pictures, not on crops.
const secondMargin = 1.3

// Confidences from which a new face is believed: found in the whole picture, or in a tile or a turned
// picture, where there are many looks and so more chances to be wrong.
const (
	beginSure   = .60
	beginUnsure = .85
)

// meet settles on a detected face, the right way up. It returns nil when it is none.
func (l *lens) meet(ctx context.Context, f *pix.Frame, d *detection) (*sight, error) {
	need, least := float32(beginUnsure), float32(secondUnsure)
	if d.sure {
		need, least = beginSure, secondScore
	}
	believed := func(s *sight) bool { return s.plausible() && s.confidence() >= need }
	sq := d.square()
	if d.sure && d.score >= plainScore {
		s, err := l.settle(ctx, f, sq)
		if err != nil || !believed(s) {
			return nil, err
		}
		return s, nil
	}
	var best *sight
	for range 2 {
		s, err := l.settle(ctx, f, sq)
		if err != nil {
			return nil, err
		}
		sq.Angle += math.Pi
		if !believed(s) {
			continue
		}
		again := s.mesh.square()
		again.Side *= secondMargin
		found, err := l.look(ctx, f, again, true, least, nil)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if found[i].score > least && overlap(found[i].box, s.mesh.Bounds()) > overlapSame {
				best, least = s, found[i].score
			}
		}
	}
	return best, nil
}
