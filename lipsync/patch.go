package lipsync

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// The edge of what is shown of a filmed mouth.
const (
	edgeSoft   = .012 // face widths that the share is smoothed by
	sourceEdge = .02  // face widths within which it ends where the filmed picture ends
	patchSlack = .06  // face widths that a patch's box is larger than what is shown

	facingNone, facingFull = .06, .25 // cosines between the surface and the view from which it is shown
)

// patch is a filmed mouth laid over a box of a frame.
type patch struct {
	box     pix.Rect
	surface pix.Surface
	x, y    pix.Map // where in the mouth's own box each pixel's light was filmed
	share   pix.Map // of it in the picture, 0…1
	local   []pix.Vec3
	sx, sy  [face.MeshPoints]float32
	shown   [face.MeshPoints]float32
	spareX  pix.Map
	spareY  pix.Map
}

// fill lays mouth m over the mesh to. shown is the share at each vertex, scaled by amount; width the face's in pixels.
func (p *patch) fill(m *Mouth, to *[face.MeshPoints]pix.Vec3, tris [][3]uint16, points []int,
	shown *[face.MeshPoints]float32, width float32, picture pix.Rect) {
	p.box = boxAround(to, points, patchSlack*width, picture)
	if p.box.Empty() {
		return
	}
	w, h := p.box.W(), p.box.H()
	p.local = p.local[:0]
	for i, q := range to {
		p.local = append(p.local, pix.Vec3{X: q.X - float32(p.box.X0), Y: q.Y - float32(p.box.Y0), Z: q.Z})
		p.sx[i], p.sy[i] = m.Mesh[i].X-float32(m.Box.X0), m.Mesh[i].Y-float32(m.Box.Y0)
	}
	p.surface.Reset(w, h)
	p.surface.Draw(p.local, tris)
	p.x.Reset(w, h)
	p.y.Reset(w, h)
	p.share.Reset(w, h)
	p.surface.Interpolate(p.x.Pix, p.sx[:], tris)
	p.surface.Interpolate(p.y.Pix, p.sy[:], tris)
	filmed, now := face.SmoothNormals(m.Mesh.Points()), face.SmoothNormals(to)
	for i, v := range shown { // nothing of what was turned away, and nothing where it would be
		p.shown[i] = v * pix.SmoothStep(-max(filmed[i].Z, now[i].Z), facingNone, facingFull)
	}
	p.surface.Interpolate(p.share.Pix, p.shown[:], tris)
	pix.Blur(p.share, p.share, max(.6, edgeSoft*width))
	// Nothing is shown of what was not filmed.
	lastX, lastY := float32(m.Box.W()-1), float32(m.Box.H()-1)
	inv := 1 / max(1, sourceEdge/m.Pose.Scale)
	for i, t := range p.surface.Tri {
		if t < 0 {
			p.share.Pix[i] = 0
			continue
		}
		if inside := min(p.x.Pix[i], lastX-p.x.Pix[i], p.y.Pix[i], lastY-p.y.Pix[i]) * inv; inside < 1 {
			p.share.Pix[i] *= max(0, inside)
		}
	}
}
