package infer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

// TestInitializer finds the matrix of a swapper as InsightFace does.
func TestInitializer(t *testing.T) {
	emap := make([]float32, 512*512)
	for i := range emap {
		emap[i] = float32(i%1013) / 512
	}
	dir := t.TempDir()
	last := swapper(1, emap).Write(t, dir, "last.onnx")
	behind := swapper(1, emap)
	behind.Floats("optimised", []float32{1, 2}, 2)
	moved := behind.Write(t, dir, "moved.onnx")
	behind.Floats("second", make([]float32, 512*512), 512, 512)
	behind.Floats("end", []float32{1}, 1)
	several := behind.Write(t, dir, "several.onnx")
	halves := swapper(1, nil)
	doubles := make([]float64, 512*512)
	for i, v := range emap {
		doubles[i] = float64(v)
	}
	halves.Doubles("wide", doubles, 512, 512)
	wide := halves.Write(t, dir, "wide.onnx")

	for _, c := range []struct {
		name, path, want string
		code             fault.Code
	}{
		{"last", last, infer.LastInitializer, ""},
		{"by name", last, "buff2fs", ""},
		{"no longer last", moved, infer.LastInitializer, ""},
		{"float64", wide, infer.LastInitializer, ""},
		{"several", several, infer.LastInitializer, fault.Conflict},
		{"several, by name", several, "buff2fs", ""},
		{"wrong name", last, "buff", fault.NotFound},
		{"wrong shape", moved, "optimised", fault.NotFound},
		{"none", swapper(1, nil).Write(t, dir, "none.onnx"), infer.LastInitializer, fault.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := infer.ReadInitializer(c.path, c.want, 512, 512)
			if c.code != "" {
				if !fault.Is(err, c.code) {
					t.Errorf("%v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if v != emap[i] {
					t.Fatalf("number %d is %v, want %v", i, v, emap[i])
				}
			}
		})
	}
}

// TestWeightsBeside: weights that the network keeps outside its file come along when the card lists them.
func TestWeightsBeside(t *testing.T) {
	dir, s, r := t.TempDir(), store(t, false), open(t, infer.Options{})
	g := new(infertest.Graph)
	in := g.Input("input", infertest.Float, 1, 3, 16, 16)
	g.NodeTo("Mul", []string{in, g.External("factor", "weights.bin", infertest.Float, 1)}, []string{"output"})
	g.Output("output", infertest.Float, 1, 3, 16, 16)
	path := g.Write(t, dir, "net.onnx")
	weights := binary.LittleEndian.AppendUint32(nil, math.Float32bits(3))
	beside := filepath.Join(dir, "weights.bin")
	if err := os.WriteFile(beside, weights, 0o600); err != nil {
		t.Fatal(err)
	}
	card := func(files string) infer.ModelCard {
		return parse(t, strings.Replace(head, "[{name: tiny.onnx}]", files, 1)+"kind: enhancer\nsize: 16\ntemplate: {name: ffhq_512}\ninputs: [{role: target}]\noutputs: [{role: image}]\n")
	}
	sum := sha256.Sum256(weights)
	listed := card("[{name: net.onnx}, {name: weights.bin, role: data, sha256: " + hex.EncodeToString(sum[:]) + "}]")
	_, err := s.Add(t.Context(), infer.AddRequest{Card: card("[{name: net.onnx}]"), Files: []string{path}, Now: noon()})
	wantCode(t, err, fault.Unsupported, `"weights.bin", which the card does not list`)
	if _, err := s.Add(t.Context(), infer.AddRequest{Card: listed, Files: []string{path, beside}, Now: noon()}); err != nil {
		t.Fatal(err)
	}
	n, err := s.Open(t.Context(), r, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	i, o := n.Buffers()
	i[0][7] = 5
	if err := n.Run(t.Context(), i, o); err != nil || o[0][7] != 15 {
		t.Errorf("%v, %v", o[0][7], err)
	}
}
