package lipsync

import (
	"cmp"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Pick is a filmed mouth that is worth keeping: the face of a track in a frame.
type Pick struct{ Frame, Track int }

// What a mouth must be to serve. Angles are radians off the person's median view: beyond them skin
// that was never seen would have to be shown (reference trial: 0.6 in any axis).
const (
	mostTurn      = .6
	leastTrust    = .55 // face.Observation.Confidence; bridged gaps have at most .5
	leastSharp    = .4  // of the person's median sharpness
	leastFaceSide = 24  // pixels between the cheeks; below, lips are two samples high
)

// runFrames is the length of the pieces in which a long clip is thinned out, in frames: neighbours
// in time are what the search joins for nothing, so they are kept or left together.
const runFrames = 24

// Choose lists the frames of a clip whose mouths of this person serve as a library, in order. Where
// they would take more than budget bytes of planes, pieces of about a second are chosen so that every
// shape of the mouth is kept about equally often. An empty list says that none serves.
func Choose(a *face.Analysis, person int, l pix.Layout, budget int64) []Pick {
	seen := sightings(a, person)
	if len(seen) == 0 {
		return nil
	}
	var turn [3][]float64
	var sharp []float64
	for _, s := range seen {
		for k, v := range s.angles() {
			turn[k] = append(turn[k], v)
		}
		sharp = append(sharp, float64(s.face.Sharpness))
	}
	var usual [3]float64
	for k := range turn {
		usual[k] = quantile(sorted(turn[k]), .5)
	}
	least := leastSharp * quantile(sorted(sharp), .5)

	picture := pix.Rect{X1: l.W, Y1: l.H}
	var good []sighting
	var bytes int64
	for _, s := range seen {
		if s.face.Confidence < leastTrust || float64(s.face.Sharpness) < least || !inside(&s.face.Mesh, picture) {
			continue
		}
		off := 0.0
		for k, v := range s.angles() {
			off = max(off, math.Abs(v-usual[k]))
		}
		if off > mostTurn || gap(&s.face.Mesh, 234, 454) < leastFaceSide {
			continue
		}
		s.bytes = planeBytes(l, mouthBox(&s.face.Mesh, picture))
		bytes += s.bytes
		good = append(good, s)
	}
	if bytes > budget {
		good = spreadOut(good, budget)
	}
	picks := make([]Pick, len(good))
	for i, s := range good {
		picks[i] = Pick{s.face.Frame, s.track}
	}
	return picks
}

// sighting is a person in a frame.
type sighting struct {
	track int
	face  *face.Observation
	bytes int64
}

func (s *sighting) angles() [3]float64 {
	p := &s.face.Pose
	return [3]float64{float64(p.Yaw), float64(p.Pitch), float64(p.Roll)}
}

// sightings lists where a person is seen, by frame. Where two tracks of a person share a frame (a
// mirror, a screen), the larger face counts.
func sightings(a *face.Analysis, person int) []sighting {
	var all []sighting
	for i := range a.Tracks {
		if a.Tracks[i].Person != person {
			continue
		}
		for k := range a.Tracks[i].Faces {
			all = append(all, sighting{track: i, face: &a.Tracks[i].Faces[k]})
		}
	}
	slices.SortStableFunc(all, func(x, y sighting) int {
		return cmp.Or(cmp.Compare(x.face.Frame, y.face.Frame), cmp.Compare(y.face.Box.W, x.face.Box.W), cmp.Compare(x.track, y.track))
	})
	return slices.CompactFunc(all, func(x, y sighting) bool { return x.face.Frame == y.face.Frame })
}

// inside reports whether lips and chin lie in the picture.
func inside(m *face.Mesh, picture pix.Rect) bool {
	for _, i := range ShapePoints() {
		x, y := m[i].X, m[i].Y
		if x < float32(picture.X0) || y < float32(picture.Y0) || x > float32(picture.X1-1) || y > float32(picture.Y1-1) {
			return false
		}
	}
	return true
}

func gap(m *face.Mesh, a, b int) float64 {
	return math.Hypot(float64(m[a].X-m[b].X), float64(m[a].Y-m[b].Y))
}

// planeBytes is what the planes of a box of this layout take.
func planeBytes(l pix.Layout, r pix.Rect) int64 {
	c := l.ChromaRect(r)
	n := int64(r.W())*int64(r.H()) + 2*int64(c.W())*int64(c.H())
	if l.Mono {
		n = int64(r.W()) * int64(r.H())
	}
	if l.Depth > 8 {
		n *= 2
	}
	return n
}

// spreadOut keeps as many pieces as the budget allows, always the one next that shows most of what
// is still rare among those kept (the gain of a piece only falls while others are taken, so it is computed
// again only for the leader).
func spreadOut(all []sighting, budget int64) []sighting {
	const steps = 10
	var d [2][]float64 // opening and width over the face's width
	for _, s := range all {
		m := &s.face.Mesh
		w := gap(m, 234, 454)
		d[0] = append(d[0], gap(m, 13, 14)/w)
		d[1] = append(d[1], gap(m, 61, 291)/w)
	}
	bin := make([]int, len(all))
	for _, v := range d {
		s := sorted(v)
		lo, hi := quantile(s, .02), quantile(s, .98)
		for i := range v {
			k := int(steps * (v[i] - lo) / max(hi-lo, 1e-6))
			bin[i] = bin[i]*steps + min(max(k, 0), steps-1)
		}
	}
	type run struct {
		first, end int
		bytes      int64
		gain       float64
		at         int // how many had been taken when gain was computed
	}
	var runs []run
	for i := 0; i < len(all); {
		j := i
		var bytes int64
		for j < len(all) && j-i < runFrames && (j == i || all[j].track == all[j-1].track && all[j].face.Frame == all[j-1].face.Frame+1) {
			bytes += all[j].bytes
			j++
		}
		runs = append(runs, run{first: i, end: j, bytes: bytes, gain: math.Inf(1), at: -1})
		i = j
	}
	var have [steps * steps]float64
	var keep []sighting
	for taken := 0; len(runs) > 0; {
		best := 0
		for i := range runs {
			if runs[i].gain > runs[best].gain {
				best = i
			}
		}
		r := runs[best]
		if r.at < taken {
			r.gain = 0
			for i := r.first; i < r.end; i++ {
				r.gain += 1 / (1 + have[bin[i]])
			}
			r.at = taken
			runs[best] = r
			continue
		}
		runs = slices.Delete(runs, best, best+1)
		if r.bytes > budget {
			continue
		}
		budget -= r.bytes
		taken++
		for i := r.first; i < r.end; i++ {
			have[bin[i]]++
			keep = append(keep, all[i])
		}
	}
	slices.SortFunc(keep, func(x, y sighting) int { return cmp.Compare(x.face.Frame, y.face.Frame) })
	return keep
}

// sorted is a sorted copy.
func sorted(v []float64) []float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	return s
}

// quantile of an ascending series, q in 0…1, interpolated linearly as NumPy does by default; 0 for none.
func quantile(s []float64, q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	at := q * float64(len(s)-1)
	i := min(max(int(at), 0), len(s)-1)
	j := min(i+1, len(s)-1)
	return s[i] + (at-float64(i))*(s[j]-s[i])
}
