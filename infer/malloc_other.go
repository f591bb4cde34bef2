//go:build !linux

package infer

// returnMemory does nothing: only glibc keeps large blocks that were freed.
func returnMemory() {}
