package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	runPrefix = "twinsync-"
	runLock   = "lock"
)

// newRunDir makes the folder in parent that holds all files of one local run. Its lock ends with its process;
// release lets go of it, when the folder has been removed.
func newRunDir(parent string) (dir string, release func() error, err error) {
	if dir, err = os.MkdirTemp(parent, runPrefix); err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	// It gets its name when it is locked, so that nobody finds it unlocked before.
	early := filepath.Join(dir, runLock+".new")
	f, err := os.OpenFile(early, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, err
	}
	if err := errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), os.Rename(early, filepath.Join(dir, runLock))); err != nil {
		return "", nil, errors.Join(err, f.Close())
	}
	return dir, f.Close, nil
}

// sweepRunDirs removes the folders of this user's runs that were killed: decoded pictures of people lie in them, and
// nobody else would ever remove them. In a folder for temporary files others may have put anything under such a
// name: what is not a folder of this user's with a lock that nobody holds is left alone.
func sweepRunDirs(parent string) error {
	entries, err := os.ReadDir(parent)
	for _, e := range entries {
		if ok, _ := filepath.Match(runPrefix+"*", e.Name()); !ok || !e.IsDir() {
			continue
		}
		info, ierr := e.Info()
		if ierr != nil {
			continue // it went just now
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
			continue
		}
		err = errors.Join(err, removeDeadRun(filepath.Join(parent, e.Name())))
	}
	return err
}

// removeDeadRun removes a run's folder when its process has ended.
func removeDeadRun(dir string) error {
	lock, err := os.OpenFile(filepath.Join(dir, runLock), os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not a run's, or one that begins
	}
	if err != nil {
		return err
	}
	defer lock.Close() // lets go of the lock
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil // it runs
		}
		return err
	}
	return os.RemoveAll(dir)
}
