//go:build unix

package app

import (
	"runtime"
	"syscall"
)

// peakMemory is the most that this process has had in memory at once, in bytes.
func peakMemory() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) //nolint:unconvert // bytes there; the field is an int32 on some systems
	}
	return int64(u.Maxrss) * 1024 //nolint:unconvert // as above
}
