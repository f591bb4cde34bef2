// Package blob keeps files: inputs, results and what lies between. A Store is a folder of this machine
// or a bucket of S3, Google Cloud Storage or Azure, chosen by an address. Scratch is
// the bounded local folder in which workers use such files, because FFmpeg needs paths.
//
// A file appears under its key complete or not at all, and never changes afterwards: what is
// read under a key is what was put there.
package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Attrs describe a stored file.
type Attrs struct {
	Size        int64     // bytes
	ContentType string    // from the key's extension, see TypeOf
	ModTime     time.Time // when it was stored
	ETag        string    // strong, quoted: changes when the content does
}

// Digest is what Put learned of a file on its way.
type Digest struct {
	Size   int64
	SHA256 string // hex
}

// Reader reads a stored file from any place in it. It is what http.ServeContent needs. It
// is for one goroutine.
type Reader struct {
	io.ReadSeekCloser
	Attrs
}

// backend is a kind of store.
type backend interface {
	put(ctx context.Context, key string, r io.Reader) error
	stat(ctx context.Context, key string) (Attrs, error)
	open(ctx context.Context, key string) (*Reader, error)
	// fetch gives the file at a local path that does not exist. The file must not be changed.
	fetch(ctx context.Context, key, file string) error
	remove(ctx context.Context, key string) error
	removeAll(ctx context.Context, prefix string) error
	close() error
}

// Store keeps files under keys (see ValidKey). It is safe for use by several goroutines.
type Store struct {
	b  backend
	id string // tells stores apart in a cache
}

// Open opens the store at an address: a path or file:// for a folder, which is made when it is
// missing; s3://BUCKET, gs://BUCKET or azblob://CONTAINER with the parameters and
// the environment of gocloud.dev/blob; mem:// for tests. The errors are
// fault.InvalidAddress, fault.NotWritable and fault.Unreachable.
func Open(ctx context.Context, address string) (*Store, error) {
	bad := fault.New(fault.InvalidAddress, "blobs", "this is no address of a store")
	if address == "" {
		return nil, bad
	}
	if !strings.Contains(address, "://") { // a path may have characters that mean something in an address
		f, err := openFolder(address)
		if err != nil {
			return nil, fault.From(err).WithParam("blobs")
		}
		return &Store{b: f, id: f.dir}, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, bad.WithCause(err)
	}
	var b backend
	switch u.Scheme {
	case "file":
		if u.Host != "" || u.RawQuery != "" || u.Fragment != "" || !path.IsAbs(u.Path) {
			return nil, bad.WithHint("A folder is given by its path, or as file:///PATH.")
		}
		b, err = openFolder(u.Path)
	case "s3", "gs", "azblob", "mem":
		b, err = openCloud(ctx, u)
	default:
		return nil, fault.New(fault.InvalidAddress, "blobs", "stores of the kind %.20q are not known", u.Scheme).
			WithHint("Use a folder, s3://, gs:// or azblob://.")
	}
	if err != nil {
		return nil, fault.From(err).WithParam("blobs")
	}
	return &Store{b: b, id: u.Redacted()}, nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.b.close() }

// Put stores a local file under key. A file that is there already is replaced as a whole.
func (s *Store) Put(ctx context.Context, key, file string) (Digest, error) {
	if err := ValidKey(key); err != nil {
		return Digest{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return Digest{}, fault.From(err)
	}
	defer f.Close() // read only: nothing can be lost
	return s.write(ctx, key, f)
}

// Write stores bytes under key, as Put does.
func (s *Store) Write(ctx context.Context, key string, data []byte) (Digest, error) {
	if err := ValidKey(key); err != nil {
		return Digest{}, err
	}
	return s.write(ctx, key, bytes.NewReader(data))
}

func (s *Store) write(ctx context.Context, key string, r io.Reader) (Digest, error) {
	h := &hashing{r: &canceling{ctx, r}, sum: sha256.New()}
	if err := s.b.put(ctx, key, h); err != nil {
		return Digest{}, coded(err, key)
	}
	return Digest{Size: h.n, SHA256: hex.EncodeToString(h.sum.Sum(nil))}, nil
}

// Stat describes the file under key, or returns fault.NotFound.
func (s *Store) Stat(ctx context.Context, key string) (Attrs, error) {
	if err := ValidKey(key); err != nil {
		return Attrs{}, err
	}
	a, err := s.b.stat(ctx, key)
	return a, coded(err, key)
}

// NewReader opens the file under key. Close it when done. ctx must last as long as the
// reader is used.
func (s *Store) NewReader(ctx context.Context, key string) (*Reader, error) {
	if err := ValidKey(key); err != nil {
		return nil, err
	}
	r, err := s.b.open(ctx, key)
	return r, coded(err, key)
}

// Read gives the bytes of a small file. One longer than limit is fault.TooLarge.
func (s *Store) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	r, err := s.NewReader(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close() // read only
	if r.Size > limit {
		return nil, fault.New(fault.TooLarge, "", "the stored file %s has %d bytes; at most %d are possible", key, r.Size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) != r.Size {
		err = io.ErrUnexpectedEOF
	}
	return data, coded(err, key)
}

// Get gives the file under key at a local path that must not exist yet; it appears
// there complete or not at all. The file must only be read: a folder store links it
// rather than copying.
func (s *Store) Get(ctx context.Context, key, file string) error {
	if err := ValidKey(key); err != nil {
		return err
	}
	return coded(s.b.fetch(ctx, key, file), key)
}

// Delete removes the file under key. That there is none is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := ValidKey(key); err != nil {
		return err
	}
	return coded(s.b.remove(ctx, key), key)
}

// DeletePrefix removes every file whose key begins with prefix and a slash.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) error {
	if err := ValidKey(prefix); err != nil {
		return err
	}
	return coded(s.b.removeAll(ctx, prefix), prefix)
}

// MaxKey is the longest key in bytes.
const MaxKey = 512

var keyForm = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.=-]*(/[a-zA-Z0-9_][a-zA-Z0-9_.=-]*)*$`)

// ValidKey refuses keys that could mean something to a file system or a browser: a key
// is names of letters, digits, '_', '.', '=' and '-', joined by slashes; no name begins with
// a dot or is longer than 200 bytes. The error is fault.InvalidField.
func ValidKey(key string) error {
	ok := len(key) <= MaxKey && keyForm.MatchString(key)
	for name := range strings.SplitSeq(key, "/") {
		ok = ok && len(name) <= 200
	}
	if !ok {
		return fault.New(fault.InvalidField, "key", "%.60q cannot be the key of a file", key)
	}
	return nil
}

// TypeOf gives the content type of a file by its extension: its own small table, because
// the system's differs from machine to machine.
func TypeOf(key string) string {
	switch strings.ToLower(path.Ext(key)) {
	case ".mp4", ".m4v":
		return "video/mp4"
	case ".mov":
		return "video/quicktime"
	case ".webm":
		return "video/webm"
	case ".mkv":
		return "video/x-matroska"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".wav":
		return "audio/wav"
	case ".mp3":
		return "audio/mpeg"
	case ".m4a":
		return "audio/mp4"
	case ".json":
		return "application/json"
	case ".srt":
		return "application/x-subrip"
	case ".vtt":
		return "text/vtt"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// hashing counts and sums up what is read through it.
type hashing struct {
	r   io.Reader
	n   int64
	sum hash.Hash
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.n += int64(n)
	h.sum.Write(p[:n])
	return n, err
}

// canceling stops reading when ctx ends.
type canceling struct {
	ctx context.Context
	r   io.Reader
}

func (c *canceling) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
