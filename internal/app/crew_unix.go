//go:build unix

package app

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// workNice lets requests go before rendering when the machine is busy.
const workNice = 10

// apart puts a worker into a process group of its own, so that Ctrl-C in the terminal reaches the
// service alone, which then lets its workers give their segments back.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// yield lowers the priority of a worker and of all that it will start. It is a courtesy: where
// the system refuses, everything works as well.
func yield(pid int) { _ = unix.Setpriority(unix.PRIO_PGRP, pid, workNice) }
