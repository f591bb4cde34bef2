package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Below leastTrust a face is left as it is, from fullTrust on it is swapped fully; between
// the two the swap fades, so that nothing jumps.
const leastTrust, fullTrust = .12, .45

// Where trust fades: mesh confidence, turn of the head (radians), covered share of the face,
// eye distance in pixels.
const (
	sureLow, sureFull  = .2, .6
	turnFull, turnNone = .25, 1.24 // fully swapped up to .78 (45°), left from 1.03 (59°) on: far enough
	// apart that a turning head fades in several frames
	turnKnown               = .78 // up to here coverage is about what lies in front
	coveredFade, coveredAll = .45, .75
	sizeNone, sizeFull      = 8, 16
)

// trust is how far a swap of this face in this frame can look right, 0…1, and what limits it.
// All of it is smoothed over the neighbours, so that nothing flickers at a limit and the swap fades
// before something arrives; what really arrives fast counts at once.
func trust(seen []*face.Observation, views []*view, at int, sigma float64) (float32, Reason) {
	covered, sure, turn, nod, size, sum := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	for k, v := range views {
		if v != nil {
			d := float64(k-at) / sigma
			w := math.Exp(-.5 * d * d)
			sum += w
			covered += w * float64(v.covered)
			sure += w * float64(seen[k].Confidence)
			turn += w * math.Abs(float64(seen[k].Pose.Yaw))
			nod += w * math.Abs(float64(seen[k].Pose.Pitch))
			size += w * float64(seen[k].Mesh.EyeDistance())
		}
	}
	mean := func(v float64) float32 { return float32(v / sum) }
	worst, reason := float32(1), Uncertain
	for _, c := range []struct {
		value  float32
		reason Reason
	}{
		{pix.SmoothStep(mean(sure), sureLow, sureFull), Uncertain},
		{1 - pix.SmoothStep(mean(turn), turnFull, turnNone), TurnedAway},
		{1 - pix.SmoothStep(mean(nod), turnFull, turnNone), TurnedAway},
		{1 - pix.SmoothStep(max(mean(covered), coveredNow(views, at)), coveredFade, coveredAll), Covered},
		{pix.SmoothStep(mean(size), sizeNone, sizeFull), TooSmall},
	} {
		if c.value < worst {
			worst, reason = c.value, c.reason
		}
	}
	if reason == Covered && max(mean(turn), mean(nod)) > turnKnown {
		reason = TurnedAway // half of the face is hidden by the other half
	}
	return worst, reason
}
