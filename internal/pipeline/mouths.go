package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
)

// mouthBudget bounds the pixels that are kept of one person's mouths in one clip, in bytes.
const mouthBudget = 300 << 20

// maxPicks bounds the stored list of picks.
const maxPicks = 64 << 20

// collected is what a segment of the mouths leaves: a key for each role, "" where it has none there.
type collected struct {
	Keys []string `json:"keys"`
}

// pickMouths decides, from the analyses, which frames' mouths are kept: by role, then by clip.
func pickMouths(ctx context.Context, w *work) error {
	clips := w.fetched.clips()
	picks := make([][][]lipsync.Pick, len(w.joined.Roles))
	for i, r := range w.joined.Roles {
		for k, c := range clips {
			a, person := w.analysis, r.Person
			if k > 0 {
				a, person = w.more[k-1], r.More[k-1]
			}
			var list []lipsync.Pick
			if person >= 0 {
				_, info, err := w.openClip(ctx, c)
				if err != nil {
					return err
				}
				list = lipsync.Choose(a, person, info.Video.Layout, mouthBudget)
			}
			picks[i] = append(picks[i], list)
		}
		if !slices.ContainsFunc(picks[i], func(l []lipsync.Pick) bool { return len(l) > 0 }) {
			return fault.New(fault.NoUsableMouth, w.fetched.Video.Name, "the mouth of person %d is never seen well enough to speak with", r.Person+1).
				WithHint("Use footage in which the person faces the camera with the mouth uncovered for at least a second.")
		}
	}
	for k, c := range clips {
		for _, p := range c.parts(k) {
			if slices.ContainsFunc(picks, func(role [][]lipsync.Pick) bool { return len(within(role[k], p)) > 0 }) {
				w.joined.Mouths = append(w.joined.Mouths, p)
			}
		}
	}
	raw, err := json.Marshal(picks)
	if err != nil {
		return err
	}
	w.joined.Picks = w.key("picks.json")
	if _, err := w.r.cfg.Blobs.Write(ctx, w.joined.Picks, raw); err != nil {
		return err
	}
	w.out = &w.joined
	return nil
}

// within are the picks of a part.
func within(list []lipsync.Pick, p part) []lipsync.Pick {
	return slices.DeleteFunc(slices.Clone(list), func(x lipsync.Pick) bool { return x.Frame < p.First || x.Frame >= p.End })
}

// mouthParts are the segments with mouths that are kept.
func mouthParts(t task.Task) ([]task.Spec, error) {
	j, err := firstResult[joined](t, Join)
	if err != nil {
		return nil, err
	}
	return parts(j.Mouths)
}

// collectMouths keeps the mouths of a segment as they were filmed.
func collectMouths(ctx context.Context, w *work) error {
	raw, err := w.r.cfg.Blobs.Read(ctx, w.joined.Picks, maxPicks)
	if err != nil {
		return err
	}
	var picks [][][]lipsync.Pick
	if err := json.Unmarshal(raw, &picks); err != nil {
		return fmt.Errorf("stored picks: %w", err)
	}
	var a *face.Analysis
	if err := w.load(ctx, w.r.cfg.Blobs, w.joined.analyses()[w.part.Clip], func(in io.Reader) (err error) {
		a, err = face.ReadAnalysisWindow(in, w.part.First, w.part.End)
		return err
	}); err != nil {
		return err
	}
	type file struct {
		f *os.File
		c *lipsync.Collector
	}
	files := make([]file, len(picks))
	defer func() {
		for _, f := range files {
			if f.f != nil {
				f.f.Close() // closed already where it is whole
			}
		}
	}()
	first, last := w.part.End, w.part.First
	for i, role := range picks {
		if w.part.Clip >= len(role) {
			return fmt.Errorf("stored picks: %d clips", len(role))
		}
		list := within(role[w.part.Clip], w.part)
		if len(list) == 0 {
			continue
		}
		if files[i].f, err = os.Create(w.scratch(fmt.Sprintf("mouths-%d", i))); err != nil {
			return err
		}
		files[i].c = lipsync.NewCollector(files[i].f, w.part.Clip, a, list)
		for _, p := range list {
			first, last = min(first, p.Frame), max(last, p.Frame)
		}
	}
	var order []int
	for n := first; n <= last; n++ {
		if slices.ContainsFunc(files, func(f file) bool { return f.c != nil && f.c.Wants(n) }) {
			order = append(order, n)
		}
	}
	if len(order) > 0 {
		in, err := w.openOrder(ctx, order)
		if err != nil {
			return w.videoFault(err)
		}
		defer in.Close()
		for k, n := range order {
			f, err := in.Read()
			if err != nil {
				return w.videoFault(err)
			}
			for _, g := range files {
				if g.c == nil {
					continue
				}
				if err := g.c.Add(n, f); err != nil {
					return err
				}
			}
			in.Release(f)
			w.job.Report(k+1, len(order))
		}
	}
	out := collected{Keys: make([]string, len(files))}
	for i, f := range files {
		if f.c == nil {
			continue
		}
		if err := errors.Join(f.c.Close(), f.f.Close()); err != nil {
			return err
		}
		out.Keys[i] = w.key(fmt.Sprintf("mouths-%d", i))
		if _, err := w.r.cfg.Blobs.Put(ctx, out.Keys[i], f.f.Name()); err != nil {
			return err
		}
	}
	w.out = out
	return nil
}

// backwardsRoom is how many bytes of decoded frames may lie in the scratch folder of a segment that is played
// backwards: six seconds of 1080p.
const backwardsRoom = 600 << 20

// openOrder reads frames of the segment's clip in an order of one's own, from what the analysis left decoded as far
// as there is any.
func (w *work) openOrder(ctx context.Context, order []int) (*media.Reader, error) {
	return media.OpenOrder(ctx, w.video, w.info, order, media.OrderOptions{
		Kept: w.r.kept.all(w.job.Task.ID, w.part.Clip), Dir: w.dir, Most: backwardsRoom, Threads: w.r.cfg.Threads, Ahead: decodedAhead,
	})
}

// openMouths opens what was collected of one role.
func (w *work) openMouths(ctx context.Context, role int) (*lipsync.Mouths, error) {
	list, err := stageResult[collected](w.job.Task, Mouths)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, c := range list {
		if role >= len(c.Keys) || c.Keys[role] == "" {
			continue
		}
		path, err := w.open(ctx, input{Key: c.Keys[role]})
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	m, err := lipsync.OpenMouths(paths...)
	if err != nil {
		return nil, err
	}
	w.free = append(w.free, m.Close)
	return m, nil
}
