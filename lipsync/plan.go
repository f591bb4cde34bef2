package lipsync

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/speech"
)

// Wish is what the person shall say, and on which frames.
type Wish struct {
	// Base is the frame of the main clip that each output frame shows; it is given a new mouth.
	Base []int
	FPS  float64 // output frames per second; 0 is the main clip's own
	// Sound is what will be heard, from the first output frame on.
	Sound *speech.Sound
	// Timing is when what is said in it; nil where its words are unknown.
	Timing *speech.Timing
	// Synthetic says that the sound is a machine's voice: what it sounds like says less about a mouth than its
	// phones do.
	Synthetic bool
	// Mode overrides the choice of how shapes are found; "" chooses by what is known.
	Mode Mode
}

// lead is by how much lips run ahead of the sound, in seconds (reference trial).
const lead = .02

// Parameters of what is shown, from the reference trial.
const (
	exactly      = .7 // share of the way from a filmed shape to the wanted one; all of it for lips that meet or rest
	gateLeast    = 8  // frames at 25 a second in which the original mouth must rest
	gateOff      = .5 // of sigma from rest up to which it rests
	fadeFrames   = 5  // at 25 a second
	baseStep     = 4  // frames of the footage from one frame of the result to the next; more is a cut
	turnFadeFrom = .50
	turnFadeFull = .65 // radians between a head and the mouth that it would get
)

// mostClosed is the widest opening, in face widths, that touching lips are read as; who has none so narrow never
// closes the mouth.
const mostClosed = .02

// Plan is which mouth each output frame gets, with everything that drawing needs beside the pixels.
type Plan struct {
	Model  Model
	Frames []Frame
	Report Report

	heads  []planHead           // per output frame
	mouths map[int]plannedMouth // of Mouths
}

// planHead is the head that receives a mouth.
type planHead struct {
	seen bool
	head Head
}

// plannedMouth is what of a mouth is not in Mouths.
type plannedMouth struct {
	pose  Similarity
	shape []float32
}

// Report says what a plan rests on.
type Report struct {
	LibraryFrames  int        `json:"library_frames"`  // mouths to choose from
	LibrarySeconds float64    `json:"library_seconds"` // their length
	Opening        [2]float64 `json:"opening"`         // 2nd and 98th percentile of the person's opening, face widths
	Mode           Mode       `json:"mode"`
	Borrowed       bool       `json:"borrowed_geometry"` // movements of other people's mouths, because the footage shows a closed one
	WordsKnown     bool       `json:"words_known"`       // of what is to be said
	Offsets        []Offset   `json:"offsets"`           // of each clip's picture against its own sound
	Pauses         int        `json:"pause_frames"`
	HandedBack     int        `json:"handed_back"` // frames whose mouth stays as it was filmed because it rests in a pause
	Untouched      int        `json:"untouched"`   // frames without the person's face, or with it turned away
	Jumps          int        `json:"jumps"`       // where filmed mouths that do not follow one another meet
	Warnings       []string   `json:"warnings,omitempty"`
}

// Offset is how far a clip's own sound and picture are apart.
type Offset struct {
	Clip        int     `json:"clip"`
	Frames      int     `json:"frames"` // by which the picture is late; negative where it is early
	Seconds     float64 `json:"seconds"`
	Correlation float64 `json:"correlation"`
	Corrected   bool    `json:"corrected"`   // false: too weak to be believed, or nothing to tell it by; nothing is then learned from the clip's sound
	WordsKnown  bool    `json:"words_known"` // of the clip, and learned from
}

// NewPlan finds the mouths. footage has the main clip first, which Base counts in, and mouths was collected
// from all of it in the same order. The work grows with output frames times library frames: about a
// second for half a minute of both.
func NewPlan(ctx context.Context, footage []Footage, mouths *Mouths, w Wish) (*Plan, error) {
	if len(footage) == 0 || len(w.Base) == 0 {
		return nil, fault.New(fault.Internal, "", "there is nothing to plan")
	}
	for i := range footage {
		if !(footage[i].FPS > 0) || footage[i].Analysis == nil {
			return nil, fault.New(fault.Internal, "", "clip %d has no frame rate or no analysis", i)
		}
	}
	if w.FPS <= 0 {
		w.FPS = footage[0].FPS
	}
	l, err := newLibrary(ctx, footage, mouths)
	if err != nil {
		return nil, err
	}
	films := l.mouthsOf()
	if len(films) == 0 {
		return nil, noMouth("no mouth in the footage is sharp, uncovered and seen from the front")
	}
	for i := range l.clips {
		l.learnOffset(i)
	}
	l.findRest()

	say := l.wish(&w)
	mode := w.Mode
	if mode == "" {
		mode = l.choose(&w, say)
	}
	p := &Plan{mouths: map[int]plannedMouth{}}
	p.Model = Model{Ref: l.ref, Borrowed: l.borrowed != nil, Usual: NewUsual(footage[0].Analysis, footage[0].Person),
		Closed: float32(min(l.lo[0], mostClosed))}
	for _, row := range l.basis {
		p.Model.Basis = append(p.Model.Basis, narrow(row))
	}
	want := &wanted{shapes: l.targets(say, mode), curves: say.curves, pause: pauses(say.curves, w.FPS, 3), fps: w.FPS}
	base := l.bases(want, &w, p)
	path, err := l.search(ctx, want)
	if err != nil {
		return nil, err
	}
	l.report(p, mode, films)
	l.show(p, want, base, path, &w)
	return p, nil
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// wish is what is said and heard in each output frame.
func (l *library) wish(w *Wish) *said {
	n := len(w.Base)
	s := &said{fps: w.FPS}
	switch {
	case w.Timing != nil:
		s.curves = speech.MouthCurves(w.Timing, n, w.FPS, lead)
		// Lips that meet ahead of the sound stay together until it is heard.
		for i, v := range speech.MouthCurves(w.Timing, n, w.FPS, 0).Close {
			s.curves.Close[i] = max(s.curves.Close[i], v)
		}
	case w.Sound != nil:
		s.curves = speech.SoundCurves(*w.Sound, n, w.FPS)
	default:
		s.curves = speech.MouthCurves(nil, n, w.FPS, 0)
	}
	if w.Sound != nil && w.Sound.Seconds() > 0 {
		ahead := *w.Sound
		ahead.Samples = ahead.Samples[min(int(lead*float64(ahead.Rate)), len(ahead.Samples)):]
		s.sound = widen(speech.SoundFeatures(ahead, n, w.FPS))
	}
	return s
}

// choose says how shapes are found.
func (l *library) choose(w *Wish, say *said) Mode {
	var labelled, both, heard float64 // seconds of speech whose words, words and sound, and sound are known
	for i := range l.clips {
		c := &l.clips[i]
		for k := c.first; k < c.end; k++ {
			s := &l.list[k]
			if !s.good || c.silence == nil || at(c.silence, s.tick) >= speakingUpTo {
				continue
			}
			if c.sound != nil {
				heard += 1 / c.FPS
			}
			if c.curves != nil {
				labelled += 1 / c.FPS
				if c.sound != nil {
					both += 1 / c.FPS
				}
			}
		}
	}
	human := say.sound != nil && !w.Synthetic
	switch {
	case w.Timing == nil && say.sound != nil:
		return ModeSound
	case l.borrowed != nil:
		return ModeTable
	case human && both >= leastLabels:
		return ModeEnsemble
	case labelled >= leastLabels:
		return ModeMix
	case human && heard >= leastLabels:
		return ModeHeard
	}
	return ModeTable
}

// bases looks up the heads of the base frames.
func (l *library) bases(want *wanted, w *Wish, p *Plan) []int {
	main := &l.clips[0]
	where := make(map[int]int, main.end)
	for i := main.first; i < main.end; i++ {
		where[l.list[i].face.Frame] = i
	}
	base := make([]int, len(w.Base))
	p.heads = make([]planHead, len(w.Base))
	want.turn = make([][3]float64, len(base))
	want.seen, want.cut, want.scene = make([]bool, len(base)), make([]bool, len(base)), make([]int, len(base))
	for k, frame := range w.Base {
		i, ok := where[frame]
		if !ok {
			i = -1
		}
		base[k] = i
		if ok {
			s := &l.list[i]
			want.turn[k], want.seen[k] = s.turn, true
			p.heads[k] = planHead{true, Head{s.face.Mesh, s.pose.similarity()}}
		}
		if k > 0 {
			d := frame - w.Base[k-1]
			j := base[k-1]
			jump := d > baseStep || d < -baseStep || shotOf(main.Analysis, frame) != shotOf(main.Analysis, w.Base[k-1])
			want.cut[k] = jump || (i < 0) != (j < 0) || i >= 0 && l.list[i].track != l.list[j].track
			if want.scene[k] = want.scene[k-1]; jump {
				want.scene[k]++
			}
		}
	}
	return base
}

// shotOf is the index of the shot that a frame belongs to.
func shotOf(a *face.Analysis, frame int) int {
	i, _ := slices.BinarySearchFunc(a.Shots, frame, func(s face.Shot, frame int) int {
		if s.First <= frame {
			return -1
		}
		return 1
	})
	return i - 1
}

// show makes the frames out of the path.
func (l *library) show(p *Plan, want *wanted, base, path []int, w *Wish) {
	gate := l.gate(p, want, base, w.FPS)
	p.Frames = make([]Frame, len(base))
	for k := range p.Frames {
		f := Frame{Base: w.Base[k], Mouth: -1}
		if base[k] >= 0 && gate[k] > .001 {
			s := &l.list[path[k]]
			f.Mouth, f.Amount = s.film, float32(gate[k])
			f.Exact = float32(exactly + (1-exactly)*max(want.pause[k], min(1, closedFrom*float64(want.curves.Close[k]))))
			if l.borrowed != nil {
				f.Exact = 1
			}
			f.Shape = narrow(want.shapes[k])
			if _, ok := p.mouths[f.Mouth]; !ok {
				p.mouths[f.Mouth] = plannedMouth{s.pose.similarity(), narrow(s.shape)}
			}
		}
		p.Frames[k] = f
		if k > 0 && f.Mouth >= 0 && p.Frames[k-1].Mouth >= 0 && !want.cut[k] && path[k] != path[k-1] && path[k] != path[k-1]+1 {
			p.Report.Jumps++
		}
	}
}

// gate is how much of the new mouth is seen in each output frame: none where the original mouth rests in a
// pause, and where there is no face or one that is turned away from every filmed mouth; faded in
// between, never over a cut.
func (l *library) gate(p *Plan, want *wanted, base []int, fps float64) []float64 {
	n := len(base)
	least := max(1, int(math.Round(gateLeast*fps/25)))
	open := make([]float64, n)
	calm := func(k int) bool {
		return base[k] >= 0 && want.pause[k] > .5 && l.list[base[k]].off < gateOff
	}
	for i := 0; i < n; {
		j := i
		for j < n && calm(j) && (j == i || !want.cut[j]) {
			j++
		}
		back := j-i >= least
		for k := i; k < max(j, i+1); k++ {
			if open[k] = 1; back {
				open[k] = 0
				p.Report.HandedBack++
			}
		}
		i = max(j, i+1)
	}
	for k := range want.pause {
		if want.pause[k] > .5 {
			p.Report.Pauses++
		}
	}
	films := l.mouthsOf()
	for k, i := range base {
		if i < 0 {
			open[k] = 0
			p.Report.Untouched++
			continue
		}
		away := l.away(i, films)
		if s := (turnFadeFull - away) / (turnFadeFull - turnFadeFrom); s < 1 {
			if open[k] = min(open[k], max(s, 0)); s <= 0 {
				p.Report.Untouched++
			}
		}
	}
	// Fades stay within what belongs together.
	width := frames25(fadeFrames, fps)
	for i := 0; i < n; {
		j := i + 1
		for j < n && !want.cut[j] {
			j++
		}
		copy(open[i:j], hann(open[i:j], width))
		i = j
	}
	// Next to frames without the face the mouth must have gone already.
	for k := range open {
		if base[k] < 0 {
			continue
		}
		for d := 1; d <= width; d++ {
			for _, j := range [2]int{k - d, k + d} {
				if j >= 0 && j < n && base[j] < 0 && want.scene[j] == want.scene[k] {
					open[k] = min(open[k], float64(d)/float64(width+1))
				}
			}
		}
	}
	return open
}

// away is how far a head is turned from the nearest filmed mouth, in radians, in its largest axis; a
// sample of the mouths is enough.
func (l *library) away(i int, films []int) float64 {
	best := math.Inf(1)
	for _, f := range some(films, 400) {
		var d float64
		for k := range l.list[i].turn {
			d = max(d, math.Abs(l.list[i].turn[k]-l.list[f].turn[k]))
		}
		best = min(best, d)
	}
	return best
}

// report says what the plan rests on.
func (l *library) report(p *Plan, mode Mode, films []int) {
	r := &p.Report
	r.LibraryFrames = len(films)
	for _, i := range films {
		r.LibrarySeconds += 1 / l.clips[l.list[i].clip].FPS
	}
	r.Opening = [2]float64{l.lo[0], l.hi[0]}
	r.Mode, r.Borrowed, r.WordsKnown = mode, l.borrowed != nil, mode != ModeSound
	warn := func(text string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(text, args...)) }
	for i := range l.clips {
		c := &l.clips[i]
		r.Offsets = append(r.Offsets, Offset{Clip: i, Frames: c.offset, Seconds: float64(c.offset) / c.FPS,
			Correlation: c.trust, Corrected: c.sure, WordsKnown: c.curves != nil})
		if !c.sure && c.Timing != nil {
			warn("the mouth in the footage does not move with its own sound clearly enough to learn from it; its words were left out")
		}
		if c.sure && math.Abs(float64(c.offset))/c.FPS > .08 {
			side := "late"
			if c.offset < 0 {
				side = "early"
			}
			warn("the footage's own picture is %.2f seconds %s against its sound; this was put right before anything was learned from it", math.Abs(float64(c.offset))/c.FPS, side)
		}
	}
	if r.Borrowed {
		warn("the footage shows the mouth closed only: its movements are borrowed from other people's mouths, and what lies inside is painted; footage in which the person speaks gives a better result")
	} else if r.LibrarySeconds < 4 {
		warn("there are only %.1f seconds of usable mouth in the footage; four seconds of speech or more give a better result", r.LibrarySeconds)
	}
	if mode == ModeSound {
		warn("the words are not known: the mouth follows the sound, and does not close sharply for p, b and m; a transcript gives a better result")
	}
}

// Head is the head of output frame k that receives the mouth; nil where there is none.
func (p *Plan) Head(k int) *Head {
	if k < 0 || k >= len(p.heads) || !p.heads[k].seen {
		return nil
	}
	return &p.heads[k].head
}

// Mouth is mouth i of those that the plan uses, with its pixels.
func (p *Plan) Mouth(m *Mouths, i int) (*Mouth, error) {
	q, ok := p.mouths[i]
	if !ok || i >= m.Len() {
		return nil, fault.New(fault.Internal, "", "the plan and the stored mouths do not belong together")
	}
	f := m.Filmed(i)
	pixels, err := m.Picture(i)
	if err != nil {
		return nil, err
	}
	return &Mouth{Head: Head{f.Mesh, q.pose}, Box: f.Box, Pixels: pixels, Shape: q.shape}, nil
}

// Uses lists the mouths that the plan shows, ascending.
func (p *Plan) Uses() []int {
	var out []int
	for i := range p.mouths {
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}

// Part is the plan of output frames first ≤ k < end: what one segment needs. Frames count from 0
// again; the report stays that of the whole.
func (p *Plan) Part(first, end int) *Plan {
	first, end = max(first, 0), min(end, len(p.Frames))
	end = max(first, end)
	q := &Plan{Model: p.Model, Frames: p.Frames[first:end], Report: p.Report, heads: p.heads[first:end], mouths: map[int]plannedMouth{}}
	for _, f := range q.Frames {
		if f.Mouth >= 0 {
			q.mouths[f.Mouth] = p.mouths[f.Mouth]
		}
	}
	return q
}
