package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// turningClip is the analysis of somebody who turns from one side to the other, blinks in the
// middle of each pose and speaks in the first half of it.
func turningClip(frames int) *face.Analysis {
	t := face.Track{Sharpness: 2}
	for i := range frames {
		yaw := -.6 + 1.2*float32(i)/float32(frames-1)
		m := meshAt(320, 240, 14, yaw, 1)
		switch {
		case i%20 < 8:
			m = opened(m, .15)
		case i%20 < 12: // shut lids
			for _, p := range [][2]int{{159, 145}, {386, 374}} {
				m[p[0]] = m[p[1]]
			}
		}
		t.Faces = append(t.Faces, face.Observation{Frame: i, Mesh: m, Pose: face.FitPose(&m), Box: m.Bounds(), Confidence: 1, Sharpness: 2})
	}
	return &face.Analysis{Video: face.VideoInfo{W: 640, H: 480, Frames: frames}, Tracks: []face.Track{t}, People: []face.Person{{}}}
}

func TestSourceFramesShowEveryPoseAtItsBest(t *testing.T) {
	a := turningClip(120)
	got := SourceFrames(a, 0, MostSourceFrames)
	if len(got) < 5 || len(got) > MostSourceFrames {
		t.Fatalf("%d frames are picked", len(got))
	}
	lo, hi := float32(0), float32(0)
	for _, s := range got {
		if s.Frame%20 < 12 {
			t.Errorf("frame %d is picked, in which the mouth is open or the eyes are shut", s.Frame)
		}
		lo, hi = min(lo, s.Yaw), max(hi, s.Yaw)
	}
	if lo > -.4 || hi < .4 {
		t.Errorf("yaws from %.2f to %.2f of −.6 to .6 are picked", lo, hi)
	}
	if y := got[0].Yaw; math.Abs(float64(y)) > binWidth/2 {
		t.Errorf("the first frame is turned by %.2f", y)
	}
}

func TestSourceFramesLeaveOutWhatIsBad(t *testing.T) {
	a := turningClip(120)
	for i := range a.Tracks[0].Faces {
		o := &a.Tracks[0].Faces[i]
		switch {
		case i < 40:
			o.Confidence = .5 // bridged
		case i < 60:
			o.Box.X = -5 // cut off
		}
	}
	for _, s := range SourceFrames(a, 0, 8) {
		if s.Frame < 60 {
			t.Errorf("frame %d is picked", s.Frame)
		}
	}
	if got := SourceFrames(a, 1, 8); got != nil {
		t.Errorf("frames of nobody: %v", got)
	}
	if got := SourceFrames(a, 0, 2); len(got) != 2 {
		t.Errorf("%d frames instead of 2", len(got))
	}
}

func TestSourceFramesAreOfTheClearestSamples(t *testing.T) {
	// Footage in which everything but the last frames is nearly dark.
	footage := newClip(smallLayout, pix.Colour{}, 60, paleFace)
	tr := &footage.analysis.Tracks[0]
	for i := range tr.Textures {
		if x := &tr.Textures[i]; x.Frame < 40 {
			for k := range x.RGB {
				x.RGB[k] /= 8
			}
		}
	}
	footage.analysis.Video = face.VideoInfo{W: smallLayout.W, H: smallLayout.H}
	got := SourceFrames(footage.analysis, 0, 1)
	if len(got) != 1 || got[0].Frame < 39 {
		t.Errorf("picked %+v", got)
	}
}
