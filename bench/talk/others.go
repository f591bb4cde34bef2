package talk

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// other is another tool's result.
type other struct{ clip, sound, path, tool string }

// readOthers reads the table of other tools' results: a line of headings, then case, target, driving sound, result
// and tool, apart by tabs, paths from the table's folder. Cases but "lip-sync" are passed over.
func readOthers(place string) ([]other, error) {
	if place == "" {
		return nil, nil
	}
	if st, err := os.Stat(place); err == nil && st.IsDir() {
		place = filepath.Join(place, "COMPARE.tsv")
	}
	rows, err := readTable(place, "compare", 5)
	if err != nil {
		return nil, err
	}
	var list []other
	for _, row := range rows {
		if row[0] != "lip-sync" {
			continue
		}
		tool, _, _ := strings.Cut(row[4], " (")
		at := func(p string) string { return filepath.Join(filepath.Dir(place), filepath.FromSlash(p)) }
		list = append(list, other{at(row[1]), at(row[2]), at(row[3]), tool})
	}
	return list, nil
}

// groupOthers puts results of the same two inputs together.
func groupOthers(list []other) [][]other {
	var groups [][]other
	for _, o := range list {
		if n := len(groups); n > 0 && groups[n-1][0].clip == o.clip && groups[n-1][0].sound == o.sound {
			groups[n-1] = append(groups[n-1], o)
			continue
		}
		groups = append(groups, []other{o})
	}
	return groups
}

// others makes ours of the inputs of a group and measures all of them.
func (r *runner) others(ctx context.Context, group []other) error {
	c, err := r.openClip(ctx, group[0].clip)
	if err != nil {
		return fmt.Errorf("%s: %w", name(group[0].clip), err)
	}
	heard, err := media.ProbeSound(ctx, group[0].sound, media.Limits{})
	if err != nil {
		return err
	}
	samples, err := media.ReadSound(ctx, group[0].sound, heard.Tracks, media.SoundOptions{Rate: soundRate, Zero: -1})
	if err != nil {
		return err
	}
	s := &said{sound: &speech.Sound{Rate: soundRate, Samples: samples}}
	if words, language, err := r.wordsOf(group[0].sound); err != nil {
		return err
	} else if words != nil {
		t, err := speech.AlignTranscript(ctx, *s.sound, words, r.Speaker, speech.Request{Language: language}, speech.AlignOptions{})
		if err != nil {
			return err
		}
		if t.Score >= speech.ScoreFits {
			s.timing = t
		}
		r.say("%s: its words fit its sound by %.2f", name(group[0].sound), t.Score)
	}
	ours, rows, base, err := r.speak(ctx, c, s, false)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if err := r.films(ctx, ours, "compare--"+c.name, c, rows, s); err != nil {
		return err
	}
	ours.Tool = "ours"
	r.report.Others = append(r.report.Others, ours)
	for _, o := range group {
		d, row, err := r.other(ctx, o, c, s, len(base))
		if err != nil {
			if unfit(err) {
				r.refuse("%s: %v", name(o.path), err)
				continue
			}
			return fmt.Errorf("%s: %w", name(o.path), err)
		}
		r.report.Others = append(r.report.Others, d)
		rows = append(rows, row)
	}
	ours.Sheet, err = r.sheet("compare--"+c.name+".png", c, base, rows, nil)
	return err
}

// other measures another tool's result on clip c, and shows it at the times of n frames of ours.
func (r *runner) other(ctx context.Context, o other, c *clip, s *said, n int) (*Dub, sheetRow, error) {
	row := sheetRow{label: o.tool}
	info, err := media.Probe(ctx, o.path, clipLimits())
	if err != nil {
		return nil, row, err
	}
	t := &clip{name: name(o.path), path: o.path, info: info, fps: info.Video.AvgRate.Float()}
	if t.frames, err = readFrames(ctx, o.path, info, info.Frames()); err != nil {
		return nil, row, err
	}
	if t.analysis, err = r.analyse(ctx, t.frames, t.fps); err != nil {
		return nil, row, err
	}
	if len(t.analysis.People) == 0 {
		return nil, row, fault.New(fault.NoFaceInVideo, t.name, "no face was found")
	}
	t.place()
	m, err := r.measure(ctx, t.frames, t.near(nil), t.fps, 0)
	if err != nil {
		return nil, row, err
	}
	// They play the clip from its beginning, and over again where the sound is longer.
	base := make([]int, len(t.frames))
	for k := range base {
		base[k] = int(math.Round(float64(k)/t.fps*c.fps)) % len(c.frames)
	}
	d := &Dub{Clip: c.name, Tool: o.tool, Frames: len(t.frames), Drawn: len(t.frames), Face: number(t.faceWidth())}
	err = r.figures(&d.Figures, c, m, t.frames, base, s, func(k int) bool { return m.mesh[k] != nil })
	if err != nil {
		return nil, row, err
	}
	none := number(math.NaN())
	for _, v := range []*number{&d.Figures.Outside, &d.Figures.Plan, &d.Figures.Draw, &d.Figures.Jumps, &d.Figures.Back, &d.Figures.Untouch} {
		*v = none
	}
	near := t.near(nil)
	row.size = t.faceWidth()
	for k := range n {
		i := min(int(math.Round(float64(k)/c.fps*t.fps)), len(t.frames)-1)
		row.frames, row.mesh = append(row.frames, t.frames[i]), append(row.mesh, near[i])
	}
	if r.Out == "" {
		return d, row, nil
	}
	d.After = "compare--" + t.name + ".mp4"
	return d, row, r.film(ctx, filepath.Join(r.Out, d.After), t, t.frames, s)
}
