package lipsync

import (
	"fmt"
	"math"

	"github.com/twinsync/twinsync/fault"
)

// Fit is a way to bring footage and voice to one length. The words are those that callers of such services know.
type Fit string

// The ways.
const (
	CutOff  Fit = "cut_off" // what is longer ends with what is shorter
	Loop    Fit = "loop"    // the picture begins again
	Bounce  Fit = "bounce"  // the picture goes back and forth
	Silence Fit = "silence" // a voice that is shorter is followed by silence; the picture stays whole
	Remap   Fit = "remap"   // the picture is stretched within natural bounds, and bounces where that is not enough
)

// Validate says whether it is one of the ways.
func (f Fit) Validate() error {
	switch f {
	case CutOff, Loop, Bounce, Silence, Remap:
		return nil
	}
	return fault.New(fault.InvalidField, "fit", "there is no way %q to fit the lengths", string(f)).
		WithHint("Use %s, %s, %s, %s or %s.", CutOff, Loop, Bounce, Silence, Remap)
}

// Bounds of how far a frame's time may be stretched (Remap): beyond, slow or quick heads are noticed.
const (
	leastStretch, mostStretch = .8, 1.25
	// The bound of the whole is a little narrower, so that still moments can take more than others.
	leastWhole, mostWhole = .85, 1.18
)

// Length is how many frames the result has, when the footage has m and the voice n.
func (f Fit) Length(m, n int) int {
	switch f {
	case CutOff:
		return min(m, n)
	case Silence:
		return max(m, n)
	}
	return n
}

// Moment is what a frame of footage has to say about turning or stretching time there.
type Moment struct {
	Shot int
	// Seen tells whether the head is in the frame; the rest means nothing where it is not.
	Seen bool
	// Head is where the head's outer eye corners and its nose's root lie (x, y each), in widths of the face.
	Head [6]float32
	// Lids is how open the eyes are, 1 as the person mostly has them.
	Lids float32
}

// Times in seconds.
const (
	turnSearch  = 1.0  // from the end of the footage in which the best place to turn is looked for
	turnStill   = .12  // around a turn in which the head should be still
	cutMargin   = .10  // next to a cut, where nothing turns
	blinkMargin = .08  // next to a blink
	leastSwing  = 2.0  // of the stretch in which the picture goes back and forth, where the shot has as much
	leastLoop   = 1.0  // of what plays between two joins of a loop
	shutLids    = .6   // of the usual opening, under which the eyes blink
	mostJoin    = .035 // face widths: a join of a loop that moves the head farther is seen
)

// Frames gives for each of n frames of the result the footage's frame that it shows. moments are the footage's, one
// per frame; quiet tells, for frames of the result, that nobody speaks there (nil: it is not known). notes are
// sentences for the user.
//
// Nothing turns inside a cut or a blink, or is played across a cut backwards where the last shot is long enough to
// stay in it. The same input gives the same result.
func (f Fit) Frames(moments []Moment, n int, fps float64, quiet []bool) (base []int, notes []string) {
	m := len(moments)
	switch {
	case n <= 0 || m == 0:
		return nil, nil
	case f == Remap && n != m && float64(n) >= leastWhole*float64(m) && float64(n) <= mostWhole*float64(m):
		return stretch(moments, n, quiet), nil
	case n <= m:
		first := begin(moments, n)
		if first > 0 {
			notes = append(notes, fmt.Sprintf("the result begins at %.1f s of the video, because the person who speaks is not seen before", float64(first)/fps))
		}
		return from(first, n), notes
	}
	w := swing{moments: moments, fps: fps, slow: stillness(moments, fps)}
	if f == Loop {
		if from, to, ok := w.join(); ok {
			return w.loop(from, to, n), nil
		}
		notes = append(notes, "the end and the beginning of the video do not fit together anywhere; it plays back and forth instead of in a loop")
	}
	if f == Silence {
		notes = append(notes, fmt.Sprintf("the voice is %.1f s longer than the video, which plays back and forth for that time", float64(n-m)/fps))
	}
	return w.bounce(n), notes
}

func from(first, n int) []int {
	base := make([]int, n)
	for i := range base {
		base[i] = first + i
	}
	return base
}

// enoughSeen is the share of a result's frames in which the speaker is to be seen for it to begin with the footage.
const enoughSeen = .8

// begin is the frame at which a result of n frames, fewer than there are, begins: the first, unless the head is not
// in enough of what follows; then the start of the shot, or any frame, from which it is in most.
func begin(moments []Moment, n int) int {
	seen := make([]int, len(moments)+1) // before each frame
	for i := range moments {
		seen[i+1] = seen[i]
		if moments[i].Seen {
			seen[i+1]++
		}
	}
	if float64(seen[n]) >= enoughSeen*float64(n) {
		return 0
	}
	best, most := 0, float64(seen[n])
	for i := 1; i+n <= len(moments); i++ {
		count := float64(seen[i+n] - seen[i])
		if moments[i].Shot != moments[i-1].Shot {
			count += .1 * float64(n) // a cut is where a result can well begin
		}
		if count > most {
			best, most = i, count
		}
	}
	return best
}

// speed is how far the head moves from moment i to i+1, in face widths; unseen heads move by unseenSpeed.
func speed(moments []Moment, i int) float64 {
	if i < 0 || i+1 >= len(moments) {
		return 0
	}
	a, b := &moments[i], &moments[i+1]
	if a.Shot != b.Shot || !a.Seen || !b.Seen {
		return unseenSpeed
	}
	return apart(a, b)
}

// unseenSpeed is what is taken for the speed of a head that is not seen: the rest of the picture may move.
const unseenSpeed = .05

// apart is the distance of two heads: the mean of their points'.
func apart(a, b *Moment) float64 {
	var sum float64
	for k := 0; k < len(a.Head); k += 2 {
		sum += math.Hypot(float64(a.Head[k]-b.Head[k]), float64(a.Head[k+1]-b.Head[k+1]))
	}
	return sum / float64(len(a.Head)/2)
}

// stillness is how little the head moves around each moment: the mean speed over turnStill on either side.
func stillness(moments []Moment, fps float64) []float64 {
	reach := max(1, int(turnStill*fps+.5))
	out := make([]float64, len(moments))
	for i := range out {
		n := 0
		for k := i - reach; k < i+reach; k++ {
			if k >= 0 && k+1 < len(moments) {
				out[i] += speed(moments, k)
				n++
			}
		}
		out[i] /= float64(max(n, 1))
	}
	return out
}

// swing looks for places at which the picture can turn or jump.
type swing struct {
	moments []Moment
	fps     float64
	slow    []float64 // of stillness
}

func (w *swing) frames(seconds float64) int { return max(1, int(seconds*w.fps+.5)) }

// bad is what speaks against frame i: movement, and much more a cut or a blink.
func (w *swing) bad(i int) float64 {
	b := w.slow[i]
	near := w.frames(cutMargin)
	for k := max(0, i-near); k <= min(len(w.moments)-1, i+near); k++ {
		if w.moments[k].Shot != w.moments[i].Shot {
			b += 1
			break
		}
	}
	near = w.frames(blinkMargin)
	for k := max(0, i-near); k <= min(len(w.moments)-1, i+near); k++ {
		if w.moments[k].Seen && w.moments[k].Lids < shutLids {
			b += .5
			break
		}
	}
	return b
}

// best is the frame from lo to hi (both included) at which the picture turns best; the one nearer to keep of two as good.
func (w *swing) best(lo, hi, keep int) int {
	at, least := keep, math.Inf(1)
	for i := lo; i <= hi; i++ {
		// A hundredth of a face width per second of footage given up.
		b := w.bad(i) + .01*math.Abs(float64(i-keep))/w.fps
		if b < least {
			at, least = i, b
		}
	}
	return at
}

// stage is the stretch in which the picture goes back and forth: the last shot, and those before it while it
// is short.
func (w *swing) stage() (first int) {
	last := len(w.moments) - 1
	first = last
	for first > 0 && (w.moments[first-1].Shot == w.moments[first].Shot || last-first < w.frames(leastSwing)) {
		first--
	}
	return first
}

// bounce plays everything, then back and forth within the stage.
func (w *swing) bounce(n int) []int {
	last := len(w.moments) - 1
	first := w.stage()
	// Half of a short stage is left to play in.
	reach := min(w.frames(turnSearch), (last-first)/3)
	top := w.best(last-reach, last, last)
	low := w.best(first, first+reach, first)
	base := make([]int, 0, n)
	for i := 0; i <= top && len(base) < n; i++ {
		base = append(base, i)
	}
	if top <= low { // a single frame
		for len(base) < n {
			base = append(base, top)
		}
		return base
	}
	for at, step := top, -1; len(base) < n; {
		at += step
		base = append(base, at)
		if at == low || at == top {
			step = -step
		}
	}
	return base
}

// join finds where the picture can jump back unseen: from frame from to frame to.
func (w *swing) join() (from, to int, ok bool) {
	last := len(w.moments) - 1
	first := w.stage()
	reach := min(w.frames(turnSearch), (last-first)/3)
	least := math.Inf(1)
	for i := last - reach; i <= last; i++ {
		for k := first; k <= first+reach; k++ {
			a, b := &w.moments[i], &w.moments[k]
			if i-k < w.frames(leastLoop) || !a.Seen || !b.Seen {
				continue
			}
			// The jump itself, and the change of speed at it.
			d := apart(a, b)
			c := d + math.Abs(w.slow[i]-w.slow[k]) + .2*(w.bad(i)-w.slow[i]+w.bad(k)-w.slow[k])
			if d <= mostJoin && c < least {
				from, to, least = i, k, c
			}
		}
	}
	return from, to, !math.IsInf(least, 1)
}

// loop plays to from, and from to on again, over and over.
func (w *swing) loop(from, to, n int) []int {
	base := make([]int, 0, n)
	for at := 0; len(base) < n; at++ {
		if at > from {
			at = to + 1 // frame to looks like from, which was just shown
		}
		base = append(base, at)
	}
	return base
}

// stretch spreads the footage over n frames: every moment may take leastStretch to mostStretch of its time, and
// those take most in which the head is still and nobody speaks.
func stretch(moments []Moment, n int, quiet []bool) []int {
	m := len(moments)
	ratio := float64(n) / float64(m)
	willing := make([]float64, m)
	for i := range willing {
		// A hundredth of a face width from frame to frame is a slow nod.
		willing[i] = .01 / (.01 + speed(moments, i))
		if k := int(float64(i) * ratio); k < len(quiet) && !quiet[k] {
			willing[i] *= .4
		}
	}
	share := func(c float64, i int) float64 {
		return min(max(1+c*willing[i], leastStretch), mostStretch)
	}
	// The sum grows with c; at the ends every moment takes all that it may.
	lo, hi := -1e3, 1e3
	for range 60 {
		mid := (lo + hi) / 2
		var sum float64
		for i := range willing {
			sum += share(mid, i)
		}
		if sum < float64(n) {
			lo = mid
		} else {
			hi = mid
		}
	}
	base := make([]int, 0, n)
	end := 0.0
	for i := range willing {
		end += share(hi, i)
		for len(base) < n && float64(len(base))+.5 <= end {
			base = append(base, i)
		}
	}
	for len(base) < n { // rounding
		base = append(base, m-1)
	}
	return base
}
