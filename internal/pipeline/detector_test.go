package pipeline

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

// TestAnotherDetectorOfTheSameName: a network or a card that takes an older one's name is another detector, so that
// the analyses made with the older one are not taken for its own.
func TestAnotherDetectorOfTheSameName(t *testing.T) {
	store, err := infer.OpenStore(infer.StoreOptions{Dir: filepath.Join(t.TempDir(), "models")})
	if err != nil {
		t.Fatal(err)
	}
	add := func(threshold, score float32) {
		t.Helper()
		card, err := infer.ParseCard(fmt.Appendf(nil, `card: 1
name: oracle
kind: detector
licence: {id: CC0-1.0, commercial: yes}
files: [{name: oracle.onnx}]
size: 128
inputs: [{role: target, name: input, colour: BGR}]
outputs: [{role: rows, name: rows, shape: [1, 20, 1]}]
decoder: {name: yoloface, threshold: %v, overlap: 0.4}
`, threshold))
		if err != nil {
			t.Fatal(err)
		}
		rows := []float32{20, 20, 24, 24, score, 14, 14, 1, 26, 14, 1, 20, 20, 1, 15, 26, 1, 25, 26, 1}
		g := infertest.Oracle(128, infertest.Table{Name: "rows", Values: rows, Dims: []int64{1, 20, 1}})
		if _, err := store.Add(t.Context(), infer.AddRequest{
			Card: card, From: "own card", Files: []string{g.Write(t, t.TempDir(), "oracle.onnx")}, Replace: true, Now: time.Unix(0, 0),
		}); err != nil {
			t.Fatal(err)
		}
	}
	w := newTestWork(t, func(c *Config) { c.Models = store })
	w.footage.Detector = "oracle"
	if _, err := w.detectorKey(t.Context()); !fault.Is(err, fault.NotFound) || fault.From(err).Param != "detector" {
		t.Errorf("one that is not there: %v", err)
	}
	key := func() string {
		t.Helper()
		k, err := w.detectorKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(k, "oracle-") {
			t.Errorf("%q", k)
		}
		return k
	}
	add(.5, .9)
	first := key()
	add(.5, .9)
	if again := key(); again != first {
		t.Errorf("the same network is %s and %s", first, again)
	}
	add(.5, .8)
	second := key()
	add(.6, .8)
	if third := key(); second == first || third == second {
		t.Errorf("%s, %s, %s: they are told by their names only", first, second, third)
	}
}
