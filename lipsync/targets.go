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
	// ModeHeard: words and a human voice, and the footage's own sound without its words: the table, and what this
	// person does at such sounds.
	ModeHeard Mode = "table and sound"
	// ModeTable: words, and nothing of the footage's own speech.
	ModeTable Mode = "table"
	// ModeSound: no words; closed lips are then soft.
	ModeSound Mode = "sound"
)

// Parameters of the targets, from the reference trial where nothing else is said.
const (
	matched     = .75 // share of the histogram matching
	soundWindow = 5   // frames at 25 a second
	teethPull   = .65
	teethOpen   = .25 // of the mean shape, beside the closed one
	closedFrom  = 1.6
	teethFrom   = 1.3
	// Likelihood of a touch that begins to close lips, and that closes them: the opening's correlation is best here, and
	// p, b and m come out a seventh less open.
	touchFrom, touchFull = .12, .40
	leastLabels          = 4.0 // seconds of speech in the footage from which its own words teach
	priorGainLow         = .8
	priorGainTop         = 1.8
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
		shapes = l.taughtShapes(w, lesson{phones: true}, l.tableShapes)
	case ModeEnsemble:
		shapes = l.taughtShapes(w, lesson{phones: true, sound: true}, l.tableShapes)
	case ModeHeard:
		// What is said is known, what was said in the footage is not: there the sound alone says what is generally so.
		shapes = l.taughtShapes(w, lesson{sound: true}, func(w *said) [][]float64 {
			if w.curves == nil {
				return l.generalSound(w)
			}
			return l.tableShapes(w)
		})
	case ModeSound:
		if l.hasSound() && l.borrowed == nil {
			shapes = l.taughtShapes(w, lesson{sound: true}, l.generalSound)
		} else {
			shapes = spreadTo(l.generalDescriptors(w), l.ordinary(), w.spoken())
			for i := range shapes {
				shapes[i] = l.toShape(shapes[i])
			}
		}
	}
	if mode == ModeSound {
		l.touches(shapes, w)
	} else {
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

// touches closes lips where it is heard that they touch. Sound alone is never sure of it: the likelier, the further.
func (l *library) touches(shapes [][]float64, w *said) {
	_, touch := Standard().Heard(w.sound, w.fps)
	for i, p := range touch {
		towards(shapes[i], l.closed, min(max((p-touchFrom)/(touchFull-touchFrom), 0), 1))
	}
}

// said is what a clip's own words and sound say.
func (c *clip) said() *said { return &said{c.curves, c.sound, c.FPS} }

// tableShapes are what the hand-made table and other people's habits want, on the person's own range.
func (l *library) tableShapes(w *said) [][]float64 {
	own := l.ordinary()
	d := matchedTo(tableDescriptors(w.curves), own)
	t := Standard()
	on := w.spoken()
	phone := spreadTo(t.Phone.Rows(Context(w.curves, w.fps)), own, on)
	var sound [][]float64
	if w.sound != nil {
		heard, _ := t.Heard(w.sound, w.fps)
		sound = spreadTo(heard, own, on)
	}
	for i := range d {
		for k := range d[i] {
			if sound == nil {
				d[i][k] = (d[i][k] + phone[i][k]) / 2
			} else {
				d[i][k] = (d[i][k] + phone[i][k] + sound[i][k]) / 3
			}
		}
	}
	// A mean of several opinions is timid once more.
	d = spreadTo(d, own, on)
	for i := range d {
		d[i] = l.toShape(d[i])
	}
	return d
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

// spoken lists the frames in which something is said; all of them where that is hardly any.
func (w *said) spoken() []int {
	var on, all []int
	for i, v := range w.curves.Silence {
		if all = append(all, i); v < speakingUpTo {
			on = append(on, i)
		}
	}
	if len(on) <= 15 {
		return all
	}
	return on
}

// ownRange is the share of a person's own speech whose widest opening bounds what is wanted: what lies beyond was
// hardly filmed, and a mouth stretched to it shows torn teeth.
const ownRange = .98

// spreadTo gives descriptors that a mean of many people made timid the person's own middle and spread, by those frames
// in which something is said. It never leaves the person's own range.
func spreadTo(d [][]float64, own [descriptors][]float64, on []int) [][]float64 {
	for k := range descriptors {
		var col []float64
		for _, i := range on {
			col = append(col, d[i][k])
		}
		middle, mine := quantile(sorted(col), .5), quantile(own[k], .5)
		_, have := meanStd(column(col), 1)
		_, want := meanStd(column(own[k]), 1)
		gain := min(max(want[0]/(have[0]+1e-6), priorGainLow), priorGainTop)
		least, most := quantile(own[k], 1-ownRange), quantile(own[k], ownRange)
		for i := range d {
			d[i][k] = min(max(mine+gain*(d[i][k]-middle), least), most)
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
