package lipsync

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

func TestMain(m *testing.M) { os.Exit(speechtest.Main(m)) }

// talkers are clips of people who speak, with their words (found by a speech recogniser and mended by hand), and by
// how many frames their picture is late.
var talkers = []struct {
	file, words string
	late        int
}{
	{"v09_ai_man_speaking_31s.mp4", "In the mosaic of life, each moment weaves itself into a grand tapestry, one that etches not just our highest " +
		"peaks but also our lowest valleys. This intricate interplay of experiences shapes our wisdom and resilience. As we journey " +
		"through life, we realize that our true wealth lies not in material possessions, but in the richness of our relationships " +
		"and the depth of our reflections. Life, then, is less about what we accumulate and more about what we discover within " +
		"ourselves and share with others.", -1},
	{"v01_obama_address_20s.mp4", "to speak with you about the battle we're waging against an oil spill that is assaulting our shores and our " +
		"citizens. On April twentieth, an explosion ripped through BP Deepwater Horizon drilling rig, about forty miles off the " +
		"coast of Louisiana. Eleven workers lost their lives. Seventeen others", -6},
}

// watched is a clip of the development media as a Footage.
func watched(t *testing.T, file, words string) Footage {
	t.Helper()
	path := filepath.Join(testmedia.Shared(t, "videos"), file)
	ctx := t.Context()
	rt, err := infer.Open(infer.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rt.Close() }()
	m, err := face.NewModels(rt, face.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	info, err := media.Probe(ctx, path, media.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	n := info.Frames()
	r, err := media.OpenReader(ctx, path, info, media.ReadOptions{End: n})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fps := float64(n) / info.Duration.Seconds()
	o := face.NewObserver(m, 0, fps)
	for range n {
		f, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Observe(ctx, f); err != nil {
			t.Fatal(err)
		}
		r.Release(f)
	}
	a, err := face.Join([]*face.Observations{o.Finish()}, face.VideoInfo{W: info.Video.Layout.W, H: info.Video.Layout.H, Frames: n}, fps)
	if err != nil {
		t.Fatal(err)
	}
	const rate = 16000
	samples, err := media.ReadSound(ctx, path, info.Audio, media.SoundOptions{Rate: rate, Zero: info.Start})
	if err != nil {
		t.Fatal(err)
	}
	f := Footage{Analysis: a, FPS: fps, Sound: &speech.Sound{Rate: rate, Samples: samples}}
	f.Timing, err = speech.AlignTranscript(ctx, *f.Sound, &speech.Transcript{Cues: []speech.Cue{{Text: words}}}, speechtest.Espeak(t),
		speech.Request{Language: "en-us"}, speech.AlignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// without is the footage without the frames from to before end: they keep their numbers.
func (f Footage) without(from, end int) Footage {
	a := *f.Analysis
	a.Tracks = nil
	for _, t := range f.Analysis.Tracks {
		all := t.Faces
		t.Faces = nil
		for _, o := range all {
			if o.Frame < from || o.Frame >= end {
				t.Faces = append(t.Faces, o)
			}
		}
		a.Tracks = append(a.Tracks, t)
	}
	f.Analysis = &a
	return f
}

// agreement is how shapes agree with what was filmed.
type agreement struct {
	lips        float64 // mean distance of the inner lips' points, percent of the face's width
	open, width float64 // correlations
	spread      float64 // of the opening, over what was filmed
	closed      float64 // mean gap at p, b and m above the person's own 2nd percentile, face widths
}

// reenact learns from all frames but those from ≤ i < end, and compares what it wants there with what was
// filmed. voice, where not nil, is heard instead of the clip's own there.
func reenact(t *testing.T, f Footage, from, end int, mode Mode, voice *speech.Sound) agreement {
	t.Helper()
	l, err := newLibrary(t.Context(), []Footage{f.without(from, end)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.learnOffset(0)
	l.findRest()
	c := &l.clips[0]
	if !c.sure {
		t.Fatalf("the offset is not found: correlation %.2f", c.trust)
	}
	n := f.Analysis.Video.Frames
	sound := c.sound
	if voice != nil {
		sound = c.moved(widen(speech.SoundFeatures(*voice, n, f.FPS*float64(voice.Rate)/float64(f.Sound.Rate))))
	}
	w := &said{part(c.curves, from, end), sound[from:end], f.FPS}
	truth := w.curves
	if mode == ModeSound {
		heard := speech.SoundCurves(*f.Sound, n+12, f.FPS)
		w.curves = part(heard, max(0, from-c.offset), max(0, from-c.offset)+end-from)
		c.curves = nil
	}
	shapes := l.targets(w, mode)

	index := map[int]int{}
	for i, v := range shapePoints() {
		index[v] = i
	}
	apart := func(v []float64, a, b int) float64 {
		x, y := 2*index[a], 2*index[b]
		return math.Hypot(v[x]-v[y], v[x+1]-v[y+1])
	}
	var meshes []*face.Mesh
	for i := range f.Analysis.Tracks[0].Faces {
		if o := &f.Analysis.Tracks[0].Faces[i]; o.Frame >= from && o.Frame < end {
			meshes = append(meshes, &o.Mesh)
		}
	}
	placed, _ := poses(meshes, &l.ref, f.FPS)
	var a agreement
	var open, width [2][]float64
	var shut []float64
	for i, m := range meshes {
		s := seen{face: &face.Observation{Mesh: *m}, pose: placed[i]}
		both := [2][]float64{s.lips(), append([]float64(nil), l.mean...)}
		for k, v := range shapes[i] {
			for j, b := range l.basis[k] {
				both[1][j] += v * b
			}
		}
		for _, v := range face.InnerLips() {
			k := 2 * index[v]
			a.lips += 100 * math.Hypot(both[0][k]-both[1][k], both[0][k+1]-both[1][k+1]) / 20 / float64(len(meshes))
		}
		for k, v := range both {
			open[k] = append(open[k], (apart(v, 82, 87)+apart(v, 13, 14)+apart(v, 312, 317))/3)
			width[k] = append(width[k], apart(v, 61, 291))
		}
		if truth.Close[i] > .6 {
			shut = append(shut, open[1][i]-l.lo[0])
		}
	}
	a.open, a.width = correlation(open[0], open[1]), correlation(width[0], width[1])
	_, filmed := meanStd(column(open[0]), 1)
	_, ours := meanStd(column(open[1]), 1)
	a.spread = ours[0] / filmed[0]
	mean, _ := meanStd(column(shut), 1)
	a.closed = mean[0]
	return a
}

// part is a stretch of curves.
func part(c *speech.Curves, from, end int) *speech.Curves {
	return &speech.Curves{Jaw: c.Jaw[from:end], Width: c.Width[from:end], Round: c.Round[from:end], Close: c.Close[from:end],
		Teeth: c.Teeth[from:end], Silence: c.Silence[from:end], Viseme: c.Viseme[from:end]}
}

// TestReenactment drives each half of a clip with its own words and sound, with mouths from the other half only. The
// reference trial reached 1.49 (lips), 0.55 (opening), 0.60 (width) with words and sound, and 1.48, 0.52 and
// 0.51 with sound alone; 0.36 and 0.28 where the voice was another's. The tables are in part learned from these clips.
func TestReenactment(t *testing.T) {
	if os.Getenv("TWINSYNC_LONG") == "" {
		t.Skip("set TWINSYNC_LONG=1 to measure re-enactment (a minute)")
	}
	type voice struct {
		name  string
		of    float64
		mode  Mode
		least float64 // mean correlation of the opening over the folds
	}
	voices := []voice{
		{"words and sound", 1, ModeEnsemble, .55}, {"words", 1, ModeMix, .50}, {"words, nothing known of the clip", 1, ModeTable, .45},
		{"sound", 1, ModeSound, .45}, {"sound, lower voice", .85, ModeSound, .38}, {"sound, higher voice", 1.2, ModeSound, .38},
	}
	sums := make([]agreement, len(voices))
	folds := 0.
	for _, c := range talkers {
		f := watched(t, c.file, c.words)
		t.Logf("%s: words fit with %.2f", c.file, f.Timing.Score)
		n := f.Analysis.Video.Frames
		for h := range 2 {
			folds++
			for i, v := range voices {
				var other *speech.Sound
				if v.of != 1 {
					other = &speech.Sound{Rate: int(float64(f.Sound.Rate) * v.of), Samples: f.Sound.Samples}
				}
				a := reenact(t, f, h*n/2, (h+1)*n/2, v.mode, other)
				t.Logf("  %-34s lips %.2f %%, opening %.2f, width %.2f, spread %.2f, p b m %+.4f", v.name, a.lips, a.open, a.width, a.spread, a.closed)
				s := &sums[i]
				s.lips, s.open, s.width, s.spread, s.closed = s.lips+a.lips, s.open+a.open, s.width+a.width, s.spread+a.spread, s.closed+a.closed
			}
		}
		// The picture moved against the sound, all of the clip and eight seconds of it.
		for _, move := range []int{-6, 0, 6} {
			for _, length := range []int{n, int(8 * f.FPS)} {
				g := f.without(length, n)
				shift := -float64(move) / f.FPS
				g.Sound, g.Timing = earlier(f.Sound, f.Timing, -shift)
				l, err := newLibrary(t.Context(), []Footage{g}, nil)
				if err != nil {
					t.Fatal(err)
				}
				l.learnOffset(0)
				if got := l.clips[0].offset; !l.clips[0].sure || got < c.late+move-1 || got > c.late+move+1 {
					t.Errorf("%s, %d frames, moved by %d: %d (sure: %v), not about %d", c.file, length, move, got, l.clips[0].sure, c.late+move)
				}
			}
		}
	}
	for i, v := range voices {
		s := sums[i]
		t.Logf("%-36s lips %.2f %%, opening %.2f, width %.2f, spread %.2f, p b m %+.4f", v.name, s.lips/folds, s.open/folds, s.width/folds, s.spread/folds, s.closed/folds)
		if s.open/folds < v.least {
			t.Errorf("%s: the opening correlates with %.2f, less than %.2f", v.name, s.open/folds, v.least)
		}
		if v.mode != ModeSound && s.closed/folds > .005 {
			t.Errorf("%s: lips stay %.4f apart at p, b and m", v.name, s.closed/folds)
		}
	}
}

// earlier is sound and timing moved earlier by some seconds; later where they are negative.
func earlier(s *speech.Sound, t *speech.Timing, seconds float64) (*speech.Sound, *speech.Timing) {
	o := &speech.Sound{Rate: s.Rate}
	if n := int(seconds * float64(s.Rate)); n > 0 {
		o.Samples = s.Samples[n:]
	} else {
		o.Samples = append(make([]float32, -n), s.Samples...)
	}
	u := &speech.Timing{Score: t.Score}
	for _, p := range t.Phones {
		if p.Start-seconds >= 0 {
			u.Phones = append(u.Phones, speech.Phone{IPA: p.IPA, Start: p.Start - seconds, End: p.End - seconds})
		}
	}
	return o, u
}
