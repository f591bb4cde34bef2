package pix

// Blend is a multi-band blend (Burt and Adelson, "A multiresolution spline with application
// to image mosaics", 1983) of a difference: it returns what must be added to the background,
// given diff = source - background and mask = share of the source, 0…1. Each band of the
// difference is weighed by the mask at that band's scale, so coarse colour passes over
// softly and fine detail sharply. With levels = 0 it is diff·mask. diff must be zero
// where the source has no data. diff and mask are used up.
func Blend(diff, mask Map, levels int) Map {
	if levels <= 0 || diff.W < 4 || diff.H < 4 {
		return diff.Mul(mask)
	}
	coarse := halve(diff)
	low := Blend(coarse.Clone(), halve(mask), levels-1)
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

// halve smooths by (1 4 6 4 1)/16 in both directions and keeps every second sample.
func halve(m Map) Map {
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
