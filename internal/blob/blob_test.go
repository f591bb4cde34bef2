package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/blob"
)

func open(t *testing.T, address string) *blob.Store {
	t.Helper()
	s, err := blob.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// each runs f over every kind of store that needs no network.
func each(t *testing.T, f func(t *testing.T, s *blob.Store)) {
	t.Run("folder", func(t *testing.T) { f(t, open(t, t.TempDir()+"/100% #1?")) })
	t.Run("file", func(t *testing.T) { f(t, open(t, "file://"+t.TempDir()+"/made")) })
	t.Run("mem", func(t *testing.T) { f(t, open(t, "mem://")) })
}

func write(t *testing.T, s *blob.Store, key string, data []byte) {
	t.Helper()
	if _, err := s.Write(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestPutAndGet(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		data := bytes.Repeat([]byte("0123456789"), 100_000)
		src := filepath.Join(t.TempDir(), "src")
		if err := os.WriteFile(src, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := s.Put(t.Context(), "acme/out.mp4", src)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if d.Size != int64(len(data)) || d.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("digest %+v", d)
		}
		// What happens to the source afterwards is of no matter.
		if err := os.WriteFile(src, []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
		dst := filepath.Join(t.TempDir(), "dst")
		if err := s.Get(t.Context(), "acme/out.mp4", dst); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(dst); err != nil || !bytes.Equal(got, data) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		is(t, "get onto a file", s.Get(t.Context(), "acme/out.mp4", dst), fault.Conflict)
		is(t, "get of nothing", s.Get(t.Context(), "acme/none", dst+"2"), fault.NotFound)
		if _, err := os.Stat(dst + "2"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a failed get left something: %v", err)
		}
		a, err := s.Stat(t.Context(), "acme/out.mp4")
		if err != nil || a.Size != d.Size || a.ContentType != "video/mp4" || time.Since(a.ModTime) > time.Minute || a.ETag == "" {
			t.Errorf("attributes %+v, %v", a, err)
		}
		_, err = s.Put(t.Context(), "acme/x", src+"-none")
		if err == nil {
			t.Error("a file that is not there was stored")
		}
	})
}

func TestReplaceAndDelete(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		ctx := t.Context()
		for _, k := range []string{"a/b/c", "a/b/d", "a/bc", "a/x"} {
			write(t, s, k, []byte(k))
		}
		write(t, s, "a/x", []byte("new"))
		if b, err := s.Read(ctx, "a/x", 3); err != nil || string(b) != "new" {
			t.Errorf("replaced: %q, %v", b, err)
		}
		_, err := s.Read(ctx, "a/x", 2)
		is(t, "read over the limit", err, fault.TooLarge)
		if err := s.Delete(ctx, "a/b"); err != nil { // a prefix is no file
			t.Errorf("delete of a prefix: %v", err)
		}
		for k, want := range map[string]bool{"a/b/c": true, "a/b": false, "a": false, "a/x/y": false, "z": false} {
			if ok, err := exists(ctx, s, k); err != nil || ok != want {
				t.Errorf("exists(%s) = %t, %v", k, ok, err)
			}
		}
		if err := s.DeletePrefix(ctx, "a/b"); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"a/x", "a/x", "never/was"} {
			if err := s.Delete(ctx, k); err != nil {
				t.Errorf("delete(%s): %v", k, err)
			}
		}
		if err := s.DeletePrefix(ctx, "never"); err != nil {
			t.Errorf("delete of an empty prefix: %v", err)
		}
		for k, want := range map[string]bool{"a/b/c": false, "a/b/d": false, "a/bc": true, "a/x": false} {
			if ok, err := exists(ctx, s, k); err != nil || ok != want {
				t.Errorf("after deleting, exists(%s) = %t, %v", k, ok, err)
			}
		}
	})
}

// TestAborted stores from a source that fails: nothing may appear, and what was there stays.
func TestAborted(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		write(t, s, "kept", []byte("old"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, k := range []string{"kept", "fresh"} {
			_, err := s.Write(ctx, k, []byte("half"))
			is(t, "write without a context", err, fault.Canceled)
		}
		if b, err := s.Read(t.Context(), "kept", 10); err != nil || string(b) != "old" {
			t.Errorf("kept = %q, %v", b, err)
		}
		if ok, err := exists(t.Context(), s, "fresh"); ok || err != nil {
			t.Errorf("fresh = %t, %v", ok, err)
		}
	})
}

func TestReader(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		data := []byte("the quick brown fox jumps over the lazy dog")
		write(t, s, "v/fox.mp4", data)
		r, err := s.NewReader(t.Context(), "v/fox.mp4")
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, data); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		_, err = s.NewReader(t.Context(), "v")
		is(t, "reader of a folder", err, fault.NotFound)

		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			r, err := s.NewReader(q.Context(), "v/fox.mp4")
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			defer r.Close()
			w.Header().Set("Content-Type", r.ContentType)
			w.Header().Set("ETag", r.ETag)
			http.ServeContent(w, q, "", r.ModTime, r)
		}))
		defer srv.Close()
		q, err := http.NewRequest(http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Range", "bytes=4-8")
		p, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Body.Close()
		if b, err := io.ReadAll(p.Body); err != nil || string(b) != "quick" || p.StatusCode != http.StatusPartialContent ||
			p.Header.Get("Content-Type") != "video/mp4" {
			t.Errorf("range: %d %q %v %v", p.StatusCode, b, p.Header, err)
		}
	})
}

func TestKeys(t *testing.T) {
	good := []string{"a", "a/b.mp4", "acme-1/20230423_11_23_05_10279.mp4", "sha256=00/x", "_"}
	bad := []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", ".tmp/x", "a/.b", "a b", "a\\b", "a\x00", "ä", "a\n",
		"-a", strings.Repeat("x", 201), strings.Repeat("x/", 256) + "xx"}
	s := open(t, t.TempDir())
	for _, k := range good {
		if err := blob.ValidKey(k); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
	for _, k := range bad {
		is(t, k, blob.ValidKey(k), fault.InvalidField)
		_, err := s.Write(t.Context(), k, nil)
		is(t, "write "+k, err, fault.InvalidField)
		_, err = s.NewReader(t.Context(), k)
		is(t, "read "+k, err, fault.InvalidField)
		is(t, "get "+k, s.Get(t.Context(), k, "x"), fault.InvalidField)
		is(t, "delete "+k, s.Delete(t.Context(), k), fault.InvalidField)
		is(t, "delete prefix "+k, s.DeletePrefix(t.Context(), k), fault.InvalidField)
	}
}

func FuzzValidKey(f *testing.F) {
	for _, k := range []string{"a/b", "../a", "a/..", "a//b", ".tmp", "a\x00b", "a/./b"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if blob.ValidKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || filepath.ToSlash(filepath.Clean(key)) != key {
			t.Errorf("%q is not a plain path below a folder", key)
		}
		if strings.HasPrefix(key, ".tmp") || len(key) > blob.MaxKey {
			t.Errorf("%q is accepted", key)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"", "ftp://x", "http://x/y", "s3://bucket?no_such_parameter=1", "file://host/x",
		"file:///x#y", "file:///x?y", "file://", "file:///%zz"} {
		_, err := blob.Open(t.Context(), a)
		is(t, a, err, fault.InvalidAddress)
	}
	if _, err := blob.Open(t.Context(), file+"/below"); err == nil {
		t.Error("opened a store below a file")
	}
}

func TestNamesClash(t *testing.T) {
	s := open(t, t.TempDir())
	write(t, s, "a", nil)
	_, err := s.Write(t.Context(), "a/b", nil)
	is(t, "a file below a file", err, fault.Conflict)
	write(t, s, "c/d", nil)
	_, err = s.Write(t.Context(), "c", nil)
	is(t, "a file in place of a folder", err, fault.Conflict)
}

func TestManyWriters(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				data := bytes.Repeat([]byte{byte('a' + i)}, 10_000)
				for range 5 {
					if _, err := s.Write(t.Context(), "p/q/same", data); err != nil {
						t.Errorf("write: %v", err)
					}
					b, err := s.Read(t.Context(), "p/q/same", 1<<20)
					if err != nil || len(b) != 10_000 || bytes.Count(b, b[:1]) != len(b) {
						t.Errorf("read a mixture of %d bytes: %v", len(b), err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func exists(ctx context.Context, s *blob.Store, key string) (bool, error) {
	_, err := s.Stat(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
