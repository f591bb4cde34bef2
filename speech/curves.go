package speech

import "math"

// Curves say what a mouth must do, one value per frame of a video, on the person's own range: the middle of
// frame i is at (i+½)/fps.
type Curves struct {
	Jaw     []float32 // 0 shut … 1 as wide as the person's widest vowel
	Width   []float32 // 0 narrowest … 0.5 at rest … 1 broadest
	Round   []float32 // 0 … 1 lips forward as in "oo"
	Close   []float32 // share of the frame in which the lips must touch (p b m), 0…1
	Teeth   []float32 // share of the frame in which the lower lip must be at the upper teeth (f v), 0…1
	Silence []float32 // share of the frame in which nothing is said, 0…1
	Viseme  []Viseme  // what is said in the middle of the frame
}

// Len is the number of frames.
func (c *Curves) Len() int { return len(c.Jaw) }

func newCurves(n int) *Curves {
	f := func() []float32 { return make([]float32, n) }
	return &Curves{Jaw: f(), Width: f(), Round: f(), Close: f(), Teeth: f(), Silence: f(), Viseme: make([]Viseme, n)}
}

// Timing rules (in seconds) of the curves: from Cohen and Massaro's dominances and from what rule-based
// animation found to read well (JALI, Rhubarb).
const (
	curveRate     = 200  // steps per second in which the curves are drawn
	holdPause     = 0.12 // a shorter pause leaves the mouth as it is
	relaxPause    = 0.35 // a shorter pause lets it fall half shut
	relaxedJaw    = 0.08
	shortVowel    = 0.09 // a shorter vowel does not open all the way
	longVowel     = 1.12 // factor of the jaw at a length mark
	plateau       = 0.15 // share of a phone at each end in which it already gives way
	roundReach    = 1.4  // rounded lips start early and end late
	closureLead   = 0.01 // lips are shut before the sound of p b m begins
	closureLeast  = 0.08 // and for two frames of 25 per second at least, but not for more than half of the sound before
	forceless     = 0.05 // a held pause's pull
	leastForce    = 1e-6
	dominanceEnds = 14 // reaches after which a phone's pull is below one in a million
)

// stretch is one mouth shape and its time.
type stretch struct {
	viseme     Viseme
	start, end float64
	before     float64 // length of the one before, in seconds
	long       bool    // marked long
}

// stretches lays out a timing's mouth shapes without gaps from 0 to at least until.
func stretches(t *Timing, until float64) []stretch {
	var out []stretch
	at := 0.0
	add := func(s stretch) {
		if s.end <= s.start {
			return
		}
		if n := len(out); n > 0 && s.viseme == VisemeSilence && out[n-1].viseme == VisemeSilence {
			out[n-1].end = s.end
			return
		} else if n > 0 {
			s.before = out[n-1].end - out[n-1].start
		}
		out = append(out, s)
	}
	if t != nil {
		for _, p := range t.Phones {
			if p.Start > at {
				add(stretch{start: at, end: p.Start})
			}
			from := math.Max(p.Start, at)
			span := p.End - from
			long := isLong(p.IPA)
			for _, q := range parts(p.IPA) {
				to := from + q.share*span
				add(stretch{viseme: q.viseme, start: from, end: to, long: long})
				from = to
			}
			at = math.Max(at, p.End)
		}
	}
	if at < until {
		add(stretch{start: at, end: until})
	}
	return out
}

func isLong(ipa string) bool {
	for _, r := range ipa {
		if r == 'ː' || r == ':' {
			return true
		}
	}
	return false
}

// MouthCurves says what a mouth must do in each of n frames when t is said: each sound's shape pulls with a
// dominance that falls off to both sides (Cohen and Massaro, 1993), and what a viewer cannot miss (lips that
// touch, teeth on the lip) is flagged beside it. lead is by how many seconds the lips run ahead of the sound,
// as they do in nature. A nil timing is silence.
func MouthCurves(t *Timing, n int, fps, lead float64) *Curves {
	c := newCurves(max(n, 0))
	if n <= 0 || fps <= 0 {
		return c
	}
	length := float64(n)/fps + 1
	d := newDrawing(int(math.Ceil(length * curveRate)))
	for _, s := range stretches(t, length) {
		d.pull(s)
	}
	half := max(1, int(curveRate/fps/2))
	for i := range n {
		at := min(max(int(((float64(i)+0.5)/fps+lead)*curveRate), 0), d.n-1)
		lo, hi := max(0, at-half), min(d.n, at+half)
		hi = max(hi, lo+1)
		d.mean(c, i, lo, hi)
		c.Viseme[i] = d.viseme[at]
	}
	return c
}

// drawing gathers the pulls in steps of 1/curveRate seconds.
type drawing struct {
	n                 int
	jaw, width, round []float64 // weighted sums
	jawPull, lipPull  []float64 // the sums of the weights
	shut, teeth       []float64 // 0 or 1
	viseme            []Viseme
}

func newDrawing(n int) *drawing {
	f := func() []float64 { return make([]float64, n) }
	d := &drawing{n: n, jaw: f(), width: f(), round: f(), jawPull: f(), lipPull: f(), shut: f(), teeth: f(), viseme: make([]Viseme, n)}
	for i := range n {
		d.jawPull[i], d.lipPull[i] = leastForce, leastForce
	}
	return d
}

// step is the first step at or after t.
func (d *drawing) step(t float64) int { return min(max(int(math.Ceil(t*curveRate-1e-9)), 0), d.n) }

func (d *drawing) pull(s stretch) {
	l := looks[s.viseme]
	span := s.end - s.start
	switch s.viseme {
	case VisemeSilence:
		if span < holdPause {
			l.jawForce, l.lipForce = forceless, forceless
		} else if span < relaxPause {
			l.jaw = relaxedJaw
		}
	case VisemeA, VisemeUh, VisemeE, VisemeO:
		if span < shortVowel {
			l.jaw *= 0.7 + 0.3*span/shortVowel
		}
	}
	if s.long {
		l.jaw = math.Min(1, l.jaw*longVowel)
	}
	lipReach := l.reach
	if s.viseme.rounded() {
		lipReach *= roundReach
	}
	flat := plateau * span
	for i := d.step(s.start - dominanceEnds*lipReach); i < d.step(s.end+dominanceEnds*lipReach); i++ {
		t := float64(i) / curveRate
		away := math.Max(0, math.Max(s.start+flat-t, t-(s.end-flat)))
		jaw, lips := l.jawForce*math.Exp(-away/l.reach), l.lipForce*math.Exp(-away/lipReach)
		d.jaw[i] += jaw * l.jaw
		d.jawPull[i] += jaw
		d.width[i] += lips * l.width
		d.round[i] += lips * l.round
		d.lipPull[i] += lips
	}
	from, to := d.step(s.start), d.step(s.end)
	for i := from; i < to; i++ {
		d.viseme[i] = s.viseme
	}
	switch s.viseme {
	case VisemeClosed:
		early := max(closureLead, min(closureLeast-span, s.before/2))
		for i := d.step(s.start - early); i < to; i++ {
			d.shut[i] = 1
		}
	case VisemeBitten:
		for i := from; i < to; i++ {
			d.teeth[i] = 1
		}
	}
}

// mean writes the mean over the steps from lo to before hi as frame i.
func (d *drawing) mean(c *Curves, i, lo, hi int) {
	var jaw, width, round, shut, teeth, silent float64
	for k := lo; k < hi; k++ {
		jaw += d.jaw[k] / d.jawPull[k]
		width += d.width[k] / d.lipPull[k]
		round += d.round[k] / d.lipPull[k]
		shut += d.shut[k]
		teeth += d.teeth[k]
		if d.viseme[k] == VisemeSilence {
			silent++
		}
	}
	n := float64(hi - lo)
	c.Jaw[i], c.Width[i], c.Round[i] = float32(jaw/n), float32(width/n), float32(round/n)
	c.Close[i], c.Teeth[i], c.Silence[i] = float32(shut/n), float32(teeth/n), float32(silent/n)
}
