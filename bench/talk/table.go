package talk

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// row is a line of the table: a measure with what it must be at least and what is aimed at.
type row struct {
	Name         string
	Value, Worst float64
	Low, High    float64 // the limits; an open end is infinite
	AimLow, Aim  float64 // those of the aim
	Scale        float64
	Digits       int
	Unit         string
	Gate         bool // counts
}

var inf = math.Inf(1)

// rows are the measures with their limits and aims: means over clips and folds, and the worst of them.
func (r *Report) rows() []row {
	var rows []row
	// get's worst is the value farthest from the middle of the aim.
	add := func(b row, values []float64) {
		var m mean
		b.Worst = math.NaN()
		for _, v := range values {
			if math.IsNaN(v) {
				continue
			}
			m.add(v)
			if math.IsNaN(b.Worst) || b.miss(v) > b.miss(b.Worst) {
				b.Worst = v
			}
		}
		b.Value, b.Gate = m.value(), b.Low != -inf || b.High != inf
		rows = append(rows, b)
	}
	dubs := func(get func(*Figures) number) (v []float64) {
		for _, d := range r.Dubs {
			v = append(v, float64(get(&d.Figures)))
		}
		return v
	}
	most := func(name string, limit, aim, scale float64, digits int, unit string) row {
		return row{Name: name, Low: -inf, High: limit, AimLow: -inf, Aim: aim, Scale: scale, Digits: digits, Unit: unit}
	}
	least := func(name string, limit, aim, scale float64, digits int, unit string) row {
		return row{Name: name, Low: limit, High: inf, AimLow: aim, Aim: inf, Scale: scale, Digits: digits, Unit: unit}
	}
	if len(r.Dubs) > 0 {
		add(most("closure on p, b, m above the person's closed mouth", .005, .002, 1, 4, ""), dubs(func(f *Figures) number { return f.Shut }))
		add(least("opening range, open vowels to closures", 3, 4, 1, 1, "×"), dubs(func(f *Figures) number { return f.Wide }))
		add(row{Name: "articulation", Low: .7, High: 1.2, AimLow: .85, Aim: 1.1, Scale: 1, Digits: 2, Unit: "×"}, dubs(func(f *Figures) number { return f.Spread }))
		add(most("frames moving in pauses", .12, .05, 100, 0, "%"), dubs(func(f *Figures) number { return f.Stirs }))
		add(most("  of the footage underneath", inf, inf, 100, 0, "%"), dubs(func(f *Figures) number { return f.Stirred }))
		add(row{Name: "offset of mouth and sound", Low: -40, High: 40, AimLow: -20, Aim: 20, Scale: 1, Digits: 0, Unit: " ms"}, dubs(func(f *Figures) number { return f.Lag }))
		add(most("samples changed away from mouth, jaw and neck", 0, 0, 1, 0, ""), dubs(func(f *Figures) number { return f.Outside }))
		add(most("seam over the footage's", 1.2, 1, 1, 2, "×"), dubs(func(f *Figures) number { return f.Seam }))
		add(most("flicker over the speaking mouth's as filmed", 1.5, 1.1, 1, 2, "×"), dubs(func(f *Figures) number { return f.Flicker }))
		add(least("sharpness over the footage's", .9, .97, 1, 2, "×"), dubs(func(f *Figures) number { return f.Sharp }))
	}
	if len(r.Languages) > 0 {
		var v []float64
		for _, f := range r.Languages {
			v = append(v, math.Abs(float64(f.Apart)))
		}
		add(most("lengths of sound and picture apart, frames", 1, 0, 1, 2, ""), v)
	}
	for _, known := range []bool{true, false} {
		r.foldRows(known, least, most, add)
	}
	return rows
}

// foldRows are those of the folds whose words are known, or are not.
func (r *Report) foldRows(known bool, least, most func(string, float64, float64, float64, int, string) row, add func(row, []float64)) {
	var folds []*Fold
	for _, f := range r.Folds {
		if f.Words == known {
			folds = append(folds, f)
		}
	}
	if len(folds) == 0 {
		return
	}
	where := "half from half: "
	if !known {
		where = "half from half, words unknown: "
	}
	of := func(drive string, get func(d *Drive) number) (v []float64) {
		for _, f := range folds {
			for i := range f.Drives {
				if f.Drives[i].Name == drive {
					v = append(v, float64(get(&f.Drives[i])))
				}
			}
		}
		return v
	}
	opening := func(d *Drive) number { return d.Opening }
	best := driveSound
	if known {
		best = driveWords
		add(least(where+"opening with truth, words known", .5, .7, 1, 2, ""), of(driveWords, opening))
	}
	add(least(where+"by sound alone", .45, .6, 1, 2, ""), of(driveSound, opening))
	add(least(where+"by sound, lower voice (×.85)", .28, .45, 1, 2, ""), of(driveLower, opening))
	add(least(where+"by sound, higher voice (×1.2)", .28, .45, 1, 2, ""), of(driveHigher, opening))
	add(least(where+"unchanged mouth", -inf, -inf, 1, 2, ""), of(driveNone, opening))
	add(least(where+"random mouths", -inf, -inf, 1, 2, ""), of(driveRandom, opening))
	over := func(get func(d *Drive) number) []float64 {
		a, b := of(best, get), of(driveNone, get)
		for i := range a {
			a[i] -= b[i]
		}
		return a
	}
	add(least(where+"PSNR of the mouth over an unchanged one", 2.2, 4, 1, 1, " dB"), over(func(d *Drive) number { return d.PSNR }))
	add(least(where+"sharpness of the mouth over the same frames as filmed", .9, .97, 1, 2, "×"), of(best, func(d *Drive) number { return d.Sharp }))
	add(most(where+"flicker of the mouth over the same frames as filmed", 1.5, 1.1, 1, 2, "×"), of(best, func(d *Drive) number { return d.Flicker }))
	add(least(where+"SSIM likewise", .06, .12, 1, 3, ""), over(func(d *Drive) number { return d.SSIM }))
}

// miss is how far a value lies beyond the aim; below 0 within it.
func (b row) miss(v float64) float64 { return max(b.AimLow-v, v-b.Aim) }

// pass reports whether the limit is met, and whether the aim is.
func (b row) pass() (limit, aim bool) {
	if math.IsNaN(b.Value) {
		return false, false
	}
	const slack = 1e-9
	v := b.Value
	return v >= b.Low-slack && v <= b.High+slack, v >= b.AimLow-slack && v <= b.Aim+slack
}

// verdict is the table's last word on a row.
func (b row) verdict() string {
	if !b.Gate {
		return ""
	}
	switch limit, aim := b.pass(); {
	case aim:
		return "PASS, aim reached"
	case limit:
		return "PASS"
	}
	return "FAIL"
}

// Failed lists the measures that miss their limit.
func (r *Report) Failed() []string {
	var list []string
	for _, b := range r.rows() {
		if limit, _ := b.pass(); b.Gate && !limit {
			list = append(list, b.Name)
		}
	}
	return list
}

// figure writes a value as the table shows it.
func (b row) figure(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return strconv.FormatFloat(v*b.Scale, 'f', b.Digits, 64) + b.Unit
}

// span writes limits.
func (b row) span(low, high float64) string {
	switch {
	case low == -inf && high == inf:
		return ""
	case low == -inf:
		return "≤ " + b.figure(high)
	case high == inf:
		return "≥ " + b.figure(low)
	}
	return b.figure(low) + "…" + b.figure(high)
}

// column is one of the table of clips.
type column struct {
	Head   string
	Scale  float64
	Digits int
	Get    func(d *Dub) number
}

func columns() []column {
	return []column{
		{"face", 1, 0, func(d *Dub) number { return d.Face }},
		{"shut", 1, 4, func(d *Dub) number { return d.Figures.Shut }},
		{"range", 1, 1, func(d *Dub) number { return d.Figures.Wide }},
		{"artic", 1, 2, func(d *Dub) number { return d.Figures.Spread }},
		{"rest%", 100, 0, func(d *Dub) number { return d.Figures.Stirs }},
		{"was%", 100, 0, func(d *Dub) number { return d.Figures.Stirred }},
		{"lag ms", 1, 0, func(d *Dub) number { return d.Figures.Lag }},
		{"r", 1, 2, func(d *Dub) number { return d.Figures.Agrees }},
		{"seam", 1, 2, func(d *Dub) number { return d.Figures.Seam }},
		{"flick", 1, 2, func(d *Dub) number { return d.Figures.Flicker }},
		{"sharp", 1, 2, func(d *Dub) number { return d.Figures.Sharp }},
		{"out", 1, 0, func(d *Dub) number { return d.Figures.Outside }},
		{"jumps%", 1, 0, func(d *Dub) number { return d.Figures.Jumps }},
		{"plan", 1, 0, func(d *Dub) number { return d.Figures.Plan }},
		{"draw", 1, 0, func(d *Dub) number { return d.Figures.Draw }},
	}
}

func (c column) cell(d *Dub) string {
	v := float64(c.Get(d))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return strconv.FormatFloat(v*c.Scale, 'f', c.Digits, 64)
}

// flicker is that of a drive that made all frames.
func (d *Drive) flicker() string {
	if math.IsNaN(float64(d.Flicker)) {
		return "–"
	}
	return strconv.FormatFloat(float64(d.Flicker), 'f', 2, 64)
}

// dub is a file as a line of the table of clips.
func (f *File) dub() *Dub {
	return &Dub{Clip: f.Clip + " " + f.Language, Frames: f.Frames, Drawn: f.Drawn, Face: number(math.NaN()), Figures: *f.Figures}
}

// printFiles writes what came of whole files.
func (r *Report) printFiles(w io.Writer) {
	for k, f := range r.Languages {
		if k == 0 {
			fmt.Fprintf(w, "%-34s %-14s %6s %6s %6s", "file", "voice", "drawn", "wall s", "apart")
			for _, c := range fileColumns() {
				fmt.Fprintf(w, " %6s", c.Head)
			}
			fmt.Fprintln(w)
		}
		if f.Figures == nil {
			fmt.Fprintf(w, "%-30.30s %-3s %s\n", f.Clip, f.Language, f.result())
			continue
		}
		fmt.Fprintf(w, "%-30.30s %-3s %-14.14s %5.0f%% %6.1f %6.2f", f.Clip, f.Language, f.Voice, 100*float64(f.Drawn)/float64(max(1, f.Frames)), f.Wall, f.Apart)
		for _, c := range fileColumns() {
			fmt.Fprintf(w, " %6s", c.cell(f.dub()))
		}
		fmt.Fprintln(w)
	}
	for _, f := range r.Every {
		fmt.Fprintf(w, "%-46.46s %6.1f s  %s\n", f.Clip, f.Wall, f.result())
	}
	if len(r.Languages)+len(r.Every) > 0 {
		fmt.Fprintln(w)
	}
}

// fileColumns are the columns that can be measured on a finished file.
func fileColumns() []column {
	return slices.DeleteFunc(columns(), func(c column) bool {
		return slices.Contains([]string{"face", "out", "jumps%", "plan", "draw"}, c.Head)
	})
}

// Print writes the tables for people.
func (r *Report) Print(w io.Writer) {
	list := func(title string, dubs []*Dub) {
		if len(dubs) == 0 {
			return
		}
		fmt.Fprintf(w, "%-24s %4s %-8s", title, "made", "mode")
		for _, c := range columns() {
			fmt.Fprintf(w, " %6s", c.Head)
		}
		fmt.Fprintln(w)
		for _, d := range dubs {
			who := d.Clip
			if d.Tool != "" {
				who = d.Tool
			}
			fmt.Fprintf(w, "%-24.24s %3.0f%% %-8s", who, 100*float64(d.Drawn)/float64(d.Frames), d.Report.Mode)
			for _, c := range columns() {
				fmt.Fprintf(w, " %6s", c.cell(d))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w)
	}
	list("clip, new words", r.Dubs)
	list("the same two inputs", r.Others)
	if len(r.Folds) > 0 {
		fmt.Fprintf(w, "%-24s %-16s %-8s %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s\n", "half from half", "driven by", "mode", "r", "PSNR", "SSIM", "artic", "shut", "range", "lips%", "sharp", "seam", "flick")
	}
	for _, f := range r.Folds {
		for _, d := range f.Drives {
			fmt.Fprintf(w, "%-24.24s %-16s %-8s %6.2f %6.2f %6.3f %6.2f %6.4f %6.1f %6.2f %6.2f %6.2f %6s\n",
				fmt.Sprintf("%.13s %d–%d", f.Clip, f.First, f.End), d.Name, d.Mode, d.Opening, d.PSNR, d.SSIM, d.Spread, d.Shut, d.Wide, d.Lips, d.Sharp, d.Seam, d.flicker())
		}
	}
	r.printFiles(w)
	for _, d := range r.Dubs {
		for _, note := range d.Report.Warnings {
			fmt.Fprintf(w, "%s: %s\n", d.Clip, note)
		}
	}
	for _, s := range r.Refused {
		fmt.Fprintln(w, "refused:", s)
	}
	fmt.Fprintf(w, "\n%-62s %9s %9s %12s %12s\n", fmt.Sprintf("mean over %d clips and %d halves", len(r.Dubs), len(r.Folds)), "mean", "worst", "limit", "aim")
	for _, b := range r.rows() {
		fmt.Fprintf(w, "%-62s %9s %9s %12s %12s  %s\n", b.Name, b.figure(b.Value), b.figure(b.Worst), b.span(b.Low, b.High), b.span(b.AimLow, b.Aim), b.verdict())
	}
	fmt.Fprintf(w, "measured in %.1f s\n", r.Seconds)
}
