package pix

// Inpaint replaces the values where hole is above one half by a smooth continuation of
// what surrounds them: a coarse-to-fine fill (pull-push; Gortler et al., "The lumigraph",
// 1996), relaxed towards a membrane at every level. A map that is all hole keeps its values.
func Inpaint(m, hole Map) {
	known := false
	for _, v := range hole.Pix {
		if v <= .5 {
			known = true
			break
		}
	}
	if !known {
		return
	}
	weight := NewMap(m.W, m.H)
	for i, v := range hole.Pix {
		if v <= .5 {
			weight.Pix[i] = 1
		}
	}
	copy(m.Pix, pullPush(m, weight).Pix)
}

// relaxRounds of Gauss-Seidel per level remove the blocks that pull-push leaves.
const relaxRounds = 16

func relax(m Map, holes []int) {
	for range relaxRounds {
		for _, i := range holes {
			x, y := i%m.W, i/m.W
			l, r := max(x-1, 0), min(x+1, m.W-1)
			u, d := max(y-1, 0), min(y+1, m.H-1)
			m.Pix[i] = (m.Pix[y*m.W+l] + m.Pix[y*m.W+r] + m.Pix[u*m.W+x] + m.Pix[d*m.W+x]) / 4
		}
	}
}

// pullPush gives every pixel a value: its own where its weight is 1, else that of a
// coarser level.
func pullPush(m, weight Map) Map {
	w, h := (m.W+1)/2, (m.H+1)/2
	small, sw := NewMap(w, h), NewMap(w, h)
	missing := false
	for y := range h {
		for x := range w {
			var v, k float32
			for _, j := range [4][2]int{{2 * x, 2 * y}, {2*x + 1, 2 * y}, {2 * x, 2*y + 1}, {2*x + 1, 2*y + 1}} {
				if j[0] < m.W && j[1] < m.H {
					i := j[1]*m.W + j[0]
					v += weight.Pix[i] * m.Pix[i]
					k += weight.Pix[i]
				}
			}
			if k > 0 {
				small.Pix[y*w+x], sw.Pix[y*w+x] = v/k, min(1, k)
			}
			missing = missing || k < 1
		}
	}
	if missing && max(w, h) > 1 {
		small = pullPush(small, sw)
	}
	out := NewMap(m.W, m.H)
	var holes []int
	for y := range m.H {
		for x := range m.W {
			i := y*m.W + x
			k := weight.Pix[i]
			if k == 0 {
				holes = append(holes, i)
			}
			if k < 1 {
				c := small.Bilinear((float32(x)-.5)/2, (float32(y)-.5)/2)
				out.Pix[i] = k*m.Pix[i] + (1-k)*c
			} else {
				out.Pix[i] = m.Pix[i]
			}
		}
	}
	relax(out, holes)
	return out
}
