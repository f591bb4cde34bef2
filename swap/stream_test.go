package swap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

var smallLayout = pix.Layout{W: 170, H: 150, SubX: 1, SubY: 1, Depth: 8}

// run streams frames first ≤ i < end and returns what came out.
func run(t *testing.T, p *Plan, frames []*pix.Frame, first, end int) ([]*pix.Frame, []FrameReport) {
	t.Helper()
	var out []*pix.Frame
	var reports []FrameReport
	i, held, most := first, 0, 0
	err := p.Stream(t.Context(), first, end, func() (*pix.Frame, error) {
		if i == len(frames) {
			return nil, io.EOF
		}
		i++
		held++
		most = max(most, held)
		return frames[i-1], nil
	}, func(f *pix.Frame, r FrameReport) error {
		held--
		out = append(out, f)
		reports = append(reports, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if most > mostHeld {
		t.Errorf("%d frames were held, at most %d are allowed", most, mostHeld)
	}
	for k, f := range out {
		if f.PTS != int64(first+k) || reports[k].Index != first+k {
			t.Fatalf("frame %d came out as %d (report %d)", first+k, f.PTS, reports[k].Index)
		}
	}
	return out, reports
}

func planFor(t *testing.T, c *clip, id *Identity, change func(o *Options)) *Plan {
	t.Helper()
	o := DefaultOptions()
	if change != nil {
		change(&o)
	}
	p, err := NewPlan(c.analysis, []Assignment{{0, id}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOutsideTheMaskNothingChanges(t *testing.T) {
	id := someone(t)
	for _, c := range []struct {
		layout pix.Layout
		colour pix.Colour
	}{
		{smallLayout, pix.Colour{}},
		{pix.Layout{W: 171, H: 151, SubX: 1, SubY: 1, Depth: 10}, pix.Colour{}},
		{pix.Layout{W: 171, H: 151, SubX: 1, Depth: 8}, pix.Colour{Full: true}},
		{pix.Layout{W: 171, H: 151, SubX: 1, Depth: 10}, pix.Colour{}},
		{pix.Layout{W: 171, H: 151, Depth: 8}, pix.Colour{}},
		{pix.Layout{W: 170, H: 150, Depth: 12}, pix.Colour{}},
		{pix.Layout{W: 171, H: 151, Depth: 8, Mono: true}, pix.Colour{}},
		{pix.Layout{W: 171, H: 151, Depth: 10, Mono: true}, pix.Colour{}},
		{pix.Layout{W: 170, H: 150, SubX: 1, SubY: 1, Depth: 10}, pix.Colour{Matrix: pix.BT2020, Transfer: pix.HLG, WideGamut: true}},
		{pix.Layout{W: 170, H: 150, SubX: 1, SubY: 1, Depth: 10}, pix.Colour{Matrix: pix.BT2020, Transfer: pix.PQ, WideGamut: true}},
	} {
		t.Run(fmt.Sprint(c.layout, c.colour), func(t *testing.T) {
			footage := newClip(c.layout, c.colour, 4, paleFace)
			out, _ := run(t, planFor(t, footage, id, nil), footage.copies(), 0, 4)
			for i, f := range out {
				o := &footage.analysis.Tracks[0].Faces[i]
				edge := reach(o, f)
				inside := boxAround([]pix.Vec3{o.Mesh[50], o.Mesh[280], o.Mesh[1]}, 0, f.Bounds())
				for p := range f.Planes {
					box, core := edge, inside
					if p > 0 {
						box, core = f.ChromaRect(edge), f.ChromaRect(inside)
					}
					a, b := f.Planes[p], footage.frames[i].Planes[p]
					changed := 0
					for y := range a.H {
						for x := range a.W {
							same := a.At(x, y) == b.At(x, y)
							if out := x < box.X0 || y < box.Y0 || x >= box.X1 || y >= box.Y1; out && !same {
								t.Fatalf("frame %d, plane %d changed at (%d, %d), outside of the face", i, p, x, y)
							}
							if !same && x >= core.X0 && y >= core.Y0 && x < core.X1 && y < core.Y1 {
								changed++
							}
						}
					}
					if p == 0 && changed < core.W()*core.H()/2 {
						t.Errorf("frame %d: only %d of %d samples of the cheeks changed", i, changed, core.W()*core.H())
					}
				}
			}
		})
	}
}

func TestNothingMovesWithoutChangeOfShape(t *testing.T) {
	// With the target's own shape nothing is warped: outside of the blend every sample stays.
	id := someone(t)
	footage := newClip(smallLayout, pix.Colour{}, 1, paleFace)
	same := *id
	same.shape = face.Expressions().Relaxed(&footage.analysis.Tracks[0].Neutral)
	out, _ := run(t, planFor(t, footage, &same, nil), footage.copies(), 0, 1)
	b := footage.analysis.Tracks[0].Faces[0].Mesh.Bounds()
	margin := .02 * b.W // the pyramid's coarse bands reach a little farther
	changed := 0
	for y := range smallLayout.H {
		for x := range smallLayout.W {
			if out[0].Planes[0].At(x, y) == footage.frames[0].Planes[0].At(x, y) {
				continue
			}
			changed++
			if fx, fy := float32(x), float32(y); fx < b.X-margin || fy < b.Y-margin || fx > b.X+b.W+margin || fy > b.Y+b.H+margin {
				t.Fatalf("changed at (%d, %d), outside of the mesh", x, y)
			}
		}
	}
	if changed < 500 {
		t.Errorf("only %d samples changed", changed)
	}
}

func TestStrengthZeroChangesNothing(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 6, paleFace)
	out, reports := run(t, planFor(t, footage, someone(t), func(o *Options) { o.Strength = 0 }), footage.copies(), 0, 6)
	if !sameFrames(footage.frames, out) {
		t.Error("samples changed")
	}
	if r := reports[3].Faces[0]; r.Swapped || r.Reason != TurnedOff {
		t.Errorf("report %+v", r)
	}
}

func TestStrengthIsSteady(t *testing.T) {
	id := someone(t)
	footage := newClip(smallLayout, pix.Colour{}, 1, paleFace)
	last := 0.0
	for _, s := range []float32{.25, .5, 1} {
		out, _ := run(t, planFor(t, footage, id, func(o *Options) { o.Strength = s }), footage.copies(), 0, 1)
		sum := 0.0
		for i, v := range out[0].Planes[0].P8 {
			sum += math.Abs(float64(v) - float64(footage.frames[0].Planes[0].P8[i]))
		}
		if sum <= last {
			t.Errorf("strength %v changes %v, less than a smaller one (%v)", s, sum, last)
		}
		last = sum
	}
}

func TestWorkersDoNotMatter(t *testing.T) {
	id := someone(t)
	footage := newClip(smallLayout, pix.Colour{}, 14, paleFace)
	one, r1 := run(t, planFor(t, footage, id, nil), footage.copies(), 0, 14)
	four, r4 := run(t, planFor(t, footage, id, func(o *Options) { o.Workers = 4 }), footage.copies(), 0, 14)
	if !sameFrames(one, four) {
		t.Error("four workers give another picture")
	}
	if d := cmp.Diff(r1, r4); d != "" {
		t.Error(d)
	}
}

func TestCutResetsEverything(t *testing.T) {
	id := someone(t)
	dim := paleFace
	dim.skin = [3]float32{90, 70, 62}
	a, b := newClip(smallLayout, pix.Colour{}, 7, paleFace), newClip(smallLayout, pix.Colour{}, 7, dim)
	second := b.analysis.Tracks[0]
	second.Shot = 1
	second.Faces = append([]face.Observation(nil), second.Faces...)
	for i := range second.Faces {
		second.Faces[i].Frame += 7
	}
	both := &clip{frames: append(a.copies(), b.copies()...), analysis: &face.Analysis{
		Shots:  []face.Shot{{First: 0, End: 7}, {First: 7, End: 14}},
		Tracks: []face.Track{a.analysis.Tracks[0], second}, People: []face.Person{{}},
	}}
	for i, f := range both.frames {
		f.PTS = int64(i)
	}
	all, _ := run(t, planFor(t, both, id, nil), both.copies(), 0, 14)
	alone, _ := run(t, planFor(t, both, id, nil), both.copies(), 7, 14)
	if !sameFrames(alone, all[7:]) {
		t.Error("what was before the cut shows after it")
	}
}

func TestPartsGetTheSameEngine(t *testing.T) {
	// A worker that renders a part of the video sees only its observations.
	id := someone(t)
	footage := newClip(smallLayout, pix.Colour{}, 24, paleFace)
	track := &footage.analysis.Tracks[0]
	for i := range track.Faces {
		track.Faces[i].Sharpness = float32(i)
	}
	all, _ := run(t, planFor(t, footage, id, nil), footage.copies(), 0, 24)
	part := *footage
	window := *track
	window.Faces = track.Faces[8:20]
	part.analysis = &face.Analysis{Tracks: []face.Track{window}, People: footage.analysis.People}
	some, _ := run(t, planFor(t, &part, id, nil), footage.copies(), 8, 20)
	// Away from the part's ends the light is smoothed over the same frames.
	if !sameFrames(some[lookAhead:12-lookAhead], all[8+lookAhead:20-lookAhead]) {
		t.Error("a part of the video looks different from the whole")
	}
}

func TestFramesWithoutThePersonPass(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 8, paleFace)
	track := &footage.analysis.Tracks[0]
	track.Faces = track.Faces[2:5]
	out, reports := run(t, planFor(t, footage, someone(t), nil), footage.copies(), 0, 12)
	if len(out) != 8 {
		t.Fatalf("%d frames came out of 8", len(out))
	}
	for i := range out {
		same := sameFrames(out[i:i+1], footage.frames[i:i+1])
		if swapped := i >= 2 && i < 5; same == swapped || len(reports[i].Faces) > 0 != swapped {
			t.Errorf("frame %d: unchanged %v, %d faces reported", i, same, len(reports[i].Faces))
		}
	}
}

func TestFacesLeaveThePicture(t *testing.T) {
	id := someone(t)
	for _, l := range []pix.Layout{{W: 171, H: 151, SubX: 1, SubY: 1, Depth: 8}, {W: 171, H: 151, SubX: 1, Depth: 10}} {
		footage := newClip(l, pix.Colour{}, 9, paleFace)
		for i, at := range [][3]float32{{-60, 74, 6}, {20, 74, 6}, {80, -30, 6}, {80, 10, 6}, {160, 140, 6}, {230, 74, 6}, {80, 74, 40}, {1e5, 1e5, 6}, {80, 74, .1}} {
			m := meshAt(at[0], at[1], at[2], .3, 1)
			o := &footage.analysis.Tracks[0].Faces[i]
			o.Mesh, o.Pose, o.Box = m, face.FitPose(&m), m.Bounds()
		}
		out, _ := run(t, planFor(t, footage, id, nil), footage.copies(), 0, 9)
		if len(out) != 9 {
			t.Errorf("%v: %d frames", l, len(out))
		}
	}
}

func TestGreyStaysGrey(t *testing.T) {
	grey := palette{skin: [3]float32{170, 170, 170}, lips: [3]float32{110, 110, 110}, brows: [3]float32{40, 40, 40}}
	footage := newClip(smallLayout, pix.Colour{}, 2, grey)
	for _, f := range footage.frames {
		for _, p := range f.Planes[1:] {
			for i := range p.P8 {
				p.P8[i] = 128
			}
		}
	}
	for _, x := range footage.analysis.Tracks[0].Textures {
		for i := 0; i < len(x.RGB); i += 3 { // as they would have been read from these frames
			x.RGB[i], x.RGB[i+2] = x.RGB[i+1], x.RGB[i+1]
		}
	}
	out, reports := run(t, planFor(t, footage, someone(t), nil), footage.copies(), 0, 2)
	if !reports[0].Faces[0].Swapped {
		t.Fatal("not swapped")
	}
	for _, p := range out[1].Planes[1:] {
		for i, v := range p.P8 {
			if v != 128 {
				t.Fatalf("chroma sample %d became %d", i, v)
			}
		}
	}
}

// meanSkin is the mean colour of the cheeks.
func meanSkin(f *pix.Frame, o *face.Observation) (m [3]float64) {
	for _, i := range []int{50, 280, 205, 425} {
		p := o.Mesh[i]
		rgb := f.RGB(pix.Rect{X0: int(p.X) - 4, Y0: int(p.Y) - 4, X1: int(p.X) + 5, Y1: int(p.Y) + 5})
		for c := range m {
			for _, v := range rgb.C[c] {
				m[c] += float64(v) / 81 / 4
			}
		}
	}
	return m
}

func TestSkinToneFollowsTheFootage(t *testing.T) {
	id := someone(t)
	for _, c := range []pix.Colour{{}, {Matrix: pix.BT2020, Transfer: pix.HLG, WideGamut: true}, {Matrix: pix.BT2020, Transfer: pix.PQ, WideGamut: true}} {
		l := smallLayout
		if c.Transfer != pix.SDR {
			l.Depth = 10
		}
		footage := newClip(l, c, 1, paleFace)
		o := &footage.analysis.Tracks[0].Faces[0]
		want := meanSkin(footage.frames[0], o)
		far := 0.0
		for _, tone := range []float32{1, 0} {
			out, _ := run(t, planFor(t, footage, id, func(p *Options) { p.Tone = tone }), footage.copies(), 0, 1)
			got := meanSkin(out[0], o)
			d := 0.0
			for k := range got {
				d = max(d, math.Abs(got[k]-want[k]))
			}
			if tone == 1 && d > 10 {
				t.Errorf("%v: skin is %.0f, the footage's %.0f", c, got, want)
			}
			if tone == 0 {
				far = d
			}
		}
		if far < 30 {
			t.Errorf("%v: with tone 0 the photo's dark skin differs by %.0f only", c, far)
		}
	}
}

func TestErrorsAndCancellation(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 10, paleFace)
	p := planFor(t, footage, someone(t), func(o *Options) { o.Workers = 3 })
	broken := errors.New("disk on fire")
	source := func(failAt int) func() (*pix.Frame, error) {
		frames, i := footage.copies(), 0
		return func() (*pix.Frame, error) {
			if i == failAt {
				return nil, broken
			}
			if i == len(frames) {
				return nil, io.EOF
			}
			i++
			return frames[i-1], nil
		}
	}
	err := p.Stream(t.Context(), 0, 10, source(6), func(*pix.Frame, FrameReport) error { return nil })
	if !errors.Is(err, broken) {
		t.Errorf("source: %v", err)
	}
	n := 0
	err = p.Stream(t.Context(), 0, 10, source(-1), func(*pix.Frame, FrameReport) error {
		if n++; n == 3 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || n != 3 {
		t.Errorf("sink: %v after %d frames", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = p.Stream(ctx, 0, 10, source(-1), func(*pix.Frame, FrameReport) error { cancel(); return nil })
	if !fault.Is(err, fault.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if len(p.tracks.by) > 0 {
		t.Error("engines are kept after their streams have ended")
	}
}

func TestNewPlanChecks(t *testing.T) {
	a := &face.Analysis{People: make([]face.Person, 2)}
	id := &Identity{}
	for _, c := range []struct {
		name   string
		assign []Assignment
		change func(o *Options)
		want   fault.Code
	}{
		{"nobody", nil, nil, fault.MissingField},
		{"unknown", []Assignment{{2, id}}, nil, fault.UnknownPerson},
		{"negative", []Assignment{{-1, id}}, nil, fault.UnknownPerson},
		{"twice", []Assignment{{1, id}, {1, id}}, nil, fault.InvalidField},
		{"no identity", []Assignment{{1, nil}}, nil, fault.Internal},
		{"strength", []Assignment{{1, id}}, func(o *Options) { o.Strength = 1.5 }, fault.InvalidField},
		{"strength is no number", []Assignment{{1, id}}, func(o *Options) { o.Strength = float32(math.NaN()) }, fault.InvalidField},
		{"engine", []Assignment{{1, id}}, func(o *Options) { o.Engine = "magic" }, fault.InvalidField},
		{"tone", []Assignment{{1, id}}, func(o *Options) { o.Tone = -1 }, fault.InvalidField},
		{"workers", []Assignment{{1, id}}, func(o *Options) { o.Workers = -1 }, fault.InvalidField},
	} {
		o := DefaultOptions()
		if c.change != nil {
			c.change(&o)
		}
		if _, err := NewPlan(a, c.assign, o); err == nil || fault.From(err).Code != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	parts := []*Report{NewReport(), NewReport()}
	add := func(r *Report, i int, f ...FaceReport) { r.Add(FrameReport{Index: i, Faces: f}) }
	add(parts[0], 0)
	add(parts[0], 1, FaceReport{Person: 1, Confidence: 1, Swapped: true}, FaceReport{Person: 0, Reason: Covered})
	add(parts[0], 2, FaceReport{Person: 1, Reason: TurnedAway}, FaceReport{Person: 0, Reason: Covered})
	add(parts[1], 3, FaceReport{Person: 1, Reason: TurnedAway})
	add(parts[1], 4, FaceReport{Person: 1, Confidence: .5, Swapped: true})
	add(parts[1], 5, FaceReport{Person: 1, Reason: TurnedAway})
	parts[0].Merge(parts[1])
	want := &Report{Frames: 6, WithFace: 5, Swapped: 2, Confidence: .75, Left: []Range{
		{1, 3, 0, Covered}, {2, 4, 1, TurnedAway}, {5, 6, 1, TurnedAway},
	}}
	if d := cmp.Diff(want, parts[0], cmp.FilterPath(func(p cmp.Path) bool {
		return p.String() == "faces" || p.String() == "sum"
	}, cmp.Ignore()), cmp.AllowUnexported(Report{})); d != "" {
		t.Error(d)
	}
}

func BenchmarkFrame(b *testing.B) {
	// The reference load: 1080p with a face 300 pixels wide. One frame, one goroutine.
	l := pix.Layout{W: 1920, H: 1080, SubX: 1, SubY: 1, Depth: 8}
	f := background(l, pix.Colour{})
	m := meshAt(900, 500, 20.5, 0, 1)
	drawFace(f, &m, paleFace, newRegions(maskSide))
	c := newClip(smallLayout, pix.Colour{}, 4, paleFace)
	track := c.analysis.Tracks[0]
	o := face.Observation{Mesh: m, Pose: face.FitPose(&m), Box: m.Bounds(), Confidence: 1, Sharpness: 2}
	track.Faces, track.Scale = []face.Observation{o}, o.Pose.Scale
	id, _, err := NewIdentity([]Photo{photoOf(darkFace, 0, 1.08)}, DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	e := newMeshEngine(&track, id, DefaultOptions(), pix.Colour{}, &sync.Pool{New: newScratch})
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			e.look(f, &o)
		}
	})
	v := e.look(f, &o)
	b.Run("draw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.draw(b.Context(), f, &o, smoothLight([]*view{v, v, v, v, v}, 2, 2), 1)
		}
	})
}
