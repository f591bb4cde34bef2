package lipsync

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// A thumb's size in cells.
const (
	thumbW = 48
	thumbH = 36
)

// What a thumb shows, in face widths around the middle between the corners of the mouth.
const (
	thumbSpan = .46 // across
	thumbUp   = .33 // of the span, above the corners
	thumbDown = .42 // of the span, below
)

// Thumb is a mouth as seen from the front, always at the same place: what joins, teeth, light and sharpness
// are judged by. Y, U and V on an 8-bit scale, row by row; U and V are 128 without chroma.
type Thumb [3][thumbW * thumbH]uint8

// makeThumb samples a frame. neutral is the track's own face (face.Track.Neutral), which pose puts into
// the frame.
func makeThumb(f *pix.Frame, neutral *face.Shape, pose *face.Pose) *Thumb {
	wide := neutral[454].X - neutral[234].X
	span := thumbSpan * wide
	cx, cy := (neutral[61].X+neutral[291].X)/2, (neutral[61].Y+neutral[291].Y)/2
	at := func(u, v float32) pix.Vec3 {
		return pose.At(pix.Vec3{X: cx + span*(u-.5), Y: cy + span*((thumbUp+thumbDown)*v-thumbUp), Z: neutral[13].Z})
	}
	o, ox, oy := at(0, 0), at(1, 0), at(0, 1)
	ex := pix.Vec2{X: (ox.X - o.X) / thumbW, Y: (ox.Y - o.Y) / thumbW} // one cell
	ey := pix.Vec2{X: (oy.X - o.X) / thumbH, Y: (oy.Y - o.Y) / thumbH}
	// Cells are averaged over n×n samples, about one per pixel.
	n := int(math.Ceil(float64(max(float32(math.Hypot(float64(ex.X), float64(ex.Y))), float32(math.Hypot(float64(ey.X), float64(ey.Y)))))))
	n = min(max(n, 1), 12)

	t := new(Thumb)
	for p := range t {
		pl := &f.Planes[p]
		if p > 0 && f.Mono {
			for i := range t[p] {
				t[p][i] = 128
			}
			continue
		}
		taps := n
		if p > 0 {
			taps = max(1, n>>f.SubX)
		}
		shift := f.Depth - 8
		for y := range thumbH {
			for x := range thumbW {
				sum := 0
				for j := range taps {
					for i := range taps {
						u := float32(x) + (float32(i)+.5)/float32(taps)
						v := float32(y) + (float32(j)+.5)/float32(taps)
						px, py := o.X+u*ex.X+v*ey.X, o.Y+u*ex.Y+v*ey.Y
						if p > 0 {
							px, py = f.ChromaAt(px, py)
						}
						sum += pl.At(clampInt(px, pl.W), clampInt(py, pl.H))
					}
				}
				t[p][y*thumbW+x] = uint8(min(255, (sum/(taps*taps))>>shift))
			}
		}
	}
	return t
}

// clampInt is the sample next to a coordinate.
func clampInt(v float32, n int) int { return min(max(int(v+.5), 0), n-1) }
