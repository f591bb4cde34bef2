package swap

import (
	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Shares of a gate's cell and its neighbours that the mesh must cover for the blend to begin and to
// work fully there.
const beyondNone, beyondFull = .3, .75

// closeBeyond closes a gate outside of the mesh as it is seen: where a turned head ends against
// what lies behind it, no band of the blend may pass its silhouette. Elsewhere the new face has
// faded to nothing before the mesh ends. The mouth's opening counts as covered.
func (l *layer) closeBeyond(g gate, mesh *[face.MeshPoints]pix.Vec3) {
	covered := pix.NewMap(g.m.W, g.m.H)
	share := 1 / float32(g.cell*g.cell)
	for y := range l.box.H() {
		row := covered.Row(y / g.cell)
		line := l.surface.Tri[y*l.surface.W : y*l.surface.W+l.box.W()]
		for c := 0; c*g.cell < len(line); c++ {
			n := float32(0)
			for _, t := range line[c*g.cell : min((c+1)*g.cell, len(line))] {
				if t >= 0 {
					n++
				}
			}
			row[c] += n * share
		}
	}
	fc := float32(g.cell)
	mouth := make([]pix.Vec2, 0, 20)
	for _, i := range face.InnerLips() {
		mouth = append(mouth, pix.Vec2{
			X: (mesh[i].X-float32(l.box.X0)+.5)/fc - .5,
			Y: (mesh[i].Y-float32(l.box.Y0)+.5)/fc - .5,
		})
	}
	covered.Max(pix.FillPolygon(covered.W, covered.H, mouth, 1, 1))
	pix.Blur(covered, covered, .5)
	for i, c := range covered.Pix {
		g.m.Pix[i] *= pix.SmoothStep(c, beyondNone, beyondFull)
	}
}
