package pix

// The hottest loops in C (kernels.c), which its compilers vectorise and Go's does not. No
// multiplication is fused with an addition, so that they round alike on all machines.

/*
#cgo CFLAGS: -O3 -std=c11
#cgo noescape pix_draw
#cgo nocallback pix_draw
#cgo noescape pix_warp
#cgo nocallback pix_warp
#cgo noescape pix_warp_linear
#cgo nocallback pix_warp_linear
#cgo noescape pix_halve
#cgo nocallback pix_halve
#cgo noescape pix_collapse
#cgo nocallback pix_collapse
#cgo noescape pix_blur
#cgo nocallback pix_blur
#cgo noescape pix_box_rows
#cgo nocallback pix_box_rows
#cgo noescape pix_box_columns
#cgo nocallback pix_box_columns
#cgo noescape pix_bilinear_row
#cgo nocallback pix_bilinear_row
#cgo noescape pix_polygon_row
#cgo nocallback pix_polygon_row
#cgo noescape pix_add8
#cgo nocallback pix_add8
#cgo noescape pix_add16
#cgo nocallback pix_add16
#cgo noescape pix_load8
#cgo nocallback pix_load8
#cgo noescape pix_load16
#cgo nocallback pix_load16
#include "kernels.h"
*/
import "C"
import (
	"sync"
	"unsafe"
)

func floats(s []float32) *C.float   { return (*C.float)(unsafe.SliceData(s)) }
func doubles(s []float64) *C.double { return (*C.double)(unsafe.SliceData(s)) }

// spare keeps the memory of short-lived maps, so that a frame costs no new memory.
var spare = sync.Pool{New: func() any { return new([]float32) }}

// borrow gives n floats of undefined content, to be given back by calling release.
func borrow(n int) (s []float32, release func()) {
	p := spare.Get().(*[]float32)
	if cap(*p) < n {
		*p = make([]float32, n)
	}
	return (*p)[:n], func() { spare.Put(p) }
}
