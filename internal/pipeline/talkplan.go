package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// planned is what the stage of the plan leaves.
type planned struct {
	Base    string           `json:"base"`  // key of the footage's frame for each frame of the result
	Plans   []string         `json:"plans"` // keys, by role
	Parts   []part           `json:"parts"` // of the result
	Reports []lipsync.Report `json:"reports"`
	Timing  string           `json:"timing,omitempty"` // key of when what is said in the result
}

// loadTalk reads the whole analysis and what the stage of the voice left.
func loadTalk(ctx context.Context, w *work) (err error) {
	for i, key := range w.joined.analyses() {
		var a *face.Analysis
		if err := w.load(ctx, w.r.cfg.Blobs, key, func(in io.Reader) (err error) {
			a, err = face.ReadAnalysis(in)
			return err
		}); err != nil {
			return err
		}
		if i == 0 {
			w.analysis = a
		} else {
			w.more = append(w.more, a)
		}
	}
	return nil
}

// fitLengths finds which frame of the footage each frame of the result shows.
func fitLengths(ctx context.Context, w *work) error {
	defer w.breathe()()
	n, fps := w.voiced.Frames, w.voiced.Rate.Float()
	seen := clock(w.info, w.fetched.Range, w.voiced.Rate)
	all := lipsync.Moments(w.analysis, w.joined.Roles[0].Person, 0, w.info.Frames())
	moments := make([]lipsync.Moment, len(seen))
	for i, f := range seen {
		moments[i] = all[f]
	}
	quiet := make([]bool, n)
	for i := range quiet {
		quiet[i] = true
	}
	for _, s := range w.voiced.Says {
		list := []speech.Phone{{IPA: "?", End: s.Seconds}} // all of it, where nothing is known
		if s.Timing != "" {
			t, err := w.loadTiming(ctx, s.Timing)
			if err != nil {
				return err
			}
			list = t.Phones
		}
		for _, p := range list {
			if p.IPA == "" {
				continue
			}
			for k := max(0, int((s.At+p.Start)*fps)); k < min(n, int(math.Ceil((s.At+p.End)*fps))); k++ {
				quiet[k] = false
			}
		}
	}
	base, notes := w.talk.Fit.Frames(moments, n, fps, quiet)
	w.warn(notes...)
	for i, b := range base {
		base[i] = seen[b]
	}
	w.base = base
	raw, err := json.Marshal(base)
	if err != nil {
		return err
	}
	w.planned.Base = w.key("base.json")
	if _, err := w.r.cfg.Blobs.Write(ctx, w.planned.Base, raw); err != nil {
		return err
	}
	w.planned.Parts = cutResult(base, w.info.Video.Keys, int(segmentLength.Seconds()*fps))
	return nil
}

// cutResult divides the result into segments of about n frames; where the picture turns, or at a keyframe of the
// footage, if there is such a place, so that little is decoded in vain.
func cutResult(base, keys []int, n int) (list []part) {
	n = max(n, 1)
	good := func(k int) bool {
		_, key := slices.BinarySearch(keys, base[k])
		turns := k+1 < len(base) && (base[k]-base[k-1])*(base[k+1]-base[k]) < 0
		return turns || key && base[k] > base[k-1]
	}
	for at := 0; at < len(base); {
		end := min(at+n, len(base))
		for _, k := range nearest(end, n/3) {
			if k > at && k < len(base) && good(k) {
				end = k
				break
			}
		}
		if len(base)-end < n/2 {
			end = len(base)
		}
		list = append(list, part{First: at, End: end})
		at = end
	}
	return list
}

// nearest lists numbers by their distance from the middle: m, m−1, m+1, m−2, …
func nearest(m, reach int) []int {
	list := []int{m}
	for d := 1; d <= reach; d++ {
		list = append(list, m-d, m+d)
	}
	return list
}

// planMouths finds a mouth for every frame of the result, for every role.
func planMouths(ctx context.Context, w *work) error {
	defer w.breathe()()
	for i, r := range w.joined.Roles {
		mouths, err := w.openMouths(ctx, i)
		if err != nil {
			return err
		}
		footage, err := w.footageOf(ctx, r)
		if err != nil {
			return err
		}
		wish, err := w.wishOf(ctx, r)
		if err != nil {
			return err
		}
		p, err := lipsync.NewPlan(ctx, footage, mouths, wish)
		if err != nil {
			return w.named(err, w.fetched.Video.Name)
		}
		if err := w.ownMouths(ctx, p); err != nil {
			return err
		}
		key := w.key(fmt.Sprintf("plan-%d", i))
		if err := w.store(ctx, p.Write, place{w.r.cfg.Blobs, key}); err != nil {
			return err
		}
		w.planned.Plans = append(w.planned.Plans, key)
		w.planned.Reports = append(w.planned.Reports, p.Report)
		w.warn(p.Report.Warnings...)
	}
	return w.keepWords(ctx)
}

// footageOf is everything that was filmed of a role.
func (w *work) footageOf(ctx context.Context, r role) (list []lipsync.Footage, err error) {
	for k, c := range w.fetched.clips() {
		path, info, err := w.openClip(ctx, c)
		if err != nil {
			return nil, err
		}
		f := lipsync.Footage{Analysis: w.analysis, Person: r.Person, FPS: clipRate(info)}
		for i := range info.Frames() {
			f.Times = append(f.Times, (info.Time(i) - info.Time(0)).Seconds())
		}
		if k > 0 {
			f.Analysis, f.Person = w.more[k-1], r.More[k-1]
		}
		// What is heard is this person's voice where nobody else is to be seen.
		if f.Person >= 0 && len(f.Analysis.People) == 1 || k == 0 && w.voiced.Words != "" {
			if f.Sound, err = w.filmedSound(ctx, path, info); err != nil {
				return nil, w.named(err, c.Video.Name)
			}
		}
		if k == 0 && w.voiced.Words != "" {
			if f.Timing, err = w.loadTiming(ctx, w.voiced.Words); err != nil {
				return nil, err
			}
		}
		list = append(list, f)
	}
	return list, nil
}

// wishOf is what a role says: in the time of the result, with silence where others speak.
func (w *work) wishOf(ctx context.Context, r role) (lipsync.Wish, error) {
	fps := w.voiced.Rate.Float()
	wish := lipsync.Wish{Base: w.base, FPS: fps, Synthetic: true}
	length := float64(len(w.base)) / fps
	sound := speech.Sound{Rate: hearRate, Samples: make([]float32, int(length*hearRate))}
	timing, known := &speech.Timing{Phones: []speech.Phone{}, Score: 1}, true
	for _, i := range r.Says {
		s := w.voiced.Says[i]
		path, err := w.open(ctx, input{Key: s.Sound})
		if err != nil {
			return wish, err
		}
		heard, err := w.hear(ctx, path)
		if err != nil {
			return wish, err
		}
		at := int(s.At * hearRate)
		for k, v := range heard.Samples {
			if at+k < len(sound.Samples) {
				sound.Samples[at+k] += v
			}
		}
		wish.Synthetic = wish.Synthetic && s.Synthetic
		if s.Timing == "" {
			known = false
			continue
		}
		t, err := w.loadTiming(ctx, s.Timing)
		if err != nil {
			return wish, err
		}
		timing.Language = or(timing.Language, t.Language)
		timing.Score = min(timing.Score, t.Score)
		appendTiming(timing, t, s.At, length)
	}
	wish.Sound = &sound
	if known {
		wish.Timing = timing
	}
	return wish, nil
}

// appendTiming adds what is said from at on, up to the end.
func appendTiming(to, t *speech.Timing, at, end float64) {
	for _, p := range t.Phones {
		if p.Start += at; p.Start < end {
			p.End = min(p.End+at, end)
			to.Phones = append(to.Phones, p)
		}
	}
	for _, x := range t.Words {
		if x.Start += at; x.Start < end {
			x.End = min(x.End+at, end)
			to.Words = append(to.Words, x)
		}
	}
}

// keepWords stores when what is said in the result, by everybody.
func (w *work) keepWords(ctx context.Context) error {
	all := &speech.Timing{Phones: []speech.Phone{}, Score: 1}
	for _, s := range w.voiced.Says {
		if s.Timing == "" {
			continue
		}
		t, err := w.loadTiming(ctx, s.Timing)
		if err != nil {
			return err
		}
		all.Language = or(all.Language, t.Language)
		all.Score = min(all.Score, t.Score)
		appendTiming(all, t, s.At, float64(len(w.base))/w.voiced.Rate.Float())
	}
	w.planned.Timing = w.key("timing.json")
	w.out = &w.planned
	return w.keepTiming(ctx, w.planned.Timing, all)
}

// resultParts are the segments of the result.
func resultParts(t task.Task) ([]task.Spec, error) {
	p, err := firstResult[planned](t, Plan)
	if err != nil {
		return nil, err
	}
	return parts(p.Parts)
}

// resultInfo describes the result as it is encoded: the footage's picture at a constant rate.
func (w *work) resultInfo() *media.Info {
	rate := w.voiced.Rate
	v := w.info.Video
	v.TimeBase, v.Rate, v.AvgRate = media.Rational{Num: rate.Den, Den: rate.Num}, rate, rate
	v.Times, v.Keys, v.Untimed = make([]int64, w.voiced.Frames), []int{0}, false
	for i := range v.Times {
		v.Times[i] = int64(i)
	}
	v.End = int64(len(v.Times))
	info := &media.Info{Format: w.info.Format, Video: v}
	info.Duration = info.Time(len(v.Times))
	return info
}
