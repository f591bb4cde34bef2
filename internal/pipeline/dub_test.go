package pipeline

import (
	"math"
	"testing"
)

// TestDucked: the original is soft around what is dubbed, and in short gaps between it, and back elsewhere, without a jump.
func TestDucked(t *testing.T) {
	segments := []DubSegment{{Start: 2, End: 3, At: 1.8, Seconds: 1}, {Start: 3.8, End: 5, At: 3.8, Seconds: 1.5}}
	gain := ducked(segments, 10, -20)
	for at, want := range map[float64]float64{0: 1, 1.2: 1, 1.6: .1, 2.5: .1, 3.4: .1, 5.4: .1, 5.9: 1, 9: 1} {
		if got := float64(gain[int(at*duckRate+.5)]); math.Abs(got-want) > .01 {
			t.Errorf("at %.1f s: %.3f, want %.3f", at, got, want)
		}
	}
	for i := 1; i < len(gain); i++ {
		if math.Abs(float64(gain[i]-gain[i-1])) > .05 {
			t.Errorf("jumps at %.3f s", float64(i)/duckRate)
		}
	}
	if own := undubbed(segments, 250, 25); own[0] != 1 || own[60] != 0 || own[225] != 1 {
		t.Errorf("undubbed %v", own)
	}
}
