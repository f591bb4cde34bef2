package pix

import (
	"math"
	"slices"
)

// Distance writes, for every pixel, the Euclidean distance in pixels to the nearest pixel
// where inside is true; where there is none anywhere, a number larger than the map.
// Exact, in linear time (Felzenszwalb and Huttenlocher, "Distance transforms of sampled
// functions", 2012).
func Distance(dst Map, inside func(i int) bool) {
	w, h := dst.W, dst.H
	far, empty := float32(w+h)*float32(w+h), true
	for i := range dst.Pix {
		if inside(i) {
			dst.Pix[i], empty = 0, false
		} else {
			dst.Pix[i] = far
		}
	}
	if empty {
		for i := range dst.Pix {
			dst.Pix[i] = float32(w + h)
		}
		return
	}
	n := max(w, h)
	l := lower{make([]float32, n), make([]float32, n), make([]int, n), make([]float64, n+1)}
	for x := range w {
		for y := range h {
			l.f[y] = dst.Pix[y*w+x]
		}
		l.transform(h)
		for y := range h {
			dst.Pix[y*w+x] = l.d[y]
		}
	}
	for y := range h {
		row := dst.Row(y)
		copy(l.f, row)
		l.transform(w)
		copy(row, l.d[:w])
	}
	for i, v := range dst.Pix {
		dst.Pix[i] = float32(math.Sqrt(float64(v)))
	}
}

// lower is the lower envelope of parabolas, the inside of Distance.
type lower struct {
	f, d []float32
	v    []int
	z    []float64
}

func (l *lower) transform(n int) {
	if !slices.ContainsFunc(l.f[:n], func(v float32) bool { return v != 0 }) { // as most lines are
		clear(l.d[:n])
		return
	}
	k := 0
	l.v[0], l.z[0], l.z[1] = 0, math.Inf(-1), math.Inf(1)
	for q := 1; q < n; q++ {
		var s float64
		for {
			p := l.v[k]
			s = (float64(l.f[q]) + float64(q*q) - float64(l.f[p]) - float64(p*p)) / float64(2*(q-p))
			if s > l.z[k] {
				break
			}
			k--
		}
		k++
		l.v[k], l.z[k], l.z[k+1] = q, s, math.Inf(1)
	}
	k = 0
	for q := range n {
		for l.z[k+1] < float64(q) {
			k++
		}
		p := l.v[k]
		l.d[q] = float32((q-p)*(q-p)) + l.f[p]
	}
}

// Grow returns the mask (values above one half) widened by r pixels, or narrowed where r is
// negative, with an edge one pixel soft. Beyond the border nothing is inside.
func (m Map) Grow(r float32) Map {
	d := NewMap(m.W, m.H)
	if r >= 0 {
		Distance(d, func(i int) bool { return m.Pix[i] > .5 })
		return d.Each(func(v float32) float32 { return Clamp(r+1-v, 0, 1) })
	}
	Distance(d, func(i int) bool { return m.Pix[i] <= .5 })
	for y := range m.H { // the outside begins one pixel beyond the border
		row := d.Row(y)
		for x, v := range row {
			b := float32(min(x, m.W-1-x, y, m.H-1-y) + 1)
			row[x] = Clamp(min(v, b)+r, 0, 1)
		}
	}
	return d
}

// Open removes what is thinner than a disc of radius r pixels.
func (m Map) Open(r float32) Map { return m.Grow(-r).Grow(r) }

// Close fills what is thinner than a disc of radius r pixels. The border does not count as
// outside.
func (m Map) Close(r float32) Map {
	pad := int(math.Ceil(float64(r))) + 2
	big := NewMap(m.W+2*pad, m.H+2*pad)
	for y := range m.H {
		copy(big.Row(y + pad)[pad:], m.Row(y))
	}
	big = big.Grow(r).Grow(-r)
	o := NewMap(m.W, m.H)
	for y := range m.H {
		copy(o.Row(y), big.Row(y + pad)[pad:pad+m.W])
	}
	return o
}

// CloseGrey is the closing of a map of any values by a disc of radius r: valleys narrower
// than the disc are filled to their brim.
func (m Map) CloseGrey(r int) Map {
	return m.DilateGrey(r).extreme(r, -1)
}

// DilateGrey is the maximum over a disc of radius r around each pixel.
func (m Map) DilateGrey(r int) Map { return m.extreme(r, 1) }

// extreme is the maximum over a disc (sign 1) or the minimum (sign -1): for each row of
// the disc a running maximum of that row's width (van Herk, 1992).
func (m Map) extreme(r int, sign float32) Map {
	o := NewMap(m.W, m.H)
	for i := range o.Pix {
		o.Pix[i] = float32(math.Inf(-1))
	}
	run := make([]float32, m.W)
	buf := make([]float32, 2*(m.W+4*r+2))
	for dy := -r; dy <= r; dy++ {
		half := int(math.Sqrt(float64(r*r-dy*dy)) + .5)
		for y := range m.H {
			sy := y + dy
			if sy < 0 || sy >= m.H {
				continue
			}
			runningMax(run, m.Row(sy), buf, half, sign)
			d := o.Row(y)
			for x, v := range run {
				d[x] = max(d[x], v)
			}
		}
	}
	if sign < 0 {
		for i := range o.Pix {
			o.Pix[i] = -o.Pix[i]
		}
	}
	return o
}

// runningMax writes to d the maximum of sign·s over 2·half+1 samples around each.
func runningMax(d, s, buf []float32, half int, sign float32) {
	win := 2*half + 1
	n := (len(s) + 2*half + win - 1) / win * win
	if len(buf) < 2*n {
		buf = make([]float32, 2*n)
	}
	pre, suf := buf[:n], buf[n:2*n]
	at := func(i int) float32 {
		if i -= half; i < 0 || i >= len(s) {
			return float32(math.Inf(-1))
		}
		return sign * s[i]
	}
	for i := range n {
		if v := at(i); i%win == 0 {
			pre[i] = v
		} else {
			pre[i] = max(pre[i-1], v)
		}
	}
	for i := n - 1; i >= 0; i-- {
		if v := at(i); i%win == win-1 {
			suf[i] = v
		} else {
			suf[i] = max(suf[i+1], v)
		}
	}
	for x := range d {
		d[x] = max(suf[x], pre[x+win-1])
	}
}

// Components numbers the connected regions (four neighbours) where inside is true: label 0 is
// the outside, the regions count from 1 to n.
func Components(w, h int, inside func(i int) bool) (labels []int32, n int) {
	labels = make([]int32, w*h)
	var stack []int
	for start := range labels {
		if labels[start] != 0 || !inside(start) {
			continue
		}
		n++
		labels[start] = int32(n)
		stack = append(stack[:0], start)
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			x := i % w
			for _, j := range [...]struct {
				at int
				ok bool
			}{{i - 1, x > 0}, {i + 1, x < w-1}, {i - w, i >= w}, {i + w, i+w < w*h}} {
				if j.ok && labels[j.at] == 0 && inside(j.at) {
					labels[j.at] = int32(n)
					stack = append(stack, j.at)
				}
			}
		}
	}
	return labels, n
}
