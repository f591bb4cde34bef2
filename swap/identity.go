package swap

import (
	"fmt"
	"math"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// Sides of the UV squares: the identity's texture, the maps that decide what of it is used,
// and light.
const (
	textureSide = 512
	maskSide    = 256
	lightSide   = 64
)

// Identity is a person as photos show them: a texture without holes on the UV square, how far
// each texel can be trusted, and a shape. It does not change and can be used by any
// number of plans.
type Identity struct {
	texture    colours    // log light, BT.709 primaries, textureSide
	confidence pix.Map    // 0…1, textureSide
	lightFrom  pix.Map    // lightSide: how far a texel tells about the light on the photo
	shape      face.Shape // at rest
	shown      face.Shape // as the texture shows it, expression included
	open       float32    // opening of the photo's mouth, in eye distances
	eyes       eyeTone    // as the photo shows them, BT.709 primaries
	eyesSeen   bool
	turned     []turned // by yaw; none when all photos show the head alike

	network *networkSource // for EngineONNX, which uses nothing else
}

// Marks at which a photo is warned about.
const (
	openMouth     = .03 // eye distances: teeth may show
	wideOpenMouth = .25 // the shape of the mouth cannot be trusted any more
	strongTurn    = .52 // radians, 30°
)

// NewIdentity makes an identity from one or several photos of the same person. Several are
// merged by how well each shows a part. Warnings say what limits the result; the error
// is a fault.FaceUnusable when too little of the face can be seen.
func NewIdentity(photos []Photo, o Options) (*Identity, []Warning, error) {
	if len(photos) == 0 {
		return nil, nil, fault.New(fault.MissingField, "photo", "no photo is given")
	}
	if err := o.Validate(); err != nil {
		return nil, nil, err
	}
	var fine *regions
	var drawing sync.WaitGroup
	drawing.Go(func() { fine = newRegions(textureSide) })
	r := newRegions(maskSide)
	drawing.Wait()
	var parts []*portrait
	var warnings []Warning
	for i, p := range photos {
		part, warn := newPortrait(p, r, fine)
		parts = append(parts, part)
		for _, w := range warn {
			if len(photos) > 1 {
				w.Text = fmt.Sprintf("Photo %d: %s", i+1, w.Text)
			}
			warnings = append(warnings, w)
		}
	}
	id := merge(parts, r)
	seen := 0.0
	inside := 0.0
	for i, c := range id.confidence.Pix {
		if fine.rim.Pix[i] > .05 {
			inside++
			seen += float64(c)
		}
	}
	if seen < .2*inside {
		return nil, warnings, fault.New(fault.FaceUnusable, "photo", "too little of the face can be seen").
			WithHint("Take a photo from the front, without hair or hands over the face.")
	}
	return id, warnings, nil
}

// portrait is what one photo tells.
type portrait struct {
	Identity
	light  pix.Map                  // like lightFrom, textureSide
	own    pix.Map                  // maskSide: what the photo itself shows well, without what is filled from the mirror
	direct pix.Map                  // maskSide: how squarely each texel faces the camera
	facing [face.MeshPoints]float32 // the same for vertices
	yaw    float32                  // of the head
	pitch  float32
}

// newPortrait unwraps one photo onto the UV square and judges every texel. r and fine are the
// regions of maskSide and textureSide.
func newPortrait(p Photo, r, fine *regions) (*portrait, []Warning) {
	var warn []Warning
	s := &portrait{}
	var pose face.Pose
	s.shape, pose = neutralShape(p.Mesh)
	s.shown, _ = face.Decompose(p.Mesh)
	s.open, s.yaw, s.pitch = mouthOpening(p.Mesh), pose.Yaw, pose.Pitch
	s.direct, s.facing = directness(p.Mesh, r)
	s.eyes, s.eyesSeen = newEyeTone(p.Mesh.EyeColours(p.Frame), pix.NewCurve(p.Frame.Transfer), p.Frame.WideGamut)
	rgb, mesh, zoom := cutOut(p)
	if s.open > openMouth {
		coverTeeth(rgb, mesh)
	}
	if s.open > wideOpenMouth {
		warn = append(warn, Warning{"mouth_open", "The mouth is wide open in the photo, so the mouth's surroundings may look strained; a photo with a closed mouth works better."})
	}
	if math.Abs(float64(pose.Yaw)) > strongTurn || math.Abs(float64(pose.Pitch)) > strongTurn {
		warn = append(warn, Warning{"face_turned", "The head is strongly turned in the photo, so the far side is guessed; a photo from the front works better."})
	}
	tex := unwrap(rgb, mesh, fine, zoom > 1)
	s.texture = logOf(tex, p.Frame.Colour)
	seen := visibility(mesh, rgb, r)

	soft := s.texture.blurred(1)
	small := soft.resampled(maskSide)
	var worn spectacles
	if frame, found := r.glasses(small, bridgeOnPhoto); found {
		worn = r.behindGlasses(small, frame, r.frameStroke(small))
		switch {
		case worn.dark:
			s.eyesSeen = false // their colour is the lenses'
			warn = append(warn, Warning{"sunglasses", "Glasses hide the eyes in the photo, so the whole eye region stays that of the video; a photo without them works better."})
		case worn.brows:
			warn = append(warn, Warning{"glasses", "The glasses in the photo cover the brows, so these stay those of the video; a photo without glasses works better."})
		default:
			warn = append(warn, Warning{"glasses", "Glasses are painted out of the photo; a photo without them works better."})
		}
		if len(worn.tinted.Pix) > 0 {
			worn.clearLenses(fine, s.texture)
		}
		hole := pix.NewMap(textureSide, textureSide)
		pix.Resample(hole, worn.stroke)
		for k := range s.texture {
			pix.Inpaint(s.texture[k], hole)
		}
		soft = s.texture.blurred(1)
		small = soft.resampled(maskSide)
	}
	skin := r.skinConfidence(small, seen)
	skin = skin.Open(.008 * maskSide)
	conf := r.withoutHair(r.hairOn(skin), .015).Mul(seen)
	weight := lightWeight(r, skin, conf)
	s.own = s.fillFromMirror(r, small, weight, conf)
	if s.even(r, skin, conf) > hardShadow {
		warn = append(warn, Warning{"hard_shadow", "Hard shadows lie on the face in the photo, and what they hide is guessed; an evenly lit photo works better."})
	}
	solid := r.solid(conf)
	without(solid, worn.hidden)
	without(s.own, worn.hidden)
	s.confidence = pix.NewMap(textureSide, textureSide)
	pix.Resample(s.confidence, solid)
	s.light = pix.NewMap(textureSide, textureSide)
	pix.Resample(s.light, lightWeight(r, skin, solid))
	return s, warn
}

// doubtfulLight is the weight of texels that are no sure skin when light is measured: a little,
// so that no part of the face is without any support.
const doubtfulLight = .12

// lightWeight says how much each texel tells about light.
func lightWeight(r *regions, skin, seen pix.Map) pix.Map {
	w := r.skin.Clone()
	for i := range w.Pix {
		w.Pix[i] *= (doubtfulLight + (1-doubtfulLight)*skin.Pix[i]) * seen.Pix[i]
	}
	return w.Blurred(float32(r.n) / 512)
}

// neutralShape is the shape of the face in canonical units, at rest: the photo's own expression
// would stay on the face through the whole video.
func neutralShape(m *face.Mesh) (face.Shape, face.Pose) {
	s, pose := face.Decompose(m)
	return face.Expressions().Relaxed(&s), pose
}

// mouthOpening is the distance between the lips in eye distances.
func mouthOpening(m *face.Mesh) float32 {
	return float32(math.Hypot(float64(m[13].X-m[14].X), float64(m[13].Y-m[14].Y))) / m.EyeDistance()
}

// cutOut takes the face and a margin out of the photo, shrunk so that a texel never covers
// more than about one pixel. zoom is how often a pixel went into what is left (≥ 1 means
// the photo is smaller than the texture).
func cutOut(p Photo) (*pix.RGB, *face.Mesh, float32) {
	b := p.Mesh.Bounds()
	margin := .2 * max(b.W, b.H)
	box := pix.Rect{
		X0: int(b.X - margin), Y0: int(b.Y - margin),
		X1: int(b.X+b.W+margin) + 1, Y1: int(b.Y+b.H+margin) + 1,
	}.Intersect(p.Frame.Bounds())
	rgb := p.Frame.RGB(box)
	zoom := float32(textureSide) * .85 / max(b.W, 1)
	scale := float32(1)
	if zoom < .8 {
		scale = zoom
		w, h := max(1, int(float32(rgb.W)*scale+.5)), max(1, int(float32(rgb.H)*scale+.5))
		small := pix.NewRGB(w, h)
		for c := range small.C {
			pix.Scale(small.Channel(c), rgb.Channel(c))
		}
		rgb = small
	}
	mesh := new(face.Mesh)
	for i, v := range p.Mesh {
		mesh[i] = pix.Vec3{
			X: (v.X-float32(box.X0)+.5)*scale - .5,
			Y: (v.Y-float32(box.Y0)+.5)*scale - .5,
			Z: v.Z * scale,
		}
	}
	return rgb, mesh, zoom
}

// coverTeeth replaces the inside of an open mouth by a continuation of the lips, before the
// lips' texture is read: their outline is never exact, and teeth on lips look broken. The
// lips are continued from lips alone, so that no beard grows into them. Sizes are in eye
// distances.
func coverTeeth(p *pix.RGB, m *face.Mesh) {
	eye := m.EyeDistance()
	around := make([]pix.Vec3, 0, 20)
	for _, i := range face.OuterLips() {
		around = append(around, m[i])
	}
	whole := pix.Rect{X1: p.W, Y1: p.H}
	box := boxAround(around, .25*eye, whole)
	if box.Empty() {
		return
	}
	at := func(i int) pix.Vec2 {
		return pix.Vec2{X: m[i].X - float32(box.X0), Y: m[i].Y - float32(box.Y0)}
	}
	outline := func(list []int) (poly []pix.Vec2) {
		for _, i := range list {
			poly = append(poly, at(i))
		}
		return poly
	}
	hole := pix.FillPolygon(box.W(), box.H(), outline(face.InnerLips()), .035*eye, 1)
	hole.FillDisc(at(78), .05*eye)
	hole.FillDisc(at(308), .05*eye)
	lips := pix.FillPolygon(box.W(), box.H(), outline(face.OuterLips()), -.01*eye, 1)
	unknown := hole.Clone()
	for i, l := range lips.Pix {
		if l <= .5 {
			unknown.Pix[i] = 1
		}
	}
	for c := range p.C {
		ch := p.Channel(c)
		var skin pix.Map
		crop(&skin, ch, box, whole)
		lip := skin.Clone()
		pix.Inpaint(lip, unknown)
		pix.Inpaint(skin, hole)
		for i, h := range hole.Pix {
			if h > .5 {
				v := skin.Pix[i] + lips.Pix[i]*(lip.Pix[i]-skin.Pix[i])
				ch.Pix[(box.Y0+i/box.W())*ch.W+box.X0+i%box.W()] = v
			}
		}
	}
}

// unwrap reads the picture at every texel of the mesh; texels outside the mesh stay 0.
func unwrap(p *pix.RGB, m *face.Mesh, r *regions, smooth bool) *pix.RGB {
	at := make([]pix.Vec2, r.n*r.n)
	r.positions.Points(at, m[:], face.Canonical().Triangles[:])
	out := pix.NewRGB(r.n, r.n)
	for c := range out.C {
		ch := p.Channel(c)
		for i, t := range r.positions.Tri {
			switch {
			case t < 0:
			case smooth:
				out.C[c][i] = ch.Bicubic(at[i].X, at[i].Y)
			default:
				out.C[c][i] = ch.Bilinear(at[i].X, at[i].Y)
			}
		}
	}
	return out
}

// logOf turns a picture into log light with BT.709 primaries.
func logOf(p *pix.RGB, c pix.Colour) colours {
	curve := pix.NewCurve(c.Transfer)
	lg := newColours(p.W)
	for i := range lg[0].Pix {
		var x [3]float32
		for k := range x {
			x[k] = curve.Log(p.C[k][i])
		}
		if c.WideGamut {
			x = changeGamut(x, pix.Narrow)
		}
		for k := range x {
			lg[k].Pix[i] = x[k]
		}
	}
	return lg
}

// changeGamut applies a change of primaries to a log light.
func changeGamut(x [3]float32, change func(r, g, b float32) (float32, float32, float32)) [3]float32 {
	var l [3]float32
	for k := range x {
		l[k] = float32(math.Exp(float64(x[k]))) - pix.LightFloor
	}
	l[0], l[1], l[2] = change(l[0], l[1], l[2])
	for k := range l {
		x[k] = float32(math.Log(float64(max(0, l[k]) + pix.LightFloor)))
	}
	return x
}

// Cosines between the surface's normal and the viewing direction at which a texel of a photo
// begins to be seen well enough and is seen fully.
const facingLow, facingFull = .22, .5

// visibility says how well each texel is seen, 0…1: it must face the camera and lie in the
// picture. Normals of the smoothed mesh, and a closing, keep nostrils and lips from
// punching holes.
func visibility(m *face.Mesh, p *pix.RGB, r *regions) pix.Map {
	const side = 128
	c := face.Canonical()
	var uv pix.Surface
	uv.DrawUV(side, c.UV[:], c.Triangles[:])
	normals := face.SmoothNormals(m.Points())
	var facing [face.MeshPoints]float32
	for i, v := range normals {
		facing[i] = pix.SmoothStep(-v.Z, facingLow, facingFull)
		if v := m[i]; v.X < 0 || v.Y < 0 || v.X > float32(p.W-1) || v.Y > float32(p.H-1) {
			facing[i] = 0
		}
	}
	seen := pix.NewMap(side, side)
	uv.Interpolate(seen.Pix, facing[:], c.Triangles[:])
	out := pix.NewMap(r.n, r.n)
	pix.Resample(out, seen.CloseGrey(side*9/200))
	return out
}

// fillFromMirror replaces what is hidden or lies in deep shadow by the other half of the face,
// moved to this side's colours. It changes the texture and conf, and reports what is really
// seen of each texel (0…1). small is the texture at r's side.
func (s *portrait) fillFromMirror(r *regions, small colours, weight, conf pix.Map) (own pix.Map) {
	fn := float32(r.n)
	base := small.lowPass(weight, .03*fn)
	luma := base.luma().Blurred(.02 * fn)
	other := luma.Mirrored()
	trust := pix.NewMap(r.n, r.n)
	for i, l := range luma.Pix {
		// Light below 1 % tells nothing, above 3 % everything.
		lit := min(pix.SmoothStep(l, logOnePercent, logThreePercent), 1-pix.SmoothStep(other.Pix[i]-l, .6, 1.2))
		trust.Pix[i] = conf.Pix[i] * (.2 + .8*lit)
	}
	mirror := trust.Clone()
	mirror = erodeGrey(mirror, int(.025*fn)).Mirrored()
	share := pix.NewMap(r.n, r.n)
	for i := range share.Pix {
		share.Pix[i] = pix.SmoothStep(mirror.Pix[i]-trust.Pix[i], .25, .6) * pix.SmoothStep(r.rim.Pix[i], 0, .05)
	}
	pix.Blur(share, share, .02*fn)
	wide := small.lowPass(weight, .10*fn)
	shift := wide.clone()
	flipped := wide.mirrored()
	for k := range shift {
		for i := range shift[k].Pix {
			shift[k].Pix[i] -= flipped[k].Pix[i]
		}
	}
	fine, fineShift := pix.NewMap(textureSide, textureSide), shift.resampled(textureSide)
	pix.Resample(fine, share)
	turned := s.texture.mirrored()
	for k := range s.texture {
		t := s.texture[k].Pix
		for i, a := range fine.Pix {
			if a > 0 {
				t[i] += a * (turned[k].Pix[i] + fineShift[k].Pix[i] - t[i])
			}
		}
	}
	for i := range conf.Pix {
		conf.Pix[i] = max(conf.Pix[i], min(mirror.Pix[i], share.Pix[i]))
		trust.Pix[i] *= 1 - share.Pix[i]
	}
	return trust
}

// Logs of the light levels between which a texel begins to tell something.
var (
	logOnePercent   = float32(math.Log(.01 + pix.LightFloor))
	logThreePercent = float32(math.Log(.03 + pix.LightFloor))
)

// erodeGrey is the minimum over a disc of r texels.
func erodeGrey(m pix.Map, r int) pix.Map {
	neg := m.Clone().Each(func(v float32) float32 { return -v })
	return neg.DilateGrey(r).Each(func(v float32) float32 { return -v })
}
