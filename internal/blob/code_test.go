package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

func TestCoded(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Code
	}{
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, fault.DiskFull},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, fault.DiskFull},
		{errors.Join(&os.LinkError{Op: "link", Err: syscall.ENOSPC}, nil), fault.DiskFull},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, fault.NotWritable},
		{absent(&fs.PathError{Op: "open", Path: "x/y", Err: syscall.ENOTDIR}), fault.NotFound},
		{fmt.Errorf("upload: %w", context.Canceled), fault.Canceled},
		{errors.New("connection reset"), fault.Unavailable},
	} {
		if got := fault.From(coded(c.err, "k")).Code; got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
	if !fault.From(coded(errors.New("connection reset"), "k")).Retry {
		t.Error("a store that does not answer may answer later")
	}
}
