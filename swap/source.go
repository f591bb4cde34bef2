package swap

import (
	"cmp"
	"math"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// MostSourceFrames is how many frames of a clip are worth taking: more change little, and each costs
// a fifth of a second.
const MostSourceFrames = 8

// SourceFrame is a frame of a clip that shows a person well.
type SourceFrame struct {
	Frame int     // in the clip
	Yaw   float32 // of the head, radians
	Score float32 // 0…1; only their order means anything
	Mesh  *face.Mesh
}

// What a frame must be like to be a source. Poses are sorted into bins of binWidth; a frame is
// taken when it is not much worse than the best of all.
const (
	binWidth     = .26 // radians, 15°
	mostTurned   = 1.0 // radians, 57°
	leastOfBest  = .06 // of the best frame's score, for the first of a pose,
	leastOfSame  = .3  // and for further ones
	sureSource   = .6  // face.Observation.Confidence; frames that were bridged have .5 at most
	stillMotion  = .03
	apartFrames  = 10   // between two frames of one pose
	largeEyes    = 120  // pixels of eye distance from which size does not matter any more
	dimSkin      = -2.6 // log light, about 7 %: darker skin frames count less
	burntSkin    = -.12 // log light of skin that is burnt out
	openLids     = .75  // of the person's usual opening of the eyes
	pitchSpread  = .25  // radians
	textureReach = 20   // frames for which a sample of the skin tells
	coveredLost  = .7   // light that changes while a head turns can look like something in front
)

// SourceFrames picks the frames of a clip that together show a person best: for each pose of the
// head that is seen the best one, then further ones, at most n, the front first. Frames are good when
// the face is large, sharp, still, surely found, lit neither too dim nor too bright, covered by
// nothing, with open eyes and a closed mouth. Only the analysis is looked at. An unknown person
// gives none.
func SourceFrames(a *face.Analysis, person, n int) []SourceFrame {
	var all []SourceFrame
	for i := range a.Tracks {
		if t := &a.Tracks[i]; t.Person == person && len(t.Faces) > 0 {
			all = append(all, scoreTrack(a, t)...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(x, y SourceFrame) int { return cmp.Compare(y.Score, x.Score) })
	most := all[0].Score
	var picked []SourceFrame
	take := func(s SourceFrame, perPose int) {
		least := leastOfBest * most
		if perPose > 1 {
			least = leastOfSame * most
		}
		if len(picked) >= n || s.Score < least {
			return
		}
		same := 0
		for _, p := range picked {
			if p.bin() == s.bin() {
				same++
			}
			if d := p.Frame - s.Frame; max(d, -d) < apartFrames {
				return
			}
		}
		if same < perPose {
			picked = append(picked, s)
		}
	}
	// Round by round: the best of each pose, then the second best.
	for perPose := 1; perPose <= 3; perPose++ {
		for _, s := range all {
			take(s, perPose)
		}
	}
	slices.SortStableFunc(picked, func(x, y SourceFrame) int {
		return cmp.Or(cmp.Compare(max(x.bin(), -x.bin()), max(y.bin(), -y.bin())), cmp.Compare(y.Score, x.Score))
	})
	return picked
}

func (s SourceFrame) bin() int { return int(math.Round(float64(s.Yaw / binWidth))) }

// scoreTrack judges every frame of a track.
func scoreTrack(a *face.Analysis, t *face.Track) []SourceFrame {
	lids := make([]float32, len(t.Faces))
	for k := range t.Faces {
		lids[k] = lidOpening(&t.Faces[k].Mesh)
	}
	usual := nth(slices.Clone(lids), len(lids)*7/10)
	skin := skinSamples(t)
	var out []SourceFrame
	for k := range t.Faces {
		o := &t.Faces[k]
		yaw := max(o.Pose.Yaw, -o.Pose.Yaw)
		if o.Confidence < sureSource || yaw > mostTurned {
			continue
		}
		b := o.Box
		if b.X < 0 || b.Y < 0 || a.Video.W > 0 && (b.X+b.W > float32(a.Video.W) || b.Y+b.H > float32(a.Video.H)) {
			continue // cut off
		}
		eye := o.Mesh.EyeDistance()
		motion := float32(0)
		for _, j := range []int{k - 1, k + 1} {
			if j >= 0 && j < len(t.Faces) {
				motion = max(motion, moved(&o.Mesh, &t.Faces[j].Mesh)/eye)
			}
		}
		motion /= stillMotion
		pitch := o.Pose.Pitch / pitchSpread
		s := o.Confidence * min(1, eye/largeEyes) * exp(-.5*pitch*pitch) * exp(-motion*motion) *
			exp(-openLost*max(0, mouthOpening(&o.Mesh)-openMouth/2)) *
			pix.SmoothStep(lids[k]/max(usual, 1e-3), .4, openLids) *
			min(1, .3+o.Sharpness/max(t.Sharpness, .1)*.7) * worthNear(skin, o.Frame)
		if s > 0 {
			out = append(out, SourceFrame{Frame: o.Frame, Yaw: o.Pose.Yaw, Score: s, Mesh: &o.Mesh})
		}
	}
	return out
}

// lidOpening is the mean distance of the lids over the width of the eye.
func lidOpening(m *face.Mesh) float32 {
	gap := func(up, low, outer, inner int) float32 {
		return distance(m[up], m[low]) / max(distance(m[outer], m[inner]), 1e-3)
	}
	return (gap(159, 145, 33, 133) + gap(386, 374, 263, 362)) / 2
}

func distance(a, b pix.Vec3) float32 {
	x, y, z := float64(a.X-b.X), float64(a.Y-b.Y), float64(a.Z-b.Z)
	return float32(math.Sqrt(x*x + y*y + z*z))
}

// moved is how far the nose and the outer corners of the eyes moved in the picture, in pixels.
func moved(a, b *face.Mesh) float32 {
	d := float32(0)
	for _, i := range []int{4, 33, 263} {
		p, q := a[i], b[i]
		p.Z, q.Z = 0, 0
		d = max(d, distance(p, q))
	}
	return d
}

// skinSample is what one sample of a track's skin tells about frames near it.
type skinSample struct {
	frame int
	worth float32 // 0…1
}

// skinSamples judges the samples: how sharp, how well lit, how much covered.
func skinSamples(t *face.Track) []skinSample {
	curve := pix.NewCurve(pix.SDR) // only bright and dark are told apart
	g, ok := newTarget(t, curve)
	if !ok {
		return nil
	}
	var out []skinSample
	var edges []float32
	for i := range t.Textures {
		one := &face.Track{Textures: t.Textures[i : i+1]}
		samples, seen := (&target{r: g.r}).readSamples(one, curve)
		if len(samples) == 0 {
			continue
		}
		_, covered := g.occluded(&samples[0], seen[0])
		m := samples[0].mean(g.weight)
		light := (m[0] + m[1] + m[2]) / 3
		edges = append(edges, g.r.edgeStrength(samples[0].luma()))
		out = append(out, skinSample{t.Textures[i].Frame, (1 - coveredLost*pix.SmoothStep(covered, .02, .4)) *
			(.2 + .8*pix.SmoothStep(light, dimSkin-1, dimSkin)) * (1 - .8*pix.SmoothStep(light, burntSkin-.2, burntSkin))})
	}
	sharpest := float32(1e-6)
	for _, e := range edges {
		sharpest = max(sharpest, e)
	}
	for i, e := range edges {
		out[i].worth *= e / sharpest * e / sharpest
	}
	return out
}

// worthNear is that of the sample nearest to a frame; where none is near, the median of all: what
// was not looked at may be no better than what was. 1 without samples.
func worthNear(list []skinSample, frame int) float32 {
	if len(list) == 0 {
		return 1
	}
	nearest, worth := textureReach+1, float32(0)
	all := make([]float32, len(list))
	for i, s := range list {
		all[i] = s.worth
		d := s.frame - frame
		if d = max(d, -d); d < nearest {
			nearest, worth = d, s.worth
		}
	}
	if nearest <= textureReach {
		return worth
	}
	return nth(all, len(all)/2)
}
