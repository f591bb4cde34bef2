package infer

// #include <malloc.h>
import "C"

// returnMemory makes the C library give large blocks back to the system when they are
// freed. By default glibc raises the size from which it does so to that of the largest
// block freed so far; loading a network frees copies of its weights, and what it then kept
// was a fifth of the program's memory. It concerns ONNX Runtime only: Go does not use malloc.
func returnMemory() {
	const threshold = 128 << 10 // glibc's own initial value; setting it at all keeps it there
	C.mallopt(C.M_MMAP_THRESHOLD, threshold)
}
