package quality

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/swap"
)

// cards is a store with a recogniser (the picture's mean colours) and a network that is none.
func cards(t *testing.T) *infer.Store {
	t.Helper()
	matrix := make([]float32, 48*512)
	for i := range 48 {
		matrix[i*512+i] = 1
	}
	s, err := infer.OpenStore(infer.StoreOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		graph *infertest.Graph
		card  string
	}{
		"colours": {infertest.Recogniser(112, matrix), `
kind: recogniser
size: 112
template: {name: arcface_112_v2}
inputs: [{role: target}]
outputs: [{role: embedding}]
`},
		"sharper": {infertest.Enhancer(64, 1, 0), `
kind: enhancer
size: 64
template: {name: ffhq_512}
inputs: [{role: target}]
outputs: [{role: image}]
`},
		"tint": {infertest.Swapper{Target: "target", Source: "source", Output: "output", Side: 64, Batch: 1}.Graph(), `
kind: swapper
size: 64
template: {name: arcface_128}
inputs: [{role: target, name: target}, {role: source-embedding, name: source}]
outputs: [{role: image, name: output}]
embedding: {recogniser: colours, transform: none}
`},
	} {
		path := filepath.Join(t.TempDir(), name+".onnx")
		if err := os.WriteFile(path, c.graph.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		card, err := infer.ParseCard([]byte("card: 1\nname: " + name + "\nlicence: {id: CC0-1.0, commercial: yes}\nfiles: [{name: " + name + ".onnx}]" + c.card))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Add(t.Context(), infer.AddRequest{Card: card, From: "test", Files: []string{path}, AcceptLicence: "CC0-1.0", By: "test", Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A recogniser of a model card judges as the embedded ones do; what is none is refused by name.
func TestRecogniserOfACard(t *testing.T) {
	store := cards(t)
	o := Options{Media: samples(t), Pairs: "anton:bea", Frames: 4, Store: store, Recognisers: []string{"colours"}, Baseline: true}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if l := r.Pairs[0].Figures.Likeness[0]; l.Recogniser != "colours" || l.ToTarget < .99 || l.ToPhoto > .999 || l.ToPhoto <= 0 {
		t.Errorf("likeness by mean colours: %+v", l)
	}
	for _, name := range []string{"sharper", "nobody"} {
		o.Recognisers = []string{name}
		if _, err := Run(t.Context(), o); !fault.Is(err, fault.InvalidField) {
			t.Errorf("recogniser %s: %v", name, err)
		}
	}
}

// An added network's swap is measured as the built-in one's: something changes, and nothing outside of what
// it draws over.
func TestEngineOfACard(t *testing.T) {
	o := Options{Media: samples(t), Pairs: "anton:bea", Frames: 4, Store: cards(t), Engine: pipeline.Engine{Name: swap.EngineONNX, Model: "tint"}}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	f := r.Pairs[0].Figures
	if f.Outside != 0 || f.Left != 0 || f.Faces != 4 || f.Likeness[0].ToTarget > .9999 || r.Engine != "onnx: tint" {
		t.Errorf("engine %s: %+v", r.Engine, f)
	}
	o.Speed = true
	if _, err := Run(t.Context(), o); !fault.Is(err, fault.InvalidField) {
		t.Errorf("time of an added network: %v", err)
	}
}
