package speech

import "math"

// Slot is a place in time for something that is said in another language than what was said there.
type Slot struct {
	Start, End float64 // seconds
	Natural    float64 // seconds that the new words take at the voice's own rate
}

// Placed is where and how quickly the words of a Slot are said.
type Placed struct {
	At   float64 // seconds
	Rate float64 // of the voice
	// Hurried is set where the rate had to leave the natural bounds. Late is by how many seconds the words
	// go on into what follows, all the same.
	Hurried bool
	Late    float64
}

// Bounds of dubbed speech. Listeners take a change of tempo of up to a fifth for the speaker's own manner; beyond 1.3 words get
// hard to follow.
const (
	SlowestDub  = .95
	QuickestDub = 1.20
	HurriedDub  = 1.30

	dubBreath = .12 // seconds between two pieces
	dubEarly  = .50 // seconds that a piece may begin before its slot: more is seen as speech before the mouth's
	leastSlot = .20 // seconds
)

// PlaceDub finds time for what is said in each slot, which ascend by Start, before end: first by the voice's rate within
// SlowestDub and QuickestDub, then with the pause after the slot, then with that before it, then by up to HurriedDub, which
// is marked. What is longer still moves what follows. Slots that overlap, as when two people speak at once, stay so.
func PlaceDub(slots []Slot, end float64) []Placed {
	out := make([]Placed, len(slots))
	free := 0.0 // from when on nobody speaks
	for i, s := range slots {
		length := max(s.End-s.Start, leastSlot)
		p := Placed{At: s.Start, Rate: min(max(s.Natural/length, SlowestDub), QuickestDub)}
		first := max(0, s.Start-dubEarly)
		if i > 0 && s.Start >= slots[i-1].End-1e-3 {
			earliest := free + dubBreath
			if free <= s.Start {
				earliest = min(earliest, s.Start)
			}
			first = max(first, earliest)
			p.At = max(p.At, first)
		} else if i > 0 {
			first = s.Start
		}
		until := max(s.End, end)
		if i+1 < len(slots) {
			until = max(s.End, slots[i+1].Start-dubBreath)
		}
		if over := p.At + s.Natural/p.Rate - until; over > 0 {
			p.At = max(min(p.At, first), p.At-over)
		}
		if over := p.At + s.Natural/p.Rate - until; over > 1e-6 {
			p.Hurried = true
			p.Rate = HurriedDub
			if room := until - p.At; room > 0 {
				p.Rate = min(s.Natural/room, HurriedDub)
			}
			if p.Late = p.At + s.Natural/p.Rate - until; p.Late < 1e-6 {
				p.Late = 0
			}
		}
		free = max(free, p.At+s.Natural/p.Rate)
		out[i] = p
	}
	return out
}

// Trimmed is what is said without the silence before and after it: from a twentieth of a second before the first sample that is
// louder than a hundredth of the loudest, to a tenth behind the last.
func (u *Utterance) Trimmed() *Utterance {
	peak := 0.0
	for _, v := range u.Sound.Samples {
		peak = max(peak, math.Abs(float64(v)))
	}
	first, last := 0, len(u.Sound.Samples)
	for first < last && math.Abs(float64(u.Sound.Samples[first])) <= .01*peak {
		first++
	}
	for last > first && math.Abs(float64(u.Sound.Samples[last-1])) <= .01*peak {
		last--
	}
	if first == last {
		return u
	}
	first = max(0, first-u.Sound.Rate/20)
	last = min(len(u.Sound.Samples), last+u.Sound.Rate/10)
	cut := &Utterance{Sound: Sound{Rate: u.Sound.Rate, Samples: u.Sound.Samples[first:last]}}
	if u.Timing != nil {
		cut.Timing = u.Timing.Moved(-float64(first)/float64(u.Sound.Rate), 1, cut.Sound.Seconds())
	}
	return cut
}

// Moved is the timing scaled and then moved in time, without what is then outside of 0 to end.
func (t *Timing) Moved(by, scale, end float64) *Timing {
	out := &Timing{Language: t.Language, Score: t.Score, Phones: []Phone{}}
	for _, p := range t.Phones {
		p.Start, p.End = max(p.Start*scale+by, 0), min(p.End*scale+by, end)
		if p.End > p.Start {
			out.Phones = append(out.Phones, p)
		}
	}
	for _, w := range t.Words {
		w.Start, w.End = max(w.Start*scale+by, 0), min(w.End*scale+by, end)
		if w.End > w.Start {
			out.Words = append(out.Words, w)
		}
	}
	return out
}
