package face

import (
	"cmp"
	"slices"
)

// people groups tracks into persons by embedding, average linkage, surest pairs first. Two faces in
// one frame are two people.
func (a *Analysis) people(tracks []*track) {
	type group struct {
		members []int
		mean    []float32 // sum of the members' unit vectors weighted by frames, of unit length
		weight  float32
	}
	var groups []*group
	for i, t := range tracks {
		g := &group{members: []int{i}, mean: meanView(t.views), weight: float32(len(t.seen))}
		groups = append(groups, g)
	}
	together := func(x, y *group) bool {
		for _, i := range x.members {
			for _, j := range y.members {
				if tracks[i].first < tracks[j].end() && tracks[j].first < tracks[i].end() {
					return true
				}
			}
		}
		return false
	}
	for {
		best, bi, bj := float64(samePerson), -1, -1
		for i := range groups {
			for j := i + 1; j < len(groups); j++ {
				if d := Apart(groups[i].mean, groups[j].mean); d < best && !together(groups[i], groups[j]) {
					best, bi, bj = d, i, j
				}
			}
		}
		if bi < 0 {
			break
		}
		x, y := groups[bi], groups[bj]
		for k := range x.mean {
			x.mean[k] = x.mean[k]*x.weight + y.mean[k]*y.weight
		}
		normalise(x.mean)
		x.weight += y.weight
		x.members = append(x.members, y.members...)
		groups = slices.Delete(groups, bj, bj+1)
	}
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
