package lipsync

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// rigidPoints hardly move while people speak: corners of the eyes, bridge and tip of the nose, temples,
// forehead. Poses are taken from them (reference trial: RIGID).
var rigidPoints = [...]int{33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 127, 356, 234, 454, 10, 151, 9, 8}

// pose64 is a Similarity in double precision, while poses are being smoothed.
type pose64 struct {
	scale float64
	r     [9]float64
	t     [3]float64
}

func (p *pose64) similarity() Similarity {
	s := Similarity{Scale: float32(p.scale), T: pix.Vec3{X: float32(p.t[0]), Y: float32(p.t[1]), Z: float32(p.t[2])}}
	for i, v := range p.r {
		s.R[i] = float32(v)
	}
	return s
}

// to carries a point of the frame into face space.
func (p *pose64) to(v pix.Vec3) [3]float64 {
	x, y, z := float64(v.X), float64(v.Y), float64(v.Z)
	var o [3]float64
	for k := range o {
		o[k] = p.scale*(p.r[3*k]*x+p.r[3*k+1]*y+p.r[3*k+2]*z) + p.t[k]
	}
	return o
}

// fitRigid is the similarity that carries a mesh's rigid points nearest to those of ref (Horn 1987,
// closed form by quaternions).
func fitRigid(m *face.Mesh, ref *face.Shape) pose64 {
	const n = float64(len(rigidPoints))
	var ma, mb [3]float64
	for _, i := range rigidPoints {
		a, b := wide(m[i]), wide(ref[i])
		for k := range a {
			ma[k] += a[k] / n
			mb[k] += b[k] / n
		}
	}
	var c [9]float64 // Σ b aᵀ
	var spread float64
	for _, i := range rigidPoints {
		a, b := wide(m[i]), wide(ref[i])
		for k := range a {
			a[k] -= ma[k]
			b[k] -= mb[k]
			spread += a[k] * a[k]
		}
		for r := range b {
			for k := range a {
				c[3*r+k] += b[r] * a[k]
			}
		}
	}
	p := pose64{r: rotationOf(c)}
	var along float64
	for k := range c {
		along += p.r[k] * c[k]
	}
	p.scale = max(along/max(spread, 1e-12), 1e-9)
	p.place(ma, mb)
	return p
}

// place sets the shift so that point a of the frame comes to b.
func (p *pose64) place(a, b [3]float64) {
	for k := range p.t {
		p.t[k] = b[k] - p.scale*(p.r[3*k]*a[0]+p.r[3*k+1]*a[1]+p.r[3*k+2]*a[2])
	}
}

func wide(v pix.Vec3) [3]float64 { return [3]float64{float64(v.X), float64(v.Y), float64(v.Z)} }

// rotationOf is the rotation R that makes Σ b·Ra largest, given Σ b aᵀ row by row.
func rotationOf(c [9]float64) [9]float64 {
	// Rows and columns of Horn's matrix; his S_xy is Σ a_x b_y.
	xx, xy, xz := c[0], c[3], c[6]
	yx, yy, yz := c[1], c[4], c[7]
	zx, zy, zz := c[2], c[5], c[8]
	n := [][]float64{
		{xx + yy + zz, yz - zy, zx - xz, xy - yx},
		{yz - zy, xx - yy - zz, xy + yx, zx + xz},
		{zx - xz, xy + yx, -xx + yy - zz, yz + zy},
		{xy - yx, zx + xz, yz + zy, -xx - yy + zz},
	}
	v := jacobi(n)
	w, x, y, z := v[0][0], v[0][1], v[0][2], v[0][3]
	return [9]float64{
		w*w + x*x - y*y - z*z, 2 * (x*y - w*z), 2 * (x*z + w*y),
		2 * (x*y + w*z), w*w - x*x + y*y - z*z, 2 * (y*z - w*x),
		2 * (x*z - w*y), 2 * (y*z + w*x), w*w - x*x - y*y + z*z,
	}
}

// turnOf is a rotation as axis times angle (Rodrigues).
func turnOf(r [9]float64) [3]float64 {
	v := [3]float64{r[7] - r[5], r[2] - r[6], r[3] - r[1]}
	s := math.Sqrt(v[0]*v[0]+v[1]*v[1]+v[2]*v[2]) / 2
	c := (r[0] + r[4] + r[8] - 1) / 2
	angle := math.Atan2(s, c)
	k := .5
	if s > 1e-9 {
		k = angle / (2 * s)
	}
	return [3]float64{k * v[0], k * v[1], k * v[2]}
}

// rotation is what turnOf gave back.
func rotation(t [3]float64) [9]float64 {
	a := math.Sqrt(t[0]*t[0] + t[1]*t[1] + t[2]*t[2])
	if a < 1e-12 {
		return [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	}
	x, y, z := t[0]/a, t[1]/a, t[2]/a
	s, c := math.Sincos(a)
	q := 1 - c
	return [9]float64{
		c + q*x*x, q*x*y - s*z, q*x*z + s*y,
		q*x*y + s*z, c + q*y*y, q*y*z - s*x,
		q*x*z - s*y, q*y*z + s*x, c + q*z*z,
	}
}

// medianShape finds a person's own median mesh among some: in the view that most of them have, turned upright,
// its rigid points' mean at the origin and its face one wide (generalised Procrustes analysis, two rounds).
func medianShape(meshes []*face.Mesh) face.Shape {
	ref := upright(meshes[middle(meshes)])
	placed := make([][3][]float32, face.MeshPoints) // per point and axis, over the meshes
	for i := range placed {
		for k := range placed[i] {
			placed[i][k] = make([]float32, len(meshes))
		}
	}
	for range 2 {
		for j, m := range meshes {
			p := fitRigid(m, &ref)
			for i := range placed {
				v := p.to(m[i])
				for k := range v {
					placed[i][k][j] = float32(v[k])
				}
			}
		}
		for i := range ref {
			ref[i] = pix.Vec3{X: median32(placed[i][0]), Y: median32(placed[i][1]), Z: median32(placed[i][2])}
		}
		ref = unitShape(&ref)
	}
	return ref
}

// middle is the mesh whose pose is nearest to the usual one.
func middle(meshes []*face.Mesh) int {
	poses := make([]face.Pose, len(meshes))
	var angles [2][]float64
	for i, m := range meshes {
		poses[i] = face.FitPose(m)
		angles[0] = append(angles[0], float64(poses[i].Yaw))
		angles[1] = append(angles[1], float64(poses[i].Pitch))
	}
	yaw, pitch := quantile(sorted(angles[0]), .5), quantile(sorted(angles[1]), .5)
	best, at := math.Inf(1), 0
	for i := range poses {
		if d := math.Hypot(angles[0][i]-yaw, angles[1][i]-pitch); d < best {
			best, at = d, i
		}
	}
	return at
}

// upright turns a mesh in the picture's plane so that the line between its eyes is level, and makes it
// one wide.
func upright(m *face.Mesh) face.Shape {
	a, b := m[33], m[263]
	sin, cos := math.Sincos(-math.Atan2(float64(b.Y-a.Y), float64(b.X-a.X)))
	var s face.Shape
	for i := range s {
		x, y := float64(m[i].X), float64(m[i].Y)
		s[i] = pix.Vec3{X: float32(cos*x - sin*y), Y: float32(sin*x + cos*y), Z: m[i].Z}
	}
	return unitShape(&s)
}

// unitShape moves the rigid points' mean to the origin and makes the face one wide.
func unitShape(s *face.Shape) face.Shape {
	var c [3]float64
	for _, i := range rigidPoints {
		v := wide(s[i])
		for k := range c {
			c[k] += v[k] / float64(len(rigidPoints))
		}
	}
	w := max(math.Hypot(float64(s[234].X-s[454].X), float64(s[234].Y-s[454].Y)), 1e-9)
	var o face.Shape
	for i := range s {
		v := wide(s[i])
		o[i] = pix.Vec3{X: float32((v[0] - c[0]) / w), Y: float32((v[1] - c[1]) / w), Z: float32((v[2] - c[2]) / w)}
	}
	return o
}

// median32 is the middle value; v is not kept in order.
func median32(v []float32) float32 {
	s := slices.Clone(v)
	slices.Sort(s)
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// poseWindow is the width of the Hann window that smooths poses, in frames at 25 a second: 5 in the
// reference trial. Mouth points are never smoothed: lips close for two or three frames only.
const poseWindow = 5

// poses fits the pose of every face of a stretch without a cut and smooths turn and scale over it; the rigid
// points' mean stays where it was seen.
func poses(meshes []*face.Mesh, ref *face.Shape, fps float64) (out []pose64, turn [][3]float64) {
	n := len(meshes)
	series := newRows(4, n)
	for i, m := range meshes {
		p := fitRigid(m, ref)
		for k, v := range turnOf(p.r) {
			series[k][i] = v
		}
		series[3][i] = math.Log(p.scale)
	}
	width := max(1, int(math.Round(poseWindow*fps/25))|1)
	for k := range series {
		series[k] = hann(series[k], width)
	}
	out, turn = make([]pose64, n), make([][3]float64, n)
	for i, m := range meshes {
		turn[i] = [3]float64{series[0][i], series[1][i], series[2][i]}
		p := pose64{scale: math.Exp(series[3][i]), r: rotation(turn[i])}
		var a, b [3]float64
		for _, j := range rigidPoints {
			va, vb := wide(m[j]), wide(ref[j])
			for k := range a {
				a[k] += va[k] / float64(len(rigidPoints))
				b[k] += vb[k] / float64(len(rigidPoints))
			}
		}
		p.place(a, b)
		out[i] = p
	}
	return out, turn
}
