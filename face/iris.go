package face

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/pix"
)

// Iris is an iris as the picture shows it: an ellipse around At with the half axes Across and Down,
// in pixels.
type Iris struct{ At, Across, Down pix.Vec2 }

// Irises are the person's right and left iris. The plain mesh network only guesses them.
func (m *Mesh) Irises() [2]Iris {
	var out [2]Iris
	for e := range out {
		p := m[MeshPoints+5*e:]
		out[e] = Iris{
			At:     pix.Vec2{X: p[0].X, Y: p[0].Y},
			Across: pix.Vec2{X: (p[1].X - p[3].X) / 2, Y: (p[1].Y - p[3].Y) / 2},
			Down:   pix.Vec2{X: (p[4].X - p[2].X) / 2, Y: (p[4].Y - p[2].Y) / 2},
		}
	}
	return out
}

// Radius is the mean of the half axes in pixels.
func (e *Iris) Radius() float32 {
	return float32(math.Hypot(float64(e.Across.X), float64(e.Across.Y))+math.Hypot(float64(e.Down.X), float64(e.Down.Y))) / 2
}

// Distance of a place from the centre: 1 on the border of the iris.
func (e *Iris) Distance(x, y float32) float32 {
	det := e.Across.X*e.Down.Y - e.Across.Y*e.Down.X
	if det < 1e-3 && det > -1e-3 {
		return 1e3
	}
	dx, dy := x-e.At.X, y-e.At.Y
	u, v := (dx*e.Down.Y-dy*e.Down.X)/det, (dy*e.Across.X-dx*e.Across.Y)/det
	return float32(math.Sqrt(float64(u*u + v*v)))
}

// EyeColours are the colour of the irises and of the white beside them, gamma-coded as the picture
// is, full range 0…255; zero when the eyes do not show them well enough. Iris against white does not
// depend on the light.
type EyeColours struct{ Iris, White [3]uint8 }

// Seen reports whether the colours are known.
func (c EyeColours) Seen() bool { return c != EyeColours{} }

// Where colours are read, in radii of the iris: outside of pupils of usual size and inside of the
// border, the white from beside the border to before the corners; and how large an iris must be and how
// many pixels of each must be seen. Smaller ones are mostly what the video encoder made of them.
const (
	irisFrom, irisTo   = .5, .85
	whiteFrom, whiteTo = 1.2, 2.4
	lidShadow          = .15 // below the lid's edge
	leastIris          = 4   // pixels of radius
	leastIrisPixels    = 12
	leastWhitePixels   = 8
	leastWhiter        = 12 // 8-bit steps of luma that white is brighter than the iris: else these are no eyes, but sunglasses
)

// EyeColours reads the colours from the picture that the mesh lies on.
func (m *Mesh) EyeColours(f *pix.Frame) EyeColours {
	var iris, white [][3]float32
	for e, eye := range m.Irises() {
		lids := EyeRight()
		if e == 1 {
			lids = EyeLeft()
		}
		r := eye.Radius()
		if !(r >= leastIris && r < 512) {
			continue
		}
		reach := whiteTo*r + 1
		box := pix.Rect{X0: int(eye.At.X - reach), Y0: int(eye.At.Y - reach), X1: int(eye.At.X+reach) + 1, Y1: int(eye.At.Y+reach) + 1}.Intersect(f.Bounds())
		if box.Empty() {
			continue
		}
		open := m.opening(lids, box, lidShadow*r)
		rgb := f.RGB(box)
		for i, inside := range open.Pix {
			if inside <= 0 {
				continue
			}
			c := [3]float32{rgb.C[0][i], rgb.C[1][i], rgb.C[2][i]}
			switch d := eye.Distance(float32(box.X0+i%open.W), float32(box.Y0+i/open.W)); {
			case d >= irisFrom && d <= irisTo:
				iris = append(iris, c)
			case d >= whiteFrom && d <= whiteTo:
				white = append(white, c)
			}
		}
	}
	if len(iris) < leastIrisPixels || len(white) < leastWhitePixels {
		return EyeColours{}
	}
	// Of the white, the brighter half: the rest lies in the lids' shadow or is the corner's red.
	slices.SortFunc(white, func(a, b [3]float32) int {
		x, y := a[0]+2*a[1]+a[2], b[0]+2*b[1]+b[2]
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	i, w := medians(iris), medians(white[:(len(white)+1)/2])
	if w[0]+2*w[1]+w[2] < i[0]+2*i[1]+i[2]+4*leastWhiter {
		return EyeColours{}
	}
	var out EyeColours
	for c := range 3 {
		out.Iris[c], out.White[c] = uint8(max(1, min(255, i[c]+.5))), uint8(max(1, min(255, w[c]+.5)))
	}
	return out
}

// opening is the distance of the pixels of a box from an eye's lids, less margin: positive inside.
func (m *Mesh) opening(lids []int, box pix.Rect, margin float32) pix.Map {
	poly := make([]pix.Vec2, len(lids))
	for k, i := range lids {
		poly[k] = pix.Vec2{X: m[i].X - float32(box.X0), Y: m[i].Y - float32(box.Y0)}
	}
	d := pix.NewMap(box.W(), box.H())
	pix.PolygonDistance(d, poly, 1)
	return d.Each(func(v float32) float32 { return v - margin })
}

func medians(colours [][3]float32) (out [3]float32) {
	v := make([]float32, len(colours))
	for c := range out {
		for i := range colours {
			v[i] = colours[i][c]
		}
		out[c] = median(v)
	}
	return out
}
