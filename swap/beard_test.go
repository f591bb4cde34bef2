package swap

import (
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// The fade at the jaw is wider where the footage has a beard that the photo has not, and only there.
func TestBeardsGrowOutUnderTheFade(t *testing.T) {
	_, g, _ := scene(t, paleFace)
	bare, err := darkIdentity()
	if err != nil {
		t.Fatal(err)
	}
	chin, cheek := face.Canonical().UV[199], face.Canonical().UV[118]
	at := func(m pix.Map, p pix.Vec2) float32 { return m.Bilinear(p.X*(targetSide-1), p.Y*(targetSide-1)) }
	if m := g.bearded(bare); at(m, chin) > .05 {
		t.Errorf("without a beard the fade is wider by %.2f", at(m, chin))
	}
	grown := *g
	grown.reference = g.reference.clone()
	grown.skin = g.skin.Clone()
	nose := face.Canonical().UV[2].Y
	for i := range grown.skin.Pix {
		if u, v := g.r.v(i%targetSide)-.5, g.r.v(i/targetSide); v > nose+.03 && max(u, -u) < .25 {
			grown.skin.Pix[i] = 0
			for k := range grown.reference {
				grown.reference[k].Pix[i] -= .9
			}
		}
	}
	m := grown.bearded(bare)
	if at(m, chin) < .8 || at(m, cheek) > .15 {
		t.Errorf("with a beard: chin %.2f, cheek %.2f", at(m, chin), at(m, cheek))
	}
}
