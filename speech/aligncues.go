package speech

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// cueSlack is by how many seconds words may lie outside their cue: subtitles come early, stay longer than
// what they say, and are cut to what can be read.
const cueSlack = 1.0

// AlignCues finds when words are said of which it is known about when: cues of subtitles, each with the voice that
// says its words in refs (nil where a cue says nothing). The phones' models are fitted to all cues together;
// what lies between them is a pause, whatever it sounds like. Otherwise it is as Align.
func AlignCues(ctx context.Context, s Sound, cues []Cue, refs []*Utterance, o AlignOptions) (*Timing, error) {
	spoken := make([]spokenCue, 0, len(cues))
	for i, c := range cues {
		if i < len(refs) && refs[i] != nil && refs[i].Timing != nil && len(refs[i].Timing.Phones) > 0 {
			spoken = append(spoken, spokenCue{cue: c, ref: refs[i]})
		}
	}
	if len(spoken) == 0 {
		return &Timing{}, ctx.Err()
	}
	slices.SortStableFunc(spoken, func(a, b spokenCue) int {
		return cmp.Compare(a.cue.Start, b.cue.Start)
	})
	s = s.Resample(hearRate)
	said, voice := layCues(spoken, len(s.Samples)/hopLength)
	b := hear(voice, 1, true)
	tract, err := tractOf(ctx, duringCues(s, spoken), b)
	if err != nil {
		return nil, err
	}
	a := hear(s, tract, true)
	if a.n < said.least() {
		return stretchedCues(spoken, s.Seconds()), ctx.Err()
	}
	path, err := firstCuePath(ctx, a, b, said, spoken)
	if err != nil {
		return nil, err
	}
	return said.settle(ctx, a, path, lent(b, said), o)
}

// spokenCue is a cue and where it lies: in the recording, in the synthesised voice and in the script.
type spokenCue struct {
	cue         Cue
	ref         *Utterance
	row, rows   int // of the synthesised voice
	first, last int // items of the script that are the cue's own, both included
}

// layCues makes one script of all cues, with windows over n frames, and one sound of their voices.
func layCues(spoken []spokenCue, n int) (*script, Sound) {
	said := &script{language: spoken[0].ref.Timing.Language, names: make([]string, namesSilent)}
	voice := Sound{Rate: hearRate}
	between := func() {
		at := voice.Seconds()
		said.pause(at, at)
		said.items[len(said.items)-1].phone = nameBetween
	}
	for i := range spoken {
		c := &spoken[i]
		between()
		c.first = len(said.items)
		c.row = len(voice.Samples) / hopLength
		offset := voice.Seconds()
		samples := c.ref.Sound.Resample(hearRate).Samples
		voice.Samples = append(voice.Samples, samples...)
		voice.Samples = append(voice.Samples, make([]float32, (hopLength-len(samples)%hopLength)%hopLength)...)
		c.rows = len(voice.Samples)/hopLength - c.row
		said.say(c.ref.Timing, offset, voice.Seconds())
		c.last = len(said.items) - 2 // the last one is a pause, about to be that between two cues
	}
	between()
	said.windows = cueWindows(spoken, len(said.items), n)
	return said, voice
}

// cueWindows gives each item the frames of its cue, and what lies between two cues those of both.
func cueWindows(spoken []spokenCue, items, n int) []window {
	windows := make([]window, items)
	var before window
	next := 0
	for i := range spoken {
		c := &spoken[i]
		w := window{
			first: max(before.first, int((c.cue.Start-cueSlack)/hopSeconds)),
			last:  max(before.last, int((c.cue.End+cueSlack)/hopSeconds)),
		}
		for ; next < c.first; next++ {
			windows[next] = window{before.first, w.last}
		}
		for ; next <= c.last; next++ {
			windows[next] = w
		}
		before = w
	}
	for ; next < items; next++ {
		windows[next] = window{before.first, n}
	}
	return windows
}

// duringCues is the sound of the cues alone, one after the other.
func duringCues(s Sound, spoken []spokenCue) Sound {
	out := Sound{Rate: s.Rate}
	at := 0
	for _, c := range spoken {
		from := min(max(at, int(c.cue.Start*float64(s.Rate))), len(s.Samples))
		at = min(max(from, int(c.cue.End*float64(s.Rate))), len(s.Samples))
		out.Samples = append(out.Samples, s.Samples[from:at]...)
	}
	return out
}

// firstCuePath warps each voice onto the time of its cue.
func firstCuePath(ctx context.Context, a, b *features, said *script, spoken []spokenCue) ([]int32, error) {
	path := make([]int32, a.n)
	at := 0
	for i := range spoken {
		c := &spoken[i]
		from := min(max(at, int(c.cue.Start/hopSeconds)), a.n)
		to := min(max(from, int(math.Ceil(c.cue.End/hopSeconds))), a.n)
		for ; at < from; at++ {
			path[at] = int32(c.first - 1)
		}
		part := &features{n: to - from, data: a.data[from*heard : to*heard]}
		ref := &features{n: min(c.rows, b.n-c.row), data: b.data[c.row*heard : min(c.row+c.rows, b.n)*heard]}
		rows, err := warpSpoken(ctx, part, ref)
		if err != nil {
			return nil, err
		}
		k := c.first
		for _, r := range rows {
			t := float64(c.row+int(r)) * hopSeconds
			for k < c.last && said.items[k].end <= t {
				k++
			}
			path[at] = int32(k)
			at++
		}
	}
	for ; at < a.n; at++ {
		path[at] = int32(len(said.items) - 1)
	}
	return path, ctx.Err()
}

// stretchedCues lays each voice evenly over its cue: all that can be said where the recording is too short.
func stretchedCues(spoken []spokenCue, seconds float64) *Timing {
	t := &Timing{Language: spoken[0].ref.Timing.Language}
	at := 0.0
	for _, c := range spoken {
		from, to := max(at, c.cue.Start), min(seconds, c.cue.End)
		if to <= from {
			continue
		}
		one := newScript(c.ref.Timing, c.ref.Sound.Seconds()).stretched(to - from)
		for _, p := range one.Phones {
			t.Phones = append(t.Phones, Phone{IPA: p.IPA, Start: p.Start + from, End: p.End + from})
		}
		for _, w := range one.Words {
			t.Words = append(t.Words, Word{Text: w.Text, Start: w.Start + from, End: w.End + from})
		}
		at = to
	}
	return t
}
