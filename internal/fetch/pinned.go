package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Pinned says which file is expected.
type Pinned struct {
	// SHA256 is its digest, 64 lower-case hexadecimal digits.
	SHA256 string
	// Size in bytes; 0 where it is not known.
	Size int64
	// Progress is called with the bytes that have come, now and then; nil for not.
	Progress func(bytes int64)
}

// maxResumes is how often one download that broke off is taken up again.
const maxResumes = 5

// GetPinned downloads the file whose digest is known at address to path, which it replaces. Its kind does
// not matter: a file with another digest is not kept. A connection that breaks off is taken up where it broke off, a
// few times, where the server can do so.
//
// Errors: as Get's, without fault.NotMedia; fault.Conflict for another file.
func (f *Fetcher) GetPinned(ctx context.Context, param, address, path string, want Pinned) (File, error) {
	file, err := f.getPinned(ctx, address, path, want)
	if err != nil {
		return File{}, fault.From(err).WithParam(param)
	}
	return file, nil
}

func (f *Fetcher) getPinned(ctx context.Context, address, path string, want Pinned) (_ File, err error) {
	limit := f.cfg.MaxBytes
	if want.Size > 0 {
		limit = min(limit, want.Size)
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".part-*")
	if err != nil {
		return File{}, err
	}
	d := &pinnedDownload{part: part, sum: sha256.New(), progress: want.Progress}
	defer func() {
		if err != nil {
			part.Close()
			os.Remove(part.Name())
		}
	}()
	outer := ctx
	ctx, stop := context.WithTimeoutCause(ctx, f.cfg.TotalTimeout, errTotal)
	defer stop()
	for try := 0; ; try++ {
		before := d.have
		err = d.get(ctx, f, address, limit)
		if err == nil {
			break
		}
		if ctx.Err() == nil && fault.From(err).Retry && try < maxResumes && d.have > before && wait(ctx, time.Second<<try/4) == nil {
			continue
		}
		if errors.Is(context.Cause(ctx), errTotal) {
			err = f.explain(outer, ctx, errTotal)
		}
		return File{}, err
	}
	if d.have == 0 {
		return File{}, fault.New(fault.Empty, "", "the file is empty").WithHint("Check the file at the address.")
	}
	got := hex.EncodeToString(d.sum.Sum(nil))
	if got != want.SHA256 {
		return File{}, noRetry(fault.New(fault.Conflict, "", "the address gives another file: its SHA-256 is %s, not %s", got, want.SHA256).
			WithHint("It was not kept. Its publisher may have changed it, or somebody else."))
	}
	if err = part.Sync(); err != nil {
		return File{}, err
	}
	if err = part.Close(); err != nil {
		return File{}, err
	}
	if err = os.Rename(part.Name(), path); err != nil {
		return File{}, err
	}
	return File{Path: path, Bytes: d.have, SHA256: got, Type: "application/octet-stream"}, nil
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// pinnedDownload is what has come of a file.
type pinnedDownload struct {
	part     *os.File
	sum      hash.Hash
	have     int64
	progress func(int64)
}

// get asks for what is missing.
func (d *pinnedDownload) get(ctx context.Context, f *Fetcher, address string, limit int64) error {
	r := &request{address: address, accept: "*/*", limit: limit, from: d.have}
	return f.do(ctx, r, func(resp *http.Response) error {
		if d.have == 0 || resp.StatusCode != http.StatusPartialContent {
			r.from = 0
			if err := d.restart(); err != nil {
				return err
			}
			return f.checkAnswer(resp, limit)
		}
		if at := fmt.Sprintf("bytes %d-", d.have); !strings.HasPrefix(resp.Header.Get("Content-Range"), at) {
			return noRetry(fault.New(fault.Unreachable, "", "the address answered with another part of the file"))
		}
		if resp.ContentLength > limit-d.have {
			return tooLarge(limit)
		}
		return checkEncoding(resp)
	}, func(body io.Reader) error {
		_, err := io.Copy(d, body)
		return err
	})
}

// restart forgets what has come: the server sends the file from its beginning.
func (d *pinnedDownload) restart() error {
	d.have = 0
	d.sum.Reset()
	if err := d.part.Truncate(0); err != nil {
		return err
	}
	_, err := d.part.Seek(0, io.SeekStart)
	return err
}

// Write keeps the next bytes.
func (d *pinnedDownload) Write(p []byte) (int, error) {
	n, err := d.part.Write(p)
	d.sum.Write(p[:n])
	d.have += int64(n)
	if d.progress != nil {
		d.progress(d.have)
	}
	return n, err
}
