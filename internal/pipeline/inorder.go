package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// inOrder takes things from next until io.EOF, has up to workers of them worked on at the same time, and hands
// each on to emit in the order in which they came. next and emit are called from the caller's goroutine only. After
// the first error nothing more is begun, and what runs is waited for.
func inOrder[T any](ctx context.Context, workers int, next func() (T, error), do func(T) error, emit func(T) error) error {
	type job struct {
		thing T
		done  chan error
	}
	var jobs []job
	defer func() {
		for _, j := range jobs {
			if err := <-j.done; err != nil {
				continue // the first error is the one to report
			}
		}
	}()
	for ended := false; ; {
		for !ended && len(jobs) < max(workers, 1) {
			if err := ctx.Err(); err != nil {
				return err
			}
			v, err := next()
			if errors.Is(err, io.EOF) {
				ended = true
				break
			}
			if err != nil {
				return err
			}
			j := job{v, make(chan error, 1)}
			jobs = append(jobs, j)
			go func() { j.done <- caught(do, v) }()
		}
		if len(jobs) == 0 {
			return nil
		}
		j := jobs[0]
		jobs = jobs[1:]
		if err := <-j.done; err != nil {
			return err
		}
		if err := emit(j.thing); err != nil {
			return err
		}
	}
}

// caught is do with a panic as an error: it must not end a process that works for others too.
func caught[T any](do func(T) error, v T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do(v)
}
