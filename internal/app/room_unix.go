//go:build unix

package app

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// keptShare is the part of what is free, of memory and of the disk, that decoded frames may take while they
// wait to be rendered. They are files: the system keeps them in memory as long as nobody needs
// it for something better.
const keptShare = 4

// roomForFrames is how many bytes of decoded frames a local command may keep in dir; 0 where the system
// does not tell how much memory is free, for reading frames back from a disk saves nothing.
func roomForFrames(dir string) int64 {
	n := memoryLeft()
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return 0
	}
	return min(n, int64(st.Bavail)*int64(st.Bsize)) / keptShare //nolint:unconvert,gosec // the fields' types differ between systems
}

// memoryLeft is the memory that programs can still get, within the limit of the control group that
// this one runs in; 0 where the system does not tell.
func memoryLeft() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	n := int64(0)
	for line := range bytes.Lines(info) {
		if f := bytes.Fields(line); len(f) >= 2 && string(f[0]) == "MemAvailable:" {
			n = number(f[1]) << 10 // kB, see proc_meminfo(5)
		}
	}
	// Version 2 of control groups; "max" is no number, and then there is no limit.
	if limit := fileNumber("/sys/fs/cgroup/memory.max"); limit > 0 {
		n = min(n, limit-fileNumber("/sys/fs/cgroup/memory.current"))
	}
	return max(0, n)
}

func fileNumber(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return number(bytes.TrimSpace(b))
}

func number(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
