package media_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
)

// A file whose end is missing is read as far as it goes, and says so; a whole one says nothing.
func TestCutShort(t *testing.T) {
	whole := testmedia.Clip(t, testmedia.Spec{Frames: 100, Pan: 20, Args: []string{"-movflags", "+faststart"}}).Path
	raw, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.mp4")
	if err := os.WriteFile(short, raw[:len(raw)*6/10], 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{whole: false, short: true} {
		info, err := media.Probe(context.Background(), path, media.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
		if got := strings.Contains(strings.Join(info.Notes, "\n"), "cut short"); got != want {
			t.Errorf("%s: says that it is cut short: %v, want %v (notes %q)", filepath.Base(path), got, want, info.Notes)
		}
	}
}
