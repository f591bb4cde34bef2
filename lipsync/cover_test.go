package lipsync

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// skinFrame is a frame of skin, light brighter than usual and brighter still to the right by slope, with noise.
func skinFrame(seed uint32, light, slope float32) *pix.Frame {
	f := pix.NewFrame(pix.Layout{W: 240, H: 260, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	for p, v := range [3]float32{140, 110, 150} {
		q := f.Planes[p]
		for y := range q.H {
			for x := range q.W {
				seed = seed*1664525 + 1013904223
				s := v + float32(seed>>24)/32 - 4
				if p == 0 {
					s += light + slope*(float32(x)/float32(q.W)-.5) + 10*float32(math.Sin(float64(y)/20))
				}
				q.Set(x, y, int(pix.Clamp(s, 0, 255)))
			}
		}
	}
	return f
}

// disc paints an object.
func disc(f *pix.Frame, c pix.Vec2, r float32) {
	for p, v := range [3]int{30, 128, 128} {
		q, sx := f.Planes[p], float32(1)
		if p > 0 {
			sx = 2
		}
		for y := range q.H {
			for x := range q.W {
				if math.Hypot(float64(sx*float32(x)-c.X), float64(sx*float32(y)-c.Y)) < float64(r) {
					q.Set(x, y, v)
				}
			}
		}
	}
}

// usualSkin is how the puppet looks.
func usualSkin(t *testing.T, covered int) (*Model, *Usual) {
	t.Helper()
	m := puppet()
	var looks []look
	for k := range 12 {
		f, h := skinFrame(uint32(k), float32(k%3)*2, 0), headAt(m, 110+float32(k), 120, 130, .02*float32(k))
		if k < covered {
			disc(f, h.Mesh[14].XY(), 45)
		}
		var l look
		l.see(f, &h.Mesh)
		looks = append(looks, l)
	}
	u := usualOf(looks)
	if u == nil {
		t.Fatal("nothing was learned")
	}
	return m, u
}

func TestCoveredFindsWhatIsThere(t *testing.T) {
	for _, most := range []int{0, 4, 8} { // of twelve samples are covered
		m, u := usualSkin(t, most)
		for name, c := range map[string]struct {
			light, slope, radius, down float32
			found, hides               bool
		}{
			"nothing":            {found: false},
			"darker":             {light: -30, found: false},
			"brighter":           {light: 40, found: false},
			"light from a side":  {light: 10, slope: 25, found: false},
			"microphone":         {radius: 40, found: true, hides: true},
			"microphone, darker": {light: -30, radius: 40, found: true, hides: true},
			"on the chin":        {radius: 18, down: 40, found: true, hides: true},
		} {
			f, h := skinFrame(99, c.light, c.slope), headAt(m, 120, 125, 135, .1)
			if c.radius > 0 {
				at := h.Mesh[14].XY()
				at.Y += c.down
				disc(f, at, c.radius)
			}
			var l look
			l.see(f, &h.Mesh)
			mask, lips := u.covered(&l)
			if found := mask.Pix != nil; found != c.found {
				t.Errorf("%d samples covered, %s: found %v", most, name, found)
			}
			if got := u.hides(&l); got != c.hides {
				t.Errorf("%d samples covered, %s: hides %v", most, name, got)
			}
			if c.down == 0 && c.found && lips < .9 {
				t.Errorf("%d samples covered, %s: only %.2f of the lips", most, name, lips)
			}
		}
	}
}

func TestDrawKeepsWhatLiesInFront(t *testing.T) {
	m, u := usualSkin(t, 0)
	m.Usual = u
	r := renderer(t, m)
	h := headAt(m, 120, 115, 135, 0)
	mouth := filmed(scene(layouts[0], 5), headAt(m, 120, 120, 130, 0, .1, 0), .1, 0)
	want := &Frame{Amount: 1, Exact: 1, Shape: []float32{.12, 0}}

	whole := skinFrame(7, 0, 0)
	disc(whole, h.Mesh[14].XY(), 45)
	f := whole.Clone()
	done, err := r.Draw(f, h, mouth, want)
	if err != nil || done.Changed || done.Covered < .9 || same(f, whole, everywhere) > 0 {
		t.Errorf("a covered mouth was drawn on: %+v, %v", done, err)
	}

	chin := skinFrame(7, 0, 0)
	at := h.Mesh[152].XY()
	at.Y -= 6
	disc(chin, at, 15)
	f = chin.Clone()
	if done, err = r.Draw(f, h, mouth, want); err != nil || !done.Changed {
		t.Fatalf("with something on the chin: %+v, %v", done, err)
	}
	sum, n := 0, 0
	for y := range f.H {
		for x := range f.W {
			if math.Hypot(float64(float32(x)-at.X), float64(float32(y)-at.Y)) < 11 {
				d := f.Planes[0].At(x, y) - chin.Planes[0].At(x, y)
				sum += max(d, -d)
				n++
			}
		}
	}
	if mean := float64(sum) / float64(n); mean > 2 {
		t.Errorf("what lies on the chin has changed by %.2f steps on average", mean)
	}
}

func TestUsualNeedsEnough(t *testing.T) {
	a := &face.Analysis{Tracks: []face.Track{{Person: 0}}}
	if NewUsual(a, 0) != nil {
		t.Error("a person without samples looks like something")
	}
}
