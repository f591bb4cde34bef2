package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Light, found by trial. Sigmas are shares of the UV square.
const (
	lightSigma = .07 // what is wider is light, what is finer is the face's own detail
	sheenSigma = .02 // highlights lie between this and lightSigma
	sheenShare = .3  // of the target's highlights that the new face gets
	formShare  = .5  // of the difference between the target's sides: light from the side
	shadeLimit = 1.3 // log light by which shading may differ from the mean change
	brightFall = .7  // how bright detail shrinks where light is added: it is mostly gloss
	darkFall   = .15 // the same for dark detail: it is mostly pigment
)

// view is what is measured in one frame for one face.
type view struct {
	base    colours    // low-pass of the face in log light, lightSide
	mean    [3]float32 // its weighted mean
	form    pix.Map    // light's share of the band above the base, lightSide
	object  pix.Map    // what lies in front, 0…1, targetSide; no pixels when nothing does
	covered float32    // share of the visible face that something covers
	seen    float32    // share of the face that is seen at all
}

// light is what is drawn with: a view's base, form and object after smoothing in time.
type light struct {
	base   colours
	mean   [3]float32
	form   pix.Map
	object pix.Map
	front  pix.Map // where objects lie in this frame and those around, 0…1, lightSide; no pixels without any
}

// measure reads one face from a frame.
func (g *target) measure(f *pix.Frame, o *face.Observation, curve *pix.Curve, wl *lightGrid) *view {
	lg, seen := g.readFace(f, o, curve)
	v := &view{}
	v.object, v.covered = g.occluded(&lg, seen)
	visible, all := float32(0), float32(0)
	weight := g.weight.Clone()
	for i, s := range seen.Pix {
		weight.Pix[i] *= s
		if g.r.rim.Pix[i] > .03 {
			all++
			visible += s
		}
	}
	for i, c := range v.object.Pix {
		weight.Pix[i] *= 1 - c
	}
	v.seen = visible / max(all, 1)
	small := lg.resampled(lightSide)
	w := pix.NewMap(lightSide, lightSide)
	pix.Resample(w, weight)
	v.base = small.lowPass(w, lightSigma*lightSide)
	v.mean = v.base.mean(wl.weight)
	v.form = form(small, v.base, w)
	return v
}

// form is what of the band between sheenSigma and lightSigma is drawn by light: its highlights, and the
// difference between the face's two sides, which are built alike.
func form(lg, base colours, weight pix.Map) pix.Map {
	l, b := lg.luma(), base.luma()
	pix.Blur(l, l, sheenSigma*lightSide)
	for i, v := range b.Pix {
		l.Pix[i] = (l.Pix[i] - v) * min(1, 2*weight.Pix[i])
	}
	out := pix.NewMap(l.W, l.H)
	for y := range l.H {
		row, w, o := l.Row(y), weight.Row(y), out.Row(y)
		for x, v := range row {
			far := l.W - 1 - x
			known := min(1, 2*min(w[x], w[far]))
			side := known * (v - row[far]) / 2
			o[x] = sheenShare*max(0, v-side) + formShare*side
		}
	}
	return out
}

// readFace unwraps the face of a frame onto targetSide in log light. The frame is first
// averaged to about one sample per texel.
func (g *target) readFace(f *pix.Frame, o *face.Observation, curve *pix.Curve) (colours, pix.Map) {
	const n = targetSide
	c := face.Canonical()
	at := make([]pix.Vec2, n*n)
	g.r.positions.Points(at, o.Mesh[:], c.Triangles[:])

	points := o.Mesh.Points()
	var cosine [face.MeshPoints]float32
	for i, v := range face.SmoothNormals(points) {
		cosine[i] = pix.SmoothStep(-v.Z, facingLow, facingFull)
	}
	seen := pix.NewMap(n, n)
	g.r.positions.Interpolate(seen.Pix, cosine[:], c.Triangles[:])

	box := boxAround(points[:], 4, f.Bounds())
	step := max(1, int(o.Mesh.Bounds().W/(n*.85)))
	lg := g.reference.clone() // where nothing is seen
	if box.Empty() {
		clear(seen.Pix)
		return lg, seen
	}
	y := averaged(f, 0, box, step)
	cr := f.ChromaRect(box)
	var u, v pix.Map
	cstep := max(1, step>>f.SubX)
	if !f.Mono {
		u, v = averaged(f, 1, cr, cstep), averaged(f, 2, cr, cstep)
	}
	k := pix.NewCoder(f.Colour)
	half, chalf := float32(step-1)/2, float32(cstep-1)/2
	for i, s := range seen.Pix {
		p := at[i]
		if s == 0 || p.X < 0 || p.Y < 0 || p.X > float32(f.W-1) || p.Y > float32(f.H-1) {
			seen.Pix[i] = 0
			continue
		}
		ys := y.Bilinear((p.X-float32(box.X0)-half)/float32(step), (p.Y-float32(box.Y0)-half)/float32(step))
		us, vs := float32(128), float32(128)
		if !f.Mono {
			cx, cy := f.ChromaAt(p.X, p.Y)
			cx, cy = (cx-float32(cr.X0)-chalf)/float32(cstep), (cy-float32(cr.Y0)-chalf)/float32(cstep)
			us, vs = u.Bilinear(cx, cy), v.Bilinear(cx, cy)
		}
		r, gr, b := k.RGB(ys, us, vs)
		lg[0].Pix[i], lg[1].Pix[i], lg[2].Pix[i] = curve.Log(r), curve.Log(gr), curve.Log(b)
	}
	return lg, seen
}

// averaged is a box of a plane, each sample the mean of step×step, on an 8-bit scale.
func averaged(f *pix.Frame, plane int, box pix.Rect, step int) pix.Map {
	var m pix.Map
	if step == 1 {
		f.Planes[plane].Crop(&m, box, f.Depth)
		return m
	}
	if box.W() < step || box.H() < step {
		o := pix.NewMap(max(1, box.W()/step), max(1, box.H()/step))
		f.Planes[plane].Crop(&m, box, f.Depth)
		copy(o.Pix, m.Pix)
		return o
	}
	o := pix.NewMap(box.W()/step, box.H()/step)
	norm := 1 / float32(step*step)
	band := box
	for y := range o.H { // a band of rows at a time stays in the near caches
		band.Y0 = box.Y0 + y*step
		band.Y1 = band.Y0 + step
		f.Planes[plane].Crop(&m, band, f.Depth)
		d := o.Row(y)
		for j := range step {
			s := m.Row(j)
			for x := range d {
				for _, v := range s[x*step : x*step+step] {
					d[x] += v
				}
			}
		}
		for x := range d {
			d[x] *= norm
		}
	}
	return o
}

// lightGrid is the identity's side of the transfer of light, constant over a track.
type lightGrid struct {
	base   colours    // low-pass of the photo in log light, lightSide
	mean   [3]float32 // weighted mean of the photo's skin
	weight pix.Map    // how far a texel of the target tells about light
	gloss  pix.Map    // 0…1 where highlights may be added: bare skin
}

// gain is what turns the photo's light into the frame's: added in log light, with the factors
// for bright and dark detail, on lightSide. Interleaved: red, green, blue, bright, dark.
type gain [lightSide * lightSide][5]float32

// toneLimit bounds, in log light, how much lighter or darker than the footage's skin the photo's tone
// can make it: a photo's exposure is not its skin's, and neck and ears stay as they are.
const toneLimit = .6

// transfer computes the gain. tone 1 gives the face the target's skin tone, 0 keeps the photo's; the
// shading is limited around the mean change, the mean itself is not.
func (w *lightGrid) transfer(dst *gain, l *light, tone float32) {
	var mean [3]float32
	for k := range mean {
		mean[k] = l.mean[k] - w.mean[k]
	}
	luma := (mean[0] + mean[1] + mean[2]) / 3
	own := limited(luma, toneLimit) - luma
	for i := range dst {
		gloss := l.form.Pix[i] * w.gloss.Pix[i]
		sum := float32(0)
		for k := range mean {
			d := l.base[k].Pix[i] - w.base[k].Pix[i] - mean[k]
			v := mean[k] - (1-tone)*(mean[k]+own) + pix.Clamp(d, -shadeLimit, shadeLimit)
			sum += v
			dst[i][k] = v + gloss
		}
		sum /= 3
		dst[i][3] = pix.Clamp(exp(-brightFall*sum), .3, 1.4)
		dst[i][4] = pix.Clamp(exp(-darkFall*sum), .5, 1.4)
	}
}

func exp(v float32) float32 { return float32(math.Exp(float64(v))) }

// Smoothing of light in time. Sudden changes (a flash, a lamp that goes on) are followed at once: light is
// smoothed only among frames that are lit alike.
const (
	lightFrames = 2.0 // sigma in frames at 25 per second
	lookAhead   = 4   // frames on either side
	flashLimit  = .08 // log light, of the mean
	turnLimit   = .08 // log light, of what turned says
)

// turned is how differently the light falls in two views: the mean difference between their bases, less
// that of their means.
func (v *view) turned(o *view) float64 {
	const step = 5 // the bases are smooth
	sum, n := float32(0), 0
	for k := range v.base {
		shift := v.mean[k] - o.mean[k]
		for i := 0; i < len(v.base[k].Pix); i += step {
			d := v.base[k].Pix[i] - o.base[k].Pix[i] - shift
			sum += max(d, -d)
			n++
		}
	}
	return float64(sum) / float64(n)
}

// smoothLight is the mean of views weighted by their distance from the one at index at. Views
// that are nil (no face, another shot) are left out.
func smoothLight(views []*view, at int, sigma float64) *light {
	own := views[at]
	l := &light{base: newColours(lightSide), form: pix.NewMap(lightSide, lightSide), object: lasting(views, at), front: front(views, at, sigma)}
	var mean [3]float64
	sum := 0.0
	for j, v := range views {
		if v == nil {
			continue
		}
		d := float64(j-at) / sigma
		w := math.Exp(-.5 * d * d)
		step := 0.0
		for k := range mean {
			step = max(step, math.Abs(float64(v.mean[k]-own.mean[k])))
		}
		q := max(step/flashLimit, v.turned(own)/turnLimit)
		w /= 1 + q*q*q*q
		sum += w
		for k := range mean {
			mean[k] += w * float64(v.mean[k])
			b := l.base[k].Pix
			for i, x := range v.base[k].Pix {
				b[i] += float32(w) * (x - v.mean[k])
			}
		}
		for i, x := range v.form.Pix {
			l.form.Pix[i] += float32(w) * x
		}
	}
	for k := range mean {
		l.mean[k] = float32(mean[k] / sum)
		for i, x := range l.base[k].Pix {
			l.base[k].Pix[i] = x/float32(sum) + l.mean[k]
		}
	}
	for i := range l.form.Pix {
		l.form.Pix[i] /= float32(sum)
	}
	return l
}
