package swap

import "github.com/twinsync/twinsync/pix"

// When a texel counts as covered: difference to the person's own reference in log light, after
// what light can explain has been taken out. Found by trial: a drawn microphone is kept cleanly
// and nothing is flagged on seven clips without objects.
const (
	coveredFrom, coveredFull = .45, .8  // on skin
	featureFrom, featureFull = 1.1, 1.6 // on brows and lips, which move
	colourTrust              = 2        // colour is more reliable than brightness
	lightStiff               = .05      // light seldom changes its direction within a shot
	lightChange, tintChange  = .15, .08 // shadeFit.change for brightness and colour
	turnChange               = .4       // shadeFit.change when the whole face is shown
	wholeFace                = .8       // share of the face's structure from which nothing large is in front
	shownLeast               = .32      // share from which on too little is shown to trust the mesh; measured: 87 % and more on 30 clips without objects

	bandFine, bandWide             = 1, 5     // texels: structure that tells a face from something else
	structureWindow, structureNear = 3, 1.5   // within which it is compared, and found
	structureMost                  = .3       // log light: more does not count
	structureNoise                 = .10      // log light: structure weaker than this tells nothing
	structureThere, structureGone  = .40, .10 // likeness −1…1 of reference and frame
	structureHalf, structureSame   = .35, .70
	leastEvidence                  = .002    // share of the square that must be covered at least
	outlineStep                    = .05     // log light per texel from which a new edge stops the spreading
	outlineNoise                   = 4       // the same in medians of all edges, where the picture is noisy
	outlineLeak                    = 1e-4    // that passes nevertheless
	islandRim                      = .06     // distance to the rim, in shares of the square, within which it is reached
	islandLeast                    = .008    // share of the square from which something may lie in the face without reaching its rim
	structureTrust, plainTrust     = .5, .02 // of a texel's own evidence beside its neighbours
	skinTrust                      = .0006   // of bare skin that looks as before: so may a hand
	steadyFrom, steadyFull         = .5, .8  // likeness of most samples from which structure can be missed
	spreadPrior                    = .0001   // nothing is covered where nothing says so
)

// occluded finds what lies in front of the face in one frame. lg is the frame's texture and seen
// its visibility. The result is 0…1 on targetSide, and the covered share of the visible face; a
// map without pixels when nothing is found.
//
// Two things tell: a texel differs from the person's reference in a way that no change of light
// explains, and the face's own structure (brows, nose, lips) is not where the tracked mesh says.
// Neither tells on bare skin behind an object of skin's colour. So what is sure is spread from
// texel to texel up to edges that the frame has and the reference has not: an object's outline.
//
// The difference must not be high-passed: a large object would then be taken for light.
func (g *target) occluded(lg *colours, seen pix.Map) (pix.Map, float32) {
	fn := float32(targetSide)
	like, sure := g.likeness(lg, seen)
	change := g.changed(lg, seen)
	d := g.difference(change,
		shadeFit{terms: 4, rounds: 8, step: 3, stiff: lightStiff, change: lightChange},
		shadeFit{terms: 1, rounds: 8, step: 3, change: tintChange})
	e := g.evidence(&d, seen, like, sure)
	if e.found && e.shown > wholeFace { // a head that turns in its light
		turned := shadeFit{terms: 9, rounds: 8, step: 3, change: turnChange}
		d = g.difference(change, turned, turned)
		e = g.evidence(&d, seen, like, sure)
	}
	if !e.found {
		return pix.Map{}, 0
	}
	right, down := g.outlines(lg, &d)
	out := relaxed(e, right, down)
	out = out.Open(.012 * fn)
	g.dropIslands(out)
	out = out.Blurred(.004 * fn)
	covered, all := float32(0), float32(0)
	for i, s := range seen.Pix {
		if g.r.rim.Pix[i] > .03 {
			all += s
			covered += s * out.Pix[i]
		}
	}
	if covered == 0 {
		return pix.Map{}, 0
	}
	return out, max(covered/max(all, 1), coveredFade+(shownLeast-e.shown)*1.5)
}

// change is how a frame differs from the reference.
type change struct {
	d      [3]pix.Map // in brightness and two axes of colour
	seen   pix.Map    // where
	weight pix.Map    // how far a texel tells about light
}

// changed compares a frame with the reference.
func (g *target) changed(lg *colours, seen pix.Map) *change {
	const n = targetSide
	c := &change{seen: seen, weight: g.weight.Clone().Mul(seen)}
	for k := range c.d {
		c.d[k] = pix.NewMap(n, n)
	}
	for i := range seen.Pix {
		var v [3]float32
		for k := range v {
			v[k] = lg[k].Pix[i] - g.reference[k].Pix[i]
		}
		c.d[0].Pix[i], c.d[1].Pix[i], c.d[2].Pix[i] = (v[0]+v[1]+v[2])/3, v[0]-v[1], v[2]-v[1]
	}
	return c
}

// difference is the change in brightness and two axes of colour, free of what a change of light explains,
// and 0 where nothing is seen. light and tint fit that change of light.
func (g *target) difference(c *change, light, tint shadeFit) [3]pix.Map {
	coef := append(g.r.fitShade(c.d[:1], c.weight, light), g.r.fitShade(c.d[1:], c.weight, tint)...)
	var d [3]pix.Map
	for k := range d {
		d[k] = pix.NewMap(targetSide, targetSide)
		g.r.unshaded(d[k], c.d[k], c.seen, coef[k])
		pix.Blur(d[k], d[k], .75)
	}
	return d
}

// evidence is how strongly each texel says that it is covered and that it is not.
type evidence struct {
	covered, clear pix.Map
	found          bool    // whether anything is surely covered
	shown          float32 // share of the face's steady structure that is where the mesh says
}

// evidence weighs one frame: its difference and its likeness.
func (g *target) evidence(d *[3]pix.Map, seen, like, sure pix.Map) *evidence {
	const n = targetSide
	e := &evidence{covered: pix.NewMap(n, n), clear: pix.NewMap(n, n)}
	sum, shown, all := float32(0), float32(0), float32(0)
	for i, s := range seen.Pix {
		rim := g.r.rim.Pix[i]
		if s <= seenEnough || rim <= .02 {
			continue
		}
		l, rg, bg := d[0].Pix[i], d[1].Pix[i], d[2].Pix[i]
		far := max(l, -l)
		if !g.grey {
			far = max(far, colourTrust*max(rg, -rg, bg, -bg))
		}
		f := g.features.Pix[i]
		v := max(pix.SmoothStep(far, coveredFrom, coveredFull)*(1-f),
			pix.SmoothStep(far, featureFrom, featureFull)*(1-g.moving.Pix[i]))
		v *= pix.SmoothStep(rim, .02, .05)
		known := sure.Pix[i] * g.steady.Pix[i] * pix.SmoothStep(rim, .05, .12)
		gone := known * pix.SmoothStep(like.Pix[i], structureThere, structureGone)
		there := known * (1 - pix.SmoothStep(far, coveredFull, featureFull)) * pix.SmoothStep(like.Pix[i], structureHalf, structureSame)
		e.covered.Pix[i] = plainTrust*v + structureTrust*gone
		e.clear.Pix[i] = skinTrust*(1-v) + structureTrust*there
		sum += max(v, gone)
		shown += there
		all += known
	}
	e.shown = 1
	if all > 0 {
		e.shown = shown / all
	}
	e.found = sum > leastEvidence*n*n
	return e
}

// likeness compares the structure of a frame with the reference's, texel by texel within a window:
// −1…1, and how much there is to compare, 0…1.
func (g *target) likeness(lg *colours, seen pix.Map) (like, sure pix.Map) {
	const n = targetSide
	free := g.free.Clone().Mul(seen)
	now := band(lg.luma(), free)
	both, own, ref, near := pix.NewMap(n, n), pix.NewMap(n, n), pix.NewMap(n, n), pix.NewMap(n, n)
	for i, f := range free.Pix {
		a, b := f*pix.Clamp(now.Pix[i], -structureMost, structureMost), f*pix.Clamp(g.structure.Pix[i], -structureMost, structureMost)
		both.Pix[i], own.Pix[i], ref.Pix[i], near.Pix[i] = a*b, a*a, b*b, b*b
	}
	for _, m := range []pix.Map{both, own, ref} {
		pix.Blur(m, m, structureWindow)
	}
	pix.Blur(near, near, structureNear)
	for i, r := range ref.Pix {
		both.Pix[i] = 2 * both.Pix[i] / (own.Pix[i] + r + 1e-6)
		s := near.Pix[i] / (near.Pix[i] + structureNoise*structureNoise)
		near.Pix[i] = s * s
	}
	return both, near
}

// learnSteady finds where the person's structure looks alike in most samples: not where a mouth's
// corner or loose hair always changes.
func (g *target) learnSteady(samples []colours, seen []pix.Map) {
	g.steady = pix.NewMap(targetSide, targetSide)
	all := make([]pix.Map, len(samples))
	for s := range samples {
		all[s], _ = g.likeness(&samples[s], seen[s])
	}
	v := make([]float32, 0, len(samples))
	for i := range g.steady.Pix {
		v = v[:0]
		for s := range all {
			if seen[s].Pix[i] > seenEnough {
				v = append(v, all[s].Pix[i])
			}
		}
		if len(v) > 0 {
			g.steady.Pix[i] = pix.SmoothStep(nth(v, len(v)/3), steadyFrom, steadyFull)
		}
	}
}

// band is the structure of a map between bandFine and bandWide texels, where weight counts.
func band(m, weight pix.Map) pix.Map {
	fine, wide, w := m.Blurred(bandFine), m.Clone().Mul(weight), weight.Blurred(bandWide)
	pix.Blur(wide, wide, bandWide)
	for i := range fine.Pix {
		fine.Pix[i] -= wide.Pix[i] / (w.Pix[i] + 1e-3)
	}
	return fine
}

// outlines says how freely what is known passes from each texel to the one on its right and to the one
// below, 0…1: not across an edge that the frame has and the reference has not.
func (g *target) outlines(lg *colours, d *[3]pix.Map) (right, down pix.Map) {
	const n = targetSide
	right, down = pix.NewMap(n, n), pix.NewMap(n, n)
	edge := func(i, j int) float32 {
		l := (lg[0].Pix[i] + lg[1].Pix[i] + lg[2].Pix[i] - lg[0].Pix[j] - lg[1].Pix[j] - lg[2].Pix[j]) / 3
		rg := lg[0].Pix[i] - lg[1].Pix[i] - lg[0].Pix[j] + lg[1].Pix[j]
		bg := lg[2].Pix[i] - lg[1].Pix[i] - lg[2].Pix[j] + lg[1].Pix[j]
		now := max(l, -l) + colourTrust*max(rg, -rg, bg, -bg)
		l, rg, bg = d[0].Pix[i]-d[0].Pix[j], d[1].Pix[i]-d[1].Pix[j], d[2].Pix[i]-d[2].Pix[j]
		return min(now, max(l, -l)+colourTrust*max(rg, -rg, bg, -bg))
	}
	var common []float32
	for y := range n - 1 {
		for x := range n - 1 {
			i := y*n + x
			right.Pix[i], down.Pix[i] = edge(i, i+1), edge(i, i+n)
			if right.Pix[i] > 0 {
				common = append(common, right.Pix[i])
			}
		}
	}
	step := float32(outlineStep)
	if len(common) > 0 { // noise is no outline
		step = max(step, outlineNoise*nth(common, len(common)/2))
	}
	for _, m := range []pix.Map{right, down} {
		for i, v := range m.Pix {
			if g.r.rim.Pix[i] <= 0 { // nothing passes around the face
				m.Pix[i] = outlineLeak
				continue
			}
			q := v / step
			q *= q
			m.Pix[i] = 1/(1+q*q) + outlineLeak
		}
	}
	return right, down
}

// dropIslands takes out of a mask what is small and does not reach the face's rim: what comes before a
// face comes from outside of it.
func (g *target) dropIslands(mask pix.Map) {
	labels, count := pix.Components(targetSide, targetSide, func(i int) bool { return mask.Pix[i] > .5 })
	area, atRim := make([]int, count+1), make([]bool, count+1)
	for i, k := range labels {
		area[k]++
		atRim[k] = atRim[k] || g.r.rim.Pix[i] < islandRim
	}
	for i, k := range labels {
		if k == 0 || !atRim[k] && float32(area[k]) < islandLeast*targetSide*targetSide {
			mask.Pix[i] = 0
		}
	}
}

// relaxed solves for the share of each texel that is covered: near what its evidence says and equal
// to its neighbours', except across outlines (Grady, "Random walks for image segmentation", 2006), by
// successive over-relaxation from coarse to fine.
func relaxed(e *evidence, right, down pix.Map) pix.Map {
	n := right.W
	x := pix.NewMap(n, n)
	if n > 16 {
		h := n / 2
		ce := &evidence{covered: pix.NewMap(h, h), clear: pix.NewMap(h, h)}
		cr, cd := pix.NewMap(h, h), pix.NewMap(h, h)
		for y := range h {
			for u := range h {
				i, j := y*h+u, 2*y*n+2*u
				for _, k := range [4]int{j, j + 1, j + n, j + n + 1} {
					ce.covered.Pix[i] += e.covered.Pix[k]
					ce.clear.Pix[i] += e.clear.Pix[k]
				}
				// Two steps in a row, twice beside each other.
				series := func(m pix.Map, a, b int) float32 { return m.Pix[a] * m.Pix[b] / (m.Pix[a] + m.Pix[b] + 1e-9) }
				if u+1 < h {
					cr.Pix[i] = series(right, j, j+1) + series(right, j+n, j+n+1)
				}
				if y+1 < h {
					cd.Pix[i] = series(down, j, j+n) + series(down, j+1, j+n+1)
				}
			}
		}
		small := relaxed(ce, cr, cd)
		for y := range n {
			for u := range n {
				x.Pix[y*n+u] = small.Pix[y/2*h+u/2]
			}
		}
	}
	rounds := 24
	if n == targetSide {
		rounds = 8 // it begins near the solution
	}
	const over = 1.6
	area := float32(targetSide/n) * float32(targetSide/n)
	for round := range 2 * rounds {
		for y := range n {
			for u := (y + round) & 1; u < n; u += 2 {
				i := y*n + u
				num, den := e.covered.Pix[i], e.covered.Pix[i]+e.clear.Pix[i]+spreadPrior*area
				if u > 0 {
					c := right.Pix[i-1]
					num += c * x.Pix[i-1]
					den += c
				}
				if u+1 < n {
					c := right.Pix[i]
					num += c * x.Pix[i+1]
					den += c
				}
				if y > 0 {
					c := down.Pix[i-n]
					num += c * x.Pix[i-n]
					den += c
				}
				if y+1 < n {
					c := down.Pix[i]
					num += c * x.Pix[i+n]
					den += c
				}
				x.Pix[i] += over * (num/den - x.Pix[i])
			}
		}
	}
	return x
}

// lasting is the object in the view at index at, free of what only one frame shows: the median
// of three frames, texel by texel. A moving edge passes it unharmed. Without a neighbour (nil: no
// face, another shot) the view stands for it.
func lasting(views []*view, at int) pix.Map {
	near := [3]pix.Map{views[at].object, views[at].object, views[at].object}
	if at > 0 && views[at-1] != nil {
		near[0] = views[at-1].object
	}
	if at+1 < len(views) && views[at+1] != nil {
		near[2] = views[at+1].object
	}
	none := 0
	for _, m := range near {
		if m.Pix == nil {
			none++
		}
	}
	if none >= 2 {
		return pix.Map{}
	}
	value := func(k, i int) float32 {
		if near[k].Pix == nil {
			return 0
		}
		return near[k].Pix[i]
	}
	out := pix.NewMap(targetSide, targetSide)
	for i := range out.Pix {
		a, b, c := value(0, i), value(1, i), value(2, i)
		out.Pix[i] = max(min(a, b), min(max(a, b), c))
	}
	return out
}
