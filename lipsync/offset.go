package lipsync

import (
	"math"

	"github.com/twinsync/twinsync/speech"
)

// How a clip's own sound and picture are found to be apart (reference trial).
const (
	offsetReach = .48 // seconds to either side: 12 frames at 25 a second
	offsetCost  = .2  // per second, of correlation: .008 a frame
	offsetTrust = .25 // correlation from which an offset is believed
)

// learnOffset finds by how many frames the clip's picture is late against its sound, and moves the clip's words and
// sound to where its picture is.
func (l *library) learnOffset(ci int) {
	c := &l.clips[ci]
	n := c.Analysis.Video.Frames
	if c.end > c.first {
		n = max(n, l.list[c.end-1].face.Frame+1)
	}
	open := make([]float64, n)
	have := make([]bool, n)
	for i := c.first; i < c.end; i++ {
		if s := &l.list[i]; s.good {
			open[s.face.Frame], have[s.face.Frame] = s.desc[0], true
		}
	}
	var features [][]float64
	if c.Sound != nil && c.Sound.Seconds() > 0 {
		features = widen(speech.SoundFeatures(*c.Sound, n, c.FPS))
	}
	var guess []float64
	if c.Timing != nil {
		for _, v := range speech.MouthCurves(c.Timing, n, c.FPS, 0).Jaw {
			guess = append(guess, float64(v))
		}
	} else if features != nil {
		rows := hannRows(Standard().Sound.Rows(features), frames25(soundWindow, c.FPS))
		for _, r := range rows {
			guess = append(guess, r[0])
		}
	}
	if guess != nil {
		c.offset, c.trust = bestLag(guess, open, have, c.FPS)
		if c.sure = c.trust > offsetTrust; !c.sure {
			c.offset = 0
		}
	}
	if c.Timing != nil {
		c.curves = speech.MouthCurves(c.Timing, n, c.FPS, -float64(c.offset)/c.FPS)
	}
	if features != nil {
		c.sound = c.moved(features)
	}
}

// moved are rows per frame of the sound moved to the frames of the picture.
func (c *clip) moved(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i := range out {
		out[i] = rows[min(max(i-c.offset, 0), len(rows)-1)]
	}
	return out
}

// bestLag is the lag in frames at which guess, moved later by it, agrees best with what was seen, and the
// correlation there less the lag's cost.
func bestLag(guess, open []float64, have []bool, fps float64) (lag int, trust float64) {
	reach := int(math.Round(offsetReach * fps))
	trust = math.Inf(-1)
	for d := -reach; d <= reach; d++ {
		var a, b []float64
		for i := range open {
			if k := i - d; have[i] && k >= 0 && k < len(guess) {
				a, b = append(a, guess[k]), append(b, open[i])
			}
		}
		if r := correlation(a, b) - offsetCost*math.Abs(float64(d))/fps; r > trust {
			lag, trust = d, r
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
