package patch

import (
	"cmp"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// customaryBox is the mask of a network whose card names none: without any, the square's edge would show.
func customaryBox() *infer.BoxMask { return &infer.BoxMask{Blur: .3} }

// BoxMask is 1 inside and 0 in a border of n×n pixels, blurred, as infer.BoxMask says. The Gaussian does not
// quite end within the border, so what it leaves at the very edge, 2 % at most, is taken off: the edge of the
// square must never show.
func BoxMask(b infer.BoxMask, n int) pix.Map {
	amount := int(float64(n) * .5 * b.Blur)
	border := max(amount/2, 1)
	side := func(percent float64) int { return max(border, int(float64(n)*percent/100)) }
	phi := func(x float64) float64 { return .5 * math.Erfc(-x/(float64(amount)/4)/math.Sqrt2) }
	profile := func(low, high int) []float32 {
		line := make([]float64, n)
		for i := range line {
			switch {
			case amount > 0: // the Gaussian over a box from low − ½ to n − high − ½
				line[i] = phi(float64(i-low)+.5) - phi(float64(i-n+high)+.5)
			case i >= low && i < n-high:
				line[i] = 1
			}
		}
		rest := max(line[0], line[n-1])
		out := make([]float32, n)
		for i, v := range line {
			out[i] = float32(max(0, v-rest) / (1 - rest))
		}
		return out
	}
	across, down := profile(side(b.Padding[3]), side(b.Padding[1])), profile(side(b.Padding[0]), side(b.Padding[2]))
	m := pix.NewMap(n, n)
	for y := range n {
		row := m.Row(y)
		for x := range row {
			row[x] = down[y] * across[x]
		}
	}
	return m
}

// Softened blurs a mask by sigma pixels and hardens it again where the card says so: with the clip
// (clip(m, ½, 1) − ½)·2 a mask shrinks to where it was sure.
func Softened(m pix.Map, r infer.MaskRule) pix.Map {
	if r.Sigma > 0 {
		m = m.Blurred(float32(r.Sigma))
	}
	if r.Remap == infer.RemapClip {
		m.Each(func(v float32) float32 { return (pix.Clamp(v, .5, 1) - .5) * 2 })
	}
	return m
}

// Landmarks68 are the mesh's vertices for the points of the 68-point scheme (iBUG 300-W): the jaw from the
// person's right ear to the left one, brows, nose, eyes, outer and inner lips.
func Landmarks68() [68]int {
	return [68]int{
		127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,
		70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
		168, 197, 5, 4, 98, 97, 2, 326, 327,
		33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
		61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,
		78, 81, 13, 311, 308, 402, 14, 178,
	}
}

// areaPoints lists the points of a named area, of which its convex hull is taken.
func areaPoints(area string) []int {
	var list []int
	span := func(first, last int) {
		for i := first; i <= last; i++ {
			list = append(list, i)
		}
	}
	switch area {
	case infer.AreaUpper:
		span(0, 2)
		span(14, 26)
		span(31, 35)
	case infer.AreaLower:
		span(3, 13)
		span(31, 35)
	case infer.AreaMouth:
		span(48, 67)
	}
	return list
}

// areaSigma blurs an area's edge: 5 pixels of 256 are customary.
const areaSigma = 5. / 256

// AreaMask is 1 within an area of the face, on n×n pixels of a square, softened and hardened as customary.
func AreaMask(area string, m *face.Mesh, sq pix.Square, n int) pix.Map {
	var points []pix.Vec2
	vertex := Landmarks68()
	for _, i := range areaPoints(area) {
		points = append(points, sq.ToCrop(n, m[vertex[i]].XY()))
	}
	inside := pix.FillPolygon(n, n, Hull(points), 0, 1)
	return Softened(inside, infer.MaskRule{Sigma: areaSigma * float64(n), Remap: infer.RemapClip})
}

// BoxOf is a card's box mask; without pixels when it has other masks but no box.
func BoxOf(c infer.ModelCard, side int) pix.Map {
	b := c.Mask.Box
	if b == nil && c.Mask.Network == nil && c.Mask.Area == "" {
		b = customaryBox()
	}
	if b == nil {
		// Even a network's own mask may reach the edge, which must not show: one soft row of pixels.
		b = &infer.BoxMask{}
	}
	return BoxMask(*b, side)
}

// Hull is the convex hull (Andrew's monotone chain, 1979).
func Hull(points []pix.Vec2) []pix.Vec2 {
	p := slices.Clone(points)
	slices.SortFunc(p, func(a, b pix.Vec2) int {
		return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y))
	})
	chain := func(p []pix.Vec2) []pix.Vec2 {
		var h []pix.Vec2
		for _, q := range p {
			for len(h) >= 2 {
				a, b := h[len(h)-2], h[len(h)-1]
				if (b.X-a.X)*(q.Y-a.Y)-(b.Y-a.Y)*(q.X-a.X) > 0 {
					break
				}
				h = h[:len(h)-1]
			}
			h = append(h, q)
		}
		return h[:len(h)-1]
	}
	lower := chain(p)
	slices.Reverse(p)
	return append(lower, chain(p)...)
}
