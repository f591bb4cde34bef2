package infer

import "math"

// Encode writes a square picture, gamma-coded 0…255 as planes of red, green and blue, as a network's input wants
// it: (x·scale − mean)/std by channel, in the card's order and layout. dst is as long as the input for one
// picture; what lies outside 0…255 is cut off. Sharpen is not done here.
func (i CardInput) Encode(dst []float32, rgb [3][]float32) {
	groups := i.Channels
	if len(groups) == 0 {
		groups = []string{WholeFace}
	}
	plane := len(rgb[0])
	pixel, channel := 1, plane
	if i.Layout == NHWC {
		pixel, channel = 3*len(groups), 1
	}
	for g, what := range groups {
		filled := plane
		if what == LowerHalfZero {
			side := Side(plane, 1)
			filled = side / 2 * side
		}
		for c := range 3 {
			src := rgb[c]
			if i.Colour == BGR {
				src = rgb[2-c]
			}
			k, shift := float32(i.Scale/255/i.Std[c]), float32(i.Mean[c]/i.Std[c])
			at := (3*g + c) * channel
			for p, v := range src[:filled] {
				dst[at+p*pixel] = k*cut(v, 255) - shift
			}
			for p := filled; p < plane; p++ {
				dst[at+p*pixel] = 0
			}
		}
	}
}

// Decode reads a square picture from a network's output for one picture: planes of red, green and blue, 0…255,
// cut off at the card's range. side is 0 when the numbers make no square.
func (o CardOutput) Decode(src []float32) (rgb [3][]float32, side int) {
	if side = Side(len(src), 3); side == 0 {
		return rgb, 0
	}
	plane := side * side
	pixel, channel := 1, plane
	if o.Layout == NHWC {
		pixel, channel = 3, 1
	}
	lo, k := float32(o.Range[0]), float32(255/(o.Range[1]-o.Range[0]))
	for c := range rgb {
		from := c
		if o.Colour == BGR {
			from = 2 - c
		}
		rgb[c] = make([]float32, plane)
		for p := range rgb[c] {
			rgb[c][p] = cut(k*(src[from*channel+p*pixel]-lo), 255)
		}
	}
	return rgb, side
}

// DecodeMask reads a mask, 0…1, from a network's output for one picture; its only channel makes layouts alike.
func (o CardOutput) DecodeMask(src []float32) (mask []float32, side int) {
	if side = Side(len(src), 1); side == 0 {
		return nil, 0
	}
	mask = make([]float32, len(src))
	lo, k := float32(o.Range[0]), float32(1/(o.Range[1]-o.Range[0]))
	for p, v := range src {
		mask[p] = cut(k*(v-lo), 1)
	}
	return mask, side
}

// Side is the side of the square picture that n numbers of so many channels make; 0 when they make none.
func Side(n, channels int) int {
	side := int(math.Sqrt(float64(n / channels)))
	if side*side*channels != n {
		return 0
	}
	return side
}

// cut limits v to 0…top; what is no number becomes 0.
func cut(v, top float32) float32 {
	if v > top {
		return top
	}
	if v >= 0 {
		return v
	}
	return 0
}
