package infer_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	ort "github.com/yalue/onnxruntime_go"
	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, o infer.Options) *infer.Runtime {
	t.Helper()
	r, err := infer.Open(o)
	if err != nil {
		t.Fatalf("Open: %v (run make setup)", err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func session(t testing.TB, r *infer.Runtime, m infer.Model) *infer.Session {
	t.Helper()
	s, err := r.Session(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// gradient is a smooth picture in the layout that every network takes.
func gradient(in infer.Tensor) []float32 {
	side := int(in.Shape[1])
	p := make([]float32, in.Len())
	for i := range p {
		c, x, y := i%3, i/3%side, i/3/side
		p[i] = float32(0.5 + 0.5*math.Sin(float64(x*(c+1)+2*y)/float64(side)*4))
	}
	return p
}

func TestEveryModelRunsAndRepeats(t *testing.T) {
	r := open(t, infer.Options{})
	if r.Provider() == "" || r.Version() == "" || r.Library() == "" {
		t.Errorf("provider %q, version %q, library %q", r.Provider(), r.Version(), r.Library())
	}
	for _, card := range infer.Catalog() {
		t.Run(card.Name, func(t *testing.T) {
			s := session(t, r, card.Model)
			in, out := s.Buffers()
			in[0] = gradient(s.Inputs()[0])
			if err := s.Run(t.Context(), in, out); err != nil {
				t.Fatal(err)
			}
			for i, o := range out {
				lo, hi := slices.Min(o), slices.Max(o)
				if math.IsNaN(float64(lo)) || math.IsInf(float64(hi), 0) || (len(o) > 1 && lo == hi) {
					t.Errorf("%s: from %v to %v", s.Outputs()[i].Name, lo, hi)
				}
			}
			_, again := s.Buffers()
			if err := s.Run(context.Background(), in, again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(out, again); diff != "" {
				t.Errorf("a second run differs: %s", diff)
			}
		})
	}
}

// TestOriginals compares with numbers that convert.py took from the original runtimes
// (LiteRT, MediaPipe, dlib), within the bounds of its own check.
func TestOriginals(t *testing.T) {
	data, err := os.ReadFile("testdata/original.json")
	if err != nil {
		t.Fatal(err)
	}
	var originals map[string]map[string]struct {
		Bound  float64   `json:"bound"`
		Every  int       `json:"every"` // of the output, row by row, from the first on
		Values []float64 `json:"values"`
	}
	if err := json.Unmarshal(data, &originals); err != nil {
		t.Fatal(err)
	}
	r := open(t, infer.Options{Provider: infer.CPU})
	for _, card := range infer.Catalog() {
		t.Run(card.Name, func(t *testing.T) {
			want := originals[strings.ReplaceAll(card.Name, "-", "_")+".onnx"]
			if len(want) != len(card.Outputs) {
				t.Fatalf("%d outputs are known, it has %d", len(want), len(card.Outputs))
			}
			s := session(t, r, card.Model)
			in, out := s.Buffers()
			in[0] = ramp(card.Inputs[0])
			if err := s.Run(t.Context(), in, out); err != nil {
				t.Fatal(err)
			}
			for i, o := range card.Outputs {
				w := want[o.Name]
				if w.Every < 1 || len(w.Values) != (o.Len()+w.Every-1)/w.Every {
					t.Fatalf("%s: %d values, one of %d each, for %d", o.Name, len(w.Values), w.Every, o.Len())
				}
				for n, v := range w.Values {
					if got := float64(out[i][n*w.Every]); !(math.Abs(got-v) <= w.Bound) {
						t.Errorf("%s[%d] = %v, the original gives %v", o.Name, n*w.Every, got, v)
					}
				}
			}
		})
	}
}

// ramp is check.py's picture of triangle waves.
func ramp(in infer.Tensor) []float32 {
	side := int(in.Shape[1])
	p := make([]float32, in.Len())
	for i := range p {
		c, x, y := i%3, i/3%side, i/3/side
		wave := (3*x*(c+1) + 6*y) % 510
		p[i] = float32(min(wave, 510-wave)) / 255
	}
	return p
}

func TestCatalogMatchesTheFiles(t *testing.T) {
	open(t, infer.Options{Provider: infer.CPU})
	seen := map[string]bool{}
	for _, card := range infer.Catalog() {
		if seen[card.Name] || seen[card.SHA256] {
			t.Errorf("%s is listed twice", card.Name)
		}
		seen[card.Name], seen[card.SHA256] = true, true
		if card.Name != card.Model.String() || card.Licence == "" || card.Source == "" || card.Purpose == "" || len(card.SHA256) != 64 {
			t.Errorf("incomplete: %+v", card)
		}
		data, err := os.ReadFile(filepath.Join("models", strings.ReplaceAll(card.Name, "-", "_")+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != card.Size {
			t.Errorf("%s: size %d, file has %d", card.Name, card.Size, len(data))
		}
		ins, outs, err := ort.GetInputOutputInfoWithONNXData(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(card.Inputs, tensors(ins)); diff != "" {
			t.Errorf("%s inputs: %s", card.Name, diff)
		}
		if diff := cmp.Diff(card.Outputs, tensors(outs)); diff != "" {
			t.Errorf("%s outputs: %s", card.Name, diff)
		}
	}
}

func tensors(infos []ort.InputOutputInfo) []infer.Tensor {
	var ts []infer.Tensor
	for _, i := range infos {
		ts = append(ts, infer.Tensor{Name: i.Name, Shape: i.Dimensions})
	}
	return ts
}

func TestConcurrentRunsAgree(t *testing.T) {
	r := open(t, infer.Options{Provider: infer.CPU})
	var wg sync.WaitGroup
	for _, m := range []infer.Model{infer.FaceMesh, infer.FaceDetectShort} {
		first := session(t, r, m)
		in, want := first.Buffers()
		in[0] = gradient(first.Inputs()[0])
		if err := first.Run(t.Context(), in, want); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			wg.Go(func() {
				s, err := r.Session(m)
				if err != nil || s != first {
					t.Errorf("Session = %p, %v, want the shared one", s, err)
					return
				}
				_, out := s.Buffers()
				for range 8 {
					if err := s.Run(t.Context(), in, out); err != nil {
						t.Error(err)
						return
					}
					if !cmp.Equal(out, want) {
						t.Errorf("%s differs when run beside others", m)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestRunChecksItsSlices(t *testing.T) {
	r := open(t, infer.Options{Provider: infer.CPU})
	s := session(t, r, infer.FaceDetectShort)
	in, out := s.Buffers()
	for name, c := range map[string]struct{ in, out [][]float32 }{
		"no input":      {nil, out},
		"input short":   {[][]float32{in[0][1:]}, out},
		"output gone":   {in, out[:1]},
		"output long":   {in, [][]float32{out[0], make([]float32, len(out[1])+1)}},
		"outputs mixed": {in, [][]float32{out[1], out[0]}},
	} {
		if err := s.Run(t.Context(), c.in, c.out); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunHeedsItsContext(t *testing.T) {
	r := open(t, infer.Options{Provider: infer.CPU})
	s := session(t, r, infer.FaceMesh)
	in, out := s.Buffers()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, in, out); !fault.Is(err, fault.Canceled) {
		t.Errorf("ended before the run: %v", err)
	}
	// Ended at any moment of the run: it is whole or canceled, never anything else.
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, in, out) }()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("ended in the run: %v", err)
		}
	}
	if err := s.Run(t.Context(), in, out); err != nil {
		t.Errorf("after canceled runs: %v", err)
	}
}

func TestCloseWaitsAndEnds(t *testing.T) {
	r := open(t, infer.Options{Provider: infer.CPU})
	s := session(t, r, infer.FaceMesh)
	started := make(chan struct{})
	var wg sync.WaitGroup
	var once sync.Once
	for range 3 {
		wg.Go(func() {
			in, out := s.Buffers()
			for {
				err := s.Run(t.Context(), in, out)
				once.Do(func() { close(started) })
				if err != nil {
					if !fault.Is(err, fault.Internal) {
						t.Errorf("run after Close: %v", err)
					}
					return
				}
			}
		})
	}
	<-started
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if _, err := r.Session(infer.FaceMesh); err == nil {
		t.Error("a closed runtime gave a session")
	}
	// Other runtimes go on.
	session(t, open(t, infer.Options{}), infer.FaceMesh)
}

// Many ask for the same networks at once, and the runtime is closed meanwhile: all get the same session or
// the word that it is closed, and none is left open.
func TestSessionsLoadSideBySide(t *testing.T) {
	r := open(t, infer.Options{Provider: infer.CPU})
	models := []infer.Model{infer.FaceMesh, infer.FaceDetectShort, infer.FaceDetectFull}
	var mu sync.Mutex
	got := map[infer.Model]*infer.Session{}
	var wg sync.WaitGroup
	ask := func(m infer.Model, closing bool) {
		s, err := r.Session(m)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil && !closing:
			t.Errorf("%v: %v", m, err)
		case err == nil && got[m] != nil && got[m] != s:
			t.Errorf("%v is loaded twice", m)
		case err == nil:
			got[m] = s
		}
	}
	for range 4 {
		for _, m := range models {
			wg.Go(func() { ask(m, false) })
		}
	}
	wg.Wait()
	for _, m := range []infer.Model{infer.FaceEmbedding, infer.FaceRes} {
		wg.Go(func() { ask(m, true) })
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	for m, s := range got {
		in, out := s.Buffers()
		if err := s.Run(t.Context(), in, out); err == nil {
			t.Errorf("%v runs after Close", m)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	loaded := open(t, infer.Options{})
	missing := filepath.Join(t.TempDir(), "none.so")
	for name, c := range map[string]struct {
		o    infer.Options
		want fault.Code
	}{
		"unknown provider": {infer.Options{Provider: "abacus"}, fault.InvalidField},
		"negative threads": {infer.Options{Threads: -1}, fault.InvalidField},
		"second library":   {infer.Options{Library: missing}, fault.Conflict},
	} {
		if _, err := infer.Open(c.o); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := infer.Open(infer.Options{Library: loaded.Library()}); err != nil {
		t.Errorf("the library in use by its path: %v", err)
	}
	if _, err := loaded.Session(infer.Model(200)); err == nil {
		t.Error("a session of no model")
	}
}

// What auto passes over, asking for it by name must refuse.
func TestExplicitProviderIsThatOneOrAnError(t *testing.T) {
	auto := open(t, infer.Options{Provider: infer.Auto})
	skipped := map[string]bool{}
	for _, s := range auto.Skipped() {
		if s.Reason == "" {
			t.Errorf("%s skipped without a reason", s.Provider)
		}
		skipped[s.Provider] = true
	}
	for _, p := range infer.Providers()[1:] {
		r, err := infer.Open(infer.Options{Provider: p})
		switch {
		case err == nil:
			if r.Provider() != p {
				t.Errorf("asked for %s, got %s", p, r.Provider())
			}
			r.Close()
		case !fault.Is(err, fault.MissingProgram):
			t.Errorf("%s: %v", p, err)
		}
		if skipped[p] && err == nil {
			t.Errorf("%s works when named but auto skipped it", p)
		}
	}
	if skipped[auto.Provider()] || skipped[infer.CPU] {
		t.Errorf("%s chosen, skipped %v", auto.Provider(), auto.Skipped())
	}
}
