package quality

import (
	"context"
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// The recognisers. Engines are tuned by the first only; the second is kept back, to see whether what was
// won is likeness or a habit of the first.
const (
	TuneRecogniser = "face-res"
	HeldOut        = "face-embedding"
)

// recogniser turns a face into numbers that are near for the same person.
type recogniser struct {
	name string
	look func(ctx context.Context, f *pix.Frame, m *face.Mesh) ([]float32, error) // of any length
}

// embedded is a recogniser that is part of the program.
type embedded struct {
	session  *infer.Session
	side     int
	points   func(*face.Mesh) [5]pix.Vec2
	template [5][2]float32
	sampler  pix.Sampler
	in, out  []float32
}

// openRecognisers loads those that are named; none stands for TuneRecogniser, "all" for both embedded ones. Other
// names are those of model cards in the store, where there is one.
func openRecognisers(ctx context.Context, rt *infer.Runtime, store *infer.Store, names []string) ([]*recogniser, error) {
	if len(names) == 0 {
		names = []string{TuneRecogniser}
	}
	if len(names) == 1 && names[0] == "all" {
		names = []string{TuneRecogniser, HeldOut}
	}
	var list []*recogniser
	for _, n := range names {
		e := &embedded{side: 224, points: arcPoints, template: wideArcTemplate()}
		model := infer.FaceRes
		switch n {
		case TuneRecogniser, "faceres":
			n = TuneRecogniser
		case HeldOut:
			model = infer.FaceEmbedding
			e.side, e.points, e.template = 150, dlibPoints, infer.EmbeddingTemplate()
		default:
			r, err := openCard(ctx, rt, store, n)
			if err != nil {
				return nil, err
			}
			list = append(list, r)
			continue
		}
		s, err := rt.Session(model)
		if err != nil {
			return nil, err
		}
		e.session = s
		e.in, e.out = make([]float32, s.Inputs()[0].Len()), make([]float32, s.Outputs()[0].Len())
		list = append(list, &recogniser{n, e.look})
	}
	return list, nil
}

// openCard loads a recogniser of a model card.
func openCard(ctx context.Context, rt *infer.Runtime, store *infer.Store, name string) (*recogniser, error) {
	unknown := fault.New(fault.InvalidField, "recogniser", "there is no recogniser %q", name).
		WithHint("There are %s and %s (all stands for both), and those of model cards: twinsync models list.", TuneRecogniser, HeldOut)
	if store == nil {
		return nil, unknown
	}
	n, err := store.Open(ctx, rt, name)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil, unknown.WithCause(err)
		}
		return nil, err
	}
	if k := n.Card().Kind; k != infer.Recogniser {
		return nil, fault.New(fault.InvalidField, "recogniser", "%s is no recogniser but a network of kind %s", name, k)
	}
	return &recogniser{name, func(ctx context.Context, f *pix.Frame, m *face.Mesh) ([]float32, error) {
		return swap.Embedding(ctx, n, f, m)
	}}, nil
}

// arcPoints are what ArcFace's template means, from the mesh: the middle of each eye's contour, the
// nose tip (4) and the corners of the mouth (61, 291).
func arcPoints(m *face.Mesh) [5]pix.Vec2 {
	mean := func(list []int) (c pix.Vec2) {
		for _, i := range list {
			c.X += m[i].X / float32(len(list))
			c.Y += m[i].Y / float32(len(list))
		}
		return c
	}
	return [5]pix.Vec2{mean(face.EyeRight()), mean(face.EyeLeft()), m[4].XY(), m[61].XY(), m[291].XY()}
}

func dlibPoints(m *face.Mesh) (p [5]pix.Vec2) {
	for k, i := range infer.EmbeddingPoints() {
		p[k] = m[i].XY()
	}
	return p
}

// wideArcTemplate is ArcFace's template of 112 pixels, scaled to 224 and shrunk by .8 about its centre,
// so that chin and brows are inside.
func wideArcTemplate() (t [5][2]float32) {
	arc := [5][2]float32{{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}
	for k, p := range arc {
		for c, v := range p {
			t[k][c] = (2*v-112)*.8 + 112
		}
	}
	return t
}

// look gives the face's numbers; they are overwritten by the next call.
func (e *embedded) look(ctx context.Context, f *pix.Frame, m *face.Mesh) ([]float32, error) {
	e.sampler.Crop(e.in, f, alignTo(e.template, e.points(m), e.side), e.side, pix.SampleOptions{})
	return e.out, e.session.Run(ctx, [][]float32{e.in}, [][]float32{e.out})
}

// embed gives the face's numbers, of unit length.
func (r *recogniser) embed(ctx context.Context, f *pix.Frame, m *face.Mesh) ([]float32, error) {
	raw, err := r.look(ctx, f, m)
	if err != nil {
		return nil, err
	}
	e := make([]float32, len(raw))
	s := math.Sqrt(dot(raw, raw))
	for i, v := range raw {
		e[i] = v / float32(max(s, 1e-12))
	}
	return e, nil
}

// alignTo is the square in which the points come nearest to the template's: least squares over shift,
// turn and scale (Umeyama 1991, in the plane).
func alignTo(template [5][2]float32, points [5]pix.Vec2, side int) pix.Square {
	var ax, ay, bx, by float64
	for k := range points {
		ax += float64(template[k][0]) / 5
		ay += float64(template[k][1]) / 5
		bx += float64(points[k].X) / 5
		by += float64(points[k].Y) / 5
	}
	var along, cross, spread float64
	for k := range points {
		x, y := float64(template[k][0])-ax, float64(template[k][1])-ay
		u, v := float64(points[k].X)-bx, float64(points[k].Y)-by
		along += x*u + y*v
		cross += x*v - y*u
		spread += x*x + y*y
	}
	scale, angle := math.Hypot(along, cross)/spread, math.Atan2(cross, along)
	sin, cos := math.Sincos(angle)
	mid := float64(side-1) / 2
	return pix.Square{
		X:    float32(bx + scale*(cos*(mid-ax)-sin*(mid-ay))),
		Y:    float32(by + scale*(sin*(mid-ax)+cos*(mid-ay))),
		Side: float32(scale * float64(side)), Angle: float32(angle),
	}
}

// dot is the cosine of vectors of unit length.
func dot(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}
