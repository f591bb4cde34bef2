// Package quality measures how well swaps succeed: photos are put into excerpts of clips, in memory and
// without an encoder, and the result is measured beside the footage it was made from. No figure
// means much alone: a recogniser also rewards the photo's light, eyes and teeth on a face where they
// look wrong. So likeness, expression, seam and steadiness are read together, and the contact sheets
// are there to be looked at.
//
// What is measured, per pair:
//
//   - Likeness, by each recogniser that is named: cosine to the photo, cosine to the same frame of the
//     footage, the share of frames whose nearest photo of all is the right one, and the share that is
//     nearer to the photo than to the footage. Every third frame of eighteen is asked.
//   - Pose: the angle of the rotation between the heads of result and footage, from rigid fits.
//   - Expression: how far the vertices of eyes and mouth lie from where the footage has them, without
//     pose and after each side's median shape is taken away, in the plane of the face, in per cent of
//     the eye distance (33 to 263).
//   - Opening: mean difference of the lips' distance, in per cent of the eye distance.
//   - Jitter: second difference in time of six landmarks in the picture; flicker: second difference in time
//     of the skin laid flat; seam: squared gradient at the scale of a mask's edge in the band 1 to 12 %
//     inside the face's outline. All three over the same of the footage, so that 1 is the footage's own.
//   - Samples changed beyond swap.Reach, and faces within 45° of the camera that were left as filmed.
//
// Both sides' meshes are found anew, frame by frame, by the plain mesh network on the crop and its mirror
// image, never taken from the engine: a part of pose, opening and expression is this network's
// reaction to another person.
package quality

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/swap"
)

// Options say what is measured.
type Options struct {
	Media       string          // folder with photos/ and videos/
	Pairs       string          // list or file of pairs; "" for Media's own pairs.tsv or a round robin
	Set         string          // only the pairs of this group of the file
	Frames      int             // consecutive frames of each clip; 0 stands for DefaultFrames
	Start       int             // the first of them
	Recognisers []string        // none stands for TuneRecogniser, "all" for both embedded ones; else names of model cards
	Store       *infer.Store    // of model cards; nil for none
	Out         string          // folder for contact sheets and the report; "" writes none
	Compare     string          // table of other tools' results, or the folder that holds COMPARE.tsv; "" for none
	Engine      pipeline.Engine // what makes the pictures; networks are those of Store
	Baseline    bool            // measure untouched footage, encoded once, instead: the noise of every measure
	Speed       bool            // also time the whole way beside plain FFmpeg, which takes long
	SpeedImage  string          // photo and clip that the reference load is made of; "" for those of the first pair
	SpeedVideo  string
	Workers     int // frames worked on at once; 0 is all cores
	Log         io.Writer
}

// DefaultFrames is how many frames of a clip are swapped: three quarters of a second.
const DefaultFrames = 18

// mostFrames bounds what is held in memory: an excerpt is.
const mostFrames = 240

// embedEvery is how far apart the frames are that recognisers look at.
const embedEvery = 3

// Validate reports the first option that cannot be.
func (o Options) Validate() error {
	if o.Media == "" {
		return fault.New(fault.MissingField, "media", "no folder of photos and clips is given")
	}
	if o.Frames < 0 || o.Frames > mostFrames {
		return fault.New(fault.InvalidField, "frames", "%d is not between 1 and %d", o.Frames, mostFrames)
	}
	if err := o.Engine.Validate(); err != nil {
		return err
	}
	if o.Engine.Name == swap.EngineONNX && o.Store == nil {
		return fault.New(fault.MissingField, "models", "there is no store that networks could be taken from")
	}
	if o.Engine.Name == swap.EngineONNX && o.Speed {
		return fault.New(fault.InvalidField, "speed", "the time of added networks is not measured").WithHint("Add --no-speed.")
	}
	if o.Start < 0 {
		return fault.New(fault.InvalidField, "start", "%d is before the first frame", o.Start)
	}
	return nil
}

// Report is all that was measured.
type Report struct {
	Pairs       []*Pair   `json:"pairs"`
	Others      []*Pair   `json:"others,omitempty"` // other tools' results on inputs that are among Pairs
	Total       Figures   `json:"total"`            // means over pairs
	Worst       Figures   `json:"worst"`            // of the pairs, measure by measure
	Photos      int       `json:"photos"`           // among which likeness is looked up
	Unusable    []string  `json:"unusable"`         // photos without a usable face, with the reason
	Refused     []string  `json:"refused"`          // pairs that the engine does not do, with the reason
	Baseline    bool      `json:"baseline"`
	Engine      string    `json:"engine"`
	Seconds     float64   `json:"seconds"`
	Date        time.Time `json:"date"`
	Recognisers []string  `json:"recognisers"`
	Speed       *Speed    `json:"speed,omitempty"`
}

// Pair is one photo in one clip.
type Pair struct {
	Photo   string   `json:"photo"`
	Clip    string   `json:"clip"`
	Start   int      `json:"start"` // the clip's first frame that is used
	Set     string   `json:"set,omitempty"`
	Tool    string   `json:"tool,omitempty"` // whose result it is, "" for ours
	Frames  int      `json:"frames"`
	Lost    int      `json:"lost"` // swapped frames in which the mesh network finds no face any more
	Figures Figures  `json:"figures"`
	Left    []Left   `json:"left,omitempty"`
	Notes   []string `json:"notes,omitempty"` // what the user would be warned about
	SwapMS  float64  `json:"swap_ms"`         // wall time per frame in the engine, with all workers
	Sheet   string   `json:"sheet,omitempty"`
	pictures
}

// Figures are the measures. NaN (null in JSON) where there was nothing to measure.
type Figures struct {
	Likeness []Likeness `json:"likeness"`
	Pose     number     `json:"pose_degrees"`
	Sway     number     `json:"pose_moving_degrees"` // the part of it that is not constant
	ExpEyes  number     `json:"expression_eyes_percent"`
	ExpMouth number     `json:"expression_mouth_percent"`
	Open     number     `json:"opening_percent"`
	Jitter   number     `json:"jitter_ratio"` // in the mean over pairs: the ratio of the two means below
	Shake    number     `json:"jitter_percent"`
	Was      number     `json:"jitter_of_the_footage_percent"`
	Flicker  number     `json:"flicker_ratio"`
	Seam     number     `json:"seam_ratio"`
	Outside  int        `json:"changed_outside"`
	Faces    int        `json:"faces_within_45"` // visible faces within 45° of the camera
	Left     int        `json:"left_within_45"`  // of them left as filmed
}

// Likeness is what one recogniser says.
type Likeness struct {
	Recogniser string `json:"recogniser"`
	ToPhoto    number `json:"to_photo"`  // cosine
	ToTarget   number `json:"to_target"` // cosine to the same frame of the footage
	Retrieved  number `json:"retrieved"` // share of frames whose nearest photo is the right one
	Nearer     number `json:"nearer"`    // share of frames nearer to the photo than to the footage
}

// Left is a face that was left as filmed.
type Left struct {
	Frame  int     `json:"frame"`
	Reason string  `json:"reason"`
	Angle  float64 `json:"angle"` // degrees from the camera
}

// counts reports whether the face ought to have been swapped.
func (l Left) counts() bool { return l.Angle <= nearFront }

// number is a float that JSON shows as null where it is none.
type number float64

// MarshalJSON writes null for what is no number.
func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%.4f", float64(n)), nil
}

// runner is one run.
type runner struct {
	Options
	lib      *library
	models   *face.Models // as the product looks
	probe    *face.Models // as the measures look
	eyes     []*recogniser
	networks *swap.Networks // of the engine; nil for the built-in one
	flat     *flat
	portrait map[string]*portrait
	gallery  []*portrait // usable ones, in order of name
	clip     *clip       // the last one used
	report   *Report
}

// Run measures all pairs.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Frames == 0 {
		o.Frames = DefaultFrames
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	begin := time.Now()
	r := &runner{Options: o, flat: newFlat(), portrait: map[string]*portrait{},
		report: &Report{Baseline: o.Baseline, Engine: o.Engine.String(), Date: begin.UTC().Truncate(time.Second), Unusable: []string{}, Refused: []string{}}}
	if r.lib, err = openLibrary(o.Media); err != nil {
		return nil, err
	}
	rt, err := infer.Open(infer.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	if err := r.load(ctx, rt); err != nil {
		return nil, err
	}
	networks, done, err := o.Engine.Open(ctx, rt, o.Store)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	r.networks = networks
	if o.Out != "" {
		if err := os.MkdirAll(o.Out, 0o777); err != nil { //nolint:gosec // the user's umask says who may read
			return nil, fault.New(fault.NotWritable, "out", "the folder cannot be made").WithCause(err)
		}
	}
	if err := r.readPhotos(ctx); err != nil {
		return nil, err
	}
	jobs, err := r.lib.jobs(o.Pairs, o.Set, func(p string) bool { return r.portrait[p].face != nil })
	if err != nil {
		return nil, err
	}
	others, err := readOthers(o.Compare)
	if err != nil {
		return nil, err
	}
	jobs = withOthers(jobs, others)
	for k, j := range jobs {
		fmt.Fprintf(o.Log, "bench: %d of %d: %s into %s from %d\n", k+1, len(jobs), j.photo, j.clip, o.Start+j.start)
		if err := r.pair(ctx, j, others); err != nil {
			return nil, fmt.Errorf("%s into %s: %w", j.photo, j.clip, err)
		}
	}
	if len(r.report.Pairs) == 0 {
		return nil, fault.New(fault.FaceUnusable, "pairs", "none of the %d pairs can be done: %s", len(jobs), strings.Join(r.report.Refused, "; "))
	}
	r.report.sum()
	if o.Speed {
		if r.report.Speed, err = r.timeAll(ctx); err != nil {
			return nil, err
		}
	}
	r.report.Seconds = time.Since(begin).Seconds()
	return r.report, r.publish()
}

// load opens the networks.
func (r *runner) load(ctx context.Context, rt *infer.Runtime) (err error) {
	o := face.DefaultOptions()
	if r.models, err = face.NewModels(rt, o); err != nil {
		return err
	}
	o.Plain, o.Mirror = true, true
	if r.probe, err = face.NewModels(rt, o); err != nil {
		return err
	}
	r.eyes, err = openRecognisers(ctx, rt, r.Store, r.Recognisers)
	for _, e := range r.eyes {
		r.report.Recognisers = append(r.report.Recognisers, e.name)
	}
	return err
}

// limits on what is read: generous, but a damaged file must not claim the machine.
func photoLimits() media.Limits { return media.Limits{MaxPixels: 16384 * 16384, MaxBytes: 512 << 20} }
func clipLimits() media.Limits {
	return media.Limits{MaxDuration: 12 * time.Hour, MaxPixels: 8192 * 8192, MaxFrames: 2_000_000}
}

// name is a file's name without its ending and folder.
func name(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// place names the excerpt: the clip, and from which frame where that is not the first.
func (p *Pair) place() string {
	if p.Start == 0 {
		return name(p.Clip)
	}
	return fmt.Sprintf("%s@%d", name(p.Clip), p.Start)
}

// options of the engine.
func (r *runner) options(fps float64) swap.Options {
	o := swap.DefaultOptions()
	o.Engine, o.Networks, o.Workers, o.FPS = r.Engine.Name, r.networks, r.Workers, fps
	return o
}
