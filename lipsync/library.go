package lipsync

import (
	"context"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

// Footage is one clip of the person who will speak.
type Footage struct {
	Analysis *face.Analysis // of the whole clip
	Person   int            // index into Analysis.People
	FPS      float64        // mean frames per second, > 0
	// Times are when frames are shown, in seconds from the first, where their rate changes; nil where it does not.
	Times []float64
	// Sound is what is heard in the clip, from its first frame on; nil where there is none, or where it is not
	// this person's voice.
	Sound *speech.Sound
	// Timing is when what is said in it, in the same time; nil where its words are unknown.
	Timing *speech.Timing
}

// tick is where a frame lies in time, in frames of the mean rate.
func (f *Footage) tick(frame int) int {
	if frame < 0 || frame >= len(f.Times) {
		return max(frame, 0)
	}
	next := f.Times[frame] + 1/f.FPS
	if frame+1 < len(f.Times) {
		next = f.Times[frame+1]
	}
	most := 8*len(f.Times) + 1000 // a damaged file can claim any time
	return min(max(int((f.Times[frame]+next)/2*f.FPS), 0), most)
}

// descriptors of a mouth: opening, width, height of the lips, protrusion.
const descriptors = 4

// Sizes and shares of the library; from the reference trial unless said otherwise.
const (
	shapeSize    = 8    // principal components of lips and chin: the first four carry 97 %
	leastRange   = .030 // of opening, face widths: with less the footage shows a closed mouth only
	closedShare  = .04  // of the frames with the least opening make the closed mouth
	leastSpan    = 1e-4 // of a descriptor: what varies less says nothing
	leastStats   = 8    // usable frames without which nothing can be said about a mouth
	leastSilent  = 8    // frames of silence that make a mouth at rest
	silentFrame  = .9   // share of silence from which a frame counts as silent
	speakingUpTo = .5
)

// gapPairs are the inner lips' points whose distances make the opening.
var gapPairs = [...][2]int{{82, 87}, {13, 14}, {312, 317}}

// library is everything known about one person's mouth.
type library struct {
	clips []clip
	list  []seen // by clip and frame
	used  []int  // indices into list: those that serve for statistics
	films []int  // indices into list: those whose pixels are kept, as Mouths counts them; −1 where it is unknown

	ref      face.Shape
	basis    [][]float64 // shapeSize × 2·points
	mean     []float64   // of lips and chin, x and y in turn
	sigma    float64     // rms spread of the shape
	lo, hi   [descriptors]float64
	describe [][]float64 // descriptors 0…1 and a constant → shape
	gapOf    [][]float64 // shape and a constant → opening
	closed   []float64
	rest     []float64
	borrowed *Geometry // where the footage shows a closed mouth only
}

// clip is a Footage and what was worked out about it.
type clip struct {
	*Footage
	curves  *speech.Curves // of its own words, moved to where its picture is; nil where they are unknown
	sound   [][]float64    // features of its own sound per frame, moved likewise; nil without
	silence []float32      // share of each frame in which nothing is said, likewise; nil where that is unknown
	offset  int            // frames by which the picture is late; negative where it is early
	trust   float64        // the correlation that it was found with
	sure    bool
	ticks   int // length in frames of its mean rate
	first   int // its first entry in list
	end     int
}

// seen is the person in one frame.
type seen struct {
	clip  int
	track int
	face  *face.Observation
	pose  pose64
	turn  [3]float64 // of the pose, axis times angle
	desc  [descriptors]float64
	shape []float64 // coefficients
	off   float64   // distance from rest in sigmas
	good  bool
	film  int // in Mouths; −1
	tick  int // where the frame lies in time, in frames of the clip's mean rate
	look  appearance
}

// newLibrary looks at all footage. mouths may lack frames, and may be nil for measuring.
func newLibrary(ctx context.Context, footage []Footage, mouths *Mouths) (*library, error) {
	l := new(library)
	for i := range footage {
		f := &footage[i]
		c := clip{Footage: f, first: len(l.list)}
		for _, s := range sightings(f.Analysis, f.Person) {
			l.list = append(l.list, seen{clip: i, track: s.track, face: s.face, film: -1, tick: f.tick(s.face.Frame)})
		}
		c.end = len(l.list)
		c.ticks = f.tick(max(f.Analysis.Video.Frames-1, 0)) + 1
		for k := c.first; k < c.end; k++ {
			c.ticks = max(c.ticks, l.list[k].tick+1)
		}
		l.clips = append(l.clips, c)
	}
	if err := l.place(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.learnShape()
	l.attach(mouths)
	return l, ctx.Err()
}

// place finds the median mesh and every frame's pose in it, and says which frames serve.
func (l *library) place() error {
	// The main clip says how the person looks from the front, so far as it shows a face.
	var trusted []*face.Mesh
	for i := range l.list {
		if s := &l.list[i]; s.clip == l.list[0].clip && s.face.Confidence >= leastTrust {
			trusted = append(trusted, &s.face.Mesh)
		}
	}
	if len(trusted) < leastStats {
		return noMouth("the person's face is seen in too few frames of the footage")
	}
	const forReference = 400
	l.ref = medianShape(some(trusted, forReference))

	for i := 0; i < len(l.list); {
		j := i + 1
		for j < len(l.list) && l.list[j].clip == l.list[i].clip && l.list[j].track == l.list[i].track &&
			l.list[j].face.Frame == l.list[j-1].face.Frame+1 {
			j++
		}
		meshes := make([]*face.Mesh, j-i)
		for k := range meshes {
			meshes[k] = &l.list[i+k].face.Mesh
		}
		fitted, turn := poses(meshes, &l.ref, l.clips[l.list[i].clip].FPS)
		for k := range meshes {
			l.list[i+k].pose, l.list[i+k].turn = fitted[k], turn[k]
		}
		i = j
	}
	var usual [3]float64
	for k := range usual {
		var v []float64
		for i := range l.list {
			if l.list[i].face.Confidence >= leastTrust {
				v = append(v, l.list[i].turn[k])
			}
		}
		usual[k] = quantile(sorted(v), .5)
	}
	for i := range l.list {
		s := &l.list[i]
		s.good = s.face.Confidence >= leastTrust
		for k := range usual {
			s.good = s.good && math.Abs(s.turn[k]-usual[k]) < mostTurn
		}
		s.measure()
		if s.good {
			l.used = append(l.used, i)
		}
	}
	if len(l.used) < leastStats {
		return noMouth("the person's mouth is seen from the front in too few frames of the footage")
	}
	return nil
}

func noMouth(text string) error {
	return fault.New(fault.NoUsableMouth, "", "%s", text).
		WithHint("Use footage in which the person faces the camera with the mouth uncovered for at least a second.")
}

// measure takes the descriptors, in face widths.
func (s *seen) measure() {
	at := func(i int) [3]float64 { return s.pose.to(s.face.Mesh[i]) }
	apart := func(i, j int) float64 {
		a, b := at(i), at(j)
		return math.Hypot(a[0]-b[0], a[1]-b[1])
	}
	for _, g := range gapPairs {
		s.desc[0] += apart(g[0], g[1]) / float64(len(gapPairs))
	}
	s.desc[1] = apart(61, 291)
	s.desc[2] = apart(0, 17)
	s.desc[3] = (at(2)[2]+at(94)[2])/2 - (at(0)[2]+at(13)[2]+at(14)[2]+at(17)[2])/4
}

// lips are x and y of lips and chin in face space.
func (s *seen) lips() []float64 {
	points := shapePoints()
	v := make([]float64, 0, 2*len(points))
	for _, i := range points {
		p := s.pose.to(s.face.Mesh[i])
		v = append(v, p[0], p[1])
	}
	return v
}

// learnShape finds the basis of the mouth's shape and what goes with it.
func (l *library) learnShape() {
	var rows [][]float64
	for _, i := range some(l.used, mostLearned) {
		rows = append(rows, l.list[i].lips())
	}
	l.mean, l.basis = principal(rows, shapeSize)
	l.project()
	for k := range descriptors {
		v := sorted(l.column(k))
		l.lo[k], l.hi[k] = quantile(v, .02), quantile(v, .98)
	}
	var power float64
	var unit, shapes, gaps [][]float64
	for _, i := range l.used {
		s := &l.list[i]
		power += dot(s.shape, s.shape)
		unit = append(unit, l.norm(s.desc))
		shapes = append(shapes, s.shape)
		gaps = append(gaps, []float64{s.desc[0]})
	}
	l.sigma = max(math.Sqrt(power/float64(len(l.used))), 1e-6)
	l.describe = fitPlain(unit, shapes)
	l.gapOf = fitPlain(shapes, gaps)
	l.closed = l.meanShape(l.mostClosed(closedShare))
	if l.hi[0]-l.lo[0] < leastRange {
		l.borrow()
	}
	l.setRest(l.closed)
}

// project gives every frame its coefficients.
func (l *library) project() {
	for i := range l.list {
		v := l.list[i].lips()
		for k := range v {
			v[k] -= l.mean[k]
		}
		l.list[i].shape = times(l.basis, v)
	}
}

// column is one descriptor of the frames that serve.
func (l *library) column(k int) []float64 {
	v := make([]float64, len(l.used))
	for j, i := range l.used {
		v[j] = l.list[i].desc[k]
	}
	return v
}

// norm is a frame's descriptors on the person's own range, 0…1 from the 2nd to the 98th percentile.
func (l *library) norm(d [descriptors]float64) []float64 {
	v := make([]float64, descriptors)
	for k := range v {
		v[k] = (d[k] - l.lo[k]) / max(l.hi[k]-l.lo[k], leastSpan)
	}
	return v
}

// mostClosed are the used frames with the least opening, this share of them.
func (l *library) mostClosed(share float64) []int {
	limit := quantile(sorted(l.column(0)), share)
	var out []int
	for _, i := range l.used {
		if l.list[i].desc[0] <= limit {
			out = append(out, i)
		}
	}
	return out
}

func (l *library) meanShape(frames []int) []float64 {
	m := make([]float64, len(l.basis))
	for _, i := range frames {
		for k, v := range l.list[i].shape {
			m[k] += v / float64(len(frames))
		}
	}
	return m
}

// toShape is the shape of descriptors on the person's own range.
func (l *library) toShape(d []float64) []float64 {
	n := len(l.basis)
	out := slices.Clone(l.describe[descriptors][:n])
	for k, v := range d {
		for c := range out {
			out[c] += v * l.describe[k][c]
		}
	}
	return out
}

// opening is what the shape's opening would be, in face widths.
func (l *library) opening(shape []float64) float64 {
	o := l.gapOf[len(shape)][0]
	for k, v := range shape {
		o += v * l.gapOf[k][0]
	}
	return o
}

func (l *library) setRest(shape []float64) {
	l.rest = shape
	for i := range l.list {
		s := &l.list[i]
		var d float64
		for k, v := range s.shape {
			d += (v - shape[k]) * (v - shape[k])
		}
		s.off = math.Sqrt(d) / l.sigma
	}
}

// findRest takes the mouth at rest from the silent frames, when there are enough: the median of the more closed
// half of them, because what is taken for silence also holds breath and the beginnings of words.
func (l *library) findRest() {
	var quiet []int
	for _, i := range l.used {
		s := &l.list[i]
		if c := l.clips[s.clip].silence; c != nil && at(c, s.tick) > silentFrame {
			quiet = append(quiet, i)
		}
	}
	if len(quiet) <= leastSilent {
		return
	}
	var gaps []float64
	for _, i := range quiet {
		gaps = append(gaps, l.list[i].desc[0])
	}
	limit := quantile(sorted(gaps), .5)
	rest := make([]float64, len(l.basis))
	for k := range rest {
		var v []float64
		for _, i := range quiet {
			if l.list[i].desc[0] <= limit {
				v = append(v, l.list[i].shape[k])
			}
		}
		rest[k] = quantile(sorted(v), .5)
	}
	l.setRest(rest)
}

// at is a curve's value in a frame, the nearest one beyond its ends.
func at(curve []float32, frame int) float64 {
	if len(curve) == 0 {
		return 0
	}
	return float64(curve[min(max(frame, 0), len(curve)-1)])
}

// attach finds the frame of every mouth whose pixels are kept, and how it looks.
func (l *library) attach(mouths *Mouths) {
	if mouths == nil {
		return
	}
	type key struct{ clip, track, frame int }
	where := make(map[key]int, len(l.list))
	for i := range l.list {
		s := &l.list[i]
		where[key{s.clip, s.track, s.face.Frame}] = i
	}
	var thumbs []*Thumb
	var colours []pix.Colour
	l.films = make([]int, mouths.Len())
	for m := range l.films {
		q := mouths.Filmed(m)
		l.films[m] = -1
		if i, ok := where[key{q.Clip, q.Track, q.Frame}]; ok && l.list[i].good && l.list[i].film < 0 {
			l.films[m] = i
			l.list[i].film = m
			thumbs = append(thumbs, q.Thumb)
			colours = append(colours, q.Colour)
		}
	}
	look := looks(thumbs, colours)
	for _, i := range l.films {
		if i >= 0 {
			l.list[i].look, look = look[0], look[1:]
		}
	}
}

// speaking are the used frames in which the mouth is in use: by the words where they are known, else by
// its motion. All of them where there are hardly any.
func (l *library) speaking() []int {
	var out []int
	for ci := range l.clips {
		c := &l.clips[ci]
		if c.curves != nil {
			for i := c.first; i < c.end; i++ {
				if s := &l.list[i]; s.good && at(c.curves.Silence, s.tick) < speakingUpTo {
					out = append(out, i)
				}
			}
			continue
		}
		v := make([]float64, c.end-c.first)
		for i := 1; i < len(v); i++ {
			a, b := &l.list[c.first+i-1], &l.list[c.first+i]
			if a.track != b.track || b.face.Frame != a.face.Frame+1 {
				continue
			}
			var d float64
			for k := range a.shape {
				d += (a.shape[k] - b.shape[k]) * (a.shape[k] - b.shape[k])
			}
			v[i] = math.Sqrt(d)
		}
		v = hann(v, frames25(13, c.FPS))
		limit := .35 * quantile(sorted(v), .8)
		for i, m := range v {
			if l.list[c.first+i].good && m > limit {
				out = append(out, c.first+i)
			}
		}
	}
	if len(out) <= 15 {
		return l.used
	}
	return out
}
