package face

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// staged films a photo: each frame shows a square of it, so that where every point of the
// photo lies in every frame is known exactly.
func staged(t testing.TB, photo *pix.Frame, n int, squares []pix.Square) []*pix.Frame {
	t.Helper()
	var s pix.Sampler
	rgb := make([]float32, 3*n*n)
	var out []*pix.Frame
	for _, sq := range squares {
		s.Crop(rgb, photo, sq, n, pix.SampleOptions{})
		f := pix.NewFrame(pix.Layout{W: n, H: n, Depth: 8}, pix.Colour{Matrix: pix.BT601, Full: true})
		for i := range n * n {
			r, g, b := rgb[3*i], rgb[3*i+1], rgb[3*i+2]
			y := .299*r + .587*g + .114*b
			for p, v := range [3]float32{y, .5 + (b-y)/1.772, .5 + (r-y)/1.402} {
				f.Planes[p].P8[i] = uint8(max(0, min(255, 255*v+.5)))
			}
		}
		out = append(out, f)
	}
	return out
}

func TestTrackingFollowsKnownMotion(t *testing.T) {
	m := models(t, DefaultOptions())
	photo := portrait(t, testmedia.Bea)
	stills, err := Photo(t.Context(), m, photo)
	if err != nil || len(stills) != 1 {
		t.Fatalf("%d faces, %v", len(stills), err)
	}
	still := &stills[0].Mesh
	mid := stills[0].Box.centre()
	const n, frames = 360, 40
	for name, at := range map[string]func(i float64) pix.Square{
		"roll of 35 degrees": func(i float64) pix.Square {
			return pix.Square{X: mid.X, Y: mid.Y, Side: 560, Angle: float32(.61 * math.Sin(i/6))}
		},
		"pan and zoom": func(i float64) pix.Square {
			return pix.Square{X: mid.X + float32(110*math.Sin(i/8)), Y: mid.Y + float32(40*math.Cos(i/5)), Side: float32(650 + 280*math.Sin(i/12))}
		},
		"shake": func(i float64) pix.Square {
			return pix.Square{X: mid.X + float32(25*math.Sin(i*2.1)), Y: mid.Y + float32(20*math.Cos(i*1.7)), Side: 560}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var squares []pix.Square
			for i := range frames {
				squares = append(squares, at(float64(i)))
			}
			o := NewObserver(m, 0, 25)
			for _, f := range staged(t, photo, n, squares) {
				if err := o.Observe(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
			a, err := Join([]*Observations{o.Finish()}, VideoInfo{}, 25)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Tracks) != 1 || len(a.Tracks[0].Faces) != frames || len(a.Shots) != 1 {
				t.Fatalf("%d tracks in %d shots", len(a.Tracks), len(a.Shots))
			}
			var mean, worst float64
			for i, f := range a.Tracks[0].Faces {
				off := 0.0
				for k := range MeshPoints {
					p := squares[i].ToCrop(n, still[k].XY())
					off += math.Hypot(float64(p.X-f.Mesh[k].X), float64(p.Y-f.Mesh[k].Y)) / MeshPoints
				}
				off /= float64(f.Mesh.EyeDistance())
				mean += off / frames
				worst = max(worst, off)
				roll := float64(stills[0].Pose.Roll) - float64(squares[i].Angle)
				if d := math.Remainder(float64(f.Pose.Roll)-roll, 2*math.Pi); math.Abs(d) > .05 {
					t.Errorf("frame %d: roll %.3f, want %.3f", i, f.Pose.Roll, roll)
				}
			}
			t.Logf("points are off by %.4f of the eye distance, at worst %.4f", mean, worst)
			if mean > .025 || worst > .05 {
				t.Errorf("points are off by %.4f of the eye distance, at worst %.4f", mean, worst)
			}
		})
	}
}

// The face turns by quarters, as films from phones without a rotation tag do.
func TestTurnedFramesAreFound(t *testing.T) {
	m := models(t, DefaultOptions())
	photo := portrait(t, testmedia.Bea)
	stills, err := Photo(t.Context(), m, photo)
	if err != nil || len(stills) != 1 {
		t.Fatalf("%d faces, %v", len(stills), err)
	}
	upright := stills[0].Pose
	for _, turn := range []float64{-math.Pi / 2, math.Pi / 2, math.Pi} {
		sq := pix.Square{X: float32(photo.W) / 2, Y: float32(photo.H) / 2, Side: 600, Angle: float32(turn)}
		f := staged(t, photo, 320, []pix.Square{sq})[0]
		o := NewObserver(m, 0, 25)
		if err := o.Observe(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		out := o.Finish()
		if out.Faces() != 1 {
			t.Fatalf("turned by %.2f: %d faces", turn, out.Faces())
		}
		mesh := out.tracks[0].seen[0].mesh()
		pose := FitPose(&mesh)
		if d := math.Remainder(float64(pose.Roll-upright.Roll)+turn, 2*math.Pi); math.Abs(d) > .05 {
			t.Errorf("turned by %.2f: roll %.2f", turn, pose.Roll)
		}
	}
}

func (b Box) centre() pix.Vec2 { return pix.Vec2{X: b.X + b.W/2, Y: b.Y + b.H/2} }
