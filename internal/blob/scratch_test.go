package blob_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/blob"
)

// childEnv makes the test binary open a scratch space, take a work folder and wait to be killed.
const childEnv = "TWINSYNC_TEST_SCRATCH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
	}
	goleak.VerifyTestMain(m)
}

func child(dir string) {
	s, err := blob.OpenScratch(dir, 1<<20)
	if err == nil {
		var work string
		if work, _, err = s.Dir("work"); err == nil {
			if err = os.WriteFile(filepath.Join(work, "half"), make([]byte, 1000), 0o600); err == nil {
				fmt.Println(work)
				select {}
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func scratch(t *testing.T, dir string, quota int64) *blob.Scratch {
	t.Helper()
	s, err := blob.OpenScratch(dir, quota)
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

// stores gives one store that is linked and one that is copied.
func stores(t *testing.T, f func(*testing.T, *blob.Store)) {
	t.Run("folder", func(t *testing.T) { f(t, open(t, t.TempDir())) })
	t.Run("mem", func(t *testing.T) { f(t, open(t, "mem://")) })
}

func TestFile(t *testing.T) {
	stores(t, func(t *testing.T, st *blob.Store) {
		write(t, st, "in/clip.mov", []byte("frames"))
		s := scratch(t, t.TempDir(), 1<<20)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				f, release, err := s.File(t.Context(), st, "in/clip.mov")
				if err != nil {
					t.Errorf("file: %v", err)
					return
				}
				if b, err := os.ReadFile(f); err != nil || string(b) != "frames" || filepath.Ext(f) != ".mov" {
					t.Errorf("%s holds %q, %v", f, b, err)
				}
				if err := release(); err != nil {
					t.Errorf("release: %v", err)
				}
				if _, err := os.Stat(f); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("a released file is there: %v", err)
				}
			})
		}
		wg.Wait()
		_, _, err := s.File(t.Context(), st, "in/none")
		is(t, "file that is not stored", err, fault.NotFound)
		// A replaced file is another version.
		write(t, st, "in/clip.mov", []byte("other frames"))
		f, release, err := s.File(t.Context(), st, "in/clip.mov")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(f); err != nil || string(b) != "other frames" {
			t.Errorf("after a change: %q, %v", b, err)
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

func TestQuota(t *testing.T) {
	st := open(t, "mem://")
	for i := range 5 {
		write(t, st, fmt.Sprint("f", i), bytes.Repeat([]byte("x"), 300))
	}
	s := scratch(t, t.TempDir(), 1000)
	take := func(i int) (func() error, error) {
		_, release, err := s.File(t.Context(), st, fmt.Sprint("f", i))
		return release, err
	}
	used := func() int64 {
		n, err := s.Used()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var held []func() error
	for i := range 3 {
		r, err := take(i)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, r)
	}
	if n := used(); n != 900 {
		t.Errorf("%d bytes used, want 900: links count once", n)
	}
	if _, err := take(3); !fault.Is(err, fault.DiskFull) {
		t.Errorf("over the quota with everything in use: %v", err)
	}
	if err := held[0](); err != nil {
		t.Fatal(err)
	}
	r, err := take(3) // drops f0, which nobody uses
	if err != nil {
		t.Fatal(err)
	}
	held[0] = r
	if n := used(); n != 900 {
		t.Errorf("%d bytes used, want 900", n)
	}
	for _, r := range held {
		if err := r(); err != nil {
			t.Fatal(err)
		}
	}
	free, err := s.Reserve(700)
	if err != nil {
		t.Fatal(err)
	}
	if n := used(); n != 300 {
		t.Errorf("%d bytes used beside a claim of 700", n)
	}
	_, err = s.Reserve(701)
	is(t, "second claim", err, fault.DiskFull)
	free()
	free() // twice is once
	if free, err = s.Reserve(1000); err != nil {
		t.Errorf("claim after release: %v", err)
	} else {
		free()
	}
	if _, err := blob.OpenScratch(t.TempDir(), 0); !fault.Is(err, fault.InvalidField) {
		t.Errorf("no quota: %v", err)
	}
}

// TestLinkedFilesCostNothing: what a folder store holds anyway is no load on the quota.
func TestLinkedFilesCostNothing(t *testing.T) {
	root := t.TempDir()
	st := open(t, filepath.Join(root, "store"))
	write(t, st, "big", make([]byte, 5000))
	s := scratch(t, filepath.Join(root, "scratch"), 1000)
	f, release, err := s.File(t.Context(), st, "big")
	if err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(f); err != nil || i.Size() != 5000 || i.Mode().Perm()&0o222 != 0 {
		t.Errorf("linked file: %v, %v", i, err)
	}
	if n, err := s.Used(); err != nil || n != 0 {
		t.Errorf("%d bytes used, %v", n, err)
	}
	if err := st.Delete(t.Context(), "big"); err != nil { // takes it from nobody
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f); err != nil || len(b) != 5000 {
		t.Errorf("after deletion: %d bytes, %v", len(b), err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestDir(t *testing.T) {
	s := scratch(t, t.TempDir(), 1000)
	a, release, err := s.Dir("attempt")
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := s.Dir("attempt")
	if err != nil || a == b {
		t.Errorf("two folders %s, %s, %v", a, b, err)
	}
	if err := os.WriteFile(filepath.Join(a, "x"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(a); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a released folder is there: %v", err)
	}
	for _, n := range []string{"", "..", "a/b", "../a"} {
		_, _, err := s.Dir(n)
		is(t, n, err, fault.InvalidField)
	}
}

// TestOrphans kills a process that holds a work folder: the next to open removes it, and while it lives
// nobody does.
func TestOrphans(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	work := strings.TrimSpace(line)
	scratch(t, dir, 1<<20)
	if _, err := os.Stat(filepath.Join(work, "half")); err != nil {
		t.Errorf("the folder of a live process was removed: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	scratch(t, dir, 1<<20)
	if _, err := os.Stat(work); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a dead process is there: %v", err)
	}
}
