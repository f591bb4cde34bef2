package lipsync

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

// talking is an analysis of a face whose mouth does what a timing says, with late frames of delay, in n
// frames of a 160×160 picture at 25 a second.
func talking(n, late int, t *speech.Timing) *face.Analysis {
	a := standing(n)
	c := speech.MouthCurves(t, n, 25, 0)
	for i := range a.Tracks[0].Faces {
		m := &a.Tracks[0].Faces[i].Mesh
		for k := range face.MeshPoints {
			m[k] = a.Tracks[0].Faces[i].Pose.At(a.Tracks[0].Neutral[k])
		}
		k := min(max(i-late, 0), n-1)
		open, wide := 6*c.Jaw[k], 4*(c.Width[k]-.5)
		// Below the line between the lips all goes down, to the sides everything goes out.
		middle := m[13].Y
		for _, j := range ShapePoints() {
			if m[j].Y > middle+.05 {
				m[j].Y += open
			}
			m[j].X += wide * (m[j].X - m[13].X) / 14
		}
	}
	return a
}

// sentence repeats some words that open, close, round and spread the lips, with a pause in between.
func sentence(seconds float64) *speech.Timing {
	t := new(speech.Timing)
	at := .2
	for i := 0; at < seconds-.5; i++ {
		for _, p := range []string{"m", "ɑː", "p", "iː", "w", "ʌ", "s", "ʃ", "uː", "b", "æ", "f", "eɪ", "t", "ɔː"} {
			d := .07 + .03*float64((i*7+len(p)*5+int(at*10))%5)
			t.Phones = append(t.Phones, speech.Phone{IPA: p, Start: at, End: at + d})
			at += d
		}
		at += .5
	}
	return t
}

// kept collects all mouths of an analysis from made-up frames.
func kept(t *testing.T, a *face.Analysis) *Mouths {
	t.Helper()
	l := pix.Layout{W: 160, H: 160, SubX: 1, SubY: 1, Depth: 8}
	path := filepath.Join(t.TempDir(), "mouths")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(f, 0, a, Choose(a, 0, l, 1<<30))
	for i := range a.Video.Frames {
		if err := c.Add(i, noise(l, pix.Colour{}, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	m, err := OpenMouths(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func forward(n int) []int {
	b := make([]int, n)
	for i := range b {
		b[i] = i
	}
	return b
}

func TestPlanFollowsTheWords(t *testing.T) {
	words := sentence(12)
	a := talking(300, 0, words)
	m := kept(t, a)
	f := []Footage{{Analysis: a, FPS: 25, Timing: words}}
	// Other words than those of the footage, in another order.
	say := new(speech.Timing)
	for i, p := range words.Phones {
		q := words.Phones[(i*11+5)%len(words.Phones)]
		say.Phones = append(say.Phones, speech.Phone{IPA: q.IPA, Start: p.Start, End: p.End})
	}
	for _, mode := range []Mode{"", ModeTable} {
		p, err := NewPlan(context.Background(), f, m, Wish{Base: forward(250), Timing: say, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		c := speech.MouthCurves(say, 250, 25, lead)
		v := &face.Canonical().Vertices
		shut := float64((v[14].Y - v[13].Y) / (v[454].X - v[234].X)) // the canonical face does not close its lips
		var want, got []float64
		for k := range p.Frames {
			if i := p.Frames[k].Mouth; i >= 0 {
				q := m.Filmed(i)
				want = append(want, float64(c.Jaw[k]))
				got = append(got, gap(&q.Mesh, 13, 14)/gap(&q.Mesh, 234, 454))
				if c.Close[k] > .9 && got[len(got)-1] > shut+.006 {
					t.Errorf("%s: frame %d must close and has a gap of %.3f face widths", p.Report.Mode, k, got[len(got)-1])
				}
			}
		}
		if r := correlation(want, got); r < .8 {
			t.Errorf("%s: mouths follow the words with a correlation of %.2f", p.Report.Mode, r)
		}
		if len(p.Report.Warnings) != 0 {
			t.Errorf("warnings: %q", p.Report.Warnings)
		}
	}
}

// A recording with its words, on footage that is heard but whose words nobody knows.
func TestFootageThatIsOnlyHeard(t *testing.T) {
	words := sentence(12)
	a := talking(300, 0, words)
	m := kept(t, a)
	jaw := speech.MouthCurves(words, 300, 25, 0).Jaw
	heard := &speech.Sound{Rate: 16000, Samples: make([]float32, 12*16000)}
	for i := range heard.Samples { // a voice of 125 Hz with an open vowel's formants, as loud as the mouth is open
		at := float64(i) / 16000
		for k := 1; k <= 24; k++ {
			f := 125 * float64(k)
			first, second := (f-750)/150, (f-1300)/200
			tone := 1/(1+first*first) + .5/(1+second*second)
			heard.Samples[i] += float32(.1 * tone * math.Sin(2*math.Pi*f*at))
		}
		heard.Samples[i] *= .02 + jaw[min(int(at*25), 299)]
	}
	f := []Footage{{Analysis: a, FPS: 25, Sound: heard}}
	p, err := NewPlan(context.Background(), f, m, Wish{Base: forward(250), Sound: heard, Timing: words})
	if err != nil {
		t.Fatal(err)
	}
	if p.Report.Mode != ModeHeard {
		t.Errorf("mode %q", p.Report.Mode)
	}
	c := speech.MouthCurves(words, 250, 25, lead)
	var want, got []float64
	for k := range p.Frames {
		if i := p.Frames[k].Mouth; i >= 0 {
			q := m.Filmed(i)
			want, got = append(want, float64(c.Jaw[k])), append(got, gap(&q.Mesh, 13, 14)/gap(&q.Mesh, 234, 454))
		}
	}
	if r := correlation(want, got); r < .6 {
		t.Errorf("mouths follow the words with a correlation of %.2f", r)
	}
}

func TestPictureThatIsLateIsFound(t *testing.T) {
	words := sentence(12)
	for _, late := range []int{-6, -1, 0, 6} {
		a := talking(300, late, words)
		p, err := NewPlan(context.Background(), []Footage{{Analysis: a, FPS: 25, Timing: words}}, kept(t, a),
			Wish{Base: forward(50), Timing: words})
		if err != nil {
			t.Fatal(err)
		}
		o := p.Report.Offsets[0]
		if !o.Corrected || o.Frames < late-1 || o.Frames > late+1 {
			t.Errorf("late by %d: %+v", late, o)
		}
		if told := len(p.Report.Warnings) > 0; told != (late == 6 || late == -6) {
			t.Errorf("late by %d: %q", late, p.Report.Warnings)
		}
	}
}

func TestPausesGoBackToWhatWasFilmed(t *testing.T) {
	// The footage rests from frame 100 on.
	words := sentence(4.5)
	a := talking(300, 0, words)
	say := &speech.Timing{Phones: []speech.Phone{{IPA: "ɑː", Start: 1, End: 3}, {IPA: "ɑː", Start: 8, End: 9}}}
	p, err := NewPlan(context.Background(), []Footage{{Analysis: a, FPS: 25, Timing: words}}, kept(t, a), Wish{Base: forward(300), Timing: say})
	if err != nil {
		t.Fatal(err)
	}
	// 6 s … 7 s: nothing is said and the original rests.
	for k := 150; k < 170; k++ {
		if p.Frames[k].Mouth != -1 {
			t.Fatalf("frame %d shows mouth %d", k, p.Frames[k].Mouth)
		}
	}
	// 0 s … 0.8 s: nothing is said, but the original talks: one mouth is held.
	held := map[int]int{}
	for k := range 18 {
		held[p.Frames[k].Mouth]++
		if p.Frames[k].Amount != 1 && p.Frames[k].Mouth >= 0 && k > 8 {
			t.Errorf("frame %d: amount %v", k, p.Frames[k].Amount)
		}
	}
	if len(held) > 3 {
		t.Errorf("the pause shows %d mouths", len(held))
	}
	for k := 26; k < 72; k++ {
		if f := p.Frames[k]; f.Mouth < 0 || f.Amount < .9 {
			t.Fatalf("frame %d is spoken and shows %+v", k, f)
		}
	}
	if p.Report.HandedBack < 40 || p.Report.Pauses < 100 {
		t.Errorf("%+v", p.Report)
	}
}

func TestLostFacesAndCutsAreLeftAlone(t *testing.T) {
	words := sentence(12)
	a := talking(300, 0, words)
	// The face is away from 100 to 119, in the middle of a shot; a cut lies before 200.
	whole := a.Tracks[0]
	part := func(first, end, shot int) face.Track {
		tr := whole
		tr.Faces = whole.Faces[first:end]
		tr.Shot = shot
		return tr
	}
	a.Tracks = []face.Track{part(0, 100, 0), part(120, 200, 0), part(200, 300, 1)}
	a.Shots = []face.Shot{{First: 0, End: 200}, {First: 200, End: 300}}
	p, err := NewPlan(context.Background(), []Footage{{Analysis: a, FPS: 25, Timing: words}}, kept(t, a), Wish{Base: forward(300), Timing: &speech.Timing{
		Phones: []speech.Phone{{IPA: "ɑː", Start: 0, End: 12}}}})
	if err != nil {
		t.Fatal(err)
	}
	for k := 100; k < 120; k++ {
		if p.Frames[k].Mouth != -1 || p.Head(k) != nil {
			t.Fatalf("frame %d has no face and shows %+v", k, p.Frames[k])
		}
	}
	if v := p.Frames[99].Amount; v > .3 || p.Frames[90].Amount != 1 {
		t.Errorf("the mouth leaves at once: %v", v)
	}
	if p.Frames[199].Amount != 1 || p.Frames[200].Amount != 1 {
		t.Errorf("a cut is no reason to fade: %v, %v", p.Frames[199].Amount, p.Frames[200].Amount)
	}
}

func TestPlanIsTheSameAgainAndOnDisk(t *testing.T) {
	words := sentence(8)
	a := talking(200, 0, words)
	m := kept(t, a)
	make1 := func() *Plan {
		p, err := NewPlan(context.Background(), []Footage{{Analysis: a, FPS: 25, Timing: words}}, m, Wish{Base: forward(150), Timing: words})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var one, two, half bytes.Buffer
	p := make1()
	for b, q := range map[*bytes.Buffer]*Plan{&one: p, &two: make1(), &half: p.Part(50, 80)} {
		if err := q.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two plans of one wish differ")
	}
	file := bytes.Clone(half.Bytes())
	q, err := ReadPlan(&half)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p.Frames[50:80], q.Frames); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(p.Model, q.Model); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(p.Report, q.Report); d != "" {
		t.Error(d)
	}
	for k := range q.Frames {
		x, y := p.Head(50+k), q.Head(k)
		if x.Pose != y.Pose {
			t.Fatal("pose")
		}
		for i := range x.Mesh {
			if math.Abs(float64(x.Mesh[i].X-y.Mesh[i].X)) > headStep || math.Abs(float64(x.Mesh[i].Z-y.Mesh[i].Z)) > headStep {
				t.Fatalf("point %d: %v, %v", i, x.Mesh[i], y.Mesh[i])
			}
		}
		if i := q.Frames[k].Mouth; i >= 0 {
			mouth, err := q.Mouth(m, i)
			if err != nil {
				t.Fatal(err)
			}
			if mouth.Pixels.W != mouth.Box.W() || len(mouth.Shape) != len(p.Model.Basis) {
				t.Fatal("mouth")
			}
		}
	}
	for at := 0; at < len(file); at += 211 {
		b := bytes.Clone(file)
		b[at] ^= 1
		if _, err := ReadPlan(bytes.NewReader(b)); !fault.Is(err, fault.Internal) {
			t.Fatalf("a change at %d of %d was not seen: %v", at, len(b), err)
		}
	}
}

func TestClosedMouthsBorrowMovements(t *testing.T) {
	a := talking(100, 0, nil) // nothing is said
	p, err := NewPlan(context.Background(), []Footage{{Analysis: a, FPS: 25}}, kept(t, a), Wish{Base: forward(90), Timing: sentence(3.5)})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Model.Borrowed || !p.Report.Borrowed || len(p.Report.Warnings) == 0 {
		t.Fatalf("%+v", p.Report)
	}
	// Shapes open although no filmed mouth does.
	var most float64
	for _, f := range p.Frames {
		if f.Mouth < 0 {
			continue
		}
		x, y := 0., 0.
		for i, v := range ShapePoints() {
			for k, c := range f.Shape {
				if v == 13 {
					x += float64(c * p.Model.Basis[k][2*i+1])
				}
				if v == 14 {
					y += float64(c * p.Model.Basis[k][2*i+1])
				}
			}
		}
		most = max(most, y-x)
	}
	if most < .03 {
		t.Errorf("the widest shape opens by %.3f face widths", most)
	}
}

func TestNoMouthIsSaid(t *testing.T) {
	a := standing(4)
	_, err := NewPlan(context.Background(), []Footage{{Analysis: a, FPS: 25}}, &Mouths{}, Wish{Base: forward(4)})
	if !fault.Is(err, fault.NoUsableMouth) {
		t.Error(err)
	}
}

func TestTables(t *testing.T) {
	b := Standard().Bytes()
	if !bytes.Equal(b, tablesFile) {
		t.Error("the tables change when they are written again")
	}
	for _, n := range []int{0, 5, 20, len(b) / 2, len(b) - 1} {
		if _, err := ParseTables(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken", n, len(b))
		}
	}
	for k, v := range ordinarySpeech() {
		if len(v) < 200 || v[0] < 0 || v[len(v)-1] > 1 {
			t.Errorf("descriptor %d of ordinary speech: %d values, %v to %v", k, len(v), v[0], v[len(v)-1])
		}
	}
}

func TestWatchGivesWhatIsLearnedFrom(t *testing.T) {
	words := sentence(8)
	w, err := Watch(context.Background(), Footage{Analysis: talking(200, 3, words), FPS: 25, Timing: words})
	if err != nil {
		t.Fatal(err)
	}
	if w.Offset != 3 || w.Correlation < .9 || len(w.Frames) < 100 || len(w.Context) != len(w.Frames) || w.Sound != nil {
		t.Fatalf("offset %d, correlation %.2f, %d frames, %d contexts", w.Offset, w.Correlation, len(w.Frames), len(w.Context))
	}
	var jaw, open []float64
	for i := range w.Frames {
		jaw = append(jaw, w.Context[i][3*contextKeys]) // in the frame itself
		open = append(open, w.Descriptors[i][0])
	}
	if r := correlation(jaw, open); r < .99 {
		t.Errorf("what is said and what is seen correlate with %.3f", r)
	}
}

func TestFramesOfChangingRateKeepTheirTime(t *testing.T) {
	// Every fourth frame of 25 a second is left out: words are where they are said all the same.
	words := sentence(16)
	whole := talking(400, 0, words)
	a := *whole
	var times []float64
	tr := whole.Tracks[0]
	tr.Faces = nil
	for i, o := range whole.Tracks[0].Faces {
		if i%4 != 3 || i > 200 { // the first half only: the mean rate fits nowhere
			o.Frame = len(times)
			tr.Faces = append(tr.Faces, o)
			times = append(times, float64(i)/25)
		}
	}
	a.Tracks = []face.Track{tr}
	a.Video.Frames = len(times)
	f := Footage{Analysis: &a, FPS: float64(len(times)) / 16, Timing: words}
	blind, _, err := Moves(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	f.Times = times
	told, sure, err := Moves(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	if !sure || told < .9 || told < blind+.1 {
		t.Errorf("the mouth moves with the words by %.2f (%.2f without the times)", told, blind)
	}
}
