package face

import (
	"context"
	"math"

	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// Distances between embeddings (infer.FaceEmbedding): the same person lies at .15 ± .06,
// strangers at .58 ± .08 in good views.
const (
	// samePerson joins tracks to people.
	samePerson = infer.SamePerson
	// strangers takes a track apart, or keeps two from being linked: the mesh's way from frame to
	// frame says that it is one face, so it takes more to say that it is two.
	strangers = .42

	embedSide = 150
	embedLen  = 128
)

// view looks at a face's identity.
func (l *lens) view(ctx context.Context, f *pix.Frame, s *sight, sharp float32, index int) (view, error) {
	v := view{frame: index, vector: make([]float32, embedLen)}
	v.quality = viewQuality(&s.pose, s.mesh.Bounds(), s.confidence(), sharp, f.W, f.H)
	in := l.buffer(&l.picture, 3*embedSide*embedSide)
	l.sampler.Crop(in, f, embedSquare(&s.mesh), embedSide, pix.SampleOptions{})
	err := l.m.embed.Run(ctx, [][]float32{in}, [][]float32{v.vector})
	return v, err
}

// embedSquare is the square in which the mesh's eye corners and nose lie as the embedding wants
// them: the least-squares similarity from the template (Umeyama 1991, in the plane).
func embedSquare(m *Mesh) pix.Square {
	points, template := infer.EmbeddingPoints(), infer.EmbeddingTemplate()
	var ax, ay, bx, by float64
	for k, i := range points {
		ax += float64(template[k][0]) / 5
		ay += float64(template[k][1]) / 5
		bx += float64(m[i].X) / 5
		by += float64(m[i].Y) / 5
	}
	var dot, cross, spread float64
	for k, i := range points {
		x, y := float64(template[k][0])-ax, float64(template[k][1])-ay
		u, v := float64(m[i].X)-bx, float64(m[i].Y)-by
		dot += x*u + y*v
		cross += x*v - y*u
		spread += x*x + y*y
	}
	scale, angle := math.Hypot(dot, cross)/spread, math.Atan2(cross, dot)
	sin, cos := math.Sincos(angle)
	const mid = float64(embedSide-1) / 2
	return pix.Square{
		X:    float32(bx + scale*(cos*(mid-ax)-sin*(mid-ay))),
		Y:    float32(by + scale*(sin*(mid-ax)+cos*(mid-ay))),
		Side: float32(scale * embedSide), Angle: float32(angle),
	}
}

// addTo adds the view to a sum, weighted by quality.
func (v *view) addTo(sum []float64) {
	for i, x := range v.vector {
		sum[i] += float64(max(1e-3, v.quality)) * float64(x)
	}
}

// meanView is the mean embedding weighted by quality, of unit length; nil without views.
func meanView(views []view) []float32 {
	if len(views) == 0 {
		return nil
	}
	sum := make([]float64, len(views[0].vector))
	for i := range views {
		if len(views[i].vector) == len(sum) {
			views[i].addTo(sum)
		}
	}
	return unitVector(sum)
}

// unitVector is v scaled to length 1; zeros stay zeros.
func unitVector(v []float64) []float32 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	out := make([]float32, len(v))
	if s == 0 {
		return out
	}
	k := 1 / math.Sqrt(s)
	for i, x := range v {
		out[i] = float32(k * x)
	}
	return out
}

// Apart is the distance between two embeddings of unit length, 0…2: below infer.SamePerson they
// are more likely one person than two. Embeddings that cannot be compared are 2 apart.
func Apart(a, b []float32) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return 2
	}
	s := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		s += d * d
	}
	return math.Sqrt(s)
}
