package face

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

// PhotoFace is a face in a still picture.
type PhotoFace struct {
	Box         Box
	Mesh        Mesh
	Pose        Pose
	Confidence  float32 // 0…1 that this is a face and the mesh lies on it
	EyeDistance float32 // pixels, outer corner to outer corner, as if seen from the front
	Sharpness   float32 // detail that can be seen when the face is 128 pixels wide; below .12 it is out of focus
	Inside      float32 // share of the face within the picture
	MouthOpen   float32 // inner lips' distance over the eye distance; .03 is about closed
	Covered     float32 // 0…1 that something lies over mouth and chin
	Luma        float32 // median of the skin's luma, 0…255
	Burnt       float32 // share of the skin that is burnt out
	Embedding   []float32
	Notes       []Note
}

// Problem names what is wrong with a photo. Part of the public interface.
type Problem string

// The problems, worst first.
const (
	TooSmall  Problem = "face_small"
	CutOff    Problem = "face_cut_off"
	Turned    Problem = "face_turned"
	CoveredUp Problem = "face_covered"
	Blurred   Problem = "face_blurred"
	Dark      Problem = "face_dark"
	BurntOut  Problem = "face_burnt_out"
	OpenMouth Problem = "mouth_open"
)

// Note says what makes a photo worse than it could be, in a sentence for its owner.
type Note struct {
	Problem Problem
	Text    string
	Fatal   bool   // the face cannot be used
	Hint    string // the way out where it is Fatal
}

// What a photo must have at least, and what it should have. Sizes are eye distances in pixels: at 24
// the whole face is 40 pixels wide and nobody is recognisable; a face on 1080p video has 80 to 200.
const (
	leastEyes, goodEyes    = 24, 80
	leastWhole, goodWhole  = .75, .97
	mostYaw, goodYaw       = .87, .60 // radians: 50° and 34°; beyond, one half of the face is only guessed
	mostPitch, goodPitch   = .80, .55
	goodSharp              = .12
	goodMouth              = .12
	wideMouth              = .25 // from here on cheeks and chin are stretched
	mostCovered, goodCover = .9, .5
	goodLuma               = 42  // of 255; the shared photos' darkest skin has 51, one that was darkened 37
	goodBurnt              = .15 // share of the skin; the shared photos have 0, one that was overexposed .67
)

// Photo finds the faces in a still, largest first. A picture without any gives none and no error:
// Usable tells what that means. At most Options.MaxFaces are returned.
func Photo(ctx context.Context, m *Models, f *pix.Frame) ([]PhotoFace, error) {
	// A still is looked at once, so the mirrored crop is always asked too.
	both := *m
	both.options.Mirror = true
	l := &lens{m: &both}
	var live []*follow
	meet := func(found []detection) (bool, error) {
		slices.SortStableFunc(found, largerFirst)
		for i := range found {
			s, err := l.meet(ctx, f, &found[i])
			if err != nil {
				return false, err
			}
			if s != nil {
				live = append(live, &follow{last: *s})
			}
		}
		return len(live) > 0, nil
	}
	found, err := l.detect(ctx, f, thorough)
	if err != nil {
		return nil, err
	}
	met, err := meet(found)
	if err == nil && !met {
		err = l.search(ctx, f, meet)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(live, func(a, b *follow) int {
		return cmp.Compare(b.last.mesh.EyeDistance(), a.last.mesh.EyeDistance())
	})
	live = distinct(live)
	var out []PhotoFace
	for _, t := range live[:min(len(live), m.options.MaxFaces)] {
		p, err := l.judgePhoto(ctx, f, &t.last)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (l *lens) judgePhoto(ctx context.Context, f *pix.Frame, s *sight) (PhotoFace, error) {
	p := PhotoFace{
		Box: s.mesh.Bounds(), Mesh: s.mesh, Pose: s.pose, Confidence: s.confidence(),
		EyeDistance: s.mesh.EyeDistance(), Inside: s.inside, MouthOpen: s.mesh.mouthOpen(),
	}
	v, err := l.view(ctx, f, s, sharpness(f, &s.mesh), 0)
	if err != nil {
		return p, err
	}
	p.Embedding = v.vector
	t := l.unwrap(f, &s.mesh, 0)
	p.Sharpness = t.detail()
	p.Covered = t.covered()
	p.Luma, p.Burnt = t.exposure()
	p.note()
	return p, nil
}

// mouthOpen is the mean distance of the inner lips over the eye distance.
func (m *Mesh) mouthOpen() float32 {
	var sum float64
	pairs := [][2]int{{82, 87}, {13, 14}, {312, 317}}
	for _, p := range pairs {
		a, b := m[p[0]], m[p[1]]
		sum += math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y))
	}
	return float32(sum/float64(len(pairs))) / max(1e-3, m.EyeDistance())
}

// note writes the sentences.
func (p *PhotoFace) note() {
	add := func(bad, fatal bool, problem Problem, text, hint string) {
		if bad || fatal {
			p.Notes = append(p.Notes, Note{problem, text, fatal, hint})
		}
	}
	abs := func(v float32) float32 { return max(v, -v) }
	yaw, pitch := abs(p.Pose.Yaw), abs(p.Pose.Pitch)
	add(p.EyeDistance < goodEyes, p.EyeDistance < leastEyes, TooSmall,
		"the face is small in the photo; one that fills a third of the picture or more gives a sharper result", "")
	add(p.Inside < goodWhole, p.Inside < leastWhole, CutOff,
		"the face is cut off by the edge of the photo; the whole face from forehead to chin should be in it",
		"Use a photo that shows the whole face from forehead to chin.")
	add(yaw > goodYaw || pitch > goodPitch, yaw > mostYaw || pitch > mostPitch, Turned,
		"the face is turned away; a photo from the front works best",
		"Use a photo in which the face looks into the camera; half of it must not be hidden.")
	add(p.Covered > goodCover, p.Covered > mostCovered, CoveredUp,
		"something covers mouth and chin in the photo; what is covered cannot be shown",
		"Use a photo without a mask, a hand or a scarf over the face.")
	add(p.Sharpness < goodSharp, false, Blurred, "the face is out of focus; the result will look soft", "")
	add(p.Luma < goodLuma, false, Dark,
		"the face is very dark in the photo, so noise takes the place of detail; a well lit photo works better", "")
	add(p.Burnt > goodBurnt, false, BurntOut,
		"parts of the face are burnt out in the photo and hold no detail; a darker photo works better", "")
	if p.MouthOpen > wideMouth {
		add(true, false, OpenMouth,
			"the mouth is wide open in the photo, so cheeks and chin will look strained; a closed mouth works best", "")
	} else {
		add(p.MouthOpen > goodMouth, false, OpenMouth, "the mouth is open in the photo; a closed mouth works best", "")
	}
}

// Usable picks the face that a photo is meant to show, the largest, or says why there is none:
// fault.NoFaceInPhoto, fault.FaceTooSmall or fault.FaceUnusable, without a Param.
func Usable(faces []PhotoFace) (*PhotoFace, error) {
	if len(faces) == 0 {
		return nil, fault.New(fault.NoFaceInPhoto, "", "no face found in the photo").
			WithHint("Use a photo that shows one face from the front, well lit and not too small.")
	}
	p := &faces[0]
	for _, n := range p.Notes {
		if !n.Fatal {
			continue
		}
		if n.Problem == TooSmall {
			return nil, fault.New(fault.FaceTooSmall, "", "the face in the photo is only %d pixels wide", int(p.Box.W+.5)).
				WithHint("Use a photo in which the face is at least %d pixels wide.", 2*leastEyes)
		}
		return nil, fault.New(fault.FaceUnusable, "", "%s", n.Text).WithHint("%s", n.Hint)
	}
	return p, nil
}
