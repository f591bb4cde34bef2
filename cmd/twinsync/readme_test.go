package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
)

// readmeBlocks are the README's fenced examples in a language, made to ask the service of the test.
func readmeBlocks(t *testing.T, language, api string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(testmedia.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		blocks = append(blocks, strings.ReplaceAll(m[1], "http://127.0.0.1:51916", api))
	}
	if len(blocks) == 0 {
		t.Fatalf("the README has no %s example", language)
	}
	return blocks
}

// The README's examples are run as a reader would, with the samples that set-up makes.
func TestReadmeExamples(t *testing.T) {
	samples := filepath.Join(testmedia.Root(t), ".cache", "samples")
	if _, err := os.Stat(filepath.Join(samples, "clip.mp4")); err != nil {
		t.Fatalf("the samples are missing (%v): run 'make test', or scripts/fetch-samples.sh and scripts/make-samples.sh", err)
	}
	data := t.TempDir()
	s := serve(t, data, "--samples", samples)
	key := newKey(t, data, "reader")
	run := func(t *testing.T, name string, args ...string) string {
		t.Helper()
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s is not installed: its example is not run here", name)
		}
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "KEY="+key)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		if made, err := filepath.Glob(filepath.Join(cmd.Dir, "*.mp4")); err == nil && len(made) == 1 {
			if st, err := os.Stat(made[0]); err != nil || st.Size() == 0 {
				t.Errorf("%s is empty: %v", made[0], err)
			}
			return string(out) + "\nmade a video"
		}
		return string(out)
	}
	t.Run("curl", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			t.Skip("curl is not installed: its example is not run here")
		}
		blocks := readmeBlocks(t, "sh", s.api)
		if len(blocks) != 2 {
			t.Fatalf("%d examples; one that asks and one that looks were expected", len(blocks))
		}
		var a answer
		if err := json.Unmarshal([]byte(run(t, "sh", "-c", blocks[0])), &a); err != nil || a.ResultCode != 100 {
			t.Fatalf("the first example is answered with %+v, %v", a, err)
		}
		var status answer
		if err := json.Unmarshal([]byte(run(t, "sh", "-c", strings.ReplaceAll(blocks[1], "TASK_ID", a.TaskID))), &status); err != nil ||
			status.StatusCode < 101 || status.StatusCode > 103 {
			t.Fatalf("the second example is answered with %+v, %v", status, err)
		}
	})
	t.Run("python", func(t *testing.T) {
		out := run(t, "python3", "-c", readmeBlocks(t, "python", s.api)[0])
		if !strings.Contains(out, "has been completed") || !strings.Contains(out, "made a video") {
			t.Errorf("the example prints %s", out)
		}
	})
}
