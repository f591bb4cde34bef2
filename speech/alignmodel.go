package speech

import (
	"math"
	"slices"
)

// Phones' models: one diagonal Gaussian each over what is heard, fitted to the one speaker of the
// recording; three states in a row make a phone last 30 ms at least.
const (
	statesPerPhone = 3
	// varianceFloor keeps a model of few frames from being surer than speech is, in units of the clip's own
	// variance.
	varianceFloor = 0.08
	// fewFrames and fewOfClass: below so many frames a phone is judged by its class's model, and that by
	// the model of all.
	fewFrames  = 8
	fewOfClass = 3
	// lentFrames is how many frames' worth the synthesised voice gives to each phone's model: what a short
	// recording cannot tell of a phone, it tells.
	lentFrames = 20
)

// gaussian is a diagonal normal density, laid out for speed.
type gaussian struct {
	mean, scale [heard]float32 // scale is 1/variance
	base        float32        // the sum of the logarithms of the variances
}

// at is twice the negative logarithm of the density, without its constant.
func (g *gaussian) at(x []float32) float32 {
	x = x[:heard]
	s := g.base
	for k := range heard {
		d := x[k] - g.mean[k]
		s += d * d * g.scale[k]
	}
	return s
}

// sums gathers what a gaussian is fitted to.
type sums struct {
	n            int
	sum, squares [heard]float64
}

func (s *sums) add(x []float32) {
	s.n++
	for k, v := range x {
		s.sum[k] += float64(v)
		s.squares[k] += float64(v) * float64(v)
	}
}

func (s *sums) plus(o *sums) {
	s.n += o.n
	for k := range heard {
		s.sum[k] += o.sum[k]
		s.squares[k] += o.squares[k]
	}
}

func (s *sums) minus(o *sums) {
	s.n -= o.n
	for k := range heard {
		s.sum[k] -= o.sum[k]
		s.squares[k] -= o.squares[k]
	}
}

// limited is s as if it had been gathered from n frames at most.
func (s *sums) limited(n int) sums {
	if s.n <= n {
		return *s
	}
	o := sums{n: n}
	share := float64(n) / float64(s.n)
	for k := range heard {
		o.sum[k], o.squares[k] = s.sum[k]*share, s.squares[k]*share
	}
	return o
}

func (s *sums) gaussian() *gaussian {
	g := &gaussian{}
	n := float64(max(s.n, 1))
	for k := range heard {
		mean := s.sum[k] / n
		variance := max(varianceFloor, s.squares[k]/n-mean*mean)
		g.mean[k], g.scale[k] = float32(mean), float32(1/variance)
		g.base += float32(math.Log(variance))
	}
	return g
}

// lent is what the synthesised voice, of which the times are known, gives to the phones' models.
func lent(f *features, s *script) []sums {
	rows := make([]int32, f.n)
	for i := range rows {
		rows[i] = int32(i)
	}
	phones := make([]sums, len(s.names))
	for i, k := range s.at(rows) {
		phones[s.items[k].phone].add(f.row(i))
	}
	for p := range phones {
		phones[p] = phones[p].limited(lentFrames)
	}
	return phones
}

// loudness is what a frame's energy alone tells about it.
type loudness int8

const (
	quiet  loudness = iota - 1 // in a pause: below quietShare of the way from the clip's faintest to its loudest, for long
	medium                     // may be anything
	loud                       // above loudShare: no pause
)

const (
	quietFrames = 12 // sounds that close the mouth are as faint, but shorter
	quietShare  = 0.2
	loudShare   = 0.5
)

// loudnesses sorts the frames by their energy.
func (f *features) loudnesses() []loudness {
	out := make([]loudness, f.n)
	if f.n == 0 {
		return out
	}
	energies := make([]float64, f.n)
	for i := range energies {
		energies[i] = float64(f.row(i)[0])
	}
	faintest, loudest := percentile(energies, 5), percentile(energies, 90)
	faint := func(i int) bool { return energies[i] < faintest+quietShare*(loudest-faintest) }
	for i := 0; i < f.n; i++ {
		if energies[i] > faintest+loudShare*(loudest-faintest) {
			out[i] = loud
		}
		from := i
		for i < f.n && faint(i) {
			i++
		}
		if i-from >= quietFrames {
			for k := from; k < i; k++ {
				out[k] = quiet
			}
		}
		if i > from {
			i--
		}
	}
	return out
}

// fit makes a model for each of the script's phones from the frames that the path gives them, and from what is
// lent. Quiet frames are a pause whatever the path says, so that no phone's model turns into one; loud ones teach
// nothing about pauses.
func fit(f *features, s *script, path []int32, lent []sums, levels []loudness) []*gaussian {
	phones := slices.Clone(lent)
	for i, k := range path {
		p := s.items[k].phone
		switch {
		case levels[i] == quiet:
			p = namePause
		case p == namePause && levels[i] == loud:
			continue
		}
		phones[p].add(f.row(i))
	}
	// The quiet part of what lies between cues is a pause like those inside them.
	if between := &phones[nameBetween]; between.n > 0 {
		middle := float32(between.sum[0] / float64(between.n))
		for i, k := range path {
			if s.items[k].phone == nameBetween && f.row(i)[0] < middle {
				phones[namePause].add(f.row(i))
			}
		}
	}
	var classes [Visemes]sums
	var all sums
	for p := range phones {
		classes[VisemeOf(s.names[p])].plus(&phones[p])
		all.plus(&phones[p])
	}
	models := make([]*gaussian, len(phones))
	for p := range phones {
		switch class := &classes[VisemeOf(s.names[p])]; {
		case phones[p].n >= fewFrames:
			models[p] = phones[p].gaussian()
		case class.n >= fewOfClass:
			models[p] = class.gaussian()
		default:
			models[p] = all.gaussian()
		}
	}
	return models
}
