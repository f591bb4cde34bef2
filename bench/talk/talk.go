// Package talk measures how well people are made to speak. Nothing is taken from the engine but its frames: the
// mesh is laid on every one anew, by the plain network, and what the mouth does is compared with the words, with
// the person's own speech and, where a clip speaks its own words with the mouths of its other half, with the truth.
//
// What is measured, per clip that says something new (in memory, without an encoder):
//
//   - Closure: mean distance of the inner lips (three pairs of points) in frames of p, b and m, above the person's
//     own closed mouth (2nd percentile as filmed), in face widths (234 to 454). Opening range: the same mean on
//     open vowels (a, ʌ, e, o) over that on closures.
//   - Articulation: standard deviation of the opening while something is said, over the person's own as filmed.
//   - Motion in pauses of 350 ms and more, a tenth of a second off either end: share of the frames in which the
//     lips move faster than movesFrom.
//   - Offset: lag of the best correlation of the opening with the jaw's curve of the words.
//   - Seam, flicker and sharpness of the mouth laid flat on the mesh, over the person's own as filmed while speaking.
//   - Samples changed away from mouth, jaw and neck.
//
// And per clip whose words are known, or that has sound at all, in two folds: one half is spoken anew with the mouths
// of the other, by words, by sound alone, and by the sound of another voice (pitch and formants shifted); beside them
// the other half's mouths as they come, and mouths at random, drawn the same way. Measured against truth: correlation
// of the opening, PSNR and SSIM of the luma in the mouth's box.
package talk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/speech"
)

// Options say what is measured.
type Options struct {
	Media   string   // folder with videos/
	Clips   []string // what the names of the clips begin with; none stands for all
	Words   string   // list of what is said in clips: name, language, words, apart by tabs; "" for none
	Only    []string // of Parts; none stands for dubs and folds
	Compare string   // table of other tools' results, or the folder that holds COMPARE.tsv; "" for none
	Out     string   // folder for contact sheets and the report; "" writes none
	Seconds float64  // of each clip; 0 is all that fits into memory
	// Texts is a list of languages and words, apart by tabs: every clip says each from file to file, or those that
	// Languages names. "" for none.
	Texts     string
	Languages []string
	Every     bool // also make every clip of videos/ and odd/video say something, from file to file
	Speaker   speech.Speaker
	Workers   int // frames worked on at once; 0 is all cores
	Log       io.Writer
}

// Parts of a run.
const (
	PartDubs  = "dubs"  // clips that say something new
	PartFolds = "folds" // halves of clips spoken with the mouths of the other half
	PartFiles = "files" // whole files: Texts and Every
)

// Validate reports the first option that cannot be.
func (o Options) Validate() error {
	if o.Media == "" {
		return fault.New(fault.MissingField, "media", "no folder of clips is given")
	}
	for _, p := range o.Only {
		if p != PartDubs && p != PartFolds && p != PartFiles {
			return fault.New(fault.InvalidField, "only", "there is no part %q", p).WithHint("Use %s, %s or %s.", PartDubs, PartFolds, PartFiles)
		}
	}
	if !(o.Seconds >= 0) || math.IsInf(o.Seconds, 0) {
		return fault.New(fault.InvalidField, "seconds", "%v is no length", o.Seconds)
	}
	if o.Speaker == nil {
		return fault.New(fault.Internal, "", "there is nobody to speak")
	}
	return nil
}

// Report is all that was measured.
type Report struct {
	Dubs    []*Dub   `json:"dubs"`
	Folds   []*Fold  `json:"folds"`
	Others  []*Dub   `json:"others,omitempty"` // other tools' results, each after ours on the same two
	Refused []string `json:"refused"`          // clips that cannot be done, with the reason

	Languages []*File   `json:"languages,omitempty"` // whole files
	Every     []*File   `json:"every,omitempty"`
	Seconds   float64   `json:"seconds"`
	Date      time.Time `json:"date"`
}

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
	models *face.Models // as the product looks
	probe  *face.Models // as the measures look
	flat   *flat
	words  []words
	report *Report
}

// words are what is said in the clip whose name begins so.
type words struct{ clip, language, text string }

// Run measures.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	begin := time.Now()
	r := &runner{Options: o, flat: newFlat(), report: &Report{Date: begin.UTC().Truncate(time.Second), Dubs: []*Dub{}, Folds: []*Fold{}, Refused: []string{}}}
	if r.words, err = readWords(o.Words); err != nil {
		return nil, err
	}
	clips, err := listClips(o.Media, o.Clips)
	if err != nil {
		return nil, err
	}
	others, err := readOthers(o.Compare)
	if err != nil {
		return nil, err
	}
	rt, err := infer.Open(infer.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	f := face.DefaultOptions()
	if r.models, err = face.NewModels(rt, f); err != nil {
		return nil, err
	}
	f.Plain = true
	if r.probe, err = face.NewModels(rt, f); err != nil {
		return nil, err
	}
	if o.Out != "" {
		if err := os.MkdirAll(o.Out, 0o777); err != nil { //nolint:gosec // the user's umask says who may read
			return nil, fault.New(fault.NotWritable, "out", "the folder cannot be made").WithCause(err)
		}
	}
	if r.wants(PartFiles) {
		if err := r.files(ctx, clips); err != nil {
			return nil, err
		}
	}
	for k, path := range clips {
		if !r.wants(PartDubs) && !r.wants(PartFolds) {
			break
		}
		r.say("%d of %d: %s", k+1, len(clips), name(path))
		if err := r.clip(ctx, path); err != nil {
			return nil, fmt.Errorf("%s: %w", name(path), err)
		}
	}
	for _, g := range groupOthers(others) {
		r.say("other tools on %s with %s", name(g[0].clip), name(g[0].sound))
		if err := r.others(ctx, g); err != nil {
			return nil, err
		}
	}
	r.report.Seconds = time.Since(begin).Seconds()
	return r.report, r.publish()
}

// files makes whole files.
func (r *runner) files(ctx context.Context, clips []string) error {
	if r.Texts != "" {
		if err := r.languages(ctx, clips); err != nil {
			return err
		}
	}
	if r.Every {
		return r.every(ctx)
	}
	return nil
}

// leastHalf is the length of a half, in seconds, from which it is spoken anew: there must be enough to learn from.
const leastHalf = 4

// clip measures what is asked for on one clip.
func (r *runner) clip(ctx context.Context, path string) error {
	c, err := r.openClip(ctx, path)
	if err != nil {
		if unfit(err) {
			r.refuse("%s: %v", name(path), err)
			return nil
		}
		return err
	}
	if r.wants(PartDubs) {
		if err := r.dub(ctx, c); err != nil {
			return err
		}
	}
	if len(c.frames) >= int(2*leastHalf*c.fps) && r.wants(PartFolds) && c.sound != nil && (c.timing != nil || slices.Contains(r.Only, PartFolds)) {
		return r.folds(ctx, c)
	}
	return nil
}

func (r *runner) wants(part string) bool { return len(r.Only) == 0 || slices.Contains(r.Only, part) }

func (r *runner) say(text string, args ...any) { fmt.Fprintf(r.Log, "bench: "+text+"\n", args...) }

// refuse notes what cannot be done; the error among args is shown as its public sentence.
func (r *runner) refuse(text string, args ...any) {
	for i, a := range args {
		if err, ok := a.(error); ok {
			args[i] = fault.From(err).Text
		}
	}
	r.report.Refused = append(r.report.Refused, fmt.Sprintf(text, args...))
}

// unfit reports whether an input is at fault, or is not there: the others can be measured all the same.
func unfit(err error) bool {
	k := fault.From(err).Code.Kind()
	return k == fault.Input || k == fault.Absent
}

// listClips are the files of videos/ that can be clips, those with the wanted beginnings in their order.
func listClips(media string, wanted []string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(media, "videos"))
	if err != nil {
		return nil, fault.New(fault.NotFound, "media", "there is no folder videos/ in %s", filepath.Base(media)).WithCause(err)
	}
	var all []string
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".txt", ".tsv", ".srt", ".vtt":
			continue
		}
		if e.Type().IsRegular() {
			all = append(all, filepath.Join(media, "videos", e.Name()))
		}
	}
	if len(wanted) == 0 {
		return all, nil
	}
	var list []string
	for _, w := range wanted {
		if w == "none" {
			continue
		}
		i := slices.IndexFunc(all, func(p string) bool { return strings.HasPrefix(filepath.Base(p), w) })
		if i < 0 {
			return nil, fault.New(fault.NotFound, "clips", "no clip's name begins with %q", w)
		}
		list = append(list, all[i])
	}
	return list, nil
}

// mostTable bounds what is read of a table.
const mostTable = 1 << 20

// readTable reads a file of lines whose fields are apart by tabs; empty lines and those with a # are passed over.
func readTable(path, field string, fields int) ([][]string, error) {
	st, err := os.Stat(path)
	if err == nil && st.Size() > mostTable {
		return nil, fault.New(fault.InvalidField, field, "%s is no list: it has %d bytes", filepath.Base(path), st.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, field, "there is no file %s", filepath.Base(path)).WithCause(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) < fields {
			return nil, fault.New(fault.InvalidField, field, "the line %q has not %d fields", line, fields)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// readWords reads the list of what is said.
func readWords(path string) ([]words, error) {
	if path == "" {
		return nil, nil
	}
	rows, err := readTable(path, "words", 3)
	var list []words
	for _, row := range rows {
		list = append(list, words{row[0], row[1], row[2]})
	}
	return list, err
}
