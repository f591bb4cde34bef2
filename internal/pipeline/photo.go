package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// portrait is a photo with the face that is used of it.
type portrait struct {
	frame    *pix.Frame
	face     face.PhotoFace
	warnings []string
}

// turned tells whether the head is turned further than is good for a photo that stands alone.
func (p portrait) turned() bool {
	return slices.ContainsFunc(p.face.Notes, func(n face.Note) bool { return n.Problem == face.Turned })
}

// othersThan are the warnings about the photo called name but those of one problem.
func (p portrait) othersThan(problem face.Problem, name string) []string {
	return slices.DeleteFunc(slices.Clone(p.warnings), func(text string) bool {
		return slices.ContainsFunc(p.face.Notes, func(n face.Note) bool { return n.Problem == problem && text == name+": "+n.Text })
	})
}

// readPhoto reads a photo and finds the face to use: the largest.
func (w *work) readPhoto(ctx context.Context, in input) (portrait, error) {
	if p, ok := w.r.portraits.take(w.job.Task.ID, in); ok {
		return p, nil
	}
	p, err := w.searchPhoto(ctx, in)
	if err == nil {
		w.r.portraits.put(w.job.Task.ID, in, p)
	}
	return p, err
}

// searchPhoto is readPhoto for a photo that was not read yet.
func (w *work) searchPhoto(ctx context.Context, in input) (portrait, error) {
	var p portrait
	name := func(err error) error {
		if fault.From(err).Code.Kind() == fault.Input {
			return fault.From(err).WithParam(in.Name)
		}
		return err
	}
	path, err := w.open(ctx, in)
	if err != nil {
		return p, err
	}
	frame, notes, err := media.ReadPhoto(ctx, path, w.r.cfg.Photo)
	if err != nil {
		return p, name(err)
	}
	nets, err := w.r.nets()
	if err != nil {
		return p, err
	}
	faces, err := face.Photo(ctx, nets, frame)
	if err != nil {
		return p, name(err)
	}
	if in.Still != nil && len(faces) > 1 {
		faces = nearestFirst(faces, *in.Still)
	}
	best, err := face.Usable(faces)
	if err != nil {
		return p, name(err)
	}
	p.frame, p.face = frame, *best
	for _, n := range best.Notes {
		notes = append(notes, n.Text)
	}
	for _, n := range notes {
		p.warnings = append(p.warnings, in.Name+": "+n)
	}
	if len(faces) > 1 && in.Still == nil {
		p.warnings = append(p.warnings, fmt.Sprintf("%s: the photo shows %d faces; the largest is used", in.Name, len(faces)))
	}
	return p, nil
}

// nearestFirst moves the face that a picture was taken for to the front.
func nearestFirst(faces []face.PhotoFace, at still) []face.PhotoFace {
	return slices.SortedStableFunc(slices.Values(faces), func(a, b face.PhotoFace) int {
		away := func(f face.PhotoFace) float64 {
			return math.Hypot(float64(f.Box.X+f.Box.W/2-at.X), float64(f.Box.Y+f.Box.H/2-at.Y))
		}
		return cmp.Compare(away(a), away(b))
	})
}

// identities makes what the photos say of each face to put in, in the order of the spec.
func (w *work) identities(ctx context.Context, o swap.Options) ([]*swap.Identity, error) {
	return w.r.identities.get(w.job.Task.ID, func() ([]*swap.Identity, error) {
		var list []*swap.Identity
		for _, photos := range w.fetched.Photos {
			var set []swap.Photo
			told := map[string]bool{} // what readPhoto has warned about already
			for _, in := range photos {
				p, err := w.readPhoto(ctx, in)
				if err != nil {
					return nil, err
				}
				set = append(set, swap.Photo{Frame: p.frame, Mesh: &p.face.Mesh})
				for _, n := range p.face.Notes {
					told[string(n.Problem)] = true
				}
			}
			id, warnings, err := newIdentity(ctx, set, o)
			if err != nil {
				return nil, fault.From(err).WithParam(photos[0].Name)
			}
			warnings = slices.DeleteFunc(warnings, func(g swap.Warning) bool { return told[g.Code] })
			for _, g := range worthSaying(warnings, photos) {
				w.warn(photos[0].Name + ": " + g)
			}
			list = append(list, id)
		}
		return list, nil
	})
}

// worthSaying are the warnings about photos. What is wrong with some of the pictures out of a clip does not
// matter, because the others show it; what is wrong with all of them is said once. That some of several
// photos show a turned head is what they were given for.
func worthSaying(warnings []swap.Warning, photos []input) (list []string) {
	count := map[string]int{}
	for _, g := range warnings {
		count[g.Code]++
	}
	clip := slices.ContainsFunc(photos, func(in input) bool { return in.Still != nil })
	for _, g := range warnings {
		switch {
		case !clip && (g.Code != "face_turned" || count[g.Code] == len(photos)):
			list = append(list, g.Text)
		case !clip:
		case count[g.Code] == len(photos):
			_, text, found := strings.Cut(g.Text, ": ") // "Photo 1: "
			if !found || len(photos) == 1 {
				text = g.Text
			}
			list = append(list, text)
			count[g.Code] = 0
		}
	}
	return list
}

// newIdentity makes an identity for the engine of the options.
func newIdentity(ctx context.Context, photos []swap.Photo, o swap.Options) (*swap.Identity, []swap.Warning, error) {
	if o.Networks != nil {
		return o.Networks.Identity(ctx, photos)
	}
	return swap.NewIdentity(photos, o)
}
