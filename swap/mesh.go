package swap

import (
	"math"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// meshEngine is the built-in engine for one track: everything that stays the same from frame to
// frame.
type meshEngine struct {
	options   Options
	target    *target
	texture   *texture
	light     *lightGrid
	wardrobe  *wardrobe
	offset    *offset
	unfolding *unfolding
	iris      *irisTint // nil where the footage keeps its own
	curve     *pix.Curve
	triangles [][3]uint16 // of the face and the ring around it
	sharpness sharpness
	scratch   *sync.Pool // of *scratch
}

// scratch is the memory that one call of draw works in.
type scratch struct {
	layer                layer
	move                 field
	gain                 gain
	before, after, inner pix.Map
}

// newScratch is the New of a plan's pool.
func newScratch() any { return new(scratch) }

// smallTexture is the face width in pixels below which half the texture's side is enough.
const smallTexture = 200

// newMeshEngine prepares a track for frames of this colour. It returns nil when the track shows
// too little of the face.
func newMeshEngine(t *face.Track, id *Identity, o Options, c pix.Colour, pool *sync.Pool) *meshEngine {
	e := &meshEngine{options: o, scratch: pool, curve: pix.NewCurve(c.Transfer), triangles: ringTriangles()}
	// Only what every window of the analysis holds may decide here: all parts of a video must
	// get the same engine.
	usual := &face.Pose{R: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Scale: t.Scale}
	width := outline(face.Place(&t.Neutral, usual)).W
	side := textureSide
	if width < smallTexture {
		side = textureSide / 2
	}
	var fine *regions
	var drawing sync.WaitGroup
	drawing.Go(func() { fine = newRegions(side) })
	g, ok := newTarget(t, e.curve)
	drawing.Wait()
	if !ok || len(t.Faces) == 0 {
		return nil
	}
	e.target = g
	e.texture, e.light = newTexture(id, g, fine, width, c.WideGamut)
	e.offset = newOffset(id, &t.Neutral, o.Strength)
	e.unfolding = newUnfolding(&id.shown)
	if !o.OwnEyes {
		e.iris = newIrisTint(id, t, e.curve, c.WideGamut)
	}
	e.sharpness = e.matchSharpness(&t.Neutral, usual, t.Sharpness, c)
	if blur := g.focus(id) * width / (faceShare * targetSide); blur > e.sharpness.blur {
		e.sharpness.blur, e.sharpness.sharpen = blur, 0
	}
	e.texture.focus(e.sharpness, faceShare*float32(side)/max(width, 1))
	e.wardrobe = newWardrobe(dress{e.texture, e.light}, id.turned, func(id *Identity) dress {
		t, l := newTexture(id, g, fine, width, c.WideGamut)
		t.focus(e.sharpness, faceShare*float32(side)/max(width, 1))
		return dress{t, l}
	})
	return e
}

// look implements engine.
func (e *meshEngine) look(f *pix.Frame, o *face.Observation) *view {
	return e.target.measure(f, o, e.curve, e.light)
}

// layer is the new face drawn over a box of the frame, on an 8-bit scale.
type layer struct {
	box     pix.Rect
	surface pix.Surface
	y       pix.Map    // luma; where the mesh is not seen: undefined
	c       [2]pix.Map // chroma at the frame's chroma samples
	weight  pix.Map    // how many pixels of the mesh made each chroma sample; 0 where none did
	alpha   pix.Map    // share 0…1 of the new face
	corners corners
}

// paint draws the texture t on the mesh g, lit by gain, into the layer. fade is a vertex's share
// of the swap.
func (e *meshEngine) paint(t *texture, l *layer, f *pix.Frame, g *[face.MeshPoints]pix.Vec3, gain *gain,
	fade *[face.MeshPoints]float32) {
	c := face.Canonical()
	w, h := l.box.W(), l.box.H()
	local := make([]pix.Vec3, len(g))
	for i, p := range g {
		local[i] = pix.Vec3{X: p.X - float32(l.box.X0), Y: p.Y - float32(l.box.Y0), Z: p.Z}
	}
	l.surface.Reset(w, h)
	l.surface.Draw(local, c.Triangles[:])
	l.y.Resize(w, h)
	l.alpha.Reset(w, h)
	cr := f.ChromaRect(l.box)
	colour := !f.Mono && !e.target.grey
	if colour {
		l.c[0].Reset(cr.W(), cr.H())
		l.c[1].Reset(cr.W(), cr.H())
		l.weight.Reset(cr.W(), cr.H())
	}
	l.corners.fill(fade)
	l.shade(f, t, e.curve, gain, l.corners, colour)
	if colour {
		for j, n := range l.weight.Pix {
			if n > 0 {
				l.c[0].Pix[j] /= n
				l.c[1].Pix[j] /= n
			}
		}
	}
}

// What stays of the target's mouth in the screen, in eye distances: its opening, a stroke along its
// border that keeps the line of a closed mouth, and a soft edge. On the UV square the
// opening would be a few texels wide and vanish under any smoothing.
const (
	mouthStroke = .011
	mouthSoft   = .022
	edgeSoft    = .012 // blur of the mesh's own edge
)

// keepMouth takes the mouth's opening out of the layer's alpha.
func (l *layer) keepMouth(g *[face.MeshPoints]pix.Vec3, eye float32) {
	var poly []pix.Vec2
	lo, hi := pix.Vec2{X: 1e9, Y: 1e9}, pix.Vec2{X: -1e9, Y: -1e9}
	for _, i := range face.InnerLips() {
		p := pix.Vec2{X: g[i].X - float32(l.box.X0), Y: g[i].Y - float32(l.box.Y0)}
		lo.X, lo.Y, hi.X, hi.Y = min(lo.X, p.X), min(lo.Y, p.Y), max(hi.X, p.X), max(hi.Y, p.Y)
		poly = append(poly, p)
	}
	grow, soft := mouthStroke*eye, max(1, mouthSoft*eye)
	m := grow + soft
	r := pix.Rect{X0: int(lo.X - m), Y0: int(lo.Y - m), X1: int(hi.X+m) + 2, Y1: int(hi.Y+m) + 2}.
		Intersect(pix.Rect{X1: l.box.W(), Y1: l.box.H()})
	if r.Empty() {
		return
	}
	cell := min(max(int(soft/2), 1), 4) // the edge is soft: its distance is measured on a coarser grid
	fc := float32(cell)
	for i := range poly {
		poly[i] = pix.Vec2{X: (poly[i].X - float32(r.X0)) / fc, Y: (poly[i].Y - float32(r.Y0)) / fc}
	}
	inside := pix.NewMap(r.W()/cell+2, r.H()/cell+2)
	pix.PolygonDistance(inside, poly, m/fc+2) // beyond that, alpha stays
	distance := make([]float32, r.W())
	for y := r.Y0; y < r.Y1; y++ {
		inside.BilinearRow(distance, 0, float32(y-r.Y0)/fc, 1/fc)
		row := l.alpha.Row(y)[r.X0:r.X1]
		for x, d := range distance {
			row[x] *= 1 - pix.SmoothStep(fc*d+grow, -soft/2, soft/2)
		}
	}
}

// softenEdge fades alpha towards the mesh's own border, so that a turned face has no
// cut-out rim.
func (l *layer) softenEdge(eye float32) {
	const cell = 2
	w, h := l.box.W(), l.box.H()
	inside := pix.NewMap((w+cell-1)/cell+1, (h+cell-1)/cell+1)
	for y := 0; y < h; y += cell {
		for x := 0; x < w; x += cell {
			if l.surface.Tri[y*w+x] >= 0 {
				inside.Pix[y/cell*inside.W+x/cell] = 1
			}
		}
	}
	pix.Blur(inside, inside, max(1, edgeSoft*eye)/cell)
	share := make([]float32, w)
	for y := range h {
		inside.BilinearRow(share, 0, float32(y)/cell, 1./cell)
		row := l.alpha.Row(y)
		for x, a := range row {
			if a > 0 && share[x] < .98 {
				row[x] = a * pix.SmoothStep(share[x], .55, .98)
			}
		}
	}
}

// sharpness is how the texture is brought to the footage's sharpness, constant over a track.
type sharpness struct {
	blur    float32 // standard deviation in pixels, 0 for none
	sharpen float32 // share of an unsharp mask, 0 for none
	grain   float32 // 8-bit steps of the footage's own fine structure that stay
	noise   float32 // median absolute Laplacian of the footage's noise in 8-bit steps, 0 for clean footage
}

// matchSharpness draws the texture on the track's neutral face as large as it usually is and compares
// its sharpness with wanted, that of the footage (face.Track.Sharpness).
func (e *meshEngine) matchSharpness(neutral *face.Shape, usual *face.Pose, wanted float32, c pix.Colour) sharpness {
	var o face.Observation
	b := outline(face.Place(neutral, usual))
	o.Pose = *usual
	o.Pose.T = pix.Vec3{X: 1 - b.X, Y: 1 - b.Y}
	for i, v := range neutral {
		o.Mesh[i] = o.Pose.At(v)
	}
	f := &pix.Frame{Layout: pix.Layout{W: int(b.W) + 3, H: int(b.H) + 3, Depth: 8, Mono: true}, Colour: c}
	g := e.offset.shaped(&o, 1)
	reference := e.target.reference.resampled(lightSide)
	flat := &light{base: reference.lowPass(e.light.weight, lightSigma*lightSide), form: pix.NewMap(lightSide, lightSide)}
	flat.mean = flat.base.mean(e.light.weight)
	var q gain
	e.light.transfer(&q, flat, e.options.Tone)
	fade := facing(&g)
	l := &layer{box: f.Bounds()}
	e.paint(e.texture, l, f, &g, &q, &fade)
	own := func(sigma float32) float32 {
		m := l.y
		for i, t := range l.surface.Tri {
			if t < 0 {
				m.Pix[i] = 128
			}
		}
		m = m.Blurred(sigma)
		var v []float32
		for y := m.H / 5; y < m.H*4/5; y++ {
			for x := max(1, m.W/5); x < min(m.W-1, m.W*4/5); x++ {
				if y < 1 || y >= m.H-1 || l.alpha.Row(y)[x] < .5 {
					continue
				}
				d := 4*m.Row(y)[x] - m.Row(y)[x-1] - m.Row(y)[x+1] - m.Row(y - 1)[x] - m.Row(y + 1)[x]
				v = append(v, max(d, -d))
			}
		}
		if len(v) < 100 {
			return 0
		}
		return nth(v, len(v)/2)
	}
	s := sharpness{grain: pix.Clamp(grainShare*wanted, grainLeast, grainMost)}
	plain := own(0)
	if plain == 0 {
		return s
	}
	noisy := pix.SmoothStep(wanted/plain, noiseFrom, noiseSure) * pix.SmoothStep(wanted, cleanSkin, noisySkin)
	s.noise = noisy * wanted
	s.grain *= 1 - noisy
	switch ratio := wanted / plain; {
	case ratio > 1.15:
		s.sharpen = min(.5, ratio-1) * (1 - noisy)
	case ratio < .85:
		for _, sigma := range []float32{.5, .7, .9, 1.2, 1.6, 2.2, 3} {
			s.blur = sigma
			if wanted > .8*own(sigma) {
				break
			}
		}
	}
	return s
}

// faceShare is the share of the UV square's side that a frontal face's width takes.
const faceShare = .85

// edgeRank picks the strongest three per cent of a face's structure: lids, brows, lips, nostrils.
const edgeRank = .97

// edgeStrength is how sharp a face's features are on the UV square: a high rank of the absolute
// Laplacian of log luma.
func (r *regions) edgeStrength(luma pix.Map) float32 {
	v := make([]float32, 0, r.n*r.n)
	for y := 1; y < r.n-1; y++ {
		up, mid, down := luma.Row(y-1), luma.Row(y), luma.Row(y+1)
		for x := 1; x < r.n-1; x++ {
			if r.rim.Pix[y*r.n+x] > .08 {
				d := 4*mid[x] - mid[x-1] - mid[x+1] - up[x] - down[x]
				v = append(v, max(d, -d))
			}
		}
	}
	return nth(v, int(edgeRank*float32(len(v))))
}

// Footage whose features are weaker than this share of the photo's is out of focus: measured .39
// to .43 for a blur of four pixels, .55 and more for all sharp clips.
const focusShare = .48

// focus is the blur in texels of targetSide that the photo needs to have features as soft as those
// of footage that is out of focus; 0 where it is not. The skin's finest structure, which
// matchSharpness compares, cannot tell: there, noise and rounding are all that is left.
func (g *target) focus(id *Identity) float32 {
	small := id.texture.resampled(targetSide)
	luma := small.luma()
	if g.edges >= focusShare*g.r.edgeStrength(luma) {
		return 0
	}
	const step, most = .25, 3
	sigma := float32(step)
	for ; sigma < most && g.r.edgeStrength(luma.Blurred(sigma)) > g.edges; sigma += step {
	}
	return sigma
}

// The footage's own grain that stays on the new face, in parts of its sharpness and in 8-bit
// steps: enough to keep noise alive, too little to show the old skin.
const (
	grainShare            = .6
	grainLeast, grainMost = .6, 5
)

// outline is the box around points.
func outline(points [face.MeshPoints]pix.Vec3) face.Box {
	var m face.Mesh
	copy(m[:], points[:])
	return m.Bounds()
}

// levels of the pyramid for a face of this width: the coarsest band is about a twelfth of it.
func levels(width float32) int {
	return min(max(int(math.Log2(float64(max(width, 1))/12)+.5), 1), 6)
}
