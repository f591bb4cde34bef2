package lipsync

import (
	"context"

	"github.com/twinsync/twinsync/fault"
)

// Replay is the plan that shows given mouths as they were filmed, whatever is said: what a plan is measured
// beside. base and show have an entry per output frame: the frame of the main clip that receives a mouth, and
// the index of that mouth in mouths; −1 leaves the frame as it was filmed.
func Replay(ctx context.Context, footage []Footage, mouths *Mouths, base, show []int) (*Plan, error) {
	if len(footage) == 0 || len(base) == 0 || len(show) != len(base) {
		return nil, fault.New(fault.Internal, "", "%d frames are to show %d mouths", len(base), len(show))
	}
	l, err := newLibrary(ctx, footage, mouths)
	if err != nil {
		return nil, err
	}
	p := &Plan{Model: Model{Ref: l.ref, Borrowed: l.borrowed != nil}, mouths: map[int]plannedMouth{}}
	for _, row := range l.basis {
		p.Model.Basis = append(p.Model.Basis, narrow(row))
	}
	where := l.bases(new(wanted), &Wish{Base: base}, p)
	for k, i := range show {
		f := Frame{Base: base[k], Mouth: -1}
		if i >= 0 && i < len(l.films) && l.films[i] >= 0 && where[k] >= 0 {
			s := &l.list[l.films[i]]
			f.Mouth, f.Amount, f.Shape = i, 1, narrow(s.shape)
			p.mouths[i] = plannedMouth{s.pose.similarity(), narrow(s.shape)}
		}
		p.Frames = append(p.Frames, f)
	}
	return p, nil
}
