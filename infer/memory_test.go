package infer_test

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twinsync/twinsync/infer"
)

// All networks loaded and run by four callers at once must fit beside everything else in
// the program's 400 MB. Measured: 158, of which 40 are ONNX Runtime itself.
const memoryLimitMB = 190

// TestMemory looks at the peak of a process of its own: this test binary, run again with
// one variable set.
func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak is read from /proc, which this system has not")
	}
	if os.Getenv("INFER_TEST_MEMORY") != "" {
		useEverything(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemory$", "-test.v")
	cmd.Env = append(os.Environ(), "INFER_TEST_MEMORY=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := regexp.MustCompile(`peak (\d+) MB[^\n]*`).FindAllStringSubmatch(string(out), -1)
	if len(lines) == 0 {
		t.Fatalf("no figure in:\n%s", out)
	}
	for _, l := range lines {
		t.Log(l[0])
	}
	last, err := strconv.Atoi(lines[len(lines)-1][1])
	if err != nil {
		t.Fatal(err)
	}
	if last > memoryLimitMB && !raceEnabled {
		t.Errorf("%d MB, more than %d", last, memoryLimitMB)
	}
}

func useEverything(t *testing.T) {
	t.Logf("peak %d MB before", peakMB(t))
	r := open(t, infer.Options{Provider: infer.CPU})
	t.Logf("peak %d MB with the library", peakMB(t))
	for _, card := range infer.Catalog() {
		s := session(t, r, card.Model)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				in, out := s.Buffers()
				for range 5 {
					if err := s.Run(t.Context(), in, out); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		t.Logf("peak %d MB with %s run by four", peakMB(t), card.Name)
	}
}

// peakMB is the most memory that this process ever held.
func peakMB(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}
