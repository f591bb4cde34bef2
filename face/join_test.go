package face

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

// joined is Join for tests: every part is n frames long.
func joined(t *testing.T, n int, parts ...[]*track) *Analysis {
	t.Helper()
	j := NewJoiner(VideoInfo{}, 25)
	for i, tracks := range parts {
		j.Add(&Observations{First: i * n, End: (i + 1) * n, W: 1280, H: 720, tracks: tracks})
	}
	a, err := j.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestJoinLinksOverBorders(t *testing.T) {
	// Two people cross three stretches; each goes on where it was.
	a := joined(t, 30,
		[]*track{acted(0, 30, 300, 300, 2, 0), acted(0, 30, 900, 300, -2, 1)},
		[]*track{acted(30, 30, 840, 300, -2, 1), acted(30, 30, 360, 300, 2, 0)},
		[]*track{acted(60, 30, 420, 300, 2, 0), acted(60, 30, 780, 300, -2, 1)})
	if len(a.Tracks) != 2 || len(a.People) != 2 || len(a.Shots) != 1 {
		t.Fatalf("%d tracks, %d people, %d shots", len(a.Tracks), len(a.People), len(a.Shots))
	}
	for _, tr := range a.Tracks {
		if len(tr.Faces) != 90 {
			t.Errorf("track %d has %d faces", tr.ID, len(tr.Faces))
		}
		for i, f := range tr.Faces {
			if f.Frame != i {
				t.Fatalf("face %d is in frame %d", i, f.Frame)
			}
			want := 300 + 2*float64(i)
			if tr.Faces[0].Pose.T.X > 600 {
				want = 900 - 2*float64(i)
			}
			if math.Abs(float64(f.Pose.T.X)-want) > .3 {
				t.Fatalf("track %d, frame %d: x = %.2f, want %.2f", tr.ID, i, f.Pose.T.X, want)
			}
		}
	}
}

func TestJoinBridgesShortGapsOnly(t *testing.T) {
	a := joined(t, 60, []*track{acted(0, 20, 300, 300, 2, 0), acted(24, 20, 348, 300, 2, 0)})
	if len(a.Tracks) != 1 || len(a.Tracks[0].Faces) != 44 {
		t.Fatalf("a gap of 4 frames: %d tracks", len(a.Tracks))
	}
	if f := a.Tracks[0].Faces[22]; f.Confidence > .6 || math.Abs(float64(f.Pose.T.X)-344) > 1 {
		t.Errorf("bridged frame: confidence %.2f, x = %.1f", f.Confidence, f.Pose.T.X)
	}
	a = joined(t, 60, []*track{acted(0, 20, 300, 300, 2, 0), acted(40, 20, 380, 300, 2, 0)})
	if len(a.Tracks) != 2 || len(a.People) != 1 {
		t.Errorf("a gap of 20 frames: %d tracks of %d people", len(a.Tracks), len(a.People))
	}
	// Somebody else in the same place is somebody else.
	a = joined(t, 60, []*track{acted(0, 20, 300, 300, 0, 0), acted(22, 20, 300, 300, 0, 1)})
	if len(a.Tracks) != 2 || len(a.People) != 2 {
		t.Errorf("another person: %d tracks of %d people", len(a.Tracks), len(a.People))
	}
}

func TestJoinTakesApartAFade(t *testing.T) {
	// One track that begins as one person and ends as another.
	fade := acted(0, 48, 300, 300, 0, 0).append(acted(48, 48, 300, 300, 0, 1))
	a := joined(t, 96, []*track{fade})
	if len(a.Tracks) != 2 || len(a.People) != 2 {
		t.Fatalf("%d tracks of %d people", len(a.Tracks), len(a.People))
	}
	if at := a.Tracks[1].Faces[0].Frame; at < 36 || at > 60 {
		t.Errorf("taken apart at frame %d", at)
	}
	if n := len(a.Tracks[0].Faces) + len(a.Tracks[1].Faces); n != 96 {
		t.Errorf("%d faces of 96", n)
	}
}

func TestJoinTakesApartAJumpCutAtTheJump(t *testing.T) {
	jump := acted(0, 41, 300, 300, .2, 0).append(acted(41, 55, 330, 300, .2, 1))
	a := joined(t, 96, []*track{jump})
	if len(a.Tracks) != 2 || a.Tracks[1].Faces[0].Frame != 41 {
		t.Fatalf("%d tracks, the second from frame %d, want 41", len(a.Tracks), a.Tracks[len(a.Tracks)-1].Faces[0].Frame)
	}
}

func TestJoinCutsAtBorders(t *testing.T) {
	p := []*Observations{
		{First: 0, End: 30, W: 1280, H: 720, tracks: []*track{acted(0, 30, 300, 300, 0, 0)}},
		{First: 30, End: 60, W: 1280, H: 720, tracks: []*track{acted(30, 30, 300, 300, 0, 0)}, cuts: []int{45}},
	}
	for i := range p[0].tail.luma {
		p[0].tail.luma[i], p[1].head.luma[i] = uint8(i*37), uint8(i*91+i*i)
	}
	a, err := Join([]*Observations{p[1], p[0]}, VideoInfo{}, 25)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Shots) != 3 || a.Shots[1] != (Shot{30, 45}) {
		t.Errorf("shots %v", a.Shots)
	}
	if len(a.Tracks) != 3 || len(a.People) != 1 || a.People[0].Frames != 60 {
		t.Errorf("%d tracks, people %v", len(a.Tracks), a.People)
	}
	for _, tr := range a.Tracks {
		s := a.Shots[tr.Shot]
		if tr.Faces[0].Frame < s.First || tr.Faces[len(tr.Faces)-1].Frame >= s.End {
			t.Errorf("track %d leaves its shot", tr.ID)
		}
	}
	if len(p[0].tracks[0].seen) != 30 {
		t.Error("Join changed what it was given")
	}
}

func TestJoinDropsFalseAlarmsAndKeepsEdges(t *testing.T) {
	a := joined(t, 60, []*track{acted(20, 2, 300, 300, 0, 0)})
	if len(a.Tracks) != 0 {
		t.Error("two frames in the middle of a shot are no face")
	}
	a = joined(t, 60, []*track{acted(58, 2, 300, 300, 0, 0)})
	if len(a.Tracks) != 1 {
		t.Error("somebody who comes at the end was dropped")
	}
	a = joined(t, 1, []*track{acted(0, 1, 300, 300, 0, 0)})
	if len(a.Tracks) != 1 || len(a.Tracks[0].Faces) != 1 || a.Tracks[0].Faces[0].Pose.Scale < 5 || a.Tracks[0].Faces[0].Box.W < 50 {
		t.Errorf("a video of one frame: %+v", a.Tracks)
	}
}

func TestJoinOrdersPeople(t *testing.T) {
	big := acted(0, 60, 300, 300, 0, 5)
	for i := range big.seen {
		m := placed(0, 0, 0, 30, [3]float64{300, 300, 0})
		big.seen[i] = pack(&m, .9, 2)
	}
	a := joined(t, 60, []*track{acted(0, 60, 900, 300, 0, 4), big, acted(0, 10, 700, 600, 0, 6)})
	if len(a.People) != 3 {
		t.Fatalf("%d people", len(a.People))
	}
	if tr := a.Tracks[a.People[0].BestTrack]; tr.Faces[0].Box.W < 300 || tr.Person != 0 {
		t.Error("the largest person is not the first")
	}
	if a.People[2].Frames != 10 {
		t.Error("the person seen least is not the last")
	}
	// The same embedding twice in one frame is two people all the same.
	a = joined(t, 60, []*track{acted(0, 60, 300, 300, 0, 1), acted(0, 60, 900, 300, 0, 1)})
	if len(a.People) != 2 {
		t.Errorf("two faces in one frame: %d people", len(a.People))
	}
}

func TestJoinRefusesGaps(t *testing.T) {
	for name, parts := range map[string][]*Observations{
		"gap":     {{First: 0, End: 10}, {First: 11, End: 20}},
		"overlap": {{First: 0, End: 10}, {First: 9, End: 20}},
		"size":    {{First: 0, End: 10, W: 640, H: 360}, {First: 10, End: 20, W: 320, H: 180}},
	} {
		if _, err := Join(parts, VideoInfo{}, 25); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := Join(nil, VideoInfo{}, 0)
	if err != nil || len(a.People) != 0 {
		t.Errorf("nothing: %v", err)
	}
}

func TestJoinerKeepsFewTextures(t *testing.T) {
	j := NewJoiner(VideoInfo{}, 25)
	j.most = 20
	for i := range 10 {
		j.Add(&Observations{First: 60 * i, End: 60 * (i + 1), W: 640, H: 360, tracks: []*track{acted(60*i, 60, 300, 200, 0, 0)}})
		if j.textures > 20 {
			t.Fatalf("%d textures are kept", j.textures)
		}
	}
	a, err := j.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(a.Tracks[0].Textures); len(a.Tracks) != 1 || n < 5 || n > 20 {
		t.Errorf("%d textures in %d tracks", n, len(a.Tracks))
	}
	if x := a.Tracks[0].Textures; x[len(x)-1].Frame < 400 {
		t.Error("the textures are not spread over the track")
	}
}
