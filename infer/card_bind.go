package infer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// binding is a card held against a file: every tensor with the name, shape and type that both agree on.
type binding struct {
	card            ModelCard // with the size that the file said, without optional inputs that it has not
	inputs, outputs []boundTensor
	batch           bool // the first dimension of all is open in the file
}

type boundTensor struct {
	Tensor
	element Element
	open    bool // a dimension of an output is known only after a run
	batch   bool // the file leaves the first dimension open
}

// bind compares a card with a file. Its errors are fault.InvalidField and say which tensor is wrong, what the
// file has and what the card says.
func bind(c ModelCard, g *graph) (*binding, error) {
	c.Inputs = slices.DeleteFunc(slices.Clone(c.Inputs), func(in CardInput) bool {
		return in.Optional && !slices.ContainsFunc(g.inputs, func(t graphTensor) bool { return t.name == in.Name })
	})
	b := &binding{card: c, inputs: make([]boundTensor, len(c.Inputs)), outputs: make([]boundTensor, len(c.Outputs)), batch: true}
	// The target comes first: where the card leaves its size to the file, the others follow it.
	for _, target := range []bool{true, false} {
		for i, in := range c.Inputs {
			if (in.Role == RoleTarget) != target {
				continue
			}
			t, err := b.tensor("input", i, in.Name, in.Type, b.card.inputShape(in), g.inputs)
			if err != nil {
				return nil, err
			}
			if in.Picture() {
				if err := b.learnSize(i, in, t); err != nil {
					return nil, err
				}
			}
			b.inputs[i] = t
		}
	}
	for i, out := range c.Outputs {
		t, err := b.tensor("output", i, out.Name, out.Type, b.card.outputShape(out), g.outputs)
		if err != nil {
			return nil, err
		}
		b.outputs[i] = t
	}
	for _, t := range g.inputs {
		if !slices.ContainsFunc(b.inputs, func(have boundTensor) bool { return have.Name == t.name }) {
			return nil, bad("inputs", "the file also reads the input %q (%s), which the card does not name", short(t.name), shapeText(t.shape))
		}
	}
	if err := b.unique(); err != nil {
		return nil, err
	}
	total := 0
	for _, t := range slices.Concat(b.inputs, b.outputs) {
		b.batch = b.batch && t.batch && !t.open
		if total += t.Len(); total > maxTensorValue {
			return nil, bad("inputs", "and outputs are of more than %d numbers together", maxTensorValue)
		}
	}
	return b, nil
}

// unique: two places of a card must not mean one tensor.
func (b *binding) unique() error {
	check := func(side string, all []boundTensor) error {
		for i, t := range all {
			if slices.ContainsFunc(all[:i], func(have boundTensor) bool { return have.Name == t.Name }) {
				return bad(fmt.Sprintf("%s[%d].name", side, i), "%q is there twice", short(t.Name))
			}
		}
		return nil
	}
	if err := check("inputs", b.inputs); err != nil {
		return err
	}
	return check("outputs", b.outputs)
}

// learnSize takes the side of the target's picture from the file when the card leaves it open.
func (b *binding) learnSize(i int, in CardInput, t boundTensor) error {
	h, w := t.Shape[2], t.Shape[3]
	if in.Layout == NHWC {
		h, w = t.Shape[1], t.Shape[2]
	}
	at := fmt.Sprintf("inputs[%d]", i)
	if h != w {
		return bad(at, "input %s is %s in the file; pictures must be square", t.Name, shapeText(t.Shape))
	}
	if in.Role == RoleTarget && b.card.sideOf(in.Size) == 0 {
		b.card.Size = int(h)
	}
	return checkSide(at, int(h), false)
}

// tensor finds one of the file's tensors and agrees on its shape.
func (b *binding) tensor(side string, i int, name string, element Element, want []int64, have []graphTensor) (boundTensor, error) {
	at := fmt.Sprintf("%ss[%d]", side, i)
	place := i
	if name != "" {
		place = slices.IndexFunc(have, func(t graphTensor) bool { return t.name == name })
	}
	if place < 0 || place >= len(have) {
		wanted := "no " + side + " " + name
		if name == "" {
			wanted = fmt.Sprintf("only %d %ss", len(have), side)
		}
		return boundTensor{}, bad(at+".name", "the file has %s", wanted).WithHint("Its %ss are %s.", side, tensorNames(have))
	}
	file := have[place]
	if !tensorName.MatchString(file.name) || file.name == "" {
		return boundTensor{}, bad(at+".name", "the file's %s has a name that cannot be used", side)
	}
	if got := elementText(file.element); got != string(element) {
		return boundTensor{}, bad(at+".type", "%s %s is %s in the file, the card says %s", side, file.name, got, element)
	}
	t := boundTensor{Tensor: Tensor{Name: file.name}, element: element}
	shape := file.shape
	if !file.shaped {
		shape = make([]int64, len(want)) // nothing is said: all is open
	}
	if len(want) == 0 {
		want = make([]int64, len(shape))
	}
	disagree := bad(at+".shape", "%s %s is %s in the file, the card says %s", side, file.name, shapeText(shape), shapeText(want))
	if len(shape) != len(want) {
		return boundTensor{}, disagree
	}
	t.Shape = make([]int64, len(shape))
	total := int64(1)
	for d := range shape {
		switch {
		case shape[d] != 0 && want[d] != 0 && shape[d] != want[d]:
			return boundTensor{}, disagree
		case shape[d] != 0:
			t.Shape[d] = shape[d]
		case want[d] != 0:
			t.Shape[d] = want[d]
		case d == 0 && len(shape) > 1:
			t.Shape[d] = 1
		case side == "output" && len(want) != 4:
			t.open = true
		default:
			return boundTensor{}, bad(at+".shape", "%s %s is %s in the file; the card must say the open dimensions", side, file.name, shapeText(shape)).
				WithHint("Give the card a size, or this tensor a shape.")
		}
		if total *= max(t.Shape[d], 1); t.Shape[d] > maxTensorValue || total > maxTensorValue {
			return boundTensor{}, bad(at+".shape", "%s %s is of more than %d numbers", side, file.name, maxTensorValue)
		}
	}
	if !file.shaped && len(want) == 0 {
		t.open = side == "output"
		if side == "input" {
			return boundTensor{}, bad(at+".shape", "the file does not say the shape of input %s; the card must", file.name)
		}
	}
	t.batch = len(shape) > 1 && shape[0] == 0 && t.Shape[0] == 1
	return t, nil
}

func tensorNames(all []graphTensor) string {
	var names []string
	for i, t := range all {
		if i == 16 {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%q (%s)", short(t.name), shapeText(t.shape)))
	}
	return strings.Join(names, ", ")
}

// elementText names an element type of ONNX as cards do.
func elementText(element int) string {
	switch element {
	case onnxFloat:
		return string(Float32)
	case onnxFloat16:
		return string(Float16)
	case onnxDouble:
		return string(Float64)
	case onnxInt64:
		return string(Int64)
	}
	return fmt.Sprintf("of ONNX type %d", element)
}

// cannotRun is the error for a file that ONNX Runtime refuses.
func cannotRun(name string, err error) error {
	if text := err.Error(); strings.Contains(text, "allocate memory") || strings.Contains(text, "Available memory of") { // of the system; of the arena
		return fault.New(fault.Unsupported, "file", "the network %s needs more memory than there is for networks", name).
			WithHint("Run fewer at once, or without --pixel-boost; if it never fits, the file is damaged or hostile.").WithCause(fmt.Errorf("onnxruntime: %w", err))
	}
	return fault.New(fault.Unsupported, "file", "ONNX Runtime cannot run the network %s", name).
		WithHint("Its file may need a newer ONNX Runtime, or operators of another program.").WithCause(fmt.Errorf("onnxruntime: %w", err))
}
