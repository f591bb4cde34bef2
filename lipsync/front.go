package lipsync

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// stillAround is how far around what lies in front of a face nothing moves, in face widths.
const stillAround = .06

// over lays a mask of the UV square where the mesh lies in a box of the frame. Where the mesh is not, known is 0 and
// so is the value. step is how many pixels apart the w×h samples are.
func over(value, known *pix.Map, s *pix.Surface, mask pix.Map, mesh *face.Mesh, box pix.Rect, step, w, h int) {
	c := face.Canonical()
	var gx, gy [face.MeshPoints]float32
	local := make([]pix.Vec3, face.MeshPoints)
	inv := 1 / float32(step)
	for i, p := range c.UV {
		gx[i], gy[i] = p.X*float32(mask.W-1), p.Y*float32(mask.H-1)
		q := mesh[i]
		local[i] = pix.Vec3{X: (q.X - float32(box.X0)) * inv, Y: (q.Y - float32(box.Y0)) * inv, Z: q.Z}
	}
	s.Reset(w, h)
	s.Draw(local, c.Triangles[:])
	value.Reset(w, h)
	known.Reset(w, h)
	s.Interpolate(value.Pix, gx[:], c.Triangles[:])
	s.Interpolate(known.Pix, gy[:], c.Triangles[:])
	for i, t := range s.Tri {
		if t < 0 {
			continue
		}
		value.Pix[i] = mask.Bilinear(value.Pix[i], known.Pix[i])
		known.Pix[i] = 1
	}
}

// keepFront takes what lies in front of the mouth out of a patch's share, and stills the field around it.
func keepFront(w *scratch, h *Head, mask pix.Map, width float32) {
	p, d := &w.patch, &w.field
	var value, known pix.Map
	var s pix.Surface
	over(&value, &known, &s, mask, &h.Mesh, p.box, 1, p.box.W(), p.box.H())
	for i, v := range value.Pix {
		p.share.Pix[i] *= 1 - v
	}
	over(&value, &known, &s, mask, &h.Mesh, d.box, d.step, d.dx.W, d.dx.H)
	cells := width / float32(d.step)
	near := value.Grow(stillAround * cells)
	wide, on := near.Clone().Mul(known).Blurred(fieldWide*cells), known.Blurred(fieldWide*cells)
	for i, k := range known.Pix {
		still := near.Pix[i]
		if k == 0 { // what reaches into the face comes from somewhere
			still = max(still, min(1, 2*wide.Pix[i]/(on.Pix[i]+1e-4)))
		}
		d.dx.Pix[i] *= 1 - still
		d.dy.Pix[i] *= 1 - still
	}
	pix.Blur(d.dx, d.dx, .02*cells)
	pix.Blur(d.dy, d.dy, .02*cells)
}
