package swap

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// colours is a picture on the UV square in log light (pix.Curve): red, green, blue.
type colours [3]pix.Map

func newColours(n int) colours {
	return colours{pix.NewMap(n, n), pix.NewMap(n, n), pix.NewMap(n, n)}
}

func (c *colours) clone() colours {
	return colours{c[0].Clone(), c[1].Clone(), c[2].Clone()}
}

func (c *colours) mirrored() colours {
	return colours{c[0].Mirrored(), c[1].Mirrored(), c[2].Mirrored()}
}

// blurred returns c smoothed with a standard deviation in texels.
func (c *colours) blurred(sigma float32) colours {
	return colours{c[0].Blurred(sigma), c[1].Blurred(sigma), c[2].Blurred(sigma)}
}

// resampled returns c on a grid of n×n.
func (c *colours) resampled(n int) colours {
	o := newColours(n)
	for k := range c {
		pix.Resample(o[k], c[k])
	}
	return o
}

// lowPass is pix.LowPass for colours.
func (c *colours) lowPass(weight pix.Map, sigma float32) colours {
	return colours(pix.LowPass(c[:], weight, sigma))
}

// luma is the mean of the three channels.
func (c *colours) luma() pix.Map {
	m := pix.NewMap(c[0].W, c[0].H)
	for i := range m.Pix {
		m.Pix[i] = (c[0].Pix[i] + c[1].Pix[i] + c[2].Pix[i]) / 3
	}
	return m
}

// mean is the weighted mean colour.
func (c *colours) mean(weight pix.Map) (m [3]float32) {
	sum := 1e-6
	var s [3]float64
	for i, w := range weight.Pix {
		sum += float64(w)
		for k := range s {
			s[k] += float64(w * c[k].Pix[i])
		}
	}
	for k := range m {
		m[k] = float32(s[k] / sum)
	}
	return m
}

// shadeRidge keeps terms that the seen part of the face cannot tell apart small.
const shadeRidge = 2e-3

// shadeFit says how fitShade works.
type shadeFit struct {
	terms  int // of the harmonics, 1…9
	rounds int // of reweighting
	step   int // only every step-th row and column is read
	stiff  float64
	// change is set when a change is fitted that is probably none or the same everywhere:
	// texels near zero lead, and what is farther than this from the fit counts little even
	// when it is the larger part of the face. 0 for other fits.
	change float64
}

// fitShade fits maps by the first terms of the harmonics where weight > .05, robustly: texels
// far from the fit lose weight (Geman-McClure). At most three maps. The result has one row of coefficients per map.
func (r *regions) fitShade(maps []pix.Map, weight pix.Map, fit shadeFit) [][]float64 {
	terms, rounds, step := fit.terms, fit.rounds, fit.step
	var at []int
	total := 0.0
	for y := 0; y < r.n; y += step {
		for x := 0; x < r.n; x += step {
			if i := y*r.n + x; weight.Pix[i] > .05 {
				at = append(at, i)
				total += float64(weight.Pix[i])
			}
		}
	}
	coef := make([][]float64, len(maps))
	for k := range coef {
		coef[k] = make([]float64, terms)
	}
	if len(at) < 4*terms {
		return coef
	}
	// Only these texels are visited, again and again: what is read of them lies side by side.
	w, basis, values := make([]float64, len(at)), make([]float64, terms*len(at)), make([]float64, len(maps)*len(at))
	rest, sorted := make([]float32, len(at)), make([]float32, len(at))
	for j, i := range at {
		w[j] = float64(weight.Pix[i])
		for k := range terms {
			basis[j*terms+k] = float64(r.basis[k].Pix[i])
		}
		for m := range maps {
			values[j*len(maps)+m] = float64(maps[m].Pix[i])
		}
	}
	reweigh := func() {
		for j := range at {
			b, e := basis[j*terms:(j+1)*terms], 0.0
			for m, v := range values[j*len(maps) : (j+1)*len(maps)] {
				s := 0.0
				for k, c := range coef[m][:len(b)] {
					s += c * b[k]
				}
				e += math.Abs(v - s)
			}
			rest[j] = float32(e / float64(len(maps)))
		}
		copy(sorted, rest)
		scale := 1.5*float64(nth(sorted, len(sorted)/2)) + 1e-3
		if fit.change > 0 {
			scale = min(scale, fit.change)
		}
		for j, i := range at {
			q := float64(rest[j]) / scale
			w[j] = float64(weight.Pix[i]) / (1 + q*q)
		}
	}
	if fit.change > 0 {
		reweigh()
	}
	for round := range rounds {
		var sum [9][9 + 3]float64
		for k := range terms {
			switch {
			case k > 3:
				sum[k][k] = 2 * shadeRidge * total
			case k > 0:
				sum[k][k] = (shadeRidge + fit.stiff) * total
			}
		}
		for j, wj := range w {
			b, v := basis[j*terms:(j+1)*terms], values[j*len(maps):(j+1)*len(maps)]
			for k, bk := range b {
				wb, row := wj*bk, &sum[k]
				for l, bl := range b[:k+1] {
					row[l] += wb * bl
				}
				for m, vm := range v {
					row[9+m] += wb * vm
				}
			}
		}
		a := make([][]float64, terms)
		for k := range a {
			a[k] = make([]float64, terms+len(maps))
			for l := range a[k][:terms] {
				a[k][l] = sum[max(k, l)][min(k, l)]
			}
			copy(a[k][terms:], sum[k][9:])
		}
		solve(a, terms, coef)
		if round < rounds-1 {
			reweigh()
		}
	}
	return coef
}

// shade is the value of a fit at texel i.
func (r *regions) shade(coef []float64, i int) float64 {
	s := 0.0
	for k, c := range coef {
		s += c * float64(r.basis[k].Pix[i])
	}
	return s
}

// solve does Gauss-Jordan with pivoting on n rows of n coefficients followed by right hand
// sides; x[m] receives the solution for the m-th of them. Rows are used up.
func solve(a [][]float64, n int, x [][]float64) {
	for c := range n {
		p := c
		for r := c + 1; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		a[c], a[p] = a[p], a[c]
		if math.Abs(a[c][c]) < 1e-12 {
			continue
		}
		for r := range n {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k < len(a[r]); k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	for m := range x {
		for r := range n {
			x[m][r] = 0
			if math.Abs(a[r][r]) >= 1e-12 {
				x[m][r] = a[r][n+m] / a[r][r]
			}
		}
	}
}

// nth is the k-th smallest of v, which it reorders (Hoare's selection).
func nth(v []float32, k int) float32 {
	lo, hi := 0, len(v)-1
	for lo < hi {
		p := v[(lo+hi)/2]
		i, j := lo, hi
		for i <= j {
			for v[i] < p {
				i++
			}
			for v[j] > p {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	return v[k]
}

// Limits of the skin model: squared Mahalanobis distances at which a texel begins to be
// doubted and at which it surely is no skin.
const (
	skinNear, skinFar = 6, 14
	skinSpread        = 1.6 // the covariance is taken this much wider than measured
)

// skinConfidence says how much each texel looks like this person's skin, 0…1: log light,
// flattened by a fit of the shade, then a robust Gaussian over brightness and two chroma axes,
// learned where the seeds lie.
func (r *regions) skinConfidence(lg colours, seen pix.Map) pix.Map {
	n := r.n * r.n
	feature := [3]pix.Map{lg.luma(), pix.NewMap(r.n, r.n), pix.NewMap(r.n, r.n)}
	weight := pix.NewMap(r.n, r.n)
	for i := range n {
		feature[1].Pix[i] = lg[0].Pix[i] - lg[1].Pix[i]
		feature[2].Pix[i] = lg[2].Pix[i] - lg[1].Pix[i]
		weight.Pix[i] = seen.Pix[i] * (r.seed.Pix[i] + .1*r.skin.Pix[i])
	}
	coef := r.fitShade(feature[:], weight, shadeFit{terms: 9, rounds: 6, step: 2})
	var seeds []int
	for i := range n {
		for k := range feature {
			feature[k].Pix[i] -= float32(r.shade(coef[k], i))
		}
		if r.seed.Pix[i]*seen.Pix[i] > .3 {
			seeds = append(seeds, i)
		}
	}
	out := pix.NewMap(r.n, r.n)
	if len(seeds) < 20 { // nothing to learn from: no veto
		return out.Each(func(float32) float32 { return 1 })
	}
	mean, inverse := robustGaussian(feature, seeds)
	for i := range n {
		d := mahalanobis(feature, mean, inverse, i) / skinSpread
		out.Pix[i] = 1 - pix.SmoothStep(float32(d), skinNear, skinFar)
	}
	return out
}

// robustGaussian fits mean and inverse covariance to three features at the given texels, which
// lose weight with their distance.
func robustGaussian(f [3]pix.Map, at []int) (mean [3]float64, inverse [3][3]float64) {
	w := make([]float64, len(at))
	for i := range w {
		w[i] = 1
	}
	for range 4 {
		var sum float64
		mean = [3]float64{}
		for j, i := range at {
			sum += w[j]
			for k := range mean {
				mean[k] += w[j] * float64(f[k].Pix[i])
			}
		}
		for k := range mean {
			mean[k] /= sum
		}
		cov := [3][3]float64{{.006}, {0, .0009}, {0, 0, .0009}} // no skin is more even than this
		for j, i := range at {
			for k := range mean {
				for l := range mean {
					cov[k][l] += w[j] * (float64(f[k].Pix[i]) - mean[k]) * (float64(f[l].Pix[i]) - mean[l]) / sum
				}
			}
		}
		rows := make([][]float64, 3)
		x := make([][]float64, 3)
		for k := range rows {
			rows[k] = append(append([]float64(nil), cov[k][:]...), 0, 0, 0)
			rows[k][3+k] = 1
			x[k] = make([]float64, 3)
		}
		solve(rows, 3, x)
		for k := range x {
			copy(inverse[k][:], x[k])
		}
		for j, i := range at {
			q := mahalanobis(f, mean, inverse, i) / 6
			w[j] = 1 / (1 + q*q)
		}
	}
	return mean, inverse
}

func mahalanobis(f [3]pix.Map, mean [3]float64, inverse [3][3]float64, i int) (d float64) {
	var x [3]float64
	for k := range x {
		x[k] = float64(f[k].Pix[i]) - mean[k]
	}
	for k := range x {
		for l := range x {
			d += x[k] * inverse[k][l] * x[l]
		}
	}
	return d
}

// hairOn is the mask of hair that hangs into the face: not skin, where hair can lie, and joined
// to the face's rim.
func (r *regions) hairOn(skin pix.Map) pix.Map {
	fn := float32(r.n)
	brows := r.brows.Grow(.015 * fn).Blurred(.006 * fn)
	open := skin.Open(max(1, .004*fn))
	zone := func(i int) bool { return r.hair.Pix[i]*(1-brows.Pix[i]) > .3 }
	labels, n := pix.Components(r.n, r.n, func(i int) bool { return open.Pix[i] < .5 && zone(i) })
	atRim := make([]bool, n+1)
	for i, l := range labels {
		if l > 0 && r.rim.Pix[i] < .10 {
			atRim[l] = true
		}
	}
	hair := pix.NewMap(r.n, r.n)
	for i, l := range labels {
		if l > 0 && atRim[l] {
			hair.Pix[i] = 1
		}
	}
	return hair.Grow(.012 * fn)
}

// withoutHair is 1 - hair, softened, where hair can lie and 1 elsewhere. Brows are no hair, except where
// hair lies above and under them: there a strand hangs over them.
func (r *regions) withoutHair(hair pix.Map, soft float32) pix.Map {
	fn := float32(r.n)
	brows := r.brows.Grow(.015 * fn).Blurred(.006 * fn)
	over := hair.Close(strandGap * fn)
	all := hair.Clone()
	for i, b := range brows.Pix {
		if b > 0 && over.Pix[i] > .5 {
			brows.Pix[i], all.Pix[i] = 0, 1
		}
	}
	keep := all.Blurred(soft * fn)
	for i, h := range keep.Pix {
		keep.Pix[i] = pix.Clamp(1-r.hair.Pix[i]*(1-brows.Pix[i])*h, 0, 1)
	}
	return keep
}

// strandGap is half the height, in shares of the square, of a brow with its margin.
const strandGap = .04

// solid turns a confidence into one clean blob around the nose: opened, without holes, with a
// soft edge. Stripes and islands would show as stains.
func (r *regions) solid(conf pix.Map) pix.Map {
	fn := float32(r.n)
	open := conf.Open(.022 * fn)
	labels, _ := pix.Components(r.n, r.n, func(i int) bool { return open.Pix[i] > .5 })
	nose := r.at(5)
	label := labels[int(nose.Y)*r.n+int(nose.X)]
	blob := pix.NewMap(r.n, r.n)
	for i, l := range labels {
		if l > 0 && l == label {
			blob.Pix[i] = 1
		}
	}
	blob = blob.Close(.04 * fn)
	core := blob.Grow(-.03 * fn)
	out := pix.NewMap(r.n, r.n)
	inner := blob.Grow(-.01 * fn)
	for i := range out.Pix {
		out.Pix[i] = min(max(conf.Pix[i], core.Pix[i]), 1) * inner.Pix[i]
	}
	return out.Blurred(.014 * fn)
}
