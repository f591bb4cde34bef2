package lipsync

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
)

// Landmarks of Moment.Head, which lie on bone: the outer corners of the eyes and the root of the nose.
var headPoints = [3]int{33, 263, 168}

// Moments looks at the frames first ≤ i < end of an analysed video for Fit.Frames. person is an index into
// a.People.
func Moments(a *face.Analysis, person, first, end int) []Moment {
	list := make([]Moment, max(end-first, 0))
	shot := 0
	for i := range list {
		for shot+1 < len(a.Shots) && first+i >= a.Shots[shot+1].First {
			shot++
		}
		list[i].Shot = shot
	}
	var lids []float32
	for k := range a.Tracks {
		t := &a.Tracks[k]
		if t.Person != person || len(t.Faces) == 0 {
			continue
		}
		// The track's own median width: a face that nears the camera moves.
		widths := make([]float32, 0, len(t.Faces))
		for j := range t.Faces {
			widths = append(widths, across(&t.Faces[j].Mesh))
		}
		width := median(widths)
		if width <= 0 {
			continue
		}
		for j := range t.Faces {
			o := &t.Faces[j]
			i := o.Frame - first
			if i < 0 || i >= len(list) || list[i].Seen {
				continue
			}
			list[i].Seen = true
			for c, p := range headPoints {
				list[i].Head[2*c], list[i].Head[2*c+1] = o.Mesh[p].X/width, o.Mesh[p].Y/width
			}
			list[i].Lids = lidOpening(&o.Mesh)
			lids = append(lids, list[i].Lids)
		}
	}
	if usual := median(lids); usual > 0 {
		for i := range list {
			list[i].Lids /= usual
		}
	}
	return list
}

// lidOpening is how far the lids are apart, of the width of the eyes, the more open eye's.
func lidOpening(m *face.Mesh) float32 {
	eye := func(up, down, left, right int) float32 {
		w := distance(m, left, right)
		if w <= 0 {
			return 0
		}
		return distance(m, up, down) / w
	}
	return max(eye(159, 145, 33, 133), eye(386, 374, 263, 362))
}

// across is the width of a face, ear to ear.
func across(m *face.Mesh) float32 { return distance(m, 234, 454) }

// distance of two points of a mesh, in space.
func distance(m *face.Mesh, i, k int) float32 {
	x, y, z := float64(m[i].X-m[k].X), float64(m[i].Y-m[k].Y), float64(m[i].Z-m[k].Z)
	return float32(math.Sqrt(x*x + y*y + z*z))
}

// median sorts v and gives its middle; 0 of none.
func median(v []float32) float32 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}
