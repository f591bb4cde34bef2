// Command twinsync puts another face into a video: as a command, and as a
// service with workers.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	// Pictures are most of the memory and hold no pointers: collecting twice as often costs nothing that can be
	// measured and saves a fifth of the peak.
	debug.SetGCPercent(50)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored
		signals = append(signals, syscall.SIGHUP) // the terminal was closed: pictures on the disk have to go
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	code := run(ctx, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
