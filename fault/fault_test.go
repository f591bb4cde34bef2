package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

func TestFromKnowsCauses(t *testing.T) {
	own := fault.New(fault.NoVideo, "video_url", "no video stream in file")
	for _, c := range []struct {
		name string
		err  error
		want fault.Code
	}{
		{"own", fmt.Errorf("probe: %w", own), fault.NoVideo},
		{"canceled", fmt.Errorf("read: %w", context.Canceled), fault.Canceled},
		{"deadline", context.DeadlineExceeded, fault.Timeout},
		{"full disk", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, fault.DiskFull},
		{"permission", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, fault.NotWritable},
		{"other", errors.New("boom"), fault.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fault.From(c.err).Code; got != c.want {
				t.Errorf("code = %s, want %s", got, c.want)
			}
			if !fault.Is(c.err, c.want) {
				t.Errorf("Is(%s) = false", c.want)
			}
		})
	}
	if fault.From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
}

func TestPublicHidesTheCause(t *testing.T) {
	e := fault.New(fault.Unreachable, "video_url", "the address answered %d", 404).
		WithHint("Check the address.").WithCause(errors.New("secret"))
	if got, want := e.Public(), "video_url: the address answered 404. Check the address."; got != want {
		t.Errorf("Public() = %q, want %q", got, want)
	}
	if got, want := e.Error(), "video_url: the address answered 404: secret"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !e.Retry {
		t.Error("an unreachable address may answer later")
	}
	if fault.New(fault.NoVideo, "", "x").Retry {
		t.Error("bad input must not be retried")
	}
}
