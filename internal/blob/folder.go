package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// folder keeps each file as a file, so that it can be linked into scratch space and served by the
// kernel. gocloud's own folder store copies through user space with an MD5 sum, at a
// tenth of the speed. Stored files cannot be written to, which guards them through links too.
type folder struct{ dir string }

const (
	tempDir = ".tmp" // below the store, so that renaming stays within one file system
	tempAge = 24 * time.Hour
)

func openFolder(dir string) (*folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("store folder: %w", err)
	}
	temp := filepath.Join(dir, tempDir)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, err
	}
	// What a killed process left behind. Younger ones may be in the making.
	left, err := os.ReadDir(temp)
	if err != nil {
		return nil, err
	}
	for _, e := range left {
		if i, err := e.Info(); err == nil && time.Since(i.ModTime()) > tempAge {
			if err := os.Remove(filepath.Join(temp, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return &folder{dir}, nil
}

func (f *folder) path(key string) string { return filepath.Join(f.dir, filepath.FromSlash(key)) }

func (f *folder) put(_ context.Context, key string, r io.Reader) error {
	temp, err := os.CreateTemp(filepath.Join(f.dir, tempDir), "put-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already when all went well
	if err := fill(temp, r); err != nil {
		return err
	}
	return f.place(temp.Name(), f.path(key))
}

// fill copies r into f, makes it durable and read only, and closes it.
func fill(f *os.File, r io.Reader) error {
	_, err := io.Copy(f, r)
	if err == nil {
		err = f.Chmod(0o444)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// place renames a finished file to where it belongs and makes the name durable.
func (f *folder) place(temp, file string) error {
	dir := filepath.Dir(file)
	for try := 0; ; try++ {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = os.Rename(temp, file)
		}
		if err == nil {
			return syncDir(dir)
		}
		if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, fs.ErrExist) {
			return fault.New(fault.Conflict, "", "a file and a folder of stored files cannot share a name").WithCause(err)
		}
		// A folder that became empty may be removed between the two.
		if !errors.Is(err, fs.ErrNotExist) || try == 5 {
			return err
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile, with what was in it
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *folder) stat(_ context.Context, key string) (Attrs, error) {
	i, err := os.Stat(f.path(key))
	if err == nil && !i.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Attrs{}, absent(err)
	}
	return attrs(key, i), nil
}

func attrs(key string, i fs.FileInfo) Attrs {
	return Attrs{
		Size: i.Size(), ContentType: TypeOf(key), ModTime: i.ModTime(),
		ETag: fmt.Sprintf(`"%x-%x"`, i.ModTime().UnixNano(), i.Size()),
	}
}

func (f *folder) open(_ context.Context, key string) (*Reader, error) {
	file, err := os.Open(f.path(key))
	if err != nil {
		return nil, absent(err)
	}
	i, err := file.Stat()
	if err == nil && !i.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(absent(err), file.Close())
	}
	return &Reader{file, attrs(key, i)}, nil
}

// fetch links the file, or copies it when scratch lies on another file system.
func (f *folder) fetch(ctx context.Context, key, file string) error {
	if _, err := f.stat(ctx, key); err != nil {
		return err
	}
	err := os.Link(f.path(key), file)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return err
	}
	r, err := f.open(ctx, key)
	if err != nil {
		return err
	}
	defer r.Close() // read only
	return save(&canceling{ctx, r}, r.Size, file)
}

// save writes size bytes of r to a path, whole or not at all.
func save(r io.Reader, size int64, file string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".get-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already when all went well
	n := &counting{r: r}
	if err := fill(temp, n); err != nil {
		return err
	}
	if n.n != size {
		return fault.New(fault.Unavailable, "", "the store gave %d of %d bytes", n.n, size)
	}
	// Linking, unlike renaming, does not replace a file that is there.
	return os.Link(temp.Name(), file)
}

type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (f *folder) remove(_ context.Context, key string) error {
	i, err := os.Lstat(f.path(key))
	if err == nil && !i.Mode().IsRegular() {
		return nil // a folder is no stored file
	}
	if err == nil {
		err = os.Remove(f.path(key))
	}
	if err != nil && !errors.Is(absent(err), fs.ErrNotExist) {
		return err
	}
	f.prune(filepath.Dir(f.path(key)))
	return nil
}

func (f *folder) removeAll(_ context.Context, prefix string) error {
	p := f.path(prefix)
	if i, err := os.Lstat(p); err == nil && !i.IsDir() {
		return nil // a file of that very name has no slash behind it
	}
	if err := os.RemoveAll(p); err != nil {
		return err
	}
	f.prune(filepath.Dir(p))
	return nil
}

// prune removes folders that have become empty, up to the store's own.
func (f *folder) prune(dir string) {
	for len(dir) > len(f.dir) && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}

func (f *folder) close() error { return nil }
