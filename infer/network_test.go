package infer_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

// parse reads a card of a test.
func parse(t testing.TB, text string) infer.ModelCard {
	t.Helper()
	c, err := infer.ParseCard([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const head = "card: 1\nname: tiny\nlicence: {id: CC0-1.0, commercial: yes}\nfiles: [{name: tiny.onnx}]\n"

const swapperCard = head + `
kind: swapper
size: 32
template: {name: arcface_128}
inputs: [{role: target, name: target}, {role: source-embedding, name: source}]
outputs: [{role: image, name: output}]
embedding: {recogniser: arcface_w600k_r50, transform: matrix, initializer: last, normalise-after: true}
`

func swapper(batch int64, emap []float32) *infertest.Graph {
	return infertest.Swapper{Target: "target", Source: "source", Output: "output", Side: 32, Batch: batch, Emap: emap}.Graph()
}

func TestNetworkRuns(t *testing.T) {
	r := open(t, infer.Options{})
	path := swapper(1, nil).Write(t, t.TempDir(), "tiny.onnx")
	n, err := r.OpenFile(path, parse(t, swapperCard))
	if err != nil {
		t.Fatal(err)
	}
	if n.Batch() || n.Provider() == "" || n.Card().Name != "tiny" {
		t.Errorf("batch %v, provider %q, card %q", n.Batch(), n.Provider(), n.Card().Name)
	}
	want := []infer.Tensor{{Name: "target", Shape: []int64{1, 3, 32, 32}}, {Name: "source", Shape: []int64{1, 512}}}
	if d := cmp.Diff(want, n.Inputs()); d != "" {
		t.Error(d)
	}
	in, out := n.Buffers()
	for i := range in[0] {
		in[0][i] = float32(i) / 4096
	}
	copy(in[1], []float32{1, 10, 100})
	if err := n.Run(t.Context(), in, out); err != nil {
		t.Fatal(err)
	}
	for i, got := range out[0] {
		if want := float32(i)/4096 + []float32{1, 10, 100}[i/1024]; math.Abs(float64(got-want)) > 1e-5 {
			t.Fatalf("number %d is %v, want %v", i, got, want)
		}
	}
	if err := n.Run(t.Context(), in[:1], out); !fault.Is(err, fault.Internal) {
		t.Errorf("with one input of two: %v", err)
	}
	in[1] = in[1][:511]
	if err := n.Run(t.Context(), in, out); !fault.Is(err, fault.Internal) {
		t.Errorf("with a short input: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	in, out = n.Buffers()
	if err := n.Run(t.Context(), in, out); !fault.Is(err, fault.Internal) {
		t.Errorf("after Close: %v", err)
	}
}

// TestNetworkBatch: pictures in one run give what they give one by one.
func TestNetworkBatch(t *testing.T) {
	r := open(t, infer.Options{})
	n, err := r.OpenBytes(swapper(infertest.Any, nil).Bytes(), parse(t, swapperCard))
	if err != nil {
		t.Fatal(err)
	}
	if !n.Batch() {
		t.Fatal("no batch although the file leaves it open")
	}
	const count = 3
	one, _ := n.Buffers()
	in := [][]float32{make([]float32, count*len(one[0])), make([]float32, count*512)}
	out := [][]float32{make([]float32, count*len(one[0]))}
	for k := range count {
		in[1][k*512+1] = float32(k + 1)
	}
	if err := n.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	for i, got := range out[0] {
		k, c := i/(3*1024), i/1024%3
		want := float32(0)
		if c == 1 {
			want = float32(k + 1)
		}
		if got != want {
			t.Fatalf("picture %d, channel %d: %v, want %v", k, c, got, want)
		}
	}
}

// TestNetworkTypes: the caller's numbers are float32 whatever the file wants.
func TestNetworkTypes(t *testing.T) {
	r := open(t, infer.Options{})
	for _, typ := range []struct {
		card  infer.Element
		graph infertest.Type
		in    float32
		want  float32
	}{
		{infer.Float32, infertest.Float, 0.1, 0.1},
		{infer.Float16, infertest.Half, 0.1, 0.099975586}, // the nearest half
		{infer.Float64, infertest.Double, 0.1, 0.1},
		{infer.Int64, infertest.Int64, 2.6, 3},
	} {
		t.Run(string(typ.card), func(t *testing.T) {
			for _, dims := range [][]int64{{1}, {}} {
				g := new(infertest.Graph)
				in := g.Input("input", infertest.Float, 1, 3, 16, 16)
				w := g.Input("weight", typ.graph, dims...)
				g.NodeTo("Add", []string{in, g.Node("Cast", []string{w}, infertest.Attr{Name: "to", Value: int64(infertest.Float)})}, []string{"output"})
				g.Output("output", infertest.Float, 1, 3, 16, 16)
				n, err := r.OpenBytes(g.Bytes(), parse(t, head+`
kind: enhancer
size: 16
template: {name: ffhq_512}
inputs: [{role: target, name: input}, {role: weight, name: weight, type: `+string(typ.card)+`, value: 0.5}]
outputs: [{role: image, name: output, range: [-1, 1]}]
`))
				if err != nil {
					t.Fatal(err)
				}
				in2, out := n.Buffers()
				in2[1][0] = typ.in
				err = n.Run(t.Context(), in2, out)
				if typ.card == infer.Float16 && len(dims) == 0 {
					if err == nil {
						t.Error("a bare number of 16 bits: no error")
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := out[0][5]; got != typ.want {
					t.Errorf("%v: %v, want %v", dims, got, typ.want)
				}
			}
		})
	}
	t.Run("float16 picture", func(t *testing.T) {
		g := new(infertest.Graph)
		in := g.Input("input", infertest.Half, 1, 3, 16, 16)
		g.NodeTo("Add", []string{in, in}, []string{"output"})
		g.Output("output", infertest.Half, 1, 3, 16, 16)
		n, err := r.OpenBytes(g.Bytes(), parse(t, head+`
kind: enhancer
size: 16
template: {name: ffhq_512}
inputs: [{role: target, type: float16}]
outputs: [{role: image, type: float16}]
`))
		if err != nil {
			t.Fatal(err)
		}
		i, o := n.Buffers()
		for k := range i[0] {
			i[0][k] = float32(k) - 300.25
		}
		if err := n.Run(t.Context(), i, o); err != nil {
			t.Fatal(err)
		}
		for k, got := range o[0] {
			if want := 2 * (float32(k) - 300.25); got != want { // halves are exact to a quarter here
				t.Fatalf("number %d is %v, want %v", k, got, want)
			}
		}
	})
}

// TestOpenOutputs: an output whose length only a run tells.
func TestOpenOutputs(t *testing.T) {
	r := open(t, infer.Options{})
	g := new(infertest.Graph)
	in := g.Input("input", infertest.Float, 1, 3, 64, 64)
	flat := g.Node("NonZero", []string{in})
	g.NodeTo("Cast", []string{g.Node("Unsqueeze", []string{flat, g.Ints("axes", []int64{0}, 1)})}, []string{"output"}, infertest.Attr{Name: "to", Value: int64(infertest.Float)})
	g.Output("output", infertest.Float, 1, 4, infertest.Any)
	n, err := r.OpenBytes(g.Bytes(), parse(t, head+`
kind: detector
size: 64
inputs: [{role: target}]
outputs: [{role: rows}]
decoder: {name: yoloface, threshold: 0.5, overlap: 0.4}
`))
	if err != nil {
		t.Fatal(err)
	}
	i, o := n.Buffers()
	if o[0] != nil || n.Outputs()[0].Shape[2] != 0 {
		t.Errorf("outputs %v", n.Outputs())
	}
	i[0][2*4096+3*64+5] = 1
	i[0][0] = 1
	if err := n.Run(t.Context(), i, o); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]float32{0, 0, 0, 2, 0, 3, 0, 5}, o[0]); d != "" {
		t.Error(d)
	}
}

// TestSizeFromFile: a card may leave the size to the file, as one for all DFM files must.
func TestSizeFromFile(t *testing.T) {
	r := open(t, infer.Options{})
	dfm := head + `
kind: swapper
template: {name: dfl_whole_face}
inputs: [{role: target, name: "in_face:0", layout: NHWC, colour: BGR}]
outputs:
  - {role: target-mask, name: "out_face_mask:0", layout: NHWC}
  - {role: image, name: "out_celeb_face:0", layout: NHWC, colour: BGR}
  - {role: mask, name: "out_celeb_face_mask:0", layout: NHWC}
mask: {network: {erode: 2, sigma: 6.25}}
`
	n, err := r.OpenBytes(infertest.DeepSwapper(48).Bytes(), parse(t, dfm))
	if err != nil {
		t.Fatal(err)
	}
	if n.Card().Size != 48 {
		t.Errorf("size %d", n.Card().Size)
	}
	if d := cmp.Diff([]int64{1, 48, 48, 1}, n.Outputs()[2].Shape); d != "" {
		t.Error(d)
	}
}

// TestTooMuchMemory: a file of 300 bytes may not take all the memory there is.
func TestTooMuchMemory(t *testing.T) {
	g := new(infertest.Graph)
	in := g.Input("input", infertest.Float, 1, 3, 32, 32)
	big := g.Node("ConstantOfShape", []string{g.Ints("shape", []int64{1 << 33}, 1)})
	g.NodeTo("Add", []string{in, g.Node("ReduceMax", []string{big}, infertest.Attr{Name: "keepdims", Value: int64(0)})}, []string{"output"})
	g.Output("output", infertest.Float, 1, 3, 32, 32)
	n, err := open(t, infer.Options{}).OpenBytes(g.Bytes(), parse(t, head+`
kind: enhancer
size: 32
template: {name: ffhq_512}
inputs: [{role: target, name: input}]
outputs: [{role: image, name: output}]
`))
	if err == nil {
		inputs, outputs := n.Buffers()
		err = n.Run(t.Context(), inputs, outputs)
	}
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "more memory") {
		t.Errorf("%v", err)
	}
}

// TestFileAgainstCard: what differs is told by name.
func TestFileAgainstCard(t *testing.T) {
	r := open(t, infer.Options{})
	external := func(file string) *infertest.Graph {
		g := swapper(1, nil)
		g.External("far", file, infertest.Float, 4)
		return g
	}
	wide := func() *infertest.Graph {
		g := new(infertest.Graph)
		g.Input("target", infertest.Float, 1, 3, 32, 32)
		g.Input("source", infertest.Float, 1, infertest.Any)
		g.NodeTo("Identity", []string{"target"}, []string{"output"})
		g.Output("output", infertest.Float, 1, 3, 32, 32)
		return g
	}
	for _, c := range []struct {
		name     string
		graph    *infertest.Graph
		old, new string // change of the card
		code     fault.Code
		text     string
	}{
		{"size", swapper(1, nil), "size: 32", "size: 64", fault.InvalidField, "inputs[0].shape: input target is 1×3×32×32 in the file, the card says 1×3×64×64"},
		{"layout", swapper(1, nil), "name: target}", "name: target, layout: NHWC}", fault.InvalidField, "inputs[0].shape: input target is 1×3×32×32 in the file, the card says 1×32×32×3"},
		{"embedding", swapper(1, nil), "name: source}", "name: source, shape: [1, 256]}", fault.InvalidField, "inputs[1].shape: input source is 1×512 in the file, the card says 1×256"},
		{"name", swapper(1, nil), "name: source}", "name: sauce}", fault.InvalidField, `inputs[1].name: the file has no input sauce. Its inputs are "target" (1×3×32×32), "source" (1×512)`},
		{"type", swapper(1, nil), "name: source}", "name: source, type: float16}", fault.InvalidField, "inputs[1].type: input source is float32 in the file, the card says float16"},
		{"output", swapper(1, nil), "name: output}", "name: out}", fault.InvalidField, "outputs[0].name: the file has no output out"},
		{"input left out", swapper(1, nil), ", {role: source-embedding, name: source}", "", fault.InvalidField, "inputs: the file also reads the input \"source\" (1×512), which the card does not name"},
		{"more than fits", wide(), ", {role: source-embedding, name: source}", ", {role: weight, name: source, shape: [1, 268435000]}", fault.InvalidField, "inputs: and outputs are of more than 268435456 numbers together"},
		{"weights elsewhere", external("../../etc/passwd"), "", "", fault.Unsupported, `files: the network keeps weights in another file, "../../etc/passwd"`},
		{"weights in memory", external("*/_ORT_MEM_ADDR_/*"), "", "", fault.Unsupported, "keeps weights in another file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(swapperCard, c.old, c.new, 1)
			if c.name == "input left out" || c.name == "more than fits" {
				text = strings.Split(text, "embedding:")[0]
			}
			_, err := r.OpenFile(c.graph.Write(t, t.TempDir(), "x.onnx"), parse(t, text))
			if err == nil {
				t.Fatal("no error")
			}
			if got := fault.From(err); got.Code != c.code || !strings.Contains(got.Public(), c.text) {
				t.Errorf("%s: %s\nwant %s: %s", got.Code, got.Public(), c.code, c.text)
			}
		})
	}
	for _, name := range []string{"empty", "text", "folder", "none", "truncated"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.onnx")
			content := map[string][]byte{"empty": {}, "text": []byte("<html>not found</html>"), "truncated": swapper(1, nil).Bytes()[:200]}[name]
			switch name {
			case "none":
			case "folder":
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			default:
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := r.OpenFile(path, parse(t, swapperCard))
			if err == nil || fault.Is(err, fault.Internal) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNetworkCanceled(t *testing.T) {
	r := open(t, infer.Options{})
	n, err := r.OpenBytes(swapper(1, nil).Bytes(), parse(t, swapperCard))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, out := n.Buffers()
	if err := n.Run(ctx, in, out); !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Canceled) {
		t.Error(err)
	}
}

// TestOptionalInput: one card for files with and without an input.
func TestOptionalInput(t *testing.T) {
	r := open(t, infer.Options{})
	card, err := infer.PublishedCard("dfm")
	if err != nil {
		t.Fatal(err)
	}
	without, err := r.OpenBytes(infertest.DeepSwapper(32).Bytes(), card)
	if err != nil {
		t.Fatal(err)
	}
	if len(without.Inputs()) != 1 || without.Card().InputIndex(infer.RoleMorph) >= 0 || card.InputIndex(infer.RoleMorph) < 0 {
		t.Errorf("inputs %v", without.Inputs())
	}
	g := infertest.DeepSwapper(32)
	g.Node("Identity", []string{g.Input("morph_value:0", infertest.Float, 1)})
	with, err := r.OpenBytes(g.Bytes(), card)
	if err != nil {
		t.Fatal(err)
	}
	if len(with.Inputs()) != 2 || with.Card().InputIndex(infer.RoleMorph) != 1 {
		t.Errorf("inputs %v", with.Inputs())
	}
}

// TestNetworkShared: many callers compute at once, and closing waits for them.
func TestNetworkShared(t *testing.T) {
	r := open(t, infer.Options{})
	n, err := r.OpenBytes(swapper(1, nil).Bytes(), parse(t, swapperCard))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	started := make(chan struct{}, 8)
	for k := range 8 {
		wg.Go(func() {
			in, out := n.Buffers()
			in[1][0] = float32(k)
			for i := range 50 {
				err := n.Run(t.Context(), in, out)
				if i == 0 {
					started <- struct{}{}
				}
				if err != nil {
					if !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "closed") {
						t.Error(err)
					}
					return
				}
				if out[0][0] != float32(k) {
					t.Errorf("caller %d got %v", k, out[0][0])
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
