package face

import (
	"context"

	"github.com/twinsync/twinsync/pix"
)

// againRounds of the mesh network from a place nearby bring it to rest.
const againRounds = 2

// Again lays the mesh once more on a face that near tells the place of, as for another version of a
// frame whose faces are known. Nothing is remembered from call to call and no face is looked
// for elsewhere. The confidence is 0…1, and 0 where no face lies; it says that the mesh fits what is seen
// there, not who that is.
func Again(ctx context.Context, m *Models, f *pix.Frame, near *Mesh) (Mesh, float32, error) {
	l := &lens{m: m}
	sq := near.square()
	var s *sight
	for range againRounds {
		var err error
		if s, err = l.mesh(ctx, f, sq); err != nil {
			return Mesh{}, 0, err
		}
		if !s.plausible() {
			return s.mesh, 0, nil
		}
		sq = s.mesh.square()
	}
	return s.mesh, s.confidence(), nil
}
