package swap

import (
	"context"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// gateSoft is the blur, in face widths, around the alpha within which the pyramid's coarse
// bands may change the frame; where the blurred alpha is zero nothing changes.
const (
	gateSoft  = .016
	gateNone  = .004
	gateFull  = .04
	gateCells = 75 // about as many cells across a face
)

// draw implements engine. All that stays of the footage around and inside the new face is
// first moved by the same change of shape, so that it lines up; then the new face is
// added band by band. Samples are changed by differences: what does not move and is not
// covered keeps its value to the bit.
func (e *meshEngine) draw(_ context.Context, f *pix.Frame, o *face.Observation, l *light, weight float32) error {
	if weight*e.options.Strength <= 0 {
		return nil
	}
	g := e.offset.shaped(o, weight)
	holdStill(&g, o, l.front)
	eye, width := o.Mesh.EyeDistance(), o.Mesh.Bounds().W

	outer := reach(o, f)
	inside := boxAround(g[:], .08*width, f.Bounds()).Intersect(outer)
	if inside.Empty() {
		return nil
	}
	hidden := newForeground(f, o, l.object, inside)
	if e.iris != nil {
		e.iris.draw(f, o, e.curve, weight*e.options.Strength, e.target.grey, &hidden)
	}
	w := e.scratch.Get().(*scratch)
	defer e.scratch.Put(w)
	d := e.wardrobe.at(o.Pose.Yaw)
	d.light.transfer(&w.gain, l, e.options.Tone)
	ly := &w.layer
	ly.box = inside
	fade := facing(&g)
	e.unfolding.limit(&fade, &g, o.Pose.Scale)
	for i := range fade {
		fade[i] *= weight * e.options.Strength
	}
	e.paint(d.texture, ly, f, &g, &w.gain, &fade)
	ly.keepMouth(&g, eye)
	ly.softenEdge(eye)
	hidden.take(ly.alpha)

	move := &w.move
	move.fill(o, &g, e.triangles, outer)
	gate := newGate(ly.alpha, width)
	ly.closeBeyond(gate, &g)
	bands := levels(width)

	before, after, inner := &w.before, &w.after, &w.inner
	f.Planes[0].Crop(before, outer, f.Depth)
	after.Resize(before.W, before.H)
	pix.Warp(*after, *before, move.dx, move.dy, fieldStep)
	crop(inner, *after, ly.box, outer)
	e.sharpness.finish(ly, *inner)
	e.sharpness.carryNoise(ly, *inner)
	diff := ly.y
	subtract(diff, *inner)
	alpha := ly.alpha
	var chromaAlpha pix.Map
	colour := !f.Mono && !e.target.grey
	if colour {
		chromaAlpha = f.Subsample(alpha, ly.box)
		if f.SubX == 0 && f.SubY == 0 {
			chromaAlpha = alpha.Clone()
		}
	}
	diff = hidden.blend(diff, alpha, bands, 1, 1)
	gate.apply(diff, 1, 1)
	commit(f, 0, outer, ly.box, *before, *after, diff)

	if f.Mono {
		return nil
	}
	cOuter, cInner := f.ChromaRect(outer), f.ChromaRect(ly.box)
	cMove := field{dx: move.dx.Clone(), dy: move.dy.Clone()}
	for i := range cMove.dx.Pix {
		cMove.dx.Pix[i] /= float32(int(1) << f.SubX)
		cMove.dy.Pix[i] /= float32(int(1) << f.SubY)
	}
	cMove.stretch(f.SubX, f.SubY, cOuter)
	for p := 1; p < 3; p++ {
		f.Planes[p].Crop(before, cOuter, f.Depth)
		after.Resize(before.W, before.H)
		pix.WarpLinear(*after, *before, cMove.dx, cMove.dy, fieldStep)
		var d pix.Map
		if colour {
			crop(inner, *after, cInner, cOuter)
			d = ly.c[p-1]
			for i, n := range ly.weight.Pix {
				if n == 0 {
					d.Pix[i] = 0
				} else {
					d.Pix[i] -= inner.Pix[i]
				}
			}
			d = hidden.blend(d, chromaAlpha.Clone(), max(1, bands-f.SubX), 1<<f.SubX, 1<<f.SubY)
			gate.apply(d, 1<<f.SubX, 1<<f.SubY)
		}
		commit(f, p, cOuter, cInner, *before, *after, d)
	}
	return nil
}

// stretch resamples the field for planes with fewer samples: their grid has fieldStep samples
// of their own per step.
func (d *field) stretch(subX, subY int, box pix.Rect) {
	if subX == 0 && subY == 0 {
		return
	}
	w, h := (box.W()+fieldStep-1)/fieldStep+1, (box.H()+fieldStep-1)/fieldStep+1
	for _, m := range []*pix.Map{&d.dx, &d.dy} {
		o := pix.NewMap(w, h)
		for y := range h {
			for x := range w {
				o.Pix[y*w+x] = m.Bilinear(float32(x<<subX), float32(y<<subY))
			}
		}
		*m = o
	}
}

// crop copies the part of m, which lies over outer, that lies over inner.
func crop(o *pix.Map, m pix.Map, inner, outer pix.Rect) {
	o.Resize(inner.W(), inner.H())
	for y := range o.H {
		at := (inner.Y0-outer.Y0+y)*m.W + inner.X0 - outer.X0
		copy(o.Row(y), m.Pix[at:at+o.W])
	}
}

// commit writes to plane p what the warp (after instead of before, over outer) and the blend
// (diff, over inner; none where it has no pixels) change.
func commit(f *pix.Frame, p int, outer, inner pix.Rect, before, after, diff pix.Map) {
	subtract(after, before)
	for y := range diff.H {
		at := (inner.Y0-outer.Y0+y)*after.W + inner.X0 - outer.X0
		add(after.Pix[at:at+diff.W], diff.Row(y))
	}
	f.Add(p, outer.X0, outer.Y0, after)
}

// gate limits where the blend may change the frame: 1 around the new face, 0 beyond. Its map
// has one value for every cell×cell pixels.
type gate struct {
	m    pix.Map
	cell int
}

// newGate blurs the alpha on a coarse grid.
func newGate(alpha pix.Map, width float32) gate {
	cell := min(max(int(width/gateCells), 1), 8)
	g := gate{pix.NewMap((alpha.W+cell-1)/cell+1, (alpha.H+cell-1)/cell+1), cell}
	share := 1 / float32(cell*cell)
	for y := range alpha.H {
		row, line := g.m.Row(y/cell), alpha.Row(y)
		for c := 0; c*cell < len(line); c++ {
			sum := row[c]
			for _, a := range line[c*cell : min((c+1)*cell, len(line))] {
				sum += a * share
			}
			row[c] = sum
		}
	}
	pix.Blur(g.m, g.m, gateSoft*width/float32(cell))
	g.m.Each(func(v float32) float32 { return pix.SmoothStep(v, gateNone, gateFull) })
	return g
}

// apply multiplies a map whose samples lie sx×sy pixels apart.
func (g gate) apply(m pix.Map, sx, sy int) {
	half, inv := float32(g.cell-1)/2, 1/float32(g.cell)
	open := make([]float32, m.W)
	for y := range m.H {
		g.m.BilinearRow(open, -half*inv, (float32(y*sy)-half)*inv, float32(sx)*inv)
		multiply(m.Row(y), open)
	}
}
