package lipsync

// A mouth that never opened is lent seven tenths of what mouths usually do: with all of it, cavities
// look painted (reference trial).
const lentShare = .7

// borrow puts other people's movements on this person's closed mouth.
func (l *library) borrow() {
	g := &Standard().Geometry
	l.borrowed = g
	var rows [][]float64
	for _, i := range l.mostClosed(.2) {
		rows = append(rows, l.list[i].lips())
	}
	l.mean, _ = meanStd(rows, len(rows[0]))
	l.basis = g.Basis
	l.project()
	l.sigma = g.Sigma
	l.closed = make([]float64, len(g.Basis))
	for k := range descriptors {
		if k == 1 || k == 3 {
			// Width and protrusion go both ways from what is seen.
			share := .4
			if k == 3 {
				share = .3
			}
			l.lo[k] = quantile(sorted(l.column(k)), .5) - share*g.Span[k]
		}
		l.hi[k] = l.lo[k] + lentShare*g.Span[k]
	}
	l.describe = newRows(descriptors+1, len(g.Basis))
	for i := range l.describe {
		for k := range l.describe[i] {
			l.describe[i][k] = lentShare * g.Describe[i][k]
		}
	}
	l.gapOf = nil
	for _, v := range g.Gap {
		l.gapOf = append(l.gapOf, []float64{v})
	}
	l.gapOf = append(l.gapOf, []float64{l.lo[0]})
}
