package blob

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinsync/twinsync/fault"
)

// Scratch is a folder for files that are needed on this machine for a while, bounded by a quota
// and shared by processes. It holds
//
//   - a cache of stored files, named by store, key and version, the least recently used of which are
//     dropped when room is needed;
//   - one folder for each process, in which work folders and links to cached files lie. Its lock
//     ends with the process, so the next one to open the scratch space removes what a dead
//     one left.
//
// A cached file is used through a link of the user's own, so dropping it from the cache
// takes it from nobody.
type Scratch struct {
	dir   string // of all
	own   string // of this process
	quota int64
	lock  *os.File

	mu       sync.Mutex
	reserved int64
	fetching map[string]*turn // by name in the cache
}

// turn lets one at a time fetch a file.
type turn struct {
	sync.Mutex
	users int // guarded by Scratch.mu
}

const (
	cacheDir   = "cache"
	processDir = "process-"
	lockName   = "lock"
)

// OpenScratch opens the scratch space in dir, which is made when it is missing, for at most quota
// bytes. It removes what dead processes left.
func OpenScratch(dir string, quota int64) (*Scratch, error) {
	if quota <= 0 {
		return nil, fault.New(fault.InvalidField, "scratch", "the quota must be more than zero")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.From(err).WithParam("scratch")
	}
	s := &Scratch{dir: dir, quota: quota, fetching: map[string]*turn{}}
	if err := os.MkdirAll(filepath.Join(dir, cacheDir), 0o700); err != nil {
		return nil, fault.From(err).WithParam("scratch")
	}
	// Opening and cleaning exclude each other, so that nobody removes a folder whose owner has made it but
	// not locked it yet.
	all, err := lockFile(filepath.Join(dir, lockName), unix.LOCK_EX)
	if err != nil {
		return nil, fault.From(err).WithParam("scratch")
	}
	defer all.Close() // lets go of the lock
	if err := s.clean(); err != nil {
		return nil, fault.From(err).WithParam("scratch")
	}
	s.own = filepath.Join(dir, processDir+strings.ToLower(rand.Text()))
	if err := os.Mkdir(s.own, 0o700); err != nil {
		return nil, fault.From(err).WithParam("scratch")
	}
	if s.lock, err = lockFile(filepath.Join(s.own, lockName), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fault.From(err).WithParam("scratch")
	}
	return s, nil
}

func lockFile(file string, how int) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// clean removes the folders of dead processes and half-fetched files of the cache.
func (s *Scratch) clean() error {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	alive := 0
	for _, n := range names {
		if !strings.HasPrefix(n.Name(), processDir) {
			continue
		}
		dir := filepath.Join(s.dir, n.Name())
		l, err := lockFile(filepath.Join(dir, lockName), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			alive++
			continue
		}
		if err == nil {
			err = l.Close()
		}
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if alive > 0 {
		return nil // what is half fetched may be theirs
	}
	left, err := filepath.Glob(filepath.Join(s.dir, cacheDir, ".get-*"))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// Close removes everything that belongs to this process; cached files stay for the next.
func (s *Scratch) Close() error {
	return errors.Join(os.RemoveAll(s.own), s.lock.Close())
}

// Dir makes an empty folder for one piece of work. release removes it with all that is in it.
func (s *Scratch) Dir(name string) (dir string, release func() error, err error) {
	if err := ValidKey(name); err != nil || strings.Contains(name, "/") {
		return "", nil, fault.New(fault.InvalidField, "name", "%.60q cannot be the name of a folder", name)
	}
	dir, err = os.MkdirTemp(s.own, name+"-")
	if err != nil {
		return "", nil, fault.From(err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// Reserve claims n bytes for files that are about to be written into a work folder, and drops cached
// files to make room. It returns fault.DiskFull when there is none within the quota.
// Release the claim when the files are written, for they count by themselves then, or given up.
func (s *Scratch) Reserve(n int64) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(n); err != nil {
		return nil, err
	}
	s.reserved += n
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reserved -= n
	}), nil
}

// File gives a stored file at a local path whose extension is that of its key. The file must
// only be read. release lets go of it; it stays cached while there is room. Of several calls
// for one file at the same time, one fetches it.
func (s *Scratch) File(ctx context.Context, st *Store, key string) (file string, release func() error, err error) {
	a, err := st.Stat(ctx, key)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256([]byte(st.id + "\x00" + key + "\x00" + a.ETag))
	name := hex.EncodeToString(sum[:]) + path.Ext(key)
	cached := filepath.Join(s.dir, cacheDir, name)

	dir, err := os.MkdirTemp(s.own, "file-")
	if err != nil {
		return "", nil, fault.From(err)
	}
	release = func() error { return os.RemoveAll(dir) }
	file = filepath.Join(dir, "file"+path.Ext(key))
	if f, ok := st.b.(*folder); ok && os.Link(f.path(key), file) == nil {
		return file, release, nil // on the same disk the store itself is the cache
	}

	defer s.enter(name)()
	for range 3 { // another process may drop what was just found or fetched
		if err = os.Link(cached, file); err == nil {
			now := time.Now()
			// The time of the last use orders the cache; a wrong order costs a fetch at most.
			_ = os.Chtimes(cached, now, now)
			return file, release, nil
		}
		var free func()
		if free, err = s.Reserve(a.Size); err != nil {
			break
		}
		err = st.Get(ctx, key, cached)
		free()
		if err != nil && !fault.Is(err, fault.Conflict) {
			break
		}
	}
	return "", nil, errors.Join(fault.From(err), release())
}

// enter waits for the turn to fetch a file; what it returns gives the turn on.
func (s *Scratch) enter(name string) (leave func()) {
	s.mu.Lock()
	t := s.fetching[name]
	if t == nil {
		t = &turn{}
		s.fetching[name] = t
	}
	t.users++
	s.mu.Unlock()
	t.Lock()
	return func() {
		t.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(s.fetching, name)
		}
	}
}

// Used counts the bytes that the scratch space takes: a file with several names once, one that a
// store has too not at all.
func (s *Scratch) Used() (int64, error) {
	used, _, err := s.measure()
	return used, err
}

type cachedFile struct {
	path string
	size int64
	used time.Time
	only bool // no other name holds its bytes
}

func (s *Scratch) measure() (used int64, cached []cachedFile, err error) {
	type inode struct{ dev, ino uint64 }
	type file struct{ size, names, links int64 }
	seen := map[inode]file{}
	err = filepath.WalkDir(s.dir, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if filepath.Dir(p) == filepath.Join(s.dir, cacheDir) && !strings.HasPrefix(d.Name(), ".") {
			cached = append(cached, cachedFile{p, st.Size, time.Unix(st.Mtim.Unix()), st.Nlink == 1})
		}
		k := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // the field is an int32 on macOS
		seen[k] = file{st.Size, seen[k].names + 1, int64(st.Nlink)}
		return nil
	})
	for _, f := range seen {
		if f.names >= f.links {
			used += f.size
		}
	}
	return used, cached, err
}

// room drops cached files until n more bytes fit. s.mu is held.
func (s *Scratch) room(n int64) error {
	used, cached, err := s.measure()
	if err != nil {
		return fault.From(err)
	}
	slices.SortFunc(cached, func(a, b cachedFile) int { return cmp.Compare(a.used.UnixNano(), b.used.UnixNano()) })
	for _, c := range cached {
		if used+s.reserved+n <= s.quota {
			break
		}
		if !c.only {
			continue // in use: dropping it frees nothing
		}
		if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.From(err)
		}
		used -= c.size
	}
	if used+s.reserved+n > s.quota {
		return fault.New(fault.DiskFull, "", "the scratch space is full: %d bytes are needed and %d of %d are taken",
			n, used+s.reserved, s.quota).WithHint("Raise its quota or run fewer tasks at a time.")
	}
	return nil
}
