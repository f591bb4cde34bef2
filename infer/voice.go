package infer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/twinsync/twinsync/fault"
)

// Bounds of one run of a voice.
const (
	MaxTokens     = 4096
	maxVoiceSound = 96_000 * 600 // samples: ten minutes at the highest rate
)

// VoiceInput is what a voice says. Only what its network reads is used.
type VoiceInput struct {
	Tokens  []int64    // 1…MaxTokens
	Scales  [3]float32 // noise, length, noise of lengths
	Speaker int64
	Style   []float32 // StyleSize
	Speed   float32
}

// VoiceOutput is what it sounds like.
type VoiceOutput struct {
	Samples []float32
	// Durations of the tokens in units of VoiceRule.Hop; nil where the network does not tell.
	Durations []float32
}

// VoiceNetwork is a loaded network that speaks. Any number of goroutines may call Say at once. Close it.
type VoiceNetwork struct {
	boundVoice

	mu  sync.RWMutex // held for reading by every run, for writing by Close
	net *ort.DynamicAdvancedSession
}

// OpenVoice loads the network of a card of the kind voice from its file, which is held against the card first. The caller has compared the
// digest (Store.OpenVoice does).
//
// Errors: those of ModelCard.Validate; fault.InvalidField naming the tensor that differs; fault.NotFound, Empty, TooLarge, Unsupported
// for the file.
func (r *Runtime) OpenVoice(path string, card ModelCard) (*VoiceNetwork, error) {
	if err := card.Validate(); err != nil {
		return nil, err
	}
	if card.Kind != Voice {
		return nil, bad("kind", "%s is a %s, not a voice", card.Name, card.Kind)
	}
	g, err := openGraph(path)
	if err != nil {
		return nil, err
	}
	if err := g.checkExternal(card); err != nil {
		return nil, err
	}
	b, err := bindVoice(card, g)
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
	if err := options.AddSessionConfigEntry("session.load_model_format", "ONNX"); err != nil {
		return nil, cannotRun(card.Name, err)
	}
	names := func(all []graphTensor) []string {
		var out []string
		for _, t := range all {
			out = append(out, t.name)
		}
		return out
	}
	net, err := ort.NewDynamicAdvancedSession(path, names(b.inputs), names(b.outputs), options)
	if err != nil {
		return nil, cannotRun(card.Name, err)
	}
	return &VoiceNetwork{boundVoice: *b, net: net}, nil
}

// OpenVoice loads a voice of the store, after all that Load checks.
func (s *Store) OpenVoice(ctx context.Context, r *Runtime, name string) (*VoiceNetwork, error) {
	in, err := s.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	return r.OpenVoice(in.Path(in.Card.Network()), in.Card)
}

// Close waits for runs under way and frees the network. Closing again does nothing.
func (n *VoiceNetwork) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.net != nil {
		free(n.net)
		n.net = nil
	}
}

// Say computes the sound of some tokens. When ctx ends, the run is broken off and ctx's error is returned.
//
// Errors: fault.Internal for an input that is none; fault.Unsupported where the network cannot compute, or answers what is no sound.
func (n *VoiceNetwork) Say(ctx context.Context, in VoiceInput) (VoiceOutput, error) {
	if len(in.Tokens) == 0 || len(in.Tokens) > MaxTokens {
		return VoiceOutput{}, fault.New(fault.Internal, "", "%d tokens cannot be said", len(in.Tokens))
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.net == nil {
		return VoiceOutput{}, errClosed()
	}
	var out VoiceOutput
	err := interruptible(ctx,
		func(options *ort.RunOptions) (err error) { out, err = n.run(options, in); return err },
		func(err error) error { return cannotRun(n.card.Name, err) })
	if err != nil {
		return VoiceOutput{}, err
	}
	unsound := func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }
	if len(out.Samples) == 0 || len(out.Samples) > maxVoiceSound || slices.ContainsFunc(out.Samples, unsound) {
		return VoiceOutput{}, fault.New(fault.Unsupported, "voice", "the network %s answers no sound", n.card.Name)
	}
	return out, nil
}

func (n *VoiceNetwork) run(options *ort.RunOptions, in VoiceInput) (VoiceOutput, error) {
	values := make([]ort.Value, len(n.inputs)+len(n.outputs))
	defer func() {
		for _, v := range values {
			if v != nil {
				free(v)
			}
		}
	}()
	for i, t := range n.inputs {
		v, err := voiceValue(n.card.Inputs[i].Role, t, in)
		if err != nil {
			return VoiceOutput{}, err
		}
		values[i] = v
	}
	outputs := values[len(n.inputs):]
	if err := n.net.RunWithOptions(values[:len(n.inputs)], outputs, options); err != nil {
		return VoiceOutput{}, err
	}
	var out VoiceOutput
	for i, spec := range n.card.Outputs {
		got, err := numbers(outputs[i], nil, true)
		if err != nil {
			return out, err
		}
		if spec.Role == RoleAudio {
			out.Samples = got
		} else {
			out.Durations = got
		}
	}
	return out, nil
}

// voiceValue is the tensor of a role, of as many dimensions as the file has.
func voiceValue(role Role, t graphTensor, in VoiceInput) (ort.Value, error) {
	var whole []int64
	var real []float32
	switch role {
	case RoleTokens:
		whole = in.Tokens
	case RoleLengths:
		whole = []int64{int64(len(in.Tokens))}
	case RoleSpeaker:
		whole = []int64{in.Speaker}
	case RoleScales:
		real = in.Scales[:]
	case RoleStyle:
		real = in.Style
	case RoleSpeed:
		real = []float32{in.Speed}
	}
	rank := len(t.shape)
	if !t.shaped || rank == 0 {
		rank = map[Role]int{RoleTokens: 2, RoleStyle: 2}[role]
		rank = max(rank, 1)
	}
	shape := make([]int64, rank)
	for i := range shape {
		shape[i] = 1
	}
	if whole != nil {
		shape[rank-1] = int64(len(whole))
		return ort.NewTensor(ort.Shape(shape), slices.Clone(whole))
	}
	shape[rank-1] = int64(len(real))
	return ort.NewTensor(ort.Shape(shape), slices.Clone(real))
}

// checkVoiceNetwork is checkNetwork for a voice.
func checkVoiceNetwork(ctx context.Context, r *Runtime, path string, c ModelCard, g *graph, run bool) []CheckStep {
	b, err := bindVoice(c, g)
	if err != nil {
		return []CheckStep{{"network's tensors", err}}
	}
	var steps []CheckStep
	for i, t := range slices.Concat(b.inputs, b.outputs) {
		side := "input"
		if i >= len(b.inputs) {
			side = "output"
		}
		steps = append(steps, CheckStep{fmt.Sprintf("network's %s %s is %s %s", side, t.name, elementText(t.element), shapeText(t.shape)), nil})
	}
	n, err := r.OpenVoice(path, c)
	steps = append(steps, CheckStep{"network loads", err})
	if err != nil {
		return steps
	}
	defer n.Close()
	if run {
		_, err := n.Say(ctx, VoiceInput{Tokens: []int64{1, 0, 2, 0, 3}, Scales: [3]float32{0, 1, 0}, Style: make([]float32, StyleSize), Speed: 1})
		steps = append(steps, CheckStep{"network speaks with " + r.Provider(), err})
	}
	return steps
}
