package lipsync

// The hottest loop in C (kernels.c), which its compilers vectorise and Go's does not. No
// multiplication is fused with an addition, so that it rounds alike on all machines.

/*
#cgo CFLAGS: -O3 -std=c11
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

// sample fills dst where weight is above 0 with the values of src at (x, y), pixel by pixel, as
// pix.Map.Bicubic gives them. All but src have one size.
func sample(dst, src, x, y, weight pix.Map) {
	n := len(dst.Pix)
	_, _, _ = x.Pix[:n], y.Pix[:n], weight.Pix[:n] // beyond here nobody checks
	if len(src.Pix) == 0 {
		return
	}
	C.lips_sample(floats(dst.Pix), floats(src.Pix), C.int(src.W), C.int(src.H), floats(x.Pix), floats(y.Pix), floats(weight.Pix), C.int(n))
}
