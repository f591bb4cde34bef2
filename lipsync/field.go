package lipsync

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// How the jaw's movement goes on where the mesh has ended, in face widths: what is near the mesh follows it
// closely, what is farther follows a wider mean, and beyond fieldFade nothing moves.
const (
	fieldNear, fieldWide, fieldFade   = .035, .15, .40
	fieldSides, fieldAbove, fieldDown = .11, .044, .462 // of the box beyond the moved vertices
	fieldRim                          = .05             // within which it comes to rest at the box's border
	fieldCells                        = 60              // about as many cells of the grid across a face
	coarsest                          = 4               // pixels per cell at most
)

// field says where in the untouched frame each pixel comes from, as a displacement in pixels on a grid of
// every step-th pixel of a box.
type field struct {
	step       int
	box        pix.Rect
	dx, dy     pix.Map
	surface    pix.Surface
	on, rest   pix.Map    // 1 on the mesh; distance from it in cells
	own        pix.Map    // what is the person's beyond the mesh, 0…1
	near, wide [3]pix.Map // both displacements and where they are known, smoothed
	local      []pix.Vec3
	ax, ay     [face.MeshPoints]float32
}

// fill computes the field that carries the mesh from where it is to where it shall be, drawn by the given
// triangles, in a frame of this size. width is the face's in pixels.
func (d *field) fill(from *face.Mesh, to *[face.MeshPoints]pix.Vec3, tris [][3]uint16, points []int, width float32, picture pix.Rect) {
	d.step = min(max(int(width/fieldCells), 1), coarsest)
	at := boxAround(to, points, 0, picture).Union(boxAround(from.Points(), points, 0, picture))
	d.box = pix.Rect{
		X0: at.X0 - int(fieldSides*width), X1: at.X1 + int(fieldSides*width),
		Y0: at.Y0 - int(fieldAbove*width), Y1: at.Y1 + int(fieldDown*width),
	}
	d.box.X0, d.box.Y0 = d.box.X0&^1, d.box.Y0&^1
	if d.box = d.box.Intersect(picture); d.box.Empty() {
		return
	}
	step := float32(d.step)
	w, h := (d.box.W()+d.step-1)/d.step+1, (d.box.H()+d.step-1)/d.step+1
	d.local = d.local[:0]
	for i, p := range to {
		d.local = append(d.local, pix.Vec3{X: (p.X - float32(d.box.X0)) / step, Y: (p.Y - float32(d.box.Y0)) / step, Z: p.Z})
		d.ax[i], d.ay[i] = from[i].X-p.X, from[i].Y-p.Y
	}
	d.surface.Reset(w, h)
	d.surface.Draw(d.local, tris)
	for _, m := range []*pix.Map{&d.dx, &d.dy, &d.on} {
		m.Reset(w, h)
	}
	d.surface.Interpolate(d.dx.Pix, d.ax[:], tris)
	d.surface.Interpolate(d.dy.Pix, d.ay[:], tris)
	for i, t := range d.surface.Tri {
		if t >= 0 {
			d.on.Pix[i] = 1
		}
	}
	d.goOn(width / step)
}

// goOn continues the displacement beyond the mesh and brings it to rest. width is the face's in cells.
func (d *field) goOn(width float32) {
	w, h := d.dx.W, d.dx.H
	for k, m := range [3]pix.Map{d.dx, d.dy, d.on} {
		d.near[k].Resize(w, h)
		d.wide[k].Resize(w, h)
		pix.Blur(d.near[k], m, fieldNear*width)
		pix.Blur(d.wide[k], m, fieldWide*width)
	}
	d.rest.Resize(w, h)
	pix.Distance(d.rest, func(i int) bool { return d.on.Pix[i] > 0 })
	for y := range h {
		for x := range w {
			i := y*w + x
			edge := float32(min(x, y, w-1-x, h-1-y)) / (fieldRim * width)
			still := min(edge, 1)
			if d.on.Pix[i] == 0 {
				f := max(0, 1-d.rest.Pix[i]/(fieldFade*width))
				still *= f * f * (3 - 2*f)
				near := min(1, 4*d.near[2].Pix[i])
				n, m := near/(d.near[2].Pix[i]+1e-4), (1-near)/(d.wide[2].Pix[i]+1e-4)
				d.dx.Pix[i] = n*d.near[0].Pix[i] + m*d.wide[0].Pix[i]
				d.dy.Pix[i] = n*d.near[1].Pix[i] + m*d.wide[1].Pix[i]
			}
			d.dx.Pix[i] *= still
			d.dy.Pix[i] *= still
		}
	}
}

// forPlane is the field in the samples of a plane that has 1/2^subX by 1/2^subY of the frame's.
func (d *field) forPlane(dx, dy *pix.Map, subX, subY int, box pix.Rect) {
	w, h := (box.W()+d.step-1)/d.step+1, (box.H()+d.step-1)/d.step+1
	for k, m := range [2]*pix.Map{dx, dy} {
		from, scale := d.dx, 1/float32(int(1)<<subX)
		if k == 1 {
			from, scale = d.dy, 1/float32(int(1)<<subY)
		}
		m.Resize(w, h)
		for y := range h {
			for x := range w {
				m.Pix[y*w+x] = scale * from.Bilinear(float32(x<<subX), float32(y<<subY))
			}
		}
	}
}
