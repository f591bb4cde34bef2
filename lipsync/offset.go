package lipsync

import (
	"math"

	"github.com/twinsync/twinsync/speech"
)

// How a clip's own sound and picture are found to be apart (reference trial).
const (
	offsetReach = .48 // seconds to either side: 12 frames at 25 a second
	offsetCost  = .2  // per second, of correlation: .008 a frame
	// The correlation from which an offset is believed, and what is added to it over the seconds seen. Found by giving
	// four talkers each other's sound: of three seconds a tenth reach 0.32 by chance, of eight none 0.28; their
	// own sound has 0.39 and 0.46 in nine of ten cases.
	offsetTrust, offsetChance = .20, .6
	// The opening says most; the width, which words and sound tell as well, settles it in short clips.
	offsetOpening = .6
)

// learnOffset finds by how many frames the clip's picture is late against its sound, and moves the clip's words and
// sound to where its picture is. Where the mouth does not move with the sound at all, nothing is learned from
// either: it may be another's voice.
func (l *library) learnOffset(ci int) {
	c := &l.clips[ci]
	n := c.ticks
	have := make([]bool, n)
	var mouth [2][]float64 // opening and width as seen
	for k := range mouth {
		mouth[k] = make([]float64, n)
	}
	for i := c.first; i < c.end; i++ {
		if s := &l.list[i]; s.good {
			have[s.tick] = true
			for k := range mouth {
				mouth[k][s.tick] = s.desc[k]
			}
		}
	}
	var features [][]float64
	if c.Sound != nil && c.Sound.Seconds() > 0 {
		features = widen(speech.SoundFeatures(*c.Sound, n, c.FPS))
	}
	if guess := c.guess(n, features); guess != nil {
		var seconds float64
		for _, on := range have {
			if on {
				seconds += 1 / c.FPS
			}
		}
		if c.Timing == nil {
			seconds = min(seconds, c.Sound.Seconds())
		}
		c.offset, c.trust = bestLag(guess, mouth, have, c.FPS)
		c.sure = c.trust > offsetTrust+offsetChance/seconds
	}
	if !c.sure {
		c.offset = 0
		return
	}
	if c.Timing != nil {
		c.curves = speech.MouthCurves(c.Timing, n, c.FPS, -float64(c.offset)/c.FPS)
	}
	if features != nil {
		c.sound = c.moved(features)
	}
	c.silence = c.whenSilent(n)
}

// whenSilent is the share of each frame in which nothing is said, by the words or else by the sound's level.
func (c *clip) whenSilent(n int) []float32 {
	if c.curves != nil {
		return c.curves.Silence
	}
	heard := speech.SoundCurves(*c.Sound, n, c.FPS).Silence
	out := make([]float32, n)
	for i := range out {
		out[i] = heard[min(max(i-c.offset, 0), n-1)]
	}
	return out
}

// moved are rows per frame of the sound moved to the frames of the picture.
func (c *clip) moved(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i := range out {
		out[i] = rows[min(max(i-c.offset, 0), len(rows)-1)]
	}
	return out
}

// guess is what the clip's own words and sound say about opening and width in each of its n frames, as
// several people's habits have it; nil where there is neither.
func (c *clip) guess(n int, features [][]float64) *[2][]float64 {
	t := Standard()
	var from [][][]float64
	if c.Timing != nil {
		curves := speech.MouthCurves(c.Timing, n, c.FPS, 0)
		from = append(from, tableDescriptors(curves), t.Phone.Rows(Context(curves, c.FPS)))
	}
	if features != nil {
		heard, _ := t.Heard(features, c.FPS)
		from = append(from, heard)
	}
	if from == nil {
		return nil
	}
	var out [2][]float64
	for k := range out {
		out[k] = make([]float64, n)
	}
	for _, rows := range from {
		_, std := meanStd(rows, descriptors)
		for k := range out {
			for i := range rows {
				out[k][i] += rows[i][k] / (std[k] + 1e-6)
			}
		}
	}
	return &out
}

// bestLag is the lag in frames at which the guess, moved later by it, agrees best with what was seen, and the
// correlation there less the lag's cost.
func bestLag(guess *[2][]float64, seen [2][]float64, have []bool, fps float64) (lag int, trust float64) {
	reach := int(math.Round(offsetReach * fps))
	trust = math.Inf(-1)
	for d := -reach; d <= reach; d++ {
		agree := -offsetCost * math.Abs(float64(d)) / fps
		for k, share := range [2]float64{offsetOpening, 1 - offsetOpening} {
			var a, b []float64
			for i, v := range seen[k] {
				if j := i - d; have[i] && j >= 0 && j < len(guess[k]) {
					a, b = append(a, guess[k][j]), append(b, v)
				}
			}
			agree += share * correlation(a, b)
		}
		if agree > trust {
			lag, trust = d, agree
		}
	}
	return lag, trust
}

func widen(rows [][]float32) [][]float64 {
	if len(rows) == 0 {
		return nil
	}
	out := newRows(len(rows), len(rows[0]))
	for i, r := range rows {
		for k, v := range r {
			out[i][k] = float64(v)
		}
	}
	return out
}
