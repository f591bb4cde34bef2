package swap

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// What lies in front of a face is found on the UV square, whose texels are several pixels wide. Its
// edge is found in the picture: by a guided filter (He, Sun and Tang, "Guided image filtering",
// 2013), which fits the mask locally as a linear function of the picture's colours, so that it follows
// the object's own outline, soft edges included.
const (
	matteCells  = 110 // about as many cells of the fit across a face
	matteRadius = .02 // standard deviation of its windows in face widths: about how wrong the mask's edge can be
	matteNoise  = 6   // variance of the picture, in squared 8-bit steps, that is no edge
	matteChroma = 2   // weight of chroma beside luma: it is more reliable
	// The fit's values between these count as a soft edge: it never quite reaches 0 and 1.
	matteFrom, matteFull = .25, .75
)

// coverage is what lies in front of a face in the picture: the share 0…1 for every pixel of a box. object
// is on the UV square, targetSide.
func coverage(f *pix.Frame, m *face.Mesh, object pix.Map, box pix.Rect) pix.Map {
	out := pix.NewMap(box.W(), box.H())
	width := m.Bounds().W
	cell := min(max(int(width/matteCells), 1), 8)
	w, h := (box.W()+cell-1)/cell, (box.H()+cell-1)/cell
	if w < 2 || h < 2 {
		return out
	}
	mask, known := onGrid(m, object, box, cell, w, h)
	sigma := max(1, matteRadius*width/float32(cell))
	band := bandAround(mask, int(4*sigma))
	if band.Empty() {
		return out
	}
	// The picture, as large as it is, within the band.
	whole := pix.Rect{X0: box.X0 + cell*band.X0, Y0: box.Y0 + cell*band.Y0,
		X1: box.X0 + cell*band.X1, Y1: box.Y0 + cell*band.Y1}.Intersect(box)
	if whole.Empty() {
		return out
	}
	guide := guides(f, whole)
	gw, gh := band.W(), band.H()
	var small [3]pix.Map
	for k := range guide {
		small[k] = pix.NewMap(gw, gh)
		shrink(small[k], guide[k], cell)
	}
	p, q := pix.NewMap(gw, gh), pix.NewMap(gw, gh)
	at := pix.Rect{X1: w, Y1: h}
	crop(&p, mask, band, at)
	crop(&q, known, band, at)
	fit := guidedFit(small, p, q, sigma)
	inv, half := 1/float32(cell), float32(cell-1)/2
	var row [4][]float32
	for k := range row {
		row[k] = make([]float32, whole.W())
	}
	for y := range whole.H() {
		for k := range row {
			fit[k].BilinearRow(row[k], -half*inv, (float32(y)-half)*inv, inv)
		}
		to := out.Row(whole.Y0 - box.Y0 + y)[whole.X0-box.X0:]
		a, b, c := guide[0].Row(y), guide[1].Row(y), guide[2].Row(y)
		for x := range whole.W() {
			v := row[0][x]*a[x] + row[1][x]*b[x] + row[2][x]*c[x] + row[3][x]
			to[x] = pix.SmoothStep(v, matteFrom, matteFull)
		}
	}
	return out
}

// onGrid draws a map of the UV square where the mesh lies, on a grid of every cell-th pixel of a box,
// and tells where the mesh is.
func onGrid(m *face.Mesh, object pix.Map, box pix.Rect, cell, w, h int) (value, known pix.Map) {
	c := face.Canonical()
	local := make([]pix.Vec3, face.MeshPoints)
	var u, v [face.MeshPoints]float32
	half, inv := float32(cell-1)/2, 1/float32(cell)
	for i := range local {
		local[i] = pix.Vec3{X: (m[i].X - float32(box.X0) - half) * inv, Y: (m[i].Y - float32(box.Y0) - half) * inv, Z: m[i].Z * inv}
		u[i], v[i] = c.UV[i].X*float32(object.W-1), c.UV[i].Y*float32(object.H-1)
	}
	var s pix.Surface
	s.Reset(w, h)
	s.Draw(local, c.Triangles[:])
	us, vs := pix.NewMap(w, h), pix.NewMap(w, h)
	s.Interpolate(us.Pix, u[:], c.Triangles[:])
	s.Interpolate(vs.Pix, v[:], c.Triangles[:])
	value, known = us, pix.NewMap(w, h)
	for i, t := range s.Tri {
		if t < 0 {
			value.Pix[i] = 0
			continue
		}
		known.Pix[i] = 1
		value.Pix[i] = object.Bilinear(us.Pix[i], vs.Pix[i])
	}
	return value, known
}

// bandAround is the box around what a mask holds, margin wider.
func bandAround(mask pix.Map, margin int) pix.Rect {
	r := pix.Rect{X0: mask.W, Y0: mask.H}
	for y := range mask.H {
		for x, v := range mask.Row(y) {
			if v > .02 {
				r.X0, r.Y0, r.X1, r.Y1 = min(r.X0, x), min(r.Y0, y), max(r.X1, x+1), max(r.Y1, y+1)
			}
		}
	}
	if r.Empty() {
		return pix.Rect{}
	}
	return pix.Rect{X0: r.X0 - margin, Y0: r.Y0 - margin, X1: r.X1 + margin, Y1: r.Y1 + margin}.
		Intersect(pix.Rect{X1: mask.W, Y1: mask.H})
}

// guides are luma and weighted chroma of a box, pixel by pixel, about zero.
func guides(f *pix.Frame, box pix.Rect) (g [3]pix.Map) {
	f.Planes[0].Crop(&g[0], box, f.Depth)
	for i := range g[0].Pix {
		g[0].Pix[i] -= 128
	}
	cr := f.ChromaRect(box)
	for k := 1; k < 3; k++ {
		g[k] = pix.NewMap(box.W(), box.H())
		if f.Mono || cr.Empty() {
			continue
		}
		var m pix.Map
		f.Planes[k].Crop(&m, cr, f.Depth)
		for y := range g[k].H {
			cx, cy := f.ChromaAt(float32(box.X0), float32(box.Y0+y))
			row := g[k].Row(y)
			m.BilinearRow(row, cx-float32(cr.X0), cy-float32(cr.Y0), 1/float32(int(1)<<f.SubX))
			for x := range row {
				row[x] = matteChroma * (row[x] - 128)
			}
		}
	}
	return g
}

// shrink averages cells of pixels; those at the end may be cut off.
func shrink(dst, src pix.Map, cell int) {
	for y := range dst.H {
		for x := range dst.W {
			sum, n := float32(0), float32(0)
			for j := y * cell; j < min(y*cell+cell, src.H); j++ {
				for i := x * cell; i < min(x*cell+cell, src.W); i++ {
					sum += src.Pix[j*src.W+i]
					n++
				}
			}
			dst.Pix[y*dst.W+x] = sum / max(n, 1)
		}
	}
}

// guidedFit gives, for each cell, the factors of the three guides and the constant whose sum is nearest
// to the mask in the windows around, where known is 1.
func guidedFit(guide [3]pix.Map, mask, known pix.Map, sigma float32) (fit [4]pix.Map) {
	w, h := mask.W, mask.H
	blurred := func(value func(i int) float32) pix.Map {
		m := pix.NewMap(w, h)
		for i := range m.Pix {
			if known.Pix[i] > 0 {
				m.Pix[i] = value(i)
			}
		}
		pix.Blur(m, m, sigma)
		return m
	}
	weight := blurred(func(int) float32 { return 1 })
	mean := blurred(func(i int) float32 { return mask.Pix[i] })
	var first, with [3]pix.Map
	var second [3][3]pix.Map
	for a := range guide {
		first[a] = blurred(func(i int) float32 { return guide[a].Pix[i] })
		with[a] = blurred(func(i int) float32 { return guide[a].Pix[i] * mask.Pix[i] })
		for b := range a + 1 {
			second[a][b] = blurred(func(i int) float32 { return guide[a].Pix[i] * guide[b].Pix[i] })
		}
	}
	for k := range fit {
		fit[k] = pix.NewMap(w, h)
	}
	for i, n := range weight.Pix {
		if n < 1e-3 {
			continue
		}
		n = 1 / n
		var mu, c [3]float32
		p := mean.Pix[i] * n
		for a := range mu {
			mu[a] = first[a].Pix[i] * n
			c[a] = with[a].Pix[i]*n - mu[a]*p
		}
		var s [3][3]float32
		for a := range s {
			for b := range a + 1 {
				s[a][b] = second[a][b].Pix[i]*n - mu[a]*mu[b]
				s[b][a] = s[a][b]
			}
			s[a][a] += matteNoise
		}
		x := solved3(s, c)
		rest := p
		for a := range x {
			fit[a].Pix[i] = x[a]
			rest -= x[a] * mu[a]
		}
		fit[3].Pix[i] = rest
	}
	norm := known.Blurred(sigma)
	for k := range fit {
		for i, n := range known.Pix {
			fit[k].Pix[i] *= n
		}
		pix.Blur(fit[k], fit[k], sigma)
		for i, n := range norm.Pix {
			fit[k].Pix[i] /= n + 1e-6
		}
	}
	return fit
}

// solved3 solves a symmetric positive system by Cramer's rule.
func solved3(s [3][3]float32, c [3]float32) (x [3]float32) {
	m00 := s[1][1]*s[2][2] - s[1][2]*s[1][2]
	m01 := s[0][2]*s[1][2] - s[0][1]*s[2][2]
	m02 := s[0][1]*s[1][2] - s[0][2]*s[1][1]
	det := s[0][0]*m00 + s[0][1]*m01 + s[0][2]*m02
	if det <= 0 {
		return x
	}
	m11 := s[0][0]*s[2][2] - s[0][2]*s[0][2]
	m12 := s[0][1]*s[0][2] - s[0][0]*s[1][2]
	m22 := s[0][0]*s[1][1] - s[0][1]*s[0][1]
	x[0] = (m00*c[0] + m01*c[1] + m02*c[2]) / det
	x[1] = (m01*c[0] + m11*c[1] + m12*c[2]) / det
	x[2] = (m02*c[0] + m12*c[1] + m22*c[2]) / det
	return x
}
