// Package testmedia gives tests pictures and clips whose truth is known: portraits that
// an npm package ships under an open licence (scripts/fetch-samples.sh), and clips that
// move them in a known way. What is made lies under .cache and is made once.
package testmedia

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// The people whose portraits there are. None wears what the other does.
const (
	Anton = "anton" // man, frontal, long fringe, 217 × 217 with transparent corners
	Bea   = "bea"   // woman with glasses, turned a little, 448 × 448
	Carl  = "carl"  // man with a grey beard and a telephone, looking up and aside, 512 × 512
)

// Root is the module's folder: where go.mod lies.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("testmedia: the source's place is unknown")
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("testmedia: %v", err)
	}
	return root
}

// Shared gives the folder of the development media beside the checkout, or a place in it,
// as Shared(t, "odd", "video"), and skips the test where it is absent.
func Shared(t testing.TB, inside ...string) string {
	t.Helper()
	place := filepath.Join(append([]string{"..", "shared", "media"}, inside...)...)
	dir := filepath.Join(Root(t), place)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the development media are absent (%s): this test runs only beside them", place)
	}
	return dir
}

// Photo gives the path of a person's portrait, fetching the portraits first where that
// has not happened yet.
func Photo(t testing.TB, person string) string {
	t.Helper()
	path := filepath.Join(Root(t), ".cache", "samples", "people", person+".png")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join("scripts", "fetch-samples.sh"))
	cmd.Dir = Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the portraits are not there and cannot be fetched: %v\n%s\nrun scripts/fetch-samples.sh", err, out)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("testmedia: there is no portrait of %q", person)
	}
	return path
}
