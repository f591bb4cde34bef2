package main

import (
	"fmt"
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// vector is a shape or a change of one: x, y, z of every point in canonical units.
type vector []float64

const dims = 3 * face.MeshPoints

func flat(s *face.Shape) vector {
	v := make(vector, 0, dims)
	for _, p := range s {
		v = append(v, float64(p.X), float64(p.Y), float64(p.Z))
	}
	return v
}

func (v vector) shape() (s face.Shape) {
	for i := range s {
		s[i] = pix.Vec3{X: float32(v[3*i]), Y: float32(v[3*i+1]), Z: float32(v[3*i+2])}
	}
	return s
}

func (v vector) with(o vector, k float64) vector {
	out := make(vector, len(v))
	for i := range v {
		out[i] = v[i] + k*o[i]
	}
	return out
}

func (v vector) plus(o vector) vector  { return v.with(o, 1) }
func (v vector) minus(o vector) vector { return v.with(o, -1) }

func (v vector) dot(o vector) float64 {
	s := 0.
	for i := range v {
		s += v[i] * o[i]
	}
	return s
}

func (v vector) scaled(k float64) vector { return v.with(v, k-1) }

// over is the sum of squares in x and y over some points.
func (v vector) over(points []int) float64 {
	s := 0.
	for _, i := range points {
		s += v[3*i]*v[3*i] + v[3*i+1]*v[3*i+1]
	}
	return s
}

// mirrored is the change of shape on the other side.
func (v vector) mirrored() vector {
	out := make(vector, len(v))
	for i, j := range face.Canonical().Mirror {
		out[3*i], out[3*i+1], out[3*i+2] = -v[3*j], v[3*j+1], v[3*j+2]
	}
	return out
}

// orthogonal takes out what lies along unit vectors that are at right angles.
func (v vector) orthogonal(to []vector) vector {
	out := v
	for range 2 { // the second time takes out what rounding left
		for _, u := range to {
			out = out.with(u, -out.dot(u))
		}
	}
	return out
}

// data is what is learned from.
type data struct {
	people []vector   // at rest
	smiles []vector   // other people, smiling
	moves  [][]vector // by clip: changes of one person's shape
}

// How much is learned, found by trying on clips that were not learned from (-test).
const (
	speechComponents = 12
	iterations       = 100
	smileSpread      = .8 // of a full smile: how far photos smile, one standard deviation

	// What differs between people, beyond the few of them that there are to learn from: a smooth
	// change of this size over this distance, and noise in every point. Canonical units (cm).
	personSize  = .25
	personReach = 2.5
	pointNoise  = .05
)

// learn finds the components and how to read them.
func (d *data) learn() (*face.ExpressionTable, error) {
	if len(d.people) < 4 || len(d.smiles) == 0 || len(d.moves) == 0 {
		return nil, fmt.Errorf("too little to learn from: clips, at least four faces at rest and a smile are needed")
	}
	mean := make(vector, dims)
	for _, p := range d.people {
		mean = mean.plus(symmetric(p, flat(&face.Canonical().Vertices)).scaled(1 / float64(len(d.people))))
	}
	head := headMoves(mean)

	below := belowBrows(mean)
	expression := func(v vector) vector {
		out := make(vector, dims)
		for i, x := range v {
			out[i] = below[i/3] * x
		}
		return out.orthogonal(head)
	}

	// Speech: principal components of what changes while somebody speaks, each clip and each
	// side of the face counting alike.
	var moves []vector
	for _, clip := range d.moves {
		k := 1 / math.Sqrt(2*float64(len(clip)*len(d.moves)))
		for _, v := range clip {
			moves = append(moves, expression(v).scaled(k), expression(v.mirrored()).scaled(k))
		}
	}
	basis := principal(moves, speechComponents)

	// A smile: how smiling people differ from those at rest.
	smile := make(vector, dims)
	for _, s := range d.smiles {
		smile = smile.plus(symmetric(s, mean).minus(mean).scaled(1 / float64(len(d.smiles))))
	}
	smile = expression(smile)
	rest := smile.orthogonal(basis)
	basis = append(basis, rest.scaled(1/math.Sqrt(rest.dot(rest))))

	spread := make([]float64, len(basis))
	for k, u := range basis {
		for _, v := range moves {
			spread[k] += v.dot(u) * v.dot(u)
		}
		spread[k] = math.Sqrt(spread[k])
	}
	reader, err := d.reader(mean, basis, spread, smile, head)
	if err != nil {
		return nil, err
	}
	components, readers := make([]face.Shape, len(basis)), make([]face.Shape, len(basis))
	small := make([]float32, len(basis))
	for k := range basis {
		components[k], readers[k], small[k] = basis[k].shape(), reader[k].shape(), float32(spread[k])
	}
	return face.NewExpressions(mean.shape(), components, readers, small), nil
}

// belowBrows is 1 from the eyes down and 0 from the brows up: how brows go along with speech differs
// from person to person, and a still cannot tell raised ones from high ones (without this, 9 % more
// movement of the brows was left than there had been).
func belowBrows(mean vector) (w [face.MeshPoints]float64) {
	eyes := (mean[3*159+1] + mean[3*386+1]) / 2 // the upper lids' middles
	brows := (mean[3*52+1] + mean[3*282+1]) / 2 // the brows' lower edges
	for i := range w {
		t := math.Max(0, math.Min(1, (mean[3*i+1]-brows)/(eyes-brows)))
		w[i] = t * t * (3 - 2*t)
	}
	return w
}

// symmetric is the mean of a shape and its mirror image, both shapes rather than changes: around
// is what they are measured from.
func symmetric(s, around vector) vector {
	d := s.minus(around)
	return around.plus(d.plus(d.mirrored()).scaled(.5))
}

// headMoves are seven unit vectors at right angles that span small movements of the head, turns
// and changes of size as face.FitPose would see them: they are no expression.
func headMoves(mean vector) (out []vector) {
	for k := range 7 {
		v := make(vector, dims)
		for i := range face.MeshPoints {
			x, y, z := mean[3*i], mean[3*i+1], mean[3*i+2]
			d := [7][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, -z, y}, {z, 0, -x}, {-y, x, 0}, {x, y, z}}[k]
			copy(v[3*i:], d[:])
		}
		v = v.orthogonal(out)
		out = append(out, v.scaled(1/math.Sqrt(v.dot(v))))
	}
	return out
}

// principal are the n unit vectors along which the sum of the samples' squares is largest, widest first
// (orthogonal iteration from fixed starts, then turned to the axes).
func principal(samples []vector, n int) []vector {
	basis := make([]vector, n)
	for k := range basis {
		basis[k] = samples[(k*len(samples)+len(samples)/2)/n%len(samples)]
	}
	for range iterations {
		next := make([]vector, n)
		for k := range next {
			next[k] = make(vector, dims)
		}
		for _, s := range samples {
			for k, u := range basis {
				w := s.dot(u)
				for i, x := range s {
					next[k][i] += w * x
				}
			}
		}
		basis = basis[:0]
		for _, v := range next {
			v = v.orthogonal(basis)
			basis = append(basis, v.scaled(1/math.Sqrt(v.dot(v))))
		}
	}
	return basis
}

// reader finds the vectors whose products with a shape less the mean are the most likely shares: the
// shape is the mean plus a person plus an expression, both normally distributed.
func (d *data) reader(mean vector, basis []vector, spread []float64, smile vector, head []vector) ([]vector, error) {
	// Covariance of the shares: speech, and a smile along its own direction.
	n := len(basis)
	prior := make([][]float64, n)
	for a := range prior {
		prior[a] = make([]float64, n)
		for b := range prior[a] {
			prior[a][b] = smileSpread * smileSpread * smile.dot(basis[a]) * smile.dot(basis[b])
		}
		prior[a][a] += spread[a] * spread[a]
	}
	seen := make([]int, 0, dims) // the coordinates that are looked at
	for i := range face.MeshPoints {
		seen = append(seen, 3*i, 3*i+1)
	}
	m := len(seen)
	cov := make([][]float64, m)
	for a := range cov {
		cov[a] = make([]float64, m)
		i, ci := seen[a]/3, seen[a]%3
		for b := range a + 1 {
			j, cj := seen[b]/3, seen[b]%3
			if ci == cj {
				dx, dy, dz := mean[3*i]-mean[3*j], mean[3*i+1]-mean[3*j+1], mean[3*i+2]-mean[3*j+2]
				cov[a][b] += personSize * personSize * math.Exp(-(dx*dx+dy*dy+dz*dz)/(2*personReach*personReach))
			}
			if a == b {
				cov[a][b] += pointNoise * pointNoise
			}
		}
	}
	add := func(v vector, k float64) {
		for a := range cov {
			for b := range a + 1 {
				cov[a][b] += k * v[seen[a]] * v[seen[b]]
			}
		}
	}
	for _, p := range d.people {
		v := p.minus(mean)
		add(v, .5/float64(len(d.people)-1))
		add(v.mirrored(), .5/float64(len(d.people)-1))
	}
	for _, u := range head {
		add(u, 100) // where the head is tells nothing
	}
	lead := make([]vector, n) // prior · basisᵀ
	for a := range lead {
		lead[a] = make(vector, dims)
		for b := range basis {
			lead[a] = lead[a].with(basis[b], prior[a][b])
		}
	}
	for a := range cov {
		for b := range a + 1 {
			for k := range basis {
				cov[a][b] += basis[k][seen[a]] * lead[k][seen[b]]
			}
		}
	}
	if err := cholesky(cov); err != nil {
		return nil, err
	}
	out := make([]vector, n)
	for k := range out {
		right := make([]float64, m)
		for a := range right {
			right[a] = lead[k][seen[a]]
		}
		solve(cov, right)
		out[k] = make(vector, dims)
		for a, v := range right {
			out[k][seen[a]] = v
		}
	}
	return out, nil
}

// cholesky turns the lower half of a symmetric positive matrix into its factor.
func cholesky(a [][]float64) error {
	for i := range a {
		for j := range i + 1 {
			s := a[i][j]
			for k := range j {
				s -= a[i][k] * a[j][k]
			}
			switch {
			case i != j:
				a[i][j] = s / a[j][j]
			case s <= 0:
				return fmt.Errorf("the covariance is not positive")
			default:
				a[i][i] = math.Sqrt(s)
			}
		}
	}
	return nil
}

// solve replaces b by the solution of L·Lᵀ·x = b.
func solve(l [][]float64, b []float64) {
	for i := range b {
		for k := range i {
			b[i] -= l[i][k] * b[k]
		}
		b[i] /= l[i][i]
	}
	for i := len(b) - 1; i >= 0; i-- {
		for k := i + 1; k < len(b); k++ {
			b[i] -= l[k][i] * b[k]
		}
		b[i] /= l[i][i]
	}
}
