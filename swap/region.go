package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// regions are the parts of a face on the UV square of n×n texels: masks from 0 to 1. They
// depend on nothing but n. Distances in their making are shares of n, found by trial.
type regions struct {
	n         int
	eyes      pix.Map // the openings
	brows     pix.Map
	lips      pix.Map // within the outer border, mouth opening included
	inner     pix.Map // the mouth opening
	rim       pix.Map // distance to the face's outline, in shares of n, 0 outside
	features  pix.Map // eyes, brows, lips and nostrils with a margin
	skin      pix.Map // the face without features
	seed      pix.Map // cheeks, nose and the middle of the forehead: surely skin
	hair      pix.Map // where hair can lie: above the brows and on the outer cheeks
	basis     [9]pix.Map
	terms     []float32   // the maps of basis, one after another
	positions pix.Surface // the mesh drawn in UV
}

// newRegions draws the regions.
func newRegions(n int) *regions {
	r := &regions{n: n}
	c := face.Canonical()
	r.positions.DrawUV(n, c.UV[:], c.Triangles[:])
	fn := float32(n)
	eyes := r.distance(face.EyeRight(), .06)
	eyes.Max(r.distance(face.EyeLeft(), .06))
	brows := r.distance(face.BrowRight(), .06)
	brows.Max(r.distance(face.BrowLeft(), .06))
	lips, inner := r.distance(face.OuterLips(), .06), r.distance(face.InnerLips(), .06)
	r.eyes, r.brows, r.lips, r.inner = cut(eyes, 0), cut(brows, 0), cut(lips, 0), cut(inner, 0)
	r.rim = r.distance(face.Oval(), .02).Each(func(d float32) float32 { return max(0, d) / fn })

	nostrils := pix.NewMap(n, n)
	for _, i := range []int{98, 97, 2, 326, 327, 64, 294, 240, 460} {
		nostrils.FillDisc(r.at(i), .012*fn)
	}
	r.features = cut(eyes, .02*fn).Max(cut(brows, .018*fn)).Max(cut(lips, .012*fn)).Max(nostrils)
	r.skin = pix.NewMap(n, n)
	for i, f := range r.features.Pix {
		if r.rim.Pix[i] > .02 {
			r.skin.Pix[i] = 1 - f
		}
	}
	r.seed = pix.NewMap(n, n)
	for _, s := range []struct {
		vertex int
		radius float32
	}{{50, .06}, {280, .06}, {5, .03}, {195, .03}, {9, .03}, {205, .04}, {425, .04}, {118, .03}, {347, .03}} {
		r.seed.FillDisc(r.at(s.vertex), s.radius*fn)
	}
	r.seed.Mul(r.skin)
	r.drawHairZone()
	r.drawBasis()
	return r
}

// at is a vertex's place in texels.
func (r *regions) at(vertex int) pix.Vec2 {
	p := face.Canonical().UV[vertex]
	return pix.Vec2{X: p.X * float32(r.n-1), Y: p.Y * float32(r.n-1)}
}

func (r *regions) points(list []int) []pix.Vec2 {
	p := make([]pix.Vec2, len(list))
	for i, v := range list {
		p[i] = r.at(v)
	}
	return p
}

// distance is the signed distance to a part's outline in texels, exact up to margin (share
// of n) outside.
func (r *regions) distance(list []int, margin float32) pix.Map {
	m := pix.NewMap(r.n, r.n)
	pix.PolygonDistance(m, r.points(list), margin*float32(r.n))
	return m
}

// cut is the mask of what lies inside an outline moved outward by grow texels.
func cut(distance pix.Map, grow float32) pix.Map {
	return distance.Clone().Each(func(d float32) float32 { return pix.Clamp(d+grow+.5, 0, 1) })
}

// v is the height 0…1 of a row.
func (r *regions) v(y int) float32 { return float32(y) / float32(r.n-1) }

func (r *regions) drawHairZone() {
	uv := face.Canonical().UV
	brow := (uv[105].Y + uv[334].Y) / 2
	r.hair = pix.NewMap(r.n, r.n)
	for y := range r.n {
		row, v := r.hair.Row(y), r.v(y)
		for x := range row {
			side := float32(math.Abs(float64(r.v(x) - .5)))
			row[x] = max(pix.SmoothStep(brow-v, 0, .03), pix.SmoothStep(side, .17, .25)*pix.SmoothStep(.80-v, 0, .2))
		}
	}
	pix.Blur(r.hair, r.hair, .012*float32(r.n))
}

// drawBasis fills the nine spherical harmonics up to second order of the smoothed
// normals: what light can do to a face is nearly a sum of these (Ramamoorthi and Hanrahan,
// "An efficient representation for irradiance environment maps", 2001).
func (r *regions) drawBasis() {
	c := face.Canonical()
	normals := face.SmoothNormals(&c.Vertices)
	var axes [3][face.MeshPoints]float32
	for i, v := range normals {
		axes[0][i], axes[1][i], axes[2][i] = v.X, v.Y, v.Z
	}
	var n [3]pix.Map
	for k := range n {
		n[k] = pix.NewMap(r.n, r.n)
		r.positions.Interpolate(n[k].Pix, axes[k][:], c.Triangles[:])
	}
	size := r.n * r.n
	r.terms = make([]float32, len(r.basis)*size)
	for k := range r.basis {
		r.basis[k] = pix.Map{W: r.n, H: r.n, Pix: r.terms[k*size : (k+1)*size]}
	}
	for i := range n[0].Pix {
		x, y, z := n[0].Pix[i], n[1].Pix[i], n[2].Pix[i]
		l := 1 / (float32(math.Sqrt(float64(x*x+y*y+z*z))) + 1e-6)
		x, y, z = x*l, y*l, z*l
		for k, v := range [9]float32{1, x, y, z, x * y, x * z, y * z, x*x - y*y, 3*z*z - 1} {
			r.basis[k].Pix[i] = v
		}
	}
}
