package lipsync

import "context"

// Watched is what a clip shows of a speaking mouth, ready to learn tables from: only frames in which it is
// seen well and something is said.
type Watched struct {
	Frames      []int       // of the clip, ascending
	Context     [][]float64 // Context of each, moved to where the picture is; nil where the words are unknown
	Sound       [][]float64 // speech.SoundFeatures of each, likewise; nil without sound
	Descriptors [][]float64 // opening, width, height, protrusion on the person's own range, 0…1
	Lips        [][]float64 // x and y of ShapePoints in face space, face widths
	Closed      []float64   // the same of the mouth when it is most closed
	Low, High   [4]float64  // the 2nd and 98th percentile of each descriptor in all frames, face widths
	Offset      int         // frames by which the picture is late; negative where it is early
	Correlation float64     // that it was found with; the offset is 0 where this is too low to be believed
}

// Watch looks at the mouth of a clip's person.
func Watch(ctx context.Context, f Footage) (*Watched, error) {
	l, err := newLibrary(ctx, []Footage{f}, nil)
	if err != nil {
		return nil, err
	}
	l.learnOffset(0)
	c := &l.clips[0]
	w := &Watched{Low: l.lo, High: l.hi, Offset: c.offset, Correlation: c.trust}
	var said [][]float64
	if c.curves != nil {
		said = Context(c.curves, c.FPS)
	}
	for _, i := range l.speaking() {
		s := &l.list[i]
		w.Frames = append(w.Frames, s.face.Frame)
		w.Descriptors = append(w.Descriptors, l.norm(s.desc))
		w.Lips = append(w.Lips, s.lips())
		if said != nil {
			w.Context = append(w.Context, said[s.tick])
		}
		if c.sound != nil {
			w.Sound = append(w.Sound, c.sound[s.tick])
		}
	}
	var closed [][]float64
	for _, i := range l.mostClosed(closedShare) {
		closed = append(closed, l.list[i].lips())
	}
	w.Closed, _ = meanStd(closed, len(closed[0]))
	return w, nil
}

// Moves tells how well a person's mouth moves with a clip's sound: the correlation of what is seen with what
// the sound (and the words, where they are known) lets expect, at the best offset of the two, 0…1, and
// whether that is more than chance. It tells who of several people speaks.
func Moves(ctx context.Context, f Footage) (correlation float64, sure bool, err error) {
	l, err := newLibrary(ctx, []Footage{f}, nil)
	if err != nil {
		return 0, false, err
	}
	l.learnOffset(0)
	return max(l.clips[0].trust, 0), l.clips[0].sure, nil
}
