package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// scene is drawn footage with its target made.
func scene(t *testing.T, p palette) (*clip, *target, *pix.Curve) {
	t.Helper()
	c := newClip(pix.Layout{W: 260, H: 240, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{}, 7, p)
	curve := pix.NewCurve(pix.SDR)
	g, ok := newTarget(&c.analysis.Tracks[0], curve)
	if !ok {
		t.Fatal("no target")
	}
	return c, g, curve
}

// cover paints a rectangle given in shares of the face's box.
func cover(f *pix.Frame, i int, x0, y0, x1, y1 float32, colour [3]float32) pix.Rect {
	m := sceneAt(i)
	b := m.Bounds()
	r := pix.Rect{X0: int(b.X + x0*b.W), Y0: int(b.Y + y0*b.H), X1: int(b.X + x1*b.W), Y1: int(b.Y + y1*b.H)}.Intersect(f.Bounds())
	before := f.RGB(r)
	after := before.Clone()
	for k := range after.C {
		for j := range after.C[k] {
			after.C[k][j] = colour[k]
		}
	}
	f.Replace(r, before, after, false)
	return r
}

func TestObjectsAreToldFromLight(t *testing.T) {
	c, g, curve := scene(t, paleFace)
	o := &c.analysis.Tracks[0].Faces[3]
	for _, s := range []struct {
		name      string
		change    func(f *pix.Frame)
		low, high float32
	}{
		{"nothing", func(*pix.Frame) {}, 0, .01},
		{"dark microphone", func(f *pix.Frame) { cover(f, 3, .3, .55, .7, 1, [3]float32{30, 30, 32}) }, .08, .45},
		{"card of another colour", func(f *pix.Frame) { cover(f, 3, 0, .3, .8, .8, [3]float32{205, 190, 130}) }, .2, .8},
		{"lamp goes down", func(f *pix.Frame) {
			for i, v := range f.Planes[0].P8 {
				f.Planes[0].P8[i] = uint8(16 + (float64(v)-16)*.6)
			}
			for _, p := range f.Planes[1:] {
				for i, v := range p.P8 {
					p.P8[i] = uint8(128 + (float64(v)-128)*.6 + .5)
				}
			}
		}, 0, .03},
	} {
		f := c.frames[3].Clone()
		s.change(f)
		lg, seen := g.readFace(f, o, curve)
		_, covered := g.occluded(&lg, seen)
		if covered < s.low || covered > s.high {
			t.Errorf("%s: %.3f of the face is covered, want %.2f to %.2f", s.name, covered, s.low, s.high)
		}
	}
}

func TestObjectsStayInFront(t *testing.T) {
	c := newClip(smallLayout, pix.Colour{}, 7, paleFace)
	var box pix.Rect
	for i := 2; i < 5; i++ {
		r := cover(c.frames[i], i, .3, .62, .7, 1, [3]float32{20, 40, 120})
		if i == 3 {
			box = r
		}
	}
	out, reports := run(t, planFor(t, c, someone(t), nil), c.copies(), 0, 7)
	if !reports[3].Faces[0].Swapped {
		t.Fatalf("left: %+v", reports[3])
	}
	worst := 0
	for y := box.Y0 + 6; y < box.Y1-6; y++ {
		for x := box.X0 + 6; x < box.X1-6; x++ {
			worst = max(worst, int(math.Abs(float64(out[3].Planes[0].At(x, y)-c.frames[3].Planes[0].At(x, y)))))
		}
	}
	if worst > 12 {
		t.Errorf("the middle of the object changed by %d steps", worst)
	}
}

func TestReferenceIsFreeOfPassingObjects(t *testing.T) {
	clean, want, _ := scene(t, paleFace)
	c := newClip(clean.frames[0].Layout, pix.Colour{}, 24, paleFace)
	curve := pix.NewCurve(pix.SDR)
	track := &c.analysis.Tracks[0]
	g := &target{r: newRegions(targetSide), reference: newColours(targetSide)}
	for k := range track.Textures { // a card passes from left to right
		x := &track.Textures[k]
		f := c.frames[x.Frame]
		at := float32(k)/4 - .7
		cover(f, x.Frame, max(0, at), .25, min(1, at+.7), .8, [3]float32{210, 190, 140})
		lg, seen := g.readFace(f, &track.Faces[x.Frame], curve)
		for i := range seen.Pix {
			for ch := range lg {
				x.RGB[3*i+ch] = uint8(curve.Code(lg[ch].Pix[i]) + .5)
			}
		}
	}
	got, ok := newTarget(track, curve)
	if !ok {
		t.Fatal("no target")
	}
	bad, all := 0, 0
	for i, s := range want.r.skin.Pix {
		if s > .5 && want.seen.Pix[i] > .9 {
			all++
			if math.Abs(float64(got.reference[2].Pix[i]-want.reference[2].Pix[i])) > .25 {
				bad++
			}
		}
	}
	if bad > all/20 {
		t.Errorf("%d of %d texels of the reference show the card", bad, all)
	}
}

func TestTrackWithoutSamplesIsLeft(t *testing.T) {
	c := newClip(smallLayout, pix.Colour{}, 3, paleFace)
	c.analysis.Tracks[0].Textures = nil
	out, reports := run(t, planFor(t, c, someone(t), nil), c.copies(), 0, 3)
	if !sameFrames(out, c.frames) || reports[1].Faces[0].Reason != NoView {
		t.Errorf("report %+v", reports[1])
	}
}

func TestFlashIsFollowedAtOnce(t *testing.T) {
	c, g, curve := scene(t, paleFace)
	w := &lightGrid{weight: pix.NewMap(lightSide, lightSide)}
	pix.Resample(w.weight, g.weight)
	var views []*view
	for i := range 5 {
		v := g.measure(c.frames[i], &c.analysis.Tracks[0].Faces[i], curve, w)
		if i == 2 {
			for k := range v.base {
				v.mean[k] += .8
				v.base[k].Each(func(x float32) float32 { return x + .8 })
			}
		}
		views = append(views, v)
	}
	for at, want := range map[int]float32{1: views[1].mean[0], 2: views[2].mean[0]} {
		if l := smoothLight(views, at, 2); math.Abs(float64(l.mean[0]-want)) > .05 {
			t.Errorf("frame %d: light %.3f, want %.3f", at, l.mean[0], want)
		}
	}
}

func TestALampFromTheSideIsFollowedAtOnce(t *testing.T) {
	lit := func(slope float32) *view {
		v := &view{base: newColours(lightSide), form: pix.NewMap(lightSide, lightSide)}
		for k := range v.base {
			for i := range v.base[k].Pix {
				v.base[k].Pix[i] = slope * (float32(i%lightSide)/(lightSide-1) - .5)
			}
		}
		return v
	}
	views := []*view{lit(0), lit(0), lit(.8), lit(.8), lit(.8)}
	for at, want := range map[int]float32{1: 0, 2: .8} {
		l := smoothLight(views, at, 2)
		if got := l.base[0].Pix[lightSide-1] - l.base[0].Pix[0]; math.Abs(float64(got-want)) > .05 {
			t.Errorf("frame %d: light from the side is %.2f, want %.2f", at, got, want)
		}
	}
	// What moves only a little is smoothed.
	views = []*view{lit(0), lit(.02), lit(0), lit(.02), lit(0)}
	l := smoothLight(views, 2, 2)
	if got := l.base[0].Pix[lightSide-1] - l.base[0].Pix[0]; got < .006 || got > .012 {
		t.Errorf("trembling light of 0 and .02 is smoothed to %.3f", got)
	}
}

func TestLastingObjects(t *testing.T) {
	m := func(v float32) *view {
		o := pix.NewMap(targetSide, targetSide)
		return &view{object: o.Each(func(float32) float32 { return v })}
	}
	for _, c := range []struct {
		name  string
		views []*view
		at    int
		want  float32
	}{
		{"one frame only", []*view{{}, m(1), {}}, 1, 0},
		{"two frames", []*view{{}, m(1), m(1)}, 1, 1},
		{"an edge passes", []*view{m(0), m(.4), m(1)}, 1, .4},
		{"one frame's gap", []*view{m(1), {}, m(1)}, 1, 1},
		{"alone", []*view{nil, m(.7), nil}, 1, .7},
		{"at the start", []*view{m(.7), m(.2)}, 0, .7},
	} {
		got := float32(0)
		if l := lasting(c.views, c.at); l.Pix != nil {
			got = l.Pix[0]
		}
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBlurredFootageIsNoticed(t *testing.T) {
	id := someone(t)
	_, g, _ := scene(t, paleFace)
	soft := *g
	own := id.texture.resampled(targetSide)
	luma := own.luma()
	g.edges = g.r.edgeStrength(luma)
	if s := g.focus(id); s != 0 {
		t.Errorf("footage as sharp as the photo asks for a blur of %v", s)
	}
	soft.edges = g.r.edgeStrength(luma.Blurred(1.5))
	if s := soft.focus(id); s < 1 || s > 2 {
		t.Errorf("footage blurred by 1.5 asks for a blur of %v", s)
	}
}

func TestToneKeepsThePhotosColourButNotItsExposure(t *testing.T) {
	flat := func(r, g, b float32) colours {
		c := newColours(lightSide)
		for k, v := range []float32{r, g, b} {
			c[k].Each(func(float32) float32 { return v })
		}
		return c
	}
	// The photo is two log units darker and a little redder than the footage.
	w := &lightGrid{base: flat(-2.8, -3.1, -3.1), mean: [3]float32{-2.8, -3.1, -3.1}, gloss: pix.NewMap(lightSide, lightSide)}
	l := &light{base: flat(-1, -1, -1), mean: [3]float32{-1, -1, -1}, form: pix.NewMap(lightSide, lightSide)}
	skin := func(tone float32) (c [3]float32) {
		q := new(gain)
		w.transfer(q, l, tone)
		for k := range c {
			c[k] = w.mean[k] + q[0][k]
		}
		return c
	}
	if c := skin(1); max(c[0], c[1], c[2]) > -.999 || min(c[0], c[1], c[2]) < -1.001 {
		t.Errorf("tone 1 gives %v, not the footage's skin", c)
	}
	c := skin(0)
	if d := float64(c[0] - c[1]); math.Abs(d-.3) > 1e-3 {
		t.Errorf("tone 0 keeps %.3f of the photo's redness of .3", d)
	}
	if d := (c[0]+c[1]+c[2])/3 + 1; d < -toneLimit-1e-3 || d > -.9*toneLimit {
		t.Errorf("tone 0 makes the face %.2f lighter, at most %.2f either way is wanted", d, toneLimit)
	}
}
