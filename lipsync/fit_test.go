package lipsync

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

// nodding is footage of a head that nods with a period of 50 frames, still at frames 0, 25, 50, …, and
// blinks at the given frames.
func nodding(m int, blinks ...int) []Moment {
	list := make([]Moment, m)
	for i := range list {
		y := float32(.1 * math.Cos(2*math.Pi*float64(i)/50))
		list[i] = Moment{Seen: true, Lids: 1, Head: [6]float32{1, y, 1.4, y, 1.2, y}}
	}
	for _, b := range blinks {
		for k := max(0, b-2); k <= min(m-1, b+2); k++ {
			list[k].Lids = .2
		}
	}
	return list
}

// turns are the frames at which the base changes its direction.
func turns(base []int) (list []int) {
	for i := 1; i+1 < len(base); i++ {
		if (base[i]-base[i-1])*(base[i+1]-base[i]) < 0 {
			list = append(list, base[i])
		}
	}
	return list
}

func mostStep(base []int) (most int) {
	for i := 1; i < len(base); i++ {
		most = max(most, base[i]-base[i-1], base[i-1]-base[i])
	}
	return most
}

func TestFitLengths(t *testing.T) {
	for _, c := range []struct {
		fit     Fit
		m, n    int
		want    int
		through bool // the whole footage is shown
	}{
		{CutOff, 100, 60, 60, false}, {CutOff, 100, 160, 100, true},
		{Silence, 100, 60, 100, true}, {Silence, 100, 160, 160, false},
		{Loop, 100, 60, 60, false}, {Loop, 100, 160, 160, false},
		{Bounce, 100, 60, 60, false}, {Bounce, 200, 460, 460, false},
		{Remap, 200, 230, 230, true}, {Remap, 200, 180, 180, true}, {Remap, 200, 100, 100, false}, {Remap, 200, 700, 700, false},
	} {
		n := c.fit.Length(c.m, c.n)
		base, _ := c.fit.Frames(nodding(c.m), n, 25, nil)
		if n != c.want || len(base) != n {
			t.Errorf("%s of %d and %d: %d frames, %d of base, want %d", c.fit, c.m, c.n, n, len(base), c.want)
			continue
		}
		for i, b := range base {
			if b < 0 || b >= c.m {
				t.Fatalf("%s: frame %d shows %d of %d", c.fit, i, b, c.m)
			}
		}
		if base[0] != 0 || c.through && base[n-1] != c.m-1 {
			t.Errorf("%s of %d and %d: from %d to %d", c.fit, c.m, c.n, base[0], base[n-1])
		}
	}
	if err := Fit("backwards").Validate(); !fault.Is(err, fault.InvalidField) {
		t.Errorf("%v", err)
	}
}

// TestBounceTurnsWhereStill: turns lie where the head is still and the eyes are open, and nothing jumps.
func TestBounceTurnsWhereStill(t *testing.T) {
	for name, c := range map[string]struct {
		moments []Moment
		high    int // where the end turns, within 2
	}{
		"still":             {nodding(188), 175},
		"blink where still": {nodding(210, 200), 205},
	} {
		base, notes := Bounce.Frames(c.moments, 900, 25, nil)
		if mostStep(base) != 1 || len(notes) > 0 {
			t.Errorf("%s: steps of %d, notes %v", name, mostStep(base), notes)
		}
		list := turns(base)
		if len(list) < 4 {
			t.Fatalf("%s: turns %v", name, list)
		}
		for _, k := range list {
			if c.moments[k].Lids < .5 {
				t.Errorf("%s: turns in a blink at %d", name, k)
			}
		}
		if d := list[0] - c.high; d < -3 || d > 3 {
			t.Errorf("%s: turns at %v, want near %d", name, list, c.high)
		}
	}
}

// TestBounceStaysInLastShot: cuts are not played backwards, and nothing turns beside one.
func TestBounceStaysInLastShot(t *testing.T) {
	moments := nodding(300)
	for i := 180; i < 300; i++ {
		moments[i].Shot = 1
	}
	base, _ := Bounce.Frames(moments, 1000, 25, nil)
	for i, b := range base[300:] {
		if b < 180 {
			t.Fatalf("frame %d shows %d of the first shot", 300+i, b)
		}
	}
	for _, k := range turns(base) {
		if k < 183 {
			t.Errorf("turns at %d, at the cut", k)
		}
	}
	// A last shot of half a second is too short to stay in: the one before it is played too.
	for i := 180; i < 300; i++ {
		moments[i].Shot = min(1, max(0, i-287))
	}
	base, _ = Bounce.Frames(moments, 1000, 25, nil)
	for _, k := range turns(base) {
		if k > 283 && k < 292 {
			t.Errorf("turns at %d, at the cut", k)
		}
	}
	if mostStep(base) != 1 {
		t.Errorf("steps of %d", mostStep(base))
	}
}

// TestLoopJoins: a loop jumps only between frames in which the head is at the same place; else it bounces.
func TestLoopJoins(t *testing.T) {
	moments := nodding(160)
	base, notes := Loop.Frames(moments, 600, 25, nil)
	jumps := 0
	for i := 1; i < len(base); i++ {
		if base[i] == base[i-1]+1 {
			continue
		}
		jumps++
		if d := apart(&moments[base[i-1]], &moments[base[i]]); d > mostJoin {
			t.Errorf("jumps %.3f face widths from %d to %d", d, base[i-1], base[i])
		}
	}
	if jumps < 3 || len(notes) > 0 {
		t.Errorf("%d jumps, notes %v", jumps, notes)
	}
	for i := range moments { // a head that leaves to one side
		moments[i].Head[0] += float32(i) * .02
		moments[i].Head[2] += float32(i) * .02
		moments[i].Head[4] += float32(i) * .02
	}
	base, notes = Loop.Frames(moments, 600, 25, nil)
	if mostStep(base) != 1 || len(notes) != 1 {
		t.Errorf("steps of %d, notes %v", mostStep(base), notes)
	}
}

// TestRemapStretchesStillness: the picture never runs backwards or skips more than one frame, and the frames shown
// twice are those of a still head in a pause.
func TestRemapStretchesStillness(t *testing.T) {
	moments := nodding(200)
	quiet := make([]bool, 230)
	for i := 100; i < 160; i++ {
		quiet[i] = true
	}
	base, _ := Remap.Frames(moments, 230, 25, quiet)
	twice := map[bool]int{}
	total := map[bool]int{}
	for i := 1; i < len(base); i++ {
		if d := base[i] - base[i-1]; d < 0 || d > 2 {
			t.Fatalf("from %d to %d", base[i-1], base[i])
		}
		still := speed(moments, base[i]) < .006
		total[still]++
		if base[i] == base[i-1] {
			twice[still]++
		}
	}
	if a, b := float64(twice[true])/float64(total[true]), float64(twice[false])/float64(total[false]); a < 1.15*b {
		t.Errorf("%.2f of still and %.2f of moving frames are shown twice", a, b)
	}
	base, _ = Remap.Frames(moments, 175, 25, nil)
	for i := 1; i < len(base); i++ {
		if d := base[i] - base[i-1]; d < 1 || d > 2 {
			t.Fatalf("quicker: from %d to %d", base[i-1], base[i])
		}
	}
}

// TestFitBeginsWithTheSpeaker: what is shorter than the footage begins where the speaker is seen.
func TestFitBeginsWithTheSpeaker(t *testing.T) {
	moments := nodding(200)
	for i := range 90 {
		moments[i].Seen = false
	}
	for i := 100; i < 200; i++ {
		moments[i].Shot = 1
	}
	for n, want := range map[int]int{60: 100, 200: 0, 100: 100, 150: 50} {
		base, notes := Bounce.Frames(moments, n, 25, nil)
		if base[0] != want || base[n-1] != want+n-1 || (len(notes) > 0) != (want > 0) {
			t.Errorf("%d frames: %d to %d, notes %v; want from %d", n, base[0], base[n-1], notes, want)
		}
	}
	if base, _ := CutOff.Frames(nodding(200), 60, 25, nil); base[0] != 0 {
		t.Errorf("begins at %d although the speaker is there", base[0])
	}
}

// TestFitWithoutHead: footage in which nobody is seen, or a single frame, is fitted all the same.
func TestFitWithoutHead(t *testing.T) {
	for _, m := range []int{1, 2, 3, 40} {
		for _, f := range []Fit{Loop, Bounce, Silence, Remap} {
			base, _ := f.Frames(make([]Moment, m), 111, 25, nil)
			if len(base) != 111 || mostStep(base) > 1 {
				t.Errorf("%s of %d frames: %d, steps of %d", f, m, len(base), mostStep(base))
			}
		}
	}
}
