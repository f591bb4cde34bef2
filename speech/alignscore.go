package speech

import (
	"math"
	"slices"
)

// ScoreFits is the Score of an alignment from which on the words are taken for those of the recording. It leans
// towards believing whoever brings a transcript.
const ScoreFits = 0.5

// How the score is put together, from right and wrong transcripts of four synthetic voices (20 to 600 phones
// each) and of nine recordings of people in four languages: the likeness of a right one is 0.69 to 0.97, of a
// wrong one 0.35 to 0.73, and up to 0.83 where there is so much of it that models can be fitted to anything.
const (
	unevenPrice = 0.2  // off the likeness, for lengths that vary by a factor of e around the synthetic voice's
	usualUneven = 0.6  // the natural logarithm of lengths varies so much between two good speakers
	shortPrice  = 0.15 // off the likeness, where all phones are as short as can be
	usualShort  = 0.2
	fitsAt      = 0.66 // the likeness that just fits, for fitsPhones phones …
	fitsPhones  = 60
	fitsMore    = 0.057 // … and so much more for twice as many,
	fitsMost    = 0.83  // up to this
	scoreSlope  = 2.0
)

// fitness says how well a recording fits the phones that a path gives its frames, from 0 to 1, ScoreFits where
// it just does.
func fitness(f *features, s *script, path []int32, lent []sums) float64 {
	like := likeness(f, s, path, lent)
	uneven, short, n := s.pace(path)
	if like == 0 || n == 0 {
		return 0
	}
	like -= unevenPrice*(uneven-usualUneven) + shortPrice*(short-usualShort)
	fits := min(fitsMost, fitsAt+fitsMore*math.Log2(float64(n)/fitsPhones))
	return min(1, max(0, ScoreFits+scoreSlope*(like-fits)))
}

// likeness is how often a phone's time fits the model made from the other times of the same sound (and from the
// synthetic voice) better than those of other sounds. Words that were not said lie on random sounds, and their
// models tell little: about as often as not. 0 too where there is nothing to compare.
func likeness(f *features, s *script, path []int32, lent []sums) float64 {
	phones := slices.Clone(lent)
	for i, k := range path {
		phones[s.items[k].phone].add(f.row(i))
	}
	models := make([]*gaussian, len(phones))
	for p := range phones {
		if phones[p].n >= 2*fewFrames {
			models[p] = phones[p].gaussian()
		}
	}
	var wins, games float64
	for from := 0; from < len(path); {
		var own sums
		to := from
		for ; to < len(path) && path[to] == path[from]; to++ {
			own.add(f.row(to))
		}
		phone := s.items[path[from]].phone
		others := phones[phone]
		others.minus(&own)
		if phone >= namesSilent && others.n >= fewFrames {
			mine := others.gaussian().over(f, from, to)
			class := VisemeOf(s.names[phone])
			for p := namesSilent; p < len(models); p++ {
				if models[p] == nil || VisemeOf(s.names[p]) == class {
					continue
				}
				games++
				if mine < models[p].over(f, from, to) {
					wins++
				}
			}
		}
		from = to
	}
	if games == 0 {
		return 0
	}
	return wins / games
}

// pace compares the lengths of the phones with those of the synthetic voice: how much the logarithm of their
// ratio varies, which share of them is as short as can be, and how many there are. Words that were not said
// are squeezed and stretched.
func (s *script) pace(path []int32) (uneven, short float64, n int) {
	var sum, squares float64
	for from := 0; from < len(path); {
		to := from
		for to < len(path) && path[to] == path[from] {
			to++
		}
		if it := &s.items[path[from]]; !it.silent() && it.end > it.start {
			r := math.Log(float64(to-from) * hopSeconds / (it.end - it.start))
			sum, squares, n = sum+r, squares+r*r, n+1
			if to-from <= statesPerPhone {
				short++
			}
		}
		from = to
	}
	if n == 0 {
		return 0, 0, 0
	}
	mean := sum / float64(n)
	return math.Sqrt(max(0, squares/float64(n)-mean*mean)), short / float64(n), n
}

// over is the cost of the frames from one to before another.
func (g *gaussian) over(f *features, from, to int) float32 {
	var cost float32
	for i := from; i < to; i++ {
		cost += g.at(f.row(i))
	}
	return cost
}
