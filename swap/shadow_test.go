package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// halves is the mean of luma in a disc around (u, v) of the UV square less that in its mirror image.
func halves(lg colours, u, v, radius float32) float32 {
	n := lg[0].W
	disc := pix.NewMap(n, n)
	disc.FillDisc(pix.Vec2{X: u * float32(n-1), Y: v * float32(n-1)}, radius*float32(n))
	here, there := lg.mean(disc), lg.mean(disc.Mirrored())
	return (here[0] + here[1] + here[2] - there[0] - there[1] - there[2]) / 3
}

func TestAShadowOnACheekIsTakenOut(t *testing.T) {
	const u, v, radius, depth = .68, .56, .04, .8
	r, fine := newRegions(maskSide), newRegions(textureSide)
	clean, _ := newPortrait(photoOf(paleFace, 0, 1), r, fine)
	s, _ := newPortrait(photoOf(paleFace, 0, 1), r, fine)
	shadow := pix.NewMap(textureSide, textureSide)
	shadow.FillDisc(pix.Vec2{X: u * (textureSide - 1), Y: v * (textureSide - 1)}, radius*textureSide)
	for k := range s.texture {
		for i, w := range shadow.Pix {
			s.texture[k].Pix[i] -= depth * w
		}
	}
	ones := pix.NewMap(maskSide, maskSide).Each(func(float32) float32 { return 1 })
	s.even(r, ones, ones)
	was, is := halves(clean.texture, u, v, radius*.7), halves(s.texture, u, v, radius*.7)
	if d := float64(is - was); math.Abs(d) > .45*depth {
		t.Errorf("%.2f of a shadow of %.2f is left", d, depth)
	}
}

func TestEveningKeepsWrinkles(t *testing.T) {
	r, fine := newRegions(maskSide), newRegions(textureSide)
	s, _ := newPortrait(photoOf(darkFace, 0, 1), r, fine)
	contrast := func() (c float32) {
		luma := s.texture.luma()
		for y := textureSide * 45 / 100; y < textureSide*55/100; y++ {
			x := textureSide * 30 / 100
			c = max(c, float32(math.Abs(float64(luma.Pix[(y+6)*textureSide+x]-luma.Pix[y*textureSide+x]))))
		}
		return c
	}
	before := contrast()
	ones := pix.NewMap(maskSide, maskSide).Each(func(float32) float32 { return 1 })
	s.even(r, ones, ones)
	if after := contrast(); before < .1 || after < .85*before {
		t.Errorf("wrinkles of %.3f are left with %.3f", before, after)
	}
}

func TestSoftSideLightIsNotHard(t *testing.T) {
	for _, c := range []struct {
		side   float32
		warned bool
	}{{0, false}, {1, false}, {3.5, true}, {-3.5, true}} {
		p := paleFace
		p.side = c.side
		_, warnings, err := NewIdentity([]Photo{photoOf(p, 0, 1)}, DefaultOptions())
		warned := false
		for _, w := range warnings {
			warned = warned || w.Code == "hard_shadow"
		}
		if err != nil || warned != c.warned {
			t.Errorf("light %+.1f from the side: warned %v, want %v (%v)", c.side, warned, c.warned, err)
		}
	}
}

func TestNoiseInTheDarkGoesAndStructureStays(t *testing.T) {
	s := &portrait{}
	s.texture = newColours(textureSide)
	dark, light := float32(math.Log(.004+pix.LightFloor)), float32(math.Log(.5+pix.LightFloor))
	grain := func(i int) float32 { // a fine checkered grain
		return .06 * float32(1-2*((i%textureSide+i/textureSide)%2))
	}
	for k := range s.texture {
		for i := range s.texture[k].Pix {
			level := dark
			if i%textureSide > textureSide/2 {
				level = light
			}
			s.texture[k].Pix[i] = level + grain(i)
		}
	}
	s.denoise()
	at := func(x int) float64 {
		row := s.texture[0].Row(textureSide / 2)
		return math.Abs(float64(row[x]-row[x+1])) / .12
	}
	if d, l := at(textureSide/4), at(textureSide*3/4); d > .3 || l < .9 {
		t.Errorf("%.2f of the grain is left in the dark, %.2f in the light", d, l)
	}
}

func TestFormIsHighlightsAndSides(t *testing.T) {
	const x, y = 20, 30
	weight := pix.NewMap(lightSide, lightSide).Each(func(float32) float32 { return 1 })
	measure := func(left, right float32) (float32, float32) {
		lg := newColours(lightSide)
		for k := range lg {
			lg[k].FillDisc(pix.Vec2{X: x, Y: y}, 4)
			for i, v := range lg[k].Mirrored().Pix {
				lg[k].Pix[i] = left*lg[k].Pix[i] + right*v
			}
		}
		f := form(lg, newColours(lightSide), weight)
		return f.Pix[y*lightSide+x], f.Pix[y*lightSide+lightSide-1-x]
	}
	near := func(a, b float32) bool { return math.Abs(float64(a-b)) < .02 }
	if l, r := measure(1, 1); !near(l, sheenShare) || !near(r, sheenShare) {
		t.Errorf("highlights on both sides give %.2f and %.2f", l, r)
	}
	if l, r := measure(-1, -1); l != 0 || r != 0 {
		t.Errorf("dark on both sides gives %.2f and %.2f: that is the face's own", l, r)
	}
	if l, r := measure(1, -1); !near(l, formShare) || !near(r, -formShare) {
		t.Errorf("light from one side gives %.2f and %.2f", l, r)
	}
}

func TestLipsOfALaughAreTheTargets(t *testing.T) {
	c := newClip(smallLayout, pix.Colour{}, 4, paleFace)
	g, ok := newTarget(&c.analysis.Tracks[0], pix.NewCurve(pix.SDR))
	if !ok {
		t.Fatal("no target")
	}
	id, r := someone(t), newRegions(textureSide/2)
	lip := r.at(17) // the middle of the lower lip
	alpha := func(open float32) float32 {
		laughing := *id
		laughing.open = open
		tex, _ := newTexture(&laughing, g, r, 150, false)
		return tex.texels[(int(lip.Y)-3)*r.n+int(lip.X)].alpha
	}
	if a := alpha(0); a < .9 {
		t.Errorf("of a closed mouth %.2f is seen", a)
	}
	if a := alpha(laughOpening); a > .1 {
		t.Errorf("of a laughing mouth %.2f is seen", a)
	}
}
