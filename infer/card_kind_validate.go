package infer

import (
	"fmt"
	"slices"
	"strings"
)

// contract is what a kind's tensors must be: each role's least and greatest number.
type contract struct {
	in, out map[Role][2]int
	// template: the kind reads a face laid out by one.
	template bool
}

// contractOf is a kind's contract. Detectors' and landmarkers' outputs are their decoder's matter.
func contractOf(k ModelKind) contract {
	one, maybe, many := [2]int{1, 1}, [2]int{0, 1}, [2]int{0, maxCardList}
	switch k {
	case Swapper:
		return contract{
			in:       map[Role][2]int{RoleTarget: one, RoleSourceEmbedding: maybe, RoleSourceImage: maybe, RoleWeight: maybe, RoleMorph: maybe},
			out:      map[Role][2]int{RoleImage: one, RoleMask: maybe, RoleTargetMask: maybe},
			template: true,
		}
	case Enhancer:
		return contract{in: map[Role][2]int{RoleTarget: one, RoleWeight: maybe}, out: map[Role][2]int{RoleImage: one}, template: true}
	case Occluder:
		return contract{in: map[Role][2]int{RoleTarget: one}, out: map[Role][2]int{RoleMask: one}}
	case Parser:
		return contract{in: map[Role][2]int{RoleTarget: one}, out: map[Role][2]int{RoleClasses: one}}
	case Recogniser:
		return contract{in: map[Role][2]int{RoleTarget: one}, out: map[Role][2]int{RoleEmbedding: one}, template: true}
	case Converter:
		return contract{in: map[Role][2]int{RoleEmbedding: one}, out: map[Role][2]int{RoleEmbedding: one}}
	case Detector:
		return contract{in: map[Role][2]int{RoleTarget: one}, out: map[Role][2]int{RoleScores: many, RoleObjectness: many, RoleBoxes: many, RolePoints: many, RoleRows: many}}
	case Landmarker:
		return contract{in: map[Role][2]int{RoleTarget: maybe, RolePoints: maybe}, out: map[Role][2]int{RolePoints: one, RoleHeatmaps: maybe, RoleScores: maybe}}
	case LipSync:
		return contract{in: map[Role][2]int{RoleTarget: one, RoleMel: one, RoleWeight: maybe}, out: map[Role][2]int{RoleImage: one}, template: true}
	case Voice:
		return contract{
			in:  map[Role][2]int{RoleTokens: one, RoleLengths: maybe, RoleScales: maybe, RoleSpeaker: maybe, RoleStyle: maybe, RoleSpeed: maybe},
			out: map[Role][2]int{RoleAudio: one, RoleDurations: maybe},
		}
	}
	return contract{}
}

func (c ModelCard) checkKind() error {
	k := contractOf(c.Kind)
	in, out := map[Role]int{}, map[Role]int{}
	for i, t := range c.Inputs {
		if _, ok := k.in[t.Role]; !ok {
			return bad(fmt.Sprintf("inputs[%d].role", i), "a %s reads no %s", c.Kind, t.Role)
		}
		in[t.Role]++
		if c.Size == 0 && t.Size == 0 && t.Picture() && c.Kind != Swapper {
			return lacking("size", "the side of the network's picture in pixels is not given")
		}
	}
	for i, t := range c.Outputs {
		if _, ok := k.out[t.Role]; !ok {
			return bad(fmt.Sprintf("outputs[%d].role", i), "a %s gives no %s", c.Kind, t.Role)
		}
		out[t.Role]++
	}
	if err := checkCounts("inputs", k.in, in); err != nil {
		return err
	}
	if err := checkCounts("outputs", k.out, out); err != nil {
		return err
	}
	if c.Kind == Swapper && in[RoleSourceEmbedding]+in[RoleSourceImage] > 1 {
		return bad("inputs", "a swapper reads a source embedding or a source image, not both")
	}
	if c.Kind == Landmarker && in[RoleTarget]+in[RolePoints] != 1 {
		return bad("inputs", "a landmarker reads a target or points")
	}
	needs := k.template || in[RolePoints] > 0
	if needs && !c.Template.Set() {
		return lacking("template", "it must be said where a face's five points lie").
			WithHint("Choose a template by name: %s.", strings.Join(TemplateNames(), ", "))
	}
	return nil
}

func checkCounts(side string, want map[Role][2]int, got map[Role]int) error {
	roles := make([]Role, 0, len(want))
	for r := range want {
		roles = append(roles, r)
	}
	slices.Sort(roles) // the same error every time
	for _, r := range roles {
		if got[r] < want[r][0] {
			return lacking(side, "one must have the role %s", r)
		}
		if got[r] > want[r][1] {
			return bad(side, "%d have the role %s, at most %d may", got[r], r, want[r][1])
		}
	}
	return nil
}

func (c ModelCard) checkEmbedding() error {
	e := c.Embedding
	if _, wants := c.Input(RoleSourceEmbedding); wants != (e != nil) {
		return bad("embedding", "is for swappers with an input of the role %s, which need it", RoleSourceEmbedding)
	}
	_, matrix := c.File(MatrixFile)
	_, converter := c.File(ConverterFile)
	if e == nil {
		if matrix || converter {
			return bad("files", "a matrix or converter is for swappers with a source embedding")
		}
		return nil
	}
	if err := ValidModelName("embedding.recogniser", e.Recogniser); err != nil {
		return err
	}
	if e.Converter != "" {
		if err := ValidModelName("embedding.converter", e.Converter); err != nil {
			return err
		}
	}
	if !tensorName.MatchString(e.Initializer) {
		return bad("embedding.initializer", "is no name of a tensor")
	}
	switch e.Transform {
	case TransformNone, TransformMatrix, TransformConverter:
	default:
		return bad("embedding.transform", "is %q, must be none, matrix or converter", short(e.Transform))
	}
	if (e.Transform == TransformMatrix) != (matrix || e.Initializer != "") || matrix && e.Initializer != "" {
		return bad("embedding.transform", "a matrix is named by embedding.initializer or by a file of the role matrix: by one of them, with transform matrix alone")
	}
	if (e.Transform == TransformConverter) != (converter || e.Converter != "") || converter && e.Converter != "" {
		return bad("embedding.transform", "a converter is named by embedding.converter or by a file of the role converter: by one of them, with transform converter alone")
	}
	return nil
}

func (c ModelCard) checkMask() error {
	m := c.Mask
	draws := c.Kind == Swapper || c.Kind == Enhancer || c.Kind == LipSync
	reads := c.Kind == Occluder || c.Kind == Parser
	if !draws && (m.Box != nil || m.Network != nil || m.Area != "") {
		return bad("mask", "box, network and area are for networks that draw a face")
	}
	if !reads && (m.Sigma != 0 || m.Remap != RemapNone) {
		return bad("mask", "sigma and remap are for occluders and parsers")
	}
	if (c.Kind == Parser) != (len(m.Keep) > 0) {
		return bad("mask.keep", "lists the classes that a parser takes for face; it is for parsers, which need it")
	}
	if b := m.Box; b != nil {
		if !within(b.Blur, 0, 1) {
			return bad("mask.box.blur", "must be from 0 to 1")
		}
		for _, p := range b.Padding {
			if !within(p, 0, 100) {
				return bad("mask.box.padding", "must be from 0 to 100 percent")
			}
		}
	}
	_, own := c.Output(RoleMask)
	_, ownTarget := c.Output(RoleTargetMask)
	if n := m.Network; n != nil {
		if !own && !ownTarget {
			return bad("mask.network", "no output has the role %s or %s", RoleMask, RoleTargetMask)
		}
		if n.Erode < 0 || n.Erode > 32 || !within(n.Sigma, 0, 100) {
			return bad("mask.network", "erode must be from 0 to 32, sigma from 0 to 100 pixels")
		}
	}
	if !slices.Contains([]string{"", AreaUpper, AreaLower, AreaMouth}, m.Area) {
		return bad("mask.area", "is %q, must be %s, %s or %s", short(m.Area), AreaUpper, AreaLower, AreaMouth)
	}
	if m.Remap != RemapNone && m.Remap != RemapClip {
		return bad("mask.remap", "is %q, must be %s or left out", short(m.Remap), RemapClip)
	}
	if !within(m.Sigma, 0, 100) {
		return bad("mask.sigma", "must be from 0 to 100 pixels")
	}
	if len(m.Keep) > 256 {
		return bad("mask.keep", "are more than 256")
	}
	for _, k := range m.Keep {
		if k < 0 || k > 255 {
			return bad("mask.keep", "holds %d; classes are from 0 to 255", k)
		}
	}
	return nil
}

func (c ModelCard) checkDecoder() error {
	d := c.Decoder
	if (d != nil) != (c.Kind == Detector || c.Kind == Landmarker) {
		return bad("decoder", "is for detectors and landmarkers, which need it")
	}
	if d == nil {
		return nil
	}
	wants := map[string]map[Role]int{
		DecodeYOLOFace:     {RoleRows: 1},
		DecodeSCRFD:        {RoleScores: 3, RoleBoxes: 3, RolePoints: 3},
		DecodeYuNet:        {RoleScores: 3, RoleObjectness: 3, RoleBoxes: 3, RolePoints: 3},
		DecodeFAN:          {RolePoints: 1, RoleHeatmaps: 1},
		DecodeScoredPoints: {RolePoints: 1},
		DecodeLifter:       {RolePoints: 1},
	}[d.Name]
	detects := d.Name == DecodeYOLOFace || d.Name == DecodeSCRFD || d.Name == DecodeYuNet
	if wants == nil || detects != (c.Kind == Detector) {
		return bad("decoder.name", "is %q, which is no decoder of a %s", short(d.Name), c.Kind)
	}
	strides := map[string]bool{}
	got := map[Role]int{}
	for i, out := range c.Outputs {
		got[out.Role]++
		key := fmt.Sprint(out.Role, out.Stride)
		if (d.Name == DecodeSCRFD || d.Name == DecodeYuNet) && (!slices.Contains([]int{8, 16, 32}, out.Stride) || strides[key]) {
			return bad(fmt.Sprintf("outputs[%d].stride", i), "each role needs the strides 8, 16 and 32, once each")
		}
		strides[key] = true
	}
	for _, out := range c.Outputs {
		if got[out.Role] != wants[out.Role] {
			return bad("outputs", "%s needs %d of the role %s, not %d", d.Name, wants[out.Role], out.Role, got[out.Role])
		}
	}
	if len(got) != len(wants) {
		return lacking("outputs", "%s needs outputs of %d roles, not %d", d.Name, len(wants), len(got))
	}
	if _, points := c.Input(RolePoints); points != (d.Name == DecodeLifter) {
		return bad("decoder.name", "%s is for networks that read points, and they need it", DecodeLifter)
	}
	return d.checkNumbers(c)
}

func (d Decoder) checkNumbers(c ModelCard) error {
	if len(d.Sizes) > maxCardList {
		return bad("decoder.sizes", "are more than %d", maxCardList)
	}
	for i, s := range d.Sizes {
		if err := checkSide(fmt.Sprintf("decoder.sizes[%d]", i), s, false); err != nil {
			return err
		}
	}
	if d.Name == DecodeSCRFD && d.Anchors != 1 && d.Anchors != 2 {
		return bad("decoder.anchors", "must be 1 or 2 a cell")
	}
	if c.Kind == Detector && (!within(d.Threshold, 0.01, 1) || !within(d.Overlap, 0, 1)) {
		return bad("decoder.threshold", "must be from 0.01 to 1, overlap from 0 to 1")
	}
	if d.Name == DecodeFAN || d.Name == DecodeScoredPoints {
		if !within(d.Grid, 1, maxSide) || !within(d.Box, 1, float64(c.Size)) || !within(d.FullScore, 0.01, 1) {
			return bad("decoder", "grid must be at least 1, box from 1 to the card's size, full-score from 0.01 to 1")
		}
	}
	return nil
}
