package talk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// short is what every clip says that only has to show whether it can.
const short = "Maybe Bob will be home by five, or by a quarter past."

// File is a whole video made as users make it, from file to file.
type File struct {
	Clip     string   `json:"clip"`
	Language string   `json:"language,omitempty"`
	Out      string   `json:"out,omitempty"`   // the file; "" where it is not kept
	Code     string   `json:"code,omitempty"`  // of the error, "" where a file was made
	Error    string   `json:"error,omitempty"` // its public sentence
	Frames   int      `json:"frames"`
	Drawn    int      `json:"drawn"`
	Voice    string   `json:"voice,omitempty"`
	Apart    number   `json:"sound_less_picture_frames"` // by how many frames the sound is longer than the picture
	Wall     number   `json:"wall_s"`
	Figures  *Figures `json:"figures,omitempty"` // measured on the file
	Warnings []string `json:"warnings,omitempty"`
}

// whole makes a file and looks at what came out. words is the clip's transcript file, "" for none.
func (r *runner) whole(ctx context.Context, path, language, text, words, out string) (*File, *speech.Timing, error) {
	f := &File{Clip: filepath.Base(path), Language: language, Apart: number(math.NaN())}
	say := pipeline.Say{Text: text, Language: language, Who: pipeline.Who{Person: pipeline.Largest}}
	spec := pipeline.DefaultTalk(pipeline.Source{Path: path, Field: filepath.Base(path)}, say)
	if words != "" {
		spec.Words, spec.WordsLanguage = &pipeline.Source{Path: words, Field: filepath.Base(words)}, "en"
	}
	begin := time.Now()
	report, err := app.Talk(ctx, app.TalkRequest{Spec: spec, Out: out, Timing: out + ".json"}, func(app.Progress) {})
	f.Wall = number(time.Since(begin).Seconds())
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		e := fault.From(err)
		f.Code, f.Error = string(e.Code), e.Text
		return f, nil, nil
	}
	f.Frames, f.Drawn, f.Warnings = report.Report.Frames, report.Report.Drawn, report.Warnings
	if len(report.Report.Says) > 0 {
		f.Voice = report.Report.Says[0].Voice
	}
	raw, err := os.ReadFile(out + ".json")
	if err != nil {
		return nil, nil, err
	}
	t := new(speech.Timing)
	if err := json.Unmarshal(raw, t); err != nil {
		return nil, nil, fmt.Errorf("times of words: %w", err)
	}
	return f, t, f.lengths(ctx, out)
}

// lengths compares how long picture and sound of a file are.
func (f *File) lengths(ctx context.Context, path string) error {
	info, err := media.Probe(ctx, path, clipLimits())
	if err != nil {
		return err
	}
	if info.Frames() != f.Frames {
		return fmt.Errorf("%s has %d frames, not %d", filepath.Base(path), info.Frames(), f.Frames)
	}
	samples, err := media.ReadSound(ctx, path, info.Audio, media.SoundOptions{Rate: soundRate, Zero: info.Start})
	if err != nil {
		return err
	}
	picture := info.Time(info.Frames()) - info.Start
	f.Apart = number((float64(len(samples))/soundRate - picture.Seconds()) * info.Video.AvgRate.Float())
	return nil
}

// languages makes each clip say the same in every language asked for.
func (r *runner) languages(ctx context.Context, clips []string) error {
	texts, err := readTable(r.Texts, "texts", 2)
	if err != nil {
		return err
	}
	dir, done, err := r.folder("twinsync-bench-")
	if err != nil {
		return err
	}
	defer done()
	for _, path := range clips {
		c, err := r.openClip(ctx, path)
		if err != nil {
			return err
		}
		words, err := r.wordsFile(path, dir)
		if err != nil {
			return err
		}
		for _, row := range texts {
			if len(r.Languages) > 0 && !slices.Contains(r.Languages, row[0]) {
				continue
			}
			r.say("%s in %s", c.name, row[0])
			out := filepath.Join(dir, c.name+"--"+row[0]+".mp4")
			f, timing, err := r.whole(ctx, path, row[0], row[1], words, out)
			if err != nil {
				return err
			}
			if f.Code == "" {
				if r.Out != "" {
					f.Out = filepath.Base(out)
				}
				if err := r.look(ctx, c, f, timing, out); err != nil {
					return err
				}
			}
			r.report.Languages = append(r.report.Languages, f)
		}
	}
	return nil
}

// look measures a finished file beside its clip.
func (r *runner) look(ctx context.Context, c *clip, f *File, timing *speech.Timing, out string) error {
	info, err := media.Probe(ctx, out, clipLimits())
	if err != nil {
		return err
	}
	made := &clip{name: c.name, path: out, info: info, fps: info.Video.AvgRate.Float()}
	if made.frames, err = readFrames(ctx, out, info, info.Frames()); err != nil {
		return err
	}
	if made.analysis, err = r.analyse(ctx, made.frames, made.fps); err != nil {
		return err
	}
	made.place()
	m, err := r.measure(ctx, made.frames, made.near(nil), made.fps, c.own.width)
	if err != nil {
		return err
	}
	base := make([]int, len(made.frames))
	for k := range base {
		base[k] = min(k, len(c.frames)-1) // the same pace, or nearly: only what lies under pauses is looked up by it
	}
	samples, err := media.ReadSound(ctx, out, info.Audio, media.SoundOptions{Rate: soundRate, Zero: info.Start})
	if err != nil {
		return err
	}
	s := &said{sound: &speech.Sound{Rate: soundRate, Samples: samples}, timing: timing}
	f.Figures = new(Figures)
	err = r.figures(f.Figures, c, m, made.frames, base, s, func(k int) bool { return m.mesh[k] != nil })
	none := number(math.NaN())
	for _, n := range []*number{&f.Figures.Outside, &f.Figures.Plan, &f.Figures.Draw, &f.Figures.Jumps, &f.Figures.Back, &f.Figures.Untouch} {
		*n = none
	}
	return err
}

// folder is where whole files are made: the report's, or one that done removes.
func (r *runner) folder(pattern string) (dir string, done func(), err error) {
	if r.Out != "" {
		return r.Out, func() {}, nil
	}
	dir, err = os.MkdirTemp("", pattern)
	return dir, func() { os.RemoveAll(dir) }, err
}

// wordsFile writes the known words of a clip to a file of dir; "" where nobody knows them.
func (r *runner) wordsFile(path, dir string) (string, error) {
	t, _, err := r.wordsOf(path)
	if err != nil || t == nil {
		return "", err
	}
	file := filepath.Join(dir, name(path)+".words.txt")
	return file, writeFile(file, []byte(t.Text()+"\n"))
}

// every makes every clip of videos/ and odd/video say something short, and says what came of it.
func (r *runner) every(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "twinsync-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, folder := range []string{"videos", filepath.Join("odd", "video")} {
		entries, err := os.ReadDir(filepath.Join(r.Media, folder))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fault.New(fault.NotFound, "media", "there is no folder %s", folder).WithCause(err)
		}
		for _, e := range entries {
			switch strings.ToLower(filepath.Ext(e.Name())) {
			case ".txt", ".tsv", ".srt", ".vtt":
				continue
			}
			if !e.Type().IsRegular() {
				continue
			}
			r.say("%s", e.Name())
			out := filepath.Join(dir, "out.mp4")
			f, _, err := r.whole(ctx, filepath.Join(r.Media, folder, e.Name()), "en", short, "", out)
			if err != nil {
				return fmt.Errorf("%s: %w", e.Name(), err)
			}
			r.report.Every = append(r.report.Every, f)
			if err := errors.Join(remove(out), remove(out+".json")); err != nil {
				return err
			}
		}
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// result is what came of a file, for the tables.
func (f *File) result() string {
	switch {
	case f.Code != "":
		return f.Code + ": " + f.Error
	case f.Drawn == 0:
		return "as filmed: " + strings.Join(f.Warnings, "; ")
	}
	s := fmt.Sprintf("%d of %d frames", f.Drawn, f.Frames)
	if len(f.Warnings) > 0 {
		s += ": " + strings.Join(f.Warnings, "; ")
	}
	return s
}
