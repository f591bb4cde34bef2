package app

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRunDirsOfKilledRunsGo: what a killed run left is removed by the next, and nothing else is.
func TestRunDirsOfKilledRunsGo(t *testing.T) {
	parent := t.TempDir()
	picture := func(dir string) string {
		file := filepath.Join(dir, "frames")
		if err := os.WriteFile(file, []byte("private"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dead, release, err := newRunDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	picture(dead)
	if err := release(); err != nil { // as the system does for a killed process
		t.Fatal(err)
	}
	foreign := filepath.Join(parent, runPrefix+"notes")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	picture(foreign)
	target := picture(parent)
	if err := os.Symlink(parent, filepath.Join(parent, runPrefix+"link")); err != nil {
		t.Fatal(err)
	}

	alive, release, err := newRunDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	picture(alive)
	st, err := os.Stat(alive)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", st.Mode())
	}
	if err := sweepRunDirs(parent); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the killed run's folder is still there: %v", err)
	}
	for _, f := range []string{filepath.Join(alive, "frames"), filepath.Join(foreign, "frames"), target} {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("removed: %v", err)
		}
	}
}
