package lipsync

import (
	"slices"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// What lies in front of a mouth is told by comparing a face's skin, place by place on the UV square, with how it
// usually looks: the median of the skin samples of an analysis and how far they are from it. Found by
// trial: a drawn microphone and a drawn card are found, and nothing on nine clips without objects.
const (
	coverSide    = 48  // places across the square
	coverLeast   = 4   // samples without which nothing is told
	coverLight   = 9   // 8-bit steps of brightness that never count as unusual
	coverTint    = 7   // and of the differences of red and blue to green
	coverFrom    = 4.5 // times the usual spread from which a place counts as covered
	coverFull    = 7   // and surely does
	coverRounds  = 5   // of the fit that takes the light out
	coverSteady  = .3  // by how much light is believed not to change, beside what all places say
	coverSide2   = .3  // and not to change its direction
	coverIsland  = .02 // of all places: smaller islands are creases and reflections
	coverGrow    = 2.0 // places that what is found is widened by
	coverBegins  = .12 // share of the lips from which a mouth fades
	coverAll     = .40 // and is left as filmed
	hidesLips    = .03 // share of the lips, and of the skin below them, that must be free in a mouth that is shown elsewhere
	hidesChin    = .10
	bareSlack    = 10  // 8-bit steps of colour by which a chin may differ more from the cheeks than it mostly does
	featureSlack = .02 // of the square: around eyes, brows, lips and nostrils nothing is told
)

// Usual is how a person's skin looks: brightness, red minus green and blue minus green by place of the UV
// square, gamma-coded on an 8-bit scale, and how far from that it usually is.
type Usual struct {
	Median, Spread [3][coverSide * coverSide]float32
}

// skinPlaces are the places of the square that are skin.
type skinPlaces struct {
	at    pix.Surface
	cells []int // skin
	lips  []int // the lips and what is between them
	hole  pix.Map
	upper int // the first cells are above the mouth
}

var skin = sync.OnceValue(func() *skinPlaces {
	const n = coverSide
	c := face.Canonical()
	s := &skinPlaces{hole: pix.NewMap(n, n)}
	s.at.DrawUV(n, c.UV[:], c.Triangles[:])
	poly := func(list []int) (p []pix.Vec2) {
		for _, i := range list {
			p = append(p, pix.Vec2{X: c.UV[i].X * (n - 1), Y: c.UV[i].Y * (n - 1)})
		}
		return p
	}
	for _, part := range [][]int{face.EyeLeft(), face.EyeRight(), face.BrowLeft(), face.BrowRight(), face.OuterLips()} {
		s.hole.Max(pix.FillPolygon(n, n, poly(part), featureSlack*n, 1))
	}
	for _, p := range poly([]int{98, 97, 2, 326, 327, 64, 294}) {
		s.hole.FillDisc(p, featureSlack*n)
	}
	lips := pix.FillPolygon(n, n, poly(face.OuterLips()), 0, 1)
	mouth := c.UV[13].Y * (n - 1)
	for _, above := range []bool{true, false} {
		for i, t := range s.at.Tri {
			if (float32(i/n) < mouth) != above {
				continue
			}
			if lips.Pix[i] > .5 {
				s.lips = append(s.lips, i)
			} else if t >= 0 && s.hole.Pix[i] < .5 {
				s.cells = append(s.cells, i)
			}
		}
		if above {
			s.upper = len(s.cells)
		}
	}
	for i := range s.hole.Pix { // beyond the face nothing is known either
		if s.at.Tri[i] < 0 {
			s.hole.Pix[i] = 1
		}
	}
	return s
})

// look is a face on the square: brightness and tints by place; seen is false where it is turned away or outside of the
// picture.
type look struct {
	v    [3][coverSide * coverSide]float32
	seen [coverSide * coverSide]bool
	at   [coverSide * coverSide]pix.Vec2
}

func (l *look) set(i int, r, g, b float32) {
	l.v[0][i], l.v[1][i], l.v[2][i] = (r+g+b)/3, r-g, b-g
	l.seen[i] = true
}

// sample reads a texture of an analysis.
func (l *look) sample(t *face.Texture) {
	for _, i := range skin().cells {
		x0, y0 := i%coverSide*t.N/coverSide, i/coverSide*t.N/coverSide
		x1, y1 := (i%coverSide+1)*t.N/coverSide, (i/coverSide+1)*t.N/coverSide
		var sum [3]int
		n := 0
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				if k := y*t.N + x; t.Seen[k] > 128 {
					for c := range sum {
						sum[c] += int(t.RGB[3*k+c])
					}
					n++
				}
			}
		}
		if l.seen[i] = 2*n > (x1-x0)*(y1-y0) && n > 0; l.seen[i] {
			k := 1 / float32(n)
			l.set(i, k*float32(sum[0]), k*float32(sum[1]), k*float32(sum[2]))
		}
	}
}

// see reads a frame.
func (l *look) see(f *pix.Frame, mesh *face.Mesh) {
	c := face.Canonical()
	s := skin()
	s.at.Points(l.at[:], mesh[:face.MeshPoints], c.Triangles[:])
	coder := pix.NewCoder(f.Colour)
	cell := faceWidth(mesh.Points()) / coverSide
	unit := 1 / float32(int(1)<<(f.Depth-8))
	for _, i := range s.cells {
		p := l.at[i]
		tri := c.Triangles[s.at.Tri[i]]
		if l.seen[i] = p.X >= 0 && p.Y >= 0 && p.X <= float32(f.W-1) && p.Y <= float32(f.H-1) && faces(mesh, tri); !l.seen[i] {
			continue
		}
		v := [3]float32{unit * average(&f.Planes[0], p, cell), 128, 128}
		if !f.Mono {
			p.X, p.Y = f.ChromaAt(p.X, p.Y)
			v[1] = unit * average(&f.Planes[1], p, cell/float32(int(1)<<f.SubX))
			v[2] = unit * average(&f.Planes[2], p, cell/float32(int(1)<<f.SubX))
		}
		r, g, b := coder.RGB(v[0], v[1], v[2])
		l.set(i, pix.Clamp(r, 0, 255), pix.Clamp(g, 0, 255), pix.Clamp(b, 0, 255))
	}
}

// faces reports whether a triangle clearly faces the viewer: its normal is within about 75°.
func faces(m *face.Mesh, t [3]uint16) bool {
	a, b, c := m[t[0]], m[t[1]], m[t[2]]
	ux, uy, uz, vx, vy, vz := b.X-a.X, b.Y-a.Y, b.Z-a.Z, c.X-a.X, c.Y-a.Y, c.Z-a.Z
	nx, ny, nz := uy*vz-uz*vy, uz*vx-ux*vz, ux*vy-uy*vx
	return nz*nz > .07*(nx*nx+ny*ny+nz*nz)
}

// average is the mean of nine samples spread over a square around p.
func average(q *pix.Plane, p pix.Vec2, side float32) float32 {
	sum := 0
	for j := range 3 {
		y := clampInt(p.Y+float32(j-1)*side/3, q.H)
		for i := range 3 {
			sum += q.At(clampInt(p.X+float32(i-1)*side/3, q.W), y)
		}
	}
	return float32(sum) / 9
}

// NewUsual learns how a person of an analysis usually looks; nil where too little of them was seen.
func NewUsual(a *face.Analysis, person int) *Usual {
	var looks []look
	for i := range a.Tracks {
		if t := &a.Tracks[i]; t.Person == person {
			for k := range t.Textures {
				var l look
				l.sample(&t.Textures[k])
				looks = append(looks, l)
			}
		}
	}
	return usualOf(looks)
}

// usualOf are the medians of looks.
func usualOf(looks []look) *Usual {
	if len(looks) < coverLeast {
		return nil
	}
	looks = bare(looks)
	u := new(Usual)
	v := make([]float32, 0, len(looks))
	for k := range u.Median {
		floor := float32(coverTint)
		if k == 0 {
			floor = coverLight
		}
		for _, i := range skin().cells {
			v = v[:0]
			for j := range looks {
				if looks[j].seen[i] {
					v = append(v, looks[j].v[k][i])
				}
			}
			if len(v) < coverLeast {
				u.Spread[k][i] = 1e6 // nobody knows
				continue
			}
			slices.Sort(v)
			m := v[len(v)/2]
			for j := range v {
				v[j] = max(v[j]-m, m-v[j])
			}
			slices.Sort(v)
			u.Median[k][i], u.Spread[k][i] = m, max(floor, 1.5*v[len(v)/2])
		}
	}
	return u
}

// bare are those of the looks whose chin has the colour of their cheeks, so far as that person's chin has. Where
// something covers the mouth in most of them, their median would be that thing.
func bare(looks []look) []look {
	s := skin()
	off := make([]float32, len(looks))
	for j := range looks {
		l := &looks[j]
		for k := 1; k < 3; k++ {
			var upper []float32
			for _, i := range s.cells[:s.upper] {
				if l.seen[i] {
					upper = append(upper, l.v[k][i])
				}
			}
			if len(upper) == 0 {
				continue
			}
			slices.Sort(upper)
			sum, n := float32(0), float32(0)
			for _, i := range s.cells[s.upper:] {
				if l.seen[i] {
					d := l.v[k][i] - upper[len(upper)/2]
					sum += max(d, -d)
					n++
				}
			}
			off[j] += sum / max(n, 1)
		}
	}
	order := slices.Clone(off)
	slices.Sort(order)
	most := order[len(order)/10] + bareSlack
	var out []look
	for j, o := range off {
		if o <= most {
			out = append(out, looks[j])
		}
	}
	return out
}

// covered is what lies in front of a mouth: 0…1 on the square, and its share of the lips. Without pixels nothing does.
func (u *Usual) covered(l *look) (mask pix.Map, lips float32) {
	const n = coverSide
	s := skin()
	var z [n * n]float32
	for k := range u.Median {
		u.residual(l, k, &z)
	}
	mask = pix.NewMap(n, n)
	found := false
	for _, i := range s.cells {
		if l.seen[i] && z[i] > coverFrom*coverFrom {
			mask.Pix[i] = pix.SmoothStep(z[i], coverFrom*coverFrom, coverFull*coverFull)
			found = true
		}
	}
	if !found {
		return pix.Map{}, 0
	}
	hole := s.hole.Clone()
	for _, i := range s.cells {
		if !l.seen[i] {
			hole.Pix[i] = 1
		}
	}
	pix.Inpaint(mask, hole)
	if !dropIslands(mask) {
		return pix.Map{}, 0
	}
	mask = mask.Grow(coverGrow)
	pix.Blur(mask, mask, .6)
	for _, i := range s.lips {
		lips += mask.Pix[i] / float32(len(s.lips))
	}
	return mask, lips
}

// hides reports whether so much lies in front of mouth and chin that the mouth cannot be shown elsewhere.
func (u *Usual) hides(l *look) bool {
	mask, lips := u.covered(l)
	if mask.Pix == nil {
		return false
	}
	s := skin()
	sum := float32(0)
	for _, i := range s.cells[s.upper:] {
		sum += mask.Pix[i]
	}
	return lips > hidesLips || sum > hidesChin*float32(len(s.cells)-s.upper)
}

// residual adds to z the squared deviation of one channel from what is usual, after the light's change, a
// plane fitted robustly (Geman and McClure's weights), has been taken out.
func (u *Usual) residual(l *look, k int, z *[coverSide * coverSide]float32) {
	const n = coverSide
	var a [3]float32
	deviation := func(i int) (d, x, y, inv float32) {
		x, y = float32(i%n)/n-.5, float32(i/n)/n-.5
		return l.v[k][i] - u.Median[k][i], x, y, 1 / u.Spread[k][i]
	}
	for range coverRounds {
		var m [3][3]float32
		var b [3]float32
		for _, i := range skin().cells {
			if !l.seen[i] {
				continue
			}
			d, x, y, inv := deviation(i)
			r := (d - a[0] - a[1]*x - a[2]*y) * inv
			w := inv / (1 + r*r/4)
			w *= w
			f := [3]float32{w, w * x, w * y}
			m[0][0] += f[0]
			m[0][1] += f[1]
			m[0][2] += f[2]
			m[1][1] += f[1] * x
			m[1][2] += f[1] * y
			m[2][2] += f[2] * y
			b[0] += f[0] * d
			b[1] += f[1] * d
			b[2] += f[2] * d
		}
		m[1][0], m[2][0], m[2][1] = m[0][1], m[0][2], m[1][2]
		m[1][1] += coverSide2 * .1 * m[0][0]
		m[2][2] += coverSide2 * .1 * m[0][0]
		m[0][0] *= 1 + coverSteady
		a = solved3(m, b)
	}
	for _, i := range skin().cells {
		if l.seen[i] {
			d, x, y, inv := deviation(i)
			r := (d - a[0] - a[1]*x - a[2]*y) * inv
			z[i] += r * r
		}
	}
}

// solved3 solves a symmetric positive system by Cramer's rule.
func solved3(s [3][3]float32, c [3]float32) (x [3]float32) {
	m00 := s[1][1]*s[2][2] - s[1][2]*s[1][2]
	m01 := s[0][2]*s[1][2] - s[0][1]*s[2][2]
	m02 := s[0][1]*s[1][2] - s[0][2]*s[1][1]
	det := s[0][0]*m00 + s[0][1]*m01 + s[0][2]*m02
	if !(det > 0) {
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

// dropIslands takes small parts out of a mask and reports whether any is left.
func dropIslands(mask pix.Map) bool {
	labels, n := pix.Components(mask.W, mask.H, func(i int) bool { return mask.Pix[i] > .5 })
	area := make([]int, n+1)
	for _, k := range labels {
		area[k]++
	}
	left := false
	for i, k := range labels {
		if k == 0 || float32(area[k]) < coverIsland*coverSide*coverSide {
			mask.Pix[i] = 0
			continue
		}
		left = true
	}
	return left
}
