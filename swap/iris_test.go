package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// eyes are two open eyes in a frame: skin, white, an iris with a black pupil and a highlight.
func eyes(iris [3]float32, radius float32) (*pix.Frame, *face.Mesh) {
	f := pix.NewFrame(pix.Layout{W: 240, H: 120, Depth: 8, Mono: false}, pix.Colour{})
	m := new(face.Mesh)
	before := f.RGB(f.Bounds())
	after := before.Clone()
	paint := func(x, y int, c [3]float32) {
		for k := range c {
			after.C[k][y*f.W+x] = c[k]
		}
	}
	for y := range f.H {
		for x := range f.W {
			paint(x, y, [3]float32{190, 140, 120})
		}
	}
	for e, list := range [][]int{face.EyeRight(), face.EyeLeft()} {
		cx, cy := float32(60+120*e), float32(60)
		for k, i := range list { // an almond around the centre
			a := math.Pi * (1 + float64(k)/8)
			if e == 1 {
				a = -a
			}
			m[i] = pix.Vec3{X: cx + 2.4*radius*float32(math.Cos(a)), Y: cy - .9*radius*float32(math.Sin(a))}
		}
		for k, d := range [5][2]float32{{0, 0}, {1, 0}, {0, -1}, {-1, 0}, {0, 1}} {
			m[face.MeshPoints+5*e+k] = pix.Vec3{X: cx + radius*d[0], Y: cy + radius*d[1]}
		}
		poly := make([]pix.Vec2, len(list))
		for k, i := range list {
			poly[k] = m[i].XY()
		}
		open := pix.FillPolygon(f.W, f.H, poly, 0, 1)
		for y := range f.H {
			for x := range f.W {
				if open.Row(y)[x] < .5 {
					continue
				}
				d := float32(math.Hypot(float64(float32(x)-cx), float64(float32(y)-cy))) / radius
				glint := math.Hypot(float64(float32(x)-cx-.5*radius), float64(float32(y)-cy+.2*radius)) < .15*float64(radius)
				switch {
				case glint:
					paint(x, y, [3]float32{250, 250, 250})
				case d < .4:
					paint(x, y, [3]float32{12, 12, 12})
				case d < 1:
					paint(x, y, iris)
				default:
					paint(x, y, [3]float32{225, 222, 220})
				}
			}
		}
	}
	f.Replace(f.Bounds(), before, after, false)
	return f, m
}

var (
	brownEyes = [3]float32{70, 45, 35}
	blueEyes  = [3]float32{95, 120, 140}
)

// tinted draws the colour of one pair of eyes into another.
func tinted(t *testing.T, photo, footage [3]float32, radius float32) (before, after *pix.Frame, m *face.Mesh, e *irisTint) {
	t.Helper()
	curve := pix.NewCurve(pix.SDR)
	pf, pm := eyes(photo, 20)
	id := &Identity{}
	id.eyes, id.eyesSeen = newEyeTone(pm.EyeColours(pf), curve, false)
	if !id.eyesSeen {
		t.Fatal("the photo's eyes are not seen")
	}
	before, m = eyes(footage, radius)
	track := &face.Track{Textures: []face.Texture{{Eyes: m.EyeColours(before)}}}
	after = before.Clone()
	if e = newIrisTint(id, track, curve, false); e != nil {
		e.draw(after, &face.Observation{Mesh: *m}, curve, 1, false, &foreground{})
	}
	return before, after, m, e
}

func TestIrisTakesThePhotosColour(t *testing.T) {
	for name, c := range map[string]struct{ photo, footage [3]float32 }{
		"blue on brown": {blueEyes, brownEyes}, "brown on blue": {brownEyes, blueEyes},
	} {
		t.Run(name, func(t *testing.T) {
			before, after, m, _ := tinted(t, c.photo, c.footage, 20)
			was, is := before.RGB(before.Bounds()), after.RGB(after.Bounds())
			at := func(p *pix.RGB, x, y int) (v [3]float32) {
				for k := range v {
					v[k] = p.C[k][y*p.W+x]
				}
				return v
			}
			apart := func(a, b [3]float32) (d float32) {
				for k := range a {
					d += max(a[k]-b[k], b[k]-a[k])
				}
				return d
			}
			got := at(is, 60-13, 60) // in the iris
			if apart(got, c.photo) > .5*apart(c.footage, c.photo) {
				t.Errorf("the iris is %v, not %v", got, c.photo)
			}
			for place, p := range map[string][2]int{"white": {60 + 30, 60}, "pupil": {60, 60}, "highlight": {70, 56}, "skin": {60, 20}} {
				a, b := at(was, p[0], p[1]), at(is, p[0], p[1])
				if d := apart(a, b); d > 12 {
					t.Errorf("%s went from %v to %v", place, a, b)
				}
			}
			// Nothing beyond the irises changes, to the bit.
			changed := 0
			for y := range before.H {
				for x := range before.W {
					if before.Planes[0].At(x, y) == after.Planes[0].At(x, y) {
						continue
					}
					changed++
					irises := m.Irises()
					if d := min(irises[0].Distance(float32(x), float32(y)), irises[1].Distance(float32(x), float32(y))); d > irisBorder {
						t.Fatalf("(%d, %d) changed, %.2f radii from the iris", x, y, d)
					}
				}
			}
			if changed < 300 {
				t.Errorf("only %d samples changed", changed)
			}
		})
	}
}

// TestIrisStays: tiny, alike, unseen or strangely lit eyes keep their colour.
func TestIrisStays(t *testing.T) {
	if before, after, _, _ := tinted(t, blueEyes, brownEyes, 4.4); string(before.Planes[0].P8) != string(after.Planes[0].P8) {
		t.Error("tiny eyes change")
	}
	if _, _, _, e := tinted(t, brownEyes, brownEyes, 20); e != nil {
		t.Errorf("eyes alike become %v", e.hue)
	}
	curve := pix.NewCurve(pix.SDR)
	if _, ok := newEyeTone(face.EyeColours{}, curve, false); ok {
		t.Error("eyes that were not seen have a tone")
	}
	if _, ok := newEyeTone(face.EyeColours{Iris: [3]uint8{85, 27, 5}, White: [3]uint8{187, 126, 75}}, curve, false); ok {
		t.Error("eyes in orange light have a tone")
	}
}

// A hand before one eye is no iris; the other eye still takes the colour.
func TestIrisBehindSomethingStays(t *testing.T) {
	before, _, m, e := tinted(t, blueEyes, brownEyes, 20)
	if e == nil {
		t.Fatal("the eyes are taken for alike")
	}
	left := pix.Rect{X0: 20, Y0: 20, X1: 120, Y1: 100}
	hidden := &foreground{box: left, share: pix.NewMap(left.W(), left.H()).Each(func(float32) float32 { return 1 })}
	after := before.Clone()
	e.draw(after, &face.Observation{Mesh: *m}, pix.NewCurve(pix.SDR), 1, false, hidden)
	changed := [2]int{}
	for y := range before.H {
		for x := range before.W {
			if before.Planes[0].At(x, y) != after.Planes[0].At(x, y) {
				changed[x/120]++
			}
		}
	}
	if changed[0] != 0 || changed[1] < 150 {
		t.Errorf("%d samples of the covered iris changed, and %d of the other", changed[0], changed[1])
	}
}

// The same eyes have the same tone whatever the primaries of their photo.
func TestEyeToneOfAWideGamut(t *testing.T) {
	curve := pix.NewCurve(pix.SDR)
	seen := face.EyeColours{Iris: [3]uint8{95, 120, 140}, White: [3]uint8{225, 222, 220}}
	want, _ := newEyeTone(seen, curve, false)
	widened := func(c [3]uint8) (out [3]uint8) {
		var lg [3]float32
		for k := range lg {
			lg[k] = curve.Log(float32(c[k]))
		}
		for k, v := range changeGamut(lg, pix.Widen) {
			out[k] = uint8(curve.Code(v) + .5)
		}
		return out
	}
	wide := face.EyeColours{Iris: widened(seen.Iris), White: widened(seen.White)}
	apart := func(narrow bool) (d float32) {
		got, ok := newEyeTone(wide, curve, narrow)
		if !ok {
			t.Fatal("the eyes are not seen")
		}
		for k := range got.hue {
			d = max(d, got.hue[k]-want.hue[k], want.hue[k]-got.hue[k])
		}
		return d
	}
	if a, b := apart(true), apart(false); a > .03 || b < .06 {
		t.Errorf("hue is %.3f apart, as it was read %.3f", a, b)
	}
}
