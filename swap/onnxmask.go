package swap

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

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
