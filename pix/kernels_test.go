package pix

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The loops of kernels.c in Go, easier to read than fast, and the test that both do the same.

// edgeSlack lets a triangle reach this far (barycentric) over its edge, so that rounding
// leaves no holes between neighbours.
const edgeSlack = 1e-3

// drawOne draws triangle t. Barycentric weights are linear in x and y, so each row
// starts from its exact value and steps by a constant.
func (s *Surface) drawOne(t int16, a, b, c Vec3) {
	den := (b.X-a.X)*(c.Y-a.Y) - (c.X-a.X)*(b.Y-a.Y)
	if math.Abs(float64(den)) < 1e-7 || den != den {
		return
	}
	x0, x1 := clampSpan(min(a.X, b.X, c.X), max(a.X, b.X, c.X), s.W)
	y0, y1 := clampSpan(min(a.Y, b.Y, c.Y), max(a.Y, b.Y, c.Y), s.H)
	inv := 1 / den
	// wb(x, y) = ((x-ax)(cy-ay) - (cx-ax)(y-ay)) / den, wc likewise.
	bx, by := (c.Y-a.Y)*inv, -(c.X-a.X)*inv
	cx, cy := -(b.Y-a.Y)*inv, (b.X-a.X)*inv
	zb, zc := b.Z-a.Z, c.Z-a.Z
	for y := y0; y <= y1; y++ {
		fy := float32(y) - a.Y
		row := y * s.W
		for x := x0; x <= x1; x++ {
			fx := float32(x) - a.X
			wb, wc := fx*bx+fy*by, fx*cx+fy*cy
			if wb < -edgeSlack || wc < -edgeSlack || wb+wc > 1+edgeSlack {
				continue
			}
			z, i := a.Z+wb*zb+wc*zc, row+x
			if s.Tri[i] >= 0 && z >= s.Z[i] {
				continue
			}
			s.Tri[i], s.B[i], s.C[i], s.Z[i] = t, wb, wc, z
		}
	}
}

// clampSpan gives the whole pixels from lo to hi that lie in 0…n-1; the span is empty
// (first > last) when there are none.
func clampSpan(lo, hi float32, n int) (first, last int) {
	lo, hi = max(lo, -1), min(hi, float32(n))
	return max(0, int(math.Floor(float64(lo)))), min(n-1, int(math.Ceil(float64(hi))))
}

func plainWarp(dst, src Map, dx, dy Map, step int) {
	var table [warpPhases][4]float32
	for i := range table {
		table[i] = CubicWeights(float32(i) / warpPhases)
	}
	w, h := src.W, src.H
	warpRows(dst, src, dx, dy, step, func(d []float32, y int, mx, my []int32) {
		for x := range d {
			m, n := int(mx[x]), int(my[x])
			if m == 0 && n == 0 {
				continue
			}
			ix, iy := x+m>>6, y+n>>6
			wx, wy := &table[m&(warpPhases-1)], &table[n&(warpPhases-1)]
			if ix < 1 || iy < 1 || ix+2 >= w || iy+2 >= h {
				d[x] = warpBorder(src, ix, iy, wx, wy)
				continue
			}
			p := (iy-1)*w + ix - 1
			x0, x1, x2, x3 := wx[0], wx[1], wx[2], wx[3]
			q0, q1 := src.Pix[p:p+4:p+4], src.Pix[p+w:p+w+4:p+w+4]
			q2, q3 := src.Pix[p+2*w:p+2*w+4:p+2*w+4], src.Pix[p+3*w:p+3*w+4:p+3*w+4]
			d[x] = wy[0]*(x0*q0[0]+x1*q0[1]+x2*q0[2]+x3*q0[3]) +
				wy[1]*(x0*q1[0]+x1*q1[1]+x2*q1[2]+x3*q1[3]) +
				wy[2]*(x0*q2[0]+x1*q2[1]+x2*q2[2]+x3*q2[3]) +
				wy[3]*(x0*q3[0]+x1*q3[1]+x2*q3[2]+x3*q3[3])
		}
	})
}

// plainWarpLinear is plainWarp with bilinear resampling: a little softer, at half the cost.
func plainWarpLinear(dst, src Map, dx, dy Map, step int) {
	w, h := src.W, src.H
	warpRows(dst, src, dx, dy, step, func(d []float32, y int, mx, my []int32) {
		for x := range d {
			m, n := int(mx[x]), int(my[x])
			if m == 0 && n == 0 {
				continue
			}
			ix, iy := x+m>>6, y+n>>6
			fx := float32(m&(warpPhases-1)) * (1. / warpPhases)
			fy := float32(n&(warpPhases-1)) * (1. / warpPhases)
			if ix < 0 || iy < 0 || ix+1 >= w || iy+1 >= h {
				d[x] = src.Bilinear(float32(ix)+fx, float32(iy)+fy)
				continue
			}
			p := iy*w + ix
			q0, q1 := src.Pix[p:p+2:p+2], src.Pix[p+w:p+w+2:p+w+2]
			top, bottom := q0[0]+fx*(q0[1]-q0[0]), q1[0]+fx*(q1[1]-q1[0])
			d[x] = top + fy*(bottom-top)
		}
	})
}

// warpRows copies src to dst and hands each row with its displacements, in whole steps of 1/64
// pixel, to fetch.
func warpRows(dst, src, dx, dy Map, step int, fetch func(d []float32, y int, mx, my []int32)) {
	inv := 1 / float32(step)
	cols, rows := make([]float32, dx.W), make([]float32, dx.W)
	mx, my := make([]int32, src.W), make([]int32, src.W)
	for y := range src.H {
		gy := float32(y) * inv
		j := int(gy)
		lerpRow(cols, dx.Row(j), dx.Row(j+1), gy-float32(j))
		lerpRow(rows, dy.Row(j), dy.Row(j+1), gy-float32(j))
		for x := range mx {
			gx := float32(x) * inv
			i := int(gx)
			f := gx - float32(i)
			mx[x] = int32((cols[i]+f*(cols[i+1]-cols[i]))*warpPhases+(warpFarthest+.5)) - warpFarthest
			my[x] = int32((rows[i]+f*(rows[i+1]-rows[i]))*warpPhases+(warpFarthest+.5)) - warpFarthest
		}
		copy(dst.Row(y), src.Row(y))
		fetch(dst.Row(y), y, mx, my)
	}
}

func lerpRow(dst, a, b []float32, f float32) {
	for i := range dst {
		dst[i] = a[i] + f*(b[i]-a[i])
	}
}

func warpBorder(src Map, ix, iy int, wx, wy *[4]float32) float32 {
	v := float32(0)
	for k := range wy {
		row := src.Row(min(max(iy-1+k, 0), src.H-1))
		for i := range wx {
			v += wy[k] * wx[i] * row[min(max(ix-1+i, 0), src.W-1)]
		}
	}
	return v
}

// plainBilinearRow is BilinearRow.
func plainBilinearRow(m Map, dst []float32, x, y, step float32) {
	for i := range dst {
		dst[i] = m.Bilinear(x+float32(i)*step, y)
	}
}

// plainBlend is Blend.
func plainBlend(diff, mask Map, levels int) Map {
	if levels <= 0 || diff.W < 4 || diff.H < 4 {
		return diff.Mul(mask)
	}
	coarse := plainHalve(diff)
	low := plainBlend(coarse.Clone(), plainHalve(mask), levels-1)
	// fine·mask + double(low), where fine = diff - double(coarse)
	row := make([]float32, diff.W)
	for y := range diff.H {
		d, m := diff.Row(y), mask.Row(y)
		doubleRow(row, coarse, y)
		for x, v := range row {
			d[x] = (d[x] - v) * m[x]
		}
		doubleRow(row, low, y)
		for x, v := range row {
			d[x] += v
		}
	}
	return diff
}

// plainHalve smooths by (1 4 6 4 1)/16 in both directions and keeps every second sample.
func plainHalve(m Map) Map {
	w, h := (m.W+1)/2, (m.H+1)/2
	o := NewMap(w, h)
	sum := make([]float32, m.W+4)
	for y := range h {
		row := func(k int) []float32 { return m.Row(mirror(2*y+k, m.H)) }
		a, b, c, d, e := row(-2), row(-1), row(0), row(1), row(2)
		s := sum[2 : m.W+2]
		for x := range s {
			s[x] = a[x] + e[x] + 4*(b[x]+d[x]) + 6*c[x]
		}
		sum[0], sum[1] = s[mirror(-2, m.W)], s[mirror(-1, m.W)]
		sum[m.W+2], sum[m.W+3] = s[mirror(m.W, m.W)], s[mirror(m.W+1, m.W)]
		t := o.Row(y)
		for x := range t {
			p := sum[2*x : 2*x+5]
			t[x] = (p[0] + p[4] + 4*(p[1]+p[3]) + 6*p[2]) * (1. / 256)
		}
	}
	return o
}

// mirror reflects an index about the centre of the border sample.
func mirror(i, n int) int {
	if n == 1 {
		return 0
	}
	for i < 0 || i >= n {
		if i < 0 {
			i = -i
		} else {
			i = 2*(n-1) - i
		}
	}
	return i
}

// doubleRow writes row y of m grown to twice its size, smoothed by the same kernel: even
// samples see (1 6 1)/8 of m, odd ones (1 1)/2.
func doubleRow(dst []float32, m Map, y int) {
	j := y / 2
	a, b, c := m.Row(max(0, j-1)), m.Row(j), m.Row(min(m.H-1, j+1))
	var wa, wb, wc float32 = .125, .75, .125
	if y&1 == 1 {
		wa, wb, wc = 0, .5, .5
	}
	last := m.W - 1
	mid := wa*a[0] + wb*b[0] + wc*c[0]
	left := mid
	for i := 0; i <= last; i++ {
		right := mid
		if i < last {
			right = wa*a[i+1] + wb*b[i+1] + wc*c[i+1]
		}
		dst[2*i] = .125*left + .75*mid + .125*right
		if 2*i+1 < len(dst) {
			dst[2*i+1] = .5 * (mid + right)
		}
		left, mid = mid, right
	}
}

func plainBlurKernel(dst, src Map, sigma float32) {
	k := gaussKernel(float64(sigma))
	r := len(k) - 1
	mid := NewMap(src.W, src.H)
	pad := make([]float32, src.W+2*r)
	for y := range src.H {
		s, d := src.Row(y), mid.Row(y)
		padRow(pad, s, r)
		for x := range d {
			p := pad[x : x+2*r+1]
			v := k[0] * p[r]
			for j := 1; j <= r; j++ {
				v += k[j] * (p[r-j] + p[r+j])
			}
			d[x] = v
		}
	}
	for y := range src.H {
		d := dst.Row(y)
		for x, v := range mid.Row(y) {
			d[x] = k[0] * v
		}
		for j := 1; j <= r; j++ {
			up, down := mid.Row(max(0, y-j)), mid.Row(min(src.H-1, y+j))
			w := k[j]
			for x := range d {
				d[x] += w * (up[x] + down[x])
			}
		}
	}
}

// padRow copies s into the middle of pad and repeats its ends r times on either side.
func padRow(pad, s []float32, r int) {
	copy(pad[r:], s)
	for i := range r {
		pad[i], pad[len(pad)-1-i] = s[0], s[len(s)-1]
	}
}

func plainBlurBoxes(dst, src Map, sigma float32) {
	r, edge := extendedBox(float64(sigma))
	w, h := src.W, src.H
	norm := 1 / (float64(2*r+1) + 2*edge)
	a, b := NewMap(w, h), NewMap(w, h)
	pad := make([]float32, w+2*(r+1))
	copy(a.Pix, src.Pix)
	for range boxPasses {
		for y := range h {
			boxRow(b.Row(y), a.Row(y), pad, r, edge, norm)
		}
		a, b = b, a
	}
	sum := make([]float64, w)
	for pass := range boxPasses {
		to := b
		if pass == boxPasses-1 {
			to = dst
		}
		boxColumns(to, a, sum, r, edge, norm)
		a, b = b, a
	}
}

func boxRow(d, s, pad []float32, r int, edge, norm float64) {
	padRow(pad, s, r+1)
	sum := 0.0
	for _, v := range pad[1 : 2*r+2] {
		sum += float64(v)
	}
	for x := range d {
		first, last := float64(pad[x]), float64(pad[x+2*r+2])
		d[x] = float32((sum + edge*(first+last)) * norm)
		sum += last - float64(pad[x+1])
	}
}

func boxColumns(dst, src Map, sum []float64, r int, edge, norm float64) {
	row := func(y int) []float32 { return src.Row(min(max(y, 0), src.H-1)) }
	clear(sum)
	for y := -r; y <= r; y++ {
		for x, v := range row(y) {
			sum[x] += float64(v)
		}
	}
	for y := range src.H {
		d, before, after, gone := dst.Row(y), row(y-r-1), row(y+r+1), row(y-r)
		for x := range d {
			in := float64(after[x])
			d[x] = float32((sum[x] + edge*(float64(before[x])+in)) * norm)
			sum[x] += in - float64(gone[x])
		}
	}
}

// plainAdd is Frame.Add for one sample.
func plainAdd(sample int, diff, unit float32, lo, hi int) int {
	n := int(math.Round(float64(diff * unit)))
	return min(max(sample+n, min(lo, sample)), max(hi, sample))
}

// warpFarthest is the largest displacement in steps: it makes all of them positive, so that
// conversion to int rounds downward, and still leaves a float32 its half steps.
const warpFarthest = 1 << 16

// evenNoise is a map of values up to ±amplitude around mean.
func evenNoise(r *rand.Rand, w, h int, mean, amplitude float32) Map {
	return NewMap(w, h).Each(func(float32) float32 { return mean + amplitude*(2*r.Float32()-1) })
}

// near reports maps that differ by more than rounding; machines that fuse multiplications round
// otherwise.
func near(t *testing.T, name string, got, want Map) {
	t.Helper()
	for i, v := range want.Pix {
		if d := got.Pix[i] - v; !(d < 1e-3 && d > -1e-3) {
			t.Fatalf("%s %dx%d: sample %d is %v, want %v", name, want.W, want.H, i, got.Pix[i], v)
		}
	}
}

func TestKernelsEqualTheirGoForms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {2, 3}, {5, 4}, {17, 23}, {64, 64}, {131, 70}} {
		w, h := size[0], size[1]
		src := evenNoise(r, w, h, 128, 100)
		got, want := NewMap(w, h), NewMap(w, h)
		for _, sigma := range []float32{.3, .75, 1.6, 2.9} {
			blurKernel(got, src, sigma)
			plainBlurKernel(want, src, sigma)
			near(t, "blurKernel", got, want)
		}
		for _, sigma := range []float32{3, 4.5, 20} {
			blurBoxes(got, src, sigma)
			plainBlurBoxes(want, src, sigma)
			near(t, "blurBoxes", got, want)
		}
		for levels := range 5 {
			mask := evenNoise(r, w, h, .5, .5)
			near(t, "Blend", Blend(src.Clone(), mask.Clone(), levels), plainBlend(src.Clone(), mask.Clone(), levels))
		}
		for _, step := range []int{1, 3, 4, 7} {
			for _, reach := range []float32{0, .004, 3, 400} {
				dx, dy := evenNoise(r, (w-1)/step+2, (h-1)/step+2, 0, reach), evenNoise(r, (w-1)/step+2, (h-1)/step+2, 0, reach)
				// Between the steps of a displacement nothing is continuous: rounding may not decide.
				quantum := func(v float32) float32 { return float32(int(v*64)) / 64 }
				if reach > 1 && step == 1 {
					dx.Each(quantum)
					dy.Each(quantum)
				} else if reach > 1 {
					shift := quantum(reach * r.Float32())
					dx.Each(func(float32) float32 { return shift })
					dy.Each(func(float32) float32 { return -shift })
				}
				Warp(got, src, dx, dy, step)
				plainWarp(want, src, dx, dy, step)
				near(t, "Warp", got, want)
				WarpLinear(got, src, dx, dy, step)
				plainWarpLinear(want, src, dx, dy, step)
				near(t, "WarpLinear", got, want)
			}
		}
		for _, at := range [][3]float32{{0, 0, 1}, {-2.3, .4, .25}, {1.7, 300, .61}, {3, -1, 2.5}} {
			a, b := make([]float32, 150), make([]float32, 150)
			src.BilinearRow(a, at[0], at[1], at[2])
			plainBilinearRow(src, b, at[0], at[1], at[2])
			near(t, "BilinearRow", Map{150, 1, a}, Map{150, 1, b})
		}
		poly := []Vec2{{2, 1}, {9.5, 3.2}, {9.5, 3.2}, {14, 20}, {6, 8}, {1, 18}}
		PolygonDistance(got, poly, 1000)
		for i := range want.Pix {
			want.Pix[i] = SignedDistance(poly, Vec2{float32(i % w), float32(i / w)})
		}
		near(t, "PolygonDistance", got, want)
	}
}

func TestDrawEqualsItsGoForm(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	odd := []float32{nan, inf, -inf, 1e30, -1e30, 1e6, 0}
	for round := range 60 {
		w, h := 1+r.IntN(90), 1+r.IntN(90)
		v := make([]Vec3, 40)
		for i := range v {
			v[i] = Vec3{float32(w) * (1.6*r.Float32() - .3), float32(h) * (1.6*r.Float32() - .3), r.Float32()}
			if round%4 == 3 && i%5 == 0 {
				v[i].X, v[i].Y = odd[r.IntN(len(odd))], odd[r.IntN(len(odd))]
			}
		}
		tris := make([][3]uint16, 60)
		for i := range tris {
			tris[i] = [3]uint16{uint16(r.IntN(40)), uint16(r.IntN(40)), uint16(r.IntN(40))}
		}
		var got, want Surface
		got.Reset(w, h)
		want.Reset(w, h)
		got.Draw(v, tris)
		for i, tri := range tris {
			want.drawOne(int16(i), v[tri[0]], v[tri[1]], v[tri[2]])
		}
		differ := 0
		for i, x := range want.Tri {
			switch {
			case got.Tri[i] != x:
				differ++ // two surfaces of equal depth, or a pixel centre on the very edge
			case x >= 0:
				if d := math.Abs(float64(got.B[i]-want.B[i])) + math.Abs(float64(got.C[i]-want.C[i])); d > 1e-3 {
					t.Fatalf("round %d, pixel %d: weights differ by %v", round, i, d)
				}
			}
		}
		if differ*500 > w*h {
			t.Fatalf("round %d: %d of %d pixels show another triangle", round, differ, w*h)
		}
	}
}

func TestAddEqualsItsGoForm(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, depth := range []int{8, 10, 12} {
		for _, full := range []bool{false, true} {
			for plane := range 2 {
				f := NewFrame(Layout{W: 67, H: 5, Depth: depth}, Colour{Full: full})
				for i := range 67 * 5 {
					f.Planes[plane].Set(i%67, i/67, r.IntN(1<<depth))
				}
				before := f.Clone()
				d := evenNoise(r, 67, 5, 0, 40)
				for i := range d.Pix { // halves and what rounds to nothing
					switch i % 4 {
					case 1:
						d.Pix[i] = float32(r.IntN(9)-4) / 2
					case 2:
						d.Pix[i] /= 100
					}
				}
				f.Add(plane, 0, 0, d)
				unit := float32(int(1) << (depth - 8))
				k := NewCoder(f.Colour)
				lo, hi := int(k.LumaLo*unit), int(k.LumaHi*unit)
				if plane > 0 {
					lo, hi = int(k.ChromaLo*unit), int(k.ChromaHi*unit)
				}
				if full {
					hi = 1<<depth - 1
				}
				for i, v := range d.Pix {
					was, got := before.Planes[plane].At(i%67, i/67), f.Planes[plane].At(i%67, i/67)
					if want := plainAdd(was, v, unit, lo, hi); got != want {
						t.Fatalf("%d bit, full %v, plane %d: %d%+v became %d, want %d", depth, full, plane, was, v, got, want)
					}
				}
			}
		}
	}
}
