package lipsync

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// stillAround is how far around what lies in front of a face nothing moves, in face widths.
const stillAround = .06

// over lays a mask of the UV square where the mesh lies in a box of the frame, on a grid of every step-th pixel, w×h,
// and goes on with it beyond the mesh: what reaches into a face comes from somewhere. width is the face's
// in pixels.
func over(mask pix.Map, mesh *face.Mesh, box pix.Rect, step, w, h int, width float32) pix.Map {
	c := face.Canonical()
	var gx, gy [face.MeshPoints]float32
	local := make([]pix.Vec3, face.MeshPoints)
	inv := 1 / float32(step)
	for i, p := range c.UV {
		gx[i], gy[i] = p.X*float32(mask.W-1), p.Y*float32(mask.H-1)
		q := mesh[i]
		local[i] = pix.Vec3{X: (q.X - float32(box.X0)) * inv, Y: (q.Y - float32(box.Y0)) * inv, Z: q.Z}
	}
	var s pix.Surface
	s.Reset(w, h)
	s.Draw(local, c.Triangles[:])
	value, known := pix.NewMap(w, h), pix.NewMap(w, h)
	s.Interpolate(value.Pix, gx[:], c.Triangles[:])
	s.Interpolate(known.Pix, gy[:], c.Triangles[:])
	for i, t := range s.Tri {
		if t >= 0 {
			value.Pix[i] = mask.Bilinear(value.Pix[i], known.Pix[i])
			known.Pix[i] = 1
		}
	}
	near, on := value.Blurred(fieldNear*width*inv), known.Blurred(fieldNear*width*inv)
	wide, all := value.Blurred(fieldWide*width*inv), known.Blurred(fieldWide*width*inv)
	for i, k := range known.Pix {
		if k == 0 {
			share := min(1, 4*on.Pix[i])
			value.Pix[i] = min(1, 1.5*(share*near.Pix[i]/(on.Pix[i]+1e-4)+(1-share)*wide.Pix[i]/(all.Pix[i]+1e-4)))
		}
	}
	return value
}

// keepFront takes what lies in front of the mouth out of a patch's share and its gate, and stills the field
// around it.
func keepFront(w *scratch, h *Head, mask pix.Map, width float32) {
	p, d := &w.patch, &w.field
	value := over(mask, &h.Mesh, d.box, d.step, d.dx.W, d.dx.H, width)
	inv := 1 / float32(d.step)
	at := func(x, y float32) float32 { // of the patch
		return value.Bilinear((x+float32(p.box.X0-d.box.X0))*inv, (y+float32(p.box.Y0-d.box.Y0))*inv)
	}
	for y := range p.box.H() {
		row := p.share.Row(y)
		for x, s := range row {
			if s > 0 {
				row[x] = s * (1 - at(float32(x), float32(y)))
			}
		}
	}
	newGate(&w.gate, p.share, width)
	cell := gateCell(width)
	for y := range w.gate.H { // no band of the blend may reach over it
		for x := range w.gate.W {
			w.gate.Pix[y*w.gate.W+x] *= 1 - at(float32(x*cell)+float32(cell-1)/2, float32(y*cell)+float32(cell-1)/2)
		}
	}
	still := value.Grow(stillAround * width * inv)
	for i, s := range still.Pix {
		d.dx.Pix[i] *= 1 - s
		d.dy.Pix[i] *= 1 - s
	}
	pix.Blur(d.dx, d.dx, .02*width*inv)
	pix.Blur(d.dy, d.dy, .02*width*inv)
}
