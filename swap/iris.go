package swap

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// irisTint gives the footage's irises the photo's colour. What of the eye is no iris stays: a dark pupil,
// highlights, white, lashes and lids; and with them the gaze.
type irisTint struct {
	hue   [3]float32 // in the footage's light, of sum 0
	light float32    // log light added
	level float32    // log luma of the footage's irises
}

// How irises are coloured, in their radii and in log light.
const (
	irisShare             = .9        // of the change of colour
	irisLight, irisHue    = 1.1, .9   // the most that brightness and hue may change
	pupilEdge, irisInner  = .34, .46  // nothing changes within the one, all from the other on
	irisOuter, irisBorder = .86, 1.04 // all changes within the one, nothing beyond the other
	glintFrom, glintFull  = .5, 1.0   // brighter than the iris by this: highlights and white
	lashFrom, lashFull    = .6, 1.3   // darker by this: pupil, lashes and the lids' shadow
	lidEdge               = .10       // the lid's own thickness and lashes
	tinyIris, sizableIris = 4.5, 7    // pixels of radius between which the colour fades in
	mostTinted            = 1.0       // log light between the channels of what is taken for white, at most
	whiteCounts           = .5        // share of the white's tint that is taken out of the iris
	irisApart             = .25       // the shift must differ by this at least to be worth doing
)

// eyeTone is an iris in log light against the white beside it, which takes the light out of it. Of
// the white's own tint only a half counts: cameras balance white themselves, and in narrow eyes
// half of what looks like white is flesh.
type eyeTone struct {
	hue   [3]float32 // of sum 0
	tint  [3]float32 // what of the white's tint was taken out of it
	light float32    // iris less white
	level float32    // the iris' log luma
}

// newEyeTone reads a tone. It reports false when the eyes were not seen, or when their white is far from
// white: in coloured light, behind coloured glass, or because it is no white at all. narrow turns BT.2020
// primaries into those of BT.709.
func newEyeTone(c face.EyeColours, curve *pix.Curve, narrow bool) (t eyeTone, ok bool) {
	if !c.Seen() {
		return t, false
	}
	var iris, white [3]float32
	bright := float32(0)
	for k := range t.hue {
		iris[k], white[k] = curve.Log(float32(c.Iris[k])), curve.Log(float32(c.White[k]))
	}
	if narrow {
		iris, white = changeGamut(iris, pix.Narrow), changeGamut(white, pix.Narrow)
	}
	for k := range t.hue {
		bright += white[k] / 3
		t.level += iris[k] / 3
	}
	for k := range t.hue {
		t.tint[k] = whiteCounts * (white[k] - bright)
		t.hue[k] = iris[k] - t.level - t.tint[k]
	}
	t.light = t.level - bright
	return t, max(white[0], white[1], white[2])-min(white[0], white[1], white[2]) <= mostTinted
}

// newIrisTint compares the photo's eyes with those of a track. It returns nil when either are not known
// well enough, or look alike.
func newIrisTint(id *Identity, t *face.Track, curve *pix.Curve, wide bool) *irisTint {
	if !id.eyesSeen {
		return nil
	}
	var tones []eyeTone
	seen := 0
	for i := range t.Textures {
		if t.Textures[i].Eyes.Seen() {
			seen++
			if tone, ok := newEyeTone(t.Textures[i].Eyes, curve, false); ok {
				tones = append(tones, tone)
			}
		}
	}
	if len(tones) == 0 || 2*len(tones) < seen {
		return nil
	}
	middle := func(get func(*eyeTone) float32) float32 {
		v := make([]float32, len(tones))
		for i := range tones {
			v[i] = get(&tones[i])
		}
		return nth(v, len(v)/2)
	}
	e := &irisTint{level: middle(func(t *eyeTone) float32 { return t.level })}
	e.light = pix.Clamp(id.eyes.light-middle(func(t *eyeTone) float32 { return t.light }), -irisLight, irisLight)
	e.hue = id.eyes.hue
	if wide {
		e.hue = changeGamut(e.hue, pix.Widen)
		mean := (e.hue[0] + e.hue[1] + e.hue[2]) / 3
		for k := range e.hue {
			e.hue[k] -= mean
		}
	}
	apart := max(e.light, -e.light)
	for k := range e.hue {
		own := middle(func(t *eyeTone) float32 { return t.hue[k] })
		apart = max(apart, e.hue[k]-own, own-e.hue[k])
		e.hue[k] += middle(func(t *eyeTone) float32 { return t.tint[k] })
	}
	if apart < irisApart {
		return nil
	}
	return e
}

// draw colours the irises of a frame in place, by share (0…1), except where hidden lies in front of them.
// grey leaves colour alone.
func (e *irisTint) draw(f *pix.Frame, o *face.Observation, curve *pix.Curve, share float32, grey bool, hidden *foreground) {
	for k, eye := range o.Mesh.Irises() {
		r := eye.Radius()
		s := share * pix.SmoothStep(r, tinyIris, sizableIris)
		if s <= 0 {
			continue
		}
		reach := irisBorder*r + 1
		box := boxAround([]pix.Vec3{{X: eye.At.X, Y: eye.At.Y}}, reach, f.Bounds())
		if box.Empty() {
			continue
		}
		lids := face.EyeRight()
		if k == 1 {
			lids = face.EyeLeft()
		}
		poly := make([]pix.Vec2, len(lids))
		for j, i := range lids {
			poly[j] = pix.Vec2{X: o.Mesh[i].X - float32(box.X0), Y: o.Mesh[i].Y - float32(box.Y0)}
		}
		open := pix.FillPolygon(box.W(), box.H(), poly, -lidEdge*r, lidEdge*2*r)
		before := f.RGB(box)
		after := before.Clone()
		for i, in := range open.Pix {
			if in <= 0 {
				continue
			}
			d := eye.Distance(float32(box.X0+i%open.W), float32(box.Y0+i/open.W))
			in *= s * (1 - pix.SmoothStep(d, irisOuter, irisBorder)) * (1 - hidden.at(box.X0+i%open.W, box.Y0+i/open.W))
			if e.light > 0 { // a pupil that the footage hardly shows must not stand out as a bright one
				in *= pix.SmoothStep(d, pupilEdge, irisInner)
			}
			if in <= 0 {
				continue
			}
			var lg [3]float32
			y := float32(0)
			for c := range lg {
				lg[c] = curve.Log(before.C[c][i])
				y += lg[c] / 3
			}
			in *= irisShare * (1 - pix.SmoothStep(y-e.level, glintFrom, glintFull)) * (1 - pix.SmoothStep(e.level-y, lashFrom, lashFull))
			for c := range lg {
				// The hue is replaced, not shifted: no reading can make it louder than the photo's.
				hue := pix.Clamp(e.hue[c]-(lg[c]-y), -irisHue, irisHue)
				after.C[c][i] = curve.Code(lg[c] + in*(e.light+hue))
			}
		}
		f.Replace(box, before, after, grey)
	}
}
