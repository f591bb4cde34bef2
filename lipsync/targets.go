package lipsync

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/speech"
)

// Mode is how the wanted shapes are found, by what is known.
type Mode string

// The modes, best first (reference trial, section 7).
const (
	// ModeEnsemble: words and a human voice, and the footage's own words and sound: the table, what
	// other people do, and what this person does, together.
	ModeEnsemble Mode = "ensemble"
	// ModeMix: words without a human voice, and the footage's own words.
	ModeMix Mode = "mix"
	// ModeTable: words, but not those of the footage.
	ModeTable Mode = "table"
	// ModeSound: no words; closed lips are then soft.
	ModeSound Mode = "sound"
)

// Parameters of the targets, all from the reference trial.
const (
	matched      = .75 // share of the histogram matching
	ridgePhones  = 100
	ridgeSound   = 400
	soundWindow  = 5 // frames at 25 a second
	mostGain     = 2.2
	teethPull    = .65
	teethOpen    = .25 // of the mean shape, beside the closed one
	closedFrom   = 1.6
	teethFrom    = 1.3
	leastLabels  = 4.0 // seconds of speech in the footage from which its own words teach
	priorGainLow = .8
	priorGainTop = 1.8
)

// said is what is to be said, or what was said in a clip: per frame.
type said struct {
	curves *speech.Curves
	sound  [][]float64 // features; nil without
	fps    float64
}

// targets are the wanted shapes.
func (l *library) targets(w *said, mode Mode) [][]float64 {
	c := w.curves
	var shapes [][]float64
	switch mode {
	case ModeTable:
		shapes = l.tableShapes(w)
	case ModeMix:
		own := l.teach(w, fromPhones)
		shapes = own.regained()
		for i, t := range l.tableShapes(&said{c, nil, w.fps}) {
			for k := range t {
				shapes[i][k] = (shapes[i][k] + t[k]) / 2
			}
		}
	case ModeEnsemble:
		a, b := l.teach(w, fromPhones), l.teach(w, fromBoth)
		sum := func(t, x, y []float64) []float64 {
			o := make([]float64, len(t))
			for k := range o {
				o[k] = (t[k] + x[k] + 2*y[k]) / 4
			}
			return o
		}
		e := taught{library: l, list: b.list}
		for i, t := range l.tableShapes(w) {
			e.new = append(e.new, sum(t, a.new[i], b.new[i]))
		}
		// The clips' own curves go through the same, so that what the means take away can be given back.
		tables := map[int][][]float64{}
		seenByPhones := map[int]int{}
		for k, i := range a.list {
			seenByPhones[i] = k
		}
		for k, i := range b.list {
			s := &l.list[i]
			if tables[s.clip] == nil {
				tables[s.clip] = l.tableShapes(l.clips[s.clip].said())
			}
			e.own = append(e.own, sum(tables[s.clip][s.face.Frame], a.own[seenByPhones[i]], b.own[k]))
		}
		shapes = e.regained()
	case ModeSound:
		shapes = l.soundShapes(w)
	}
	if mode != ModeSound {
		l.contacts(shapes, c)
	}
	pause := pauses(c, w.fps, 3)
	for i, p := range pause {
		towards(shapes[i], l.rest, p)
	}
	return shapes
}

// towards moves a shape to another by a share.
func towards(shape, to []float64, share float64) {
	for k := range shape {
		shape[k] += share * (to[k] - shape[k])
	}
}

// contacts puts in what a viewer cannot miss: lips that meet for p, b and m; the lower lip near the teeth for f
// and v.
func (l *library) contacts(shapes [][]float64, c *speech.Curves) {
	mean := l.meanShape(l.used)
	near := make([]float64, len(mean))
	for k := range near {
		near[k] = (1-teethOpen)*l.closed[k] + teethOpen*mean[k]
	}
	for i := range shapes {
		towards(shapes[i], near, teethPull*min(1, teethFrom*float64(c.Teeth[i])))
		towards(shapes[i], l.closed, min(1, closedFrom*float64(c.Close[i])))
	}
}

// said is what a clip's own words and sound say.
func (c *clip) said() *said { return &said{c.curves, c.sound, c.FPS} }

// tableShapes are what the hand-made table and other people's habits want, on the person's own range.
func (l *library) tableShapes(w *said) [][]float64 {
	own := l.ordinary()
	d := matchedTo(tableDescriptors(w.curves), own)
	t := Standard()
	phone := spreadTo(t.Phone.Rows(Context(w.curves, w.fps)), own)
	var sound [][]float64
	if w.sound != nil {
		sound = spreadTo(hannRows(t.Sound.Rows(w.sound), frames25(soundWindow, w.fps)), own)
	}
	out := make([][]float64, len(d))
	for i := range d {
		for k := range d[i] {
			if sound == nil {
				d[i][k] = (d[i][k] + phone[i][k]) / 2
			} else {
				d[i][k] = (d[i][k] + phone[i][k] + sound[i][k]) / 3
			}
		}
		out[i] = l.toShape(d[i])
	}
	return out
}

// frames25 is a width in frames, given at 25 frames a second; odd.
func frames25(n int, fps float64) int { return max(1, int(math.Round(float64(n)*fps/25))|1) }

// ordinary is how the person's own descriptors are distributed while they speak: ascending.
func (l *library) ordinary() [descriptors][]float64 {
	var out [descriptors][]float64
	if l.borrowed != nil {
		for _, r := range l.borrowed.Ordinary {
			for k, v := range r {
				out[k] = append(out[k], v)
			}
		}
		return out
	}
	for _, i := range l.speaking() {
		for k, v := range l.norm(l.list[i].desc) {
			out[k] = append(out[k], v)
		}
	}
	for k := range out {
		slices.Sort(out[k])
	}
	return out
}

// matchedTo brings the table's descriptors into the person's own distribution: what stands at quantile q of
// ordinary speech becomes the person's value at q, by three quarters.
func matchedTo(d [][]float64, own [descriptors][]float64) [][]float64 {
	ordinary := ordinarySpeech()
	for i := range d {
		for k, v := range d[i] {
			d[i][k] = matched*quantile(own[k], rank(ordinary[k], v)) + (1-matched)*v
		}
	}
	return d
}

// rank is where a value stands in an ascending series, 0…1, interpolated; the middle of those that equal it.
func rank(s []float64, v float64) float64 {
	n := len(s)
	if n < 2 || v <= s[0] && v < s[n-1] {
		return 0
	}
	if v >= s[n-1] {
		return 1
	}
	j, _ := slices.BinarySearchFunc(s, v, func(a, b float64) int {
		if a <= b {
			return -1
		}
		return 1
	}) // first above v
	i := j - 1
	return (float64(i) + (v-s[i])/(s[j]-s[i])) / float64(n-1)
}

// spreadTo gives descriptors that a mean of many people made timid the person's own middle and spread.
func spreadTo(d [][]float64, own [descriptors][]float64) [][]float64 {
	_, std := meanStd(d, descriptors)
	for k := range descriptors {
		var col []float64
		for i := range d {
			col = append(col, d[i][k])
		}
		middle := quantile(sorted(col), .5)
		mine := quantile(own[k], .5)
		_, s := meanStd(column(own[k]), 1)
		gain := min(max(s[0]/(std[k]+1e-6), priorGainLow), priorGainTop)
		for i := range d {
			d[i][k] = mine + gain*(d[i][k]-middle)
		}
	}
	return d
}

func column(v []float64) [][]float64 {
	out := make([][]float64, len(v))
	for i := range v {
		out[i] = v[i : i+1]
	}
	return out
}

// What the footage's own frames can teach from.
type source func(w *said) [][]float64

func fromPhones(w *said) [][]float64 {
	if w.curves == nil {
		return nil
	}
	return Context(w.curves, w.fps)
}

func fromSound(w *said) [][]float64 { return w.sound }

func fromBoth(w *said) [][]float64 {
	if w.curves == nil || w.sound == nil {
		return nil
	}
	rows := Context(w.curves, w.fps)
	for i := range rows {
		rows[i] = slices.Concat(rows[i], w.sound[i])
	}
	return rows
}

// taught are shapes that a ridge learned from the footage's own frames gives.
type taught struct {
	library *library
	list    []int       // the frames learned from
	own     [][]float64 // its shapes for them
	new     [][]float64 // its shapes for what is to be said
}

// teach learns from all clips of which enough is known.
func (l *library) teach(w *said, from source) *taught {
	t := &taught{library: l}
	var x, y [][]float64
	rows := make([][][]float64, len(l.clips))
	for ci := range l.clips {
		c := &l.clips[ci]
		if rows[ci] = from(c.said()); rows[ci] == nil {
			continue
		}
		for i := c.first; i < c.end; i++ {
			if s := &l.list[i]; s.good {
				t.list = append(t.list, i)
				x = append(x, rows[ci][min(s.face.Frame, len(rows[ci])-1)])
				y = append(y, s.shape)
			}
		}
	}
	lambda, window := float64(ridgePhones), 1
	if len(x[0]) > contextLength {
		lambda, window = ridgeSound, soundWindow
	}
	f := Ridge(x, y, lambda)
	t.new = hannRows(f.Rows(from(w)), frames25(window, w.fps))
	for ci := range l.clips {
		if rows[ci] == nil {
			continue
		}
		c := &l.clips[ci]
		out := hannRows(f.Rows(rows[ci]), frames25(window, c.FPS))
		for i := c.first; i < c.end; i++ {
			if s := &l.list[i]; s.good {
				t.own = append(t.own, out[min(s.face.Frame, len(out)-1)])
			}
		}
	}
	return t
}

// regained are the new shapes with the spread given back that least squares take away.
func (t *taught) regained() [][]float64 {
	dim := len(t.library.basis)
	var seen [][]float64
	for _, i := range t.list {
		seen = append(seen, t.library.list[i].shape)
	}
	mean, have := meanStd(seen, dim)
	_, got := meanStd(t.own, dim)
	out := newRows(len(t.new), dim)
	for i := range out {
		for k := range out[i] {
			gain := min(max(have[k]/(got[k]+1e-9), 1), mostGain)
			out[i][k] = mean[k] + gain*(t.new[i][k]-mean[k])
		}
	}
	return out
}

// soundShapes are wanted without words: the person's own habits, where the footage has sound, and other people's.
func (l *library) soundShapes(w *said) [][]float64 {
	t := Standard()
	general := func(w *said) [][]float64 {
		return hannRows(t.Sound.Rows(w.sound), frames25(soundWindow, w.fps))
	}
	if !l.hasSound() || l.borrowed != nil {
		d := spreadTo(general(w), l.ordinary())
		for i := range d {
			d[i] = l.toShape(d[i])
		}
		return d
	}
	own := l.teach(w, fromSound)
	other := general(w)
	for i := range own.new {
		towards(own.new[i], l.toShape(other[i]), .5)
	}
	rows := map[int][][]float64{}
	for k, i := range own.list {
		s := &l.list[i]
		if rows[s.clip] == nil {
			rows[s.clip] = general(l.clips[s.clip].said())
		}
		towards(own.own[k], l.toShape(rows[s.clip][min(s.face.Frame, len(rows[s.clip])-1)]), .5)
	}
	return own.regained()
}

// hasSound says whether any clip has sound of its own to learn from.
func (l *library) hasSound() bool {
	for i := range l.clips {
		if l.clips[i].sound != nil {
			return true
		}
	}
	return false
}

// restFrom is the length from which a pause is one in which the mouth rests, in seconds.
const restFrom = .35

// pauses is 1 inside long pauses and at silent ends, with ramps of this many frames inside the pause: the
// tenth of a second before speech belongs to its first sound.
func pauses(c *speech.Curves, fps float64, ramp int) []float64 {
	n := c.Len()
	w := make([]float64, n)
	for i := 0; i < n; {
		j := i
		for j < n && float64(c.Silence[j]) > silentFrame {
			j++
		}
		if j > i && (float64(j-i)/fps >= restFrom || i == 0 || j == n) {
			a, b := i+1, j-2
			if i == 0 {
				a = 0
			}
			if j == n {
				b = n
			}
			for k := a; k < b; k++ {
				w[k] = 1
			}
		}
		i = max(j, i+1)
	}
	return hann(w, ramp)
}
