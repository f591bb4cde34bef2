package lipsync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// standing is an analysis of a canonical face that stands in n frames of a 160×160 picture.
func standing(n int) *face.Analysis {
	t := face.Track{Neutral: face.Canonical().Vertices, Scale: 6, Sharpness: 2}
	pose := face.Pose{R: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Scale: 6, T: pix.Vec3{X: 80, Y: 80}}
	for i := range n {
		o := face.Observation{Frame: i, Pose: pose, Confidence: .9, Sharpness: 2}
		for k := range face.MeshPoints {
			o.Mesh[k] = pose.At(t.Neutral[k])
		}
		// The mouth opens and closes.
		drop := float32(i%8) * .2
		for _, k := range []int{14, 17, 152, 87, 317} {
			o.Mesh[k].Y += drop
		}
		o.Box = o.Mesh.Bounds()
		t.Faces = append(t.Faces, o)
	}
	return &face.Analysis{Version: face.Version, Video: face.VideoInfo{W: 160, H: 160, Frames: n},
		Shots: []face.Shot{{First: 0, End: n}}, Tracks: []face.Track{t}, People: []face.Person{{Frames: n}}}
}

// noise is a frame whose samples differ from place to place and from frame to frame.
func noise(l pix.Layout, c pix.Colour, seed int) *pix.Frame {
	f := pix.NewFrame(l, c)
	for i := range f.Planes {
		p := &f.Planes[i]
		for y := range p.H {
			for x := range p.W {
				p.Set(x, y, (x*7+y*13+i*29+seed*31)%(1<<l.Depth))
			}
		}
	}
	return f
}

func TestMouthsAreKeptAsFilmed(t *testing.T) {
	a := standing(6)
	for name, l := range map[string]pix.Layout{
		"4:2:0 8 bit":  {W: 160, H: 160, SubX: 1, SubY: 1, Depth: 8},
		"4:2:2 10 bit": {W: 160, H: 160, SubX: 1, Depth: 10},
		"4:4:4 12 bit": {W: 160, H: 160, Depth: 12},
		"grey":         {W: 160, H: 160, SubX: 1, SubY: 1, Depth: 8, Mono: true},
	} {
		t.Run(name, func(t *testing.T) {
			picks := Choose(a, 0, l, 1<<30)
			if len(picks) != 6 {
				t.Fatalf("%d picks of 6 frames", len(picks))
			}
			c := pix.Colour{Matrix: pix.BT2020, Transfer: pix.PQ, WideGamut: true, Full: true}
			var paths []string
			// Two stretches, each with a file of its own.
			for part := range 2 {
				path := filepath.Join(t.TempDir(), "mouths")
				f, err := os.Create(path)
				if err != nil {
					t.Fatal(err)
				}
				col := NewCollector(f, part, a, picks)
				for i := 3 * part; i < 3*part+3; i++ {
					if err := col.Add(i, noise(l, c, i)); err != nil {
						t.Fatal(err)
					}
				}
				if err := col.Close(); err != nil {
					t.Fatal(err)
				}
				f.Close()
				paths = append(paths, path)
			}
			m, err := OpenMouths(paths...)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Len() != 6 {
				t.Fatalf("%d mouths", m.Len())
			}
			for i := range m.Len() {
				q := m.Filmed(i)
				if q.Frame != i || q.Clip != i/3 || q.Colour != c {
					t.Fatalf("mouth %d: %+v", i, q)
				}
				if d := cmp.Diff(a.Tracks[0].Faces[i].Mesh, q.Mesh); d != "" {
					t.Fatal(d)
				}
				got, err := m.Picture(i)
				if err != nil {
					t.Fatal(err)
				}
				whole := noise(l, c, i)
				for p := range got.Planes {
					r := q.Box
					if p > 0 {
						r = whole.ChromaRect(q.Box)
					}
					if p > 0 && l.Mono {
						continue
					}
					if got.Planes[p].W != r.W() || got.Planes[p].H != r.H() {
						t.Fatalf("plane %d is %d×%d, not %d×%d", p, got.Planes[p].W, got.Planes[p].H, r.W(), r.H())
					}
					for y := range r.H() {
						for x := range r.W() {
							if g, w := got.Planes[p].At(x, y), whole.Planes[p].At(r.X0+x, r.Y0+y); g != w {
								t.Fatalf("mouth %d plane %d at %d, %d: %d, not %d", i, p, x, y, g, w)
							}
						}
					}
				}
			}
		})
	}
}

func TestDamagedMouthsAreRefused(t *testing.T) {
	l := pix.Layout{W: 160, H: 160, SubX: 1, SubY: 1, Depth: 8}
	a := standing(2)
	path := filepath.Join(t.TempDir(), "mouths")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(f, 0, a, Choose(a, 0, l, 1<<30))
	for i := range 2 {
		if err := c.Add(i, noise(l, pix.Colour{}, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Every byte outside the planes is covered; a damaged plane is found when it is read.
	for at := 0; at < len(whole); at += 97 {
		b := append([]byte(nil), whole...)
		b[at] ^= 0x55
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := OpenMouths(path)
		if err != nil {
			if !fault.Is(err, fault.Internal) {
				t.Fatalf("byte %d: %v", at, err)
			}
			continue
		}
		bad := at < len(mouthsMagic) // the magic at the start is for people only
		for i := range m.Len() {
			if _, err := m.Picture(i); err != nil {
				bad = true
			}
		}
		m.Close()
		if !bad {
			t.Fatalf("a change at byte %d of %d was not seen", at, len(whole))
		}
	}
	for _, n := range []int{0, 7, 40, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := OpenMouths(path); err == nil {
			m.Close()
			t.Fatalf("%d of %d bytes were taken", n, len(whole))
		}
	}
}

func TestChooseKeepsWhatServes(t *testing.T) {
	l := pix.Layout{W: 160, H: 160, SubX: 1, SubY: 1, Depth: 8}
	a := standing(400)
	f := a.Tracks[0].Faces
	f[10].Confidence = .5
	f[11].Sharpness = .1
	f[12].Pose.Yaw = .9
	for k := range f[13].Mesh {
		f[13].Mesh[k].Y += 90
	}
	picks := Choose(a, 0, l, 1<<30)
	for _, p := range picks {
		if p.Frame >= 10 && p.Frame <= 13 {
			t.Errorf("frame %d was chosen", p.Frame)
		}
	}
	if len(picks) != 396 {
		t.Errorf("%d picks", len(picks))
	}
	one := planeBytes(l, mouthBox(&f[0].Mesh, pix.Rect{X1: 160, Y1: 160}))
	// A mouth that opens widest only near the end is still among the few that are kept.
	for i := 300; i < 324; i++ {
		for _, k := range []int{14, 17, 152, 87, 317} {
			f[i].Mesh[k].Y += 8
		}
	}
	few := Choose(a, 0, l, 60*one)
	if len(few) == 0 || len(few) > 60 {
		t.Fatalf("%d picks in a budget of 60", len(few))
	}
	wide := 0
	for i, p := range few {
		if i > 0 && p.Frame <= few[i-1].Frame {
			t.Fatal("not in order")
		}
		if p.Frame >= 300 && p.Frame < 324 {
			wide++
		}
	}
	if wide == 0 {
		t.Error("the wide mouths were left out")
	}
	if Choose(a, 5, l, 1<<30) != nil {
		t.Error("mouths of nobody")
	}
}
