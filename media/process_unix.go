//go:build unix && !linux

package media

import (
	"os"
	"syscall"
)

// attributes puts the process into a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// growPipe does nothing: only Linux lets a pipe's buffer be sized.
func growPipe(*os.File) {}

// confine does nothing: only Linux lets one process limit another.
func confine(int, uint64, bool) {}
