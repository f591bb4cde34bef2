package infer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// ReadInitializer reads a constant of floats (16, 32 or 64 bit) of this shape out of an ONNX file, row by row.
// LastInitializer as name means the graph's last one; where an optimiser has put another behind it, the only
// one of the shape.
//
// Errors: fault.NotFound when there is none, fault.Conflict when there are several, fault.Unsupported for what
// is no ONNX file or no such constant.
func ReadInitializer(path, name string, shape ...int64) ([]float32, error) {
	f, size, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readInitializer(f, size, name, shape)
}

func readInitializer(r io.ReaderAt, size int64, name string, shape []int64) ([]float32, error) {
	g, err := readGraph(r, size)
	if err != nil {
		return nil, notONNX(err)
	}
	c, err := g.constant(name, shape)
	if err != nil {
		return nil, err
	}
	values, err := c.read(newProtobuf(r, size))
	if err != nil {
		return nil, fault.New(fault.Unsupported, "embedding.initializer", "the constant %q cannot be read", short(c.name)).
			WithHint("Save it as a .npy file and list that with role matrix.").WithCause(err)
	}
	return values, nil
}

// constant finds an initializer.
func (g *graph) constant(name string, shape []int64) (constant, error) {
	const param = "embedding.initializer"
	if name != LastInitializer {
		i := slices.IndexFunc(g.constants, func(c constant) bool { return c.name == name })
		if i < 0 {
			return constant{}, fault.New(fault.NotFound, param, "the file has no initializer %q", short(name))
		}
		if c := g.constants[i]; !slices.Equal(c.shape, shape) {
			return constant{}, fault.New(fault.NotFound, param, "the initializer %q is %s in the file, not %s", short(name), shapeText(c.shape), shapeText(shape))
		}
		return g.constants[i], nil
	}
	var fit []constant
	for _, c := range g.constants {
		if slices.Equal(c.shape, shape) {
			fit = append(fit, c)
		}
	}
	switch {
	case len(fit) == 0:
		return constant{}, fault.New(fault.NotFound, param, "the file has no initializer of %s", shapeText(shape)).
			WithHint("Is this the swapper that the card describes? An optimised file may have lost it: use the original.")
	case slices.Equal(g.constants[len(g.constants)-1].shape, shape), len(fit) == 1:
		return fit[len(fit)-1], nil
	}
	var names []string
	for _, c := range fit[:min(len(fit), 8)] {
		names = append(names, strconv.Quote(short(c.name)))
	}
	return constant{}, fault.New(fault.Conflict, param, "the file has %d initializers of %s and another is the last", len(fit), shapeText(shape)).
		WithHint("Name the right one: %s; or list it as a .npy file with role matrix.", strings.Join(names, ", "))
}

// read gives a constant's numbers.
func (c constant) read(p *protobuf) ([]float32, error) {
	n := int64(1)
	for _, d := range c.shape {
		if d < 0 || d > maxTensorValue || n*max(d, 1) > maxTensorValue {
			return nil, errProtobuf
		}
		n *= d
	}
	data, pieces := c.raw, 1
	if c.raw.to == 0 {
		data, pieces = c.typed, c.pieces
	}
	width := map[int]int64{onnxFloat: 4, onnxDouble: 8, onnxFloat16: 2}[c.element]
	switch {
	case c.external:
		return nil, errors.New("it lies in another file")
	case pieces != 1:
		return nil, errors.New("its numbers are not packed")
	case width == 0:
		return nil, fmt.Errorf("its numbers are %s", elementText(c.element))
	}
	if c.element == onnxFloat16 && c.raw.to == 0 {
		return c.readHalves(p, data, n) // int32_data: each half is a number of its own
	}
	b, err := p.bytes(data, n*width)
	if err != nil {
		return nil, err
	}
	return decodeFloats(b, int(width), int(n))
}

// readHalves reads 16-bit floats that are stored as integers.
func (c constant) readHalves(p *protobuf, data field, n int64) ([]float32, error) {
	if data.to-data.from > 3*n { // 16 bits are at most three bytes
		return nil, errProtobuf
	}
	out := make([]float32, 0, n)
	err := p.numbers(data, func(v int64) error {
		if v > math.MaxUint16 || int64(len(out)) == n {
			return errProtobuf
		}
		out = append(out, fromHalf(uint16(v)))
		return nil
	})
	if err == nil && int64(len(out)) != n {
		err = errProtobuf
	}
	return out, err
}

// decodeFloats reads little-endian floats of 2, 4 or 8 bytes; all must be numbers.
func decodeFloats(b []byte, width, n int) ([]float32, error) {
	if len(b) != n*width {
		return nil, fmt.Errorf("%d bytes for %d numbers of %d", len(b), n, width)
	}
	out := make([]float32, n)
	for i := range out {
		switch width {
		case 2:
			out[i] = fromHalf(binary.LittleEndian.Uint16(b[2*i:]))
		case 4:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		default:
			out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
		}
		if v := float64(out[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("it holds what is no number")
		}
	}
	return out, nil
}

// ReadMatrix reads a matrix of floats (32 or 64 bit) from a .npy file (NumPy's format, version 1 to 3, row by
// row) and wants it of this shape.
func ReadMatrix(path string, shape ...int64) ([]float32, error) {
	f, size, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, err := readNPY(f, size, shape)
	if err != nil {
		return nil, fault.New(fault.Unsupported, "file", "the file is no .npy file of %s floats", shapeText(shape)).
			WithHint("Save it with numpy.save, as float32 and in C order.").WithCause(err)
	}
	return values, nil
}

func readNPY(r io.ReaderAt, size int64, shape []int64) ([]float32, error) {
	head := make([]byte, min(size, 4096))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) < 12 || string(head[:6]) != "\x93NUMPY" || head[6] < 1 || head[6] > 3 {
		return nil, errors.New("not NumPy's format")
	}
	start, length := 10, int(binary.LittleEndian.Uint16(head[8:]))
	if head[6] > 1 {
		start, length = 12, int(min(binary.LittleEndian.Uint32(head[8:]), math.MaxInt32))
	}
	if start+length > len(head) {
		return nil, errors.New("its header is too long")
	}
	// The header is a Python literal; only what numpy.save writes for a plain matrix is understood.
	text := strings.ReplaceAll(string(head[start:start+length]), " ", "")
	width, n := int64(0), int64(1)
	for descr, w := range map[string]int64{"'<f4'": 4, "'<f8'": 8} {
		if strings.Contains(text, "'descr':"+descr) {
			width = w
		}
	}
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.FormatInt(d, 10)
		n *= d
	}
	if width == 0 || !strings.Contains(text, "'fortran_order':False") || !strings.Contains(text, "'shape':("+strings.Join(dims, ",")+")") {
		return nil, fmt.Errorf("its header is %q", text)
	}
	if size != int64(start+length)+n*width {
		return nil, fmt.Errorf("%d bytes long", size)
	}
	b := make([]byte, n*width)
	if _, err := r.ReadAt(b, int64(start+length)); err != nil {
		return nil, err
	}
	return decodeFloats(b, int(width), int(n))
}

// Matrix reads the matrix that a swapper's card names, 512×512 numbers row by row: from the network's file, or
// from the card's .npy file. dir holds the card's files. Nil when the card has no matrix.
func (c ModelCard) Matrix(dir string) ([]float32, error) {
	e := c.Embedding
	if e == nil || e.Transform != TransformMatrix {
		return nil, nil
	}
	const n = EmbeddingSize
	if f, ok := c.File(MatrixFile); ok {
		return ReadMatrix(filepath.Join(dir, f.Name), n, n)
	}
	return ReadInitializer(filepath.Join(dir, c.Network().Name), e.Initializer, n, n)
}
