package pix

// #include "kernels.h"
import "C"

// Blend is a multi-band blend (Burt and Adelson, "A multiresolution spline with application
// to image mosaics", 1983) of a difference: it returns what must be added to the background,
// given diff = source - background and mask = share of the source, 0…1. Each band of the
// difference is weighed by the mask at that band's scale, so coarse colour passes over
// softly and fine detail sharply. With levels = 0 it is diff·mask. diff must be zero
// where the source has no data. diff and mask are used up.
func Blend(diff, mask Map, levels int) Map {
	if levels <= 0 || diff.W < 4 || diff.H < 4 {
		return diff.Mul(mask)
	}
	w, h := (diff.W+1)/2, (diff.H+1)/2
	memory, release := borrow(3*w*h + 2*(w+2) + diff.W + 4)
	defer release()
	coarse, low, share := Map{w, h, memory[:w*h]}, Map{w, h, memory[w*h : 2*w*h]}, Map{w, h, memory[2*w*h : 3*w*h]}
	row := memory[3*w*h:]
	halve(coarse, diff, row)
	halve(share, mask, row)
	copy(low.Pix, coarse.Pix)
	Blend(low, share, levels-1)
	// fine·mask + double(low), where fine = diff - double(coarse)
	C.pix_collapse(floats(diff.Pix), floats(mask.Pix), floats(coarse.Pix), floats(low.Pix), C.int(diff.W), C.int(diff.H), floats(row))
	return diff
}

// halve smooths by (1 4 6 4 1)/16 in both directions and keeps every second sample. row has
// space for four floats more than a row of m.
func halve(dst, m Map, row []float32) {
	C.pix_halve(floats(dst.Pix), floats(m.Pix), C.int(m.W), C.int(m.H), floats(row))
}
