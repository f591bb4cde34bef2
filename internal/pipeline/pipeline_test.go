package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTestWork is the work of one segment over stores of its own, of the runner that a service has.
func newTestWork(t *testing.T, change func(*Config)) *work {
	t.Helper()
	blobs, err := blob.Open(t.Context(), "file://"+filepath.ToSlash(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := blob.OpenScratch(t.TempDir(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Blobs: blobs, Scratch: scratch}
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Order(DefaultSwap(photoAt("a"), photoAt("v")))
	if err != nil {
		t.Fatal(err)
	}
	o.Customer = "acme"
	x, err := task.New(o, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	x.Segments[0].Lease = "l1"
	w, err := r.newWork(dispatch.Job{Task: x, Segment: x.Segments[0], Report: func(int, int) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.close()
		for _, c := range []io.Closer{r, scratch, blobs} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

// TestFetch: where inputs may come from, and that a name leads nowhere else.
func TestFetch(t *testing.T) {
	samples, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret.jpg")
	for path, text := range map[string]string{filepath.Join(samples, "a.jpg"): "sample", outside: "secret"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(samples, "link.jpg")); err != nil {
		t.Fatal(err)
	}
	w := newTestWork(t, func(c *Config) { c.Samples = samples })
	if _, err := w.r.cfg.Blobs.Write(t.Context(), "results/acme/x/l.mp4", []byte("result")); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		name string
		s    Source
		text string
		code fault.Code // "" when it is fetched
	}{
		{"a sample", Source{Sample: "a.jpg"}, "sample", ""},
		{"a result", Source{Result: "results/acme/x/l.mp4"}, "result", ""},
		{"no such sample", Source{Sample: "none.jpg"}, "", fault.Unreachable},
		{"a way out of the samples", Source{Sample: "../" + filepath.Base(filepath.Dir(outside)) + "/secret.jpg"}, "", fault.Internal},
		{"a link out of the samples", Source{Sample: "link.jpg"}, "", fault.Internal},
		{"a result that is gone", Source{Result: "results/acme/y/l.mp4"}, "", fault.Unreachable},
		{"a file of the server", Source{Path: outside}, "", fault.InvalidAddress},
		{"an address where nothing is fetched", Source{URL: "http://example.com/a.jpg"}, "", fault.InvalidAddress},
	} {
		c.s.Field = "image_url"
		in, err := w.fetch(t.Context(), c.s, "photo", fmt.Sprintf("photo-%d", i))
		if c.code != "" {
			if f := fault.From(err); err == nil || f.Code != c.code || f.Code != fault.Internal && f.Param != "image_url" || strings.Contains(f.Public(), outside) {
				t.Errorf("%s: %v, want %s", c.name, err, c.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := w.r.cfg.Blobs.Read(t.Context(), in.Key, 100)
		if err != nil || string(got) != c.text || in.Bytes != int64(len(c.text)) || len(in.SHA256) != 64 || in.Path != "" || in.Name != "image_url" {
			t.Errorf("%s: %q, %+v, %v", c.name, got, in, err)
		}
	}
}

// TestFindAnalysis: a kept analysis is used when it can be read, from a copy of the task's own.
func TestFindAnalysis(t *testing.T) {
	const kept = "analyses/v1/x"
	w := newTestWork(t, nil)
	store := w.r.cfg.Blobs
	find := func() string {
		t.Helper()
		key, err := w.findAnalysis(t.Context(), kept, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(w.scratch("analysis")); err != nil {
			t.Fatal(err)
		}
		return key
	}
	if key := find(); key != "" {
		t.Errorf("found %q where there is none", key)
	}
	if _, err := store.Write(t.Context(), kept, []byte("of another version")); err != nil {
		t.Fatal(err)
	}
	if key := find(); key != "" {
		t.Errorf("found %q, which cannot be read", key)
	}
	a, err := face.NewJoiner(face.VideoInfo{SHA256: strings.Repeat("a", 64), W: 320, H: 240}, 25).Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store(t.Context(), a.Write, place{store, kept}); err != nil {
		t.Fatal(err)
	}
	key := find()
	if key != w.key("analysis") {
		t.Fatalf("found %q, want a copy of the task's own", key)
	}
	if err := store.Delete(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), key); err != nil {
		t.Errorf("the copy goes with the kept one: %v", err)
	}
}

func TestChoosePeople(t *testing.T) {
	of := func(people ...string) (list []Face) {
		for _, p := range people {
			list = append(list, Face{Photos: []Source{photoAt("a")}, Person: p})
		}
		return list
	}
	for _, c := range []struct {
		name   string
		faces  []Face
		people int
		want   []chosen
		code   fault.Code
	}{
		{"the largest", of(Largest), 3, []chosen{{Person: 0, Face: 0}}, ""},
		{"a number", of("3"), 3, []chosen{{Person: 2, Face: 0}}, ""},
		{"all", of(All), 3, []chosen{{Person: 0, Face: 0}, {Person: 1, Face: 0}, {Person: 2, Face: 0}}, ""},
		{"a list", of("2", "1"), 3, []chosen{{Person: 1, Face: 0}, {Person: 0, Face: 1}}, ""},
		{"one, and all the others", of("2", All), 3, []chosen{{Person: 1, Face: 0}, {Person: 0, Face: 1}, {Person: 2, Face: 1}}, ""},
		{"all the others, and one", of(All, "2"), 3, []chosen{{Person: 1, Face: 1}, {Person: 0, Face: 0}, {Person: 2, Face: 0}}, ""},
		{"twice the same", of("1", Largest), 3, nil, fault.InvalidField},
		{"nobody of that number", of("4"), 3, nil, fault.UnknownPerson},
		{"nobody", of(Largest), 0, nil, fault.NoFaceInVideo},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &work{job: dispatch.Job{Task: task.Task{Kind: KindSwap}}, spec: Swap{Faces: c.faces}, analysis: &face.Analysis{}}
			w.fetched.Video.Name = "video_url"
			for p := range c.people {
				w.analysis.People = append(w.analysis.People, face.Person{})
				w.analysis.Tracks = append(w.analysis.Tracks, face.Track{Person: p, Faces: []face.Observation{{Box: face.Box{W: 30}}, {Box: face.Box{W: float32(39 + p)}}}})
			}
			err := choosePeople(t.Context(), w)
			if c.code != "" {
				if !fault.Is(err, c.code) {
					t.Errorf("%v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, w.joined.Chosen); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			small := 0
			for _, g := range c.want {
				if g.Person == 0 { // whose face is under 40 pixels wide
					small++
				}
			}
			if len(w.warnings) != small {
				t.Errorf("warnings %q, want %d", w.warnings, small)
			}
		})
	}
}

// TestRunStopsBetweenSteps: a canceled segment does nothing more, and its scratch files go.
func TestRunStopsBetweenSteps(t *testing.T) {
	w := newTestWork(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.r.Run(ctx, w.job); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	j := w.job
	j.Task.Stage = "paint"
	if _, err := w.r.Run(t.Context(), j); err == nil {
		t.Error("a stage that is none is run")
	}
	j.Task.Spec = nil
	if _, err := w.r.Run(t.Context(), j); err == nil {
		t.Error("a task without a spec is run")
	}
	if w.r.Provider() != "" {
		t.Error("networks are loaded that nobody needs")
	}
}

// TestBreathe: a step that counts nothing still shows that it lives, and falls silent when told.
func TestBreathe(t *testing.T) {
	beats := make(chan int, 100)
	w := &work{job: dispatch.Job{Report: func(n, total int) {
		if total != 0 {
			t.Errorf("total %d", total)
		}
		beats <- n
	}}}
	stop := w.breathe()
	for want := 1; want <= 2; want++ {
		if got := <-beats; got != want {
			t.Errorf("beat %d, want %d", got, want)
		}
	}
	stop() // waits for its goroutine: goleak would find it
}
