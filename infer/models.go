package infer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"unsafe"
)

// The files, as strings because those cannot be changed.
var (
	//go:embed models/face_detect_short.onnx
	fileDetectShort string
	//go:embed models/face_detect_full.onnx
	fileDetectFull string
	//go:embed models/face_mesh.onnx
	fileMesh string
	//go:embed models/face_mesh_attention.onnx
	fileMeshAttention string
	//go:embed models/face_embedding.onnx
	fileEmbedding string
	//go:embed models/face_res.onnx
	fileRes string
)

// Model names one of the networks inside the binary.
//
// All take one picture, RGB as full-range gamma-coded values 0…1, interleaved (height,
// width, 3), row by row, and have all their scaling inside.
type Model uint8

const (
	// FaceDetectShort finds faces that fill a good part of the picture (MediaPipe's short
	// range network, BlazeFace). Input 128×128: the whole picture, made square with black.
	//
	// Output "boxes" [896, 16]: centre x, centre y, width, height, then six points x, y: the
	// person's right eye, left eye, nose tip, mouth, right ear, left ear. All as a fraction
	// of the input's side, 0 being its left or upper edge (the edge, not a pixel's centre);
	// the anchors are added already. Output "scores" [896]: the probability of a face.
	//
	// MediaPipe keeps scores of at least 0.5 and replaces boxes that overlap by an IoU of
	// more than 0.3 by their mean weighted by score, points included.
	FaceDetectShort Model = iota

	// FaceDetectFull finds smaller faces too, to about a twentieth of the picture's side
	// (MediaPipe's full range network, dense variant). Input 192×192, as above.
	//
	// Outputs as FaceDetectShort's, with 2304 boxes. MediaPipe keeps scores of at least 0.6.
	FaceDetectFull

	// FaceMesh lays the 468 points of the canonical face on a face. Input 192×192: a square
	// around the face, 1.5 times the larger side of its box (of the mesh in the frame before,
	// or of a detection), turned so that the line between the eyes is level. What lies
	// outside the frame repeats its border.
	//
	// Output "points" [468, 3]: x, y in pixels of the input, where (0, 0) is its upper left
	// corner and 192 the far edge, so that pixel i is centred at i+½ (measured on mirrored
	// pictures: right to 0.2 pixels); z in the same unit, less towards the viewer, 0 at the
	// head's centre. Output "presence" [1]: the probability that a face is there; MediaPipe
	// gives a track up below 0.5.
	FaceMesh

	// FaceMeshAttention is FaceMesh with a second, closer look at lips and eyes, and with the
	// irises: MediaPipe's mesh with attention. Input, presence and the meaning of the numbers
	// as FaceMesh's.
	//
	// Output "points" [478, 3]: the first 468 as FaceMesh's, x and y of lips and eyes replaced by
	// the refined ones and z kept, as MediaPipe does; then centre, right, top, left and bottom
	// of the person's right iris as the picture shows it, and of the left one; their z is the
	// mean of the lids'.
	FaceMeshAttention

	// FaceEmbedding tells people apart: dlib's face recognition network (a ResNet of 29
	// convolutions, 99.4 % on LFW by its author). Input 150×150: the face moved, turned and scaled
	// (no shear) so that the points EmbeddingPoints of the mesh come to lie on EmbeddingTemplate,
	// least squares; anti-aliased when it shrinks; border repeated.
	//
	// Output "embedding" [128], of length 1. Compare two by the Euclidean distance d between
	// them, not by a cosine threshold from other networks: all faces lie in one cone, so that
	// strangers have cosines of .83 ± .05. On 37 people, half of them filmed, aligned with the mesh
	// above: same person d = .15 ± .06 (99 % below .28, at most .32), strangers .58 ± .08 (99 % above
	// .36, at least .32). SamePerson is where the two meet. It is weaker between elderly and East
	// Asian faces, where the least distances between strangers are.
	FaceEmbedding

	// FaceRes judges likeness by the look of the whole face, skin and light included: HSE-FaceRes,
	// a MobileNet. It is here to measure swaps with, beside FaceEmbedding; nobody is told
	// apart by it. Input 224×224: the face moved, turned and scaled so that the middle of each
	// eye, the nose tip and the corners of the mouth come to lie on ArcFace's template (models of
	// 112 pixels, scaled to 224 and shrunk by .8 about its centre, so that chin and brows are inside).
	//
	// Output "embedding" [1024], of length 1, no number negative. Compare two by their cosine: the
	// same person .91 ± .06, strangers .40 ± .08 on good views.
	FaceRes

	modelCount
)

// SamePerson is the distance between two outputs of FaceEmbedding below which they are
// more likely one person than two.
const SamePerson = 0.32

// EmbeddingPoints are the vertices of the mesh by which FaceEmbedding's input is aligned: outer
// and inner corner of the person's right eye, inner and outer corner of the left eye, lower
// end of the nose's bridge between the nostrils.
func EmbeddingPoints() [5]int { return [5]int{33, 133, 362, 263, 94} }

// EmbeddingTemplate is where EmbeddingPoints lie in FaceEmbedding's input: x, y in pixels, whole
// numbers being pixel centres. They are dlib's mean face of five points with its padding
// of .25 (dlib/image_transforms/interpolation.h, get_face_chip_details).
func EmbeddingTemplate() [5][2]float32 {
	return [5][2]float32{{37.058, 46.373}, {58.409, 47.906}, {89.606, 47.897}, {110.957, 46.350}, {74.011, 87.780}}
}

// spec is what the package knows of a network without loading it.
type spec struct {
	name, purpose   string
	file            string // its bytes
	licence, source string
	inputs, outputs []Tensor
}

func (m Model) spec() spec {
	image := func(side int64) []Tensor { return []Tensor{{"image", []int64{1, side, side, 3}}} }
	detected := func(n int64) []Tensor { return []Tensor{{"boxes", []int64{n, 16}}, {"scores", []int64{n}}} }
	mesh := func(n int64) []Tensor { return []Tensor{{"points", []int64{n, 3}}, {"presence", []int64{1}}} }
	const (
		detection = "npm @mediapipe/face_detection 0.4.1657300184"
		landmarks = "npm @mediapipe/face_mesh 0.4.1657299874"
	)
	switch m {
	case FaceDetectShort:
		return spec{"face-detect-short", "finds near faces", fileDetectShort, "Apache-2.0", detection, image(128), detected(896)}
	case FaceDetectFull:
		return spec{"face-detect-full", "finds near and far faces", fileDetectFull, "Apache-2.0", detection, image(192), detected(2304)}
	case FaceMeshAttention:
		return spec{"face-mesh-attention", "478 points on a face, with irises", fileMeshAttention, "Apache-2.0", landmarks, image(192), mesh(478)}
	case FaceEmbedding:
		return spec{"face-embedding", "tells people apart", fileEmbedding, "CC0-1.0", "PyPI face_recognition_models 0.3.0 (dlib_face_recognition_resnet_model_v1)",
			image(150), []Tensor{{"embedding", []int64{128}}}}
	case FaceRes:
		return spec{"face-res", "measures likeness", fileRes, "MIT", "npm @vladmandic/human 3.3.6 (HSE-FaceRes)",
			image(224), []Tensor{{"embedding", []int64{1024}}}}
	case FaceMesh:
		return spec{"face-mesh", "468 points on a face", fileMesh, "Apache-2.0", landmarks, image(192), mesh(468)}
	}
	return spec{name: fmt.Sprintf("model %d", m)}
}

func (m Model) valid() bool { return m < modelCount }

// String is the network's name, as `twinsync models list` prints it.
func (m Model) String() string { return m.spec().name }

// Card describes an embedded network.
type Card struct {
	Model   Model    `json:"-"`
	Name    string   `json:"name"`
	Purpose string   `json:"purpose"`
	Licence string   `json:"licence"` // SPDX
	Source  string   `json:"source"`  // the package it was converted from
	SHA256  string   `json:"sha256"`  // of the embedded file, hex
	Size    int      `json:"size"`    // bytes
	Inputs  []Tensor `json:"inputs"`
	Outputs []Tensor `json:"outputs"`
}

// Catalog lists the embedded networks.
func Catalog() []Card {
	var cards []Card
	for m := range modelCount {
		s := m.spec()
		sum := sha256.Sum256(s.bytes())
		cards = append(cards, Card{
			Model: m, Name: s.name, Purpose: s.purpose, Licence: s.licence, Source: s.source,
			SHA256: hex.EncodeToString(sum[:]), Size: len(s.file), Inputs: s.inputs, Outputs: s.outputs,
		})
	}
	return cards
}

// bytes is the file without a copy, which would double the largest network's memory while it
// loads. It must only be read.
func (s spec) bytes() []byte {
	return unsafe.Slice(unsafe.StringData(s.file), len(s.file)) //nolint:gosec // read by ONNX Runtime only
}
