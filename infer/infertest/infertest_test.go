package infertest_test

import (
	"math"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/infer/infertest"
)

// open loads ONNX Runtime for one test.
func open(t *testing.T) {
	t.Helper()
	r, err := infer.Open(infer.Options{Provider: infer.CPU})
	if err != nil {
		t.Fatalf("%v (run make setup)", err)
	}
	t.Cleanup(func() { r.Close() })
}

// run gives a network its inputs and returns its outputs, float32 tensors of the sizes declared.
func run(t *testing.T, g *infertest.Graph, inputs map[string]ort.Value, outputs map[string]ort.Shape) map[string][]float32 {
	t.Helper()
	var in, out []string
	var inv, outv []ort.Value
	for n, v := range inputs {
		in, inv = append(in, n), append(inv, v)
	}
	got := map[string][]float32{}
	for n, shape := range outputs {
		v, err := ort.NewEmptyTensor[float32](shape)
		if err != nil {
			t.Fatal(err)
		}
		out, outv = append(out, n), append(outv, v)
		got[n] = v.GetData()
		t.Cleanup(func() { v.Destroy() })
	}
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(g.Bytes(), in, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Destroy() })
	if err := s.Run(inv, outv); err != nil {
		t.Fatal(err)
	}
	return got
}

// tensor is a picture or a row whose numbers all differ: i/100 − 1.
func tensor[T float32 | float64](t *testing.T, dims ...int64) (ort.Value, []T) {
	t.Helper()
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	v := make([]T, n)
	for i := range v {
		v[i] = T(i)/100 - 1
	}
	x, err := ort.NewTensor(ort.NewShape(dims...), v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Destroy() })
	return x, v
}

func near(t *testing.T, what string, got, want float32) {
	t.Helper()
	if math.Abs(float64(got-want)) > 1e-4*max(1, math.Abs(float64(want))) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestSwapperShiftsChannelsBySource(t *testing.T) {
	open(t)
	emap := make([]float32, 512*512)
	for _, batch := range []int64{1, infertest.Any} {
		g := infertest.Swapper{Target: "target", Source: "source", Output: "output", Mask: "mask", Side: 8, Batch: batch, Emap: emap}.Graph()
		n := max(batch, 1)
		if batch == infertest.Any {
			n = 2
		}
		target, p := tensor[float32](t, n, 3, 8, 8)
		source, e := tensor[float32](t, n, 512)
		got := run(t, g, map[string]ort.Value{"target": target, "source": source},
			map[string]ort.Shape{"output": ort.NewShape(n, 3, 8, 8), "mask": ort.NewShape(n, 1, 8, 8)})
		for b := range int(n) {
			for c := range 3 {
				i := (b*3+c)*64 + 17
				near(t, "output", got["output"][i], p[i]+e[b*512+c])
			}
			near(t, "mask", got["mask"][b*64+17], p[b*192+17])
		}
	}
}

func TestPictureNetworks(t *testing.T) {
	open(t)
	in, p := tensor[float32](t, 1, 3, 8, 8)
	source, s := tensor[float32](t, 1, 3, 4, 4)
	got := run(t, infertest.ImageSwapper(8, 4), map[string]ort.Value{"target": in, "source": source}, map[string]ort.Shape{"output": ort.NewShape(1, 3, 8, 8)})
	mean := float32(0)
	for _, v := range s[16:32] {
		mean += v / 16
	}
	near(t, "half of target and mean", got["output"][64+5], (p[64+5]+mean)/2)

	got = run(t, infertest.Enhancer(8, .5, .25), map[string]ort.Value{"input": in}, map[string]ort.Shape{"output": ort.NewShape(1, 3, 8, 8)})
	near(t, "enhanced", got["output"][100], .5*p[100]+.25)

	weight, w := tensor[float64](t, 1)
	got = run(t, infertest.WeightedEnhancer(8), map[string]ort.Value{"input": in, "weight": weight}, map[string]ort.Shape{"output": ort.NewShape(1, 3, 8, 8)})
	near(t, "enhanced by weight", got["output"][100], p[100]+float32(w[0]))

	got = run(t, infertest.Parser(8), map[string]ort.Value{"input": in}, map[string]ort.Shape{"output": ort.NewShape(1, 19, 8, 8)})
	near(t, "skin", got["output"][64+9], p[9])
	near(t, "hair", got["output"][17*64+9], p[128+9])
	near(t, "background", got["output"][9], -1000)

	got = run(t, infertest.Oracle(8, infertest.Table{"boxes", []float32{1, 2, 3, 4}, []int64{2, 2}}, infertest.Table{"scores", []float32{9}, []int64{1}}),
		map[string]ort.Value{"input": in}, map[string]ort.Shape{"boxes": ort.NewShape(2, 2), "scores": ort.NewShape(1)})
	near(t, "box", got["boxes"][2], 3)
	near(t, "score", got["scores"][0], 9)
}

func TestInterleavedNetworks(t *testing.T) {
	open(t)
	in, p := tensor[float32](t, 1, 4, 4, 3)
	picture, mask := ort.NewShape(1, 4, 4, 3), ort.NewShape(1, 4, 4, 1)
	got := run(t, infertest.DeepSwapper(4), map[string]ort.Value{"in_face:0": in},
		map[string]ort.Shape{"out_face_mask:0": mask, "out_celeb_face:0": picture, "out_celeb_face_mask:0": mask})
	near(t, "target's mask", got["out_face_mask:0"][6], p[18])
	near(t, "face", got["out_celeb_face:0"][19], 1-p[19])
	near(t, "the other's mask", got["out_celeb_face_mask:0"][6], 1-p[20])

	got = run(t, infertest.Occluder(4), map[string]ort.Value{"input": in}, map[string]ort.Shape{"output": mask})
	near(t, "mask", got["output"][6], p[20])
}

func TestEmbeddings(t *testing.T) {
	open(t)
	m := make([]float32, 48*512)
	m[(16+5)*512+3] = 2 // green of field 5 → number 3
	in, p := tensor[float32](t, 1, 3, 8, 8)
	got := run(t, infertest.Recogniser(8, m), map[string]ort.Value{"input": in}, map[string]ort.Shape{"output": ort.NewShape(1, 512)})
	want := float32(0)
	for _, i := range []int{2*8 + 2, 2*8 + 3, 3*8 + 2, 3*8 + 3} { // field (1, 1) of 2×2 pixels
		want += 2 * p[64+i] / 4
	}
	near(t, "embedding", got["output"][3], want)

	m = make([]float32, 512*512)
	m[7*512+1] = 3
	row, e := tensor[float32](t, 1, 512)
	got = run(t, infertest.Converter(m), map[string]ort.Value{"input": row}, map[string]ort.Shape{"output": ort.NewShape(1, 512)})
	near(t, "converted", got["output"][1], 3*e[7])
}
