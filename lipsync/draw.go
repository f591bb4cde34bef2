package lipsync

import (
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Renderer draws filmed mouths into frames of one person. Any number of goroutines may draw at
// once; what is drawn depends on nothing but what Draw is given.
type Renderer struct {
	shaper  *shaper
	closed  float32 // as Model.Closed
	usual   *Usual  // nil where it is unknown
	shown   [face.MeshPoints]float32
	moved   [][3]uint16 // triangles that a mouth moves
	seen    [][3]uint16 // triangles in which a filmed mouth is seen
	movedAt []int       // their vertices
	seenAt  []int
	scratch sync.Pool // of *scratch
}

// scratch is the memory that one call of Draw works in.
type scratch struct {
	field        field
	patch        patch
	hole         hole
	look         look
	before       pix.Map
	after        pix.Map
	inner        pix.Map
	source       pix.Map
	value        pix.Map
	fine         pix.Map
	mask         pix.Map
	gate         pix.Map
	cx, cy       pix.Map // chroma: where it was filmed
	cdx, cdy     pix.Map
	num, den, tm pix.Map
}

// NewRenderer prepares the drawing of a person's mouths. A model whose mesh is no face, or whose basis
// does not fit, is an error.
func NewRenderer(m *Model) (*Renderer, error) {
	s, err := newShaper(m)
	if err != nil {
		return nil, err
	}
	r := &Renderer{shaper: s, usual: m.Usual, closed: m.Closed, shown: shown(&m.Ref, 1)}
	r.scratch.New = func() any { return new(scratch) }
	r.seen = trianglesWhere(func(i uint16) bool { return r.shown[i] > 0 })
	r.moved = trianglesWhere(func(i uint16) bool { return r.shown[i] > 0 || s.move[i] > 0 })
	r.seenAt, r.movedAt = vertices(r.seen), vertices(r.moved)
	return r, nil
}

// vertices are those of the triangles, each once.
func vertices(tris [][3]uint16) (list []int) {
	for _, t := range tris {
		list = append(list, int(t[0]), int(t[1]), int(t[2]))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Drawn says what became of a frame.
type Drawn struct {
	Changed bool    // whether any sample may have changed
	Covered float32 // share of the lips that something lies in front of, 0…1
}

// Draw shows mouth m on the head h of frame f, which is changed in place: the part around the mouth comes
// from m, moved by want.Exact towards want.Shape; jaw and neck of f follow. Outside of that every sample keeps its value to the bit.
// want.Amount 0 leaves all of f as it is.
//
// Errors: a pose or mesh that is no number or has no size, a mouth whose picture is not its box's.
func (r *Renderer) Draw(f *pix.Frame, h *Head, m *Mouth, want *Frame) (Drawn, error) {
	if m == nil || !(want.Amount > 0) {
		return Drawn{}, nil
	}
	if err := check(h, m); err != nil {
		return Drawn{}, err
	}
	w := r.scratch.Get().(*scratch)
	defer r.scratch.Put(w)
	var front pix.Map
	covered := float32(0)
	w.look.see(f, &h.Mesh)
	if r.usual != nil {
		front, covered = r.usual.covered(&w.look)
	}
	if c := conformed(m.Pixels, f.Colour); c != m.Pixels {
		same := *m
		same.Pixels = c
		m = &same
	}
	amount := min(want.Amount, 1) * (1 - pix.SmoothStep(covered, coverBegins, coverAll))
	if amount <= 0 {
		return Drawn{Covered: covered}, nil
	}
	width := 1 / h.Pose.Scale
	to := r.shaper.posed(h, m, want.Shape, pix.Clamp(want.Exact, 0, 1), amount)
	w.field.fill(&h.Mesh, &to, r.moved, r.movedAt, width, f.Bounds())
	if t, ok := newTints(&w.look); ok && !f.Mono && !w.field.box.Empty() {
		w.field.keepBackground(f, &t, width/float32(w.field.step))
	}
	w.patch.fill(m, &to, r.seen, r.seenAt, &r.shown, width, w.field.box)
	if w.field.box.Empty() || w.patch.box.Empty() {
		return Drawn{}, nil
	}
	for i := range w.patch.share.Pix {
		w.patch.share.Pix[i] *= amount
	}
	filmed, seen := openings(m, h, &to)
	m.Pixels.Planes[0].Crop(&w.source, pix.Rect{X1: m.Pixels.W, Y1: m.Pixels.H}, m.Pixels.Depth)
	keepTeeth(&w.patch, m, w.source, filmed, seen)
	w.hole.fill(&w.patch, f, h, filmed, seen, r.closed, width, amount)
	if front.Pix != nil {
		keepFront(w, h, front, width)
	} else {
		newGate(&w.gate, w.patch.share, width)
	}
	ratio := h.Pose.Scale / m.Pose.Scale // of the sizes in which it was filmed and is shown
	r.luma(w, f, width, ratio)
	if !f.Mono && !m.Pixels.Mono {
		r.chroma(w, f, m, width, ratio)
	}
	return Drawn{Changed: true, Covered: covered}, nil
}

// check refuses what cannot be drawn.
func check(h *Head, m *Mouth) error {
	for _, p := range []*Similarity{&h.Pose, &m.Pose} {
		sum := p.Scale + p.T.X + p.T.Y + p.T.Z
		for _, v := range p.R {
			sum += v
		}
		if !(p.Scale > 0) || math.IsInf(float64(1/p.Scale), 0) || !finite(sum) {
			return errors.New("the pose of a head is none")
		}
	}
	for _, mesh := range []*face.Mesh{&h.Mesh, &m.Mesh} {
		for _, p := range mesh {
			if !finite(p.X + p.Y + p.Z) {
				return errors.New("the mesh of a head is none")
			}
		}
	}
	if m.Pixels == nil || m.Box.Empty() || m.Pixels.W != m.Box.W() || m.Pixels.H != m.Box.H() {
		return errors.New("the picture of a mouth is not its box's")
	}
	return nil
}

func finite(v float32) bool { return v-v == 0 }

// luma draws the first plane; w.source holds the mouth's.
func (r *Renderer) luma(w *scratch, f *pix.Frame, width, ratio float32) {
	outer, in := w.field.box, w.patch.box
	f.Planes[0].Crop(&w.before, outer, f.Depth)
	w.after.Resize(w.before.W, w.before.H)
	pix.Warp(w.after, w.before, w.field.dx, w.field.dy, w.field.step)
	w.mask.Resize(in.W(), in.H())
	copy(w.mask.Pix, w.patch.share.Pix)
	w.value.Reset(in.W(), in.H())
	soften(w.source, ratio, 0)
	filmed := float32(0)
	if ratio < crispSizes && ratio > 1/crispSizes {
		filmed = filmedLaplacian(w.source, w.patch.x, w.patch.y, w.mask)
	}
	prefilter(w.source)
	sample(w.value, w.source, w.patch.x, w.patch.y, w.mask)
	w.crisp(w.value, w.mask, filmed)
	w.finish(f, 0, outer, in, width, 1, 1)
}

// chroma draws the others.
func (r *Renderer) chroma(w *scratch, f *pix.Frame, m *Mouth, width, ratio float32) {
	sx, sy := 1<<f.SubX, 1<<f.SubY
	outer, in := f.ChromaRect(w.field.box), f.ChromaRect(w.patch.box)
	w.field.forPlane(&w.cdx, &w.cdy, f.SubX, f.SubY, outer)
	share := f.Subsample(w.patch.share, w.patch.box)
	w.sites(f, m, in, share)
	cw, ch := m.Pixels.ChromaSize()
	for p := 1; p < 3; p++ {
		f.Planes[p].Crop(&w.before, outer, f.Depth)
		w.after.Resize(w.before.W, w.before.H)
		pix.WarpLinear(w.after, w.before, w.cdx, w.cdy, w.field.step)
		m.Pixels.Planes[p].Crop(&w.source, pix.Rect{X1: cw, Y1: ch}, m.Pixels.Depth)
		w.mask.Resize(in.W(), in.H())
		copy(w.mask.Pix, share.Pix)
		w.value.Reset(in.W(), in.H())
		soften(w.source, ratio, m.Pixels.SubX)
		prefilter(w.source)
		sample(w.value, w.source, w.cx, w.cy, w.mask)
		w.finish(f, p, outer, in, width, sx, sy)
	}
}

// sites finds where the chroma of each sample of the box in was filmed, and takes the share of those that were not.
func (w *scratch) sites(f *pix.Frame, m *Mouth, in pix.Rect, share pix.Map) {
	w.cx.Resize(in.W(), in.H())
	w.cy.Resize(in.W(), in.H())
	box := w.patch.box
	for j := range in.H() {
		y := min((in.Y0+j)<<f.SubY-box.Y0, box.H()-1)
		next := min(y+1<<f.SubY-1, box.H()-1)
		for i := range in.W() {
			x := min((in.X0+i)<<f.SubX-box.X0, box.W()-1)
			a, b := y*box.W()+x, next*box.W()+x
			if w.patch.surface.Tri[b] < 0 {
				b = a
			}
			if w.patch.surface.Tri[a] < 0 {
				a = b
			}
			if w.patch.surface.Tri[a] < 0 {
				share.Pix[j*in.W()+i] = 0
			}
			px, py := (w.patch.x.Pix[a]+w.patch.x.Pix[b])/2, (w.patch.y.Pix[a]+w.patch.y.Pix[b])/2
			w.cx.Pix[j*in.W()+i], w.cy.Pix[j*in.W()+i] = m.Pixels.ChromaAt(px, py)
		}
	}
}

// finish writes a plane: w.after is the frame moved, over outer, w.value the filmed mouth, over in, and
// w.mask its share. Samples lie sx×sy pixels apart.
func (w *scratch) finish(f *pix.Frame, plane int, outer, in pix.Rect, width float32, sx, sy int) {
	crop(&w.inner, w.after, in, outer)
	width /= float32(sx)
	diff := w.value
	for i, s := range w.mask.Pix {
		if s > 0 {
			diff.Pix[i] -= w.inner.Pix[i]
		} else {
			diff.Pix[i] = 0
		}
	}
	w.matchTone(diff, w.mask, width)
	w.hole.paint(diff, w.inner, plane, f)
	diff = pix.Blend(diff, w.mask, bands(width))
	w.gateOff(diff, sx, sy, gateCell(width*float32(sx)))
	for i := range w.after.Pix {
		w.after.Pix[i] -= w.before.Pix[i]
	}
	for y := range diff.H {
		at := (in.Y0-outer.Y0+y)*w.after.W + in.X0 - outer.X0
		to := w.after.Pix[at : at+diff.W]
		for x, d := range diff.Row(y) {
			to[x] += d
		}
	}
	f.Add(plane, outer.X0, outer.Y0, w.after)
}

// crop copies the part of m, which lies over outer, that lies over inner; what lies beyond is zero.
func crop(o *pix.Map, m pix.Map, inner, outer pix.Rect) {
	o.Reset(inner.W(), inner.H())
	both := inner.Intersect(outer)
	for y := both.Y0; y < both.Y1; y++ {
		at := (y-outer.Y0)*m.W + both.X0 - outer.X0
		copy(o.Row(y - inner.Y0)[both.X0-inner.X0:], m.Pix[at:at+both.W()])
	}
}

// bands is how many bands of detail are blended apart: the widest is about a sixteenth of a face.
func bands(width float32) int {
	return min(max(int(math.Log2(float64(max(width, 1))/16)+.5), 0), 6)
}
