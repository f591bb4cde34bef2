package face

import (
	"math"
	"slices"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// coming films a photo so that its face slides into the picture from the right and stays: at frame 0 it
// is outside, from frame inside on it is all there.
func coming(t *testing.T, m *Models, frames, inside int) ([]*pix.Frame, []*Mesh) {
	t.Helper()
	photo := portrait(t, testmedia.Bea)
	stills, err := Photo(t.Context(), m, photo)
	if err != nil || len(stills) != 1 {
		t.Fatalf("%d faces, %v", len(stills), err)
	}
	still, mid := &stills[0].Mesh, stills[0].Box.centre()
	const n, side = 360, 560
	var squares []pix.Square
	var truth []*Mesh
	for i := range frames {
		away := float32(max(0, inside-i)) / float32(inside) // 1…0
		sq := pix.Square{X: mid.X - away*(side/2+.6*stills[0].Box.W) + 2*float32(math.Sin(float64(i))), Y: mid.Y, Side: side}
		squares = append(squares, sq)
		at := new(Mesh)
		for v, p := range still {
			q := sq.ToCrop(n, p.XY())
			at[v] = pix.Vec3{X: q.X, Y: q.Y, Z: p.Z * n / side}
		}
		truth = append(truth, at)
	}
	return staged(t, photo, n, squares), truth
}

// observe looks at frames, holding them or not, and checks that all are given back in order.
func observe(t *testing.T, m *Models, frames []*pix.Frame, fps float64, hold bool) *Observations {
	t.Helper()
	o := NewObserver(m, 0, fps)
	var back []*pix.Frame
	if hold {
		o.Hold(func(f *pix.Frame) { back = append(back, f) })
	}
	for _, f := range frames {
		if err := o.Observe(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if hold {
		if len(back) == 0 && len(frames) > 30 {
			t.Error("everything is held")
		}
		if err := o.End(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	out := o.Finish()
	if hold && !slices.Equal(back, frames) {
		t.Errorf("%d of %d frames were given back, or in another order", len(back), len(frames))
	}
	return out
}

func TestWhoComesInIsSeenAtOnce(t *testing.T) {
	m := models(t, DefaultOptions())
	const frames, inside = 40, 30
	film, truth := coming(t, m, frames, inside)
	late, early := observe(t, m, film, 25, false), observe(t, m, film, 25, true)
	if len(late.tracks) != 1 || len(early.tracks) != 1 {
		t.Fatalf("%d and %d tracks, want one", len(late.tracks), len(early.tracks))
	}
	a, b := late.tracks[0], early.tracks[0]
	if b.first >= a.first || b.end() != frames {
		t.Errorf("frames %d to %d, without held frames %d to %d", b.first, b.end(), a.first, a.end())
	}
	for k := range b.seen {
		i := b.first + k
		got := b.seen[k].mesh()
		if d := distance(&got, truth[i]); d > .2 { // the half that is outside is guessed
			t.Errorf("frame %d: the mesh lies %.3f eye distances off", i, d)
		}
	}
	// As soon as the mesh network itself, shown where to look, sees a face, it must be in the track.
	l := &lens{m: m}
	for i := range b.first {
		s, err := l.mesh(t.Context(), film[i], truth[i].square())
		if err != nil {
			t.Fatal(err)
		}
		if s.plausible() && s.confidence() > .75 {
			t.Errorf("frame %d: the face is plain to see and missed", i)
		}
	}
}

func TestWhoComesInLastIsSeen(t *testing.T) {
	m := models(t, DefaultOptions())
	const fps = 60 // seven frames from look to look
	film, _ := coming(t, m, 40, 30)
	found := observe(t, m, film, fps, false).tracks[0].first
	// The video ends when the face can be seen and before it is time to look again.
	end := found - 1
	if n := observe(t, m, film[:end], fps, false).Faces(); n != 0 {
		t.Fatalf("%d faces without a last look", n)
	}
	if out := observe(t, m, film[:end], fps, true); len(out.tracks) != 1 || out.tracks[0].end() != end {
		t.Errorf("the last look finds nobody: %d tracks", len(out.tracks))
	}
	// So does the shot: nothing may be carried over the cut.
	cut := slices.Clone(film[:end])
	for range 12 {
		f := pix.NewFrame(film[0].Layout, film[0].Colour)
		for y := range f.H {
			for x := range f.W {
				f.Planes[0].P8[y*f.Planes[0].Stride+x] = uint8(40 + 170*((x/45+y/45)%2))
			}
		}
		for _, p := range f.Planes[1:] {
			for i := range p.P8 {
				p.P8[i] = 150
			}
		}
		cut = append(cut, f)
	}
	out := observe(t, m, cut, fps, true)
	if !slices.Equal(out.cuts, []int{end}) {
		t.Fatalf("cuts at %v, want %d", out.cuts, end)
	}
	if len(out.tracks) != 1 || out.tracks[0].end() != end {
		t.Errorf("%d tracks: who came in before the cut is missed, or carried over it", len(out.tracks))
	}
}

// TestHoldIsBounded: large frames are held only as far as 64 MB go.
func TestHoldIsBounded(t *testing.T) {
	for _, c := range []struct{ w, h, depth, most int }{{64, 64, 8, 13}, {1920, 1080, 8, 13}, {3840, 2160, 8, 5}, {7680, 4320, 10, 1}} {
		o := NewObserver(nil, 0, 25)
		released := 0
		o.Hold(func(*pix.Frame) { released++ })
		f := pix.NewFrame(pix.Layout{W: c.w, H: c.h, SubX: 1, SubY: 1, Depth: c.depth}, pix.Colour{})
		for i := range 30 {
			o.hold(f, i)
		}
		if len(o.held) != c.most || released != 30-c.most {
			t.Errorf("%d × %d: %d are held and %d given back, want %d held", c.w, c.h, len(o.held), released, c.most)
		}
		o.Finish()
		if released != 30 {
			t.Errorf("%d of 30 given back at the end", released)
		}
	}
}
