package lipsync

// The hottest loops in C (kernels.c), which its compilers vectorise and Go's does not. No
// multiplication is fused with an addition, so that they round alike on all machines.

/*
#cgo CFLAGS: -O3 -std=c11
#cgo noescape lips_prefilter
#cgo nocallback lips_prefilter
#cgo noescape lips_sample
#cgo nocallback lips_sample
#include "kernels.h"
*/
import "C"

import (
	"unsafe"

	"github.com/twinsync/twinsync/pix"
)

func floats(s []float32) *C.float { return (*C.float)(unsafe.SliceData(s)) }

// sample fills dst where weight is above 0 with the values of a picture at (x, y), pixel by pixel, by
// the cubic spline through its samples (Unser, "Splines: a perfect fit for signal and image processing",
// 1999), which keeps more of its fine structure than shorter kernels do. src is the picture after prefilter.
// All maps but src have one size.
func sample(dst, src, x, y, weight pix.Map) {
	n := len(dst.Pix)
	_, _, _ = x.Pix[:n], y.Pix[:n], weight.Pix[:n] // beyond here nobody checks
	if len(src.Pix) == 0 {
		return
	}
	C.lips_sample(floats(dst.Pix), floats(src.Pix), C.int(src.W), C.int(src.H), floats(x.Pix), floats(y.Pix), floats(weight.Pix), C.int(n))
}

// prefilter turns samples into the weights of the cubic B-splines that pass through them.
func prefilter(m pix.Map) {
	if len(m.Pix) >= m.W*m.H && m.W > 0 && m.H > 0 {
		C.lips_prefilter(floats(m.Pix), C.int(m.W), C.int(m.H))
	}
}
