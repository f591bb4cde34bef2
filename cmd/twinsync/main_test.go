package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/speech/speechtest"
)

// asProgram makes this test binary the program itself, so that tests drive the real one: also the
// workers that a service starts are then this binary.
const asProgram = "TWINSYNC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	speechtest.Child()
	if os.Getenv(asProgram) != "" {
		main()
		return // not reached: main exits
	}
	os.Exit(testMain(m))
}

// testMain gives the tests a home of their own: no settings, keys or analyses of whoever runs them.
func testMain(m *testing.M) int {
	home, err := os.MkdirTemp("", "twinsync-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	for name, dir := range map[string]string{"HOME": "", "XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data"} {
		if err := os.Setenv(name, filepath.Join(home, dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "TWINSYNC_") && name != longTests {
			os.Unsetenv(name)
		}
	}
	if code := m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines are left:", err)
		return 1
	}
	return 0
}

// longTests is the variable under which the heavy tests run.
const longTests = "TWINSYNC_LONG"

func long(t *testing.T) {
	t.Helper()
	if os.Getenv(longTests) == "" {
		t.Skipf("a heavy test: it runs with %s=1, as under 'make test-long'", longTests)
	}
}

// output collects what a command prints; several processes may write to it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// outcome is how a command ended.
type outcome struct {
	code     int
	out, err string
}

// twinsync runs a command in this process.
func twinsync(ctx context.Context, args ...string) outcome {
	var out, err output
	code := run(ctx, args, terminal{in: os.Stdin, out: &out, err: &err})
	return outcome{code, out.String(), err.String()}
}

// last is the last line of what was printed, read as JSON.
func (o outcome) last(t *testing.T, into any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		t.Fatalf("the last line of %q is no JSON: %v", o.out, err)
	}
}

// failure is the error that a command prints with --json.
type failure struct {
	Error struct{ Code, Param, Message, Hint string }
}

// program is this binary as the program, in a process of its own.
func program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// ffmpeg makes a file.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// stream is what ffprobe says of the first stream of a kind, its packets counted; duration is 0 where
// the container does not say.
type stream struct {
	frames   int
	w, h     int
	duration float64
}

// look probes a file. Kinds are "v" and "a"; a stream that is not there is nil.
func look(t *testing.T, file, kind string) *stream {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", kind+":0", "-count_packets",
		"-show_entries", "stream=width,height,duration,nb_read_packets", "-of", "json", file).Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", file, err)
	}
	var found struct {
		Streams []struct {
			Width, Height int
			Duration      string
			Packets       string `json:"nb_read_packets"`
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Streams) == 0 {
		return nil
	}
	f := found.Streams[0]
	s := &stream{w: f.Width, h: f.Height}
	if s.frames, err = strconv.Atoi(f.Packets); err != nil {
		t.Fatalf("ffprobe %s: packets %q", file, f.Packets)
	}
	if f.Duration == "" { // Matroska and AVI have none for a stream
		return s
	}
	if s.duration, err = strconv.ParseFloat(f.Duration, 64); err != nil {
		t.Fatalf("ffprobe %s: duration %q", file, f.Duration)
	}
	return s
}

// decoded are the digests of all decoded frames, one line for each, with their times. A file that
// does not play to its end fails the test.
func decoded(t *testing.T, file string) []string {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-nostdin", "-i", file, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%s does not play: %v: %s", file, err, said.String())
	}
	var frames []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			frames = append(frames, strings.TrimSpace(line))
		}
	}
	return frames
}

// tinyClip is a second of one person at a size that renders in a moment, with sound.
func tinyClip(t *testing.T) string {
	t.Helper()
	return testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 25, Pan: 8, Nod: 4, Sound: true}).Path
}

// photo is a picture that every test may use.
func photo(t *testing.T) string {
	t.Helper()
	return testmedia.Photo(t, testmedia.Anton)
}

// empty fails the test when anything is left in a folder.
func empty(t *testing.T, dir string) {
	t.Helper()
	var left []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && path != dir {
			left = append(left, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// apart gives a test a folder for results and one for temporary files, both watched: what a
// failed command leaves there fails the test.
func apart(t *testing.T) (out, temp string) {
	t.Helper()
	out, temp = t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	return out, temp
}

// write makes a file of a test.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
