package swap

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// How portraits of one person are merged.
const (
	// partsSigma smooths, in shares of the square, which photo a place is taken from: features
	// come whole from one of them, because two never lie exactly over each other and their
	// mean would be blurred.
	partsSigma = .035
	// finePower makes the best photo of a place win nearly alone in what is finer than
	// fineSigma (share of the square): lashes, pores, borders. What is wider has the mean of
	// all that show the place, in which each photo's own shadows and stains fade.
	finePower, widePower = 10, 1
	fineSigma            = .012
	// others is what is left of the worth of all but the best photo of a pose where fine structure
	// is chosen: between two that are equally good, one must win.
	others = .85
	// guessed is how little a texel filled from the other half of its photo counts beside one
	// that another photo really shows.
	guessed = .05
	// openLost is how much a photo with an open mouth loses, per eye distance of opening, around
	// the mouth.
	openLost = 12
	// poseNear is the difference in yaw (radians) at which a photo counts 1/√e for a head's pose.
	poseNear = .3
	// nodNear is the same for nodding: from below, nostrils and jaw look like nobody's.
	nodNear = .3
	// poseStep is the least difference in yaw (radians, 14°) that makes another view worth having.
	poseStep = .25
)

// merge joins portraits of one person. Each place of the face is taken from the photo that shows
// it best: in sight and lit there, facing the camera, sharp, mouth closed. All are brought to the
// low-pass colour of the best photo first, so that neither exposure nor white balance leaves a
// seam. Where the photos show the head from several sides, the face is made once for
// each of these poses too, from the photos nearest to it (Identity.turned).
func merge(parts []*portrait, r *regions) *Identity {
	if len(parts) == 1 {
		return parts[0].whole()
	}
	m := &merger{parts: parts, r: r}
	m.prepare()
	id := m.view(m.yaw(m.best))
	id.shape, id.open = m.shape(), m.open()
	id.shown, id.eyes, id.eyesSeen = parts[m.best].shown, parts[m.best].eyes, parts[m.best].eyesSeen
	for _, p := range parts {
		if !id.eyesSeen {
			id.eyes, id.eyesSeen = p.eyes, p.eyesSeen
		}
	}
	for _, yaw := range m.poses() {
		v := m.view(yaw)
		v.shape, v.open = id.shape, id.open
		id.turned = append(id.turned, turned{yaw, v})
	}
	return id
}

// whole is the identity that a single photo gives.
func (p *portrait) whole() *Identity {
	id := &p.Identity
	id.lightFrom = pix.NewMap(lightSide, lightSide)
	pix.Resample(id.lightFrom, p.light)
	return id
}

// turned is the face as it is best shown for a head turned by yaw (radians).
type turned struct {
	yaw float32
	id  *Identity
}

// merger holds what merging needs of each portrait.
type merger struct {
	parts []*portrait
	r     *regions  // maskSide
	worth []pix.Map // maskSide: how well a place is shown, whatever the pose
	wide  []colours // textureSide: what is finer than the base and wider than fineSigma
	fine  []colours // textureSide: the rest
	base  colours   // low-pass colours of the best photo
	best  int
}

// baseSigma separates colour and light from what is the face's own, in shares of the square.
const baseSigma = .10

func (m *merger) prepare() {
	sharp := make([]float32, len(m.parts))
	for i, p := range m.parts {
		small := p.texture.resampled(maskSide)
		sharp[i] = m.r.edgeStrength(small.luma())
	}
	sharpest := slices.Max(sharp)
	mouth := pix.NewMap(maskSide, maskSide)
	around := aroundMouth()
	m.r.positions.Interpolate(mouth.Pix, around[:], face.Canonical().Triangles[:])
	closed := m.open()
	most := -1.0
	for i, p := range m.parts {
		w := pix.NewMap(maskSide, maskSide)
		conf := pix.NewMap(maskSide, maskSide)
		pix.Resample(conf, p.confidence)
		q := sharp[i] / max(sharpest, 1e-6)
		nod := p.pitch / nodNear
		q *= exp(-.25 * nod * nod)
		total := 0.0
		for k, o := range p.own.Pix {
			seen := max(o, guessed*conf.Pix[k])
			w.Pix[k] = seen * p.direct.Pix[k] * q * q *
				exp(-openLost*(p.open-closed)*min(1, 2*mouth.Pix[k]))
			total += float64(w.Pix[k])
		}
		m.worth = append(m.worth, w)
		if total > most {
			most, m.best = total, i
		}
	}
	const sigma = baseSigma * textureSide
	m.base = m.parts[m.best].texture.lowPass(m.parts[m.best].light, sigma)
	for i, p := range m.parts {
		own := m.base
		if i != m.best {
			own = p.texture.lowPass(p.light, sigma)
		}
		d := p.texture.clone()
		for k := range d {
			for j, v := range own[k].Pix {
				d[k].Pix[j] -= v
			}
		}
		wide := d.blurred(fineSigma * textureSide)
		for k := range d {
			for j, v := range wide[k].Pix {
				d[k].Pix[j] -= v
			}
		}
		m.wide, m.fine = append(m.wide, wide), append(m.fine, d)
	}
}

func (m *merger) yaw(i int) float32 { return m.parts[i].yaw }

// view is the face made for a head turned by yaw.
func (m *merger) view(yaw float32) *Identity {
	v := &Identity{texture: m.base.clone(), confidence: pix.NewMap(textureSide, textureSide)}
	for _, p := range m.parts {
		v.confidence.Max(p.confidence)
	}
	near := make([]pix.Map, len(m.parts))
	for i := range m.parts {
		d := (m.yaw(i) - yaw) / poseNear
		w := exp(-.5 * d * d)
		near[i] = m.worth[i].Blurred(partsSigma * maskSide).Each(func(v float32) float32 {
			return max(v*w, 2e-3) // somebody must win
		})
	}
	m.mix(favoured(near), finePower, func(i, j int, share float32) {
		for k := range v.texture {
			v.texture[k].Pix[j] += share * m.fine[i][k].Pix[j]
		}
	})
	light := pix.NewMap(textureSide, textureSide)
	m.mix(near, widePower, func(i, j int, share float32) {
		light.Pix[j] += share * m.parts[i].light.Pix[j]
		for k := range v.texture {
			v.texture[k].Pix[j] += share * m.wide[i][k].Pix[j]
		}
	})
	v.lightFrom = pix.NewMap(lightSide, lightSide)
	pix.Resample(v.lightFrom, light)
	return v
}

// favoured is worth with less for all but the photo that is best on the whole.
func favoured(worth []pix.Map) []pix.Map {
	best, most := 0, float32(-1)
	for i, w := range worth {
		sum := float32(0)
		for _, v := range w.Pix {
			sum += v
		}
		if sum > most {
			best, most = i, sum
		}
	}
	out := make([]pix.Map, len(worth))
	for i, w := range worth {
		out[i] = w
		if i != best {
			out[i] = w.Clone().Each(func(v float32) float32 { return others * v })
		}
	}
	return out
}

// mix calls add with each portrait's share of each texel: worth to the given power. Hair at a
// place keeps a photo from winning it.
func (m *merger) mix(worth []pix.Map, power float64, add func(part, texel int, share float32)) {
	shares := make([]pix.Map, len(m.parts))
	sum := pix.NewMap(textureSide, textureSide)
	for i, p := range m.parts {
		s := worth[i].Clone().Each(func(v float32) float32 { return float32(math.Pow(float64(v), power)) })
		shares[i] = pix.NewMap(textureSide, textureSide)
		pix.Resample(shares[i], s)
		for j, c := range p.confidence.Pix {
			shares[i].Pix[j] *= c*c*c*c + 1e-6
			sum.Pix[j] += shares[i].Pix[j]
		}
	}
	for i := range shares {
		for j, s := range shares[i].Pix {
			add(i, j, s/max(sum.Pix[j], 1e-36))
		}
	}
}

// poses are the yaws for which a view of its own is worth making: the outermost photos' and the
// one between them that faces the camera most, each poseStep or more from the last; none
// when all show the head alike.
func (m *merger) poses() []float32 {
	var all []float32
	for i := range m.parts {
		all = append(all, m.yaw(i))
	}
	slices.Sort(all)
	lo, hi := all[0], all[len(all)-1]
	if hi-lo < poseStep {
		return nil
	}
	middle := all[0]
	for _, y := range all {
		if math.Abs(float64(y)) < math.Abs(float64(middle)) {
			middle = y
		}
	}
	out := []float32{lo}
	if middle-lo >= poseStep && hi-middle >= poseStep {
		out = append(out, middle)
	}
	return append(out, hi)
}

// open is the opening of the mouth that is closed most: around the mouth, that photo wins.
func (m *merger) open() float32 {
	o := m.parts[0].open
	for _, p := range m.parts {
		o = min(o, p.open)
	}
	return o
}

// shape is the mean shape, vertex by vertex, weighted by how well each photo shows the vertex and
// robust against a photo that disagrees (Geman-McClure over three rounds). A turned head's
// depth is a guess and a mouth that is open tells little about its rest.
func (m *merger) shape() (out face.Shape) {
	const outlier = .35 // canonical units (centimetres)
	around := aroundMouth()
	for v := range out {
		base := make([]float64, len(m.parts))
		for i, p := range m.parts {
			front := float64(exp(-.5 * (p.yaw / .35) * (p.yaw / .35)))
			mouth := float64(exp(-openLost * (p.open - m.open()) * min(1, 2*around[v])))
			base[i] = (.1 + float64(p.facing[v])) * (.05 + front) * mouth
		}
		w := slices.Clone(base)
		var mean [3]float64
		for range 3 {
			sum := 0.0
			mean = [3]float64{}
			for i, p := range m.parts {
				q := p.shape[v]
				mean[0] += w[i] * float64(q.X)
				mean[1] += w[i] * float64(q.Y)
				mean[2] += w[i] * float64(q.Z)
				sum += w[i]
			}
			for k := range mean {
				mean[k] /= sum
			}
			for i, p := range m.parts {
				q := p.shape[v]
				dx, dy, dz := float64(q.X)-mean[0], float64(q.Y)-mean[1], float64(q.Z)-mean[2]
				e := 1 + (dx*dx+dy*dy+dz*dz)/(outlier*outlier)
				w[i] = base[i] / (e * e)
			}
		}
		out[v] = pix.Vec3{X: float32(mean[0]), Y: float32(mean[1]), Z: float32(mean[2])}
	}
	return out
}

// directness is how squarely each texel faces the camera, 0…1 (the cosine between normal and
// view): of two photos the one that looks straight at a place shows more of it. facing is the
// same for vertices.
func directness(m *face.Mesh, r *regions) (at pix.Map, facing [face.MeshPoints]float32) {
	for i, n := range face.SmoothNormals(m.Points()) {
		facing[i] = max(0, -n.Z)
	}
	at = pix.NewMap(r.n, r.n)
	r.positions.Interpolate(at.Pix, facing[:], face.Canonical().Triangles[:])
	return at, facing
}
