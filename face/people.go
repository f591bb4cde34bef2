package face

import (
	"cmp"
	"slices"
)

// people groups tracks into persons by embedding, average linkage, surest pairs first. Two faces in
// one frame are two people.
func (a *Analysis) people(tracks []*track) {
	groups := make([]*group, len(tracks))
	for i, t := range tracks {
		groups[i] = &group{members: []int{i}, mean: meanView(t.views), weight: float64(len(t.seen))}
		for _, v := range t.views {
			groups[i].best = max(groups[i].best, v.quality)
		}
	}
	groups = cluster(groups, func(i, j int) bool {
		return tracks[i].first < tracks[j].end() && tracks[j].first < tracks[i].end()
	})
	// Time on screen times size decides who comes first.
	presence := func(g *group) float64 {
		s := 0.0
		for _, i := range g.members {
			for k := range a.Tracks[i].Faces {
				b := a.Tracks[i].Faces[k].Box
				s += float64(b.W) * float64(b.H)
			}
		}
		return s
	}
	size := map[*group]float64{}
	for _, g := range groups {
		size[g] = presence(g)
	}
	slices.SortStableFunc(groups, func(x, y *group) int { return cmp.Compare(size[y], size[x]) })
	for id, g := range groups {
		p := Person{ID: id, Embedding: g.mean, BestTrack: -1}
		best := float32(-1)
		slices.Sort(g.members)
		for _, i := range g.members {
			t := &a.Tracks[i]
			t.Person = id
			p.Frames += len(t.Faces)
			for k := range t.Faces {
				if q := t.Faces[k].quality(a.Video.W, a.Video.H); q > best {
					best, p.BestTrack, p.BestFace = q, i, k
				}
			}
		}
		a.People = append(a.People, p)
	}
}

// group is a person in the making.
type group struct {
	members []int     // tracks
	mean    []float32 // embedding, weighted by frames, of unit length
	weight  float64
	best    float32 // quality of the best view
}

// poorView is the quality below which an embedding is vague: the face is turned far, cut off or
// blurred. Such tracks join the nearest person more readily than they found one.
const poorView = .2

// cluster joins the nearest groups until all are farther apart than one person's, never two that
// are together in a frame.
func cluster(groups []*group, together func(i, j int) bool) []*group {
	// Above the diagonal: distances over what is allowed between these two; 1 and more forbids.
	apart := make([][]float64, len(groups))
	measure := func(i, j int) float64 {
		limit := float64(samePerson)
		if min(groups[i].best, groups[j].best) < poorView {
			limit = strangers
		}
		d := Apart(groups[i].mean, groups[j].mean) / limit
		if d >= 1 {
			return 1
		}
		for _, x := range groups[i].members {
			for _, y := range groups[j].members {
				if together(x, y) {
					return 1
				}
			}
		}
		return d
	}
	for i := range groups {
		apart[i] = make([]float64, len(groups))
		for j := i + 1; j < len(groups); j++ {
			apart[i][j] = measure(i, j)
		}
	}
	for {
		best, bi, bj := 1.0, -1, -1
		for i := range groups {
			for j := i + 1; j < len(groups); j++ {
				if groups[i] != nil && groups[j] != nil && apart[i][j] < best {
					best, bi, bj = apart[i][j], i, j
				}
			}
		}
		if bi < 0 {
			return slices.DeleteFunc(groups, func(g *group) bool { return g == nil })
		}
		x, y := groups[bi], groups[bj]
		sum := make([]float64, len(x.mean))
		for k := range sum {
			sum[k] = float64(x.mean[k])*x.weight + float64(y.mean[k])*y.weight
		}
		x.mean = unitVector(sum)
		x.weight += y.weight
		x.best = max(x.best, y.best)
		x.members = append(x.members, y.members...)
		groups[bj] = nil
		for k := range groups {
			if k != bi && groups[k] != nil {
				apart[min(k, bi)][max(k, bi)] = measure(min(k, bi), max(k, bi))
			}
		}
	}
}

// quality says how well a view shows the person: frontal, large, sharp, whole and sure.
// Only its order means anything.
func (o *Observation) quality(w, h int) float32 {
	return viewQuality(&o.Pose, o.Box, o.Confidence, o.Sharpness, w, h)
}

func viewQuality(p *Pose, b Box, confidence, sharp float32, w, h int) float32 {
	turned := p.Yaw*p.Yaw + .7*p.Pitch*p.Pitch
	frontal := max(.02, 1-turned/.8)
	// Share of the box within the picture.
	iw := min(b.X+b.W, float32(w)) - max(b.X, 0)
	ih := min(b.Y+b.H, float32(h)) - max(b.Y, 0)
	whole := max(0, iw) * max(0, ih) / max(1, b.W*b.H)
	size := min(1, max(b.W, b.H)/200)
	return confidence * frontal * whole * whole * (.3 + .7*size) * (.5 + .5*min(1, sharp/3))
}
