package quality

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A program that is stopped while it is timed can still remove its files.
func TestClockLetsTheStoppedTidyUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "private")
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	ready, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = ready.Close(), told.Close() }()
	go func() {
		_, _ = ready.Read(make([]byte, 1)) // the file is there
		stop()
	}()
	cmd := exec.CommandContext(ctx, "sh", "-c", `trap 'rm "$0"; exit 1' INT; : > "$0"; echo >&3; while :; do sleep .05; done`, file)
	cmd.ExtraFiles = []*os.File{told}
	if _, _, err := clock(cmd); err == nil {
		t.Error("a program that was stopped counts as timed")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("its file is left: %v", err)
	}
}
