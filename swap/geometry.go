package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// How far the face takes on the photo's shape, found by trial: more costs stability, less
// leaves the target's jaw and mouth.
const (
	shapeShare     = .7
	outlineShare   = .6 // of it at the face's outline, where hair and neck must follow
	smileDamping   = .3 // share of it dropped around a mouth that is open in the photo,
	laughDamping   = .5 // and around one that laughs, opened by laughOpening eye distances
	laughOpening   = .12
	ringRadius     = 1.4
	ringDepth      = .3 // eye distances behind the face
	fieldStep      = 4  // pixels of the frame per sample of the displacement field
	fieldSoftening = .04
)

// offset is what the photo's shape adds to the target's, per vertex in canonical units; constant
// over a track so that identity never moves with expression.
type offset [face.MeshPoints]pix.Vec3

// newOffset compares the photo's shape with the track's neutral one.
func newOffset(id *Identity, neutral *face.Shape, strength float32) *offset {
	var w [face.MeshPoints]float32
	for i := range w {
		w[i] = shapeShare * strength
	}
	for _, i := range face.Oval() {
		w[i] *= outlineShare
	}
	if id.open > openMouth { // a smiling photo tells little about the resting mouth
		laugh := pix.SmoothStep(id.open, openMouth, laughOpening)
		damping := smileDamping + (laughDamping-smileDamping)*laugh
		for i, m := range aroundMouth() {
			w[i] *= 1 - damping*min(1, (1.5+1.5*laugh)*m)
		}
	}
	o := new(offset)
	rest := face.Expressions().Relaxed(neutral)
	for i, s := range id.shape {
		n := rest[i]
		o[i] = pix.Vec3{X: w[i] * (s.X - n.X), Y: w[i] * (s.Y - n.Y), Z: w[i] * (s.Z - n.Z)}
	}
	o.withoutPose(neutral)
	// Identity may neither open nor close the mouth: both lips move alike.
	upper := []int{191, 80, 81, 82, 13, 312, 311, 310, 415}
	lower := []int{95, 88, 178, 87, 14, 317, 402, 318, 324}
	for k := range upper {
		a, b := &o[upper[k]], &o[lower[k]]
		m := pix.Vec3{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2, Z: (a.Z + b.Z) / 2}
		*a, *b = m, m
	}
	o.evenLids()
	return o
}

// withoutPose takes out of the change of shape what would be a turn of the head, or another size: parts that take
// on more of the photo's shape than others tilted heads by up to 1.6°.
func (o *offset) withoutPose(neutral *face.Shape) {
	var before, after face.Mesh
	for i, n := range neutral {
		before[i] = n
		after[i] = pix.Vec3{X: n.X + o[i].X, Y: n.Y + o[i].Y, Z: n.Z + o[i].Z}
	}
	from, to := face.FitPose(&after), face.FitPose(&before)
	for i, n := range neutral {
		p := to.At(from.Back(after[i]))
		o[i] = pix.Vec3{X: p.X - n.X, Y: p.Y - n.Y, Z: p.Z - n.Z}
	}
}

// evenLids moves both lids of an eye alike.
func (o *offset) evenLids() {
	upper := []int{246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398}
	lower := []int{7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382}
	for k := range upper {
		a, b := &o[upper[k]], &o[lower[k]]
		m := pix.Vec3{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2, Z: (a.Z + b.Z) / 2}
		*a, *b = m, m
	}
}

// aroundMouth is 1 at the lips, fading over six rings of neighbours.
func aroundMouth() [face.MeshPoints]float32 {
	var w [face.MeshPoints]float32
	for _, list := range [][]int{face.OuterLips(), face.InnerLips()} {
		for _, i := range list {
			w[i] = 1
		}
	}
	c := face.Canonical()
	for range 6 {
		var next [face.MeshPoints]float32
		for i := range w {
			s := w[i]
			for _, j := range c.Adjacency[i] {
				s += w[j]
			}
			next[i] = s / float32(len(c.Adjacency[i])+1)
		}
		w = next
	}
	return w
}

// shaped is the mesh with share (0…1) of the offset added, in frame coordinates.
func (o *offset) shaped(b *face.Observation, share float32) [face.MeshPoints]pix.Vec3 {
	var out [face.MeshPoints]pix.Vec3
	for i := range out {
		p := b.Pose.Back(b.Mesh[i])
		p.X += share * o[i].X
		p.Y += share * o[i].Y
		p.Z += share * o[i].Z
		out[i] = b.Pose.At(p)
	}
	return out
}

// ring is the face's outline moved outward from its middle: there the frame stands still.
func ring(b *face.Observation) []pix.Vec3 {
	oval := face.Oval()
	var c pix.Vec3
	for _, i := range oval {
		c.X += b.Mesh[i].X
		c.Y += b.Mesh[i].Y
		c.Z += b.Mesh[i].Z
	}
	n := float32(len(oval))
	c = pix.Vec3{X: c.X / n, Y: c.Y / n, Z: c.Z / n}
	back := ringDepth * b.Mesh.EyeDistance()
	out := make([]pix.Vec3, len(oval))
	for k, i := range oval {
		p := b.Mesh[i]
		out[k] = pix.Vec3{
			X: c.X + ringRadius*(p.X-c.X),
			Y: c.Y + ringRadius*(p.Y-c.Y),
			Z: c.Z + ringRadius*(p.Z-c.Z) + back,
		}
	}
	return out
}

// reach is the box that a face's reshaping can change: the ring and the tail of the field's
// smoothing.
func reach(b *face.Observation, f *pix.Frame) pix.Rect {
	return boxAround(ring(b), 2+2*fieldSoftening*b.Mesh.EyeDistance(), f.Bounds())
}

// ringTriangles are those of the face and two for each side of the ring, whose vertices follow
// the face's.
func ringTriangles() [][3]uint16 {
	c := face.Canonical()
	tris := append([][3]uint16(nil), c.Triangles[:]...)
	oval := face.Oval()
	n := len(oval)
	for k := range oval {
		a, b := uint16(oval[k]), uint16(oval[(k+1)%n])
		ra, rb := uint16(face.MeshPoints+k), uint16(face.MeshPoints+(k+1)%n)
		tris = append(tris, [3]uint16{a, b, ra}, [3]uint16{b, rb, ra})
	}
	return tris
}

// field says where in the untouched frame each pixel of the reshaped one comes from, as a
// displacement in pixels on a grid of every fieldStep-th pixel of a box.
type field struct {
	dx, dy  pix.Map
	surface pix.Surface
}

// fill computes the displacement that carries the mesh to shaped and lets everything around
// follow, fading to nothing at the ring. It is smoothed so that it stays continuous where
// a turned face covers what lies behind it.
func (d *field) fill(b *face.Observation, shaped *[face.MeshPoints]pix.Vec3, tris [][3]uint16, box pix.Rect) {
	w, h := (box.W()+fieldStep-1)/fieldStep+1, (box.H()+fieldStep-1)/fieldStep+1
	edge := ring(b)
	v := make([]pix.Vec3, 0, face.MeshPoints+len(edge))
	v = append(append(v, shaped[:]...), edge...)
	ax, ay := make([]float32, len(v)), make([]float32, len(v))
	for i := range shaped {
		ax[i], ay[i] = b.Mesh[i].X-shaped[i].X, b.Mesh[i].Y-shaped[i].Y
	}
	for i := range v {
		v[i].X = (v[i].X - float32(box.X0)) / fieldStep
		v[i].Y = (v[i].Y - float32(box.Y0)) / fieldStep
	}
	d.surface.Reset(w, h)
	d.surface.Draw(v, tris)
	d.dx.Reset(w, h)
	d.dy.Reset(w, h)
	d.surface.Interpolate(d.dx.Pix, ax, tris)
	d.surface.Interpolate(d.dy.Pix, ay, tris)
	d.bridgeMouth(b, shaped, box)
	sigma := fieldSoftening * b.Mesh.EyeDistance() / fieldStep
	pix.Blur(d.dx, d.dx, sigma)
	pix.Blur(d.dy, d.dy, sigma)
}

// bridgeMouth gives the mouth's opening, which the mesh does not cover, the mean displacement
// of its border.
func (d *field) bridgeMouth(b *face.Observation, shaped *[face.MeshPoints]pix.Vec3, box pix.Rect) {
	var poly []pix.Vec2
	var mx, my float32
	for _, i := range face.InnerLips() {
		poly = append(poly, pix.Vec2{
			X: (shaped[i].X - float32(box.X0)) / fieldStep,
			Y: (shaped[i].Y - float32(box.Y0)) / fieldStep,
		})
		mx += b.Mesh[i].X - shaped[i].X
		my += b.Mesh[i].Y - shaped[i].Y
	}
	mx, my = mx/float32(len(poly)), my/float32(len(poly))
	inside := pix.NewMap(d.dx.W, d.dx.H)
	pix.PolygonDistance(inside, poly, 1)
	for i, v := range inside.Pix {
		if v > 0 && d.surface.Tri[i] < 0 {
			d.dx.Pix[i], d.dy.Pix[i] = mx, my
		}
	}
}

// Cosines between the surface's normal and the viewing direction at which the swap begins
// to show and shows fully: surfaces turned away keep the target.
const fadeLow, fadeFull = .10, .38

// facing is the share 0…1 of the swap that each vertex shows.
func facing(mesh *[face.MeshPoints]pix.Vec3) (f [face.MeshPoints]float32) {
	for i, n := range face.SmoothNormals(mesh) {
		f[i] = pix.SmoothStep(-n.Z, fadeLow, fadeFull)
	}
	return f
}

// boxAround is the box of whole pixels around points, margin wider, within a picture and
// aligned to its chroma samples.
func boxAround(points []pix.Vec3, margin float32, picture pix.Rect) pix.Rect {
	lo, hi := points[0], points[0]
	for _, p := range points {
		lo.X, lo.Y = min(lo.X, p.X), min(lo.Y, p.Y)
		hi.X, hi.Y = max(hi.X, p.X), max(hi.Y, p.Y)
	}
	limit := func(v float32, n int) int {
		return int(math.Floor(float64(pix.Clamp(v, -4, float32(n)))))
	}
	r := pix.Rect{
		X0: limit(lo.X-margin, picture.X1), Y0: limit(lo.Y-margin, picture.Y1),
		X1: limit(hi.X+margin, picture.X1) + 2, Y1: limit(hi.Y+margin, picture.Y1) + 2,
	}
	r.X0, r.Y0 = r.X0&^1, r.Y0&^1
	r.X1, r.Y1 = (r.X1+1)&^1, (r.Y1+1)&^1
	return r.Intersect(picture)
}
