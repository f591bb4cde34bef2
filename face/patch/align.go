package patch

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// FivePoints are the points of a mesh that templates are about, in the mesh's coordinates: the middle
// of each eye's contour, the tip of the nose and the corners of the mouth, those on the person's
// right first, which an upright picture shows on the left.
func FivePoints(m *face.Mesh) infer.FivePoints {
	middle := func(list []int) (c [2]float64) {
		for _, i := range list {
			c[0] += float64(m[i].X) / float64(len(list))
			c[1] += float64(m[i].Y) / float64(len(list))
		}
		return c
	}
	at := func(i int) [2]float64 { return [2]float64{float64(m[i].X), float64(m[i].Y)} }
	return infer.FivePoints{middle(face.EyeRight()), middle(face.EyeLeft()), at(4), at(61), at(291)}
}

// Align is the square of the frame that a network's picture of n×n pixels shows, so that the five
// points p come to lie on its template, given in pixels of that picture: the similarity (no shear, no
// mirroring) with the least squares of the distances in the picture (Umeyama, "Least-squares
// estimation of transformation parameters between two point patterns", 1991, in the plane). Of
// several templates the one with the least residual is taken. It is false when the points have no
// extent.
func Align(templates []infer.FivePoints, p infer.FivePoints, n int) (best pix.Square, ok bool) {
	least := math.Inf(1)
	for _, t := range templates {
		sq, rest, fits := fitTemplate(t, p, n)
		if fits && rest < least {
			least, best, ok = rest, sq, true
		}
	}
	return best, ok
}

// fitTemplate fits one template. The similarity is a complex number a with a·(p − p̄) ≈ t − t̄.
func fitTemplate(t, p infer.FivePoints, n int) (sq pix.Square, rest float64, ok bool) {
	var pm, tm complex128
	z := func(v [2]float64) complex128 { return complex(v[0], v[1]) }
	for i := range p {
		pm += z(p[i]) / 5
		tm += z(t[i]) / 5
	}
	var dot complex128
	var spread float64
	for i := range p {
		d := z(p[i]) - pm
		dot += complex(real(d), -imag(d)) * (z(t[i]) - tm)
		spread += real(d)*real(d) + imag(d)*imag(d)
	}
	a := dot / complex(spread, 0)
	size := math.Hypot(real(a), imag(a))
	// Not a number where all points are one; a face of less than a pixel or more than any picture otherwise.
	if !(size > 1e-4 && size < 1e4) {
		return sq, 0, false
	}
	for i := range p {
		d := a*(z(p[i])-pm) - (z(t[i]) - tm)
		rest += real(d)*real(d) + imag(d)*imag(d)
	}
	mid := complex(float64(n-1)/2, float64(n-1)/2) // whole numbers are pixel centres
	c := (mid-tm)/a + pm
	return pix.Square{
		X: float32(real(c)), Y: float32(imag(c)), Side: float32(float64(n) / size),
		Angle: float32(-math.Atan2(imag(a), real(a))),
	}, rest, true
}
