package swap

// The hottest loops in C (kernels.c), which its compilers vectorise and Go's does not. No
// multiplication is fused with an addition, so that they round alike on all machines.

/*
#cgo CFLAGS: -O3 -std=c11
#cgo noescape swap_paint
#cgo nocallback swap_paint
#cgo noescape swap_finish
#cgo nocallback swap_finish
#cgo noescape swap_change
#cgo nocallback swap_change
#cgo noescape swap_multiply
#cgo nocallback swap_multiply
#cgo noescape swap_add
#cgo nocallback swap_add
#cgo noescape swap_unshade
#cgo nocallback swap_unshade
#include "kernels.h"
*/
import "C"

import (
	"unsafe"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

func floats(s []float32) *C.float { return (*C.float)(unsafe.SliceData(s)) }

// corners holds, for each triangle of the mesh, u, v and the share of the swap at its three
// vertices.
type corners [][9]float32

// fill reads the shares, fade, for the mesh's own triangles.
func (c *corners) fill(fade *[face.MeshPoints]float32) {
	m := face.Canonical()
	if len(*c) == 0 {
		*c = make(corners, len(m.Triangles))
	}
	for t, tri := range m.Triangles {
		q := &(*c)[t]
		for k, i := range tri {
			q[k], q[3+k], q[6+k] = m.UV[i].X, m.UV[i].Y, fade[i]
		}
	}
}

// shade fills luma, alpha and the sums of chroma of all pixels where the mesh is seen. The
// layer's maps must have been sized; without colour the chroma is left alone.
func (l *layer) shade(f *pix.Frame, t *texture, curve *pix.Curve, g *gain, c corners, colour bool) {
	coder := pix.NewCoder(f.Colour)
	codes, low, steps := curve.Codes()
	var k [C.paintConstants]float32
	sums := coder.Sums()
	copy(k[:], sums[:])
	k[C.paintCodeLow], k[C.paintCodeSteps] = low, steps
	var u, v, weight *C.float
	cr := f.ChromaRect(l.box)
	if colour {
		u, v, weight = floats(l.c[0].Pix), floats(l.c[1].Pix), floats(l.weight.Pix)
	}
	s := &l.surface
	C.swap_paint((*C.int16_t)(unsafe.SliceData(s.Tri)), floats(s.B), floats(s.C), C.int(s.W), C.int(s.H),
		(*C.float)(unsafe.Pointer(unsafe.SliceData(c))), (*C.float)(unsafe.Pointer(unsafe.SliceData(t.texels))), C.int(t.n),
		(*C.float)(unsafe.Pointer(g)), lightSide, floats(codes), C.int(len(codes)), floats(k[:]),
		floats(l.y.Pix), floats(l.alpha.Pix), u, v, weight, C.int(cr.W()),
		C.int(l.box.X0), C.int(l.box.Y0), C.int(cr.X0), C.int(cr.Y0), C.int(f.SubX), C.int(f.SubY))
}

// finish completes the layer's luma: the background, which is the reshaped footage of the same
// box, where the mesh is not seen; where it is, the background's finest structure, limited to
// s.grain, is added: what a 3×3 binomial blur takes away.
func (s sharpness) finish(l *layer, background pix.Map) {
	C.swap_finish(floats(l.y.Pix), (*C.int16_t)(unsafe.SliceData(l.surface.Tri)), floats(background.Pix),
		C.int(background.W), C.int(background.H), C.float(s.grain))
}

// subtract takes o from m, which has its size.
func subtract(m, o pix.Map) {
	C.swap_change(floats(m.Pix), floats(o.Pix), C.int(min(len(m.Pix), len(o.Pix))))
}

// multiply and add change a row by one of the same length.
func multiply(row, factor []float32) {
	C.swap_multiply(floats(row), floats(factor), C.int(min(len(row), len(factor))))
}

func add(row, diff []float32) { C.swap_add(floats(row), floats(diff), C.int(min(len(row), len(diff)))) }

// unshaded writes to dst what of src no light explains: src without the fit coef of fitShade where the
// face is seen, 0 elsewhere. All maps are of side r.n.
func (r *regions) unshaded(dst, src, seen pix.Map, coef []float64) {
	C.swap_unshade(floats(dst.Pix), floats(src.Pix), floats(seen.Pix), floats(r.terms),
		(*C.double)(unsafe.SliceData(coef)), C.int(len(coef)), C.int(r.n*r.n))
}
