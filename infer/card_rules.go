package infer

import "gopkg.in/yaml.v3"

// EmbeddingRule is how a person's embedding becomes a swapper's input, in this order:
//
//	e = the recogniser's output on a face aligned by the recogniser's template
//	e = e/‖e‖         if Before
//	e = e · E          with Transform "matrix", E[512][512] row by row
//	e = converter(e)   with Transform "converter"
//	e = e/‖e‖         if After
type EmbeddingRule struct {
	// Recogniser is the name of the card that makes the embedding.
	Recogniser string `yaml:"recogniser" json:"recogniser"`
	// Before: the raw embedding is brought to length 1. True unless given.
	Before bool `yaml:"normalise-before" json:"normalise_before"`
	// Transform is TransformNone unless given.
	Transform string `yaml:"transform" json:"transform"`
	// Initializer, for TransformMatrix: the name of the constant in the network's file that holds E, or
	// LastInitializer. Left out, E is the file of role "matrix".
	Initializer string `yaml:"initializer,omitempty" json:"initializer,omitempty"`
	// Converter, for TransformConverter: the name of a card. Left out, it is the file of role
	// "converter", with one input and one output.
	Converter string `yaml:"converter,omitempty" json:"converter,omitempty"`
	// After: the result is brought to length 1. False unless given.
	After bool `yaml:"normalise-after,omitempty" json:"normalise_after"`
	// Slider: the user may push the result towards or away from the target's own
	// embedding (transformed alike): e·(1−f) + target·f. False unless given.
	Slider bool `yaml:"slider,omitempty" json:"slider,omitempty"`
}

// The transforms of an embedding.
const (
	TransformNone      = "none"
	TransformMatrix    = "matrix"
	TransformConverter = "converter"
)

// LastInitializer names the last initializer of the graph, as InsightFace finds the matrix of its swapper.
const LastInitializer = "last"

// EmbeddingSize is the number of values in the embeddings of published recognisers and swappers.
const EmbeddingSize = 512

// UnmarshalYAML fills in what is left out.
func (e *EmbeddingRule) UnmarshalYAML(n *yaml.Node) error {
	type plain EmbeddingRule
	p := plain{Before: true, Transform: TransformNone}
	if err := n.Decode(&p); err != nil {
		return err
	}
	*e = EmbeddingRule(p)
	return nil
}

// MaskRule says which parts of a network's picture are put into the frame: the least of all the
// masks that it names. For an occluder or parser it says how its answer becomes a mask.
type MaskRule struct {
	// Box is a square with soft edges.
	Box *BoxMask `yaml:"box,omitempty" json:"box,omitempty"`
	// Network uses the network's own outputs of the roles mask and target-mask.
	Network *NetworkMask `yaml:"network,omitempty" json:"network,omitempty"`
	// Area is a part of the face: AreaUpper, AreaLower or AreaMouth.
	Area string `yaml:"area,omitempty" json:"area,omitempty"`

	// Occluders and parsers. Keep lists the classes that are face, for a parser.
	Keep []int `yaml:"keep,flow,omitempty" json:"keep,omitempty"`
	// Sigma of the Gaussian over the mask, in pixels of the network's picture; 5 is customary.
	Sigma float64 `yaml:"sigma" json:"sigma,omitempty"`
	// Remap is RemapNone, or RemapClip: (clip(m, ½, 1) − ½)·2 after the blur.
	Remap string `yaml:"remap,omitempty" json:"remap,omitempty"`
}

// The remaps of a mask.
const (
	RemapNone = ""
	RemapClip = "clip"
)

// The areas of a face, by the convex hull of points of the 68-point scheme (0 to 67).
const (
	AreaUpper = "upper-face" // 0-2, 14-26, 31-35
	AreaLower = "lower-face" // 3-13, 31-35
	AreaMouth = "mouth"      // 48-67
)

// BoxMask is 1 inside and 0 in a border, blurred. With a = int(side·Blur/2), the border is as wide as
// the larger of a/2 and the padding, at least 1, and the Gaussian's sigma is a/4.
type BoxMask struct {
	// Blur is 0…1; .3 is customary.
	Blur float64 `yaml:"blur" json:"blur"`
	// Padding in percent of the side: top, right, bottom, left.
	Padding [4]float64 `yaml:"padding,flow" json:"padding"`
}

// NetworkMask is the network's own mask, the least of all where it gives several: Erode times
// shrunk by a 3×3 ellipse (a cross), then blurred by a Gaussian of Sigma pixels.
type NetworkMask struct {
	Erode int     `yaml:"erode" json:"erode"`
	Sigma float64 `yaml:"sigma" json:"sigma"`
}

// Decoder is how the numbers of a detector or landmarker are read.
type Decoder struct {
	// Name is one of the Decode… constants.
	Name string `yaml:"name" json:"name"`
	// Sizes are other sides at which a detector may be run, in pixels.
	Sizes []int `yaml:"sizes,flow,omitempty" json:"sizes,omitempty"`
	// Anchors per cell: 1 or 2.
	Anchors int `yaml:"anchors,omitempty" json:"anchors,omitempty"`
	// Threshold: candidates with a score of at most this are dropped. 0…1.
	Threshold float64 `yaml:"threshold,omitempty" json:"threshold,omitempty"`
	// Overlap is the intersection over union above which the weaker of two boxes is dropped. 0…1.
	Overlap float64 `yaml:"overlap,omitempty" json:"overlap,omitempty"`
	// Grid: a landmarker's coordinates run from 0 to this over the side of its picture.
	Grid float64 `yaml:"grid,omitempty" json:"grid,omitempty"`
	// Box: how many pixels of its picture the larger side of a face's box takes, centred.
	Box float64 `yaml:"box,omitempty" json:"box,omitempty"`
	// FullScore is the score that counts as certain: scores are divided by it.
	FullScore float64 `yaml:"full-score,omitempty" json:"full_score,omitempty"`
}

// The decoders.
const (
	// DecodeYOLOFace: one output "rows" of [1, 20, n]: centre x, y, width, height, score, five
	// times x, y, confidence; in pixels of the network's picture.
	DecodeYOLOFace = "yoloface"
	// DecodeSCRFD (and RetinaFace of InsightFace): scores, boxes and points for the strides 8, 16, 32.
	// A box is four distances (left, top, right, bottom) from the anchor in strides, a point two;
	// an anchor lies at the cell's index times the stride.
	DecodeSCRFD = "scrfd"
	// DecodeYuNet: scores, objectness, boxes and points for the strides 8, 16, 32, one anchor a
	// cell. Score is the product; centre = d·stride + anchor, side = exp(s)·stride.
	DecodeYuNet = "yunet"
	// DecodeFAN: points [1, 68, 3] in the grid, heatmaps [1, 68, g, g]; the score is the mean of
	// their maxima.
	DecodeFAN = "fan"
	// DecodeScoredPoints: 68 times x, y in the grid, score.
	DecodeScoredPoints = "scored-points"
	// DecodeLifter: five points in units of the template in, 68 in the same units out.
	DecodeLifter = "lifter"
)

// LipRule is how a lip-sync network is fed.
type LipRule struct {
	// Mel names the front end; only "wav2lip" is known: 16 kHz, 80 Slaney bands 55…7600 Hz, 80
	// columns a second, clip(1.6·log10(max(1e-5, x)) + 2.4, −4, 4).
	Mel string `yaml:"mel" json:"mel"`
	// Aligned is the side in pixels of the picture aligned by the template, from which the
	// network's is taken.
	Aligned int `yaml:"aligned" json:"aligned"`
	// Crop is LipFaceBox, the box of the face's points in it, or LipWhole, all of it.
	Crop string `yaml:"crop" json:"crop"`
}

// The crops of a lip-sync network.
const (
	LipFaceBox = "face-box"
	LipWhole   = "whole"
)
