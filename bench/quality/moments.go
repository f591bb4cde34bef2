package quality

import (
	"slices"

	"github.com/twinsync/twinsync/face"
)

// moments picks at most n frames in which the person is seen, in order: the first and the last, those in which
// mouth and eyes are most open and most closed, since that is where swaps fail, and as evenly spread as
// they come.
func (c *clip) moments(n int) []int {
	var seen []int
	for i, o := range c.seen {
		if o != nil {
			seen = append(seen, i)
		}
	}
	if len(seen) <= n {
		return seen
	}
	most := func(value func(m *face.Mesh) float64) int {
		best := seen[0]
		for _, i := range seen {
			if value(&c.seen[i].Mesh) > value(&c.seen[best].Mesh) {
				best = i
			}
		}
		return best
	}
	shut := func(m *face.Mesh) float64 { return -lids(m) }
	picked := []int{}
	add := func(i int) {
		if len(picked) < n && !slices.Contains(picked, i) {
			picked = append(picked, i)
		}
	}
	add(most(opening))
	add(most(shut))
	add(seen[0])
	add(seen[len(seen)-1])
	for len(picked) < n {
		far, best := -1, -1 // the frame farthest from all that are picked
		for _, i := range seen {
			d := len(c.seen)
			for _, k := range picked {
				d = min(d, max(i-k, k-i))
			}
			if d > best {
				far, best = i, d
			}
		}
		add(far)
	}
	slices.Sort(picked)
	return picked
}

// telling are the frames that a report shows: the widest mouth, the most closed eyes and the middle.
func (c *clip) telling() []moment {
	all := c.moments(sheetTiles)
	if len(all) == 0 {
		return nil
	}
	wide, shut := all[0], all[0]
	for _, i := range all {
		if opening(&c.seen[i].Mesh) > opening(&c.seen[wide].Mesh) {
			wide = i
		}
		if lids(&c.seen[i].Mesh) < lids(&c.seen[shut].Mesh) {
			shut = i
		}
	}
	list := []moment{{wide, "mouth most open"}}
	for _, m := range []moment{{shut, "eyes most closed"}, {all[len(all)/2], "middle"}} {
		if !slices.ContainsFunc(list, func(o moment) bool { return o.frame == m.frame }) {
			list = append(list, m)
		}
	}
	return list
}

// moment is a frame and why it is shown.
type moment struct {
	frame int
	why   string
}

// lids is how far the eyes are open: the lids' distance over the eye distance, mean of both eyes.
func lids(m *face.Mesh) float64 {
	return (distance(m[159], m[145]) + distance(m[386], m[374])) / 2 / float64(m.EyeDistance())
}
