package infer

import (
	"context"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/fault"
)

// Tensor describes an input or output: 32-bit floats, row by row.
type Tensor struct {
	Name  string  `json:"name"`
	Shape []int64 `json:"shape"`
}

// Len is the number of values.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= int(d)
	}
	return n
}

// Session is a loaded network. It belongs to its Runtime, which closes it.
type Session struct {
	model           Model
	inputs, outputs []Tensor

	mu  sync.RWMutex // held for reading by every run, for writing by close
	net *ort.DynamicAdvancedSession
}

// newSession loads the network; options stay the caller's.
func newSession(m Model, options *ort.SessionOptions) (*Session, error) {
	spec := m.spec()
	net, err := ort.NewDynamicAdvancedSessionWithONNXData(spec.bytes(), names(spec.inputs), names(spec.outputs), options)
	if err != nil {
		return nil, err
	}
	return &Session{model: m, inputs: spec.inputs, outputs: spec.outputs, net: net}, nil
}

func names(ts []Tensor) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.Name
	}
	return out
}

// Model tells which network this is.
func (s *Session) Model() Model { return s.model }

// Inputs describes what Run reads, in order. It is the caller's copy.
func (s *Session) Inputs() []Tensor { return clone(s.inputs) }

// Outputs describes what Run writes, in order. It is the caller's copy.
func (s *Session) Outputs() []Tensor { return clone(s.outputs) }

func clone(ts []Tensor) []Tensor {
	out := slices.Clone(ts)
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
	}
	return out
}

// Run computes the outputs from the inputs, each slice as long as its Tensor says. The
// slices are read and written in place and may be used again afterwards; no two runs
// under way may share one that is written. Any number of goroutines may call it. When ctx
// ends, the run is broken off, its outputs are undefined and ctx's error is returned.
func (s *Session) Run(ctx context.Context, inputs, outputs [][]float32) error {
	if err := s.check("input", s.inputs, inputs); err != nil {
		return err
	}
	if err := s.check("output", s.outputs, outputs); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.net == nil {
		return errClosed()
	}
	return interruptible(ctx,
		func(options *ort.RunOptions) error { return s.run(options, inputs, outputs) },
		func(err error) error { return broken(s.model, err) })
}

// interruptible calls run and breaks it off when ctx ends, which is then the error; other errors go
// through explain.
func interruptible(ctx context.Context, run func(*ort.RunOptions) error, explain func(error) error) error {
	if err := ctx.Err(); err != nil {
		return fault.From(err)
	}
	var options *ort.RunOptions
	if ctx.Done() != nil {
		o, err := ort.NewRunOptions()
		if err != nil {
			return explain(err)
		}
		defer free(o)
		ended := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(ended)
			_ = o.Terminate() // the run then fails, or it was over already
		})
		defer func() {
			if !stop() {
				<-ended // Terminate must not meet options that are destroyed
			}
		}()
		options = o
	}
	if err := run(options); err != nil {
		if ended := ctx.Err(); ended != nil {
			return fault.From(ended)
		}
		return explain(err)
	}
	return nil
}

// check compares slices with what the network wants.
func (s *Session) check(side string, want []Tensor, got [][]float32) error {
	if len(got) != len(want) {
		return fault.New(fault.Internal, "", "%s has %d %ss, not %d", s.model, len(want), side, len(got))
	}
	for i, t := range want {
		if len(got[i]) != t.Len() {
			return fault.New(fault.Internal, "", "%s: %s %s holds %d numbers, not %d", s.model, side, t.Name, t.Len(), len(got[i]))
		}
	}
	return nil
}

// run wraps the slices as tensors, without copying, and computes.
func (s *Session) run(options *ort.RunOptions, inputs, outputs [][]float32) error {
	values := make([]ort.Value, 0, len(inputs)+len(outputs))
	defer func() {
		for _, v := range values {
			free(v)
		}
	}()
	wrap := func(ts []Tensor, data [][]float32) error {
		for i, t := range ts {
			v, err := ort.NewTensor(ort.Shape(t.Shape), data[i])
			if err != nil {
				return err
			}
			values = append(values, v)
		}
		return nil
	}
	if err := wrap(s.inputs, inputs); err != nil {
		return err
	}
	if err := wrap(s.outputs, outputs); err != nil {
		return err
	}
	return s.net.RunWithOptions(values[:len(inputs)], values[len(inputs):], options)
}

// Buffers makes one slice per input and output, of the right length, for Run.
func (s *Session) Buffers() (inputs, outputs [][]float32) {
	return s.buffers(s.inputs), s.buffers(s.outputs)
}

func (s *Session) buffers(ts []Tensor) [][]float32 {
	out := make([][]float32, len(ts))
	for i, t := range ts {
		out[i] = make([]float32, t.Len())
	}
	return out
}

// free releases what ONNX Runtime holds. Destroy fails only when it is called twice.
func free(v interface{ Destroy() error }) { _ = v.Destroy() }

// close waits for runs under way and frees the network.
func (s *Session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.net != nil {
		free(s.net)
		s.net = nil
	}
}
