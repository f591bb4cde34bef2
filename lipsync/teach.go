package lipsync

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/speech"
)

// How the footage's own frames teach. The kernels and what is done about other voices were found by trial on two
// talkers, half of each clip learned from and the other half compared (correlation of the opening with
// truth: linear ridge 0.54, with a voice a fifth higher 0.46; these 0.60 and 0.59).
const (
	phoneGamma, soundGamma = .3, .6
	kernelLambda           = .05 // with words; for sound alone soundLambda
	soundLambda            = .1
	mostTaught             = 400  // frames learned from with words
	mostHeard              = 200  // and by sound alone, where each counts once per voice
	mostTried              = 2000 // frames on which the result is tried
	triedRun               = 250  // of them in one piece
	mostGain               = 2.2
	// Seconds of the footage's own speech after which it says as much as the table and what people do in general.
	taughtAfter = 6.0
)

// strangers are the factors of pitch and formants in which the footage's own voice is also learned from, so that what is
// learned holds for other voices (vocal tracts of men and women differ by about a fifth).
var strangers = [...]float64{.8, .9, 1.1, 1.25}

// lesson says what is learned from.
type lesson struct{ phones, sound bool }

func (o lesson) groups() []group {
	var g []group
	at := 0
	if o.phones {
		g = append(g, group{0, contextLength, phoneGamma})
		at = contextLength
	}
	if o.sound {
		g = append(g, group{at, at + speech.SoundFeatureLength, soundGamma})
	}
	return g
}

func (o lesson) lambda() float64 {
	if o.phones {
		return kernelLambda
	}
	return soundLambda
}

// rows are what is said and heard in each frame; nil where that is not known.
func (o lesson) rows(w *said, sound [][]float64) [][]float64 {
	switch {
	case o.phones && w.curves == nil || o.sound && sound == nil:
		return nil
	case !o.sound:
		return Context(w.curves, w.fps)
	case !o.phones:
		return sound
	}
	rows := Context(w.curves, w.fps)
	for i := range rows {
		rows[i] = slices.Concat(rows[i], sound[i])
	}
	return rows
}

// class is what can be learned from: frames with what is said and heard there.
type class struct {
	l       *library
	o       lesson
	frames  []int                 // indices into list, in pieces that follow one another
	rows    map[int][][]float64   // by clip, per frame of it
	strange map[int][][][]float64 // likewise, once per stranger
}

func (l *library) class(o lesson) *class {
	c := &class{l: l, o: o, rows: map[int][][]float64{}, strange: map[int][][][]float64{}}
	for ci := range l.clips {
		k := &l.clips[ci]
		rows := o.rows(k.said(), k.sound)
		if rows == nil {
			continue
		}
		c.rows[ci] = rows
		if o.sound {
			for _, f := range strangers {
				c.strange[ci] = append(c.strange[ci], o.rows(k.said(), k.strange(f, len(rows))))
			}
		}
		for i := k.first; i < k.end; i++ {
			if l.list[i].good && l.list[i].tick < len(rows) {
				c.frames = append(c.frames, i)
			}
		}
	}
	if n := len(c.frames); n > mostTried {
		var kept []int
		for r := range mostTried / triedRun {
			at := r * (n - triedRun) / (mostTried/triedRun - 1)
			kept = append(kept, c.frames[at:at+triedRun]...)
		}
		slices.Sort(kept)
		c.frames = slices.Compact(kept)
	}
	return c
}

// strange is how the clip would sound with another voice: features of n frames. The sound is played that much faster,
// and listened to that much earlier.
func (c *clip) strange(factor float64, n int) [][]float64 {
	s := speech.Sound{Rate: max(1, int(math.Round(float64(c.Sound.Rate)*factor))), Samples: c.Sound.Samples}
	rows := widen(speech.SoundFeatures(s, n, c.FPS*float64(s.Rate)/float64(c.Sound.Rate)))
	return c.moved(rows)
}

// learn learns from some of the frames.
func (c *class) learn(frames []int, most int) *kernelMap {
	var x, y [][]float64
	take := func(i int, rows [][]float64) {
		s := &c.l.list[i]
		x = append(x, rows[s.tick])
		y = append(y, s.shape)
	}
	frames = some(frames, most)
	for k, i := range frames {
		ci := c.l.list[i].clip
		take(i, c.rows[ci])
		switch {
		case !c.o.sound:
		case c.o.phones:
			take(i, c.strange[ci][k%len(strangers)])
		default:
			for _, rows := range c.strange[ci] {
				take(i, rows)
			}
		}
	}
	lambda := c.o.lambda() * float64(len(x)) / float64(len(frames))
	return learnKernel(x, y, c.o.groups(), lambda)
}

// most is how many frames are learned from.
func (o lesson) most() int {
	if o.phones {
		return mostTaught
	}
	return mostHeard
}

// smooth smooths shapes that sound had a part in.
func (o lesson) smooth(shapes [][]float64, fps float64) [][]float64 {
	if !o.sound {
		return shapes
	}
	return hannRows(shapes, frames25(soundWindow, fps))
}

// tried are the shapes of all frames, each learned from the other half of them.
func (c *class) tried() [][]float64 {
	out := make([][]float64, 0, len(c.frames))
	half := len(c.frames) / 2
	for _, part := range [2][2][]int{{c.frames[:half], c.frames[half:]}, {c.frames[half:], c.frames[:half]}} {
		asked, from := part[0], part[1]
		m := c.learn(from, c.o.most()/2)
		for i := 0; i < len(asked); {
			j := i
			var rows [][]float64
			first := &c.l.list[asked[i]]
			for j < len(asked) && asked[j] == asked[i]+j-i && c.l.list[asked[j]].clip == first.clip {
				rows = append(rows, c.rows[first.clip][c.l.list[asked[j]].tick])
				j++
			}
			out = append(out, c.o.smooth(m.of(rows), c.l.clips[first.clip].FPS)...)
			i = j
		}
	}
	return out
}

// seconds is how long something is said in what can be learned from.
func (c *class) seconds() float64 {
	var sum float64
	for _, i := range c.frames {
		s := &c.l.list[i]
		if k := &c.l.clips[s.clip]; at(k.silence, s.tick) < speakingUpTo {
			sum += 1 / k.FPS
		}
	}
	return sum
}

// taughtShapes are what the footage's own frames teach, together with a share of what is generally so, the smaller the more it has taught, and with the
// spread of the opening given back that means take away; no wider than the footage shows them.
func (l *library) taughtShapes(w *said, o lesson, general func(*said) [][]float64) [][]float64 {
	c := l.class(o)
	share := taughtAfter / (taughtAfter + c.seconds())
	out := o.smooth(c.learn(c.frames, o.most()).of(o.rows(w, w.sound)), w.fps)
	for i, g := range general(w) {
		towards(out[i], g, share)
	}
	tried := c.tried()
	rows := map[int][][]float64{}
	var have, got []float64
	var seen [][]float64
	for k, i := range c.frames {
		s := &l.list[i]
		if rows[s.clip] == nil {
			rows[s.clip] = general(l.clips[s.clip].said())
		}
		towards(tried[k], rows[s.clip][s.tick], share)
		have, got = append(have, l.opening(s.shape)), append(got, l.opening(tried[k]))
		seen = append(seen, s.shape)
	}
	_, a := meanStd(column(have), 1)
	_, b := meanStd(column(got), 1)
	gain := min(max(a[0]/(b[0]+1e-9), 1), mostGain)
	mean, _ := meanStd(seen, len(l.basis))
	middle, most := l.opening(mean), quantile(sorted(have), ownRange)
	for i := range out {
		share := gain
		if o := l.opening(out[i]) - middle; gain*o > most-middle {
			share = (most - middle) / o
		}
		for k := range out[i] {
			out[i][k] = mean[k] + share*(out[i][k]-mean[k])
		}
	}
	return out
}

// generalDescriptors are what other people's mouths do at such sounds.
func (l *library) generalDescriptors(w *said) [][]float64 {
	unit, _ := Standard().Heard(w.sound, w.fps)
	return unit
}

func (l *library) generalSound(w *said) [][]float64 {
	d := l.generalDescriptors(w)
	for i := range d {
		d[i] = l.toShape(d[i])
	}
	return d
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
