package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// How far the change of shape stays away from what lies in front of the face: smoothing on the UV
// square, and the shares from which a vertex moves less and not at all.
const (
	stillSoft            = .035
	stillFrom, stillFull = .04, .35
)

// foreground is what lies in front of a face in one frame, over the box of a layer. Without pixels nothing
// does.
type foreground struct {
	box   pix.Rect // of the frame
	share pix.Map  // 0…1 per pixel of the box
	near  gate     // 1 on it and close to it
}

// newForeground finds what covers a box of an untouched frame.
func newForeground(f *pix.Frame, o *face.Observation, object pix.Map, box pix.Rect) foreground {
	if object.Pix == nil {
		return foreground{}
	}
	share := coverage(f, &o.Mesh, object, box)
	return foreground{box, share, newGate(share, o.Mesh.Bounds().W)}
}

// at is the share at a pixel of the frame, 0 outside of the box.
func (c *foreground) at(x, y int) float32 {
	if c.share.Pix == nil || x < c.box.X0 || y < c.box.Y0 || x >= c.box.X1 || y >= c.box.Y1 {
		return 0
	}
	return c.share.Row(y - c.box.Y0)[x-c.box.X0]
}

// take takes what is covered out of an alpha.
func (c *foreground) take(alpha pix.Map) {
	for i, s := range c.share.Pix {
		alpha.Pix[i] *= 1 - s
	}
}

// blend is pix.Blend with diff and alpha of the box, whose samples lie sx×sy pixels apart, except that no
// band's colour passes over the edge of what lies in front.
func (c *foreground) blend(diff, alpha pix.Map, bands, sx, sy int) pix.Map {
	if c.share.Pix == nil {
		return pix.Blend(diff, alpha, bands)
	}
	plain := diff.Clone().Mul(alpha)
	for y := range diff.H {
		row := diff.Row(y)
		for x := range row {
			row[x] *= 1 - c.share.Pix[min(y*sy, c.share.H-1)*c.share.W+min(x*sx, c.share.W-1)]
		}
	}
	diff = pix.Blend(diff, alpha, bands)
	subtract(plain, diff)
	c.near.apply(plain, sx, sy)
	add(diff.Pix, plain.Pix)
	return diff
}

// front is where objects lie in the frames around, on lightSide: their mean with the weights of a Gaussian.
// Without pixels there are none.
func front(views []*view, at int, sigma float64) pix.Map {
	var sum pix.Map
	total := float32(0)
	for k, v := range views {
		if v == nil {
			continue
		}
		d := float64(k-at) / sigma
		w := float32(math.Exp(-.5 * d * d))
		total += w
		if v.object.Pix == nil {
			continue
		}
		if sum.Pix == nil {
			sum = pix.NewMap(targetSide, targetSide)
		}
		for i, s := range v.object.Pix {
			sum.Pix[i] += w * s
		}
	}
	if sum.Pix == nil {
		return sum
	}
	out := pix.NewMap(lightSide, lightSide)
	pix.Resample(out, sum)
	pix.Blur(out, out, stillSoft*lightSide)
	return out.Each(func(s float32) float32 { return pix.SmoothStep(s/total, stillFrom, stillFull) })
}

// holdStill takes the change of shape from the vertices of g near what lies in front, which must
// not bend with the face.
func holdStill(g *[face.MeshPoints]pix.Vec3, o *face.Observation, front pix.Map) {
	if front.Pix == nil {
		return
	}
	uv := &face.Canonical().UV
	for i := range g {
		s := front.Bilinear(uv[i].X*(lightSide-1), uv[i].Y*(lightSide-1))
		m := o.Mesh[i]
		g[i] = pix.Vec3{X: g[i].X + s*(m.X-g[i].X), Y: g[i].Y + s*(m.Y-g[i].Y), Z: g[i].Z + s*(m.Z-g[i].Z)}
	}
}

// coveredNow is the covered share of the face in the view at index at, free of what only one frame
// shows: the median of three frames.
func coveredNow(views []*view, at int) float32 {
	b := views[at].covered
	a, c := b, b
	if at > 0 && views[at-1] != nil {
		a = views[at-1].covered
	}
	if at+1 < len(views) && views[at+1] != nil {
		c = views[at+1].covered
	}
	return max(min(a, b), min(max(a, b), c))
}
