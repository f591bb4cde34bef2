package media

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes puts the process into a group of its own and lets the kernel end it
// should this process die.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// growPipe asks for a larger buffer; where the system refuses, the pipe works as it is.
func growPipe(f *os.File) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes) })
}

// confine limits a running process: address space, no core files, and no file written
// unless it is meant to. A process that has already ended is none of its concern.
func confine(pid int, memory uint64, writes bool) {
	set := func(what int, n uint64) { _ = unix.Prlimit(pid, what, &unix.Rlimit{Cur: n, Max: n}, nil) }
	set(unix.RLIMIT_AS, memory)
	set(unix.RLIMIT_CORE, 0)
	if !writes {
		set(unix.RLIMIT_FSIZE, 0)
	}
}
