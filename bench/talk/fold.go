package talk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

// The drives of a fold: what the mouths of the unseen half are found by.
const (
	driveWords  = "words"           // its own sound and its words
	driveSound  = "sound"           // its own sound alone, words unknown
	driveLower  = "lower voice"     // the same with pitch and formants times .85
	driveHigher = "higher voice"    // and times 1.2
	driveNone   = "unchanged mouth" // the mouths of the other half as they come: an undubbed video
	driveRandom = "random mouths"
)

// voices are the factors of pitch and formants.
func voices() map[string]float64 { return map[string]float64{driveLower: .85, driveHigher: 1.2} }

// Fold is one half of a clip spoken with the mouths of the other half, which alone was learned from, and compared with
// the truth.
type Fold struct {
	Clip   string  `json:"clip"`
	First  int     `json:"first"` // frames that are spoken anew
	End    int     `json:"end"`
	Frames int     `json:"frames"` // of them compared: those that every drive draws in full
	Offset int     `json:"offset"` // frames by which the clip's picture was found to be late
	Words  bool    `json:"words"`  // whether they are known
	Drives []Drive `json:"drives"`
	Sheet  string  `json:"sheet,omitempty"`
}

// Drive is what one of the drives gives.
type Drive struct {
	Name     string       `json:"name"`
	Mode     lipsync.Mode `json:"mode,omitempty"`
	Opening  number       `json:"opening_r"` // correlation of the opening with truth
	PSNR     number       `json:"psnr_db"`   // luma of the mouth's box
	SSIM     number       `json:"ssim"`
	Spread   number       `json:"articulation"`   // deviation of the opening over truth's
	Shut     number       `json:"closure"`        // opening on p, b, m above the person's closed mouth, face widths
	Wide     number       `json:"opening_range"`  // opening on open vowels over that on closures
	Lips     number       `json:"lips_percent"`   // mean distance of the lips' points from truth, per cent of the face width
	Movement number       `json:"movement_ratio"` // mean change of the opening between compared frames over truth's
	Sharp    number       `json:"sharpness"`      // of the mouth laid flat, over that of the same frames as filmed
	Flicker  number       `json:"flicker_ratio"`  // likewise, of the first drive, which alone makes all frames
	Seam     number       `json:"seam_ratio"`     // likewise
}

// folds measures both halves of a clip.
func (r *runner) folds(ctx context.Context, c *clip) error {
	n := len(c.frames)
	for k := range 2 {
		f, err := r.fold(ctx, c, k*n/2, (k+1)*n/2)
		if err != nil {
			if unfit(err) {
				r.refuse("%s, half %d: %v", c.name, k+1, err)
				continue
			}
			return err
		}
		r.report.Folds = append(r.report.Folds, f)
	}
	return nil
}

// fold speaks the frames first ≤ i < end with the mouths of the others.
func (r *runner) fold(ctx context.Context, c *clip, first, end int) (_ *Fold, err error) {
	dir, err := os.MkdirTemp("", "twinsync-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	hidden := c.without(first, end)
	mouths, err := c.collect(hidden, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, mouths.Close()) }()
	known := c.footage()
	known.Analysis = hidden
	watched, err := lipsync.Watch(ctx, known)
	if err != nil {
		return nil, err
	}
	f := &Fold{Clip: c.name, First: first, End: end, Offset: watched.Offset, Words: c.timing != nil}
	base := make([]int, end-first)
	for k := range base {
		base[k] = first + k
	}
	plans, err := r.drives(ctx, c, known, mouths, f, base, dir)
	if err != nil {
		return nil, err
	}
	return f, r.compare(ctx, c, f, plans, mouths, base)
}

// drive is a drive's plan.
type drive struct {
	name string
	plan *lipsync.Plan
}

// drives makes the plans.
func (r *runner) drives(ctx context.Context, c *clip, known lipsync.Footage, mouths *lipsync.Mouths, f *Fold, base []int, dir string) ([]drive, error) {
	// The picture is late by f.Offset frames: what is said in the picture was heard that much earlier.
	from, to := float64(f.First-f.Offset)/c.fps, float64(f.End-f.Offset)/c.fps
	var list []drive
	add := func(name string, p *lipsync.Plan, err error) error {
		if err == nil {
			list = append(list, drive{name, p})
		}
		return err
	}
	if c.timing != nil {
		p, err := lipsync.NewPlan(ctx, []lipsync.Footage{known}, mouths,
			lipsync.Wish{Base: base, FPS: c.fps, Sound: part(c.sound, from, to), Timing: during(c.timing, from, to)})
		if err := add(driveWords, p, err); err != nil {
			return nil, err
		}
	}
	heard := known
	heard.Timing = nil
	sounds := []struct {
		name  string
		sound *speech.Sound
	}{{driveSound, c.sound}}
	for _, name := range []string{driveLower, driveHigher} {
		s, err := stranger(ctx, c.sound, voices()[name], dir)
		if err != nil {
			return nil, err
		}
		sounds = append(sounds, struct {
			name  string
			sound *speech.Sound
		}{name, s})
	}
	for _, s := range sounds {
		p, err := lipsync.NewPlan(ctx, []lipsync.Footage{heard}, mouths, lipsync.Wish{Base: base, FPS: c.fps, Sound: part(s.sound, from, to)})
		if err := add(s.name, p, err); err != nil {
			return nil, err
		}
	}
	show := [2][]int{make([]int, len(base)), make([]int, len(base))}
	dice := uint32(1)
	for k := range base {
		show[0][k] = k % mouths.Len()
		dice = dice*1664525 + 1013904223 // Numerical Recipes' generator: the same mouths in every run
		show[1][k] = int(uint64(dice) * uint64(mouths.Len()) >> 32)
	}
	for i, name := range []string{driveNone, driveRandom} {
		p, err := lipsync.Replay(ctx, []lipsync.Footage{known}, mouths, base, show[i])
		if err := add(name, p, err); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// stranger is the sound with pitch and formants changed by a factor, at the same pace: played that much faster,
// then slowed down with its pitch kept.
func stranger(ctx context.Context, s *speech.Sound, factor float64, dir string) (*speech.Sound, error) {
	quick, slow := filepath.Join(dir, "quick.wav"), filepath.Join(dir, "slow.wav")
	if err := media.WriteWAV(quick, int(math.Round(float64(s.Rate)*factor)), s.Samples); err != nil {
		return nil, err
	}
	in, err := media.ProbeSound(ctx, quick, media.Limits{})
	if err != nil {
		return nil, err
	}
	o := media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1}, Tempo: 1 / factor}
	if err := media.ConvertSound(ctx, quick, in.Tracks, slow, o); err != nil {
		return nil, err
	}
	if in, err = media.ProbeSound(ctx, slow, media.Limits{}); err != nil {
		return nil, err
	}
	samples, err := media.ReadSound(ctx, slow, in.Tracks, media.SoundOptions{Rate: s.Rate, Zero: -1})
	return &speech.Sound{Rate: s.Rate, Samples: samples}, err
}

// compareEvery is how far apart the frames are that folds compare: neighbours say nearly the same, and each costs
// a picture and a look of the network per drive.
const compareEvery = 2

// compare draws what the drives want and measures it beside the truth.
func (r *runner) compare(ctx context.Context, c *clip, f *Fold, plans []drive, mouths *lipsync.Mouths, base []int) error {
	use := make([]bool, len(base))
	for k := range use {
		// A frame that one of them leaves to the filmed mouth would be compared with itself.
		use[k] = k%compareEvery == 0 && !math.IsNaN(c.own.open[base[k]]) &&
			!slices.ContainsFunc(plans, func(d drive) bool { return d.plan.Frames[k].Mouth < 0 || d.plan.Frames[k].Amount < .999 })
		if use[k] {
			f.Frames++
		}
	}
	if f.Frames == 0 {
		return noFrames(c.name)
	}
	var curves *speech.Curves
	if c.timing != nil {
		curves = speech.MouthCurves(during(c.timing, float64(f.First-f.Offset)/c.fps, float64(f.End-f.Offset)/c.fps), len(base), c.fps, lead)
	}
	near := c.near(base)
	counts := func(k int) bool { return use[k] }
	filmed := &series{mesh: pickMeshes(c.own.mesh, base)}
	truth := pickFrames(c.frames, base)
	apart := make([]bool, len(base)+1)
	for k := range apart {
		apart[k] = true // between frames that are compared there are some that are not made
	}
	was, err := r.see(truth, filmed, apart, counts)
	if err != nil {
		return err
	}
	rows := []sheetRow{{label: "as filmed", frames: truth}}
	for i, d := range plans {
		made := use
		if i == 0 {
			made = nil
		}
		out, err := r.draw(c, d.plan, mouths, made)
		if err != nil {
			return err
		}
		s, err := r.measure(ctx, out, near, c.fps, c.own.width)
		if err != nil {
			return err
		}
		v := c.driveFigures(d, s, out, base, use, curves)
		got, err := r.see(out, s, apart, counts)
		if err != nil {
			return err
		}
		v.Sharp, v.Seam, v.Flicker = number(got.sharp/was.sharp), number(got.seam/was.seam), number(math.NaN())
		if i == 0 {
			if v.Flicker, err = r.flicker(c, d.plan, out, s, truth, filmed); err != nil {
				return err
			}
		}
		f.Drives = append(f.Drives, v)
		rows = append(rows, sheetRow{label: d.name, frames: out})
	}
	f.Sheet, err = r.sheet(fmt.Sprintf("fold--%s--%d.png", c.name, f.First), c, base, rows, counts)
	return err
}

// flicker is that of all frames that a plan draws in full, over the same frames as filmed.
func (r *runner) flicker(c *clip, plan *lipsync.Plan, out []*pix.Frame, s *series, truth []*pix.Frame, filmed *series) (number, error) {
	cuts := c.cuts()
	cut := make([]bool, len(out)+1)
	for k, f := range plan.Frames {
		cut[k] = cuts[f.Base]
	}
	full := func(k int) bool {
		for _, i := range []int{k - 1, k, k + 1} {
			if i < 0 || i >= len(out) || plan.Frames[i].Mouth < 0 || plan.Frames[i].Amount < .999 || s.mesh[i] == nil || filmed.mesh[i] == nil {
				return false
			}
		}
		return true
	}
	mine, err := r.see(out, s, cut, full)
	if err != nil {
		return 0, err
	}
	theirs, err := r.see(truth, filmed, cut, full)
	return number(mine.flicker / theirs.flicker), err
}

// driveFigures compares one drive's frames, some of which are nil, with the filmed ones.
func (c *clip) driveFigures(d drive, s *series, out []*pix.Frame, base []int, use []bool, curves *speech.Curves) Drive {
	v := Drive{Name: d.name, Mode: d.plan.Report.Mode}
	var mine, true_ []float64
	var psnr, ssim, lips mean
	for k, i := range base {
		if !use[k] {
			continue
		}
		p, q := likeness(c.frames[i], out[k], mouthBox(c.own.mesh[i], out[k].Bounds()))
		psnr.add(p)
		ssim.add(q)
		if math.IsNaN(s.open[k]) {
			continue
		}
		mine, true_ = append(mine, s.open[k]), append(true_, c.own.open[i])
		for j, p := range s.lips[k] {
			q := c.own.lips[i][j]
			lips.add(100 * math.Hypot(float64(p.X-q.X), float64(p.Y-q.Y)))
		}
	}
	v.Opening, v.PSNR, v.SSIM, v.Lips = number(correlation(mine, true_)), number(psnr.value()), number(ssim.value()), number(lips.value())
	v.Spread = number(deviation(mine) / deviation(true_))
	var steps, trueSteps mean
	for k := 1; k < len(mine); k++ {
		steps.add(math.Abs(mine[k] - mine[k-1]))
		trueSteps.add(math.Abs(true_[k] - true_[k-1]))
	}
	v.Movement = number(steps.value() / trueSteps.value())
	v.Shut, v.Wide = number(math.NaN()), number(math.NaN())
	if curves != nil {
		a, b, _ := s.closures(curves, func(k int) bool { return use[k] })
		v.Shut, v.Wide = number(a-c.own.closed()), number(b/a)
	}
	return v
}

func pickFrames(frames []*pix.Frame, base []int) []*pix.Frame {
	out := make([]*pix.Frame, len(base))
	for k, i := range base {
		out[k] = frames[i]
	}
	return out
}

func pickMeshes(meshes []*face.Mesh, base []int) []*face.Mesh {
	out := make([]*face.Mesh, len(base))
	for k, i := range base {
		out[k] = meshes[i]
	}
	return out
}
