package quality

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"image/jpeg"
	"os"
	"path/filepath"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

//go:embed report.html
var reportPage string

// Pictures of the report: side in pixels, JPEG quality, and their folder.
const (
	reportSide    = 560
	reportQuality = 90
	pictureFolder = "pictures"
)

// drawMoments writes the crops that the report compares.
func (r *runner) drawMoments(pair *Pair, p *portrait, c *clip, rows []sheetRow) error {
	if err := os.MkdirAll(filepath.Join(r.Out, pictureFolder), 0o777); err != nil { //nolint:gosec // the user's umask says who may read
		return fault.New(fault.NotWritable, "out", "a folder cannot be made in it").WithCause(err)
	}
	z := zones()[0]
	stem := fmt.Sprintf("%s/%02d", pictureFolder, len(r.report.Pairs))
	save := func(suffix string, f *pix.Frame, m *face.Mesh) (string, error) {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, z.crop(f, m, reportSide), &jpeg.Options{Quality: reportQuality}); err != nil {
			return "", err
		}
		file := stem + suffix + ".jpg"
		return file, writeFile(filepath.Join(r.Out, filepath.FromSlash(file)), b.Bytes())
	}
	var err error
	if pair.portray, err = save("-photo", p.frame, &p.face.Mesh); err != nil {
		return err
	}
	for _, m := range c.telling() {
		s := shot{Frame: c.start + m.frame, Why: m.why}
		for k, row := range rows {
			file, err := save(fmt.Sprintf("-%d-%d", m.frame, k), row.frames[m.frame], &c.seen[m.frame].Mesh)
			if err != nil {
				return err
			}
			if k == 0 {
				s.Footage = file
			} else {
				s.Versions = append(s.Versions, version{row.label, file})
			}
		}
		pair.shots = append(pair.shots, s)
	}
	return nil
}

// pageRow is a line of the report's table.
type pageRow struct {
	Name, Mean, Worst, Limit, Aim string
	Verdict                       string // PASS, FAIL or none
	Reached                       bool   // the aim too
}

// pagePair is a pair in the report.
type pagePair struct {
	*Pair
	Title   string
	Portray string
	Shots   []shot
	Figures []pageFigure
	Others  []pageOther
}

// pageFigure is a measure of a pair: bad where it misses the limit.
type pageFigure struct {
	Name, Value string
	Bad         bool
}

// pageOther is another tool's figures on the same pair.
type pageOther struct {
	Tool    string
	Figures []pageFigure
}

// pageGroup is the mean of a group of pairs.
type pageGroup struct {
	Name    string
	Pairs   int
	Figures []pageFigure
}

// page is what the template shows.
type page struct {
	*Report
	Groups []pageGroup
	Rows   []pageRow
	Cards  []pagePair
}

// html is the report as one page beside its pictures. It asks nothing of any server.
func (r *Report) html() ([]byte, error) {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return nil, err
	}
	p := page{Report: r}
	for _, b := range r.rows() {
		row := pageRow{Name: b.Name, Mean: b.figure(b.Value), Worst: b.figure(b.Worst)}
		if b.Gate {
			row.Verdict, row.Reached = "FAIL", false
			if limit, aim := b.pass(); limit {
				row.Verdict, row.Reached = "PASS", aim
			}
			row.Limit, row.Aim = b.figure(b.Limit), b.figure(b.Aim)
		}
		p.Rows = append(p.Rows, row)
	}
	for _, g := range r.groups() {
		p.Groups = append(p.Groups, pageGroup{g.Name, g.Pairs, r.pageFigures(&g.Total)})
	}
	for _, pair := range r.Pairs {
		card := pagePair{Pair: pair, Title: name(pair.Photo) + " into " + pair.place(), Portray: pair.portray, Shots: pair.shots,
			Figures: r.pageFigures(&pair.Figures)}
		for _, o := range r.Others {
			if o.Photo == pair.Photo && o.Clip == pair.Clip && o.Start == pair.Start {
				card.Others = append(card.Others, pageOther{o.Tool, r.pageFigures(&o.Figures)})
			}
		}
		p.Cards = append(p.Cards, card)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// pageFigures are one pair's figures, judged by the limits of the mean.
func (r *Report) pageFigures(f *Figures) []pageFigure {
	one := &Report{Total: *f, Worst: *f, Photos: r.Photos}
	var list []pageFigure
	for _, b := range one.rows() {
		limit, _ := b.pass()
		list = append(list, pageFigure{b.Name, b.figure(b.Value), b.Gate && !limit})
	}
	return list
}

// publish writes what belongs into the folder.
func (r *runner) publish() error {
	if r.Out == "" {
		return nil
	}
	if err := writePNG(filepath.Join(r.Out, "overview.png"), r.report.overview()); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r.report, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(r.Out, "figures.json"), append(data, '\n')); err != nil {
		return err
	}
	page, err := r.report.html()
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(r.Out, "report.html"), page)
}
