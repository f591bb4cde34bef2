package face

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/twinsync/twinsync/pix"
)

// MeshTriangles is the number of triangles of the canonical mesh. It is a disc without holes: eyes and the
// mouth's opening are covered.
const MeshTriangles = 898

// Shape is a face without its pose: the mesh in canonical units (centimetres), in the
// canonical frame: x to the picture's right, y down, z away from the viewer.
type Shape = [MeshPoints]pix.Vec3

// CanonicalMesh is the average face that all meshes share their topology with:
// MediaPipe's canonical face model (Apache-2.0), turned to the image's convention.
// It is shared and must not be changed.
type CanonicalMesh struct {
	Vertices  Shape                    // centimetres; the origin lies inside the head
	UV        [MeshPoints]pix.Vec2     // 0…1, u to the right, v down, as a picture of the face
	Triangles [MeshTriangles][3]uint16 // indices into Vertices, counter-clockwise as seen with y up
	Mirror    [MeshPoints]uint16       // the vertex on the other side; its own inverse
	Adjacency [MeshPoints][]uint16     // vertices joined by an edge, ascending
	Rigid     [MeshPoints]float32      // weights of FitPose: high where bone lies under the skin
}

//go:embed canonical.obj
var canonicalOBJ string

// canonical parses once, on first use. The file is part of the binary and tested, so a
// fault in it is a defect of the build.
var canonical = sync.OnceValue(func() *CanonicalMesh {
	c, err := parseCanonical(canonicalOBJ)
	if err != nil {
		panic("face: " + err.Error())
	}
	return c
})

// Canonical is the average face. It must not be changed.
func Canonical() *CanonicalMesh { return canonical() }

// parseCanonical reads a Wavefront OBJ with 468 v, as many or more vt and 898 triangular
// f lines of the form v/vt. OBJ has y up, z towards the viewer and texture v upward.
func parseCanonical(text string) (*CanonicalMesh, error) {
	c := new(CanonicalMesh)
	var uv []pix.Vec2
	nv, nt := 0, 0
	for n, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		bad := fmt.Errorf("canonical mesh, line %d: %q", n+1, line)
		switch fields[0] {
		case "v":
			p, err := floats(fields[1:], 3)
			if err != nil || nv == MeshPoints {
				return nil, bad
			}
			c.Vertices[nv] = pix.Vec3{X: p[0], Y: -p[1], Z: -p[2]}
			nv++
		case "vt":
			p, err := floats(fields[1:], 2)
			if err != nil {
				return nil, bad
			}
			uv = append(uv, pix.Vec2{X: p[0], Y: 1 - p[1]})
		case "f":
			if len(fields) != 4 || nt == MeshTriangles {
				return nil, bad
			}
			for k, corner := range fields[1:] {
				vertex, texture, both := strings.Cut(corner, "/")
				i, err := strconv.Atoi(vertex)
				if err != nil || i < 1 || i > nv {
					return nil, bad
				}
				j := i
				if both {
					if j, err = strconv.Atoi(texture); err != nil {
						return nil, bad
					}
				}
				if j < 1 || j > len(uv) {
					return nil, bad
				}
				c.Triangles[nt][k] = uint16(i - 1)
				c.UV[i-1] = uv[j-1]
			}
			nt++
		}
	}
	if nv != MeshPoints || nt != MeshTriangles {
		return nil, fmt.Errorf("canonical mesh: %d vertices and %d triangles", nv, nt)
	}
	c.derive()
	return c, nil
}

func floats(fields []string, n int) ([]float32, error) {
	if len(fields) < n {
		return nil, fmt.Errorf("%d numbers wanted", n)
	}
	out := make([]float32, n)
	for i := range out {
		v, err := strconv.ParseFloat(fields[i], 32)
		if err != nil {
			return nil, err
		}
		out[i] = float32(v)
	}
	return out, nil
}

// derive fills what follows from vertices and triangles.
func (c *CanonicalMesh) derive() {
	for i, p := range c.Vertices {
		best := float32(1e9)
		for j, q := range c.Vertices {
			dx, dy, dz := -p.X-q.X, p.Y-q.Y, p.Z-q.Z
			if d := dx*dx + dy*dy + dz*dz; d < best {
				best, c.Mirror[i] = d, uint16(j)
			}
		}
	}
	var joined [MeshPoints][MeshPoints]bool
	for _, t := range c.Triangles {
		for k := range t {
			a, b := t[k], t[(k+1)%3]
			joined[a][b], joined[b][a] = true, true
		}
	}
	for i := range joined {
		for j, on := range joined[i] {
			if on {
				c.Adjacency[i] = append(c.Adjacency[i], uint16(j))
			}
		}
	}
	c.rigid()
}

// rigid sets the weights of the pose fit, found by trial (reference prototype of the mesh
// swap): forehead, bridge of the nose, temples and eye corners hold still when a face
// moves; lips, jaw, lids and brows do not.
func (c *CanonicalMesh) rigid() {
	eyes := (c.Vertices[33].Y + c.Vertices[263].Y) / 2
	for i := range c.Rigid {
		c.Rigid[i] = .3
		if c.Vertices[i].Y < eyes {
			c.Rigid[i] = 1
		}
	}
	for _, i := range []int{168, 6, 197, 195, 5, 4, 1, 33, 133, 362, 263, 127, 356, 10, 151, 9, 8, 122, 351, 48, 278, 98, 327} {
		c.Rigid[i] = 2
	}
	for i := range c.Rigid {
		if c.Vertices[i].Y > c.Vertices[1].Y+1 { // from 1 cm under the nose tip
			c.Rigid[i] = .05
		}
	}
	for _, list := range [][]int{EyeRight(), EyeLeft(), BrowRight(), BrowLeft()} {
		for _, i := range list {
			c.Rigid[i] = .15
		}
	}
	for _, i := range []int{33, 133, 362, 263} {
		c.Rigid[i] = 1
	}
}

// Lists of mesh vertices, in order around the part. Right and left are the person's own.
// Each call returns a fresh slice.

// Oval is the outline of the face, 36 vertices clockwise as seen from the top of the forehead (10).
func Oval() []int {
	return []int{10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
		152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109}
}

// InnerLips is the border between lips and mouth opening: from the right corner (78) over the
// upper lip to the left corner (308) and back under it.
func InnerLips() []int {
	return []int{78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95}
}

// OuterLips is the border between lips and skin: from the right corner (61) under the lower lip
// to the left corner (291) and back over the upper one.
func OuterLips() []int {
	return []int{61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185}
}

// EyeRight is the border of the right eye's opening: outer corner (33), lower lid, inner corner
// (133), upper lid.
func EyeRight() []int {
	return []int{33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246}
}

// EyeLeft is the border of the left eye's opening: outer corner (263), lower lid, inner corner
// (362), upper lid.
func EyeLeft() []int {
	return []int{263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466}
}

// BrowRight is the right eyebrow: upper line inward, then lower line outward.
func BrowRight() []int { return []int{70, 63, 105, 66, 107, 55, 65, 52, 53, 46} }

// BrowLeft is the left eyebrow: upper line inward, then lower line outward.
func BrowLeft() []int { return []int{300, 293, 334, 296, 336, 285, 295, 282, 283, 276} }
