package quality

import (
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Who is missed is the face that no track has, not the largest of those that are there.
func TestMissedIsTheFaceWithoutATrack(t *testing.T) {
	lie := func(x, side float32) (m face.Mesh) {
		for v := range m {
			m[v] = pix.Vec3{X: x + side*float32(3*v%5)/5, Y: side * float32(v%7) / 7}
		}
		return m
	}
	big, small := lie(0, 200), lie(400, 80)
	a := &face.Analysis{Tracks: []face.Track{{Person: 1, Faces: []face.Observation{{Frame: 0, Mesh: big}}}}}
	faces := []face.PhotoFace{{Mesh: big}, {Mesh: small}}
	if got := missedOf(a, 0, faces); got != &faces[1].Pose {
		t.Errorf("missed is %v, want the small face", got)
	}
	if got := missedOf(a, 0, faces[:1]); got != nil {
		t.Error("a face that is followed passes for missed")
	}
	if got := missedOf(a, 1, faces); got != &faces[0].Pose {
		t.Error("in a frame without tracks the largest face is missed")
	}
}
