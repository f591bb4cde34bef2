package infer

import (
	"bytes"
	"context"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/fault"
)

// Network is a network of a model card, loaded from its file. Any number of goroutines may call Run
// at once. It belongs to its Runtime, which closes it at the latest.
type Network struct {
	binding
	runtime  *Runtime
	provider string

	mu  sync.RWMutex // held for reading by every run, for writing by close
	net *ort.DynamicAdvancedSession
}

// OpenFile loads a network from an ONNX file, as its card describes it. The file is held against
// the card first: every input and output must have the name, shape and type that the card says, and
// constants must lie inside, or in files beside it that the card lists. The caller has compared
// the digest (Store.Open does all of it).
//
// Errors: those of ModelCard.Validate; fault.InvalidField naming the tensor that differs; fault.NotFound,
// fault.Empty, fault.TooLarge, fault.Unsupported for the file.
func (r *Runtime) OpenFile(path string, card ModelCard) (*Network, error) {
	if err := card.Validate(); err != nil {
		return nil, err
	}
	g, err := openGraph(path)
	if err != nil {
		return nil, err
	}
	return r.openNetwork(card, g, func(in, out []string, o *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSession(path, in, out, o)
	})
}

// OpenBytes is OpenFile for a network that is in memory, all of it.
func (r *Runtime) OpenBytes(data []byte, card ModelCard) (*Network, error) {
	if err := card.Validate(); err != nil {
		return nil, err
	}
	g, err := readGraph(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, notONNX(err)
	}
	if len(g.external) > 0 {
		return nil, fault.New(fault.Unsupported, "file", "the network keeps weights in another file")
	}
	return r.openNetwork(card, g, func(in, out []string, o *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSessionWithONNXData(data, in, out, o)
	})
}

func (r *Runtime) openNetwork(card ModelCard, g *graph, load func(in, out []string, o *ort.SessionOptions) (*ort.DynamicAdvancedSession, error)) (*Network, error) {
	if err := g.checkExternal(card); err != nil {
		return nil, err
	}
	b, err := bind(card, g)
	if err != nil {
		return nil, err
	}
	provider, err := r.providerFor(card)
	if err != nil {
		return nil, err
	}
	options, err := r.sessionOptions(provider)
	if err != nil {
		return nil, cannotRun(card.Name, err)
	}
	defer free(options)
	// What was judged above is what is loaded: never another format under the same name.
	if err := options.AddSessionConfigEntry("session.load_model_format", "ONNX"); err != nil {
		return nil, cannotRun(card.Name, err)
	}
	net, err := load(boundNames(b.inputs), boundNames(b.outputs), options)
	if err != nil {
		return nil, cannotRun(card.Name, err)
	}
	n := &Network{binding: *b, runtime: r, provider: provider, net: net}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		n.close()
		return nil, errClosed()
	}
	r.networks[n] = true
	return n, nil
}

// providerFor is the runtime's provider, or with "auto" the CPU where the card leaves the other out.
func (r *Runtime) providerFor(card ModelCard) (string, error) {
	switch {
	case len(card.Providers) == 0 || slices.Contains(card.Providers, r.provider):
		return r.provider, nil
	case r.options.Provider == Auto && slices.Contains(card.Providers, CPU):
		return CPU, nil
	}
	return "", fault.New(fault.Unsupported, "provider", "the network %s does not run with %q", card.Name, r.provider).
		WithHint("Its card says that it runs with %s.", list(card.Providers))
}

func boundNames(ts []boundTensor) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.Name
	}
	return out
}

func boundTensors(ts []boundTensor) []Tensor {
	out := make([]Tensor, len(ts))
	for i, t := range ts {
		out[i] = Tensor{Name: t.Name, Shape: slices.Clone(t.Shape)}
	}
	return out
}

// Card is the network's card as its file fits it: with the size that the file said where the card left it
// open, and without optional inputs that the file does not have.
func (n *Network) Card() ModelCard { return n.card }

// Provider is the one that computes this network.
func (n *Network) Provider() string { return n.provider }

// Inputs describes what Run reads, in the card's order, for one picture; all are float32 for the caller,
// whatever the file wants.
func (n *Network) Inputs() []Tensor { return boundTensors(n.inputs) }

// Outputs describes what Run writes, in the card's order, for one picture. A dimension is 0 where only a
// run tells it.
func (n *Network) Outputs() []Tensor { return boundTensors(n.outputs) }

// Batch tells whether Run takes several pictures at once: every input and output then holds that many
// times the numbers, one picture after the other.
func (n *Network) Batch() bool { return n.batch }

// Buffers makes one slice per input and output, for Run with one picture. Those of outputs whose length only a
// run tells are nil.
func (n *Network) Buffers() (inputs, outputs [][]float32) {
	inputs, outputs = make([][]float32, len(n.inputs)), make([][]float32, len(n.outputs))
	for i, t := range n.inputs {
		inputs[i] = make([]float32, t.Len())
	}
	for i, t := range n.outputs {
		if !t.open {
			outputs[i] = make([]float32, t.Len())
		}
	}
	return inputs, outputs
}

// Run computes the outputs from the inputs, in the card's order. Slices are as long as their Tensor says,
// or with Batch all the same number of times as long; an output whose length only a run tells
// is replaced by a new slice. Otherwise it is like Session.Run: the slices are read and written in
// place, any number of goroutines may call it, and when ctx ends the run is broken off, its
// outputs are undefined and ctx's error is returned.
func (n *Network) Run(ctx context.Context, inputs, outputs [][]float32) error {
	count, err := n.count(inputs, outputs)
	if err != nil {
		return err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.net == nil {
		return errClosed()
	}
	return interruptible(ctx,
		func(options *ort.RunOptions) error { return n.run(options, count, inputs, outputs) },
		func(err error) error { return cannotRun(n.card.Name, err) })
}

// count is how many pictures the slices hold.
func (n *Network) count(inputs, outputs [][]float32) (int, error) {
	if len(inputs) != len(n.inputs) || len(outputs) != len(n.outputs) {
		return 0, fault.New(fault.Internal, "", "%s has %d inputs and %d outputs, not %d and %d", n.card.Name, len(n.inputs), len(n.outputs), len(inputs), len(outputs))
	}
	count := max(1, len(inputs[0])/max(1, n.inputs[0].Len()))
	if count > 1 && !n.batch {
		count = 1
	}
	check := func(side string, all []boundTensor, got [][]float32) error {
		for i, t := range all {
			if !t.open && len(got[i]) != count*t.Len() {
				return fault.New(fault.Internal, "", "%s: %s %s holds %d numbers, not %d", n.card.Name, side, t.Name, count*t.Len(), len(got[i]))
			}
		}
		return nil
	}
	if err := check("input", n.inputs, inputs); err != nil {
		return 0, err
	}
	return count, check("output", n.outputs, outputs)
}

// run wraps the slices as tensors, converts those that are not float32, and computes.
func (n *Network) run(options *ort.RunOptions, count int, inputs, outputs [][]float32) error {
	values := make([]ort.Value, len(inputs)+len(outputs))
	defer func() {
		for _, v := range values {
			if v != nil {
				free(v)
			}
		}
	}()
	in, out := values[:len(inputs)], values[len(inputs):]
	for i, t := range n.inputs {
		v, err := t.value(count, inputs[i], true)
		if err != nil {
			return err
		}
		in[i] = v
	}
	for i, t := range n.outputs {
		if t.open {
			continue // ONNX Runtime makes it
		}
		v, err := t.value(count, outputs[i], false)
		if err != nil {
			return err
		}
		out[i] = v
	}
	if err := n.net.RunWithOptions(in, out, options); err != nil {
		return err
	}
	for i, t := range n.outputs {
		if t.element != Float32 || t.open || len(t.Shape) == 0 {
			got, err := numbers(out[i], outputs[i], t.open)
			if err != nil {
				return err
			}
			outputs[i] = got
		}
	}
	return nil
}

// Close waits for runs under way and frees the network; later runs return an error. Closing again does
// nothing.
func (n *Network) Close() error {
	n.runtime.mu.Lock()
	delete(n.runtime.networks, n)
	n.runtime.mu.Unlock()
	n.close()
	return nil
}

func (n *Network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.net != nil {
		free(n.net)
		n.net = nil
	}
}
