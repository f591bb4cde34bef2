package talk

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

// leastSeen is the confidence below which a mesh is not measured.
const leastSeen = .4

// series is one version of a clip's frames, its meshes found anew on them.
type series struct {
	fps   float64
	width float64      // of the face without pose, in the mesh's own units: the median over the frames as filmed
	mesh  []*face.Mesh // nil where no face can be measured
	open  []float64    // opening in face widths, NaN there
	lips  [][]pix.Vec2 // lips without pose, face widths
}

// measure lays the mesh on every frame anew, by the plain network, near where near has it; where that is nil, or the
// frame is, nothing is measured. width is the person's; 0 finds it.
func (r *runner) measure(ctx context.Context, frames []*pix.Frame, near []*face.Mesh, fps, width float64) (*series, error) {
	n := len(frames)
	s := &series{fps: fps, width: width, mesh: make([]*face.Mesh, n), open: make([]float64, n), lips: make([][]pix.Vec2, n)}
	shapes := make([]face.Shape, n)
	err := r.each(n, func(i int) error {
		if frames[i] == nil || near[i] == nil {
			return nil
		}
		m, sure, err := face.Again(ctx, r.probe, frames[i], near[i])
		if err != nil || sure < leastSeen {
			return err
		}
		s.mesh[i] = &m
		shapes[i], _ = face.Decompose(&m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.width == 0 {
		var w []float64
		for i, m := range s.mesh {
			if m != nil {
				w = append(w, apart(shapes[i][234], shapes[i][454]))
			}
		}
		s.width = quantile(w, .5)
	}
	lips := append(face.OuterLips(), face.InnerLips()...)
	for i, m := range s.mesh {
		if s.open[i] = math.NaN(); m == nil {
			continue
		}
		s.open[i] = 0
		for _, g := range gaps {
			s.open[i] += apart(shapes[i][g[0]], shapes[i][g[1]]) / float64(len(gaps)) / s.width
		}
		for _, v := range lips {
			p := shapes[i][v]
			s.lips[i] = append(s.lips[i], pix.Vec2{X: p.X / float32(s.width), Y: p.Y / float32(s.width)})
		}
	}
	return s, nil
}

// gaps are the inner lips' points whose distances make the opening.
var gaps = [...][2]int{{82, 87}, {13, 14}, {312, 317}}

func apart(a, b pix.Vec3) float64 { return math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)) }

// closed is the person's own closed mouth: the 2nd percentile of the opening as filmed.
func (s *series) closed() float64 { return quantile(s.known(), .02) }

// known are the openings that were measured.
func (s *series) known() []float64 {
	return slices.DeleteFunc(slices.Clone(s.open), math.IsNaN)
}

// moving is how fast the lips move against one another into frame i, in face widths a second; NaN where that is not
// known. A mouth that is displaced as a whole does not speak: that is a head whose pose was read a little differently.
func (s *series) moving(i int) float64 {
	if i == 0 || s.lips[i] == nil || s.lips[i-1] == nil {
		return math.NaN()
	}
	n := float64(len(s.lips[i]))
	var x, y, d float64
	for k, p := range s.lips[i] {
		q := s.lips[i-1][k]
		x, y = x+float64(p.X-q.X)/n, y+float64(p.Y-q.Y)/n
	}
	for k, p := range s.lips[i] {
		q := s.lips[i-1][k]
		d += math.Hypot(float64(p.X-q.X)-x, float64(p.Y-q.Y)-y)
	}
	return d / n * s.fps
}

// A mouth moves when its lips do by more than this, in face widths a second. Of the frames in which people speak, two
// in three do (three clips, as filmed); of a face that keeps still, one in ten, which is the mesh network's noise.
const movesFrom = .07

// speaks are the frames in which the person as filmed uses the mouth: by the words where they are known, else by
// motion within a quarter of a second.
func (c *clip) speaks() []bool {
	out := make([]bool, len(c.frames))
	if c.timing != nil {
		silence := speech.MouthCurves(c.timing, len(out), c.fps, 0).Silence
		for i := range out {
			out[i] = silence[i] < .5
		}
		return out
	}
	reach := max(1, int(c.fps/8))
	for i := range out {
		var m mean
		for k := max(1, i-reach); k <= min(len(out)-1, i+reach); k++ {
			if v := c.own.moving(k); !math.IsNaN(v) {
				m.add(v)
			}
		}
		out[i] = m.value() > movesFrom
	}
	return out
}

// What a clip in which the person speaks has at least: the loudness of its sound (root mean square), below which it is
// silent, and seconds in which the mouth is used.
const (
	leastLoud     = 1e-3
	leastSpeaking = 1.0
)

// talks reports whether the person is heard and seen to speak in the clip.
func (c *clip) talks(speaks []bool) bool {
	if c.sound == nil {
		return false
	}
	var power, used mean
	for _, v := range c.sound.Samples {
		power.add(float64(v) * float64(v))
	}
	for _, v := range speaks {
		used.add(truth(v))
	}
	return math.Sqrt(power.value()) > leastLoud && used.sum/c.fps >= leastSpeaking
}

// openVowel tells the visemes with a wide opening.
func openVowel(v speech.Viseme) bool {
	return v == speech.VisemeA || v == speech.VisemeUh || v == speech.VisemeE || v == speech.VisemeO
}

// shut is the share of a frame that must be a closure so that its lips have to meet.
const shut = .6

// closures is the mean opening on p, b and m, and on open vowels, face widths; NaN of none.
func (s *series) closures(c *speech.Curves, use func(i int) bool) (shutOpen, wideOpen float64, n int) {
	var a, b mean
	for i := range min(len(s.open), c.Len()) {
		if math.IsNaN(s.open[i]) || !use(i) {
			continue
		}
		switch {
		case float64(c.Close[i]) > shut:
			a.add(s.open[i])
		case openVowel(c.Viseme[i]):
			b.add(s.open[i])
		}
	}
	return a.value(), b.value(), a.n
}

// spread is the standard deviation of the opening in the frames that count.
func (s *series) spread(use func(i int) bool) float64 {
	var v []float64
	for i, o := range s.open {
		if !math.IsNaN(o) && use(i) {
			v = append(v, o)
		}
	}
	return deviation(v)
}

// Pauses that count, in seconds: from this length on, without the time at either end in which the mouth comes
// to rest and gets ready for the next sound.
const (
	leastPause = .35
	pauseEdge  = .12
)

// inPauses are the frames inside long pauses.
func inPauses(c *speech.Curves, fps float64) []int {
	var out []int
	edge := int(math.Ceil(pauseEdge * fps))
	for i := 0; i < c.Len(); {
		j := i
		for j < c.Len() && c.Silence[j] > .9 {
			j++
		}
		if float64(j-i)/fps >= leastPause {
			for k := i + edge; k < j-edge; k++ {
				out = append(out, k)
			}
		}
		i = max(j, i+1)
	}
	return out
}

// stirring is the share of these frames in which the mouth moves.
func (s *series) stirring(frames []int) float64 {
	var m mean
	for _, i := range frames {
		if i >= len(s.lips) {
			continue
		}
		if v := s.moving(i); !math.IsNaN(v) {
			m.add(truth(v > movesFrom))
		}
	}
	return m.value()
}

// lagReach is how far apart mouth and sound are looked for, in seconds.
const lagReach = .4

// lag is by how many seconds the mouth comes later than the curve, by the best correlation of the two, between
// frames by a parabola; and that correlation.
func (s *series) lag(curve []float32) (seconds, r float64) {
	reach := int(math.Round(lagReach * s.fps))
	all := make([]float64, 2*reach+1)
	best := 0
	for d := range all {
		var a, b []float64
		for i, o := range s.open {
			if k := i - (d - reach); !math.IsNaN(o) && k >= 0 && k < len(curve) {
				a, b = append(a, o), append(b, float64(curve[k]))
			}
		}
		if all[d] = correlation(a, b); all[d] > all[best] || math.IsNaN(all[best]) {
			best = d
		}
	}
	if math.IsNaN(all[best]) {
		return math.NaN(), math.NaN()
	}
	at := float64(best)
	if best > 0 && best+1 < len(all) {
		l, m, h := all[best-1], all[best], all[best+1]
		if w := l - 2*m + h; w < 0 {
			at += (l - h) / (2 * w)
		}
	}
	return (at - float64(reach)) / s.fps, all[best]
}

// each runs do for 0…n-1 on all workers.
func (r *runner) each(n int, do func(i int) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	next := 0
	for range r.Workers {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				stop := first != nil
				mu.Unlock()
				if i >= n || stop {
					return
				}
				if err := do(i); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}

// mean of the values added; NaN of none.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum += v; m.n++ }

func (m *mean) value() float64 { return m.sum / float64(m.n) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// quantile of values, q in 0…1, interpolated; NaN of none.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	at := q * float64(len(s)-1)
	i := int(at)
	j := min(i+1, len(s)-1)
	return s[i] + (at-float64(i))*(s[j]-s[i])
}

func deviation(v []float64) float64 {
	var m, d mean
	for _, x := range v {
		m.add(x)
	}
	for _, x := range v {
		d.add((x - m.value()) * (x - m.value()))
	}
	return math.Sqrt(d.value())
}

// correlation is Pearson's; NaN where one of both does not change.
func correlation(a, b []float64) float64 {
	var ma, mb mean
	for i := range a {
		ma.add(a[i])
		mb.add(b[i])
	}
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma.value(), b[i]-mb.value()
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa <= 0 || bb <= 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}
