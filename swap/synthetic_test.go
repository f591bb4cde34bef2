package swap

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// palette is a drawn face: colours 0…255 and a light from one side.
type palette struct {
	skin, lips, brows [3]float32
	side              float32 // log light from left to right
	wrinkles          bool
}

var (
	paleFace = palette{skin: [3]float32{225, 180, 160}, lips: [3]float32{190, 90, 95}, brows: [3]float32{90, 60, 45}, side: .3}
	darkFace = palette{skin: [3]float32{120, 80, 60}, lips: [3]float32{100, 50, 50}, brows: [3]float32{30, 20, 20}, side: -.4, wrinkles: true}
)

// at is the drawn colour at a place of the UV square.
func (p palette) at(r *regions, u, v float32) (c [3]float32) {
	n := float32(r.n - 1)
	lips, brows, eyes := r.lips.Bilinear(u*n, v*n), r.brows.Bilinear(u*n, v*n), r.eyes.Bilinear(u*n, v*n)
	k := float32(math.Exp(float64(p.side * (u - .5))))
	if p.wrinkles {
		k *= 1 + .12*float32(math.Sin(float64(v)*140))
	}
	for i := range c {
		s := p.skin[i] + lips*(p.lips[i]-p.skin[i])
		s += brows * (p.brows[i] - s)
		s += eyes * (235 - s)
		c[i] = pix.Clamp(s*k, 0, 255)
	}
	return c
}

// meshAt is the canonical face at a place, turned by yaw, widened by wide.
func meshAt(x, y, scale, yaw, wide float32) face.Mesh {
	var m face.Mesh
	s, c := float32(math.Sin(float64(-yaw))), float32(math.Cos(float64(-yaw)))
	p := face.Pose{R: [9]float32{c, 0, s, 0, 1, 0, -s, 0, c}, Scale: scale, T: pix.Vec3{X: x, Y: y}}
	for i, v := range face.Canonical().Vertices {
		v.X *= wide
		m[i] = p.At(v)
	}
	for k := face.MeshPoints; k < face.AllPoints; k++ {
		m[k] = m[159]
	}
	return m
}

// drawFace paints a face into a frame.
func drawFace(f *pix.Frame, m *face.Mesh, p palette, r *regions) {
	box := boxAround(m[:], 2, f.Bounds())
	before := f.RGB(box)
	after := before.Clone()
	local := make([]pix.Vec3, face.MeshPoints)
	for i := range local {
		local[i] = pix.Vec3{X: m[i].X - float32(box.X0), Y: m[i].Y - float32(box.Y0), Z: m[i].Z}
	}
	var s pix.Surface
	s.Reset(box.W(), box.H())
	c := face.Canonical()
	s.Draw(local, c.Triangles[:])
	var u, v [face.MeshPoints]float32
	for i, t := range c.UV {
		u[i], v[i] = t.X, t.Y
	}
	us, vs := pix.NewMap(s.W, s.H), pix.NewMap(s.W, s.H)
	s.Interpolate(us.Pix, u[:], c.Triangles[:])
	s.Interpolate(vs.Pix, v[:], c.Triangles[:])
	for i, t := range s.Tri {
		if t >= 0 {
			q := p.at(r, us.Pix[i], vs.Pix[i])
			for k := range q {
				after.C[k][i] = q[k]
			}
		}
	}
	f.Replace(box, before, after, false)
}

// background is a frame with a pattern that would show any resampling.
func background(l pix.Layout, c pix.Colour) *pix.Frame {
	f := pix.NewFrame(l, c)
	unit := 1 << (l.Depth - 8)
	for i, p := range f.Planes {
		for y := range p.H {
			for x := range p.W {
				v := 100 + (x*7+y*13)%40
				if i > 0 {
					v = 120 + (x*5+y*3)%16
				}
				p.Set(x, y, v*unit+(x+y)%unit)
			}
		}
	}
	return f
}

// clip is drawn footage of one person with its analysis.
type clip struct {
	frames   []*pix.Frame
	analysis *face.Analysis
}

// sceneAt says where the drawn person is in a frame: it moves a little.
func sceneAt(i int) face.Mesh {
	return meshAt(80+float32(i)*.7, 74, 6+.02*float32(i), .02*float32(i), 1)
}

func newClip(l pix.Layout, c pix.Colour, frames int, p palette) *clip {
	r := newRegions(maskSide)
	out := &clip{}
	t := face.Track{}
	g := &target{r: newRegions(targetSide), reference: newColours(targetSide)}
	curve := pix.NewCurve(c.Transfer)
	for i := range frames {
		m := sceneAt(i)
		f := background(l, c)
		drawFace(f, &m, p, r)
		f.PTS = int64(i)
		out.frames = append(out.frames, f)
		o := face.Observation{Frame: i, Mesh: m, Pose: face.FitPose(&m), Box: m.Bounds(), Confidence: 1, Sharpness: 2}
		t.Faces = append(t.Faces, o)
		if i%3 == 0 {
			lg, seen := g.readFace(f, &o, curve)
			x := face.Texture{Frame: i, N: targetSide}
			for k, s := range seen.Pix {
				x.Seen = append(x.Seen, uint8(255*s))
				for c := range lg {
					x.RGB = append(x.RGB, uint8(curve.Code(lg[c].Pix[k])+.5))
				}
			}
			t.Textures = append(t.Textures, x)
		}
	}
	t.Neutral, _ = face.Decompose(&t.Faces[0].Mesh)
	t.Scale, t.Sharpness = t.Faces[0].Pose.Scale, 2
	out.analysis = &face.Analysis{Tracks: []face.Track{t}, People: []face.Person{{Frames: frames}}}
	return out
}

// copies returns frames that may be changed.
func (c *clip) copies() []*pix.Frame {
	out := make([]*pix.Frame, len(c.frames))
	for i, f := range c.frames {
		out[i] = f.Clone()
	}
	return out
}

// photoOf is a drawn photo.
func photoOf(p palette, yaw, wide float32) Photo {
	f := background(pix.Layout{W: 420, H: 420, Depth: 8}, pix.Colour{Matrix: pix.BT601, Full: true})
	m := meshAt(210, 200, 18, yaw, wide)
	drawFace(f, &m, p, newRegions(maskSide))
	return Photo{Frame: f, Mesh: &m}
}

// darkIdentity is made once for all tests; identities do not change.
var darkIdentity = sync.OnceValues(func() (*Identity, error) {
	id, warnings, err := NewIdentity([]Photo{photoOf(darkFace, 0, 1.08)}, DefaultOptions())
	if len(warnings) > 0 {
		return nil, fmt.Errorf("a plain photo is warned about: %v", warnings)
	}
	return id, err
})

func someone(t *testing.T) *Identity {
	t.Helper()
	id, err := darkIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sameFrames compares clips sample by sample.
func sameFrames(a, b []*pix.Frame) bool {
	return slices.EqualFunc(a, b, func(f, g *pix.Frame) bool {
		for i, p := range f.Planes {
			if q := g.Planes[i]; !slices.Equal(p.P8, q.P8) || !slices.Equal(p.P16, q.P16) {
				return false
			}
		}
		return f.Layout == g.Layout && f.PTS == g.PTS
	})
}
