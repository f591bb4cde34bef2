package infer

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Role is what a tensor of a card means.
type Role string

// The roles. A picture's samples x are full-range gamma-coded values 0…1.
const (
	RoleTarget          Role = "target"           // in: the picture that the network works on
	RoleSourceImage     Role = "source-image"     // in: a picture of the person who is put in
	RoleSourceEmbedding Role = "source-embedding" // in: the embedding of that person, after EmbeddingRule
	RoleMel             Role = "mel"              // in: a mel spectrogram
	RoleWeight          Role = "weight"           // in: one number, how strongly
	RoleMorph           Role = "morph"            // in: one number, how far between two people (DFM)
	RoleEmbedding       Role = "embedding"        // in (converter), out (recogniser, converter): an embedding
	RolePoints          Role = "points"           // in, out: points x, y, of a face or of each candidate
	RoleImage           Role = "image"            // out: a picture
	RoleMask            Role = "mask"             // out: how much of the picture counts, 0…1
	RoleTargetMask      Role = "target-mask"      // out: the same, of the target's own face (DFM)
	RoleClasses         Role = "classes"          // out: for each pixel a number per class
	RoleHeatmaps        Role = "heatmaps"         // out: a map per point
	RoleScores          Role = "scores"           // out: a number per candidate
	RoleObjectness      Role = "objectness"       // out: the second factor of a score (YuNet)
	RoleBoxes           Role = "boxes"            // out: four numbers per candidate
	RoleRows            Role = "rows"             // out: box, score and points of each candidate (YOLO)
)

// Element is the type of a tensor's numbers. Sessions take and give float32 and convert.
type Element string

// The types.
const (
	Float32 Element = "float32"
	Float16 Element = "float16"
	Float64 Element = "float64"
	Int64   Element = "int64"
)

// Layouts of pictures and colours.
const (
	NCHW = "NCHW" // planes
	NHWC = "NHWC" // interleaved
	RGB  = "RGB"
	BGR  = "BGR"
)

// What a group of three channels of the target holds.
const (
	WholeFace      = "face"
	LowerHalfZero  = "face-lower-half-zero" // rows from the middle down are 0, as Wav2Lip was trained
	maxTensorRank  = 6
	maxTensorValue = 1 << 28 // numbers in a tensor, and in all of a network: 1 GiB of float32
)

// CardInput is one input of a network.
type CardInput struct {
	Role Role `yaml:"role" json:"role"`
	// Name is the tensor's in the file; "" where it is the file's input at this place.
	Name string `yaml:"name,omitempty" json:"name,omitempty"`
	// Shape lists the dimensions, 0 being whatever the file says. Left out, it follows for a picture
	// from size, layout and channels, and is the file's otherwise. Where the file leaves
	// a dimension open, the card's holds.
	Shape []int64 `yaml:"shape,flow,omitempty" json:"shape,omitempty"`
	// Type is float32 unless given.
	Type Element `yaml:"type" json:"type"`

	// For pictures: Layout is NCHW unless given, Colour RGB, Size the card's.
	Layout string `yaml:"layout" json:"layout,omitempty"`
	Colour string `yaml:"colour" json:"colour,omitempty"`
	Size   int    `yaml:"size,omitempty" json:"size,omitempty"`
	// The network reads (x·Scale − Mean) / Std, Mean and Std by channel in the order of Colour.
	// Scale is what white is before that: 1 unless given.
	Scale float64 `yaml:"scale" json:"scale,omitempty"`
	Mean  Triple  `yaml:"mean,flow,omitempty" json:"mean"`
	Std   Triple  `yaml:"std,flow" json:"std"`
	// Channels are groups of three channels, each WholeFace or LowerHalfZero; empty: one whole face.
	// What is zeroed is 0 after normalisation.
	Channels []string `yaml:"channels,flow,omitempty" json:"channels,omitempty"`
	// Template of a source picture; the card's when it has no name or points.
	Template Template `yaml:"template,omitempty" json:"template,omitzero"`
	// Sharpen the picture first: x + Amount·(x − blur(x, Sigma)).
	Sharpen Sharpen `yaml:"sharpen,omitempty" json:"sharpen,omitzero"`

	// Optional, for weight and morph: a file without the input is right too. It needs a name.
	Optional bool `yaml:"optional,omitempty" json:"optional,omitempty"`
	// Value, for weight and morph: what is used unless the user says otherwise, and the ends of
	// what may be said.
	Value float64 `yaml:"value,omitempty" json:"value,omitempty"`
	Min   float64 `yaml:"min,omitempty" json:"min,omitempty"`
	Max   float64 `yaml:"max" json:"max,omitempty"`
}

// UnmarshalYAML fills in what is left out.
func (i *CardInput) UnmarshalYAML(n *yaml.Node) error {
	type plain CardInput
	p := plain{Type: Float32, Layout: NCHW, Colour: RGB, Scale: 1, Std: Triple{1, 1, 1}, Max: 1, Template: Template{Scale: 1}}
	if err := n.Decode(&p); err != nil {
		return err
	}
	*i = CardInput(p)
	return nil
}

// Picture tells whether the input is a picture.
func (i CardInput) Picture() bool { return i.Role == RoleTarget || i.Role == RoleSourceImage }

// CardOutput is one output of a network.
type CardOutput struct {
	Role Role `yaml:"role" json:"role"`
	// Name, Shape and Type as an input's.
	Name  string  `yaml:"name,omitempty" json:"name,omitempty"`
	Shape []int64 `yaml:"shape,flow,omitempty" json:"shape,omitempty"`
	Type  Element `yaml:"type" json:"type"`
	// For pictures and masks: Layout is NCHW unless given, Colour RGB, Size the card's.
	Layout string `yaml:"layout" json:"layout,omitempty"`
	Colour string `yaml:"colour" json:"colour,omitempty"`
	Size   int    `yaml:"size,omitempty" json:"size,omitempty"`
	// Range holds the numbers for black and white, or for nothing and all of a mask; what lies
	// beyond is cut off. 0 and 1 unless given.
	Range [2]float64 `yaml:"range,flow" json:"range"`
	// Stride in pixels of the cells that a detector's output is about: 8, 16, 32, 64 or 128.
	Stride int `yaml:"stride,omitempty" json:"stride,omitempty"`
}

// UnmarshalYAML fills in what is left out.
func (o *CardOutput) UnmarshalYAML(n *yaml.Node) error {
	type plain CardOutput
	p := plain{Type: Float32, Layout: NCHW, Colour: RGB, Range: [2]float64{0, 1}}
	if err := n.Decode(&p); err != nil {
		return err
	}
	*o = CardOutput(p)
	return nil
}

// Sharpen is an unsharp mask: Amount 0…4, 0 being none; Sigma in pixels of the network's picture.
type Sharpen struct {
	Amount float64 `yaml:"amount" json:"amount"`
	Sigma  float64 `yaml:"sigma" json:"sigma"`
}

// Triple is a number per channel; in a card one number stands for three.
type Triple [3]float64

// UnmarshalYAML reads one number or a list of three.
func (t *Triple) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		var v float64
		if err := n.Decode(&v); err != nil {
			return err
		}
		*t = Triple{v, v, v}
		return nil
	}
	var list []float64
	if err := n.Decode(&list); err != nil {
		return err
	}
	if len(list) != 3 {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: must be one number or three", n.Line)}}
	}
	copy(t[:], list)
	return nil
}
