package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// meshWith is a mesh of which only the five points are in place.
func meshWith(p infer.FivePoints) *face.Mesh {
	m := new(face.Mesh)
	set := func(i int, v [2]float64) { m[i] = pix.Vec3{X: float32(v[0]), Y: float32(v[1])} }
	for _, i := range face.EyeRight() {
		set(i, p[0])
	}
	for _, i := range face.EyeLeft() {
		set(i, p[1])
	}
	set(4, p[2])
	set(61, p[3])
	set(291, p[4])
	return m
}

// placed is a template moved into a frame: turned by angle, k frame pixels for each of its own.
func placed(t infer.FivePoints, k, angle, x, y float64) (p infer.FivePoints) {
	sin, cos := math.Sincos(angle)
	for i, v := range t {
		p[i] = [2]float64{k*(cos*v[0]-sin*v[1]) + x, k*(sin*v[0]+cos*v[1]) + y}
	}
	return p
}

func template(name string) infer.Template { return infer.Template{Name: name, Scale: 1} }
