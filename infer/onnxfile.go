package infer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/twinsync/twinsync/fault"
)

// graph is what an ONNX file (onnx.ai, onnx.proto3) says of itself: its tensors and constants, without
// the constants' numbers.
type graph struct {
	inputs, outputs []graphTensor
	constants       []constant
	// external are the files that constants lie in, wherever in the file they are declared.
	external []string
	nodes    int
}

// graphTensor is an input or output.
type graphTensor struct {
	name    string
	element int
	shape   []int64 // 0 where the file leaves it open
	shaped  bool    // the file gives a shape
}

// constant is an initializer of the main graph.
type constant struct {
	name     string
	element  int
	shape    []int64
	raw      field // raw_data, when there is any
	typed    field // float_data, double_data or int32_data
	pieces   int   // how many fields of typed data there are: one when it is packed, as it should be
	external bool
}

// The element types of onnx.proto3 that are in use.
const (
	onnxFloat   = 1
	onnxInt64   = 7
	onnxFloat16 = 10
	onnxDouble  = 11
)

// Limits of what is kept of a file.
const (
	maxGraphTensors  = 4096
	maxConstants     = 1 << 18
	maxGraphDepth    = 16
	maxExternalFiles = maxCardList
)

// readGraph reads an ONNX file's description.
func readGraph(r io.ReaderAt, size int64) (*graph, error) {
	p := newProtobuf(r, size)
	g := &graph{}
	found := false
	err := p.fields(0, size, func(f field) error {
		switch f.number {
		case 7: // ModelProto.graph
			if found || f.wire != wireBytes {
				return errProtobuf
			}
			found = true
			return g.readGraph(p, f, 0)
		case 20, 25: // training_info, functions: only their constants matter
			return g.scan(p, f, 0)
		}
		return nil
	})
	if err == nil && (!found || g.nodes == 0) {
		err = errProtobuf
	}
	if err != nil {
		return nil, err
	}
	// Files older than IR version 4 list constants among the inputs.
	constants := make(map[string]bool, len(g.constants)) // a hostile file may have very many of both
	for _, c := range g.constants {
		constants[c.name] = true
	}
	g.inputs = slices.DeleteFunc(g.inputs, func(t graphTensor) bool { return constants[t.name] })
	return g, nil
}

// readGraph reads a GraphProto. Inside others (loops, branches) only constants outside the file matter.
func (g *graph) readGraph(p *protobuf, graph field, depth int) error {
	if depth > maxGraphDepth || graph.wire != wireBytes {
		return errProtobuf
	}
	return p.fields(graph.from, graph.to, func(f field) error {
		switch f.number {
		case 1: // node
			g.nodes++
			return g.readNode(p, f, depth)
		case 5: // initializer
			return g.readConstant(p, f, depth == 0)
		case 15: // sparse_initializer
			return g.readSparse(p, f)
		case 11, 12: // input, output
			if depth > 0 {
				return nil
			}
			t, err := readValue(p, f)
			if err != nil {
				return err
			}
			to := &g.inputs
			if f.number == 12 {
				to = &g.outputs
			}
			if *to = append(*to, t); len(*to) > maxGraphTensors+maxConstants {
				return errProtobuf
			}
		}
		return nil
	})
}

// scan looks for constants outside the file in training information (fields 1 and 2 are graphs) and
// functions (field 7 are nodes).
func (g *graph) scan(p *protobuf, message field, depth int) error {
	if message.wire != wireBytes {
		return errProtobuf
	}
	return p.fields(message.from, message.to, func(f field) error {
		switch {
		case message.number == 20 && (f.number == 1 || f.number == 2):
			return g.readGraph(p, f, depth+1)
		case message.number == 25 && f.number == 7:
			return g.readNode(p, f, depth+1)
		}
		return nil
	})
}

// readNode looks through a node's attributes for constants and graphs.
func (g *graph) readNode(p *protobuf, node field, depth int) error {
	if node.wire != wireBytes {
		return errProtobuf
	}
	return p.fields(node.from, node.to, func(a field) error {
		if a.number != 5 || a.wire != wireBytes { // attribute
			return nil
		}
		return p.fields(a.from, a.to, func(f field) error {
			switch f.number {
			case 5, 10: // t, tensors
				return g.readConstant(p, f, false)
			case 6, 11: // g, graphs
				return g.readGraph(p, f, depth+1)
			case 22, 23: // sparse_tensor, sparse_tensors
				return g.readSparse(p, f)
			}
			return nil
		})
	})
}

func (g *graph) readSparse(p *protobuf, sparse field) error {
	if sparse.wire != wireBytes {
		return errProtobuf
	}
	return p.fields(sparse.from, sparse.to, func(f field) error {
		if f.number == 1 || f.number == 2 { // values, indices
			return g.readConstant(p, f, false)
		}
		return nil
	})
}

// readConstant reads a TensorProto and keeps it when it is an initializer.
func (g *graph) readConstant(p *protobuf, tensor field, keep bool) error {
	if tensor.wire != wireBytes {
		return errProtobuf
	}
	c := constant{}
	err := p.fields(tensor.from, tensor.to, func(f field) (err error) {
		switch f.number {
		case 1:
			return p.numbers(f, func(d int64) error {
				if c.shape = append(c.shape, d); len(c.shape) > 64 {
					return errProtobuf
				}
				return nil
			})
		case 2:
			c.element = int(f.v)
		case 8:
			c.name, err = p.text(f)
		case 9:
			c.raw = f
		case 4, 5, 10: // float_data, int32_data (float16 too), double_data
			c.typed = f
			c.pieces++
		case 13: // external_data
			c.external = true
			return g.readExternal(p, f)
		case 14:
			c.external = c.external || f.v != 0
		}
		return err
	})
	if err != nil {
		return err
	}
	if keep {
		if g.constants = append(g.constants, c); len(g.constants) > maxConstants {
			return errProtobuf
		}
	}
	return nil
}

// readExternal keeps the name of the file that a constant lies in.
func (g *graph) readExternal(p *protobuf, entry field) error {
	if entry.wire != wireBytes {
		return errProtobuf
	}
	var key, value string
	err := p.fields(entry.from, entry.to, func(f field) (err error) {
		switch f.number {
		case 1:
			key, err = p.text(f)
		case 2:
			value, err = p.text(f)
		}
		return err
	})
	if err != nil || key != "location" || slices.Contains(g.external, value) {
		return err
	}
	if g.external = append(g.external, value); len(g.external) > maxExternalFiles {
		return errProtobuf
	}
	return nil
}

// readValue reads a ValueInfoProto: name, and type as tensor.
func readValue(p *protobuf, value field) (graphTensor, error) {
	t := graphTensor{}
	if value.wire != wireBytes {
		return t, errProtobuf
	}
	nested := func(f field, do func(field) error) error {
		if f.wire != wireBytes {
			return errProtobuf
		}
		return p.fields(f.from, f.to, do)
	}
	dimension := func(dim field) error {
		size := int64(0)
		err := nested(dim, func(f field) error {
			if f.number == 1 && f.wire == wireVarint { // dim_value; dim_param is a name
				size = max(int64(f.v), 0)
			}
			return nil
		})
		if t.shape = append(t.shape, size); len(t.shape) > 64 {
			return errProtobuf
		}
		return err
	}
	err := nested(value, func(f field) (err error) {
		switch f.number {
		case 1:
			t.name, err = p.text(f)
		case 2: // type
			return nested(f, func(kind field) error {
				if kind.number != 1 { // tensor_type
					return nil
				}
				return nested(kind, func(f field) error {
					switch f.number {
					case 1:
						t.element = int(f.v)
					case 2:
						t.shaped = true
						return nested(f, func(dim field) error {
							if dim.number != 1 {
								return nil
							}
							return dimension(dim)
						})
					}
					return nil
				})
			})
		}
		return err
	})
	return t, err
}

// checkExternal refuses constants outside the file that the card does not list: their names are paths that
// the runtime would open, wherever they lead.
func (g *graph) checkExternal(c ModelCard) error {
	for _, name := range g.external {
		if !slices.ContainsFunc(c.Files, func(f CardFile) bool { return f.Role == DataFile && f.Name == name }) {
			return fault.New(fault.Unsupported, "files", "the network keeps weights in another file, %q, which the card does not list", short(name)).
				WithHint("List it under files with role data and its sha256, or save the network as one file.")
		}
	}
	return nil
}

// openGraph opens an ONNX file and reads its description.
func openGraph(path string) (*graph, error) {
	f, size, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	g, err := readGraph(f, size)
	if err != nil {
		return nil, notONNX(err)
	}
	return g, nil
}

// openModel opens a regular file of a size that is read.
func openModel(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, fault.New(fault.NotFound, "file", "there is no such file").WithCause(err)
	} else if err != nil {
		return nil, 0, fault.From(err).WithParam("file")
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, 0, fault.New(fault.InvalidField, "file", "this is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fault.From(err).WithParam("file")
	}
	info, err = f.Stat()
	switch {
	case err != nil:
		err = fault.From(err).WithParam("file")
	case info.Size() == 0:
		err = fault.New(fault.Empty, "file", "the file is empty")
	case info.Size() > MaxModelFile:
		err = fault.New(fault.TooLarge, "file", "the file is larger than %d bytes, the most that a network may have", int64(MaxModelFile))
	default:
		return f, info.Size(), nil
	}
	f.Close()
	return nil, 0, err
}

func notONNX(err error) error {
	return fault.New(fault.Unsupported, "file", "the file is no ONNX network, or it is damaged").
		WithHint("Get it again, or convert it to ONNX.").WithCause(fmt.Errorf("read ONNX: %w", err))
}
