package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// customaryBox is the mask of a network whose card names none: without any, the square's edge would show.
func customaryBox() *infer.BoxMask { return &infer.BoxMask{Blur: .3} }

// boxMask is 1 inside and 0 in a border of n×n pixels, blurred, as infer.BoxMask says. The Gaussian does not
// quite end within the border, so what it leaves at the very edge, 2 % at most, is taken off: the edge of the
// square must never show.
func boxMask(b infer.BoxMask, n int) pix.Map {
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

// softened blurs a mask by sigma pixels and hardens it again where the card says so: with the clip
// (clip(m, ½, 1) − ½)·2 a mask shrinks to where it was sure.
func softened(m pix.Map, r infer.MaskRule) pix.Map {
	if r.Sigma > 0 {
		m = m.Blurred(float32(r.Sigma))
	}
	if r.Remap == infer.RemapClip {
		m.Each(func(v float32) float32 { return (pix.Clamp(v, .5, 1) - .5) * 2 })
	}
	return m
}

// keptClasses is 1 where a parser's strongest class is one of those to keep. scores holds one plane a
// class, or with interleaved one number a class for each pixel.
func keptClasses(scores []float32, side int, interleaved bool, keep []int) pix.Map {
	pixels := side * side
	classes := len(scores) / pixels
	pixel, class := 1, pixels
	if interleaved {
		pixel, class = classes, 1
	}
	kept := map[int]bool{}
	for _, k := range keep {
		kept[k] = true
	}
	m := pix.NewMap(side, side)
	for i := range m.Pix {
		best := 0
		for c := 1; c < classes; c++ {
			if scores[c*class+i*pixel] > scores[best*class+i*pixel] {
				best = c
			}
		}
		if kept[best] {
			m.Pix[i] = 1
		}
	}
	return m
}

// networkMask makes one mask of those that a swapper gave itself: the least, shrunk and blurred.
func networkMask(masks []pix.Map, r infer.NetworkMask) pix.Map {
	m := masks[0].Clone()
	for _, o := range masks[1:] {
		for i, v := range o.Pix {
			m.Pix[i] = min(m.Pix[i], v)
		}
	}
	for range r.Erode {
		m = erodeCross(m)
	}
	if r.Sigma > 0 {
		m = m.Blurred(float32(r.Sigma))
	}
	return m
}

// erodeCross is the minimum over a pixel and its four neighbours: OpenCV's 3×3 ellipse. Beyond the border
// nothing counts.
func erodeCross(m pix.Map) pix.Map {
	o := m.Clone()
	for y := range m.H {
		d := o.Row(y)
		for x := range d {
			if x > 0 {
				d[x] = min(d[x], m.Row(y)[x-1])
			}
			if x+1 < m.W {
				d[x] = min(d[x], m.Row(y)[x+1])
			}
			if y > 0 {
				d[x] = min(d[x], m.Row(y - 1)[x])
			}
			if y+1 < m.H {
				d[x] = min(d[x], m.Row(y + 1)[x])
			}
		}
	}
	return o
}

// landmarks68 are the mesh's vertices for the points of the 68-point scheme (iBUG 300-W): the jaw from the
// person's right ear to the left one, brows, nose, eyes, outer and inner lips.
func landmarks68() [68]int {
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

// areaMask is 1 within an area of the face, on n×n pixels of a square, softened and hardened as customary.
func areaMask(area string, m *face.Mesh, sq pix.Square, n int) pix.Map {
	var points []pix.Vec2
	vertex := landmarks68()
	for _, i := range areaPoints(area) {
		points = append(points, sq.ToCrop(n, m[vertex[i]].XY()))
	}
	inside := pix.FillPolygon(n, n, hull(points), 0, 1)
	return softened(inside, infer.MaskRule{Sigma: areaSigma * float64(n), Remap: infer.RemapClip})
}

// objectSide is how finely what lies in front of a face is laid over a network's square.
const objectSide = 128

// objectMask is 0 where something lies in front of the face and 1 elsewhere, on a square. object is what the
// engine itself has seen, on the face's UV square; beyond the face its border goes on.
func objectMask(object pix.Map, m *face.Mesh, sq pix.Square) pix.Map {
	c := face.Canonical()
	local := make([]pix.Vec3, face.MeshPoints)
	var u, v [face.MeshPoints]float32
	for i := range local {
		p := sq.ToCrop(objectSide, m[i].XY())
		local[i] = pix.Vec3{X: p.X, Y: p.Y, Z: m[i].Z}
		u[i], v[i] = c.UV[i].X, c.UV[i].Y
	}
	var s pix.Surface
	s.Reset(objectSide, objectSide)
	s.Draw(local, c.Triangles[:])
	us, vs := pix.NewMap(objectSide, objectSide), pix.NewMap(objectSide, objectSide)
	s.Interpolate(us.Pix, u[:], c.Triangles[:])
	s.Interpolate(vs.Pix, v[:], c.Triangles[:])
	out, beyond := pix.NewMap(objectSide, objectSide), pix.NewMap(objectSide, objectSide)
	scale := float32(object.W - 1)
	for i, t := range s.Tri {
		if t < 0 {
			beyond.Pix[i] = 1
			continue
		}
		out.Pix[i] = object.Bilinear(us.Pix[i]*scale, vs.Pix[i]*scale)
	}
	pix.Inpaint(out, beyond)
	return out.Each(func(v float32) float32 { return 1 - pix.Clamp(v, 0, 1) })
}
