package quality

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// pair swaps and measures one pair, and other tools' results on the same.
func (r *runner) pair(ctx context.Context, j job, others []other) error {
	p := r.portrait[j.photo]
	if p == nil { // a table of other tools' results may name any
		r.report.Refused = append(r.report.Refused, fmt.Sprintf("%s into %s: there is no such photo in the folder", j.photo, j.clip))
		return nil
	}
	if p.face == nil {
		r.report.Refused = append(r.report.Refused, fmt.Sprintf("%s into %s: the photo shows no face that can be used", j.photo, j.clip))
		return nil
	}
	// Of the photos only one is held at a time.
	frame, _, err := media.ReadPhoto(ctx, r.lib.photo(p.name), photoLimits())
	if err != nil {
		return err
	}
	p.frame = frame
	defer func() { p.frame = nil }()
	c, err := r.openClip(ctx, j.clip, r.Start+j.start)
	if err == nil {
		var result *result
		if result, err = r.swap(ctx, p, c); err == nil {
			return r.measureAll(ctx, j, p, c, result, others)
		}
	}
	if unfit(err) {
		r.report.Refused = append(r.report.Refused, fmt.Sprintf("%s into %s: %s", j.photo, j.clip, fault.From(err).Text))
		return nil
	}
	return err
}

// unfit reports whether an input is at fault, or is not there: the other pairs can be measured all the same.
func unfit(err error) bool {
	k := fault.From(err).Code.Kind()
	return k == fault.Input || k == fault.Absent
}

// result is an excerpt with another face.
type result struct {
	frames  []*pix.Frame
	reports []swap.FrameReport // nil where the tool does not tell
	notes   []string           // warnings
	ms      float64
}

// swap puts the photo into a copy of the excerpt.
func (r *runner) swap(ctx context.Context, p *portrait, c *clip) (*result, error) {
	out := &result{}
	if r.Baseline {
		frames, err := encoded(ctx, c)
		return &result{frames: frames}, err
	}
	o := r.options(c.fps)
	photos := []swap.Photo{{Frame: p.frame, Mesh: &p.face.Mesh}}
	for _, n := range p.face.Notes {
		out.notes = append(out.notes, n.Text)
	}
	var id *swap.Identity
	var warnings []swap.Warning
	var err error
	if r.networks != nil {
		id, warnings, err = r.networks.Identity(ctx, photos)
	} else {
		id, warnings, err = swap.NewIdentity(photos, o)
	}
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		out.notes = append(out.notes, w.Text)
	}
	plan, err := swap.NewPlan(c.analysis, []swap.Assignment{{Person: c.person, Identity: id}}, o)
	if err != nil {
		return nil, err
	}
	copies := make([]*pix.Frame, len(c.frames))
	for i, f := range c.frames {
		copies[i] = f.Clone()
	}
	begin, k := time.Now(), 0
	err = plan.Stream(ctx, 0, len(copies), func() (*pix.Frame, error) {
		if k == len(copies) {
			return nil, io.EOF
		}
		k++
		return copies[k-1], nil
	}, func(f *pix.Frame, fr swap.FrameReport) error {
		out.frames = append(out.frames, f)
		out.reports = append(out.reports, fr)
		return nil
	})
	out.ms = float64(time.Since(begin).Microseconds()) / 1000 / float64(len(copies))
	return out, err
}

// measureAll measures our result and the others' on the same inputs, and draws the sheet.
func (r *runner) measureAll(ctx context.Context, j job, p *portrait, c *clip, ours *result, others []other) error {
	pair := &Pair{Photo: j.photo, Clip: j.clip, Start: c.start, Set: j.set, Frames: len(c.frames), SwapMS: ours.ms, Notes: ours.notes}
	if err := r.measure(ctx, pair, p, c, ours); err != nil {
		return err
	}
	r.report.Pairs = append(r.report.Pairs, pair)
	rows := []sheetRow{{"ours", ours.frames}}
	if r.Baseline {
		rows[0].label = "encoded"
	}
	for _, o := range others {
		if o.photo != j.photo || o.clip != j.clip || j.start != 0 {
			continue
		}
		_, frames, err := readFrames(ctx, o.path, c.start, len(c.frames))
		if err != nil && unfit(err) {
			r.report.Refused = append(r.report.Refused, fmt.Sprintf("%s: %s", o.path, fault.From(err).Text))
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		if len(frames) != len(c.frames) || frames[0].W != c.frames[0].W || frames[0].H != c.frames[0].H {
			r.report.Refused = append(r.report.Refused, fmt.Sprintf("%s: its frames are not those of %s", o.path, c.name))
			continue
		}
		theirs := &Pair{Photo: j.photo, Clip: j.clip, Start: c.start, Tool: o.tool, Frames: len(frames)}
		if err := r.measure(ctx, theirs, p, c, &result{frames: frames}); err != nil {
			return err
		}
		r.report.Others = append(r.report.Others, theirs)
		rows = append(rows, sheetRow{o.tool, frames})
	}
	return r.draw(pair, p, c, rows)
}

// measure fills in a pair's figures.
func (r *runner) measure(ctx context.Context, pair *Pair, p *portrait, c *clip, res *result) error {
	out, err := r.look(ctx, res.frames, c)
	if err != nil {
		return err
	}
	for i, m := range out.mesh {
		if m == nil && c.take.mesh[i] != nil {
			pair.Lost++
		}
	}
	vectors, err := r.vectors(ctx, res.frames, out)
	if err != nil {
		return err
	}
	f := &pair.Figures
	for k, e := range r.eyes {
		f.Likeness = append(f.Likeness, r.likeness(k, e.name, vectors[k], p, c))
	}
	pose, sway := poseError(out, c.take)
	f.Pose, f.Sway = number(pose), number(sway)
	f.ExpEyes = number(expressionError(out, c.take, eyeVertices()))
	f.ExpMouth = number(expressionError(out, c.take, mouthVertices()))
	f.Open = number(openError(out, c.take))
	f.Shake, f.Was = number(out.jitter()), number(c.jitter)
	f.Jitter = f.Shake / f.Was
	f.Flicker = number(r.flat.flicker(res.frames, out) / c.flicker)
	f.Seam = number(r.flat.seam(res.frames, out) / c.seam)
	if pair.Tool == "" && !r.Baseline {
		pair.countLeft(c, res, c.start)
		f.Outside = r.changedOutside(c, res)
	}
	return nil
}

// likeness compares the frames that were asked with photo, footage and all photos. A frame in which the
// face is lost counts as neither retrieved nor nearer.
func (r *runner) likeness(k int, name string, vectors [][]float32, p *portrait, c *clip) Likeness {
	var photo, target, retrieved, nearer mean
	for i, v := range vectors {
		if c.vector[k][i] == nil {
			continue
		}
		if v == nil {
			retrieved.add(0)
			nearer.add(0)
			continue
		}
		a, b := dot(v, p.vector[k]), dot(v, c.vector[k][i])
		photo.add(a)
		target.add(b)
		nearer.add(truth(a > b))
		best := p
		for _, g := range r.gallery {
			if dot(v, g.vector[k]) > dot(v, best.vector[k]) {
				best = g
			}
		}
		retrieved.add(truth(best == p))
	}
	return Likeness{name, number(photo.value()), number(target.value()), number(retrieved.value()), number(nearer.value())}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// countLeft lists the faces that stayed as filmed, and counts those that face the camera.
func (pair *Pair) countLeft(c *clip, res *result, start int) {
	f := &pair.Figures
	leave := func(l Left) {
		pair.Left = append(pair.Left, l)
		if l.counts() {
			f.Left++
		}
	}
	for i, o := range c.seen {
		if m := c.missed[i]; m != nil {
			l := Left{start + i, "not_found", fromCamera(m)}
			leave(l)
			if l.counts() {
				f.Faces++
			}
		}
		if o == nil {
			continue
		}
		angle := fromCamera(&o.Pose)
		if angle <= nearFront {
			f.Faces++
		}
		for _, r := range res.reports[i].Faces {
			if r.Person == c.person && !r.Swapped {
				leave(Left{start + i, string(r.Reason), angle})
			}
		}
	}
}

// changedOutside counts samples changed beyond the reach of the faces that were swapped.
func (r *runner) changedOutside(c *clip, res *result) int {
	reach := swap.Reach
	if r.networks != nil {
		reach = r.networks.Reach
	}
	n := 0
	for i, f := range c.frames {
		var outlines [][]pix.Vec2
		if c.seen[i] != nil && res.reports != nil && swapped(res.reports[i], c.person) {
			outlines = append(outlines, reach(c.seen[i]))
		}
		n += outside(f, res.frames[i], outlines)
	}
	return n
}

func swapped(r swap.FrameReport, person int) bool {
	for _, f := range r.Faces {
		if f.Person == person && f.Swapped {
			return true
		}
	}
	return false
}
