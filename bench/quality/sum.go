package quality

import "math"

// sum fills in means and the worst over pairs.
func (r *Report) sum() {
	r.Total, r.Worst = sumUp(r.Pairs, r.Recognisers)
}

// sumUp is the mean of every measure over pairs, each counting alike, and the worst in the measure's own
// direction. Jitter's mean is the ratio of the means: footage in which nearly nothing moves
// would else decide it alone.
func sumUp(pairs []*Pair, recognisers []string) (total, worst Figures) {
	over := func(get func(*Figures) *number, high bool) {
		var m mean
		bad := math.NaN()
		for _, p := range pairs {
			v := float64(*get(&p.Figures))
			if math.IsNaN(v) {
				continue
			}
			m.add(v)
			if math.IsNaN(bad) || (v > bad) == high {
				bad = v
			}
		}
		*get(&total), *get(&worst) = number(m.value()), number(bad)
	}
	for k, name := range recognisers {
		total.Likeness = append(total.Likeness, Likeness{Recogniser: name})
		worst.Likeness = append(worst.Likeness, Likeness{Recogniser: name})
		over(func(f *Figures) *number { return &f.Likeness[k].ToPhoto }, false)
		over(func(f *Figures) *number { return &f.Likeness[k].ToTarget }, true)
		over(func(f *Figures) *number { return &f.Likeness[k].Retrieved }, false)
		over(func(f *Figures) *number { return &f.Likeness[k].Nearer }, false)
	}
	for _, get := range []func(*Figures) *number{
		func(f *Figures) *number { return &f.Pose }, func(f *Figures) *number { return &f.Sway }, func(f *Figures) *number { return &f.ExpEyes },
		func(f *Figures) *number { return &f.ExpMouth }, func(f *Figures) *number { return &f.Open },
		func(f *Figures) *number { return &f.Jitter }, func(f *Figures) *number { return &f.Shake },
		func(f *Figures) *number { return &f.Was }, func(f *Figures) *number { return &f.Flicker },
		func(f *Figures) *number { return &f.Seam },
	} {
		over(get, true)
	}
	total.Jitter = total.Shake / total.Was
	for _, p := range pairs {
		f := &p.Figures
		total.Outside += f.Outside
		total.Faces += f.Faces
		total.Left += f.Left
		worst.Outside = max(worst.Outside, f.Outside)
		if f.leftShare() > worst.leftShare() {
			worst.Left, worst.Faces = f.Left, f.Faces
		}
	}
	return total, worst
}

// leftShare is the share of the faces within 45° that were left as filmed.
func (f *Figures) leftShare() float64 { return float64(f.Left) / float64(max(1, f.Faces)) }

// group is the mean over the pairs of one group.
type group struct {
	Name  string
	Pairs int
	Total Figures
}

// groups are the means of the groups that the list of pairs names, in order; none where it names
// fewer than two.
func (r *Report) groups() []group {
	by, names := map[string][]*Pair{}, []string{}
	for _, p := range r.Pairs {
		if by[p.Set] == nil {
			names = append(names, p.Set)
		}
		by[p.Set] = append(by[p.Set], p)
	}
	if len(names) < 2 {
		return nil
	}
	var list []group
	for _, n := range names {
		g := group{Name: n, Pairs: len(by[n])}
		g.Total, _ = sumUp(by[n], r.Recognisers)
		list = append(list, g)
	}
	return list
}
