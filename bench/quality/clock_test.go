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
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(file); err == nil {
				stop()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, _, err := clock(exec.CommandContext(ctx, "sh", "-c", `trap 'rm "$0"; exit 1' INT; : > "$0"; while :; do sleep .05; done`, file)); err == nil {
		t.Error("a program that was stopped counts as timed")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("its file is left: %v", err)
	}
}
