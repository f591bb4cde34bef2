package lipsync

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Teeth keep their size when a mouth is shown wider or narrower than it was filmed: what gives way is the dark
// between them. Heights in an opening are shares of it, 0 at the upper lip.
const (
	profileSteps          = 32
	profileDark           = .12        // of the opening's contrast: how much darker is how much softer
	profileNoise          = 4          // 8-bit steps of contrast that tell nothing
	profileHold           = .5         // height above which an opening gives way less, because upper teeth do not move
	profileLeast          = .05        // of a place's height that is left at least when an opening narrows
	rigidFrom, rigidFull  = .04, .12   // change of the opening from which that matters
	openLeast, openSurely = .012, .024 // face widths: in a narrower opening nothing can be told apart
	rigidSide             = .12        // of the opening's length at either corner where it fades
)

// gaps are pairs of vertices over each other in the middle of the opening.
var gaps = [3][2]int{{82, 87}, {13, 14}, {312, 317}}

// opening is the mean distance between the lips in the plane of the face, in the unit of the points.
func opening(at func(i int) pix.Vec3) float32 {
	sum := 0.0
	for _, g := range gaps {
		a, b := at(g[0]), at(g[1])
		sum += math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y))
	}
	return float32(sum / float64(len(gaps)))
}

// openings are the opening of a mouth as it was filmed and that of the mesh it is shown on, in face widths.
func openings(m *Mouth, h *Head, to *[face.MeshPoints]pix.Vec3) (filmed, seen float32) {
	filmed = opening(func(i int) pix.Vec3 { return m.Pose.To(m.Mesh[i]) })
	seen = opening(func(i int) pix.Vec3 { return h.Pose.To(to[i]) })
	return filmed, seen
}

// slit is the opening between the lips on a patch: for every step along the line from the right corner to
// the left one, how far above and below that line the lips end.
type slit struct {
	from        pix.Vec2 // the right corner
	along, down pix.Vec2 // unit vectors
	length      float32
	upper       []float32
	lower       []float32
	box         pix.Rect // of the patch
}

// slitStep is how many steps the slit has per pixel.
const slitStep = 2

// newSlit measures the opening of a mesh in the pixels of a patch; ok is false when there is none to speak of.
func newSlit(p *patch) (s slit, ok bool) {
	ring := face.InnerLips()
	const corner = 10 // of the ring: the left one
	a, b := p.local[ring[0]].XY(), p.local[ring[corner]].XY()
	s.length = float32(math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y)))
	if s.length < 4 || s.length > float32(p.box.W()+p.box.H()) {
		return s, false
	}
	s.from = a
	s.along = pix.Vec2{X: (b.X - a.X) / s.length, Y: (b.Y - a.Y) / s.length}
	s.down = pix.Vec2{X: -s.along.Y, Y: s.along.X}
	n := int(s.length*slitStep) + 2
	s.upper, s.lower = make([]float32, n), make([]float32, n)
	side := func(dst []float32, points []int) {
		at, last := 0, pix.Vec2{}
		for k, i := range points {
			q := s.to(p.local[i].XY())
			if k > 0 && q.X <= last.X { // a lip that turns back on itself
				q.X = last.X + 1e-3
			}
			for ; at < n && float32(at)/slitStep <= q.X; at++ {
				f := (float32(at)/slitStep - last.X) / max(q.X-last.X, 1e-6)
				dst[at] = last.Y + f*(q.Y-last.Y)
			}
			last = q
		}
		for ; at < n; at++ {
			dst[at] = last.Y
		}
	}
	var under []int
	for k := len(ring); k >= corner; k-- {
		under = append(under, ring[k%len(ring)])
	}
	side(s.upper, ring[:corner+1])
	side(s.lower, under)
	lo, hi := a, a
	for _, i := range ring {
		q := p.local[i]
		lo.X, lo.Y, hi.X, hi.Y = min(lo.X, q.X), min(lo.Y, q.Y), max(hi.X, q.X), max(hi.Y, q.Y)
	}
	whole := func(v float32, n int) int { return int(pix.Clamp(v, -2, float32(n+2))) }
	s.box = pix.Rect{X0: whole(lo.X, p.box.W()) - 1, Y0: whole(lo.Y, p.box.H()) - 1,
		X1: whole(hi.X, p.box.W()) + 2, Y1: whole(hi.Y, p.box.H()) + 2}.
		Intersect(pix.Rect{X1: p.box.W(), Y1: p.box.H()})
	return s, !s.box.Empty()
}

// to gives a point's place along the slit and below its line.
func (s *slit) to(q pix.Vec2) pix.Vec2 {
	dx, dy := q.X-s.from.X, q.Y-s.from.Y
	return pix.Vec2{X: dx*s.along.X + dy*s.along.Y, Y: dx*s.down.X + dy*s.down.Y}
}

// at is the opening u pixels from the right corner: where it begins below the line, and its height.
func (s *slit) at(u float32) (top, height float32) {
	i := min(max(int(u*slitStep+.5), 0), len(s.upper)-1)
	return s.upper[i], max(1, s.lower[i]-s.upper[i])
}

// keepTeeth re-indexes where a patch's light was filmed, within the opening. luma is the filmed mouth's.
func keepTeeth(p *patch, m *Mouth, luma pix.Map, filmed, seen float32) {
	r := seen / max(filmed, 1e-3)
	weight := pix.Clamp((max(r-1, 1-r)-rigidFrom)/(rigidFull-rigidFrom), 0, 1) *
		pix.Clamp((min(seen, filmed)-openLeast)/(openSurely-openLeast), 0, 1)
	if weight <= 0 {
		return
	}
	s, ok := newSlit(p)
	if !ok {
		return
	}
	give := newProfile(m, luma, r)
	crop(&p.spareX, p.x, s.box, pix.Rect{X1: p.box.W(), Y1: p.box.H()})
	crop(&p.spareY, p.y, s.box, pix.Rect{X1: p.box.W(), Y1: p.box.H()})
	for y := s.box.Y0; y < s.box.Y1; y++ {
		for x := s.box.X0; x < s.box.X1; x++ {
			i := y*p.box.W() + x
			if p.surface.Tri[i] < 0 {
				continue
			}
			q := s.to(pix.Vec2{X: float32(x), Y: float32(y)})
			top, height := s.at(q.X)
			v := (q.Y - top) / height
			if q.X <= 0 || q.X >= s.length || v <= 0 || v >= 1 {
				continue
			}
			side := min(1, min(q.X, s.length-q.X)/(rigidSide*s.length))
			move := weight * side * (give.at(v) - v) * height
			px, py := float32(x-s.box.X0)+move*s.down.X, float32(y-s.box.Y0)+move*s.down.Y
			p.x.Pix[i], p.y.Pix[i] = p.spareX.Bilinear(px, py), p.spareY.Bilinear(px, py)
		}
	}
}

// profile tells, for heights in the opening that is shown, which height of the filmed one is seen there.
type profile [profileSteps + 1]float32

// at is the filmed height of the shown height v.
func (p *profile) at(v float32) float32 {
	x := pix.Clamp(v, 0, 1) * profileSteps
	i := min(int(x), profileSteps-1)
	return p[i] + (x-float32(i))*(p[i+1]-p[i])
}

// newProfile measures a filmed mouth, whose luma is given, for an opening that is r times as high.
func newProfile(m *Mouth, luma pix.Map, r float32) (p profile) {
	var light [profileSteps]float32
	pairs := [...][2]int{{81, 178}, {82, 87}, {13, 14}, {312, 317}, {311, 402}}
	for _, q := range pairs {
		a, b := m.Mesh[q[0]], m.Mesh[q[1]]
		for k := range light {
			s := (float32(k) + .5) / profileSteps
			light[k] += luma.Bilinear(a.X+s*(b.X-a.X)-float32(m.Box.X0), a.Y+s*(b.Y-a.Y)-float32(m.Box.Y0)) / float32(len(pairs))
		}
	}
	return give(light, r)
}

// give spreads the change of an opening's height, r times the filmed one, over heights of this light.
func give(light [profileSteps]float32, r float32) (p profile) {
	lo, hi := slices.Min(light[:]), slices.Max(light[:])
	soft := profileDark*(hi-lo) + profileNoise
	var share [profileSteps]float32
	sum := float32(0)
	for k, l := range light {
		s := (float32(k) + .5) / profileSteps
		share[k] = float32(math.Exp(float64((lo-l)/soft))) * (.05 + pix.SmoothStep(s, 0, profileHold))
		sum += share[k]
	}
	// The height that each step has in the shown opening; none may vanish.
	change := (r - 1) * profileSteps
	most := float32(0)
	for k := range share {
		share[k] /= sum
		most = max(most, share[k])
	}
	even := float32(0) // of the change that all take alike
	if limit := 1 - profileLeast + change*most; change < 0 && limit < 0 {
		const each = 1.0 / profileSteps
		even = min(1, limit/(change*(most-each)))
	}
	var to [profileSteps + 1]float32
	for k := range share {
		d := change * (even/profileSteps + (1-even)*share[k])
		to[k+1] = to[k] + max(1+d, 1e-3)
	}
	k := 0
	for i := range p {
		want := to[profileSteps] * float32(i) / profileSteps
		for k < profileSteps-1 && to[k+1] < want {
			k++
		}
		p[i] = (float32(k) + pix.Clamp((want-to[k])/(to[k+1]-to[k]), 0, 1)) / profileSteps
	}
	return p
}
