package main

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/infer/infertest"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// tintCard is a swapper whose network adds the first three numbers of the embedding to red, green and blue.
const tintCard = `card: 1
name: tint
kind: swapper
licence: {id: CC0-1.0, commercial: yes}
files: [{name: tint.onnx}]
size: 128
template: {name: arcface_128}
inputs: [{role: target, name: target}, {role: source-embedding, name: source}]
outputs: [{role: image, name: output}]
embedding: {recogniser: tint-faces}
mask: {box: {blur: 0.3}}
boost: [128, 256]
`

// facesCard is a recogniser that sees the same person in everybody: green .2, red and blue 0.
const facesCard = `card: 1
name: tint-faces
kind: recogniser
licence: {id: CC0-1.0, commercial: yes}
files: [{name: faces.onnx}]
size: 112
template: {name: arcface_112_v2}
inputs: [{role: target, name: input, mean: -10, std: 1}]
outputs: [{role: embedding, name: output}]
`

// tintStore is a store with both, added as a user adds them.
func tintStore(t *testing.T) string {
	t.Helper()
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "models")
	add := func(name, card string, g *infertest.Graph) {
		got := models(t, store, "add", writeFile(t, filepath.Join(dir, name+".yaml"), card), "--file="+g.Write(t, dir, name+".onnx"))
		if got.code != exitDone {
			t.Fatalf("models add: %+v", got)
		}
	}
	matrix := make([]float32, 48*512)
	for i := range 48 {
		matrix[i*512+1], matrix[i*512+100] = .2, float32(math.Sqrt(1-.2*.2))
	}
	add("tint", tintCard, infertest.Swapper{Target: "target", Source: "source", Output: "output", Side: 128, Batch: 1}.Graph())
	add("faces", facesCard, infertest.Recogniser(112, matrix))
	return store
}

// rgbOf is a frame of a video as 8-bit RGB.
func rgbOf(t *testing.T, file string) []byte {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-vf", `select=eq(n\,12)`, "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSwapWithANetwork: a network is added, swaps from the command line and in the service, and what it
// does reaches the picture.
func TestSwapWithANetwork(t *testing.T) {
	store := tintStore(t)
	out, temp := apart(t)
	// Not the clip of other tests, which count on its analysis not being there.
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 25, Pan: 6, Nod: 3}).Path
	target := filepath.Join(out, "o.mp4")
	got := swapJSON(t.Context(), photo(t), clip, target, "--engine=onnx", "--model=tint", "--models="+store, "--crf=2")
	if got.code != exitDone || got.err != "" {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
	}
	var r app.SwapReport
	got.last(t, &r)
	if r.Report.Swap.Swapped != 25 || r.Report.Engine != "onnx: tint" {
		t.Errorf("report %+v, %+v", r, r.Report.Swap)
	}
	before, after := rgbOf(t, clip), rgbOf(t, target)
	if len(before) != len(after) || len(before) != 3*320*240 {
		t.Fatalf("%d and %d bytes", len(before), len(after))
	}
	// Where the mask is full, green has grown by .2 of white; nowhere by more, and red and blue stay.
	full := 0
	for i := 0; i < len(before); i += 3 {
		var d [3]int
		for c := range d {
			d[c] = int(after[i+c]) - int(before[i+c])
		}
		if d[1] >= 44 && d[1] <= 58 && d[0]*d[0] < 200 && d[2]*d[2] < 200 {
			full++
		}
		if d[1] > 90 || d[1] < -25 {
			t.Fatalf("pixel %d: green changes by %d", i/3, d[1])
		}
	}
	if full < 800 {
		t.Errorf("only %d pixels are tinted", full)
	}

	local := filepath.Join(out, "local.mp4")
	if got := swapJSON(t.Context(), photo(t), clip, local, "--engine=onnx", "--model=tint", "--models="+store); got.code != exitDone {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
	}
	want := decoded(t, local)
	for _, f := range []string{target, local} {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	empty(t, out)
	empty(t, temp)

	// The operator's choice, which no request can change.
	files := cloud(t, map[string]string{"p.jpg": photo(t), "c.mp4": clip})
	s := serve(t, t.TempDir(), "--allow-network=127.0.0.0/8", "--engine=onnx", "--model=tint", "--models="+store)
	id := s.submit(t, order{key: newKey(t, s.data, "ada"), image: files.URL + "/p.jpg", video: files.URL + "/c.mp4"})
	a := s.succeeded(t, id, "ada")
	if !equal(decoded(t, download(t, a.ResultURL)), want) {
		t.Error("the service gives other frames than the command")
	}
}

// TestNetworkFailures: what is wrong is said before anything is rendered, with the flag at fault.
func TestNetworkFailures(t *testing.T) {
	store := tintStore(t)
	out, temp := apart(t)
	swap := func(more ...string) outcome {
		return twinsync(t.Context(), append([]string{"swap", "--image", photo(t), "--video", tinyClip(t), "--out", filepath.Join(out, "o.mp4"), "--models=" + store}, more...)...)
	}
	for _, c := range []struct {
		name, words string
		args        []string
		code        int
	}{
		{"not added", "model: no network \"inswapper_128\" has been added", []string{"--engine=onnx", "--model=inswapper_128"}, exitInput},
		{"an enhancer that is a swapper", "enhancer: tint is no enhancer, but a swapper", []string{"--engine=onnx", "--model=tint", "--enhancer=tint"}, exitUsage},
		{"a boost that its card does not have", "pixel-boost: tint cannot be run at 512 pixels. Its card allows [128 256]", []string{"--engine=onnx", "--model=tint", "--pixel-boost=512"}, exitUsage},
		{"a slider that its card does not have", "weight: tint has no such slider", []string{"--engine=onnx", "--model=tint", "--weight=0.8"}, exitUsage},
		{"no model", "model: the engine onnx needs a network", []string{"--engine=onnx"}, exitUsage},
		{"a network without the engine", "Add --engine onnx", []string{"--model=tint"}, exitUsage},
		{"a path", "model: \"../tint\" is no name", []string{"--engine=onnx", "--model=../tint"}, exitUsage},
	} {
		if got := swap(c.args...); got.code != c.code || !strings.Contains(got.err, c.words) {
			t.Errorf("%s: exit %d, %q, want %d and %q", c.name, got.code, got.err, c.code, c.words)
		}
	}
	// A file that was changed since it was added.
	file := filepath.Join(store, "tint", "tint.onnx")
	if err := os.WriteFile(file, []byte("not a network"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := swap("--engine=onnx", "--model=tint"); got.code != exitInput || !strings.Contains(got.err, "is not the one that was added") {
		t.Errorf("a changed file: %+v", got)
	}
	cmd := program(t.Context(), "serve", "--listen=127.0.0.1:0", "--results-listen=127.0.0.1:0", "--data", t.TempDir(), "--models="+store, "--engine=onnx", "--model=tint")
	said, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitInput || !strings.Contains(string(said), "model: tint: the file tint.onnx is not the one that was added") {
		t.Errorf("serve: exit %d: %s", code, said)
	}
	empty(t, out)
	empty(t, temp)
}

func TestNetworkFlags(t *testing.T) {
	got, err := parse(t, "swap", "--image=a.jpg", "--video=c.mp4", "--out=o.mp4", "--engine=onnx", "--model=inswapper_128", "--enhancer=gfpgan_1.4",
		"--occluder=xseg_1", "--parser=bisenet_resnet_34", "--landmarker=2dfan4", "--pixel-boost=256", "--weight=0.75", "--blend=60")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := got.Swap.spec()
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Engine{Name: "onnx", Model: "inswapper_128", Enhancer: "gfpgan_1.4", Occluder: "xseg_1", Parser: "bisenet_resnet_34", Landmarker: "2dfan4", Boost: 256, Away: .25, Blend: 60}
	if d := cmp.Diff(want, spec.Engine); d != "" {
		t.Error(d)
	}
	if err := spec.Validate(); err != nil {
		t.Error(err)
	}
}

// TestFacesWithADetector: a detector that proposes a face where none is changes nothing, because the mesh does not
// confirm it, and its analysis is kept apart.
func TestFacesWithADetector(t *testing.T) {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "models")
	rows := []float32{20, 20, 24, 24, .9, 14, 14, 1, 26, 14, 1, 20, 20, 1, 15, 26, 1, 25, 26, 1}
	g := infertest.Oracle(128, infertest.Table{Name: "rows", Values: rows, Dims: []int64{1, 20, 1}})
	card := writeFile(t, filepath.Join(dir, "oracle.yaml"), `card: 1
name: oracle
kind: detector
licence: {id: CC0-1.0, commercial: yes}
files: [{name: oracle.onnx}]
size: 128
inputs: [{role: target, name: input, colour: BGR}]
outputs: [{role: rows, name: rows, shape: [1, 20, 1]}]
decoder: {name: yoloface, threshold: 0.5, overlap: 0.4}
`)
	if got := models(t, store, "add", card, "--file="+g.Write(t, dir, "oracle.onnx")); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 25, Pan: 6, Nod: 3}).Path
	for _, more := range [][]string{nil, {"--detector=oracle", "--models=" + store}} {
		var found app.FacesFound
		got := twinsync(t.Context(), append([]string{"faces", "--video", clip, "--out", t.TempDir(), "--json"}, more...)...)
		if got.code != exitDone {
			t.Fatalf("%+v", got)
		}
		got.last(t, &found)
		if len(found.People) != 1 || found.People[0].Frames != 25 {
			t.Errorf("%v: %+v", more, found)
		}
	}
	out := t.TempDir()
	got := twinsync(t.Context(), "faces", "--video", clip, "--out", filepath.Join(out, "x"), "--detector=none-such", "--models="+store)
	if got.code != exitInput || !strings.Contains(got.err, `detector: no network "none-such" has been added`) {
		t.Errorf("%+v", got)
	}
	empty(t, out)
}
