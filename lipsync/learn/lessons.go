package main

import (
	"math"
	"slices"

	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/speech"
)

// throats are the factors of pitch and formants in which every voice is listened to, its own first: what is learned shall
// hold for anybody's throat (those of men and women differ by about a fifth).
var throats = [...]float64{1, .8, .9, 1.1, 1.25}

// clipWeight is what a frame with a picture counts beside one without.
const clipWeight = 10

// Places in a Context: the frame itself is the fourth of seven moments, and has jaw, width, round, close, teeth and
// silence.
const (
	curveKeys = 6
	curves    = 3 * curveKeys
	closing   = curves + 3
	silence   = curves + 5
)

// penalties are the ridge's for each input of a Context: what is said in a frame says most, what comes soon says more
// than what was, since lips go ahead.
func penalties() []float64 {
	var out []float64
	for _, p := range [...]float64{1e5, 3000, 600, 60, 100, 300, 1000} {
		for range curveKeys {
			out = append(out, p)
		}
	}
	return out
}

// learn makes the tables from all clips and voices but those of the clip that is left out.
func learn(clips []*clip, voices []*voice, without *clip) *lipsync.Tables {
	t := new(lipsync.Tables)
	var said, shown [][]float64
	var people []*lipsync.Watched
	for _, c := range clips {
		if c == without || c.use != "clip" {
			continue
		}
		said, shown = append(said, c.said...), append(shown, c.seen.Descriptors...)
		people = append(people, c.seen)
	}
	t.Phone = *lipsync.Ridge(said, shown, penalties())
	t.Geometry = lipsync.NewGeometry(people)

	// Who is only heard moves the lips as the words have it.
	var rows []row
	for _, v := range voices {
		for i, what := range v.said {
			out := append(t.Phone.Of(what), frame(what)...)
			for _, h := range v.heard {
				rows = append(rows, row{h[i], out, 1})
			}
		}
	}
	for _, c := range clips {
		if c == without || c.use != "clip" {
			continue
		}
		for i, d := range c.seen.Descriptors {
			out := append(slices.Clone(d), frame(c.said[i])...)
			for _, f := range throats {
				rows = append(rows, row{c.heard[f][i], out, clipWeight})
			}
		}
	}
	t.Sound = learnNet(rows, steps)
	// All the words' curves were asked for, because what serves them serves the mouth; only the closing is of use.
	keep := []int{0, 1, 2, 3, 4 + closing - curves}
	for u, w := range t.Sound.Weights {
		t.Sound.Weights[u] = picked(w, keep)
	}
	t.Sound.Offset = picked(t.Sound.Offset, keep)
	return t
}

// frame is what a Context says about the frame itself.
func frame(said []float64) []float64 { return said[curves : curves+curveKeys] }

func picked(v []float64, keep []int) []float64 {
	var out []float64
	for _, k := range keep {
		out = append(out, v[k])
	}
	return out
}

// listen takes the features of n frames of a sound, in another throat: played faster by a factor and listened to that much
// earlier.
func listen(s speech.Sound, n int, fps, factor float64) [][]float64 {
	x := speech.Sound{Rate: int(math.Round(float64(s.Rate) * factor)), Samples: s.Samples}
	out := make([][]float64, 0, n)
	for _, r := range speech.SoundFeatures(x, n, fps*float64(x.Rate)/float64(s.Rate)) {
		w := make([]float64, len(r))
		for k, v := range r {
			w[k] = float64(v)
		}
		out = append(out, w)
	}
	return out
}
