package infer

import (
	"fmt"
	"slices"
)

func (c ModelCard) checkTensors() error {
	if len(c.Inputs) == 0 {
		return lacking("inputs", "no input is named")
	}
	if len(c.Outputs) == 0 {
		return lacking("outputs", "no output is named")
	}
	if len(c.Inputs) > maxCardList || len(c.Outputs) > maxCardList {
		return bad("inputs", "and outputs are at most %d each", maxCardList)
	}
	names := map[string]bool{}
	for i, in := range c.Inputs {
		if err := c.checkInput(fmt.Sprintf("inputs[%d]", i), in); err != nil {
			return err
		}
		if in.Name != "" && names["in "+in.Name] {
			return bad(fmt.Sprintf("inputs[%d].name", i), "%q is there twice", in.Name)
		}
		names["in "+in.Name] = true
	}
	for i, out := range c.Outputs {
		if err := c.checkOutput(fmt.Sprintf("outputs[%d]", i), out); err != nil {
			return err
		}
		if out.Name != "" && names["out "+out.Name] {
			return bad(fmt.Sprintf("outputs[%d].name", i), "%q is there twice", out.Name)
		}
		names["out "+out.Name] = true
	}
	return nil
}

func (c ModelCard) checkInput(at string, in CardInput) error {
	if !slices.Contains([]Role{RoleTarget, RoleSourceImage, RoleSourceEmbedding, RoleMel, RoleWeight, RoleMorph, RoleEmbedding, RolePoints}, in.Role) && !slices.Contains(voiceInputs(), in.Role) {
		return bad(at+".role", "is %q, which no input has", short(string(in.Role)))
	}
	if err := checkTensor(at, in.Name, in.Shape, in.Type); err != nil {
		return err
	}
	if err := checkLayout(at, in.Layout, in.Colour, in.Size); err != nil {
		return err
	}
	if !within(in.Scale, 1e-6, 65535) {
		return bad(at+".scale", "must be more than 0 and at most 65535")
	}
	for i := range 3 {
		if !within(in.Mean[i], -65535, 65535) {
			return bad(at+".mean", "must be numbers from -65535 to 65535")
		}
		if !within(in.Std[i], 1e-6, 65535) {
			return bad(at+".std", "must be more than 0 and at most 65535")
		}
	}
	if len(in.Channels) > 4 {
		return bad(at+".channels", "are at most 4 groups of three")
	}
	for i, g := range in.Channels {
		if g != WholeFace && g != LowerHalfZero {
			return bad(fmt.Sprintf("%s.channels[%d]", at, i), "is %q, must be %s or %s", short(g), WholeFace, LowerHalfZero)
		}
	}
	if err := in.Template.check(at + ".template"); err != nil {
		return err
	}
	if !within(in.Sharpen.Amount, 0, 4) || !within(in.Sharpen.Sigma, 0, 50) || in.Sharpen.Amount > 0 && in.Sharpen.Sigma < 0.1 {
		return bad(at+".sharpen", "its amount must be from 0 to 4, its sigma from 0.1 to 50 pixels")
	}
	if !within(in.Min, -1000, 1000) || !within(in.Max, in.Min, 1000) || !within(in.Value, in.Min, in.Max) {
		return bad(at+".value", "must lie between min and max, which are from -1000 to 1000")
	}
	if in.Optional && (in.Name == "" || in.Role != RoleWeight && in.Role != RoleMorph) {
		return bad(at+".optional", "is for a weight or morph with a name")
	}
	return c.checkPictureShape(at, in.Picture(), in.Shape, in.Layout, c.sideOf(in.Size), 3*max(1, len(in.Channels)))
}

func (c ModelCard) checkOutput(at string, out CardOutput) error {
	if !slices.Contains([]Role{RoleImage, RoleMask, RoleTargetMask, RoleEmbedding, RolePoints, RoleClasses, RoleHeatmaps, RoleScores, RoleObjectness, RoleBoxes, RoleRows, RoleAudio, RoleDurations}, out.Role) {
		return bad(at+".role", "is %q, which no output has", short(string(out.Role)))
	}
	if err := checkTensor(at, out.Name, out.Shape, out.Type); err != nil {
		return err
	}
	if err := checkLayout(at, out.Layout, out.Colour, out.Size); err != nil {
		return err
	}
	if lo, hi := out.Range[0], out.Range[1]; !within(lo, -65535, 65535) || !within(hi, -65535, 65535) || hi-lo < 1e-6 {
		return bad(at+".range", "must be two numbers, the second the greater, from -65535 to 65535")
	}
	if out.Stride != 0 && !slices.Contains([]int{8, 16, 32, 64, 128}, out.Stride) {
		return bad(at+".stride", "is %d, must be 8, 16, 32, 64 or 128 pixels", out.Stride)
	}
	if err := c.checkPictureShape(at, out.Role == RoleImage, out.Shape, out.Layout, c.sideOf(out.Size), 3); err != nil {
		return err
	}
	mask := out.Role == RoleMask || out.Role == RoleTargetMask
	return c.checkPictureShape(at, mask, out.Shape, out.Layout, c.sideOf(out.Size), 1)
}

// sideOf is a tensor's side in pixels, 0 where only the file knows.
func (c ModelCard) sideOf(own int) int {
	if own != 0 {
		return own
	}
	return c.Size
}

func checkTensor(at, name string, shape []int64, element Element) error {
	if !tensorName.MatchString(name) {
		return bad(at+".name", "is no name of a tensor")
	}
	if !slices.Contains([]Element{Float32, Float16, Float64, Int64}, element) {
		return bad(at+".type", "is %q, must be float32, float16, float64 or int64", short(string(element)))
	}
	if len(shape) > maxTensorRank {
		return bad(at+".shape", "has more than %d dimensions", maxTensorRank)
	}
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > maxTensorValue {
			return bad(at+".shape", "has the dimension %d", d)
		}
		if n *= max(d, 1); n > maxTensorValue {
			return bad(at+".shape", "is of more than %d numbers", maxTensorValue)
		}
	}
	return nil
}

func checkLayout(at, layout, colour string, size int) error {
	if layout != NCHW && layout != NHWC {
		return bad(at+".layout", "is %q, must be %s or %s", short(layout), NCHW, NHWC)
	}
	if colour != RGB && colour != BGR {
		return bad(at+".colour", "is %q, must be %s or %s", short(colour), RGB, BGR)
	}
	return checkSide(at+".size", size, true)
}

// checkPictureShape compares a picture's shape, where it is given, with the one that follows.
func (c ModelCard) checkPictureShape(at string, picture bool, shape []int64, layout string, side, channels int) error {
	if !picture || len(shape) == 0 {
		return nil
	}
	want := pictureShape(layout, side, channels)
	if len(shape) != 4 {
		return bad(at+".shape", "a picture has 4 dimensions, not %d", len(shape))
	}
	for i, d := range shape {
		if d != 0 && want[i] != 0 && d != want[i] {
			return bad(at+".shape", "is %s, but size, layout and channels say %s", shapeText(shape), shapeText(want))
		}
	}
	return nil
}

// pictureShape is a picture's shape; side 0 leaves two dimensions open.
func pictureShape(layout string, side, channels int) []int64 {
	s, n := int64(side), int64(channels)
	if layout == NHWC {
		return []int64{1, s, s, n}
	}
	return []int64{1, n, s, s}
}

// inputShape is what the card says of an input's shape: 0 where only the file knows, nil where the file knows all.
func (c ModelCard) inputShape(in CardInput) []int64 {
	switch {
	case in.Picture() && len(in.Shape) == 0:
		return pictureShape(in.Layout, c.sideOf(in.Size), 3*max(1, len(in.Channels)))
	case (in.Role == RoleSourceEmbedding || in.Role == RoleEmbedding) && len(in.Shape) == 0:
		return []int64{1, EmbeddingSize}
	}
	return in.Shape
}

// outputShape is the same of an output.
func (c ModelCard) outputShape(out CardOutput) []int64 {
	switch {
	case len(out.Shape) > 0:
		return out.Shape
	case out.Role == RoleImage:
		return pictureShape(out.Layout, c.sideOf(out.Size), 3)
	case out.Role == RoleMask, out.Role == RoleTargetMask:
		return pictureShape(out.Layout, c.sideOf(out.Size), 1)
	}
	return nil
}

// shapeText is a shape as people write it: 1×3×128×128, a ? where it is open.
func shapeText(shape []int64) string {
	if len(shape) == 0 {
		return "a single number"
	}
	text := ""
	for i, d := range shape {
		if i > 0 {
			text += "×"
		}
		if d <= 0 {
			text += "?"
		} else {
			text += fmt.Sprint(d)
		}
	}
	return text
}
