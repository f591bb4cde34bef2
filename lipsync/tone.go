package lipsync

import "github.com/twinsync/twinsync/pix"

// Light and colour of a filmed mouth are brought to the frame's by a wide mean of their difference on
// the ring of skin where both are seen.
const (
	toneWide         = .16      // face widths
	ringFrom, ringTo = .02, .75 // shares of the filmed mouth on that ring
	toneCells        = 60       // about as many cells of the mean across a face
	toneLeast        = 1e-3
)

// matchTone takes out of diff, mouth minus frame, what is a difference of light. width is the face's in the
// samples of this plane.
func (w *scratch) matchTone(diff, share pix.Map, width float32) {
	cell := min(max(int(width/toneCells), 1), 8)
	cw, ch := (diff.W+cell-1)/cell, (diff.H+cell-1)/cell
	w.num.Reset(cw, ch)
	w.den.Reset(cw, ch)
	for y := range diff.H {
		num, den := w.num.Row(y/cell), w.den.Row(y/cell)
		d := diff.Row(y)
		for x, s := range share.Row(y) {
			if s > ringFrom && s < ringTo {
				num[x/cell] -= d[x]
				den[x/cell]++
			}
		}
	}
	area := 1 / float32(cell*cell)
	pix.Blur(w.num, w.num, toneWide*width/float32(cell))
	pix.Blur(w.den, w.den, toneWide*width/float32(cell))
	for i, n := range w.den.Pix {
		w.num.Pix[i] *= area / (n*area + toneLeast)
	}
	w.tm.Resize(diff.W, 1)
	half, inv := float32(cell-1)/2, 1/float32(cell)
	for y := range diff.H {
		w.num.BilinearRow(w.tm.Pix, -half*inv, (float32(y)-half)*inv, inv)
		d := diff.Row(y)
		for x, s := range share.Row(y) {
			if s > 0 {
				d[x] += w.tm.Pix[x]
			}
		}
	}
}

// The gate closes the blend's wide bands where the filmed mouth is not seen: smoothing of its share in
// face widths, and the values from which the blend begins and works fully.
const (
	gateSoft           = .016
	gateNone, gateFull = .004, .04
)

// newGate fills the gate of a patch, on cells as wide as gateCell says.
func newGate(gate *pix.Map, share pix.Map, width float32) {
	cell := gateCell(width)
	gate.Reset((share.W+cell-1)/cell+1, (share.H+cell-1)/cell+1)
	part := 1 / float32(cell*cell)
	for y := range share.H {
		row := gate.Row(y / cell)
		for x, a := range share.Row(y) {
			row[x/cell] += a * part
		}
	}
	pix.Blur(*gate, *gate, gateSoft*width/float32(cell))
	gate.Each(func(v float32) float32 { return pix.SmoothStep(v, gateNone, gateFull) })
}

// gateCell is the width of a gate's cells in pixels.
func gateCell(width float32) int { return min(max(int(width/75), 1), 8) }

// gateOff applies the gate to a map whose samples lie sx×sy pixels apart.
func (w *scratch) gateOff(m pix.Map, sx, sy int, cell int) {
	half, inv := float32(cell-1)/2, 1/float32(cell)
	w.tm.Resize(m.W, 1)
	for y := range m.H {
		w.gate.BilinearRow(w.tm.Pix, -half*inv, (float32(y*sy)-half)*inv, float32(sx)*inv)
		row := m.Row(y)
		for x := range row {
			row[x] *= w.tm.Pix[x]
		}
	}
}
