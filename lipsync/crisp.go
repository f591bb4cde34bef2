package lipsync

import "github.com/twinsync/twinsync/pix"

// Resampling takes a little of the finest structure. It is given back: the drawn mouth gets the mean Laplacian
// that the same places have in the filmed one.
const (
	crispFrom  = .5  // share of the filmed mouth from which its places count
	crispMost  = .25 // of the finest structure that is added at most
	crispGain  = .6  // of that, for a given lack: found by trial, drawn mouths then have .98 to 1.04 of it
	crispSizes = 1.2 // larger or smaller than it was filmed by more: Laplacians cannot be compared
)

// filmedLaplacian is the mean absolute Laplacian of a filmed picture at the places (x, y) that are drawn.
func filmedLaplacian(src, x, y, share pix.Map) float32 {
	sum, n := float32(0), float32(0)
	for i, s := range share.Pix {
		if s <= crispFrom {
			continue
		}
		u, v := int(x.Pix[i]+.5), int(y.Pix[i]+.5)
		if u < 1 || v < 1 || u+1 >= src.W || v+1 >= src.H {
			continue
		}
		p := src.Pix[v*src.W+u:]
		d := 4*p[0] - p[1] - src.Pix[v*src.W+u-1] - p[src.W] - src.Pix[(v-1)*src.W+u]
		sum += max(d, -d)
		n++
	}
	return sum / max(n, 1)
}

// crisp adds finest structure to a drawn mouth until its mean absolute Laplacian is about filmed.
func (w *scratch) crisp(m, share pix.Map, filmed float32) {
	sum, n := float32(0), float32(0)
	each := func(do func(i int, laplacian float32)) {
		for y := 1; y < m.H-1; y++ {
			for x := 1; x < m.W-1; x++ {
				i := y*m.W + x
				if share.Pix[i] > crispFrom {
					do(i, 4*m.Pix[i]-m.Pix[i-1]-m.Pix[i+1]-m.Pix[i-m.W]-m.Pix[i+m.W])
				}
			}
		}
	}
	each(func(_ int, d float32) {
		sum += max(d, -d)
		n++
	})
	if sum <= 0 {
		return
	}
	add := min(crispMost, crispGain*(filmed*n/sum-1)) / 4
	if add <= 0 {
		return
	}
	// What a cross-shaped blur takes away is a quarter of the Laplacian at most.
	w.fine.Reset(m.W, m.H)
	each(func(i int, d float32) { w.fine.Pix[i] = add * d * pix.SmoothStep(share.Pix[i], crispFrom, 1) })
	for i, d := range w.fine.Pix {
		m.Pix[i] += d
	}
}
