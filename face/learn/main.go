// Command learn makes face/expression.bin, the table by which the expression is taken out of a
// photo's shape: for maintainers, who need it only to learn the table anew.
//
//	go run ./face/learn -out face/expression.bin -clips CLIP,… -neutral PHOTO,… -smiling PHOTO,… [-test CLIP,…]
//
// The footage must be free to use in this way; NOTICE names what the committed table was learned
// from. People speaking tell how faces move, stills tell how people differ and how they smile, which
// nobody does in footage made for speech. With -test it prints how much of the movement in clips that
// were not learned from goes, and how much of what tells their people apart stays.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/media"
)

func main() {
	out := flag.String("out", "", "the table to write; none without")
	clips := flag.String("clips", "", "clips of people speaking, separated by commas")
	neutral := flag.String("neutral", "", "stills of faces at rest")
	smiling := flag.String("smiling", "", "stills of smiling faces")
	test := flag.String("test", "", "clips to test the table on")
	flag.Parse()
	if err := run(context.Background(), *out, list(*clips), list(*neutral), list(*smiling), list(*test)); err != nil {
		fmt.Fprintln(os.Stderr, "learn:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}

func run(ctx context.Context, out string, clips, neutral, smiling, test []string) error {
	rt, err := infer.Open(infer.DefaultOptions())
	if err != nil {
		return err
	}
	defer func() { _ = rt.Close() }()
	m, err := face.NewModels(rt, face.DefaultOptions())
	if err != nil {
		return err
	}
	var d data
	for _, c := range clips {
		rest, moved, err := watch(ctx, m, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		d.people = append(d.people, rest)
		d.moves = append(d.moves, moved)
	}
	for _, p := range neutral {
		s, err := look(ctx, m, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		d.people = append(d.people, s)
	}
	for _, p := range smiling {
		s, err := look(ctx, m, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		d.smiles = append(d.smiles, s)
	}
	table, err := d.learn()
	if err != nil {
		return err
	}
	for k, s := range table.Spread {
		fmt.Printf("component %d: spread %.3f while speaking\n", k, s)
	}
	if err := check(ctx, m, table, test); err != nil {
		return err
	}
	if out == "" {
		return nil
	}
	return os.WriteFile(out, table.Bytes(), 0o644) //nolint:gosec // a file of the source tree, for all to read
}

// mostFrames of a clip are learned from, spread over it.
const mostFrames = 150

// watch gives the face at rest of the largest person in a clip, and how its shape differs from that
// in frames spread over the clip.
func watch(ctx context.Context, m *face.Models, path string) (rest vector, moved []vector, err error) {
	info, err := media.Probe(ctx, path, media.Limits{})
	if err != nil {
		return nil, nil, err
	}
	n := min(info.Frames(), 1000)
	r, err := media.OpenReader(ctx, path, info, media.ReadOptions{End: n})
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	fps := float64(info.Frames()) / math.Max(info.Duration.Seconds(), .01)
	o := face.NewObserver(m, 0, fps)
	for range n {
		f, err := r.Read()
		if err != nil {
			return nil, nil, err
		}
		if err := o.Observe(ctx, f); err != nil {
			return nil, nil, err
		}
		r.Release(f)
	}
	a, err := face.Join([]*face.Observations{o.Finish()}, face.VideoInfo{}, fps)
	if err != nil {
		return nil, nil, err
	}
	var t *face.Track
	for i := range a.Tracks {
		if a.Tracks[i].Person == 0 && (t == nil || len(a.Tracks[i].Faces) > len(t.Faces)) {
			t = &a.Tracks[i]
		}
	}
	if t == nil {
		return nil, nil, fmt.Errorf("no face in the clip")
	}
	rest = flat(&t.Neutral)
	step := float64(len(t.Faces)) / float64(min(len(t.Faces), mostFrames))
	for at := 0.; int(at) < len(t.Faces); at += step {
		s, _ := face.Decompose(&t.Faces[int(at)].Mesh)
		moved = append(moved, flat(&s).minus(rest))
	}
	return rest, moved, nil
}

// look gives the shape of the largest face in a still.
func look(ctx context.Context, m *face.Models, path string) (vector, error) {
	f, _, err := media.ReadPhoto(ctx, path, media.Limits{})
	if err != nil {
		return nil, err
	}
	faces, err := face.Photo(ctx, m, f)
	if err != nil {
		return nil, err
	}
	if len(faces) == 0 {
		return nil, fmt.Errorf("no face in the picture")
	}
	s, _ := face.Decompose(&faces[0].Mesh)
	return flat(&s), nil
}

// check prints, for mouth, eyes and brows, the share of the movement that is left when the
// table has taken expressions out, and the share of the difference between people that stays.
func check(ctx context.Context, m *face.Models, t *face.ExpressionTable, test []string) error {
	if len(test) == 0 {
		return nil
	}
	parts := []struct {
		name        string
		points      []int
		moved, left float64
	}{
		{name: "mouth", points: append(face.InnerLips(), face.OuterLips()...)},
		{name: "eyes", points: append(face.EyeRight(), face.EyeLeft()...)},
		{name: "brows", points: append(face.BrowRight(), face.BrowLeft()...)},
	}
	relax := func(v vector) vector {
		s := v.shape()
		r := t.Relaxed(&s)
		return flat(&r)
	}
	var rest []vector
	for _, c := range test {
		person, moves, err := watch(ctx, m, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		rest = append(rest, person)
		still := relax(person)
		fmt.Printf("%-40s", c[max(0, len(c)-40):])
		for i := range parts {
			p := &parts[i]
			before, after := 0., 0.
			for _, v := range moves {
				before += v.over(p.points)
				after += relax(v.plus(person)).minus(still).over(p.points)
			}
			p.moved += before
			p.left += after
			fmt.Printf("  %s %.0f %%", p.name, 100*math.Sqrt(after/before))
		}
		fmt.Println()
	}
	for _, p := range parts {
		before, after := 0., 0.
		for i := range rest {
			for j := range i {
				before += rest[i].minus(rest[j]).over(p.points)
				after += relax(rest[i]).minus(relax(rest[j])).over(p.points)
			}
		}
		fmt.Printf("%s: %.0f %% of the movement is left, %.0f %% of the difference between people\n", p.name,
			100*math.Sqrt(p.left/p.moved), 100*math.Sqrt(after/before))
	}
	return nil
}
