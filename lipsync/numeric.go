package lipsync

import (
	"math"
	"slices"
)

// hann smooths a series with a centred Hann window of width frames (odd; 1 or less changes nothing), ends
// repeated. out may not be in.
func hann(in []float64, width int) []float64 {
	out := slices.Clone(in)
	if width < 2 || len(in) == 0 {
		return out
	}
	k := make([]float64, width)
	sum := 0.0
	for i := range k {
		k[i] = .5 - .5*math.Cos(2*math.Pi*float64(i+1)/float64(width+1))
		sum += k[i]
	}
	n := len(in)
	for i := range in {
		s := 0.0
		for j, w := range k {
			s += w * in[min(max(i+j-width/2, 0), n-1)]
		}
		out[i] = s / sum
	}
	return out
}

// hannRows smooths each column of rows.
func hannRows(rows [][]float64, width int) [][]float64 {
	if len(rows) == 0 {
		return rows
	}
	out := newRows(len(rows), len(rows[0]))
	col := make([]float64, len(rows))
	for c := range rows[0] {
		for i := range rows {
			col[i] = rows[i][c]
		}
		for i, v := range hann(col, width) {
			out[i][c] = v
		}
	}
	return out
}

// newRows is an n×m matrix of zeros in one piece.
func newRows(n, m int) [][]float64 {
	all := make([]float64, n*m)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = all[i*m : (i+1)*m : (i+1)*m]
	}
	return rows
}

// meanStd are the mean and the standard deviation (of the population) of each column; zeros for no rows.
func meanStd(rows [][]float64, dim int) (mean, std []float64) {
	mean, std = make([]float64, dim), make([]float64, dim)
	if len(rows) == 0 {
		return mean, std
	}
	for _, r := range rows {
		for c, v := range r[:dim] {
			mean[c] += v
		}
	}
	for c := range mean {
		mean[c] /= float64(len(rows))
	}
	for _, r := range rows {
		for c, v := range r[:dim] {
			std[c] += (v - mean[c]) * (v - mean[c])
		}
	}
	for c := range std {
		std[c] = math.Sqrt(std[c] / float64(len(rows)))
	}
	return mean, std
}

// correlation of two series of one length, 0 where one of them does not vary.
func correlation(a, b []float64) float64 {
	n := float64(len(a))
	if n < 2 {
		return 0
	}
	var ma, mb float64
	for i := range a {
		ma += a[i]
		mb += b[i]
	}
	ma, mb = ma/n, mb/n
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa <= 1e-18 || bb <= 1e-18 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// Linear is a linear map with its own centring: (x − Mean)/Scale · Weights + Offset.
type Linear struct {
	Mean, Scale []float64   // of the inputs; Scale > 0
	Weights     [][]float64 // input × output
	Offset      []float64   // of the outputs
}

// Of maps one row.
func (l *Linear) Of(x []float64) []float64 {
	y := slices.Clone(l.Offset)
	for i, v := range x {
		z := (v - l.Mean[i]) / l.Scale[i]
		for k, w := range l.Weights[i] {
			y[k] += z * w
		}
	}
	return y
}

// Rows maps many.
func (l *Linear) Rows(x [][]float64) [][]float64 {
	y := make([][]float64, len(x))
	for i := range x {
		y[i] = l.Of(x[i])
	}
	return y
}

// leastScale keeps inputs that hardly vary from being blown up.
const leastScale = 1e-3

// Ridge finds the linear map from x to y of least squares with each input's lambda times its squared weights (inputs
// scaled to a standard deviation of 1) added: ridge regression. x must not be empty, and lambda has one
// number per input.
func Ridge(x, y [][]float64, lambda []float64) *Linear {
	p, q := len(x[0]), len(y[0])
	l := new(Linear)
	l.Mean, l.Scale = meanStd(x, p)
	for i := range l.Scale {
		l.Scale[i] += leastScale
	}
	l.Offset, _ = meanStd(y, q)
	gram, cross := newRows(p, p), newRows(p, q)
	z := make([]float64, p)
	for r := range x {
		for i := range z {
			z[i] = (x[r][i] - l.Mean[i]) / l.Scale[i]
		}
		for i, a := range z {
			g := gram[i]
			for j := range i + 1 {
				g[j] += a * z[j]
			}
			for k, v := range y[r] {
				cross[i][k] += a * (v - l.Offset[k])
			}
		}
	}
	for i := range gram {
		gram[i][i] += lambda[i]
	}
	l.Weights = solve(gram, cross)
	return l
}

// fitPlain finds the map from x, with a constant added as the last input, to y of least squares: one
// row of weights per input and one for the constant.
func fitPlain(x, y [][]float64) [][]float64 {
	p, q := len(x[0])+1, len(y[0])
	gram, cross := newRows(p, p), newRows(p, q)
	z := make([]float64, p)
	z[p-1] = 1
	for r := range x {
		copy(z, x[r])
		for i, a := range z {
			for j := range i + 1 {
				gram[i][j] += a * z[j]
			}
			for k, v := range y[r] {
				cross[i][k] += a * v
			}
		}
	}
	for i := range gram {
		// Keeps inputs that are the same in all rows from making it unsolvable.
		gram[i][i] += 1e-9 * (gram[i][i] + 1)
	}
	return solve(gram, cross)
}

// solve gives X of G·X = B for a symmetric positive definite G, of which the lower triangle is read
// and overwritten (Cholesky). B is overwritten by X.
func solve(g, b [][]float64) [][]float64 {
	n := len(g)
	for i := range n {
		for j := range i + 1 {
			s := g[i][j]
			for k := range j {
				s -= g[i][k] * g[j][k]
			}
			if i == j {
				g[i][i] = math.Sqrt(max(s, 1e-12))
			} else {
				g[i][j] = s / g[j][j]
			}
		}
	}
	for c := range b[0] {
		for i := range n {
			s := b[i][c]
			for k := range i {
				s -= g[i][k] * b[k][c]
			}
			b[i][c] = s / g[i][i]
		}
		for i := n - 1; i >= 0; i-- {
			s := b[i][c]
			for k := i + 1; k < n; k++ {
				s -= g[k][i] * b[k][c]
			}
			b[i][c] = s / g[i][i]
		}
	}
	return b
}

// jacobi are the eigenvectors of a symmetric matrix (overwritten) as rows, by falling eigenvalue, found by
// plane rotations.
func jacobi(a [][]float64) (vectors [][]float64) {
	n := len(a)
	v := newRows(n, n)
	for i := range v {
		v[i][i] = 1
	}
	for range 60 {
		var off, on float64
		for i := range n {
			on += a[i][i] * a[i][i]
			for j := range i {
				off += a[i][j] * a[i][j]
			}
		}
		if off <= 1e-26*on {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p][q] == 0 {
					continue
				}
				theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
				t := math.Copysign(1, theta) / (math.Abs(theta) + math.Hypot(theta, 1))
				c := 1 / math.Hypot(t, 1)
				s := t * c
				for k := range n {
					x, y := a[k][p], a[k][q]
					a[k][p], a[k][q] = c*x-s*y, s*x+c*y
				}
				for k := range n {
					x, y := a[p][k], a[q][k]
					a[p][k], a[q][k] = c*x-s*y, s*x+c*y
					x, y = v[p][k], v[q][k]
					v[p][k], v[q][k] = c*x-s*y, s*x+c*y
				}
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case a[i][i] > a[j][j]:
			return -1
		case a[i][i] < a[j][j]:
			return 1
		}
		return 0
	})
	for _, i := range order {
		vectors = append(vectors, v[i])
	}
	return vectors
}

// principal are the k directions in which rows vary most about their mean, the widest first, each of
// length 1, with the rows' mean. Each direction's largest entry is positive, so that the same data
// always give the same signs. There are fewer where the rows have fewer dimensions. Found by
// orthogonal iteration with a Rayleigh–Ritz step (Golub and Van Loan, 8.2).
func principal(rows [][]float64, k int) (mean []float64, directions [][]float64) {
	d := len(rows[0])
	mean, _ = meanStd(rows, d)
	cov := newRows(d, d)
	z := make([]float64, d)
	for _, r := range rows {
		for i := range z {
			z[i] = r[i] - mean[i]
		}
		for i, a := range z {
			if a == 0 {
				continue
			}
			c := cov[i][:i+1]
			for j := range c {
				c[j] += a * z[j]
			}
		}
	}
	for i := range cov {
		for j := range i {
			cov[j][i] = cov[i][j]
		}
	}
	k = min(k, d, len(rows))
	// Begin with the columns of largest norm: they lie mostly in the space that is looked for.
	wide := min(k+8, d)
	norms := make([]float64, d)
	order := make([]int, d)
	for i := range cov {
		order[i] = i
		for _, v := range cov[i] {
			norms[i] += v * v
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case norms[i] > norms[j]:
			return -1
		case norms[i] < norms[j]:
			return 1
		}
		return 0
	})
	q := make([][]float64, wide)
	for i := range q {
		q[i] = slices.Clone(cov[order[i]])
		q[i][order[i]] += 1e-12 // never all zero
	}
	orthonormal(q)
	for range 24 {
		for i := range q {
			q[i] = times(cov, q[i])
		}
		orthonormal(q)
	}
	small := newRows(wide, wide)
	for i := range q {
		w := times(cov, q[i])
		for j := range q {
			small[i][j] = dot(w, q[j])
		}
	}
	for i := range small {
		for j := range i {
			m := (small[i][j] + small[j][i]) / 2
			small[i][j], small[j][i] = m, m
		}
	}
	turn := jacobi(small)
	for i := range k {
		v := make([]float64, d)
		for j, w := range turn[i] {
			for c := range v {
				v[c] += w * q[j][c]
			}
		}
		most := 0
		for c := range v {
			if math.Abs(v[c]) > math.Abs(v[most])+1e-12 {
				most = c
			}
		}
		if v[most] < 0 {
			for c := range v {
				v[c] = -v[c]
			}
		}
		directions = append(directions, v)
	}
	return mean, directions
}

func dot(a, b []float64) float64 {
	var s float64
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func times(m [][]float64, v []float64) []float64 {
	out := make([]float64, len(m))
	for i := range m {
		out[i] = dot(m[i], v)
	}
	return out
}

// orthonormal makes rows perpendicular and of length 1 (modified Gram–Schmidt, twice). A row
// without any part of its own becomes a unit vector that has one.
func orthonormal(q [][]float64) {
	for i := range q {
		for try := 0; ; try++ {
			for range 2 {
				for j := range i {
					s := dot(q[i], q[j])
					for c := range q[i] {
						q[i][c] -= s * q[j][c]
					}
				}
			}
			n := math.Sqrt(dot(q[i], q[i]))
			if n > 1e-10 || try == len(q[i]) {
				for c := range q[i] {
					q[i][c] /= max(n, 1e-300)
				}
				break
			}
			clear(q[i])
			q[i][try] = 1
		}
	}
}
