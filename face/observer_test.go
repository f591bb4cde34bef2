package face

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// opened loads the networks once for all tests.
var opened = sync.OnceValues(func() (*infer.Runtime, error) { return infer.Open(infer.Options{}) })

func models(t testing.TB, o Options) *Models {
	t.Helper()
	rt, err := opened()
	if err != nil {
		t.Fatalf("%v (make setup installs it)", err)
	}
	m, err := NewModels(rt, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// shared is a file of the development media; the test is skipped where they are absent.
func shared(t testing.TB, name string) string {
	t.Helper()
	return testmedia.Shared(t, strings.Split(name, "/")...)
}

// portrait is a person's picture.
func portrait(t testing.TB, person string) *pix.Frame {
	t.Helper()
	f, _, err := media.ReadPhoto(t.Context(), testmedia.Photo(t, person), media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// eachFrame hands over the frames first ≤ i < end of a clip.
func eachFrame(t testing.TB, path string, first, end int, see func(f *pix.Frame)) (fps float64) {
	t.Helper()
	ctx := t.Context()
	info, err := media.Probe(ctx, path, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	end = min(end, info.Frames())
	r, err := media.OpenReader(ctx, path, info, media.ReadOptions{First: first, End: end, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return float64(info.Video.AvgRate.Num) / float64(info.Video.AvgRate.Den)
		}
		if err != nil {
			t.Fatal(err)
		}
		see(f)
		r.Release(f)
	}
}

// observed looks at frames of a clip in stretches of this length.
func observed(t testing.TB, m *Models, path string, first, end, stretch int) []*Observations {
	t.Helper()
	var parts []*Observations
	var o *Observer
	at := first
	eachFrame(t, path, first, end, func(f *pix.Frame) {
		if o == nil {
			o = NewObserver(m, at, 25)
		}
		if err := o.Observe(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if at++; (at-first)%stretch == 0 {
			parts, o = append(parts, o.Finish()), nil
		}
	})
	if o != nil {
		parts = append(parts, o.Finish())
	}
	return parts
}

func analysed(t testing.TB, m *Models, path string, end, stretch int) *Analysis {
	t.Helper()
	a, err := Join(observed(t, m, path, 0, end, stretch), VideoInfo{}, 25)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What is known about the shared clips (their TRUTH.tsv): faces in every frame, people, cuts.
func TestSharedClips(t *testing.T) {
	m := models(t, DefaultOptions())
	long := os.Getenv("TWINSYNC_LONG") != ""
	for _, c := range []struct {
		name       string
		frames     int
		faces      int // in every frame; −1 where it varies
		people     int
		cuts       []int
		everywhere bool // also in the quick test
	}{
		{"noface_natural_scene.mp4", 40, 0, 0, nil, true},
		{"noface_testsrc_sine.mp4", 60, 0, 0, nil, false},
		{"noface_black_silence.mp4", 50, 0, 0, nil, false},
		{"one_frame.mp4", 1, 1, 1, nil, false},
		{"two_people_split.mp4", 20, 2, 2, nil, false},
		{"four_people_grid.mp4", 10, 4, 4, nil, false},
		{"small_face_in_hd.mp4", 20, 1, 1, nil, true},
		{"tiny_64x64.mp4", 20, 1, 1, nil, false},
		{"upside_down_pixels.mp4", 20, 1, 1, nil, true},
		{"forehead_cropped.mp4", 20, 1, 1, nil, false},
		{"flash_flicker.mp4", 40, 1, 1, nil, true},
		{"handheld_shake.mp4", 40, 1, 1, nil, false},
		{"scene_cuts_ABnC.mp4", 200, -1, 3, []int{50, 100, 150}, false},
		{"cross_fade_AB.mp4", 100, 1, 2, nil, true},
		{"h264_10bit.mp4", 20, 1, 1, nil, false},
		{"hdr_pq_10bit_hevc.mp4", 10, 1, 1, nil, true},
		{"hdr_hlg_10bit_hevc.mp4", 10, 1, 1, nil, false},
		{"odd_size_427x241_yuv444.mp4", 20, 1, 1, nil, false},
		{"head_roll_30deg.mp4", 100, 1, 1, nil, false},
		{"low_light_noise.mp4", 100, 1, 1, nil, false},
		{"out_of_focus.mp4", 100, 1, 1, nil, false},
		{"low_bitrate_60k.mp4", 100, 1, 1, nil, false},
		{"black_and_white.mp4", 100, 1, 1, nil, false},
		{"occl_mic_over_mouth.mp4", 200, 1, 1, nil, false},
		{"occl_card_sweep.mp4", 200, 1, 1, nil, false},
		{"uhd_2160p_1s.mp4", 30, 1, 1, nil, false},
		{"vertical_9x16.mp4", 120, 1, 1, nil, false},
		{"fps60.mp4", 180, 1, 1, nil, false},
		{"fps12.mp4", 36, 1, 1, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !long && !c.everywhere {
				t.Skip("set TWINSYNC_LONG=1 for the whole list")
			}
			a := analysed(t, m, shared(t, "odd/video/"+c.name), c.frames, 1<<20)
			if len(a.People) != c.people {
				t.Errorf("%d people, want %d", len(a.People), c.people)
			}
			for i := 0; i < a.Video.Frames; i++ {
				if tr, _ := a.FacesAt(i); c.faces >= 0 && len(tr) != c.faces {
					t.Fatalf("frame %d: %d faces, want %d", i, len(tr), c.faces)
				}
			}
			var cuts []int
			for _, s := range a.Shots[1:] {
				cuts = append(cuts, s.First)
			}
			if !slices.Equal(cuts, c.cuts) {
				t.Errorf("cuts at %v, want %v", cuts, c.cuts)
			}
			for _, tr := range a.Tracks {
				if len(tr.Textures) == 0 || len(tr.Textures) > TexturesPerTrack {
					t.Errorf("track %d has %d textures", tr.ID, len(tr.Textures))
				}
			}
		})
	}
}

// Clips made for the test: who is where in every frame is known exactly.
func TestMadeClips(t *testing.T) {
	m := models(t, DefaultOptions())
	stills := map[string]*Mesh{}
	for _, who := range []string{testmedia.Anton, testmedia.Bea, testmedia.Carl} {
		faces, err := Photo(t.Context(), m, portrait(t, who))
		if err != nil || len(faces) != 1 {
			t.Fatalf("%s: %d faces, %v", who, len(faces), err)
		}
		stills[who] = &faces[0].Mesh
	}
	for name, c := range map[string]struct {
		spec testmedia.Spec
		cuts []int
	}{
		"two people": {testmedia.Spec{People: []string{testmedia.Anton, testmedia.Bea}, Frames: 20, Pan: 30, Nod: 10, Roll: .3}, nil},
		"cuts":       {testmedia.Spec{People: []string{testmedia.Bea, testmedia.Carl}, Cuts: []int{10, 20}, Frames: 30}, []int{10, 20}},
		"10 bit":     {testmedia.Spec{People: []string{testmedia.Carl}, Frames: 12, Zoom: .2, PixFmt: "yuv420p10le"}, nil},
		"small":      {testmedia.Spec{People: []string{testmedia.Bea}, W: 1280, H: 720, FaceSize: 130, Frames: 12, Pan: 60}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			clip := testmedia.Clip(t, c.spec)
			a := analysed(t, m, clip.Path, 1<<20, 1<<20)
			if len(a.People) != len(c.spec.People) {
				t.Errorf("%d people, want %d", len(a.People), len(c.spec.People))
			}
			var cuts []int
			for _, s := range a.Shots[1:] {
				cuts = append(cuts, s.First)
			}
			if !slices.Equal(cuts, c.cuts) {
				t.Errorf("cuts at %v, want %v", cuts, c.cuts)
			}
			for i, places := range clip.Truth {
				tracks, faces := a.FacesAt(i)
				if len(tracks) != len(places) {
					t.Fatalf("frame %d: %d faces, want %d", i, len(tracks), len(places))
				}
				for _, p := range places {
					nearest := math.Inf(1)
					for k := range tracks {
						f := &a.Tracks[tracks[k]].Faces[faces[k]]
						off := 0.0
						for v, q := range stills[p.Person][:MeshPoints] {
							x, y := p.At(float64(q.X), float64(q.Y))
							off += math.Hypot(x-float64(f.Mesh[v].X), y-float64(f.Mesh[v].Y)) / MeshPoints
						}
						nearest = min(nearest, off/float64(f.Mesh.EyeDistance()))
					}
					if nearest > .06 {
						t.Errorf("frame %d: %s's mesh is off by %.3f of the eye distance", i, p.Person, nearest)
					}
				}
			}
		})
	}
}

// The face's box is out of the picture in seconds .76–1.74 and 3.22–4.28 (25 fps).
func TestNoGhostsWhereNobodyIs(t *testing.T) {
	a := analysed(t, models(t, DefaultOptions()), shared(t, "odd/video/face_leaves_and_returns.mp4"), 1<<20, 1<<20)
	for i := 0; i < a.Video.Frames; i++ {
		at := float64(i) / 25
		tr, _ := a.FacesAt(i)
		away := at > .76 && at < 1.74 || at > 3.22 && at < 4.28
		if away && len(tr) != 0 {
			t.Errorf("frame %d: a ghost", i)
		}
		if (at < .3 || at > 2.5 && at < 2.8) && len(tr) != 1 {
			t.Errorf("frame %d: the face is missed", i)
		}
	}
	if len(a.People) != 1 {
		t.Errorf("%d people", len(a.People))
	}
}

func TestStretchesGiveTheSameAsTheWhole(t *testing.T) {
	m := models(t, DefaultOptions())
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Anton, testmedia.Bea}, Frames: 30, Pan: 20, Roll: .2}).Path
	whole, parts := analysed(t, m, clip, 30, 1<<20), analysed(t, m, clip, 30, 11)
	if len(parts.Tracks) != len(whole.Tracks) || len(parts.People) != len(whole.People) {
		t.Fatalf("%d tracks and %d people, in one %d and %d", len(parts.Tracks), len(parts.People), len(whole.Tracks), len(whole.People))
	}
	for i := range whole.Tracks {
		for k := range whole.Tracks[i].Faces {
			// Another way to the same face: the crops differ a little, so the meshes do.
			if d := distance(&whole.Tracks[i].Faces[k].Mesh, &parts.Tracks[i].Faces[k].Mesh); d > .03 {
				t.Fatalf("track %d, face %d: the meshes lie %.3f eye distances apart", i, k, d)
			}
		}
	}
}

func TestSameFramesSameBytes(t *testing.T) {
	m := models(t, DefaultOptions())
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea, testmedia.Carl}, Cuts: []int{8, 16}, Frames: 20}).Path
	var files [2]bytes.Buffer
	for i := range files {
		if _, err := observed(t, m, clip, 0, 20, 1<<20)[0].WriteTo(&files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("two looks at the same frames differ")
	}
}

// Observers share the networks and nothing else.
func TestObserversSideBySide(t *testing.T) {
	m := models(t, DefaultOptions())
	photo := portrait(t, testmedia.Bea)
	var squares []pix.Square
	for i := range 6 {
		squares = append(squares, pix.Square{X: 220 + 3*float32(i), Y: 220, Side: 450})
	}
	frames := staged(t, photo, 240, squares)
	files := make([]bytes.Buffer, 3)
	errs := make(chan error, len(files))
	for i := range files {
		go func() {
			o := NewObserver(m, 0, 25)
			for _, f := range frames {
				if err := o.Observe(t.Context(), f); err != nil {
					errs <- err
					return
				}
			}
			_, err := o.Finish().WriteTo(&files[i])
			errs <- err
		}()
	}
	for range files {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	for i := range files {
		if !bytes.Equal(files[0].Bytes(), files[i].Bytes()) {
			t.Errorf("observer %d saw something else", i)
		}
	}
}

// A mirrored crop must give the mirrored mesh: this holds only if the points' order and
// the network's half pixel are understood.
func TestMirroredCropAgrees(t *testing.T) {
	for _, plain := range []bool{false, true} {
		o := DefaultOptions()
		o.Plain = plain
		l := &lens{m: models(t, o)}
		f := portrait(t, testmedia.Bea)
		found, err := l.detect(t.Context(), f, quick)
		if err != nil || len(found) != 1 {
			t.Fatalf("%d faces, %v", len(found), err)
		}
		s, err := l.settle(t.Context(), f, found[0].square())
		if err != nil {
			t.Fatal(err)
		}
		var a, b sight
		for _, side := range []struct {
			s      *sight
			mirror bool
		}{{&a, false}, {&b, true}} {
			if err := l.meshOnce(t.Context(), f, s.mesh.square(), side.mirror, side.s); err != nil {
				t.Fatal(err)
			}
		}
		pixel := s.mesh.square().Side / meshSide
		var dx, dy, far float64
		for i := range a.mesh {
			x, y := float64(a.mesh[i].X-b.mesh[i].X), float64(a.mesh[i].Y-b.mesh[i].Y)
			dx += x / AllPoints
			dy += y / AllPoints
			if d := math.Hypot(x, y) / float64(s.mesh.EyeDistance()); d > far {
				far = d
			}
			if i >= MeshPoints && math.Hypot(x, y) > .04*float64(s.mesh.EyeDistance()) {
				t.Errorf("plain %v: iris point %d is off by %.1f, %.1f", plain, i, x, y)
			}
		}
		if math.Abs(dx) > .5*float64(pixel) || math.Abs(dy) > .5*float64(pixel) {
			t.Errorf("plain %v: the mirrored mesh lies %.2f, %.2f network pixels off", plain, dx/float64(pixel), dy/float64(pixel))
		}
		if far > .12 {
			t.Errorf("plain %v: a point is off by %.3f of the eye distance", plain, far)
		}
	}
}

func TestObserverStops(t *testing.T) {
	m := models(t, DefaultOptions())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := pix.NewFrame(pix.Layout{W: 320, H: 180, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	if err := NewObserver(m, 0, 25).Observe(ctx, f); !fault.Is(err, fault.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	o := NewObserver(m, 0, 25)
	if err := o.Observe(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	g := pix.NewFrame(pix.Layout{W: 640, H: 360, SubX: 1, SubY: 1, Depth: 8}, pix.Colour{})
	if err := o.Observe(t.Context(), g); !fault.Is(err, fault.Unsupported) {
		t.Errorf("another size: %v", err)
	}
	if out := o.Finish(); out.Faces() != 0 || out.End != 1 {
		t.Errorf("%d faces in %d frames", out.Faces(), out.End)
	}
	for _, n := range []int{0, -1, 65} {
		if err := (Options{MaxFaces: n}).Validate(); !fault.Is(err, fault.InvalidField) {
			t.Errorf("MaxFaces %d: %v", n, err)
		}
	}
}

// BenchmarkObserve is the cost of the analysis per frame of 1080p with one face of about 300
// pixels, decoding not counted.
func BenchmarkObserve(b *testing.B) {
	m := models(b, DefaultOptions())
	var frames []*pix.Frame
	fps := eachFrame(b, shared(b, "videos/v10_woman_car_threequarter_1s_noaudio.mp4"), 0, 24, func(f *pix.Frame) { frames = append(frames, f.Clone()) })
	begin, n := time.Now(), 0
	for b.Loop() {
		o := NewObserver(m, 0, fps)
		for range 5 {
			for _, f := range frames {
				if err := o.Observe(b.Context(), f); err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		o.Finish()
	}
	b.ReportMetric(float64(time.Since(begin).Microseconds())/1000/float64(n), "ms/frame")
}
