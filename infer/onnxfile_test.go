package infer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/fault"
)

// message writes fields of the protobuf wire format: a number and either an int or bytes.
func message(fields ...any) []byte {
	var m []byte
	for i := 0; i < len(fields); i += 2 {
		number := uint64(fields[i].(int)) << 3
		switch v := fields[i+1].(type) {
		case int:
			m = binary.AppendUvarint(binary.AppendUvarint(m, number), uint64(v))
		case string:
			m = append(binary.AppendUvarint(binary.AppendUvarint(m, number|2), uint64(len(v))), v...)
		case []byte:
			m = append(binary.AppendUvarint(binary.AppendUvarint(m, number|2), uint64(len(v))), v...)
		}
	}
	return m
}

// farTensor is a TensorProto whose numbers lie in another file.
func farTensor(location string) []byte {
	return message(8, "w", 2, 1, 13, message(1, "location", 2, location), 14, 1)
}

func graphOf(t *testing.T, b []byte) *graph {
	t.Helper()
	g, err := readGraph(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestExternalIsFound: wherever a file hides that weights lie elsewhere.
func TestExternalIsFound(t *testing.T) {
	node := func(attribute []byte) []byte { return message(4, "Constant", 5, attribute) }
	plain := message(4, "Identity")
	for name, model := range map[string][]byte{
		"initializer":        message(7, message(1, plain, 5, farTensor("x"))),
		"constant":           message(7, message(1, node(message(5, farTensor("x"))))),
		"list of tensors":    message(7, message(1, node(message(10, farTensor("x"))))),
		"sparse initializer": message(7, message(1, plain, 15, message(1, farTensor("x")))),
		"sparse indices":     message(7, message(1, node(message(22, message(2, farTensor("x")))))),
		"branch":             message(7, message(1, node(message(6, message(5, farTensor("x")))))),
		"list of branches":   message(7, message(1, node(message(11, message(1, node(message(5, farTensor("x")))))))),
		"function":           message(7, message(1, plain), 25, message(7, node(message(5, farTensor("x"))))),
		"training":           message(7, message(1, plain), 20, message(1, message(5, farTensor("x")))),
		"without a flag":     message(7, message(1, plain, 5, message(8, "w", 13, message(1, "location", 2, "x")))),
	} {
		t.Run(name, func(t *testing.T) {
			g := graphOf(t, model)
			if !slices.Equal(g.external, []string{"x"}) {
				t.Fatalf("external %q", g.external)
			}
			if err := g.checkExternal(ModelCard{}); !fault.Is(err, fault.Unsupported) {
				t.Errorf("%v", err)
			}
			listed := ModelCard{Files: []CardFile{{Name: "x", Role: DataFile}}}
			if err := g.checkExternal(listed); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHostileFiles end in an error, soon.
func TestHostileFiles(t *testing.T) {
	deep := message(1, message(4, "If"))
	for range 40 {
		deep = message(1, message(4, "If", 5, message(6, deep)))
	}
	for name, b := range map[string][]byte{
		"empty":              {},
		"no graph":           message(1, 8),
		"graph without node": message(7, message(2, "g")),
		"two graphs":         message(7, message(1, "n"), 7, message(1, "n")),
		"graph as number":    message(7, 5),
		"length too long":    {7<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0x7f, 1},
		"length of 2⁶³":      {7<<3 | 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 1},
		"number too long":    {1 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"field 0":            {0x02, 0x00},
		"group":              {7<<3 | 3},
		"short fixed64":      {1<<3 | 1, 0, 0},
		"nested too deeply":  message(7, deep),
		"65 dimensions":      message(7, message(1, "", 5, bytes.Repeat([]byte{1 << 3, 1}, 65))),
		"33 files": message(7, func() (m []byte) {
			m = message(1, "")
			for i := range 40 {
				m = append(m, message(5, farTensor(strings.Repeat("x", i+1)))...)
			}
			return m
		}()),
		"name of 5000 bytes": message(7, message(1, "", 5, message(8, strings.Repeat("n", 5000)))),
		"web page":           []byte("<!DOCTYPE html><html>"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readGraph(bytes.NewReader(b), int64(len(b))); !errors.Is(err, errProtobuf) {
				t.Errorf("%v", err)
			}
		})
	}
	// Many inputs and many constants, none of which is the other: each is looked up, not searched for.
	var names []byte
	for i := range 1 << 17 {
		names = append(names, message(5, message(8, fmt.Sprint("c", i)), 11, message(1, fmt.Sprint("i", i)))...)
	}
	began := time.Now()
	if g := graphOf(t, message(7, append(names, message(1, "")...))); len(g.inputs) != 1<<17 || time.Since(began) > 20*time.Second {
		t.Errorf("%d inputs in %v", len(g.inputs), time.Since(began))
	}
	// More small fields than any network has.
	many := bytes.Repeat([]byte{1 << 3, 0}, maxFields+2)
	if _, err := readGraph(bytes.NewReader(many), int64(len(many))); !errors.Is(err, errProtobuf) {
		t.Errorf("too many fields: %v", err)
	}
}

// TestOldFiles: before IR version 4, constants are among the inputs too.
func TestOldFiles(t *testing.T) {
	value := func(name string) []byte {
		return message(1, name, 2, message(1, message(1, 1, 2, message(1, message(1, 3), 1, message(2, "open")))))
	}
	g := graphOf(t, message(7, message(1, "", 11, value("x"), 11, value("w"), 5, message(8, "w"), 12, value("y"))))
	if len(g.inputs) != 1 || g.inputs[0].name != "x" || !slices.Equal(g.inputs[0].shape, []int64{3, 0}) || len(g.outputs) != 1 {
		t.Errorf("%+v", g)
	}
}

// TestMatrixForms: every way in which exporters store a matrix.
func TestMatrixForms(t *testing.T) {
	want := []float32{1, -2.5, 0.125, 65504, 0, 3}
	var single, double, half, halves []byte
	for _, v := range want {
		single = binary.LittleEndian.AppendUint32(single, math.Float32bits(v))
		double = binary.LittleEndian.AppendUint64(double, math.Float64bits(float64(v)))
		half = binary.LittleEndian.AppendUint16(half, toHalf(v))
		halves = binary.AppendUvarint(halves, uint64(toHalf(v)))
	}
	dims := []any{1, 2, 1, 3}
	tensor := func(fields ...any) []byte { return message(append(slices.Clone(dims), append(fields, 8, "m")...)...) }
	for _, c := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"float raw", tensor(2, onnxFloat, 9, single), true},
		{"float packed", tensor(2, onnxFloat, 4, single), true},
		{"double raw", tensor(2, onnxDouble, 9, double), true},
		{"double packed", tensor(2, onnxDouble, 10, double), true},
		{"half raw", tensor(2, onnxFloat16, 9, half), true},
		{"half as integers", tensor(2, onnxFloat16, 5, halves), true},
		{"packed dimensions", message(1, []byte{2, 3}, 2, onnxFloat, 9, single, 8, "m"), true},
		{"too short", tensor(2, onnxFloat, 9, single[:20]), false},
		{"too long", tensor(2, onnxFloat, 9, double), false},
		{"integers", tensor(2, onnxInt64, 9, double), false},
		{"no numbers", tensor(2, onnxFloat), false},
		{"no number", tensor(2, onnxFloat, 9, append(bytes.Clone(single[:20]), 0, 0, 0xc0, 0x7f)), false},
		{"elsewhere", tensor(2, onnxFloat, 9, single, 14, 1), false},
		{"one by one", tensor(2, onnxFloat, 4, single[:12], 4, single[12:]), false},
		{"half too large", tensor(2, onnxFloat16, 5, []byte{0xff, 0xff, 0x7f, 1, 1, 1, 1, 1}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := message(7, message(1, "", 5, c.b))
			for _, name := range []string{"m", LastInitializer} {
				got, err := readInitializer(bytes.NewReader(b), int64(len(b)), name, []int64{2, 3})
				if c.ok && (err != nil || !slices.Equal(got, want)) {
					t.Errorf("%s: %v, %v", name, got, err)
				}
				if !c.ok && !fault.Is(err, fault.Unsupported) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestNPY(t *testing.T) {
	npy := func(version byte, header string, data []byte) []byte {
		b := append([]byte("\x93NUMPY"), version, 0)
		if version == 1 {
			b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
		}
		return append(append(b, header...), data...)
	}
	var single, double []byte
	want := []float32{1, 2, 3, 4, 5, 6.5}
	for _, v := range want {
		single = binary.LittleEndian.AppendUint32(single, math.Float32bits(v))
		double = binary.LittleEndian.AppendUint64(double, math.Float64bits(float64(v)))
	}
	const f4 = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n"
	for _, c := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"float32", npy(1, f4, single), true},
		{"version 2", npy(2, f4, single), true},
		{"float64", npy(1, strings.Replace(f4, "f4", "f8", 1), double), true},
		{"columns first", npy(1, strings.Replace(f4, "False", "True", 1), single), false},
		{"other shape", npy(1, strings.Replace(f4, "(2, 3)", "(3, 2)", 1), single), false},
		{"longer shape", npy(1, strings.Replace(f4, "(2, 3)", "(2, 3, 1)", 1), single), false},
		{"big endian", npy(1, strings.Replace(f4, "<f4", ">f4", 1), single), false},
		{"objects", npy(1, strings.Replace(f4, "<f4", "|O", 1), single), false},
		{"short", npy(1, f4, single[:8]), false},
		{"long", npy(1, f4, double), false},
		{"header beyond the end", npy(2, f4, nil)[:14], false},
		{"huge header", append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), f4...), false},
		{"not NumPy's", []byte("PK\x03\x04 and more bytes than twelve"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.npy")
			if err := os.WriteFile(path, c.b, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadMatrix(path, 2, 3)
			if c.ok && (err != nil || !slices.Equal(got, want)) {
				t.Errorf("%v, %v", got, err)
			}
			if !c.ok && !fault.Is(err, fault.Unsupported) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestHalf: every 16-bit number there and back, and rounding to the nearest.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		v := fromHalf(uint16(h))
		exponent, fraction := h>>10&0x1f, h&0x3ff
		want := math.Ldexp(float64(fraction), -24)
		switch {
		case exponent == 31 && fraction != 0:
			if !math.IsNaN(float64(v)) || !math.IsNaN(float64(fromHalf(toHalf(v)))) {
				t.Fatalf("%#04x is %v", h, v)
			}
			continue
		case exponent == 31:
			want = math.Inf(1)
		case exponent > 0:
			want = math.Ldexp(1+float64(fraction)/1024, exponent-15)
		}
		if h&0x8000 != 0 {
			want = -want
		}
		if float64(v) != want || math.Signbit(float64(v)) != (h&0x8000 != 0) {
			t.Fatalf("%#04x is %v, want %v", h, v, want)
		}
		if back := toHalf(v); back != uint16(h) {
			t.Fatalf("%#04x comes back as %#04x", h, back)
		}
		if next := fromHalf(uint16(h + 1)); h&0x7fff < 0x7bff {
			quarter, threeQuarters := v+(next-v)/4, v+(next-v)*3/4
			middle := v + (next-v)/2
			even := uint16(h + h&1)
			if toHalf(quarter) != uint16(h) || toHalf(threeQuarters) != uint16(h+1) || toHalf(middle) != even {
				t.Fatalf("between %v and %v: %#04x %#04x %#04x", v, next, toHalf(quarter), toHalf(threeQuarters), toHalf(middle))
			}
		}
	}
	for v, want := range map[float32]uint16{65519.99: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00, -1e30: 0xfc00, 1e-9: 0, -1e-9: 0x8000, 5.9604645e-08: 1} {
		if got := toHalf(v); got != want {
			t.Errorf("%v is %#04x, want %#04x", v, got, want)
		}
	}
}

// FuzzGraph: no file makes the reader panic or claim much memory, and what it reads can be asked for.
func FuzzGraph(f *testing.F) {
	f.Add(message(1, 8, 7, message(1, message(4, "Identity"), 5, message(1, 1, 2, 1, 8, "w", 9, "abcd"), 11, message(1, "x"), 12, message(1, "y"))))
	f.Add(message(7, message(1, message(5, message(6, message(5, farTensor("x")))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readGraph(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, errProtobuf) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, c := range g.constants {
			values, err := readInitializer(bytes.NewReader(b), int64(len(b)), c.name, c.shape)
			if err == nil && len(values) > len(b) {
				t.Errorf("%d numbers out of %d bytes", len(values), len(b))
			}
		}
		_ = g.checkExternal(ModelCard{})
		card, err := PublishedCard("dfm")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = bind(card, g)
	})
}

// FuzzCard: a card is refused, or it is valid and keeps its meaning when it is written.
func FuzzCard(f *testing.F) {
	for _, name := range []string{"inswapper_128", "dfm", "yunet_2023_mar", "wav2lip_96", "bisenet_resnet_18"} {
		b, err := PublishedCardText(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCard(b)
		if err != nil {
			if e := fault.From(err); e.Code == fault.Internal || len(e.Public()) > 4096 {
				t.Errorf("%s: %d bytes of error", e.Code, len(e.Public()))
			}
			return
		}
		if _, err := c.text(); err != nil {
			t.Error(err)
		}
		c.Template.At(128)
	})
}

// TestReaderAgreesWithRuntime: names, types and shapes of real files are those that ONNX Runtime tells.
func TestReaderAgreesWithRuntime(t *testing.T) {
	r, err := Open(Options{Provider: CPU})
	if err != nil {
		t.Fatalf("%v (run make setup)", err)
	}
	defer r.Close()
	for m := range modelCount {
		t.Run(m.String(), func(t *testing.T) {
			data := m.spec().bytes()
			g := graphOf(t, data)
			in, out, err := ort.GetInputOutputInfoWithONNXData(data)
			if err != nil {
				t.Fatal(err)
			}
			compare := func(got []graphTensor, want []ort.InputOutputInfo) {
				if len(got) != len(want) {
					t.Fatalf("%d tensors, not %d", len(got), len(want))
				}
				for i, w := range want {
					shape := slices.Clone(w.Dimensions)
					for d := range shape {
						shape[d] = max(shape[d], 0)
					}
					if got[i].name != w.Name || !slices.Equal(got[i].shape, []int64(shape)) || got[i].element != int(w.DataType) {
						t.Errorf("%+v, want %v", got[i], &w)
					}
				}
			}
			compare(g.inputs, in)
			compare(g.outputs, out)
			if len(g.constants) == 0 || g.nodes == 0 {
				t.Errorf("%d constants, %d nodes", len(g.constants), g.nodes)
			}
		})
	}
}
