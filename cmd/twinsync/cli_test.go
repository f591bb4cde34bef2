package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// parse fills the command line without running anything.
func parse(t *testing.T, args ...string) (cli, error) {
	t.Helper()
	var c cli
	var out output
	p, err := newParser(t.Context(), &c, terminal{out: &out, err: &out})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(args)
	return c, err
}

func source(path string) pipeline.Source { return pipeline.Source{Path: path, Field: path} }

func TestSwapFlags(t *testing.T) {
	with := func(change func(*pipeline.Swap)) pipeline.Swap {
		s := pipeline.DefaultSwap(source("a.jpg"), source("c.mp4"))
		s.Faces[0].Clips = true
		change(&s)
		return s
	}
	plain := with(func(*pipeline.Swap) {})
	b := source("b.jpg")
	for _, c := range []struct {
		name string
		args []string
		want pipeline.Swap
	}{
		{"least", []string{"--image", "a.jpg"}, plain},
		{"several photos", []string{"--image", "a.jpg", "--image=b.jpg"},
			with(func(s *pipeline.Swap) { s.Faces[0].Photos = append(s.Faces[0].Photos, b) })},
		{"a comma is part of a name", []string{"--image", "a,b.jpg"},
			with(func(s *pipeline.Swap) { s.Faces[0].Photos = []pipeline.Source{source("a,b.jpg")} })},
		{"a number", []string{"--image", "a.jpg", "--person", "2"},
			with(func(s *pipeline.Swap) { s.Faces[0].Person = "2" })},
		{"all", []string{"--image", "a.jpg", "--person", "all"},
			with(func(s *pipeline.Swap) { s.Faces[0].Person = "all" })},
		{"a photo of the person", []string{"--image", "a.jpg", "--person", "b.jpg"},
			with(func(s *pipeline.Swap) { s.Faces[0].Person, s.Faces[0].Like = "", &b })},
		{"somebody in a clip", []string{"--image", "a.jpg", "--source-person", "2"},
			with(func(s *pipeline.Swap) { s.Faces[0].SourcePerson = 2 })},
		{"a list", []string{"--map", "a.jpg=2", "--map", "x=y.jpg=b.jpg"},
			with(func(s *pipeline.Swap) {
				s.Faces = []pipeline.Face{
					{Photos: []pipeline.Source{source("a.jpg")}, Clips: true, Person: "2"},
					{Photos: []pipeline.Source{source("x=y.jpg")}, Clips: true, Like: &b},
				}
			})},
		{"a part, an encoder and a strength", []string{"--image", "a.jpg", "--from=1.5s", "--to=1m", "--codec=hevc", "--crf=22", "--preset=fast", "--strength=.5", "--tone=0", "--own-eyes"},
			with(func(s *pipeline.Swap) {
				s.From, s.To, s.Codec, s.CRF, s.Preset, s.Strength, s.Tone = 1500*time.Millisecond, time.Minute, "hevc", 22, "fast", .5, 0
				s.OwnEyes = true
			})},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parse(t, append([]string{"swap", "--video=c.mp4", "--out=o.mp4"}, c.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := got.Swap.spec()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, spec); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if err := spec.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	swap := func(more ...string) []string {
		return append([]string{"swap", "--video=c.mp4", "--out=o.mp4"}, more...)
	}
	for _, c := range []struct {
		name, words string
		args        []string
	}{
		{"no command", "expected one of", nil},
		{"unknown command", "swop", []string{"swop"}},
		{"unknown flag", "--imagine", swap("--imagine=a.jpg")},
		{"no image", "--image is missing", swap()},
		{"no video", "--video", []string{"swap", "--image=a.jpg", "--out=o.mp4"}},
		{"no output", "--out", []string{"swap", "--image=a.jpg", "--video=c.mp4"}},
		{"image and map", "cannot be used together", swap("--image=a.jpg", "--map=b.jpg=2")},
		{"map without a person", "PHOTO=WHO", swap("--map=b.jpg")},
		{"map without a photo", "PHOTO=WHO", swap("--map==2")},
		{"unknown codec", "--codec", swap("--image=a.jpg", "--codec=mp3")},
		{"unknown preset", "preset", swap("--image=a.jpg", "--preset=-i")},
		{"quality out of range", "crf", swap("--image=a.jpg", "--crf=99")},
		{"no time", "--from", swap("--image=a.jpg", "--from=soon")},
		{"an end before the beginning", "to", swap("--image=a.jpg", "--from=3s", "--to=2s")},
		{"strength out of range", "strength", swap("--image=a.jpg", "--strength=1.5")},
		{"strength that is no number", "strength", swap("--image=a.jpg", "--strength=NaN")},
		{"person 0", "person", swap("--image=a.jpg", "--person=0")},
		{"a negative person of the source", "source-person", swap("--image=a.jpg", "--source-person=-1")},
		{"two faces for one person", "person 2 is given two faces", swap("--map=a.jpg=2", "--map=b.jpg=2")},
		{"unknown provider", "--provider", swap("--image=a.jpg", "--provider=abacus")},
		{"a network that is none", "--allow-network", []string{"serve", "--allow-network=home"}},
		{"a setting out of range", "workers", []string{"serve", "--workers=-1"}},
		{"a worker without a cluster", "nats", []string{"worker", "--data=" + t.TempDir()}},
		{"keys without a customer", "--customer", []string{"keys", "create"}},
		{"no settings file", "none.yaml", []string{"version", "--config=" + filepath.Join(t.TempDir(), "none.yaml")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := twinsync(t.Context(), c.args...)
			if got.code != exitUsage || !strings.Contains(got.err, c.words) || got.out != "" {
				t.Errorf("exit %d, printed %q and %q, want %d and %q", got.code, got.out, got.err, exitUsage, c.words)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	for code, want := range map[fault.Code]int{
		fault.Canceled: exitInterrupted, fault.MissingProgram: exitMissing, fault.Internal: exitFailed,
		fault.Timeout: exitFailed, fault.Unavailable: exitFailed, fault.Stalled: exitFailed,
		fault.NotMedia: exitInput, fault.NoFaceInVideo: exitInput, fault.NotFound: exitInput, fault.Conflict: exitInput,
		fault.TermsNotAccepted: exitInput, fault.NotWritable: exitInput, fault.DiskFull: exitInput,
		fault.InvalidField: exitUsage, fault.MissingField: exitUsage,
	} {
		if got := exitCode(fault.New(code, "", "x")); got != want {
			t.Errorf("%s gives %d, want %d", code, got, want)
		}
	}
}

// TestReport: people get a sentence, machines get JSON, and the cause of a defect is not lost.
func TestReport(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		json     bool
		code     int
		out, log string
	}{
		{"done", nil, true, exitDone, "", ""},
		{"input", fault.New(fault.Empty, "a.jpg", "the file is empty").WithHint("Take another."), false, exitInput,
			"", "twinsync: a.jpg: the file is empty. Take another.\n"},
		{"input as JSON", fault.New(fault.Empty, "a.jpg", "the file is empty").WithHint("Take another."), true, exitInput,
			`{"error":{"code":"empty_file","hint":"Take another.","message":"the file is empty","param":"a.jpg"}}` + "\n", ""},
		{"interrupted", fault.New(fault.Canceled, "", "canceled"), false, exitInterrupted, "", "twinsync: interrupted; nothing was left behind\n"},
		{"usage", usageError("no"), true, exitUsage, "", "twinsync: no\n"},
		{"defect", errors.New("boom"), false, exitFailed, "", "twinsync: internal error\n  cause: boom\n"},
		{"defect as JSON", errors.New("boom"), true, exitFailed,
			`{"error":{"code":"internal","hint":"","message":"internal error","param":""}}` + "\n", "  cause: boom\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, log output
			if got := report(c.err, terminal{out: &out, err: &log}, c.json); got != c.code {
				t.Errorf("exit %d, want %d", got, c.code)
			}
			if d := cmp.Diff([]string{c.out, c.log}, []string{out.String(), log.String()}); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestSettings: flags go before the environment, that before the file, and that before the defaults.
func TestSettings(t *testing.T) {
	file := write(t, "t.yaml", []byte("listen: 127.0.0.1:1\nresults-listen: 127.0.0.1:2\nmax-file: 5MB\nworkers: 3\nretention: 48h\n"+
		"allow-network: [10.0.0.0/8, '::1']\ndata:\n"))
	t.Setenv("TWINSYNC_RESULTS_LISTEN", "127.0.0.1:3")
	t.Setenv("TWINSYNC_WORKERS", "4")
	got, err := parse(t, "serve", "--config", file, "--workers=5")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Listen, want.ResultsListen, want.MaxFile, want.Workers, want.Retention = "127.0.0.1:1", "127.0.0.1:3", 5e6, 5, 48*time.Hour
	for _, n := range []string{"10.0.0.0/8", "::1"} {
		var network config.Network
		if err := network.UnmarshalText([]byte(n)); err != nil {
			t.Fatal(err)
		}
		want.AllowNetwork = append(want.AllowNetwork, network)
	}
	same := cmp.Comparer(func(a, b config.Network) bool { return a == b })
	if d := cmp.Diff(want, got.Serve.Config, same); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	t.Setenv("TWINSYNC_CONFIG", file)
	if got, err = parse(t, "serve"); err != nil || got.Serve.Listen != "127.0.0.1:1" {
		t.Errorf("TWINSYNC_CONFIG: listen %q, %v", got.Serve.Listen, err)
	}
	t.Setenv("TWINSYNC_CONFIG", "")

	example := filepath.Join(testmedia.Root(t), "docs", "twinsync.example.yaml")
	for _, name := range []string{"TWINSYNC_RESULTS_LISTEN", "TWINSYNC_WORKERS"} {
		os.Unsetenv(name) // Setenv above brings it back
	}
	got, err = parse(t, "serve", "--config", example)
	if err != nil {
		t.Fatalf("the example: %v", err)
	}
	if d := cmp.Diff(config.Default(), got.Serve.Config, same, cmp.Transformer("words", func(w []string) string { return strings.Join(w, " ") }), cmp.Transformer("networks", func(n []config.Network) int { return len(n) })); d != "" {
		t.Errorf("the example is not the defaults (-defaults +example):\n%s", d)
	}
}

// TestOwnSettings: the user's own file is read without being named.
func TestOwnSettings(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	own, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(own, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(own, "twinsync.yaml"), []byte("crf: 30\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := parse(t, "swap", "--image=a", "--video=b", "--out=c")
	if err != nil || got.Swap.CRF != 30 {
		t.Errorf("crf %d, %v", got.Swap.CRF, err)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct{ name, text, words string }{
		{"a key that no flag has", "lissten: ':1'\nworkerss: 2", "no such setting: lissten, workerss"},
		{"the file itself", "config: other.yaml", "no such setting: config"},
		{"a value of the wrong kind", "workers: many", "many"},
		{"a broken number", "workers: 2.5", "2.5"},
		{"a map", "data: {a: b}", "data: must be one value"},
		{"a list in a list", "allow-network: [[10.0.0.0/8]]", "allow-network: must be one value"},
		{"a key twice", "listen: ':1'\nlisten: ':2'", "already defined"},
		{"two documents", "listen: ':1'\n---\nlisten: ':2'", "more than one document"},
		{"a list of lines", "- a\n- b", "line 1: a line is a setting"},
		{"no YAML", "listen: [", "line 1"},
		{"bytes", "\x00\x01\x02", "config file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a service that starts all the same ends at once
			got := twinsync(ctx, "serve", "--config", write(t, "t.yaml", []byte(c.text)), "--data", t.TempDir())
			if got.code != exitUsage || !strings.Contains(got.err, c.words) {
				t.Errorf("exit %d, printed %q, want %d and %q", got.code, got.err, exitUsage, c.words)
			}
			if strings.Contains(got.err, "main.") || strings.Contains(got.err, "config.C") {
				t.Errorf("%q names a Go type", got.err)
			}
		})
	}
}

// FuzzSettings: whatever the file holds, the program says so and does not fall over.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{"listen: ':1'", "a: &a [*a]", "- x", "", "? {a: b}\n: c", "1: 2", "listen: !!binary aGFsbG8="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := loadYAML(strings.NewReader(text)); err == nil {
			var c cli
			var out output
			p, err := newParser(t.Context(), &c, terminal{out: &out, err: &out})
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Validate(p.Model) // must not panic
		}
	})
}

func TestSmallCommands(t *testing.T) {
	if got := twinsync(t.Context(), "version"); got.code != exitDone || !strings.HasPrefix(got.out, "twinsync ") {
		t.Errorf("version: %+v", got)
	}
	got := twinsync(t.Context(), "models", "list", "--json")
	var list struct {
		Models []struct{ Name, Licence, SHA256 string }
	}
	got.last(t, &list)
	if got.code != exitDone || len(list.Models) < 5 {
		t.Errorf("models list: %+v", got)
	}
	for _, m := range list.Models {
		if m.Name == "" || m.Licence == "" || len(m.SHA256) != 64 {
			t.Errorf("model %+v", m)
		}
	}
	if got := twinsync(t.Context(), "--help"); got.code != exitDone || !strings.Contains(got.out, "swap") {
		t.Errorf("--help: %+v", got)
	}
	if got := twinsync(t.Context(), "swap", "--help"); got.code != exitDone || !strings.Contains(got.out, "TWINSYNC_IMAGE") {
		t.Errorf("swap --help: %+v", got)
	}
}
