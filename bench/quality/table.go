package quality

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// row is a line of the table: a measure with what it must be at least and what is aimed at.
type row struct {
	Name       string
	Value      float64
	Worst      float64
	Limit, Aim float64
	High       bool // high is good
	Scale      float64
	Unit       string
	Gate       bool // counts
}

// Gates are the measures with their limits and aims.
func (r *Report) rows() []row {
	t, w := &r.Total, &r.Worst
	var rows []row
	for k, l := range t.Likeness {
		x := w.Likeness[k]
		retrieval, nearer := row{}, row{}
		if l.Recogniser == TuneRecogniser {
			retrieval = row{Limit: .90, Aim: .99, Gate: true}
		} else {
			nearer = row{Limit: .80, Aim: .99, Gate: true}
		}
		fill := func(b row, what string, v, worst number, scale float64, unit string) {
			b.Name, b.Value, b.Worst, b.High, b.Scale, b.Unit = l.Recogniser+": "+what, float64(v), float64(worst), true, scale, unit
			rows = append(rows, b)
		}
		fill(row{}, "cosine to the photo", l.ToPhoto, x.ToPhoto, 1, "")
		fill(row{}, "cosine to the footage", l.ToTarget, x.ToTarget, 1, "")
		fill(retrieval, fmt.Sprintf("nearest of %d photos is the right one", r.Photos), l.Retrieved, x.Retrieved, 100, "%")
		fill(nearer, "nearer to the photo than to the footage", l.Nearer, x.Nearer, 100, "%")
	}
	rows = append(rows,
		row{"pose error", float64(t.Pose), float64(w.Pose), 2.4, 1.4, false, 1, "°", true},
		row{"  of it not the same in all frames", float64(t.Sway), float64(w.Sway), 0, 0, false, 1, "°", false},
		row{"expression error, eyes", float64(t.ExpEyes), float64(w.ExpEyes), .25, .18, false, 1, "%", true},
		row{"expression error, mouth", float64(t.ExpMouth), float64(w.ExpMouth), .62, .40, false, 1, "%", true},
		row{"opening of the lips, difference", float64(t.Open), float64(w.Open), 0, 0, false, 1, "%", false},
		row{"jitter over the footage's", float64(t.Jitter), float64(w.Jitter), .8, .7, false, 1, "×", true},
		row{"flicker over the footage's", float64(t.Flicker), float64(w.Flicker), .8, .7, false, 1, "×", true},
		row{"seam over the footage's", float64(t.Seam), float64(w.Seam), 1, 1, false, 1, "×", true},
		row{"samples changed outside the mask", float64(t.Outside), float64(w.Outside), 0, 0, false, 1, "", true},
		row{"faces within 45° left as filmed", t.leftShare(), w.leftShare(), .005, 0, false, 100, "%", true},
	)
	if s := r.Speed; s != nil {
		rows = append(rows, row{"wall time over plain FFmpeg's, reference load", float64(s.Reference), math.NaN(), 1.7, 1.25, false, 1, "×", true})
	}
	return rows
}

// pass reports whether the limit is met, and whether the aim is.
func (b row) pass() (limit, aim bool) {
	if math.IsNaN(b.Value) {
		return false, false
	}
	const slack = 1e-9
	if b.High {
		return b.Value >= b.Limit-slack, b.Value >= b.Aim-slack
	}
	return b.Value <= b.Limit+slack, b.Value <= b.Aim+slack
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

// Print writes the tables for people: a line per pair, then the means beside limits and aims.
func (r *Report) Print(w io.Writer) {
	if r.Baseline {
		fmt.Fprintln(w, "BASELINE: the footage itself after encoding (H.264, the product's setting); the noise of every measure.")
	}
	fmt.Fprintf(w, "%-20s  %-20s %5s %5s %4s %4s %5s %5s %5s %5s %5s %5s %5s %4s %5s %6s\n",
		"photo", "clip", "idS", "idT", "ret%", "nea%", "pose°", "expE%", "expM%", "open%", "jit×", "flic×", "seam×", "out", "left", "ms/f")
	line := func(a, b string, f *Figures, ms float64) {
		var l Likeness
		if len(f.Likeness) > 0 {
			l = f.Likeness[0]
		}
		fmt.Fprintf(w, "%-20s  %-20s %5.3f %5.3f %4.0f %4.0f %5.2f %5.2f %5.2f %5.2f %5.2f %5.2f %5.2f %4d %2d/%-2d %6.1f\n",
			a, b, l.ToPhoto, l.ToTarget, 100*l.Retrieved, 100*l.Nearer, f.Pose, f.ExpEyes, f.ExpMouth, f.Open,
			f.Jitter, f.Flicker, f.Seam, f.Outside, f.Left, f.Faces, ms)
	}
	for _, p := range r.Pairs {
		line(short(p.Photo), short(p.place()), &p.Figures, p.SwapMS)
	}
	for _, g := range r.groups() {
		line("MEAN of "+g.Name, fmt.Sprintf("(%d pairs)", g.Pairs), &g.Total, 0)
	}
	for _, p := range r.Others {
		line(p.Tool, short(p.Clip), &p.Figures, p.SwapMS)
	}
	for _, p := range r.Pairs {
		if p.Lost > 0 {
			fmt.Fprintf(w, "%s into %s: no face can be found any more in %d swapped frames\n", name(p.Photo), p.place(), p.Lost)
		}
		for _, l := range p.Left {
			fmt.Fprintf(w, "%s into %s: frame %d left as filmed: %s, %.0f° from the camera\n", name(p.Photo), p.place(), l.Frame, l.Reason, l.Angle)
		}
	}
	for _, u := range r.Unusable {
		fmt.Fprintln(w, "not among the photos:", u)
	}
	for _, u := range r.Refused {
		fmt.Fprintln(w, "refused:", u)
	}
	fmt.Fprintf(w, "\n%-58s %9s %9s %9s %9s\n", fmt.Sprintf("mean over %d pairs, %d photos", len(r.Pairs), r.Photos), "mean", "worst", "limit", "aim")
	for _, b := range r.rows() {
		limit, aim := "", ""
		if b.Gate {
			limit, aim = b.figure(b.Limit), b.figure(b.Aim)
		}
		fmt.Fprintf(w, "%-58s %9s %9s %9s %9s  %s\n", b.Name, b.figure(b.Value), b.figure(b.Worst), limit, aim, b.verdict())
	}
	if r.Speed != nil {
		fmt.Fprintf(w, "\nthe whole way, first %d s of each clip  frames   wall s   plain s     CPU s   plain s\n", speedSeconds)
		for _, c := range r.Speed.Clips {
			fmt.Fprintf(w, "%-38s %7d %8.2f  %8.2f  %8.2f  %8.2f\n", name(c.Clip), c.Frames, c.Wall, c.PlainWall, c.CPU, c.PlainCPU)
		}
	}
	fmt.Fprintf(w, "measured in %.1f s\n", r.Seconds)
}

// short is the beginning of a file's name, with the frame that place adds.
func short(path string) string {
	path, at, _ := strings.Cut(path, "@")
	r := []rune(name(path))
	if at == "" {
		return string(r[:min(len(r), 20)])
	}
	return string(r[:min(len(r), 19-len(at))]) + "@" + at
}

// figure writes a value as the table shows it.
func (b row) figure(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	digits := 3
	if b.Scale == 100 {
		digits = 1
	}
	if b.Unit == "" && v == math.Trunc(v) && math.Abs(v) > 1 || v == 0 {
		digits = 0
	}
	return strconv.FormatFloat(v*b.Scale, 'f', digits, 64) + b.Unit
}

// caption says the figures that a viewer wants beside the pictures.
func (p *Pair) caption() string {
	f := &p.Figures
	s := ""
	if len(f.Likeness) > 0 {
		l := f.Likeness[0]
		s = fmt.Sprintf("idS %.2f idT %.2f ret %.0f%% ", l.ToPhoto, l.ToTarget, 100*l.Retrieved)
	}
	return s + fmt.Sprintf("pose %.1f expE %.2f expM %.2f seam %.2f flick %.2f", f.Pose, f.ExpEyes, f.ExpMouth, f.Seam, f.Flicker)
}

func itoa(n int) string { return strconv.Itoa(n) }
