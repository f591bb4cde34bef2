package talk

import (
	"context"
	"errors"
	"math"
	"os"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

// What clips are made to say: closures, open vowels, rounded lips, f and v, and a pause in which the mouth has to rest.
const (
	before = "Maybe my mother bought a big apple pie for Bob."
	after  = "Five people above the farm have no more problems with Papa's famous boat."
	pause  = 1.2 // seconds between the two
)

// lead is by how much the product's lips run ahead of the sound, in seconds.
const lead = .02

// Dub is a clip that says something new, measured before any encoder.
type Dub struct {
	Clip    string         `json:"clip"`
	Tool    string         `json:"tool,omitempty"` // whose result it is; "" for ours
	Frames  int            `json:"frames"`
	Drawn   int            `json:"drawn"` // of them with a new mouth
	Face    number         `json:"face_pixels"`
	Words   bool           `json:"words"` // whether the clip's own are known
	Figures Figures        `json:"figures"`
	Report  lipsync.Report `json:"report"`
	Sheet   string         `json:"sheet,omitempty"`
	Before  string         `json:"before,omitempty"` // film of the frames as filmed, with the new sound
	After   string         `json:"after,omitempty"`
}

// Figures are the measures of a clip that speaks. NaN (null in JSON) where there is nothing to measure.
type Figures struct {
	Shut    number `json:"closure"`            // opening on p, b, m above the person's 2nd percentile, face widths
	Wide    number `json:"opening_range"`      // opening on open vowels over that on closures
	Spread  number `json:"articulation"`       // deviation of the opening while speaking, over the person's own
	Stirs   number `json:"moving_in_pauses"`   // share of the frames in pauses in which the lips move
	Stirred number `json:"moving_as_filmed"`   // the same of the frames underneath as they were filmed
	Lag     number `json:"offset_ms"`          // mouth after sound; negative where it is early
	Agrees  number `json:"offset_r"`           // correlation with the curve of the words there
	Outside number `json:"changed_outside"`    // samples; unknown of other tools, whose results are encoded
	Seam    number `json:"seam_ratio"`         // over the frames as filmed
	Flicker number `json:"flicker_ratio"`      // over the person's mouth while it speaks, as filmed
	Sharp   number `json:"sharpness"`          // over the footage's
	Plan    number `json:"plan_ms_per_frame"`  // wall time, with whatever else the machine does
	Draw    number `json:"draw_ms_per_frame"`  // of one worker
	Jumps   number `json:"jumps_per_100"`      // where filmed mouths that do not follow one another meet
	Back    number `json:"handed_back"`        // share of the frames in pauses left as filmed because the mouth rests there
	Untouch number `json:"untouched_per_cent"` // frames without a usable face
}

// said is what a dub says.
type said struct {
	sound  *speech.Sound
	timing *speech.Timing
}

// script speaks both texts with the pause between them, and a fifth of a second of silence at either end.
func (r *runner) script(ctx context.Context) (*said, error) {
	out := &said{timing: &speech.Timing{Language: "en", Score: 1}}
	at := .2
	for i, text := range []string{before, after} {
		u, err := r.Speaker.Speak(ctx, speech.Request{Text: text, Language: "en"})
		if err != nil {
			return nil, err
		}
		if u.Timing == nil {
			return nil, fault.New(fault.Unsupported, "voice", "the voice does not say when its phones are said")
		}
		if i == 0 {
			out.sound = &speech.Sound{Rate: u.Sound.Rate}
		}
		out.sound.Samples = append(out.sound.Samples, make([]float32, int(at*float64(u.Sound.Rate))-len(out.sound.Samples))...)
		out.sound.Samples = append(out.sound.Samples, u.Sound.Samples...)
		for _, p := range u.Timing.Phones {
			out.timing.Phones = append(out.timing.Phones, speech.Phone{IPA: p.IPA, Start: p.Start + at, End: p.End + at})
		}
		at = out.sound.Seconds() + pause
	}
	out.sound.Samples = append(out.sound.Samples, make([]float32, out.sound.Rate/5)...)
	return out, nil
}

// dub makes a clip say the script and measures it.
func (r *runner) dub(ctx context.Context, c *clip) error {
	s, err := r.script(ctx)
	if err != nil {
		return err
	}
	d, rows, base, err := r.speak(ctx, c, s, true)
	if err != nil {
		if unfit(err) {
			r.refuse("%s: %v", c.name, err)
			return nil
		}
		return err
	}
	if d.Sheet, err = r.sheet("dub--"+c.name+".png", c, base, rows, nil); err != nil {
		return err
	}
	if err := r.films(ctx, d, "dub--"+c.name, c, rows, s); err != nil {
		return err
	}
	r.report.Dubs = append(r.report.Dubs, d)
	return nil
}

// speak makes the frames of a clip that says something. What is said is a machine's voice or not.
func (r *runner) speak(ctx context.Context, c *clip, s *said, synthetic bool) (_ *Dub, _ []sheetRow, _ []int, err error) {
	dir, err := os.MkdirTemp("", "twinsync-bench-")
	if err != nil {
		return nil, nil, nil, err
	}
	defer os.RemoveAll(dir)
	mouths, err := c.collect(c.analysis, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { err = errors.Join(err, mouths.Close()) }()
	n := int(math.Ceil(s.sound.Seconds() * c.fps))
	curves := s.curves(n, c.fps, lead)
	quiet := make([]bool, n)
	for k, v := range curves.Silence {
		quiet[k] = v > .5
	}
	base, _ := lipsync.Remap.Frames(lipsync.Moments(c.analysis, c.person, 0, len(c.frames)), n, c.fps, quiet)
	begin := time.Now()
	plan, err := lipsync.NewPlan(ctx, []lipsync.Footage{c.footage()}, mouths,
		lipsync.Wish{Base: base, FPS: c.fps, Sound: s.sound, Timing: s.timing, Synthetic: synthetic})
	if err != nil {
		return nil, nil, nil, err
	}
	d := &Dub{Clip: c.name, Frames: n, Words: c.timing != nil, Report: plan.Report, Face: number(c.faceWidth())}
	d.Figures.Plan = number(time.Since(begin).Seconds() * 1000 / float64(n))
	begin = time.Now()
	out, err := r.draw(c, plan, mouths, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	for k, f := range plan.Frames {
		if f.Mouth < 0 {
			continue
		}
		d.Drawn++
		d.Figures.Outside += number(outside(c.frames[base[k]], out[k], reach(&c.seen[base[k]].Mesh, out[k].Bounds())))
	}
	d.Figures.Draw = number(time.Since(begin).Seconds() * 1000 / float64(max(1, d.Drawn)) * float64(r.Workers))
	if d.Drawn == 0 {
		return nil, nil, nil, noFrames(c.name)
	}
	d.Figures.Jumps = number(100 * float64(plan.Report.Jumps) / float64(n))
	d.Figures.Untouch = number(100 * float64(plan.Report.Untouched) / float64(n))
	d.Figures.Back = number(float64(plan.Report.HandedBack) / float64(plan.Report.Pauses))
	m, err := r.measure(ctx, out, c.near(base), c.fps, c.own.width)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := r.figures(&d.Figures, c, m, out, base, s, func(k int) bool { return plan.Frames[k].Mouth >= 0 }); err != nil {
		return nil, nil, nil, err
	}
	return d, []sheetRow{{label: "as filmed", frames: pickFrames(c.frames, base)}, {label: "ours", frames: out}}, base, nil
}

// curves are of the words, or of the sound where they are unknown.
func (s *said) curves(n int, fps, lead float64) *speech.Curves {
	if s.timing != nil {
		return speech.MouthCurves(s.timing, n, fps, lead)
	}
	return speech.SoundCurves(*s.sound, n, fps)
}

// figures measures frames that say s beside the clip that they were made of. base names the clip's frame under each;
// drawn tells which frames have a new mouth.
func (r *runner) figures(f *Figures, c *clip, m *series, out []*pix.Frame, base []int, s *said, drawn func(k int) bool) error {
	n := len(out)
	curves := s.curves(n, m.fps, lead)
	none := number(math.NaN())
	f.Shut, f.Wide = none, none
	if s.timing != nil {
		a, b, _ := m.closures(curves, drawn)
		f.Shut, f.Wide = number(a-c.own.closed()), number(b/a)
	}
	speaks := c.speaks()
	f.Spread = number(m.spread(func(k int) bool { return drawn(k) && curves.Silence[k] < .5 }) / c.own.spread(func(i int) bool { return speaks[i] }))
	rest := inPauses(curves, m.fps)
	f.Stirs = number(m.stirring(rest))
	var under []int
	for _, k := range rest {
		if k > 0 && base[k] == base[k-1]+1 {
			under = append(under, base[k])
		}
	}
	f.Stirred = number(c.own.stirring(under))
	lag, agrees := m.lag(s.curves(n, m.fps, 0).Jaw)
	f.Lag, f.Agrees = number(1000*lag), number(agrees)
	cut := make([]bool, n+1)
	for k := 1; k < n; k++ {
		d := base[k] - base[k-1]
		cut[k] = d > 2 || d < -2 || shotOf(c, base[k]) != shotOf(c, base[k-1])
	}
	mine, err := r.see(out, m, cut, func(k int) bool { return drawn(k) && curves.Silence[k] < .5 })
	if err != nil {
		return err
	}
	talks := c.talks(speaks)
	theirs, err := r.see(c.frames, c.own, c.cuts(), func(i int) bool { return speaks[i] || !talks })
	if err != nil {
		return err
	}
	if !talks { // there is no speaking mouth to compare with
		f.Spread, theirs.flicker = none, math.NaN()
	}
	f.Flicker, f.Sharp, f.Seam = number(mine.flicker/theirs.flicker), number(mine.sharp/theirs.sharp), number(mine.seam/theirs.seam)
	return nil
}

// cuts tells the frames that begin a shot.
func (c *clip) cuts() []bool {
	cut := make([]bool, len(c.frames)+1)
	for _, s := range c.analysis.Shots {
		if s.First < len(cut) {
			cut[s.First] = true
		}
	}
	return cut
}

// shotOf is the shot that a frame belongs to.
func shotOf(c *clip, frame int) int {
	for i, s := range c.analysis.Shots {
		if frame < s.End {
			return i
		}
	}
	return len(c.analysis.Shots)
}

// faceWidth is the median width of the face in pixels.
func (c *clip) faceWidth() float64 {
	var w []float64
	for _, o := range c.seen {
		if o != nil {
			w = append(w, math.Hypot(float64(o.Mesh[234].X-o.Mesh[454].X), float64(o.Mesh[234].Y-o.Mesh[454].Y)))
		}
	}
	return quantile(w, .5)
}

// draw makes the frames of a plan; those that use leaves out are nil, and with use nil those without a new
// mouth are the clip's own.
func (r *runner) draw(c *clip, plan *lipsync.Plan, mouths *lipsync.Mouths, use []bool) ([]*pix.Frame, error) {
	renderer, err := lipsync.NewRenderer(&plan.Model)
	if err != nil {
		return nil, err
	}
	out := make([]*pix.Frame, len(plan.Frames))
	return out, r.each(len(out), func(k int) error {
		f := &plan.Frames[k]
		if use != nil && !use[k] {
			return nil
		}
		if out[k] = c.frames[f.Base]; f.Mouth < 0 || !(f.Amount > 0) || plan.Head(k) == nil {
			return nil
		}
		m, err := plan.Mouth(mouths, f.Mouth)
		if err != nil {
			return err
		}
		out[k] = out[k].Clone()
		_, err = renderer.Draw(out[k], plan.Head(k), m, f)
		return err
	})
}

func noFrames(clip string) error {
	return fault.New(fault.FaceUnusable, clip, "no frame gets a new mouth")
}
