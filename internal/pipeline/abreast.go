package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
)

// fetchInputs brings photos and video side by side, for each waits most of the time: for the network,
// or for one core. A photo that cannot be used ends the work on the video.
func fetchInputs(ctx context.Context, w *work) error {
	video, err := abreast(ctx, w, []step{fetchPhotos, takeStills, judgePhotos}, []step{fetchVideo, probeVideo})
	if err != nil {
		return err
	}
	w.fetched.Video, w.info = video.fetched.Video, video.info
	return nil
}

// abreast runs two rows of steps at the same time: the first on w, the second on a copy, which it
// returns; what the copy is to release and to warn of becomes w's. The first row's error comes first,
// and ends the second row.
func abreast(ctx context.Context, w *work, first, second []step) (*work, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	other := *w
	other.free, other.warnings = nil, nil
	crash := make(chan any, 1)
	var otherErr error
	go func() {
		defer func() {
			c := recover()
			if c != nil {
				c = fmt.Sprintf("%v\n%s", c, debug.Stack())
			}
			crash <- c
		}()
		otherErr = inTurn(inner, &other, second...)
	}()
	err := func() error {
		ended := false
		defer func() {
			if !ended { // a panic is under way: the copy must come to rest first
				cancel()
				<-crash
			}
		}()
		err := inTurn(ctx, w, first...)
		ended = true
		return err
	}()
	if err != nil {
		cancel()
	}
	c := <-crash
	w.free = append(w.free, other.free...)
	if c != nil {
		panic(c) // where it is caught, as if it had happened in this goroutine
	}
	if err != nil {
		return nil, err
	}
	w.warn(other.warnings...)
	return &other, otherErr
}

// inTurn runs steps with cancellation checked between them.
func inTurn(ctx context.Context, w *work, steps ...step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s(ctx, w); err != nil {
			return err
		}
	}
	return nil
}
