package talk

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"path/filepath"
)

//go:embed report.html
var reportPage string

// pageRow is a line of the report's table.
type pageRow struct {
	Name, Mean, Worst, Limit, Aim string
	Verdict                       string // PASS, FAIL or none
	Reached                       bool   // the aim too
}

// pageDub is a clip in the report.
type pageDub struct {
	*Dub
	Cells []string
}

// pageFile is a whole file in the report.
type pageFile struct {
	*File
	Cells  []string
	Result string
}

// page is what the template shows.
type page struct {
	*Report
	Rows   []pageRow
	Heads  []string
	Cards  []pageDub
	Theirs []pageDub

	FileHeads []string
	Files     []pageFile
	Every     []pageFile
}

// html is the report as one page beside its pictures and films. It asks nothing of any server.
func (r *Report) html() ([]byte, error) {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return nil, err
	}
	p := page{Report: r}
	for _, b := range r.rows() {
		row := pageRow{Name: b.Name, Mean: b.figure(b.Value), Worst: b.figure(b.Worst)}
		if b.Gate {
			limit, aim := b.pass()
			if row.Verdict, row.Reached = "FAIL", aim; limit {
				row.Verdict = "PASS"
			}
			row.Limit, row.Aim = b.span(b.Low, b.High), b.span(b.AimLow, b.Aim)
		}
		p.Rows = append(p.Rows, row)
	}
	for _, c := range columns() {
		p.Heads = append(p.Heads, c.Head)
	}
	cards := func(dubs []*Dub) (list []pageDub) {
		for _, d := range dubs {
			card := pageDub{Dub: d}
			for _, c := range columns() {
				card.Cells = append(card.Cells, c.cell(d))
			}
			list = append(list, card)
		}
		return list
	}
	p.Cards, p.Theirs = cards(r.Dubs), cards(r.Others)
	for _, c := range fileColumns() {
		p.FileHeads = append(p.FileHeads, c.Head)
	}
	for _, f := range r.Languages {
		file := pageFile{File: f}
		for _, c := range fileColumns() {
			if f.Figures != nil {
				file.Cells = append(file.Cells, c.cell(f.dub()))
			}
		}
		p.Files = append(p.Files, file)
	}
	for _, f := range r.Every {
		p.Every = append(p.Every, pageFile{File: f, Result: f.result()})
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// publish writes what belongs into the folder.
func (r *runner) publish() error {
	if r.Out == "" {
		return nil
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
