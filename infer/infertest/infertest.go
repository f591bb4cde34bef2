// Package infertest writes small ONNX networks, so that tests can run model cards without any
// published weights: graphs with the very inputs and outputs of a published network, whose
// arithmetic is simple enough to be computed again in the test.
//
// A Graph is built node by node and written as the protobuf of onnx.proto3 (ONNX 1.x), by an
// encoder that knows only what is needed here. It is for tests; nothing else imports it.
package infertest

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Type is the element type of a tensor, by its number in onnx.proto3 (TensorProto.DataType).
type Type int

// The types that published face networks use.
const (
	Float  Type = 1
	Uint8  Type = 2
	Int64  Type = 7
	Half   Type = 10
	Double Type = 11
)

// opset is the operator set that the nodes are written for, irVersion the oldest file format that has it.
const opset, irVersion = 17, 8

// Graph is a network under construction. The zero value is empty and ready.
type Graph struct {
	nodes, initializers, inputs, outputs [][]byte
	names                                int
}

// Any stands for a dimension that the file leaves open.
const Any = -1

// Input declares an input and returns its name. A dimension of Any is left open.
func (g *Graph) Input(name string, t Type, dims ...int64) string {
	g.inputs = append(g.inputs, valueInfo(name, t, dims))
	return name
}

// Output declares that the value of this name leaves the network.
func (g *Graph) Output(name string, t Type, dims ...int64) {
	g.outputs = append(g.outputs, valueInfo(name, t, dims))
}

// Floats adds 32-bit constants, stored as raw bytes, and returns the name.
func (g *Graph) Floats(name string, values []float32, dims ...int64) string {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return g.tensor(name, Float, dims, 9, raw)
}

// PackedFloats is Floats stored in the field float_data, as inswapper's matrix is.
func (g *Graph) PackedFloats(name string, values []float32, dims ...int64) string {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return g.tensor(name, Float, dims, 4, raw)
}

// Doubles adds 64-bit constants and returns the name.
func (g *Graph) Doubles(name string, values []float64, dims ...int64) string {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return g.tensor(name, Double, dims, 9, raw)
}

// Ints adds 64-bit whole constants and returns the name.
func (g *Graph) Ints(name string, values []int64, dims ...int64) string {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return g.tensor(name, Int64, dims, 9, raw)
}

// External adds a constant whose values the file says to lie in another file.
func (g *Graph) External(name, file string, t Type, dims ...int64) string {
	m := tensorHead(name, t, dims)
	entry := appendBytes(appendBytes(nil, 1, []byte("location")), 2, []byte(file))
	m = appendBytes(m, 13, entry)
	m = appendVarint(m, 14, 1) // EXTERNAL
	g.initializers = append(g.initializers, m)
	return name
}

func (g *Graph) tensor(name string, t Type, dims []int64, field int, raw []byte) string {
	g.initializers = append(g.initializers, appendBytes(tensorHead(name, t, dims), field, raw))
	return name
}

func tensorHead(name string, t Type, dims []int64) []byte {
	var m []byte
	for _, d := range dims {
		m = appendVarint(m, 1, uint64(d))
	}
	m = appendVarint(m, 2, uint64(t))
	return appendBytes(m, 8, []byte(name))
}

// Attr is an attribute of a node: an int64, a float32, a string, a []int64 or a []float32.
type Attr struct {
	Name  string
	Value any
}

// Node adds an operator with one output, gives the output a name of its own and returns it.
func (g *Graph) Node(op string, inputs []string, attrs ...Attr) string {
	g.names++
	name := fmt.Sprintf("%s_%d", op, g.names)
	g.NodeTo(op, inputs, []string{name}, attrs...)
	return name
}

// NodeTo adds an operator whose outputs have the names given.
func (g *Graph) NodeTo(op string, inputs, outputs []string, attrs ...Attr) {
	var m []byte
	for _, v := range inputs {
		m = appendBytes(m, 1, []byte(v))
	}
	for _, v := range outputs {
		m = appendBytes(m, 2, []byte(v))
	}
	m = appendBytes(m, 4, []byte(op))
	for _, a := range attrs {
		m = appendBytes(m, 5, a.encode())
	}
	g.nodes = append(g.nodes, m)
}

// encode writes an AttributeProto.
func (a Attr) encode() []byte {
	m := appendBytes(nil, 1, []byte(a.Name))
	switch v := a.Value.(type) {
	case int64:
		m = appendVarint(appendVarint(m, 3, uint64(v)), 20, 2)
	case float32:
		m = append(m, 2<<3|5)
		m = binary.LittleEndian.AppendUint32(m, math.Float32bits(v))
		m = appendVarint(m, 20, 1)
	case string:
		m = appendVarint(appendBytes(m, 4, []byte(v)), 20, 3)
	case []int64:
		for _, i := range v {
			m = appendVarint(m, 8, uint64(i))
		}
		m = appendVarint(m, 20, 7)
	case []float32:
		for _, f := range v {
			m = append(m, 7<<3|5)
			m = binary.LittleEndian.AppendUint32(m, math.Float32bits(f))
		}
		m = appendVarint(m, 20, 6)
	default:
		panic(fmt.Sprintf("infertest: attribute %s has the type %T", a.Name, a.Value))
	}
	return m
}

// Bytes is the network as an ONNX file.
func (g *Graph) Bytes() []byte {
	var graph []byte
	for _, n := range g.nodes {
		graph = appendBytes(graph, 1, n)
	}
	graph = appendBytes(graph, 2, []byte("test"))
	for _, t := range g.initializers {
		graph = appendBytes(graph, 5, t)
	}
	for _, v := range g.inputs {
		graph = appendBytes(graph, 11, v)
	}
	for _, v := range g.outputs {
		graph = appendBytes(graph, 12, v)
	}
	m := appendVarint(nil, 1, irVersion)
	m = appendBytes(m, 7, graph)
	return appendBytes(m, 8, appendVarint(appendBytes(nil, 1, nil), 2, opset))
}

// Write stores the network in a folder and returns its path.
func (g *Graph) Write(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, g.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// valueInfo is a ValueInfoProto.
func valueInfo(name string, t Type, dims []int64) []byte {
	var shape []byte
	for i, d := range dims {
		var dim []byte
		if d == Any {
			dim = appendBytes(nil, 2, fmt.Appendf(nil, "%s_%d", name, i))
		} else {
			dim = appendVarint(nil, 1, uint64(d))
		}
		shape = appendBytes(shape, 1, dim)
	}
	tensor := appendBytes(appendVarint(nil, 1, uint64(t)), 2, shape)
	return appendBytes(appendBytes(nil, 1, []byte(name)), 2, appendBytes(nil, 1, tensor))
}

// appendVarint and appendBytes write a field of the protobuf wire format: number and value.
func appendVarint(m []byte, field int, v uint64) []byte {
	m = binary.AppendUvarint(m, uint64(field)<<3)
	return binary.AppendUvarint(m, v)
}

func appendBytes(m []byte, field int, v []byte) []byte {
	m = binary.AppendUvarint(m, uint64(field)<<3|2)
	m = binary.AppendUvarint(m, uint64(len(v)))
	return append(m, v...)
}
