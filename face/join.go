package face

import (
	"cmp"
	"slices"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Linking of tracks that belong together.
const (
	linkGap      = .25 // seconds without a sight of the face that are bridged
	linkDistance = .50 // of the eye distance, between the meshes on both sides
	linkOverlap  = .30 // of their boxes
	// A track shorter than this many frames, in a shot that is longer, is a false alarm.
	shortest = 3
	// bridged frames were not seen, so that they count less.
	bridgedConfidence = .5
)

// Join makes one analysis out of the observations of all stretches of a video: it finds the
// shots, links what was cut apart at the borders of stretches, takes apart what the tracker took
// for one face (a cross-fade), smooths in both directions and tells who is who. The parts must
// follow one another without a gap; they are not changed. fps is the video's mean frame rate.
// A video without a face gives an analysis without people, which is no error.
func Join(parts []*Observations, video VideoInfo, fps float64) (*Analysis, error) {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b *Observations) int { return cmp.Compare(a.First, b.First) })
	a := &Analysis{Version: Version, Video: video}
	var tracks []*track
	for i, p := range parts {
		if i > 0 && p.First != parts[i-1].End {
			return nil, fault.New(fault.Internal, "", "frames %d to %d were not looked at", parts[i-1].End, p.First)
		}
		if p.W != 0 && a.Video.W == 0 {
			a.Video.W, a.Video.H = p.W, p.H
		}
		if p.W != 0 && (p.W != a.Video.W || p.H != a.Video.H) {
			return nil, fault.New(fault.Internal, "", "the picture's size changes from %dx%d to %dx%d", a.Video.W, a.Video.H, p.W, p.H)
		}
		tracks = append(tracks, p.tracks...)
	}
	if len(parts) == 0 {
		return a, nil
	}
	if !(fps > 1) {
		fps = 25
	}
	a.Video.Frames = parts[len(parts)-1].End
	a.Shots = shots(parts)
	tracks = splitAtCuts(tracks, a.Shots)
	tracks = link(tracks, a.Shots, max(1, int(linkGap*fps+.5)))
	tracks = splitStrangers(tracks)
	tracks = slices.DeleteFunc(tracks, func(t *track) bool {
		shot := a.Shots[shotOf(a.Shots, t.first)]
		return len(t.seen) < shortest && shot.End-shot.First >= 2*shortest
	})
	slices.SortStableFunc(tracks, func(x, y *track) int {
		return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(x.seen[0].origin.X, y.seen[0].origin.X),
			cmp.Compare(x.seen[0].origin.Y, y.seen[0].origin.Y))
	})
	for i, t := range tracks {
		out := Track{ID: i, Shot: shotOf(a.Shots, t.first), Faces: make([]Observation, len(t.seen)),
			Textures: spread(t.textures, TexturesPerTrack)}
		for k := range t.seen {
			p := &t.seen[k]
			out.Faces[k] = Observation{Frame: t.first + k, Mesh: p.mesh(), Confidence: p.confidence, Sharpness: p.sharpness}
		}
		finish(out.Faces, fps)
		out.Neutral = neutral(out.Faces)
		a.Tracks = append(a.Tracks, out)
	}
	a.people(tracks)
	return a, nil
}

// finish smooths a track and fills pose and box, which smoothing needs two frames for.
func finish(faces []Observation, fps float64) {
	for i := range faces {
		faces[i].Pose = FitPose(&faces[i].Mesh)
		faces[i].Box = faces[i].Mesh.Bounds()
	}
	smoothTrack(faces, fps)
}

// shots lists the stretches between cuts, those at the borders of parts included.
func shots(parts []*Observations) []Shot {
	var out []Shot
	begin := parts[0].First
	cut := func(at int) {
		if at > begin {
			out = append(out, Shot{begin, at})
			begin = at
		}
	}
	for i, p := range parts {
		if i > 0 && p.End > p.First && parts[i-1].End > parts[i-1].First && p.head.differs(&parts[i-1].tail) > cutScore {
			cut(p.First)
		}
		for _, c := range p.cuts {
			cut(c)
		}
	}
	cut(parts[len(parts)-1].End)
	return out
}

// shotOf is the index of the shot that holds a frame.
func shotOf(shots []Shot, frame int) int {
	i, found := slices.BinarySearchFunc(shots, frame, func(s Shot, f int) int { return cmp.Compare(s.First, f) })
	if !found {
		i--
	}
	return max(0, i)
}

// splitAtCuts takes tracks apart that run over a cut.
func splitAtCuts(tracks []*track, shots []Shot) []*track {
	var out []*track
	for _, t := range tracks {
		for len(t.seen) > 0 {
			end := shots[shotOf(shots, t.first)].End
			if end >= t.end() {
				out = append(out, t)
				break
			}
			var head *track
			head, t = t.split(end)
			out = append(out, head)
		}
	}
	return out
}

// split cuts a track in two at a frame within it. t is not changed.
func (t *track) split(at int) (head, tail *track) {
	n := at - t.first
	head = &track{first: t.first, seen: t.seen[:n:n]}
	tail = &track{first: at, seen: t.seen[n:]}
	for _, x := range t.textures {
		if x.Frame < at {
			head.textures = append(head.textures, x)
		} else {
			tail.textures = append(tail.textures, x)
		}
	}
	for _, v := range t.views {
		if v.frame < at {
			head.views = append(head.views, v)
		} else {
			tail.views = append(tail.views, v)
		}
	}
	return head, tail
}

// link joins tracks where one ends and another goes on nearby within gap frames in the same shot,
// nearest pairs first.
func link(tracks []*track, shots []Shot, gap int) []*track {
	type pair struct {
		from, to int
		distance float32
	}
	var pairs []pair
	for i, a := range tracks {
		last := a.seen[len(a.seen)-1].mesh()
		for j, b := range tracks {
			wait := b.first - a.end()
			if i == j || wait < 0 || wait > gap || shotOf(shots, a.first) != shotOf(shots, b.first) {
				continue
			}
			next := b.seen[0].mesh()
			d := distance(&last, &next)
			if d > linkDistance && overlap(last.Bounds(), next.Bounds()) < linkOverlap {
				continue
			}
			if a.apart(b) > strangers {
				continue
			}
			pairs = append(pairs, pair{i, j, d + float32(wait)})
		}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return cmp.Compare(x.distance, y.distance) })
	next, joined := map[int]int{}, map[int]bool{}
	for _, p := range pairs {
		if _, taken := next[p.from]; !taken && !joined[p.to] {
			next[p.from], joined[p.to] = p.to, true
		}
	}
	var out []*track
	for i, t := range tracks {
		if joined[i] {
			continue
		}
		for {
			j, more := next[i]
			if !more {
				break
			}
			t = t.append(tracks[j])
			i = j
		}
		out = append(out, t)
	}
	return out
}

// append returns t followed by o, the frames between filled by straight motion.
func (t *track) append(o *track) *track {
	out := &track{first: t.first, seen: slices.Clone(t.seen)}
	a, b := t.seen[len(t.seen)-1], o.seen[0]
	from, to := a.mesh(), b.mesh()
	wait := o.first - t.end()
	for k := range wait {
		w := float32(k+1) / float32(wait+1)
		var m Mesh
		for i := range m {
			m[i] = pix.Vec3{X: from[i].X + w*(to[i].X-from[i].X), Y: from[i].Y + w*(to[i].Y-from[i].Y), Z: from[i].Z + w*(to[i].Z-from[i].Z)}
		}
		out.seen = append(out.seen, pack(&m, bridgedConfidence*min(a.confidence, b.confidence), min(a.sharpness, b.sharpness)))
	}
	out.seen = append(out.seen, o.seen...)
	out.textures = append(slices.Clone(t.textures), o.textures...)
	out.views = append(slices.Clone(t.views), o.views...)
	return out
}

// splitStrangers takes tracks apart whose face becomes somebody else's: a cross-fade leaves the
// mesh on a face all the time.
func splitStrangers(tracks []*track) []*track {
	var out []*track
	for _, t := range tracks {
		out = append(out, t.strangers()...)
	}
	return out
}

func (t *track) strangers() []*track {
	best, at := strangers, -1
	for k := 1; k < len(t.views); k++ {
		if d := Apart(meanView(t.views[:k]), meanView(t.views[k:])); d > best {
			best, at = d, k
		}
	}
	if at < 0 {
		return []*track{t}
	}
	// Between the views that differ; a view in the middle of a fade looks like neither.
	frame := (t.views[at-1].frame + t.views[at].frame + 1) / 2
	if frame <= t.first || frame >= t.end() {
		return []*track{t}
	}
	head, tail := t.split(frame)
	return append(head.strangers(), tail.strangers()...)
}

// apart is the distance between two tracks' embeddings, 0 where one has no view.
func (t *track) apart(o *track) float64 {
	if len(t.views) == 0 || len(o.views) == 0 {
		return 0
	}
	return Apart(meanView(t.views), meanView(o.views))
}
