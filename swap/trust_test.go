package swap

import (
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

func TestTrust(t *testing.T) {
	face0 := func(change func(o *face.Observation)) *face.Observation {
		m := meshAt(80, 80, 6, 0, 1)
		o := &face.Observation{Mesh: m, Pose: face.FitPose(&m), Confidence: 1}
		change(o)
		return o
	}
	clear := []*view{{}, {}, {}}
	hidden := []*view{{covered: .9}, {covered: .9}, nil}
	for _, c := range []struct {
		name  string
		o     *face.Observation
		views []*view
		sure  bool
		why   Reason
	}{
		{"frontal", face0(func(*face.Observation) {}), clear, true, ""},
		{"half turned", face0(func(o *face.Observation) { o.Pose.Yaw = -.6 }), clear, true, ""},
		{"at 45°", face0(func(o *face.Observation) { o.Pose.Yaw = .78 }), clear, true, ""},
		{"at 60°", face0(func(o *face.Observation) { o.Pose.Yaw = -1.05 }), clear, false, TurnedAway},
		{"profile", face0(func(o *face.Observation) { o.Pose.Yaw = 1.4 }), clear, false, TurnedAway},
		{"looking down", face0(func(o *face.Observation) { o.Pose.Pitch = 1.3 }), clear, false, TurnedAway},
		{"doubtful", face0(func(o *face.Observation) { o.Confidence = .1 }), clear, false, Uncertain},
		{"covered", face0(func(*face.Observation) {}), hidden, false, Covered},
		{"tiny", face0(func(o *face.Observation) { o.Mesh = meshAt(80, 80, .5, 0, 1) }), clear, false, TooSmall},
	} {
		got, why := trust([]*face.Observation{c.o, c.o, c.o}, c.views, 1, 2)
		if (got >= leastTrust) != c.sure || (!c.sure && why != c.why) {
			t.Errorf("%s: %.2f, %s", c.name, got, why)
		}
	}
}

func TestSwapIsWholeWithin45DegreesAndFadesSlowly(t *testing.T) {
	// A head that turns by 4° a frame, as fast as heads do.
	m := meshAt(80, 80, 6, 0, 1)
	var seen []*face.Observation
	var views []*view
	for i := range 24 {
		o := &face.Observation{Mesh: m, Pose: face.FitPose(&m), Confidence: 1}
		o.Pose.Yaw = .07 * float32(i)
		seen, views = append(seen, o), append(views, &view{})
	}
	last := float32(1)
	for i, o := range seen {
		lo, hi := max(0, i-lookAhead), min(len(seen), i+lookAhead+1)
		got, _ := trust(seen[lo:hi], views[lo:hi], i-lo, 2)
		weight := pix.SmoothStep(got, leastTrust, fullTrust)
		if o.Pose.Yaw < .75 && weight < .99 {
			t.Errorf("at %.2f the swap is only %.2f", o.Pose.Yaw, weight)
		}
		if o.Pose.Yaw > 1.1 && weight > 0 {
			t.Errorf("at %.2f the swap is still %.2f", o.Pose.Yaw, weight)
		}
		if weight > last || last-weight > .5 {
			t.Errorf("at %.2f the swap goes from %.2f to %.2f", o.Pose.Yaw, last, weight)
		}
		last = weight
	}
}
