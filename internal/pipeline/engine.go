package pipeline

import (
	"math"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/swap"
)

// Engine says what makes the pictures of a swap: the zero value is the built-in engine. Networks are named
// as they were added to the installation's store, never by a path.
type Engine struct {
	Name     string `json:"name,omitempty"`     // swap.EngineMesh, which "" stands for, or swap.EngineONNX
	Model    string `json:"model,omitempty"`    // the swapper
	Enhancer string `json:"enhancer,omitempty"` // "" for none
	Occluder string `json:"occluder,omitempty"` // "": what the engine itself sees in front of a face
	Parser   string `json:"parser,omitempty"`   // "" for none
	// Landmarker finds the points by which a face is aligned; "": the analysis has them.
	Landmarker string `json:"landmarker,omitempty"`

	Boost int     `json:"boost,omitempty"` // side in pixels of pixel boost; 0 is the network's own
	Away  float64 `json:"away,omitempty"`  // −½…½: away from the target's identity
	Blend int     `json:"blend,omitempty"` // percent of the enhancer's picture; 0 is its card's
}

// onnx tells whether added networks are used.
func (e Engine) onnx() bool { return e.Name == swap.EngineONNX }

// String names the engine and its network: "mesh", "onnx: NAME".
func (e Engine) String() string {
	if e.onnx() {
		return swap.EngineONNX + ": " + e.Model
	}
	return swap.EngineMesh
}

// Validate says what is wrong, naming the field. Whether the networks are there is found out when the
// task begins.
func (e Engine) Validate() error {
	if e.Name != "" && e.Name != swap.EngineMesh && !e.onnx() {
		return fault.New(fault.InvalidField, "engine", "there is no engine %q", e.Name).
			WithHint("Use %s or %s.", swap.EngineMesh, swap.EngineONNX)
	}
	if !e.onnx() {
		if (Engine{Name: e.Name}) != e {
			return fault.New(fault.InvalidField, "engine", "networks and their settings are for the engine %s", swap.EngineONNX).
				WithHint("Add --engine %s.", swap.EngineONNX)
		}
		return nil
	}
	if e.Model == "" {
		return fault.New(fault.MissingField, "model", "the engine %s needs a network", swap.EngineONNX).
			WithHint("Name one with --model; 'twinsync models list' shows them.")
	}
	for _, n := range []struct{ field, name string }{
		{"model", e.Model}, {"enhancer", e.Enhancer}, {"occluder", e.Occluder}, {"parser", e.Parser},
		{"landmarker", e.Landmarker},
	} {
		if n.name == "" {
			continue
		}
		if err := infer.ValidModelName(n.field, n.name); err != nil {
			return err
		}
	}
	switch {
	case e.Boost < 0 || e.Boost > 1<<14:
		return fault.New(fault.InvalidField, "pixel-boost", "%d is no side of a picture", e.Boost)
	case math.IsNaN(e.Away) || e.Away < -.5 || e.Away > .5:
		return fault.New(fault.InvalidField, "weight", "must lie between 0 and 1")
	case e.Blend < 0 || e.Blend > 100:
		return fault.New(fault.InvalidField, "blend", "must lie between 0 and 100 percent")
	}
	return nil
}
