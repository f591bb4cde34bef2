package infer_test

import (
	"os"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

func card(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("cards/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWrongCards: every mistake is an error that names the field.
func TestWrongCards(t *testing.T) {
	good := string(card(t, "inswapper_128"))
	if _, err := infer.ParseCard([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, param, text string }{
		{"version", "card: 1", "card: 2", "card", "version 2"},
		{"no version", "card: 1", "card: 0", "card", "must be 1"},
		{"name", "name: inswapper_128\n", "name: ../x\n", "name", "is no name"},
		{"kind", "kind: swapper", "kind: magic", "kind", "swapper, enhancer"},
		{"unknown field", "size: 128", "syze: 128", "syze", "no such field (line 21)"},
		{"unknown field inside", "boost:", "extra: {a: 1}\nboost:", "extra", "no such field"},
		{"unknown field of an input", "{role: target, name: target}", "{role: target, nam: target}", "inputs[0].nam", "no such field"},
		{"field twice", "size: 128\n", "size: 128\nsize: 256\n", "card", "already defined"},
		{"wrong type", "size: 128\n", "size: big\n", "size", "must be a whole number (line 21)"},
		{"size", "size: 128\n", "size: 8\n", "size", "from 16 to 4096"},
		{"size and shape", "name: target}", "name: target, shape: [1, 3, 256, 256]}", "inputs[0].shape", "1×3×128×128"},
		{"template", "arcface_128}", "arcface_129}", "template.name", "no template"},
		{"template's scale", "arcface_128}", "arcface_128, scale: .nan}", "template.scale", "from 0.1"},
		{"role", "role: source-embedding", "role: source", "inputs[1].role", "no input has"},
		{"role of another kind", "role: source-embedding", "role: mel", "inputs[1].role", "reads no mel"},
		{"no target", "role: target", "role: weight", "inputs", "role target"},
		{"layout", "name: target}", "name: target, layout: HWC}", "inputs[0].layout", "NCHW or NHWC"},
		{"std of nothing", "name: target}", "name: target, std: 0}", "inputs[0].std", "more than 0"},
		{"mean of two", "name: target}", "name: target, mean: [0, 0]}", "inputs[0].mean", "3 numbers, not 2"},
		{"huge shape", "shape: [1, 512]", "shape: [100000, 100000]", "inputs[1].shape", "numbers"},
		{"negative shape", "shape: [1, 512]", "shape: [1, -1]", "inputs[1].shape", "dimension -1"},
		{"range", "range: [0, 1]", "range: [1, 1]", "outputs[0].range", "the second the greater"},
		{"type", "name: source,", "name: source, type: int8,", "inputs[1].type", "float32"},
		{"licence", "id: LicenseRef-InsightFace-NonCommercial", "id: ''", "licence.id", "no licence"},
		{"commercial", "commercial: no", "commercial: perhaps", "licence.commercial", "yes, no or unknown"},
		{"no word on commerce", "  commercial: no\n", "", "licence.commercial", "must be said"},
		{"file with a folder", "- name: inswapper_128.onnx", "- name: ../inswapper.onnx", "files[0].name", "no folder"},
		{"file of ours", "- name: inswapper_128.onnx", "- name: Card.yaml", "files[0].name", "taken"},
		{"digest", "sha256: e4a3f08c753cb72d04e10aa0f7dbe3deebbf39567d4ead6dce08e98aa49e16af", "sha256: ABC", "files[0].sha256", "64 lower-case"},
		{"file's size", "size: 554253681", "size: 5000000000", "files[0].size", "4294967296"},
		{"address", "https://huggingface.co", "http://huggingface.co", "files[0].urls[1]", "https://"},
		{"address with a password", "https://huggingface.co", "https://a:b@huggingface.co", "files[0].urls[1]", "user name"},
		{"transform", "transform: matrix", "transform: code", "embedding.transform", "none, matrix or converter"},
		{"matrix without a place", "  initializer: last\n", "", "embedding.transform", "by one of them"},
		{"no embedding", "role: source-embedding, name: source, shape: [1, 512]", "role: weight, name: source", "embedding", "is for swappers"},
		{"boost", "boost: [128, 256", "boost: [128, 200", "boost[1]", "128 times"},
		{"blend", "boost:", "blend: 50\nboost:", "blend", "enhancers"},
		{"blur", "blur: 0.3", "blur: 3", "mask.box.blur", "from 0 to 1"},
		{"escape sequence", "title: InSwapper 128", `title: "\e[31mred"`, "title", "control characters"},
		{"escape sequence as a field", "title: InSwapper 128", `"\e[31mred": 1`, `\x1b[31mred`, "no such field"},
		{"escape sequence as a number", "name: target}", `name: target, mean: "\e[31m"}`, "card", "·[31m"},
		{"alias", "title: InSwapper 128", "title: &a x\nauthors: *a", "title", "anchors"},
		{"two documents", "card: 1", "card: 1\n---\ncard: 1", "card", "one YAML document"},
		{"provider", "boost:", "providers: [gpu]\nboost:", "providers[0]", "no provider"},
		{"a word for a truth", "slider: true", "slider: maybe", "embedding.slider", "true or false"},
		{"a word for a number", "blur: 0.3", "blur: soft", "mask.box.blur", "must be a number"},
		{"optional target", "name: target}", "name: target, optional: true}", "inputs[0].optional", "weight or morph"},
		{"deep", "notes", "notes", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.param == "" {
				_, err := infer.ParseCard([]byte("card: " + strings.Repeat("[", 5000)))
				if err == nil {
					t.Error("no error")
				}
				return
			}
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatalf("the card does not hold %q", c.old)
			}
			_, err := infer.ParseCard([]byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			f := fault.From(err)
			if f.Param != c.param || !strings.Contains(f.Text, c.text) || f.Code == fault.Internal {
				t.Errorf("%s: %q: %q, want %q: …%q…", f.Code, f.Param, f.Text, c.param, c.text)
			}
			if strings.ContainsRune(f.Public(), 0x1b) {
				t.Errorf("%q moves the terminal", f.Public())
			}
			if strings.Contains(f.Public(), "infer.") {
				t.Errorf("%q speaks of Go", f.Public())
			}
		})
	}
}
