package face

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// smoothRounds of averaging over neighbours leave the head's overall curvature: nostrils and
// lips are gone (reference prototype: 6).
const smoothRounds = 6

// FitPose is the pose that carries the canonical face nearest to m: weighted least squares
// over rotation, scale and shift (Horn 1987, closed form by quaternions), with
// CanonicalMesh.Rigid as weights so that speech and mimicry hardly move it.
func FitPose(m *Mesh) Pose {
	c := Canonical()
	return fit(&c.Vertices, m, &c.Rigid)
}

// fit finds the similarity from shape to m by Horn's method.
func fit(shape *Shape, m *Mesh, weight *[MeshPoints]float32) Pose {
	var sum float64
	var ma, mb [3]float64
	for i := range shape {
		w := float64(weight[i])
		a, b := wide(shape[i]), wide(m[i])
		for k := range a {
			ma[k] += w * a[k]
			mb[k] += w * b[k]
		}
		sum += w
	}
	for k := range ma {
		ma[k] /= sum
		mb[k] /= sum
	}
	var cov [9]float64 // Σ w b aᵀ
	var spread float64
	for i := range shape {
		w := float64(weight[i])
		a, b := wide(shape[i]), wide(m[i])
		for k := range a {
			a[k] -= ma[k]
			b[k] -= mb[k]
			spread += w * a[k] * a[k]
		}
		for r := range b {
			for k := range a {
				cov[3*r+k] += w * b[r] * a[k]
			}
		}
	}
	rot := nearestRotation(cov)
	var along float64 // Σ w b·Ra
	for k := range cov {
		along += rot[k] * cov[k]
	}
	scale := along / spread
	var t [3]float64
	for r := range t {
		t[r] = mb[r] - scale*(rot[3*r]*ma[0]+rot[3*r+1]*ma[1]+rot[3*r+2]*ma[2])
	}
	return newPose(rot, scale, t)
}

func wide(p pix.Vec3) [3]float64 { return [3]float64{float64(p.X), float64(p.Y), float64(p.Z)} }

// newPose fills the angles from R = Rz(roll)·Ry(−yaw)·Rx(pitch): the roll is the one seen in
// the picture.
func newPose(rot [9]float64, scale float64, t [3]float64) Pose {
	p := Pose{Scale: float32(scale), T: pix.Vec3{X: float32(t[0]), Y: float32(t[1]), Z: float32(t[2])}}
	for k, v := range rot {
		p.R[k] = float32(v)
	}
	p.Yaw = float32(math.Asin(max(-1, min(1, rot[6]))))
	p.Pitch = float32(math.Atan2(rot[7], rot[8]))
	p.Roll = float32(math.Atan2(rot[3], rot[0]))
	return p
}

// nearestRotation is the rotation R with the largest trace of RᵀM, which for any
// matrix M is the rotation nearest to it (Horn 1987: the eigenvector of the largest
// eigenvalue of a symmetric 4×4 matrix is its quaternion).
func nearestRotation(m [9]float64) [9]float64 {
	// Horn's S is Σ a bᵀ, the transpose of M.
	sxx, sxy, sxz := m[0], m[3], m[6]
	syx, syy, syz := m[1], m[4], m[7]
	szx, szy, szz := m[2], m[5], m[8]
	q := largestEigenvector([4][4]float64{
		{sxx + syy + szz, syz - szy, szx - sxz, sxy - syx},
		{syz - szy, sxx - syy - szz, sxy + syx, szx + sxz},
		{szx - sxz, sxy + syx, syy - sxx - szz, syz + szy},
		{sxy - syx, szx + sxz, syz + szy, szz - sxx - syy},
	})
	w, x, y, z := q[0], q[1], q[2], q[3]
	return [9]float64{
		w*w + x*x - y*y - z*z, 2 * (x*y - w*z), 2 * (x*z + w*y),
		2 * (x*y + w*z), w*w - x*x + y*y - z*z, 2 * (y*z - w*x),
		2 * (x*z - w*y), 2 * (y*z + w*x), w*w - x*x - y*y + z*z,
	}
}

// largestEigenvector of a symmetric matrix, unit length, by cyclic Jacobi rotations.
func largestEigenvector(a [4][4]float64) [4]float64 {
	v := [4][4]float64{{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}}
	for range 24 { // converges quadratically; 4×4 needs about six sweeps
		off, all := 0.0, 0.0
		for p := range a {
			for q := range a {
				all += a[p][q] * a[p][q]
				if p != q {
					off += a[p][q] * a[p][q]
				}
			}
		}
		if off <= 1e-28*all {
			break
		}
		for p := 0; p < 3; p++ {
			for q := p + 1; q < 4; q++ {
				if a[p][q] == 0 {
					continue
				}
				theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
				t := 1 / (math.Abs(theta) + math.Sqrt(theta*theta+1))
				if theta < 0 {
					t = -t
				}
				c := 1 / math.Sqrt(t*t+1)
				s := t * c
				for k := range a {
					a[k][p], a[k][q] = c*a[k][p]-s*a[k][q], s*a[k][p]+c*a[k][q]
				}
				for k := range a {
					a[p][k], a[q][k] = c*a[p][k]-s*a[q][k], s*a[p][k]+c*a[q][k]
				}
				for k := range v {
					v[k][p], v[k][q] = c*v[k][p]-s*v[k][q], s*v[k][p]+c*v[k][q]
				}
			}
		}
	}
	best := 0
	for i := range a {
		if a[i][i] > a[best][best] {
			best = i
		}
	}
	return [4]float64{v[0][best], v[1][best], v[2][best], v[3][best]}
}

// At is where the pose puts a point of the canonical frame.
func (p *Pose) At(v pix.Vec3) pix.Vec3 {
	r, s := &p.R, p.Scale
	return pix.Vec3{
		X: s*(r[0]*v.X+r[1]*v.Y+r[2]*v.Z) + p.T.X,
		Y: s*(r[3]*v.X+r[4]*v.Y+r[5]*v.Z) + p.T.Y,
		Z: s*(r[6]*v.X+r[7]*v.Y+r[8]*v.Z) + p.T.Z,
	}
}

// Back is the point of the canonical frame that the pose puts at v.
func (p *Pose) Back(v pix.Vec3) pix.Vec3 {
	r, s := &p.R, 1/p.Scale
	x, y, z := v.X-p.T.X, v.Y-p.T.Y, v.Z-p.T.Z
	return pix.Vec3{
		X: s * (r[0]*x + r[3]*y + r[6]*z),
		Y: s * (r[1]*x + r[4]*y + r[7]*z),
		Z: s * (r[2]*x + r[5]*y + r[8]*z),
	}
}

// Decompose splits a mesh into the shape in the canonical frame (identity and
// expression) and the pose. Place puts them together again.
func Decompose(m *Mesh) (Shape, Pose) {
	pose := FitPose(m)
	var s Shape
	for i := range s {
		s[i] = pose.Back(m[i])
	}
	return s, pose
}

// Place puts a shape of the canonical frame into the picture.
func Place(shape *Shape, pose *Pose) [MeshPoints]pix.Vec3 {
	var out [MeshPoints]pix.Vec3
	for i, v := range shape {
		out[i] = pose.At(v)
	}
	return out
}

// Normals are the outward unit normals at the vertices: area-weighted means over the
// triangles around each. A face towards the viewer has z < 0. Points are in any frame with
// x right, y down, z away.
func Normals(points *[MeshPoints]pix.Vec3) [MeshPoints]pix.Vec3 {
	var n [MeshPoints]pix.Vec3
	for _, t := range &Canonical().Triangles {
		a, b, c := points[t[0]], points[t[1]], points[t[2]]
		ux, uy, uz := b.X-a.X, b.Y-a.Y, b.Z-a.Z
		vx, vy, vz := c.X-a.X, c.Y-a.Y, c.Z-a.Z
		// Canonical winding is counter-clockwise with y up and z towards the viewer; turning
		// two axes keeps the hand, so u×v points outward.
		nx, ny, nz := uy*vz-uz*vy, uz*vx-ux*vz, ux*vy-uy*vx
		for _, i := range t {
			n[i].X += nx
			n[i].Y += ny
			n[i].Z += nz
		}
	}
	unit(&n)
	return n
}

// SmoothNormals are the normals averaged six rounds over neighbours: the overall curvature
// of the head, which decides what faces the camera. Raw normals punch holes at nostrils and lips.
func SmoothNormals(points *[MeshPoints]pix.Vec3) [MeshPoints]pix.Vec3 {
	n := Normals(points)
	adjacent := &Canonical().Adjacency
	for range smoothRounds {
		var next [MeshPoints]pix.Vec3
		for i := range n {
			s := n[i]
			for _, j := range adjacent[i] {
				s.X += n[j].X
				s.Y += n[j].Y
				s.Z += n[j].Z
			}
			k := 1 / float32(len(adjacent[i])+1)
			next[i] = pix.Vec3{X: s.X * k, Y: s.Y * k, Z: s.Z * k}
		}
		n = next
	}
	unit(&n)
	return n
}

func unit(n *[MeshPoints]pix.Vec3) {
	for i, v := range n {
		l := float32(math.Sqrt(float64(v.X*v.X + v.Y*v.Y + v.Z*v.Z)))
		if l > 1e-12 {
			n[i] = pix.Vec3{X: v.X / l, Y: v.Y / l, Z: v.Z / l}
		}
	}
}

// Points are the mesh's vertices without the irises.
func (m *Mesh) Points() *[MeshPoints]pix.Vec3 { return (*[MeshPoints]pix.Vec3)(m[:MeshPoints]) }

// EyeDistance is the length from outer eye corner to outer eye corner (33 to 263) in space,
// in pixels: it does not shrink when the head turns.
func (m *Mesh) EyeDistance() float32 {
	a, b := m[33], m[263]
	dx, dy, dz := float64(a.X-b.X), float64(a.Y-b.Y), float64(a.Z-b.Z)
	return float32(math.Sqrt(dx*dx + dy*dy + dz*dz))
}

// Bounds is the box around the mesh.
func (m *Mesh) Bounds() Box {
	x0, y0, x1, y1 := m[0].X, m[0].Y, m[0].X, m[0].Y
	for _, p := range m[:MeshPoints] {
		x0, x1 = min(x0, p.X), max(x1, p.X)
		y0, y1 = min(y0, p.Y), max(y1, p.Y)
	}
	return Box{x0, y0, x1 - x0, y1 - y0}
}
