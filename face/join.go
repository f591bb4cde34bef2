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
	// A track shorter than this many frames in the middle of a shot is a false alarm.
	shortest = 3
	// bridged frames were not seen, so that they count less.
	bridgedConfidence = .5
)

// Samples of skin take 64 KB each. Of a long video only so many are kept, spread over it: 64 MB.
const (
	mostTextures  = 1024
	leastTextures = 4 // per track, however many tracks there are
)

// Joiner makes one analysis out of the observations of all stretches of a video. It keeps less of
// them than they are, so that a long video's need not be in memory all at once.
type Joiner struct {
	video    VideoInfo
	fps      float64
	parts    []*Observations
	textures int
	most     int // textures kept
}

// NewJoiner begins the analysis of a video. Its size is taken from the observations where it is 0, its
// number of frames always. fps is the mean frame rate, 25 where it is unknown (0).
func NewJoiner(video VideoInfo, fps float64) *Joiner {
	if !(fps > 1) {
		fps = 25
	}
	return &Joiner{video: video, fps: min(fps, 240), most: mostTextures}
}

// Add takes the observations of the next stretch, in any order. They are not changed.
func (j *Joiner) Add(o *Observations) {
	part := *o
	part.tracks = make([]*track, len(o.tracks))
	for i, t := range o.tracks {
		c := *t
		part.tracks[i] = &c
		j.textures += len(c.textures)
	}
	j.parts = append(j.parts, &part)
	for j.textures > j.most {
		before := j.textures
		j.textures = 0
		for _, p := range j.parts {
			for _, t := range p.tracks {
				t.textures = slices.Clone(spread(t.textures, (len(t.textures)+1)/2))
				j.textures += len(t.textures)
			}
		}
		if j.textures == before {
			break // one per track is left
		}
	}
}

// Finish finds the shots, links what was cut apart at the borders of stretches, takes apart what the
// tracker took for one face (a cross-fade), smooths in both directions and tells who is who. The
// stretches must follow one another without a gap. A video without a face gives an analysis
// without people, which is no error. The joiner must not be used afterwards.
func (j *Joiner) Finish() (*Analysis, error) {
	parts := j.parts
	slices.SortStableFunc(parts, func(a, b *Observations) int { return cmp.Compare(a.First, b.First) })
	a := &Analysis{Version: Version, Video: j.video}
	var tracks []*track
	for i, p := range parts {
		if i > 0 && p.First != parts[i-1].End {
			return nil, fault.New(fault.Internal, "", "frames %d to %d were not looked at once each", parts[i-1].End, p.First)
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
	a.Video.Frames = parts[len(parts)-1].End
	a.Shots = shots(parts)
	tracks = splitAtCuts(tracks, a.Shots)
	tracks = link(tracks, a.Shots, max(1, int(linkGap*j.fps+.5)))
	tracks = splitStrangers(tracks)
	tracks = slices.DeleteFunc(tracks, func(t *track) bool { return t.flash(a.Shots) })
	slices.SortStableFunc(tracks, func(x, y *track) int {
		return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(x.seen[0].origin.X, y.seen[0].origin.X),
			cmp.Compare(x.seen[0].origin.Y, y.seen[0].origin.Y))
	})
	keep := min(TexturesPerTrack, max(leastTextures, j.most/max(1, len(tracks))))
	for i, t := range tracks {
		out := Track{ID: i, Shot: shotOf(a.Shots, t.first), Faces: make([]Observation, len(t.seen)),
			Textures: spread(t.textures, keep)}
		for k := range t.seen {
			p := &t.seen[k]
			out.Faces[k] = Observation{Frame: t.first + k, Mesh: p.mesh(), Confidence: p.confidence, Sharpness: p.sharpness}
		}
		finish(out.Faces, j.fps)
		out.Neutral = neutral(out.Faces)
		scales, sharp := make([]float32, len(out.Faces)), make([]float32, len(out.Faces))
		for k := range out.Faces {
			scales[k], sharp[k] = out.Faces[k].Pose.Scale, out.Faces[k].Sharpness
		}
		out.Scale, out.Sharpness = median(scales), median(sharp)
		a.Tracks = append(a.Tracks, out)
	}
	a.people(tracks)
	return a, nil
}

// Join is a Joiner for observations that are all in memory.
func Join(parts []*Observations, video VideoInfo, fps float64) (*Analysis, error) {
	j := NewJoiner(video, fps)
	for _, p := range parts {
		j.Add(p)
	}
	return j.Finish()
}

// flash reports whether a track is so short, in the middle of a shot, that it is a false alarm. At
// the shot's ends somebody may be coming or going.
func (t *track) flash(shots []Shot) bool {
	s := shots[shotOf(shots, t.first)]
	return len(t.seen) < shortest && t.first > s.First && t.end() < s.End
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
	n := len(t.views)
	if n < 2 {
		return []*track{t}
	}
	// before[k] is the weighted sum of the first k views.
	before := make([][]float64, n+1)
	before[0] = make([]float64, len(t.views[0].vector))
	for k, v := range t.views {
		before[k+1] = slices.Clone(before[k])
		if len(v.vector) == len(before[0]) {
			v.addTo(before[k+1])
		}
	}
	best, at := strangers, -1
	for k := 1; k < n; k++ {
		rest := slices.Clone(before[n])
		for i := range rest {
			rest[i] -= before[k][i]
		}
		if d := Apart(unitVector(before[k]), unitVector(rest)); d > best {
			best, at = d, k
		}
	}
	if at < 0 {
		return []*track{t}
	}
	frame := t.jump(t.views[at-1].frame, t.views[at].frame)
	if frame <= t.first || frame >= t.end() {
		return []*track{t}
	}
	head, tail := t.split(frame)
	return append(head.strangers(), tail.strangers()...)
}

// jump is the frame between two views of different people at which one becomes the other: where the
// mesh jumps, if it does so at a cut between pictures too much alike to be seen as one, or
// else the middle, as of a fade.
func (t *track) jump(from, to int) int {
	var steps []float32
	best, at := float32(0), (from+to+1)/2
	for f := max(from, t.first) + 1; f <= min(to, t.end()-1); f++ {
		a, b := t.seen[f-1-t.first].mesh(), t.seen[f-t.first].mesh()
		d := distance(&a, &b)
		steps = append(steps, d)
		if d > best {
			best, at = d, f
		}
	}
	if best > jumpLeast && best > jumpStandOut*median(steps) {
		return at
	}
	return (from + to + 1) / 2
}

// A jump of the mesh, over the eye distance: how far at least, and how many times the usual step.
const (
	jumpLeast    = .06
	jumpStandOut = 4
)

// apart is the distance between two tracks' embeddings, 0 where one has no view.
func (t *track) apart(o *track) float64 {
	if len(t.views) == 0 || len(o.views) == 0 {
		return 0
	}
	return Apart(meanView(t.views), meanView(o.views))
}
