package infer_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

// TestCheckFollowsTheEmbedding: recogniser, converter and swapper must fit together.
func TestCheckFollowsTheEmbedding(t *testing.T) {
	s, r, dir := store(t, false), open(t, infer.Options{}), t.TempDir()
	add := func(card string, g *infertest.Graph) {
		t.Helper()
		c := parse(t, "card: 1\nlicence: {id: CC0-1.0, commercial: yes}\nfiles: [{name: n.onnx}]\n"+card)
		if _, err := s.Add(t.Context(), infer.AddRequest{Card: c, Files: []string{g.Write(t, dir, c.Name+".onnx")}, Replace: true, Now: noon()}); err != nil {
			t.Fatal(err)
		}
	}
	recogniser := func(n int64) *infertest.Graph {
		g := new(infertest.Graph)
		pool := g.Node("GlobalAveragePool", []string{g.Input("input", infertest.Float, 1, 3, 16, 16)})
		row := g.Node("Reshape", []string{pool, g.Ints("row", []int64{1, 3}, 2)})
		g.NodeTo("MatMul", []string{row, g.Floats("m", make([]float32, 3*n), 3, n)}, []string{"output"})
		g.Output("output", infertest.Float, 1, n)
		return g
	}
	const eye = "name: eye\nkind: recogniser\nsize: 16\ntemplate: {name: arcface_112_v2}\ninputs: [{role: target}]\noutputs: [{role: embedding}]\n"
	const bridge = "name: bridge\nkind: converter\ninputs: [{role: embedding}]\noutputs: [{role: embedding}]\n"
	swapperOf := func(rule string) string {
		return "name: tiny\nkind: swapper\nsize: 32\ntemplate: {name: arcface_128}\ninputs: [{role: target}, {role: source-embedding}]\noutputs: [{role: image}]\nembedding: " + rule
	}
	wrong := func() (all []string) {
		t.Helper()
		steps, err := s.Check(t.Context(), r, "tiny", false)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if step.Err != nil {
				all = append(all, step.What+": "+fault.From(step.Err).Public())
			}
		}
		return all
	}
	add(swapperOf("{recogniser: eye, transform: converter, converter: bridge}"), swapper(1, nil))
	add(eye, recogniser(512))
	add(bridge, infertest.Converter(make([]float32, 512*512)))
	if d := cmp.Diff([]string(nil), wrong()); d != "" {
		t.Error(d)
	}
	add(eye, recogniser(128))
	if d := cmp.Diff([]string{"needs bridge: embedding: bridge takes 512 numbers, the one before it gives 128"}, wrong()); d != "" {
		t.Error(d)
	}
	add(swapperOf("{recogniser: eye}"), swapper(1, nil))
	if d := cmp.Diff([]string{"embedding: embedding: the network takes 512 numbers, eye gives 128"}, wrong()); d != "" {
		t.Error(d)
	}
	add(swapperOf("{recogniser: bridge}"), swapper(1, nil))
	if d := cmp.Diff([]string{"needs bridge: embedding: bridge is a converter, not a recogniser"}, wrong()); d != "" {
		t.Error(d)
	}
}

func TestCheck(t *testing.T) {
	s, r := store(t, false), open(t, infer.Options{})
	path, _ := emapSwapper(t, t.TempDir())
	if _, err := s.Add(t.Context(), infer.AddRequest{Card: parse(t, swapperCard), Files: []string{path}, Now: noon()}); err != nil {
		t.Fatal(err)
	}
	steps, err := s.Check(t.Context(), r, "tiny", true)
	if err != nil {
		t.Fatal(err)
	}
	var good, wrong []string
	for _, step := range steps {
		if step.Err == nil {
			good = append(good, step.What)
		} else {
			wrong = append(wrong, step.What+": "+fault.From(step.Err).Public())
		}
	}
	want := []string{
		"licence CC0-1.0", "file tiny.onnx", "embedding matrix 512×512",
		"network's input target is float32 1×3×32×32", "network's input source is float32 1×512",
		"network's output output is float32 1×3×32×32", "network loads", "network computes with cpu",
	}
	if d := cmp.Diff(want, good); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"needs arcface_w600k_r50: embedding: the network needs arcface_w600k_r50, which is not ready. Add it too: twinsync models pull arcface_w600k_r50."}, wrong); d != "" {
		t.Error(d)
	}
	card := parse(t, strings.Replace(swapperCard, "size: 32", "size: 64", 1))
	steps, err = infer.CheckCard(t.Context(), r, card, filepath.Dir(path), path, true)
	if err != nil || len(steps) != 3 {
		t.Fatalf("%v, %v", steps, err)
	}
	wantCode(t, steps[2].Err, fault.InvalidField, "input target is 1×3×32×32 in the file, the card says 1×3×64×64")
}
