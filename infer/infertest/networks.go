package infertest

// The networks below have the inputs and outputs of published ones and do one simple thing each,
// said in their comments. Batch and pictures are [1, channels, height, width] unless said
// otherwise.

// Swapper is like inswapper, HyperSwap, SimSwap and Ghost: it adds number c of the source to
// channel c of the target.
type Swapper struct {
	Target, Source, Output string // names of the tensors
	Mask                   string // a second output [1, 1, side, side], the target's first channel; "" for none
	Side                   int64
	Batch                  int64     // 1 or Any
	Emap                   []float32 // 512×512, kept unused as the last constant, as inswapper's file has it
}

// Graph builds the network.
func (s Swapper) Graph() *Graph {
	g := new(Graph)
	target := g.Input(s.Target, Float, s.Batch, 3, s.Side, s.Side)
	source := g.Input(s.Source, Float, s.Batch, 512)
	first := g.Node("Slice", []string{source, g.Ints("from", []int64{0}, 1), g.Ints("to", []int64{3}, 1), g.Ints("axis", []int64{1}, 1)})
	shift := g.Node("Reshape", []string{first, g.Ints("shape", []int64{-1, 3, 1, 1}, 4)})
	g.NodeTo("Add", []string{target, shift}, []string{s.Output})
	g.Output(s.Output, Float, s.Batch, 3, s.Side, s.Side)
	if s.Mask != "" {
		g.NodeTo("Slice", []string{target, g.Ints("m0", []int64{0}, 1), g.Ints("m1", []int64{1}, 1), g.Ints("m2", []int64{1}, 1)}, []string{s.Mask})
		g.Output(s.Mask, Float, s.Batch, 1, s.Side, s.Side)
	}
	if s.Emap != nil {
		g.PackedFloats("buff2fs", s.Emap, 512, 512)
	}
	return g
}

// ImageSwapper is like BlendSwap and UniFace, which see the source as a picture of its own size: the
// output is half the target and half the source's mean colour.
func ImageSwapper(side, sourceSide int64) *Graph {
	g := new(Graph)
	source := g.Input("source", Float, 1, 3, sourceSide, sourceSide)
	target := g.Input("target", Float, 1, 3, side, side)
	mean := g.Node("ReduceMean", []string{source}, Attr{"axes", []int64{2, 3}}, Attr{"keepdims", int64(1)})
	sum := g.Node("Add", []string{target, mean})
	g.NodeTo("Mul", []string{sum, g.Floats("half", []float32{.5})}, []string{"output"})
	g.Output("output", Float, 1, 3, side, side)
	return g
}

// DeepSwapper is a DFM: pictures [1, side, side, 3], blue first, 0…1. The face it makes is the negative
// of what it sees; the target's mask is the blue channel of what it sees, the other mask is 1 − red.
func DeepSwapper(side int64) *Graph {
	g := new(Graph)
	in := g.Input("in_face:0", Float, 1, side, side, 3)
	one := g.Floats("one", []float32{1})
	channel := func(name string, c int64) string {
		return g.Node("Slice", []string{in, g.Ints(name+"0", []int64{c}, 1), g.Ints(name+"1", []int64{c + 1}, 1), g.Ints(name+"2", []int64{3}, 1)})
	}
	g.NodeTo("Identity", []string{channel("blue", 0)}, []string{"out_face_mask:0"})
	g.NodeTo("Sub", []string{one, in}, []string{"out_celeb_face:0"})
	g.NodeTo("Sub", []string{one, channel("red", 2)}, []string{"out_celeb_face_mask:0"})
	g.Output("out_face_mask:0", Float, 1, side, side, 1)
	g.Output("out_celeb_face:0", Float, 1, side, side, 3)
	g.Output("out_celeb_face_mask:0", Float, 1, side, side, 1)
	return g
}

// Recogniser is like ArcFace: the mean colours of 4×4 fields of the picture (row by row, red of all
// fields first) are 48 numbers; the embedding is that row times the matrix [48, 512].
func Recogniser(side int64, matrix []float32) *Graph {
	g := new(Graph)
	in := g.Input("input", Float, 1, 3, side, side)
	pool := g.Node("AveragePool", []string{in}, Attr{"kernel_shape", []int64{side / 4, side / 4}}, Attr{"strides", []int64{side / 4, side / 4}})
	row := g.Node("Reshape", []string{pool, g.Ints("row", []int64{1, 48}, 2)})
	g.NodeTo("MatMul", []string{row, g.Floats("matrix", matrix, 48, 512)}, []string{"output"})
	g.Output("output", Float, 1, 512)
	return g
}

// Converter maps an embedding [1, 512] linearly by a matrix [512, 512], as the CrossFace networks map
// theirs.
func Converter(matrix []float32) *Graph {
	g := new(Graph)
	g.NodeTo("MatMul", []string{g.Input("input", Float, 1, 512), g.Floats("matrix", matrix, 512, 512)}, []string{"output"})
	g.Output("output", Float, 1, 512)
	return g
}

// Enhancer is like GFPGAN and GPEN: output = factor·input + shift.
func Enhancer(side int64, factor, shift float32) *Graph {
	g := new(Graph)
	in := g.Input("input", Float, 1, 3, side, side)
	g.NodeTo("Add", []string{g.Node("Mul", []string{in, g.Floats("factor", []float32{factor})}), g.Floats("shift", []float32{shift})}, []string{"output"})
	g.Output("output", Float, 1, 3, side, side)
	return g
}

// WeightedEnhancer is like CodeFormer, whose second input is one 64-bit number: output = input + weight.
func WeightedEnhancer(side int64) *Graph {
	g := new(Graph)
	in := g.Input("input", Float, 1, 3, side, side)
	w := g.Node("Cast", []string{g.Input("weight", Double, 1)}, Attr{"to", int64(Float)})
	g.NodeTo("Add", []string{in, w}, []string{"output"})
	g.Output("output", Float, 1, 3, side, side)
	return g
}

// Occluder is like XSeg: pictures [1, side, side, 3], blue first, to a mask [1, side, side, 1]: the
// mask is the red channel.
func Occluder(side int64) *Graph {
	g := new(Graph)
	in := g.Input("input", Float, 1, side, side, 3)
	g.NodeTo("Slice", []string{in, g.Ints("from", []int64{2}, 1), g.Ints("to", []int64{3}, 1), g.Ints("axis", []int64{3}, 1)}, []string{"output"})
	g.Output("output", Float, 1, side, side, 1)
	return g
}

// Parser is like BiSeNet: 19 scores a pixel. Class 1 (skin) has the red channel as its score, class
// 17 (hair) the blue one, all others −1000.
func Parser(side int64) *Graph {
	g := new(Graph)
	in := g.Input("input", Float, 1, 3, side, side)
	weights, bias := make([]float32, 19*3), make([]float32, 19)
	for c := range bias {
		bias[c] = -1000
	}
	weights[1*3], bias[1] = 1, 0
	weights[17*3+2], bias[17] = 1, 0
	g.NodeTo("Conv", []string{in, g.Floats("weights", weights, 19, 3, 1, 1), g.Floats("bias", bias, 19)}, []string{"output"})
	g.Output("output", Float, 1, 19, side, side)
	return g
}

// Table is one output of a network that answers the same to every picture.
type Table struct {
	Name   string
	Values []float32
	Dims   []int64
}

// Oracle answers every picture [1, 3, side, side] with the same tables, as a test of a detector's or
// landmarker's decoder needs them.
func Oracle(side int64, tables ...Table) *Graph {
	g := new(Graph)
	in := g.Input("input", Float, 1, 3, side, side)
	mean := g.Node("ReduceMean", []string{in}, Attr{"keepdims", int64(0)})
	zero := g.Node("Mul", []string{mean, g.Floats("zero", []float32{0})}) // the answer must hang on the input
	for _, t := range tables {
		g.NodeTo("Add", []string{g.Floats(t.Name+"_table", t.Values, t.Dims...), zero}, []string{t.Name})
		g.Output(t.Name, Float, t.Dims...)
	}
	return g
}

// PiperVoice is like Piper's voices: tokens [1, n], their number, three scales to audio [1, 1, 1, n]. A sample for each token:
// token/1000 · scales[1] + scales[0].
func PiperVoice() *Graph {
	g := new(Graph)
	tokens := g.Input("input", Int64, Any, Any)
	g.Input("input_lengths", Int64, Any)
	scales := g.Input("scales", Float, 3)
	part := func(name string, i int64) string {
		return g.Node("Slice", []string{scales, g.Ints(name+"0", []int64{i}, 1), g.Ints(name+"1", []int64{i + 1}, 1)})
	}
	real := g.Node("Mul", []string{g.Node("Cast", []string{tokens}, Attr{"to", int64(Float)}), g.Floats("thousandth", []float32{.001})})
	sum := g.Node("Add", []string{g.Node("Mul", []string{real, part("length", 1)}), part("noise", 0)})
	g.NodeTo("Unsqueeze", []string{sum, g.Ints("axes", []int64{1, 2}, 2)}, []string{"output"})
	g.Output("output", Float, Any, Any, 1, Any)
	return g
}

// KokoroVoice is like Kokoro with durations: tokens [1, n], a style [1, 256] and a speed to audio [2·n] and durations [n], each 2. Two samples for each
// token: token/1000 · speed and style[0].
func KokoroVoice() *Graph {
	g := new(Graph)
	tokens := g.Input("tokens", Int64, 1, Any)
	style := g.Input("style", Float, 1, 256)
	speed := g.Input("speed", Float, 1)
	real := g.Node("Mul", []string{g.Node("Cast", []string{tokens}, Attr{"to", int64(Float)}), g.Floats("thousandth", []float32{.001})})
	first := g.Node("Slice", []string{style, g.Ints("from", []int64{0}, 1), g.Ints("to", []int64{1}, 1), g.Ints("axis", []int64{1}, 1)})
	none := g.Node("Mul", []string{real, g.Floats("zero", []float32{0})})
	a, b := g.Node("Mul", []string{real, speed}), g.Node("Add", []string{none, first})
	axis := g.Ints("last", []int64{2}, 1)
	both := g.Node("Concat", []string{g.Node("Unsqueeze", []string{a, axis}), g.Node("Unsqueeze", []string{b, axis})}, Attr{"axis", int64(2)})
	flat := g.Ints("flat", []int64{-1}, 1)
	g.NodeTo("Reshape", []string{both, flat}, []string{"audio"})
	g.NodeTo("Reshape", []string{g.Node("Add", []string{none, g.Floats("two", []float32{2})}), flat}, []string{"durations"})
	g.Output("audio", Float, Any)
	g.Output("durations", Float, Any)
	return g
}
