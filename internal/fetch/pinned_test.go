package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// weights is a file that is no media.
func weights(n int) ([]byte, Pinned) {
	b := bytes.Repeat([]byte("\x08\x07\x12 weights"), n/11+1)[:n]
	for i := range b {
		b[i] += byte(i >> 9)
	}
	sum := sha256.Sum256(b)
	return b, Pinned{SHA256: hex.EncodeToString(sum[:]), Size: int64(n)}
}

func TestGetPinned(t *testing.T) {
	body, want := weights(300_000)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	path := filepath.Join(t.TempDir(), "x.onnx")
	var seen int64
	want.Progress = func(n int64) { seen = n }
	got, err := testFetcher(t, nil).GetPinned(t.Context(), "image_url", address, path, want)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bytes != 300_000 || got.SHA256 != want.SHA256 || seen != 300_000 {
		t.Errorf("%+v, progress %d", got, seen)
	}
	if b, _ := os.ReadFile(path); !bytes.Equal(b, body) {
		t.Error("the bytes differ")
	}
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 1 {
		t.Errorf("files %v", all)
	}
}

// TestGetPinnedResumes: what broke off goes on where it broke off, or from the beginning where the
// server cannot do so.
func TestGetPinnedResumes(t *testing.T) {
	body, want := weights(400_000)
	for name, resumes := range map[string]bool{"ranges": true, "no ranges": false} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				from := 0
				if n := requests.Add(1); n > 1 {
					if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err != nil || from == 0 {
						t.Errorf("request %d has the range %q", n, r.Header.Get("Range"))
					}
				}
				if !resumes {
					from = 0
				}
				w.Header().Set("Content-Length", fmt.Sprint(len(body)-from))
				if from > 0 {
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
					w.WriteHeader(http.StatusPartialContent)
				}
				rest := body[from:]
				if requests.Load() == 1 {
					rest = rest[:150_000]
				}
				w.Write(rest)
				w.(http.Flusher).Flush()
				if requests.Load() == 1 {
					panic(http.ErrAbortHandler)
				}
			})
			path := filepath.Join(t.TempDir(), "x.onnx")
			if _, err := testFetcher(t, nil).GetPinned(t.Context(), "image_url", address, path, want); err != nil {
				t.Fatal(err)
			}
			if b, _ := os.ReadFile(path); !bytes.Equal(b, body) || requests.Load() != 2 {
				t.Errorf("%d bytes in %d requests", len(b), requests.Load())
			}
		})
	}
}

func TestGetPinnedRefuses(t *testing.T) {
	body, want := weights(50_000)
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		code  fault.Code
		words string
	}{
		{"another file", func(w http.ResponseWriter, _ *http.Request) { w.Write(body[1:]) }, fault.Conflict, "gives another file"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<!DOCTYPE html>")) }, fault.Conflict, "gives another file"},
		{"too long", func(w http.ResponseWriter, _ *http.Request) { w.Write(append(bytes.Clone(body), 1)) }, fault.TooLarge, "larger than 50000 bytes"},
		{"too long, not said", func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				w.Write(body)
				w.(http.Flusher).Flush()
			}
		}, fault.TooLarge, "larger than 50000 bytes"},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, fault.Empty, "empty"},
		{"not found", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, fault.Unreachable, "404"},
		{"a part that nobody asked for", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206); w.Write(body) }, fault.Unreachable, "206"},
		{"inside", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.2/")
			w.WriteHeader(302)
		}, fault.ForbiddenAddress, "redirects"},
		{"never ends well", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "50000")
			panic(http.ErrAbortHandler)
		}, fault.Unreachable, "before the file was whole"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := testFetcher(t, nil).GetPinned(t.Context(), "image_url", serve(t, c.h), filepath.Join(dir, "x.onnx"), want)
			if e := wantFault(t, err, c.code); !strings.Contains(e.Text, c.words) {
				t.Errorf("text %q, want %q in it", e.Text, c.words)
			}
			nothingIn(t, dir)
		})
	}
	t.Run("too slow in all", func(t *testing.T) {
		end := make(chan struct{})
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write(body[:1000])
			w.(http.Flusher).Flush()
			select {
			case <-end:
			case <-r.Context().Done():
			}
		})
		defer close(end)
		dir := t.TempDir()
		f := testFetcher(t, func(c *Config) { c.TotalTimeout = 100 * time.Millisecond })
		_, err := f.GetPinned(t.Context(), "image_url", address, filepath.Join(dir, "x"), want)
		wantFault(t, err, fault.Timeout)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err = testFetcher(t, nil).GetPinned(ctx, "image_url", address, filepath.Join(dir, "x"), want)
		wantFault(t, err, fault.Canceled)
		nothingIn(t, dir)
	})
}
