package infer

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

// The loader's state is the process's, so a missing library is tried in a child process:
// this test binary, run again with one variable set.
func TestMissingLibrary(t *testing.T) {
	if path := os.Getenv("INFER_TEST_LIBRARY"); path != "" {
		_, err := Open(Options{Library: path})
		e := fault.From(err)
		if e == nil || e.Code != fault.MissingProgram || !strings.Contains(e.Hint, "fetch-onnxruntime.sh") || !strings.Contains(e.Text, path) {
			t.Fatalf("Open = %#v", e)
		}
		if _, err := Open(Options{Library: path}); !fault.Is(err, fault.MissingProgram) {
			t.Fatalf("second Open: %v", err)
		}
		if r, err := Open(Options{}); err != nil {
			t.Fatalf("the search after a wrong path: %v", err)
		} else {
			r.Close()
		}
		return
	}
	noLibrary := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(noLibrary, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"absent":    filepath.Join(t.TempDir(), "none.so"),
		"not one":   noLibrary,
		"a folder":  t.TempDir(),
		"wrong one": otherLibrary(),
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMissingLibrary$")
			cmd.Env = append(os.Environ(), "INFER_TEST_LIBRARY="+path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// otherLibrary is a native library that is on every such system and is not ONNX Runtime.
func otherLibrary() string {
	if runtime.GOOS == "darwin" {
		return "/usr/lib/libSystem.B.dylib"
	}
	return "libm.so.6"
}

func TestSearch(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range search() {
		if strings.Contains(path, ".cache") {
			t.Errorf("outside the source tree the search offers %s", path)
		}
	}
	root := t.TempDir()
	dir := filepath.Join(root, ".cache", "onnxruntime", LibraryVersion, runtime.GOOS+"-"+runtime.GOARCH)
	deep := filepath.Join(root, "a", "b")
	for _, d := range []string{dir, deep} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	lib := filepath.Join(dir, libraryName())
	if err := os.WriteFile(lib, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	offered := func() bool {
		for _, path := range search() {
			if same(path, lib) {
				return true
			}
		}
		return false
	}
	if offered() {
		t.Error("a .cache beside no go.mod is trusted")
	}
	for mod, want := range map[string]bool{"module example.com/other\n": false, "module " + module + "\n\ngo 1.26\n": true} {
		if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte(mod), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := offered(); got != want {
			t.Errorf("with %q offered = %v", mod, got)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module "+module+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(lib, 0o666); err != nil {
		t.Fatal(err)
	}
	if offered() {
		t.Error("a library that anybody may write is loaded")
	}
}
